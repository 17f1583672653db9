//! Slots of locked memory by size class.
//!
//! A class cuts chunks of pages into equal slots and keeps the free ones in a few lists, each with
//! its own lock; a thread keeps to one list, so that threads seldom meet. Lists hold addresses
//! outside the locked pages: an overrun inside a chunk cannot forge a list. Free slots are always
//! zero. Chunks start small and double, so that a small limit is not eaten by one class, and are
//! never given back: the number of keys in use at once is what it is.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use zeroize::Zeroize;

use crate::SecMemError;
use crate::os::{Backing, Mapping, page_size};

/// Slot sizes in bytes. Anything longer has a mapping of its own.
const CLASSES: [usize; 8] = [32, 64, 128, 256, 512, 1024, 2048, 4096];
const SHARDS: usize = 8;
/// First and largest chunk in bytes. 16 KiB × 8 classes is a small part of the usual 8 MiB limit.
const FIRST_CHUNK: usize = 16 * 1024;
const LARGEST_CHUNK: usize = 1024 * 1024;

/// What the arena holds, for `status` and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Bytes of locked pages.
    pub bytes_locked: usize,
    /// Secrets alive.
    pub slots_in_use: usize,
    /// The kind of page last handed out, or none when no secret was ever made.
    pub backing: Option<Backing>,
}

/// Where a slot came from.
#[derive(Clone, Copy)]
pub(crate) enum Home {
    /// No bytes at all.
    Nowhere,
    /// A slot of this class.
    Class(u8),
}

/// An owned run of locked, zeroed bytes. Given back by [`release`].
pub(crate) struct Slot {
    pub(crate) start: NonNull<u8>,
    pub(crate) home: Home,
}

struct Address(NonNull<u8>);
// SAFETY: the address of a free slot; no thread has a claim on it, whoever pops it owns it.
unsafe impl Send for Address {}

struct Growth {
    next_chunk: usize,
    chunks: Vec<Mapping>,
}

struct Class {
    shards: [Shard; SHARDS],
    growth: Mutex<Growth>,
}

/// A free list on a cache line of its own.
#[repr(align(64))]
struct Shard(Mutex<Vec<Address>>);

struct Arena {
    classes: [Class; CLASSES.len()],
    bytes_locked: AtomicUsize,
    slots_in_use: AtomicUsize,
    /// 0 none yet, 1 memfd_secret, 2 mlock.
    backing: AtomicUsize,
}

static ARENA: Arena = Arena {
    classes: [const {
        Class {
            shards: [const { Shard(Mutex::new(Vec::new())) }; SHARDS],
            growth: Mutex::new(Growth { next_chunk: FIRST_CHUNK, chunks: Vec::new() }),
        }
    }; CLASSES.len()],
    bytes_locked: AtomicUsize::new(0),
    slots_in_use: AtomicUsize::new(0),
    backing: AtomicUsize::new(0),
};

/// What the arena holds now.
pub fn stats() -> Stats {
    Stats {
        bytes_locked: ARENA.bytes_locked.load(Ordering::Relaxed),
        slots_in_use: ARENA.slots_in_use.load(Ordering::Relaxed),
        backing: match ARENA.backing.load(Ordering::Relaxed) {
            1 => Some(Backing::MemfdSecret),
            2 => Some(Backing::Mlock),
            _ => None,
        },
    }
}

/// Takes a zeroed slot of at least `len` bytes, at most the largest class; `None` for longer ones.
pub(crate) fn take(len: usize) -> Result<Option<Slot>, SecMemError> {
    if len == 0 {
        return Ok(Some(Slot { start: NonNull::dangling(), home: Home::Nowhere }));
    }
    let Some(index) = CLASSES.iter().position(|size| *size >= len) else {
        return Ok(None);
    };
    let start = ARENA.classes[index].take(CLASSES[index])?;
    ARENA.slots_in_use.fetch_add(1, Ordering::Relaxed);
    Ok(Some(Slot { start, home: Home::Class(index as u8) }))
}

