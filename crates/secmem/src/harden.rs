//! Process-wide settings that keep key bytes out of core dumps and give locked memory room.

use std::fmt;
use std::io;

use crate::os::memlock_limit;

/// What [`harden_process`] achieved. Nothing here is fatal; the operator is told.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hardening {
    /// RLIMIT_CORE is 0, soft and hard.
    pub core_dumps_off: bool,
    /// The process is not dumpable: no core, no ptrace by others of the same user.
    pub not_dumpable: bool,
    /// Soft RLIMIT_MEMLOCK in bytes after raising it to the hard one; `u64::MAX` is unlimited.
    pub memlock_limit: u64,
    /// What did not hold, in words.
    pub problems: Vec<String>,
}

impl fmt::Display for Hardening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "core dumps {}, process {}, lockable memory ",
            if self.core_dumps_off { "off" } else { "ON" },
            if self.not_dumpable { "not dumpable" } else { "DUMPABLE" },
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
    Hardening { core_dumps_off, not_dumpable, memlock_limit, problems }
}
