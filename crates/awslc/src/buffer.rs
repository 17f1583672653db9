//! Byte strings that the library allocates and wipes, and the DER writers that fill them.

use std::mem::MaybeUninit;
use std::os::raw::c_int;
use std::{ptr, slice};

use aws_lc_sys as ffi;

use crate::{Error, clear_errors};

/// Bytes owned by the library's allocator, which wipes what it frees. May hold a secret.
pub struct Buffer {
    start: *mut u8,
    len: usize,
}

// SAFETY: the bytes are owned by this value and not tied to a thread.
unsafe impl Send for Buffer {}
// SAFETY: a shared reference gives only read access to bytes that never change.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        if self.start.is_null() {
            return &[];
        }
        // SAFETY: the library allocated and wrote `len` bytes at `start`, and nobody else has them.
        unsafe { slice::from_raw_parts(self.start, self.len) }
    }

    /// A copy in ordinary memory, for what is no secret.
    pub fn to_vec(&self) -> Vec<u8> {
        self.as_slice().to_vec()
    }

    /// Allocates `len` zero bytes and lets `fill` write them and say how many it used.
    pub(crate) fn build(
        len: usize,
        fill: impl FnOnce(&mut [u8]) -> Result<usize, Error>,
    ) -> Result<Self, Error> {
        // SAFETY: allocates or returns null, which is checked.
        let start: *mut u8 = unsafe { ffi::OPENSSL_zalloc(len.max(1)) }.cast();
        if start.is_null() {
            return Err(Error::Internal("OPENSSL_zalloc"));
        }
        let mut this = Self { start, len };
        // SAFETY: `len` zero bytes were just allocated and nobody else has them.
        let used = fill(unsafe { slice::from_raw_parts_mut(start, len) })?;
        this.len = used.min(len);
        Ok(this)
    }

    /// Lets a function of the library write DER.
    pub(crate) fn marshal(
        error: Error,
        write: impl FnOnce(*mut ffi::CBB) -> c_int,
    ) -> Result<Self, Error> {
        let mut writer = MaybeUninit::<ffi::CBB>::zeroed();
        let mut this = Self { start: ptr::null_mut(), len: 0 };
        // SAFETY: the writer is ours; CBB_init makes it valid before `write` gets it, CBB_finish
        // hands its bytes over, and CBB_cleanup frees whatever it still holds.
        unsafe {
            let at = writer.as_mut_ptr();
            let done = ffi::CBB_init(at, 256) == 1
                && write(at) == 1
                && ffi::CBB_finish(at, &raw mut this.start, &raw mut this.len) == 1;
            if !done {
                ffi::CBB_cleanup(at);
                clear_errors();
                return Err(error);
            }
        }
        Ok(this)
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: allocated by the library, freed once; free wipes the bytes and ignores null.
        unsafe { ffi::OPENSSL_free(self.start.cast()) };
    }
}

/// A reader over `bytes` for the library's parsers; valid as long as `bytes`.
pub(crate) fn reader(bytes: &[u8]) -> ffi::CBS {
    let mut reader = MaybeUninit::uninit();
    // SAFETY: CBS_init fills the whole struct with this pointer and length.
    unsafe {
        ffi::CBS_init(reader.as_mut_ptr(), bytes.as_ptr(), bytes.len());
        reader.assume_init()
    }
}
