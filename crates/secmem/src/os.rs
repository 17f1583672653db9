//! What is asked of the kernel: one mapping of hidden, locked pages between two guard pages.

use std::io;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::SecMemError;

/// How the pages of secrets are kept from swap, dumps and other eyes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backing {
    /// `memfd_secret(2)`: locked, not dumped, and absent from the kernel's direct map, so that
    /// neither `/proc/PID/mem`, `ptrace` nor a stray kernel read sees it. While such pages exist
    /// the machine refuses to hibernate.
    MemfdSecret,
    /// Anonymous pages under `mlock(2)`, `MADV_DONTDUMP` and `MADV_WIPEONFORK`.
    Mlock,
}

/// A run of usable pages with an inaccessible page before and after it. Unmapped on drop; whoever
/// wrote secrets into it wipes them first.
pub(crate) struct Mapping {
    /// First usable byte.
    start: NonNull<u8>,
    /// Usable bytes, a multiple of the page size.
    len: usize,
    /// What holds the pages in memory.
    backing: Backing,
}

// SAFETY: a `Mapping` is an owned range of addresses; nothing about it is tied to a thread.
unsafe impl Send for Mapping {}

/// Set once `memfd_secret` was found missing or refused for a reason other than the limit.
static NO_MEMFD_SECRET: AtomicBool = AtomicBool::new(false);

impl Mapping {
    /// Maps at least `len` bytes, all zero, resident and locked.
    pub(crate) fn new(len: usize) -> Result<Self, SecMemError> {
        if !NO_MEMFD_SECRET.load(Ordering::Relaxed) {
            match Self::with(Backing::MemfdSecret, len) {
                Ok(mapping) => return Ok(mapping),
                // Over the limit: the other kind counts against the same one, and says so.
                Err(SecMemError::LockedMemoryExhausted { .. }) => {}
                Err(_) => NO_MEMFD_SECRET.store(true, Ordering::Relaxed),
            }
        }
        Self::with(Backing::Mlock, len)
    }

    /// Maps pages of one kind or says why not.
    pub(crate) fn with(backing: Backing, len: usize) -> Result<Self, SecMemError> {
        let page = page_size();
        let too_long = || SecMemError::System("a secret of that length cannot exist".to_owned());
        let len = len.max(1).checked_next_multiple_of(page).ok_or_else(too_long)?;
        let whole = len.checked_add(2 * page).ok_or_else(too_long)?;

        // SAFETY: a fresh anonymous reservation at an address of the kernel's choice; it aliases
        // nothing.
        let base = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                whole,
                libc::PROT_NONE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
                -1,
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(SecMemError::System(io::Error::last_os_error().to_string()));
        }
        // SAFETY: `base` begins a reservation of `len + 2 * page` bytes, so one page in is inside.
        let start = unsafe { base.cast::<u8>().add(page) };
        let Some(start) = NonNull::new(start) else {
            return Err(SecMemError::System("mapping at address zero".to_owned()));
        };
        // From here on dropping `mapping` gives the reservation back.
        let mapping = Self { start, len, backing };
        match backing {
            Backing::MemfdSecret => mapping.back_by_memfd_secret()?,
            Backing::Mlock => mapping.back_by_mlock()?,
        }
        Ok(mapping)
    }

    pub(crate) fn start(&self) -> NonNull<u8> {
        self.start
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn backing(&self) -> Backing {
        self.backing
    }

    fn back_by_memfd_secret(&self) -> Result<(), SecMemError> {
        // SAFETY: memfd_secret takes one flags word and touches no memory of ours.
        let fd = unsafe { libc::syscall(libc::SYS_memfd_secret, libc::O_CLOEXEC) };
        let Ok(fd) = i32::try_from(fd) else {
            return Err(SecMemError::System("memfd_secret gave no descriptor".to_owned()));
        };
        if fd < 0 {
            return Err(SecMemError::System(io::Error::last_os_error().to_string()));
        }
        let size = self.len as libc::off_t;
        // SAFETY: `fd` was just opened by us and is open; ftruncate touches no memory.
        let sized = unsafe { libc::ftruncate(fd, size) };
        let result = if sized != 0 {
            Err(SecMemError::System(io::Error::last_os_error().to_string()))
        } else {
            // SAFETY: MAP_FIXED replaces `len` bytes at `start`, which lie inside the reservation
            // that this mapping owns and that nobody has been given a pointer into yet.
            let at = unsafe {
                libc::mmap(
                    self.start.as_ptr().cast(),
                    self.len,
                    libc::PROT_READ | libc::PROT_WRITE,
                    libc::MAP_SHARED | libc::MAP_FIXED,
                    fd,
                    0,
                )
            };
            if at == libc::MAP_FAILED { Err(lock_error(self.len)) } else { Ok(()) }
        };
        // SAFETY: `fd` is ours and is not used after this; the mapping keeps the pages.
        unsafe { libc::close(fd) };
        result?;
        self.advise(libc::MADV_DONTFORK)?;
        self.advise(libc::MADV_DONTDUMP)?;
        // These pages come into being when touched and MADV_POPULATE_WRITE cannot do it, so touch
        // each here, where a machine without memory fails early.
        for offset in (0..self.len).step_by(page_size()) {
            // SAFETY: `offset` < `len`, and these bytes are mapped writable and not yet shared.
            unsafe { self.start.as_ptr().add(offset).write_volatile(0) };
        }
        Ok(())
    }

    fn back_by_mlock(&self) -> Result<(), SecMemError> {
        let at = self.start.as_ptr().cast::<libc::c_void>();
        // SAFETY: `at` for `len` lies inside the reservation that this mapping owns.
        if unsafe { libc::mprotect(at, self.len, libc::PROT_READ | libc::PROT_WRITE) } != 0 {
            return Err(SecMemError::System(io::Error::last_os_error().to_string()));
        }
        self.advise(libc::MADV_DONTDUMP)?;
        self.advise(libc::MADV_WIPEONFORK)?;
        // SAFETY: as above; mlock changes no bytes, it makes the pages resident.
        if unsafe { libc::mlock(at, self.len) } != 0 {
            return Err(lock_error(self.len));
        }
        Ok(())
    }

    fn advise(&self, advice: libc::c_int) -> Result<(), SecMemError> {
        // SAFETY: only DONTDUMP, DONTFORK and WIPEONFORK are passed, on our own pages; none of
        // them changes bytes in this process.
        let result = unsafe { libc::madvise(self.start.as_ptr().cast(), self.len, advice) };
        if result == 0 {
            Ok(())
        } else {
            Err(SecMemError::System(format!("madvise: {}", io::Error::last_os_error())))
        }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        let page = page_size();
        // SAFETY: the reservation began one page before `start` and is `len + 2 * page` long;
        // this value owned it and hands out no pointer that outlives it.
        unsafe {
            libc::munmap(self.start.as_ptr().sub(page).cast(), self.len + 2 * page);
        }
    }
}

