//! Hash functions and HMAC over any of them.
//!
//! SHA-256 has a form without allocation and without failure, for the journal's chains.

use std::mem::MaybeUninit;
use std::os::raw::{c_uint, c_void};
use std::ptr;

use aws_lc_sys as ffi;

use crate::{Error, ok};

/// A hash function of the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names say it")]
pub enum Md {
    Md4,
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    Sha512_224,
    Sha512_256,
    Sha3_224,
    Sha3_256,
    Sha3_384,
    Sha3_512,
    Ripemd160,
}

impl Md {
    /// Every hash function.
    pub const ALL: [Self; 14] = [
        Self::Md4,
        Self::Md5,
        Self::Sha1,
        Self::Sha224,
        Self::Sha256,
        Self::Sha384,
        Self::Sha512,
        Self::Sha512_224,
        Self::Sha512_256,
        Self::Sha3_224,
        Self::Sha3_256,
        Self::Sha3_384,
        Self::Sha3_512,
        Self::Ripemd160,
    ];

    /// Output length in bytes.
    pub const fn output_len(self) -> usize {
        match self {
            Self::Md4 | Self::Md5 => 16,
            Self::Sha1 | Self::Ripemd160 => 20,
            Self::Sha224 | Self::Sha512_224 | Self::Sha3_224 => 28,
            Self::Sha256 | Self::Sha512_256 | Self::Sha3_256 => 32,
            Self::Sha384 | Self::Sha3_384 => 48,
            Self::Sha512 | Self::Sha3_512 => 64,
        }
    }

    pub(crate) fn as_ptr(self) -> *const ffi::EVP_MD {
        // SAFETY: each returns the address of a constant table of the library.
        unsafe {
            match self {
                Self::Md4 => ffi::EVP_md4(),
                Self::Md5 => ffi::EVP_md5(),
                Self::Sha1 => ffi::EVP_sha1(),
                Self::Sha224 => ffi::EVP_sha224(),
                Self::Sha256 => ffi::EVP_sha256(),
                Self::Sha384 => ffi::EVP_sha384(),
                Self::Sha512 => ffi::EVP_sha512(),
                Self::Sha512_224 => ffi::EVP_sha512_224(),
                Self::Sha512_256 => ffi::EVP_sha512_256(),
                Self::Sha3_224 => ffi::EVP_sha3_224(),
                Self::Sha3_256 => ffi::EVP_sha3_256(),
                Self::Sha3_384 => ffi::EVP_sha3_384(),
                Self::Sha3_512 => ffi::EVP_sha3_512(),
                Self::Ripemd160 => ffi::EVP_ripemd160(),
            }
        }
    }
}

/// A hash or MAC value, kept without allocation and wiped on drop, since it may be a key.
pub struct Output {
    bytes: [u8; 64],
    len: usize,
}

impl Output {
    fn empty() -> Self {
        Self { bytes: [0; 64], len: 0 }
    }

    /// The value.
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&self.bytes)
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        // SAFETY: these 64 bytes are ours, and any value is valid for them.
        unsafe { ffi::OPENSSL_cleanse(self.bytes.as_mut_ptr().cast(), self.bytes.len()) };
    }
}

/// Hashes the parts as if they were one string.
pub fn digest(md: Md, parts: &[&[u8]]) -> Result<Output, Error> {
    let mut hasher = Hasher::new(md)?;
    for part in parts {
        hasher.update(part)?;
    }
    hasher.finish()
}

/// A hash computation in steps.
pub struct Hasher(*mut ffi::EVP_MD_CTX);

// SAFETY: the context is owned by this value and not tied to a thread.
unsafe impl Send for Hasher {}
// SAFETY: a shared reference gives no access to the context.
unsafe impl Sync for Hasher {}

impl Hasher {
    /// Begins.
    pub fn new(md: Md) -> Result<Self, Error> {
        // SAFETY: allocates or returns null, which is checked.
        let context = unsafe { ffi::EVP_MD_CTX_new() };
        if context.is_null() {
            return Err(Error::Internal("EVP_MD_CTX_new"));
        }
        let this = Self(context);
        // SAFETY: the context is live and `md` a constant table.
        let result = unsafe { ffi::EVP_DigestInit_ex(this.0, md.as_ptr(), ptr::null_mut()) };
        ok(result, Error::Internal("EVP_DigestInit_ex"))?;
        Ok(this)
    }

