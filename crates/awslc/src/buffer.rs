//! Byte strings that the library allocates and wipes, and the DER writers that fill them.

use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::os::raw::c_int;
use std::{ptr, slice};

use aws_lc_sys as ffi;

use crate::{Error, clear_errors, ok};

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

/// A reader over `bytes` for the library's parsers, which cannot outlive them.
pub(crate) struct Reader<'a> {
    reader: ffi::CBS,
    bytes: PhantomData<&'a [u8]>,
}

/// A reader over `bytes`.
pub(crate) fn reader(bytes: &[u8]) -> Reader<'_> {
    let mut reader = MaybeUninit::uninit();
    // SAFETY: CBS_init fills the whole struct with this pointer and length.
    let reader = unsafe {
        ffi::CBS_init(reader.as_mut_ptr(), bytes.as_ptr(), bytes.len());
        reader.assume_init()
    };
    Reader { reader, bytes: PhantomData }
}

impl<'a> Reader<'a> {
    /// For a parser of the library, which moves it forward within its bytes.
    pub(crate) fn as_mut_ptr(&mut self) -> *mut ffi::CBS {
        &raw mut self.reader
    }

    /// Whether everything was read.
    pub(crate) fn is_at_end(&self) -> bool {
        self.reader.len == 0
    }

    /// What is left.
    pub(crate) fn rest(&self) -> &'a [u8] {
        if self.is_at_end() {
            // An empty reader may hold any pointer.
            return &[];
        }
        // SAFETY: the library keeps its reader within the bytes it was made over, which live for 'a.
        unsafe { slice::from_raw_parts(self.reader.data, self.reader.len) }
    }

    /// Reads a DER element with this tag and gives a reader over its contents.
    pub(crate) fn element(&mut self, tag: i32, error: Error) -> Result<Self, Error> {
        let mut contents = reader(&[]);
        let tag = ffi::CBS_ASN1_TAG::try_from(tag).map_err(|_| error)?;
        // SAFETY: both readers are valid; the contents lie within the bytes of this one.
        let result = unsafe { ffi::CBS_get_asn1(self.as_mut_ptr(), contents.as_mut_ptr(), tag) };
        ok(result, error)?;
        Ok(Self { reader: contents.reader, bytes: PhantomData })
    }

    /// Reads a small DER integer.
    pub(crate) fn integer(&mut self, error: Error) -> Result<u64, Error> {
        let mut value = 0;
        // SAFETY: the reader is valid and `value` ours.
        let result = unsafe { ffi::CBS_get_asn1_uint64(self.as_mut_ptr(), &raw mut value) };
        ok(result, error)?;
        Ok(value)
    }
}