/// The page size in bytes.
pub(crate) fn page_size() -> usize {
    // SAFETY: sysconf reads a constant of the system.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).ok().filter(|s| s.is_power_of_two()).unwrap_or(4096)
}

/// Tells "over the limit" from other refusals.
fn lock_error(wanted: usize) -> SecMemError {
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::EAGAIN | libc::ENOMEM | libc::EPERM) => {
            SecMemError::LockedMemoryExhausted { wanted, limit: memlock_in_words() }
        }
        _ => SecMemError::System(error.to_string()),
    }
}

/// The soft RLIMIT_MEMLOCK for an error text.
fn memlock_in_words() -> String {
    match memlock_limit() {
        Some((libc::RLIM_INFINITY, _)) => "unlimited".to_owned(),
        Some((soft, _)) => format!("{soft} bytes"),
        None => "unknown".to_owned(),
    }
}

/// RLIMIT_MEMLOCK in bytes, soft and hard.
pub(crate) fn memlock_limit() -> Option<(u64, u64)> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: getrlimit fills the struct that we own.
    let result = unsafe { libc::getrlimit(libc::RLIMIT_MEMLOCK, &raw mut limit) };
    (result == 0).then_some((limit.rlim_cur, limit.rlim_max))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_page_hold_bytes_and_begin_as_zero() {
        for backing in [Backing::Mlock, Backing::MemfdSecret] {
            let mapping = match Mapping::with(backing, 5000) {
                Ok(mapping) => mapping,
                Err(error) if backing == Backing::MemfdSecret => {
                    eprintln!("SKIPPED: this kernel has no memfd_secret: {error}");
                    continue;
                }
                Err(error) => panic!("{error}"),
            };
            assert_eq!(mapping.len() % page_size(), 0);
            // SAFETY: the mapping is ours and nobody else refers to it.
            let bytes =
                unsafe { std::slice::from_raw_parts_mut(mapping.start().as_ptr(), mapping.len()) };
            assert!(bytes.iter().all(|b| *b == 0));
            bytes.fill(7);
            assert_eq!(bytes.last(), Some(&7));
            assert_eq!(mapping.backing(), backing);
        }
    }

    #[test]
    fn a_length_beyond_the_address_space_is_an_error() {
        assert!(Mapping::new(usize::MAX).is_err());
        assert!(Mapping::new(usize::MAX / 2).is_err());
    }
}