    /// Adds data.
    pub fn update(&mut self, data: &[u8]) -> Result<(), Error> {
        // SAFETY: the context is live and initialised; `data` is valid for its length.
        let result = unsafe { ffi::EVP_DigestUpdate(self.0, data.as_ptr().cast(), data.len()) };
        ok(result, Error::Internal("EVP_DigestUpdate"))
    }

    /// Ends and gives the hash.
    pub fn finish(self) -> Result<Output, Error> {
        let mut output = Output::empty();
        let mut len: c_uint = 0;
        // SAFETY: no hash of the library is longer than the 64 bytes (EVP_MAX_MD_SIZE) given.
        let result =
            unsafe { ffi::EVP_DigestFinal_ex(self.0, output.bytes.as_mut_ptr(), &raw mut len) };
        ok(result, Error::Internal("EVP_DigestFinal_ex"))?;
        output.len = len as usize;
        Ok(output)
    }
}

impl Drop for Hasher {
    fn drop(&mut self) {
        // SAFETY: allocated in `new`, freed once; free wipes the state.
        unsafe { ffi::EVP_MD_CTX_free(self.0) };
    }
}

/// HMAC (RFC 2104) in steps. The library's copy of the key is wiped on drop.
pub struct Hmac(*mut ffi::HMAC_CTX);

// SAFETY: the context is owned by this value and not tied to a thread.
unsafe impl Send for Hmac {}
// SAFETY: a shared reference gives no access to the context.
unsafe impl Sync for Hmac {}

impl Hmac {
    /// Begins. Any key length is permitted, also none.
    pub fn new(md: Md, key: &[u8]) -> Result<Self, Error> {
        if matches!(md, Md::Md4 | Md::Ripemd160) {
            return Err(Error::Unsupported("HMAC over this hash"));
        }
        // SAFETY: allocates or returns null, which is checked.
        let context = unsafe { ffi::HMAC_CTX_new() };
        if context.is_null() {
            return Err(Error::Internal("HMAC_CTX_new"));
        }
        let this = Self(context);
        // A null key would mean "keep the old one"; a Rust slice is never null.
        // SAFETY: the context is live, `key` valid for its length, `md` a constant table.
        let result = unsafe {
            ffi::HMAC_Init_ex(this.0, key.as_ptr().cast(), key.len(), md.as_ptr(), ptr::null_mut())
        };
        ok(result, Error::Internal("HMAC_Init_ex"))?;
        Ok(this)
    }

    /// Adds data.
    pub fn update(&mut self, data: &[u8]) -> Result<(), Error> {
        // SAFETY: the context is live and initialised; `data` is valid for its length.
        let result = unsafe { ffi::HMAC_Update(self.0, data.as_ptr(), data.len()) };
        ok(result, Error::Internal("HMAC_Update"))
    }

    /// Ends and gives the MAC.
    pub fn finish(self) -> Result<Output, Error> {
        let mut output = Output::empty();
        let mut len: c_uint = 0;
        // SAFETY: no hash of the library is longer than the 64 bytes (EVP_MAX_MD_SIZE) given.
        let result = unsafe { ffi::HMAC_Final(self.0, output.bytes.as_mut_ptr(), &raw mut len) };
        ok(result, Error::Internal("HMAC_Final"))?;
        output.len = len as usize;
        Ok(output)
    }
}

impl Drop for Hmac {
    fn drop(&mut self) {
        // SAFETY: allocated in `new`, freed once; free wipes the state.
        unsafe { ffi::HMAC_CTX_free(self.0) };
    }
}

/// HMAC of the parts as if they were one string.
pub fn hmac(md: Md, key: &[u8], parts: &[&[u8]]) -> Result<Output, Error> {
    let mut hmac = Hmac::new(md, key)?;
    for part in parts {
        hmac.update(part)?;
    }
    hmac.finish()
}

