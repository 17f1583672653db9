//! The C edge of the cryptography: the AWS-LC functions that `aws-lc-rs` does not offer.
//!
//! Everything here is a safe function or type over one family of C functions. No pointer leaves
//! the crate, lengths are checked before the call, and every object of the library is owned by a
//! Rust value that frees it. Which algorithm may be used for what is not decided here; that a
//! call is meaningful (key length, IV length, tag length) is.
//!
//! It is not for use outside `strongroom-crypto`, which chooses between this and `aws-lc-rs`.
//!
//! ```
//! use strongroom_awslc::digest::{Md, digest};
//!
//! assert_eq!(digest(Md::Sha1, &[b"ab", b"c"])?.as_slice()[..4], [0xa9, 0x99, 0x3e, 0x36]);
//! # Ok::<(), strongroom_awslc::Error>(())
//! ```
#![deny(unsafe_op_in_unsafe_fn)]
#![warn(clippy::undocumented_unsafe_blocks)]

mod bn;
mod buffer;
pub mod chacha;
pub mod cipher;
pub mod cmac;
pub mod digest;
pub mod kdf;
pub mod pkey;
pub mod wrap;

pub use buffer::Buffer;

/// What went wrong, as coarse as the library's answer: a failed check never says which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The library does not have the algorithm, or not in this combination.
    #[error("{0} is not supported")]
    Unsupported(&'static str),
    /// A key that the library refuses: wrong length, not on the curve, not a key.
    #[error("bad key: {0}")]
    BadKey(&'static str),
    /// A parameter out of range: IV, tag, label, length, iteration count.
    #[error("bad parameter: {0}")]
    BadParameter(&'static str),
    /// The data failed its check: tag, padding, signature, integrity of a wrapped key.
    #[error("the data failed its check")]
    BadData,
    /// The library failed where it should not: out of memory, or no entropy.
    #[error("the cryptographic library failed in {0}")]
    Internal(&'static str),
}

/// The C convention of this library: one is success.
pub(crate) fn ok(result: std::os::raw::c_int, error: Error) -> Result<(), Error> {
    if result == 1 {
        Ok(())
    } else {
        clear_errors();
        Err(error)
    }
}

/// Empties the thread's error queue, which nobody reads.
pub(crate) fn clear_errors() {
    // SAFETY: touches thread-local state of the library only.
    unsafe { aws_lc_sys::ERR_clear_error() };
}
