//! [`SecretBytes`]: an immutable run of key bytes in locked memory.

use std::fmt;
use std::hint::black_box;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

use zeroize::Zeroize;

use crate::SecMemError;
use crate::arena::{self, Home, Slot};
use crate::os::Mapping;

/// Key bytes in locked, non-dumpable memory; wiped when dropped.
///
/// A clone that finds no locked memory panics, since `Clone` cannot fail; use
/// [`SecretBytes::try_clone`] wherever the number of clones is in a peer's hand.
pub struct SecretBytes {
    start: NonNull<u8>,
    len: usize,
    place: Place,
}

enum Place {
    Slot(Home),
    Large(ManuallyDrop<Mapping>),
}

// SAFETY: the bytes are owned by this value alone, like those of a `Box<[u8]>`.
unsafe impl Send for SecretBytes {}
// SAFETY: a shared reference gives only read access to bytes that never change once built.
unsafe impl Sync for SecretBytes {}

impl SecretBytes {
    /// Copies `bytes` into locked memory. The caller wipes its own copy.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, SecMemError> {
        Self::build(bytes.len(), |to| to.copy_from_slice(bytes))
    }

    /// Lets `fill` write the secret where it will stay. It is given `len` zero bytes.
    pub fn build(len: usize, fill: impl FnOnce(&mut [u8])) -> Result<Self, SecMemError> {
        let mut secret = Self::zeroed(len)?;
        fill(secret.as_mut_slice());
        Ok(secret)
    }

    /// Like [`SecretBytes::build`] for work that can fail or turns out shorter: `fill` is given
    /// `len` zero bytes and returns how many of them are the secret (at most `len`).
    pub fn try_build<E: From<SecMemError>>(
        len: usize,
        fill: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<Self, E> {
        // If `fill` fails or panics, dropping `secret` wipes whatever it wrote.
        let mut secret = Self::zeroed(len)?;
        let used = fill(secret.as_mut_slice())?.min(len);
        let (_, rest) = secret.as_mut_slice().split_at_mut(used);
        rest.zeroize();
        secret.len = used;
        Ok(secret)
    }

    /// A copy in locked memory of its own.
    pub fn try_clone(&self) -> Result<Self, SecMemError> {
        Self::from_slice(self.as_slice())
    }

    /// The bytes. Do not copy them into ordinary memory without wiping it.
    pub fn as_slice(&self) -> &[u8] {
        // SAFETY: `start` is valid for `len` bytes for as long as `self` lives (dangling and
        // aligned when `len` is 0), and they are initialised: slots start as zero.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Compares in time that depends on the lengths only.
    pub fn ct_eq(&self, other: &[u8]) -> bool {
        if self.len != other.len() {
            return false;
        }
        let difference = self
            .as_slice()
            .iter()
            .zip(other)
            .fold(0u8, |difference, (a, b)| black_box(difference | (a ^ b)));
        difference == 0
    }

    fn zeroed(len: usize) -> Result<Self, SecMemError> {
        if let Some(slot) = arena::take(len)? {
            return Ok(Self { start: slot.start, len, place: Place::Slot(slot.home) });
        }
        let mapping = arena::map_large(len)?;
        Ok(Self { start: mapping.start(), len, place: Place::Large(ManuallyDrop::new(mapping)) })
    }

    fn as_mut_slice(&mut self) -> &mut [u8] {
        // SAFETY: as in `as_slice`, and `&mut self` makes this the only reference.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

impl Drop for SecretBytes {
    fn drop(&mut self) {
        match &mut self.place {
            Place::Slot(home) => {
                // SAFETY: the slot came from `take` in `zeroed`, this is its only owner and drop
                // runs once; bytes behind `len` were never written or were wiped by `try_build`.
                unsafe { arena::release(Slot { start: self.start, home: *home }, self.len) };
            }
            Place::Large(mapping) => {
                // SAFETY: taken once, here; `self` is not used after drop.
                arena::unmap_large(unsafe { ManuallyDrop::take(mapping) });
            }
        }
    }
}

impl Clone for SecretBytes {
    #[expect(clippy::expect_used, reason = "Clone cannot fail; try_clone is the fallible way")]
    fn clone(&self) -> Self {
        self.try_clone().expect("locked memory for a copy of a secret")
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretBytes({} bytes)", self.len)
    }
}
