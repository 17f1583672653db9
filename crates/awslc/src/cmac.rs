//! CMAC (SP 800-38B) over AES and 3DES.

use std::ptr;

use aws_lc_sys as ffi;

use crate::{Error, ok};

/// The block cipher under a CMAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block {
    /// AES with a key of 16, 24 or 32 bytes.
    Aes,
    /// 3DES with a key of 24 bytes.
    TripleDes,
}

/// A CMAC in steps.
pub struct Cmac {
    context: *mut ffi::CMAC_CTX,
    len: usize,
}

// SAFETY: the context is owned by this value and not tied to a thread.
unsafe impl Send for Cmac {}
// SAFETY: a shared reference gives no access to the context.
unsafe impl Sync for Cmac {}

impl Cmac {
    /// Begins.
    pub fn new(block: Block, key: &[u8]) -> Result<Self, Error> {
        // SAFETY: each returns the address of a constant table of the library.
        let (table, len) = unsafe {
            match (block, key.len()) {
                (Block::Aes, 16) => (ffi::EVP_aes_128_cbc(), 16),
                (Block::Aes, 24) => (ffi::EVP_aes_192_cbc(), 16),
                (Block::Aes, 32) => (ffi::EVP_aes_256_cbc(), 16),
                (Block::TripleDes, 24) => (ffi::EVP_des_ede3_cbc(), 8),
                _ => return Err(Error::BadKey("its length does not fit the block cipher")),
            }
        };
        // SAFETY: allocates or returns null, which is checked.
        let context = unsafe { ffi::CMAC_CTX_new() };
        if context.is_null() {
            return Err(Error::Internal("CMAC_CTX_new"));
        }
        let this = Self { context, len };
        // SAFETY: the context is live, `key` valid for its length, `table` a constant.
        let result = unsafe {
            let at = key.as_ptr().cast();
            ffi::CMAC_Init(this.context, at, key.len(), table, ptr::null_mut())
        };
        ok(result, Error::Internal("CMAC_Init"))?;
        Ok(this)
    }

    /// Adds data.
    pub fn update(&mut self, data: &[u8]) -> Result<(), Error> {
        // SAFETY: the context is live and initialised; `data` is valid for its length.
        let result = unsafe { ffi::CMAC_Update(self.context, data.as_ptr(), data.len()) };
        ok(result, Error::Internal("CMAC_Update"))
    }

    /// Ends and gives the MAC: 16 bytes for AES, 8 for 3DES.
    pub fn finish(self) -> Result<Vec<u8>, Error> {
        let mut out = vec![0; 16];
        let mut len = out.len();
        // SAFETY: a CMAC is one block, at most 16 bytes.
        let result = unsafe { ffi::CMAC_Final(self.context, out.as_mut_ptr(), &raw mut len) };
        ok(result, Error::Internal("CMAC_Final"))?;
        if len != self.len {
            return Err(Error::Internal("CMAC_Final"));
        }
        out.truncate(len);
        Ok(out)
    }
}

impl Drop for Cmac {
    fn drop(&mut self) {
        // SAFETY: allocated in `new`, freed once; free wipes the key schedule.
        unsafe { ffi::CMAC_CTX_free(self.context) };
    }
}
