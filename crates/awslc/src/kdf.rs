//! HKDF (RFC 5869) and PBKDF2 (RFC 8018) over any hash function.

use std::num::NonZeroU32;

use aws_lc_sys as ffi;

use crate::digest::Md;
use crate::{Error, ok};

/// HKDF, extract then expand, filling `out`, at most 255 times the hash's length.
pub fn hkdf(md: Md, secret: &[u8], salt: &[u8], info: &[u8], out: &mut [u8]) -> Result<(), Error> {
    supported(md)?;
    if out.len() > 255 * md.output_len() {
        return Err(Error::BadParameter("HKDF gives at most 255 times the hash's length"));
    }
    // SAFETY: every slice is valid for the length passed with it; `md` is a constant table.
    let result = unsafe {
        ffi::HKDF(
            out.as_mut_ptr(),
            out.len(),
            md.as_ptr(),
            secret.as_ptr(),
            secret.len(),
            salt.as_ptr(),
            salt.len(),
            info.as_ptr(),
            info.len(),
        )
    };
    ok(result, Error::Internal("HKDF"))
}

/// PBKDF2 with HMAC, filling `out`.
pub fn pbkdf2(
    md: Md,
    password: &[u8],
    salt: &[u8],
    iterations: NonZeroU32,
    out: &mut [u8],
) -> Result<(), Error> {
    supported(md)?;
    // SAFETY: every slice is valid for the length passed with it; `md` is a constant table.
    let result = unsafe {
        ffi::PKCS5_PBKDF2_HMAC(
            password.as_ptr().cast(),
            password.len(),
            salt.as_ptr(),
            salt.len(),
            iterations.get(),
            md.as_ptr(),
            out.len(),
            out.as_mut_ptr(),
        )
    };
    ok(result, Error::Internal("PKCS5_PBKDF2_HMAC"))
}

/// HMAC inside the library knows no RIPEMD-160 and no MD4.
fn supported(md: Md) -> Result<(), Error> {
    if matches!(md, Md::Md4 | Md::Ripemd160) {
        return Err(Error::Unsupported("HMAC over this hash"));
    }
    Ok(())
}
