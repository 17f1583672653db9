//! AES key wrap: RFC 3394 and, with padding, RFC 5649, for all three key lengths.

use std::mem::MaybeUninit;

use aws_lc_sys as ffi;

use crate::{Error, clear_errors, ok};

/// Bytes that wrapping adds, apart from padding.
pub const OVERHEAD: usize = 8;

/// The length of `len` bytes wrapped with padding.
pub const fn padded_len(len: usize) -> usize {
    len.next_multiple_of(8) + OVERHEAD
}

/// Wraps `data`, at least 16 bytes and a multiple of 8; `out` has 8 bytes more.
pub fn wrap(key: &[u8], data: &[u8], out: &mut [u8]) -> Result<(), Error> {
    if data.len() < 16 || !data.len().is_multiple_of(8) || data.len() > i32::MAX as usize - 8 {
        return Err(Error::BadParameter("AES key wrap takes a multiple of 8 bytes, at least 16"));
    }
    if out.len() != data.len() + OVERHEAD {
        return Err(Error::BadParameter("output length"));
    }
    let schedule = Schedule::encrypt(key)?;
    // SAFETY: the schedule is set; a null IV means the RFC's; `data` is valid for its length and
    // `out` for 8 more.
    let written = unsafe {
        let iv = std::ptr::null();
        ffi::AES_wrap_key(schedule.as_ptr(), iv, out.as_mut_ptr(), data.as_ptr(), data.len())
    };
    if usize::try_from(written) == Ok(out.len()) {
        Ok(())
    } else {
        clear_errors();
        Err(Error::Internal("AES_wrap_key"))
    }
}

/// Unwraps what [`wrap`] made; `out` has 8 bytes less.
pub fn unwrap(key: &[u8], data: &[u8], out: &mut [u8]) -> Result<(), Error> {
    if data.len() < 24 || !data.len().is_multiple_of(8) || data.len() > i32::MAX as usize {
        return Err(Error::BadData);
    }
    if out.len() != data.len() - OVERHEAD {
        return Err(Error::BadParameter("output length"));
    }
    let schedule = Schedule::decrypt(key)?;
    // SAFETY: as in `wrap`, with `out` 8 bytes shorter than `data`.
    let written = unsafe {
        let iv = std::ptr::null();
        ffi::AES_unwrap_key(schedule.as_ptr(), iv, out.as_mut_ptr(), data.as_ptr(), data.len())
    };
    if usize::try_from(written) == Ok(out.len()) {
        Ok(())
    } else {
        clear_errors();
        Err(Error::BadData)
    }
}

/// Wraps `data` of any length but zero; `out` has [`padded_len`] bytes.
pub fn wrap_padded(key: &[u8], data: &[u8], out: &mut [u8]) -> Result<(), Error> {
    if data.is_empty() || data.len() > i32::MAX as usize - 16 {
        return Err(Error::BadParameter("AES key wrap takes at least one byte"));
    }
    if out.len() != padded_len(data.len()) {
        return Err(Error::BadParameter("output length"));
    }
    let schedule = Schedule::encrypt(key)?;
    let mut written = 0;
    // SAFETY: the schedule is set; both slices are valid for the lengths passed with them.
    let result = unsafe {
        ffi::AES_wrap_key_padded(
            schedule.as_ptr(),
            out.as_mut_ptr(),
            &raw mut written,
            out.len(),
            data.as_ptr(),
            data.len(),
        )
    };
    ok(result, Error::Internal("AES_wrap_key_padded"))
}

/// Unwraps what [`wrap_padded`] made and says how many bytes of `out` are it; `out` is as long as
/// `data`.
pub fn unwrap_padded(key: &[u8], data: &[u8], out: &mut [u8]) -> Result<usize, Error> {
    if data.len() < 16 || !data.len().is_multiple_of(8) || data.len() > i32::MAX as usize {
        return Err(Error::BadData);
    }
    if out.len() < data.len() {
        return Err(Error::BadParameter("output length"));
    }
    let schedule = Schedule::decrypt(key)?;
    let mut written = 0;
    // SAFETY: the schedule is set; both slices are valid for the lengths passed with them.
    let result = unsafe {
        ffi::AES_unwrap_key_padded(
            schedule.as_ptr(),
            out.as_mut_ptr(),
            &raw mut written,
            out.len(),
            data.as_ptr(),
            data.len(),
        )
    };
    ok(result, Error::BadData)?;
    Ok(written)
}

/// An AES key schedule, wiped on drop.
struct Schedule(MaybeUninit<ffi::AES_KEY>);

impl Schedule {
    fn encrypt(key: &[u8]) -> Result<Self, Error> {
        Self::set(key, ffi::AES_set_encrypt_key)
    }

    fn decrypt(key: &[u8]) -> Result<Self, Error> {
        Self::set(key, ffi::AES_set_decrypt_key)
    }

    fn set(
        key: &[u8],
        set: unsafe extern "C" fn(*const u8, std::os::raw::c_uint, *mut ffi::AES_KEY) -> i32,
    ) -> Result<Self, Error> {
        let bits = match key.len() {
            16 => 128,
            24 => 192,
            32 => 256,
            _ => return Err(Error::BadKey("an AES key has 16, 24 or 32 bytes")),
        };
        let mut schedule = Self(MaybeUninit::zeroed());
        // SAFETY: `key` has `bits` / 8 bytes and the schedule is ours to fill.
        let result = unsafe { set(key.as_ptr(), bits, schedule.0.as_mut_ptr()) };
        if result == 0 { Ok(schedule) } else { Err(Error::Internal("AES_set_key")) }
    }

    fn as_ptr(&self) -> *const ffi::AES_KEY {
        self.0.as_ptr()
    }
}

impl Drop for Schedule {
    fn drop(&mut self) {
        // SAFETY: these bytes are ours, and any value is valid for them.
        unsafe { ffi::OPENSSL_cleanse(self.0.as_mut_ptr().cast(), size_of::<ffi::AES_KEY>()) };
    }
}