/// SHA-256 of the parts as if they were one string; no allocation.
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut state = MaybeUninit::<ffi::SHA256_CTX>::uninit();
    let mut out = [0; 32];
    // SAFETY: Init fills the whole state, Update reads each part within its length, Final writes
    // 32 bytes. The library documents that these three always succeed.
    unsafe {
        ffi::SHA256_Init(state.as_mut_ptr());
        for part in parts {
            ffi::SHA256_Update(state.as_mut_ptr(), part.as_ptr().cast(), part.len());
        }
        ffi::SHA256_Final(out.as_mut_ptr(), state.as_mut_ptr());
        ffi::OPENSSL_cleanse(state.as_mut_ptr().cast::<c_void>(), size_of::<ffi::SHA256_CTX>());
    }
    out
}

/// Length in bytes of a prepared HMAC-SHA-256 key: the two hash states after the padded key.
pub const PREPARED_HMAC_SHA256_LEN: usize = 64;

/// Prepares a key for [`hmac_sha256`]. As secret as the key itself.
pub fn prepare_hmac_sha256(
    key: &[u8],
    prepared: &mut [u8; PREPARED_HMAC_SHA256_LEN],
) -> Result<(), Error> {
    let mut context = StackHmac::new();
    let mut len = prepared.len();
    // SAFETY: the context was initialised by HMAC_CTX_init; `key` is valid for its length;
    // `prepared` has the 64 bytes that `len` says and that SHA-256 needs.
    unsafe {
        let md = Md::Sha256.as_ptr();
        let at = context.0.as_mut_ptr();
        let failed = || Error::Internal("HMAC_get_precomputed_key");
        ok(ffi::HMAC_Init_ex(at, key.as_ptr().cast(), key.len(), md, ptr::null_mut()), failed())?;
        ok(ffi::HMAC_set_precomputed_key_export(at), failed())?;
        ok(ffi::HMAC_get_precomputed_key(at, prepared.as_mut_ptr(), &raw mut len), failed())?;
    }
    if len == PREPARED_HMAC_SHA256_LEN { Ok(()) } else { Err(Error::Internal("HMAC export")) }
}

/// HMAC-SHA-256 of the parts under a key from [`prepare_hmac_sha256`]; no allocation.
///
/// # Panics
/// If the library refuses, which for SHA-256 it has no reason to: nothing is allocated and any 64
/// bytes are a valid prepared key.
pub fn hmac_sha256(prepared: &[u8; PREPARED_HMAC_SHA256_LEN], parts: &[&[u8]]) -> [u8; 32] {
    let mut context = StackHmac::new();
    let mut out = [0; 32];
    let mut len: c_uint = 0;
    // SAFETY: the context was initialised by HMAC_CTX_init; `prepared` and each part are valid for
    // their lengths; SHA-256 writes 32 bytes.
    let done = unsafe {
        let at = context.0.as_mut_ptr();
        let md = Md::Sha256.as_ptr();
        ffi::HMAC_Init_from_precomputed_key(at, prepared.as_ptr(), prepared.len(), md) == 1
            && parts.iter().all(|part| ffi::HMAC_Update(at, part.as_ptr(), part.len()) == 1)
            && ffi::HMAC_Final(at, out.as_mut_ptr(), &raw mut len) == 1
    };
    assert!(done && len == 32, "HMAC-SHA-256 cannot fail");
    out
}

/// An HMAC context on the stack, wiped on drop.
struct StackHmac(MaybeUninit<ffi::HMAC_CTX>);

impl StackHmac {
    fn new() -> Self {
        let mut context = MaybeUninit::uninit();
        // SAFETY: HMAC_CTX_init makes any memory of this size a valid empty context. Moving it
        // afterwards is sound: it holds no pointer into itself.
        unsafe { ffi::HMAC_CTX_init(context.as_mut_ptr()) };
        Self(context)
    }
}

impl Drop for StackHmac {
    fn drop(&mut self) {
        // SAFETY: initialised in `new`; cleanup wipes it and frees nothing of ours.
        unsafe { ffi::HMAC_CTX_cleanup(self.0.as_mut_ptr()) };
    }
}
