//! Locked, non-dumpable memory for key bytes.
//!
//! [`SecretBytes`] is the only form in which the key manager holds key material in the clear. Its
//! bytes live in pages that the kernel neither swaps out nor writes into a core dump, between
//! guard pages that fault on an overrun, and are overwritten when the value is dropped.
//!
//! Two kinds of page are used, the better one that the kernel offers (see [`Backing`]):
//! `memfd_secret` pages, which even the kernel's own direct map does not show, and otherwise
//! anonymous pages under `mlock` and `MADV_DONTDUMP`. A child of `fork` sees neither: the former
//! are not mapped in it at all, the latter are zero.
//!
//! It is not for bulk plaintext: data that passes through goes in ordinary buffers, because locked
//! memory is scarce (`RLIMIT_MEMLOCK`). When it runs out, callers get
//! [`SecMemError::LockedMemoryExhausted`], never unlocked memory.
//!
//! ```
//! use strongroom_secmem::SecretBytes;
//!
//! let key = SecretBytes::from_slice(&[7; 32])?;
//! assert!(key.ct_eq(&[7; 32]));
//! assert_eq!(format!("{key:?}"), "SecretBytes(32 bytes)");
//! # Ok::<(), strongroom_secmem::SecMemError>(())
//! ```
#![deny(unsafe_op_in_unsafe_fn)]
#![warn(clippy::undocumented_unsafe_blocks)]

#[cfg(not(target_os = "linux"))]
compile_error!("strongroom-secmem knows how to lock and hide memory on Linux only");

mod arena;
mod harden;
mod os;
mod secret;
mod wiping;

pub use arena::{Stats, stats};
pub use harden::{Hardening, all_memory_locked, harden_process};
pub use os::Backing;
pub use secret::SecretBytes;
pub use wiping::WipingAllocator;

/// Why no locked memory could be had.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecMemError {
    /// The kernel refused to lock another page. The operator's matter: the limit is too low.
    #[error(
        "cannot lock {wanted} more bytes of memory for keys: the limit RLIMIT_MEMLOCK is {limit}; \
         raise it (systemd: LimitMEMLOCK=, shell: ulimit -l)"
    )]
    LockedMemoryExhausted {
        /// Bytes asked of the kernel.
        wanted: usize,
        /// The limit in force, in words.
        limit: String,
    },
    /// The kernel has no memory or address space left, or refused to hide the pages from dumps.
    #[error("the system refused memory for keys: {0}")]
    System(String),
}
