//! File operations that fail on purpose, for tests of this crate and of those above it.
//!
//! ```
//! use std::sync::Arc;
//! use strongroom_journal::faults::{Call, FaultyFiles, Injected};
//! use strongroom_journal::files::OsFiles;
//!
//! let files = Arc::new(FaultyFiles::new(Arc::new(OsFiles)));
//! files.inject(Call::Sync, 2, Injected::Errno(5)); // the third fdatasync from now gives EIO
//! ```

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::files::{FileOps, LogFile};

/// A kind of call that can be made to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// [`FileOps::create`].
    Create,
    /// [`FileOps::open`].
    Open,
    /// [`LogFile::write`].
    Write,
    /// [`LogFile::sync_data`].
    Sync,
    /// [`LogFile::set_len`].
    SetLen,
    /// [`FileOps::rename`].
    Rename,
    /// [`FileOps::remove`].
    Remove,
    /// [`FileOps::sync_dir`].
    SyncDir,
}

impl Call {
    /// Every kind of call.
    pub const ALL: [Call; 8] = [
        Call::Create,
        Call::Open,
        Call::Write,
        Call::Sync,
        Call::SetLen,
        Call::Rename,
        Call::Remove,
        Call::SyncDir,
    ];
}

/// What happens instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Injected {
    /// Fails with this errno: 5 is EIO, 28 ENOSPC.
    Errno(i32),
    /// A write stores this many bytes and then fails with the errno.
    Torn {
        /// Bytes stored.
        bytes: usize,
        /// The error of the rest.
        errno: i32,
    },
    /// The call hangs this long and then succeeds.
    Stall(Duration),
}

/// File operations with planned failures.
pub struct FaultyFiles {
    inner: Arc<dyn FileOps>,
    plan: Arc<Plan>,
}

#[derive(Default)]
struct Plan {
    state: Mutex<PlanState>,
}

#[derive(Default)]
struct PlanState {
    made: HashMap<Call, u64>,
    planned: HashMap<(Call, u64), Injected>,
    torn: Option<i32>,
}

impl std::fmt::Debug for FaultyFiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FaultyFiles").field("made", &self.plan.state.lock().made).finish()
    }
}

impl FaultyFiles {
    /// Operations that behave as `inner` does until told otherwise.
    pub fn new(inner: Arc<dyn FileOps>) -> Self {
        FaultyFiles { inner, plan: Arc::default() }
    }

    /// Plans a failure of the call of this kind that comes after `skip` more of them.
    pub fn inject(&self, call: Call, skip: u64, what: Injected) {
        let mut state = self.plan.state.lock();
        let nth = state.made.get(&call).copied().unwrap_or(0) + skip;
        state.planned.insert((call, nth), what);
    }

    /// Calls of this kind made so far.
    pub fn made(&self, call: Call) -> u64 {
        self.plan.state.lock().made.get(&call).copied().unwrap_or(0)
    }
}

impl Plan {
    /// Counts the call and gives what was planned for it.
    fn meet(&self, call: Call) -> Option<Injected> {
        let mut state = self.state.lock();
        let made = state.made.entry(call).or_default();
        let nth = *made;
        *made += 1;
        state.planned.remove(&(call, nth))
    }

    fn pass(&self, call: Call) -> io::Result<()> {
        match self.meet(call) {
            None => Ok(()),
            Some(Injected::Stall(time)) => {
                std::thread::sleep(time);
                Ok(())
            }
            Some(Injected::Errno(errno) | Injected::Torn { errno, .. }) => {
                Err(io::Error::from_raw_os_error(errno))
            }
        }
    }
}

impl FileOps for FaultyFiles {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn LogFile>> {
        self.plan.pass(Call::Create)?;
        let file = self.inner.create(path)?;
        Ok(Arc::new(FaultyFile { file, plan: Arc::clone(&self.plan) }))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn LogFile>> {
        self.plan.pass(Call::Open)?;
        let file = self.inner.open(path)?;
        Ok(Arc::new(FaultyFile { file, plan: Arc::clone(&self.plan) }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.plan.pass(Call::Rename)?;
        self.inner.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.plan.pass(Call::Remove)?;
        self.inner.remove(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.plan.pass(Call::SyncDir)?;
        self.inner.sync_dir(dir)
    }
}

struct FaultyFile {
    file: Arc<dyn LogFile>,
    plan: Arc<Plan>,
}

impl LogFile for FaultyFile {
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        // A torn write is two calls for the one who makes it: a short one, and one that fails.
        if let Some(errno) = self.plan.state.lock().torn.take() {
            return Err(io::Error::from_raw_os_error(errno));
        }
        match self.plan.meet(Call::Write) {
            None => self.file.write(bytes),
            Some(Injected::Errno(errno)) => Err(io::Error::from_raw_os_error(errno)),
            Some(Injected::Stall(time)) => {
                std::thread::sleep(time);
                self.file.write(bytes)
            }
            Some(Injected::Torn { bytes: n, errno }) => {
                self.plan.state.lock().torn = Some(errno);
                self.file.write(bytes.get(..n).unwrap_or(bytes))
            }
        }
    }

    fn sync_data(&self) -> io::Result<()> {
        self.plan.pass(Call::Sync)?;
        self.file.sync_data()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.plan.pass(Call::SetLen)?;
        self.file.set_len(len)
    }
}
