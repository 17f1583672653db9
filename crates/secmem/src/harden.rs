//! Process-wide settings that keep key bytes out of core dumps and give locked memory room.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::os::memlock_limit;

/// What [`harden_process`] achieved. Nothing here is fatal; the operator is told.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hardening {
    /// RLIMIT_CORE is 0, soft and hard.
    pub core_dumps_off: bool,
    /// The process is not dumpable: no core, no ptrace by others of the same user.
    pub not_dumpable: bool,
    /// All memory of the process, now and later, is locked as soon as it is touched: none of it is
    /// swapped.
    pub all_locked: bool,
    /// Soft RLIMIT_MEMLOCK in bytes after raising it to the hard one; `u64::MAX` is unlimited.
    pub memlock_limit: u64,
    /// What did not hold, in words.
    pub problems: Vec<String>,
}

impl fmt::Display for Hardening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "core dumps {}, process {}, swapping {}, lockable memory ",
            if self.core_dumps_off { "off" } else { "ON" },
            if self.not_dumpable { "not dumpable" } else { "DUMPABLE" },
            if self.all_locked { "off" } else { "ON" },
        )?;
        match self.memlock_limit {
            u64::MAX => f.write_str("unlimited"),
            bytes => write!(f, "{} KiB", bytes / 1024),
        }
    }
}

/// Switches core dumps off, makes the process non-dumpable and raises the soft limit of locked
/// memory to the hard one. Call it first thing in `main`, before a key exists.
pub fn harden_process() -> Hardening {
    let mut problems = Vec::new();
    let mut held = |what: &str, result: libc::c_int| {
        if result != 0 {
            problems.push(format!("{what}: {}", io::Error::last_os_error()));
        }
        result == 0
    };

    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: setrlimit reads the struct that we own.
    let core = unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const none) };
    let core_dumps_off = held("RLIMIT_CORE", core);

    // SAFETY: PR_SET_DUMPABLE takes one number and touches no memory.
    let dumpable = unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) };
    let not_dumpable = held("PR_SET_DUMPABLE", dumpable);

    if let Some((soft, hard)) = memlock_limit()
        && soft != hard
    {
        let raised = libc::rlimit { rlim_cur: hard, rlim_max: hard };
        // SAFETY: as above.
        let result = unsafe { libc::setrlimit(libc::RLIMIT_MEMLOCK, &raw const raised) };
        held("RLIMIT_MEMLOCK", result);
    }
    let memlock_limit = memlock_limit().map_or(0, |(soft, _)| soft);
    let all_locked = (memlock_limit == u64::MAX || may_lock_without_limit()) && lock_all();
    ALL_LOCKED.store(all_locked, Ordering::Relaxed);
    Hardening { core_dumps_off, not_dumpable, all_locked, memlock_limit, problems }
}

static ALL_LOCKED: AtomicBool = AtomicBool::new(false);

/// Whether [`harden_process`] locked all memory of this process, so that nothing of it is swapped.
pub fn all_memory_locked() -> bool {
    ALL_LOCKED.load(Ordering::Relaxed)
}

/// Locks what is and what will be mapped, page by page as it is touched. Under a limit this must not
/// be tried: what is mapped later would fail when the limit is reached.
fn lock_all() -> bool {
    let flags = libc::MCL_CURRENT | libc::MCL_FUTURE | libc::MCL_ONFAULT;
    // SAFETY: mlockall takes flags and changes no byte of memory.
    unsafe { libc::mlockall(flags) == 0 }
}

/// Whether the process has CAP_IPC_LOCK (`capabilities(7)`), for which the limit does not hold.
fn may_lock_without_limit() -> bool {
    const CAP_IPC_LOCK: u32 = 14;
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return false };
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let effective = effective.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok());
    effective.is_some_and(|bits| bits >> CAP_IPC_LOCK & 1 == 1)
}