/// Wipes the first `dirty` bytes of a slot and puts it back.
///
/// # Safety
/// `slot` came from [`take`], is given back once, nobody else refers to its bytes, and `dirty` is
/// at most the length asked for; bytes behind `dirty` are still zero.
pub(crate) unsafe fn release(slot: Slot, dirty: usize) {
    let Home::Class(index) = slot.home else {
        return;
    };
    // SAFETY: by the contract of this function the first `dirty` bytes are ours alone and writable.
    unsafe { std::slice::from_raw_parts_mut(slot.start.as_ptr(), dirty) }.zeroize();
    let class = &ARENA.classes[usize::from(index)];
    lock(&class.shards[own_shard()].0).push(Address(slot.start));
    ARENA.slots_in_use.fetch_sub(1, Ordering::Relaxed);
}

/// Maps pages for one secret too long for a slot.
pub(crate) fn map_large(len: usize) -> Result<Mapping, SecMemError> {
    let mapping = Mapping::new(len)?;
    ARENA.note(&mapping);
    ARENA.slots_in_use.fetch_add(1, Ordering::Relaxed);
    Ok(mapping)
}

/// Wipes and unmaps a large secret.
pub(crate) fn unmap_large(mapping: Mapping) {
    // SAFETY: `mapping` owns its bytes and they are writable; its owner gave up every reference by
    // handing it over.
    unsafe { std::slice::from_raw_parts_mut(mapping.start().as_ptr(), mapping.len()) }.zeroize();
    ARENA.bytes_locked.fetch_sub(mapping.len(), Ordering::Relaxed);
    ARENA.slots_in_use.fetch_sub(1, Ordering::Relaxed);
}

impl Arena {
    fn note(&self, mapping: &Mapping) {
        self.bytes_locked.fetch_add(mapping.len(), Ordering::Relaxed);
        let kind = match mapping.backing() {
            Backing::MemfdSecret => 1,
            Backing::Mlock => 2,
        };
        self.backing.store(kind, Ordering::Relaxed);
    }
}

impl Class {
    fn take(&self, size: usize) -> Result<NonNull<u8>, SecMemError> {
        let own = own_shard();
        if let Some(Address(start)) = lock(&self.shards[own].0).pop() {
            return Ok(start);
        }
        // The growth lock makes one thread map while the others wait for its slots.
        let mut growth = lock(&self.growth);
        // Slots freed on other threads lie in their lists.
        for shard in &self.shards {
            if let Some(Address(start)) = lock(&shard.0).pop() {
                return Ok(start);
            }
        }
        let mapping = growth.map()?;
        ARENA.note(&mapping);
        let base = mapping.start();
        let mut list = lock(&self.shards[own].0);
        // The first slot is the caller's; the rest are listed so that low addresses go first.
        list.extend((1..mapping.len() / size).rev().map(|i| {
            // SAFETY: `i * size` is below the mapping's length.
            Address(unsafe { base.add(i * size) })
        }));
        growth.chunks.push(mapping);
        Ok(base)
    }
}

impl Growth {
    /// Maps the next chunk, a smaller one when the limit leaves no more.
    fn map(&mut self) -> Result<Mapping, SecMemError> {
        let mut len = self.next_chunk;
        loop {
            match Mapping::new(len) {
                Ok(mapping) => {
                    self.next_chunk = (len * 2).min(LARGEST_CHUNK);
                    return Ok(mapping);
                }
                Err(error) if len <= page_size() => return Err(error),
                Err(SecMemError::LockedMemoryExhausted { .. }) => len /= 2,
                Err(error) => return Err(error),
            }
        }
    }
}

/// The shard of this thread.
fn own_shard() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: usize = NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS;
    }
    // Secrets may be dropped while a thread's locals are being torn down.
    OWN.try_with(|own| *own).unwrap_or(0)
}

/// Nothing that can panic runs under these locks with a list half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
