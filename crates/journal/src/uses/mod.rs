//! The chain of uses in segment files.
//!
//! [`UseJournal::append`] returns when its record was handed to the operating system with
//! `write(2)`: killing the process loses nothing that was answered. A thread of its own flushes
//! with `fdatasync(2)`, early enough that by the end of the window (100 ms by default) it is done;
//! if the disk is slower than that, appending waits until nothing older than the window is
//! unflushed. So an answer leaves only while every record older than the window is on disk.
//!
//! After a failed flush, or a write that failed otherwise than by a full disk, every append fails
//! until the journal is opened again: what the kernel kept of a failed flush cannot be known, and
//! pretending otherwise has cost databases their data. A full disk takes nothing and says so: what
//! a short write left is cut off again, and the next append may find room.

mod flush;
mod retain;
mod write;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::chain::{Chain, ChainError, ChainState, Vault};
use crate::files::{FileOps, LogFile, OsFiles, private_dir};
use crate::kind;
use crate::reader::UseReader;
use crate::record::Head;
use crate::recover::{self, Opened};
use crate::segment;
use crate::verify::Fault;
pub use retain::{Hold, SealedSegment};
use write::next_file;

/// When an append counts as done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Durability {
    /// Written to the operating system; flushed within the window.
    #[default]
    Written,
    /// Flushed to the disk, together with all that wait at the same time.
    Flushed,
}

/// How a [`UseJournal`] works.
#[derive(Clone)]
pub struct Options {
    /// The site that writes.
    pub site: u32,
    /// What an append waits for.
    pub durability: Durability,
    /// The longest time a written record may stay unflushed while answers still leave.
    pub window: Duration,
    /// Bytes after which a new segment begins.
    pub segment_bytes: u64,
    /// The file system.
    pub files: Arc<dyn FileOps>,
}

impl Options {
    /// The defaults: flushed within 100 ms, segments of 64 MiB.
    pub fn new(site: u32) -> Self {
        Options {
            site,
            durability: Durability::Written,
            window: Duration::from_millis(100),
            segment_bytes: 64 << 20,
            files: Arc::new(OsFiles),
        }
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("site", &self.site)
            .field("durability", &self.durability)
            .field("window", &self.window)
            .field("segment_bytes", &self.segment_bytes)
            .finish_non_exhaustive()
    }
}

/// Why the journal could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The file system failed.
    #[error("{path}: {error}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What happened.
        error: io::Error,
    },
    /// Another process has it open.
    #[error("{0} is in use by another process")]
    InUse(PathBuf),
    /// The chain is damaged, and not in the way a crash does it.
    #[error("the chain of uses is damaged: {0}")]
    Damaged(#[from] Fault),
    /// There are records, and the sealed state that continues them is gone.
    #[error("the sealed state uses.state is missing beside the segment files")]
    StateMissing,
    /// The sealed state does not open or fit.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// What had to be written at opening (a gap record) could not be.
    #[error(transparent)]
    Append(#[from] AppendError),
}

impl OpenError {
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> OpenError {
        move |error| OpenError::Io { path: path.into(), error }
    }
}

/// Why a record was not written. No answer may leave for it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// A write or flush failed, now or earlier; nothing is taken until the journal is reopened.
    #[error("the journal of uses has failed and takes nothing until it is reopened: {0}")]
    Failed(String),
    /// The disk is full; nothing was written, and the next append may find room.
    #[error("the disk that holds the journal of uses is full: {0}")]
    Full(String),
    /// The caller's record is over a limit or of a reserved kind; nothing was written.
    #[error("{0}")]
    Refused(String),
}

/// A record to be.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Hybrid clock.
    pub hlc: u64,
    /// Who.
    pub actor: &'a str,
    /// What; see [`crate::kind`].
    pub kind: u16,
    /// Particulars.
    pub body: &'a [u8],
}

/// How the journal is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The last record written.
    pub written: Head,
    /// The last record known to be on disk. Anchor and forward only up to here.
    pub flushed: Head,
    /// Number of the current segment.
    pub segment: u64,
    /// How long the oldest unflushed record has been waiting.
    pub oldest_unflushed: Option<Duration>,
    /// How long the last flush took.
    pub last_flush: Duration,
    /// Flushes done since opening.
    pub flushes: u64,
    /// Why nothing is taken any more, if so.
    pub failed: Option<String>,
}

/// How far into the files the records are known to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    /// First record of the file.
    pub(crate) first: u64,
    /// Bytes of that file.
    pub(crate) offset: u64,
    pub(crate) head: Head,
}

/// The chain of uses, open for appending. Closing it flushes.
pub struct UseJournal {
    shared: Arc<Shared>,
    flusher: Option<JoinHandle<()>>,
    /// Held for its lock on the directory.
    _lock: File,
}

pub(crate) struct Shared {
    pub(crate) dir: PathBuf,
    options: Options,
    vault: Box<dyn Vault>,
    inner: Mutex<Inner>,
    /// Wakes the flusher.
    work: Condvar,
    /// Wakes those who wait for a flush.
    done: Condvar,
    /// How many copy the files at this moment.
    holds: Mutex<usize>,
}

struct Inner {
    chain: Chain,
    file: Arc<dyn LogFile>,
    written: Extent,
    flushed: Extent,
    /// Files before the current one that are not flushed yet.
    retired: Vec<Arc<dyn LogFile>>,
    /// The state to keep once the current file is durable.
    unsaved: Option<ChainState>,
    /// First record of the segment whose state is kept: what lies before it is not needed for
    /// opening.
    kept: u64,
    /// When the oldest record was written that no flush has begun for.
    dirty_since: Option<Instant>,
    /// The same of the records that are being flushed now.
    flushing_since: Option<Instant>,
    waiters: usize,
    stop: bool,
    failed: Option<String>,
    flushes: u64,
    last_flush: Duration,
    buf: Vec<u8>,
}

impl std::fmt::Debug for UseJournal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UseJournal").field("dir", &self.shared.dir).finish_non_exhaustive()
    }
}

impl UseJournal {
    /// Opens the journal in `dir`, which is created when it is not there; `hlc` is the clock for
    /// a gap record, if one is needed.
    ///
    /// # Errors
    /// When the directory is in use, the file system fails, or the chain is damaged otherwise than
    /// by a torn tail.
    pub fn open(
        dir: &Path,
        options: Options,
        vault: Box<dyn Vault>,
        hlc: u64,
    ) -> Result<Self, OpenError> {
        private_dir(dir).map_err(OpenError::io(dir))?;
        let lock = lock(dir)?;
        let ops = Arc::clone(&options.files);
        let Opened { chain, file, gap, state_behind, unflushed } =
            recover::open(&*ops, dir, options.site, &*vault)?;
        let (file, at) = match file {
            Some(last) => {
                let path = segment::path(dir, last.first);
                let file = ops.open(&path).map_err(OpenError::io(path))?;
                (file, Extent { first: last.first, offset: last.len, head: chain.head() })
            }
            None => {
                let made = next_file(&*ops, dir, chain.site(), chain.segment(), chain.head());
                let (file, at) = made.map_err(OpenError::io(dir))?;
                ops.sync_dir(dir).map_err(OpenError::io(dir))?;
                (file, at)
            }
        };
        // Whatever the last process left unflushed is flushed before anything is built on it.
        file.sync_data().map_err(OpenError::io(segment::path(dir, at.first)))?;
        for path in
            unflushed.into_iter().map(|first| segment::path(dir, first)).filter(|p| p.exists())
        {
            ops.open(&path).and_then(|f| f.sync_data()).map_err(OpenError::io(path))?;
        }
        if state_behind {
            recover::save_state(&*ops, dir, &chain.state()?, &*vault)?;
        }
        let inner = Inner {
            kept: chain.segment_first(),
            chain,
            file,
            written: at,
            flushed: at,
            retired: Vec::new(),
            unsaved: None,
            dirty_since: None,
            flushing_since: None,
            waiters: 0,
            stop: false,
            failed: None,
            flushes: 0,
            last_flush: Duration::ZERO,
            buf: Vec::new(),
        };
        let shared = Arc::new(Shared {
            dir: dir.to_owned(),
            options,
            vault,
            inner: Mutex::new(inner),
            work: Condvar::new(),
            done: Condvar::new(),
            holds: Mutex::new(0),
        });
        let for_flusher = Arc::clone(&shared);
        let flusher = std::thread::Builder::new()
            .name("uses-flusher".into())
            .spawn(move || for_flusher.flush_until_stopped())
            .map_err(OpenError::io(dir))?;
        let journal = UseJournal { shared, flusher: Some(flusher), _lock: lock };
        if let Some(gap) = &gap {
            let body = gap.encode();
            let entry = Entry { hlc, actor: "strongroom", kind: kind::GAP, body: &body };
            journal.append_batch_with(&[entry], Durability::Flushed)?;
        }
        recover::gap_recorded(&*ops, dir)?;
        Ok(journal)
    }

    /// Appends a record and returns its number and hash.
    ///
    /// # Errors
    /// When it could not be written (or flushed, where that is asked for).
    pub fn append(
        &self,
        hlc: u64,
        actor: &str,
        kind: u16,
        body: &[u8],
    ) -> Result<Head, AppendError> {
        self.append_batch(&[Entry { hlc, actor, kind, body }])
    }

    /// Appends records with one write, and returns the last one's number and hash. All of them
    /// are written or, when refused, none.
    ///
    /// # Errors
    /// As [`Self::append`].
    pub fn append_batch(&self, entries: &[Entry<'_>]) -> Result<Head, AppendError> {
        self.append_batch_with(entries, self.shared.options.durability)
    }

    /// [`Self::append_batch`] with a durability of its own.
    ///
    /// # Errors
    /// As [`Self::append`].
    pub fn append_batch_with(
        &self,
        entries: &[Entry<'_>],
        durability: Durability,
    ) -> Result<Head, AppendError> {
        let shared = &*self.shared;
        let mut inner = shared.inner.lock();
        inner.check()?;
        let before = inner.chain.snapshot();
        inner.link(entries)?;
        let head = inner.chain.head();
        shared.write(&mut inner, before, entries.last().map_or(0, |e| e.hlc))?;
        match durability {
            Durability::Flushed => shared.wait_flushed(&mut inner, head.seq)?,
            Durability::Written => shared.wait_while_late(&mut inner)?,
        }
        Ok(head)
    }

    /// Waits until everything written so far is on disk.
    ///
    /// # Errors
    /// When the journal has failed.
    pub fn flush(&self) -> Result<Head, AppendError> {
        let mut inner = self.shared.inner.lock();
        inner.check()?;
        let head = inner.written.head;
        self.shared.wait_flushed(&mut inner, head.seq)?;
        Ok(head)
    }

    /// How the journal is doing.
    pub fn status(&self) -> Status {
        let inner = self.shared.inner.lock();
        Status {
            written: inner.written.head,
            flushed: inner.flushed.head,
            segment: inner.chain.segment(),
            oldest_unflushed: inner.oldest().map(|since| since.elapsed()),
            last_flush: inner.last_flush,
            flushes: inner.flushes,
            failed: inner.failed.clone(),
        }
    }

    /// The state of the current segment, for verifying its MACs. It is secret.
    ///
    /// # Errors
    /// When memory is short.
    pub fn state(&self) -> Result<ChainState, ChainError> {
        self.shared.inner.lock().chain.state()
    }

    /// The files that hold the chain up to its flushed end, oldest first, with how many bytes of
    /// each belong to that, and that end: for copying the chain while it is written.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn flushed_files(&self) -> io::Result<(Vec<(PathBuf, u64)>, Head)> {
        let at = self.shared.extent(true);
        let mut files = Vec::new();
        for first in segment::list(&self.shared.dir)? {
            let path = self.path_of(first);
            match first.cmp(&at.first) {
                std::cmp::Ordering::Less => {
                    let len = std::fs::metadata(&path)?.len();
                    files.push((path, len));
                }
                std::cmp::Ordering::Equal => files.push((path, at.offset)),
                std::cmp::Ordering::Greater => {}
            }
        }
        Ok((files, at.head))
    }

    /// The file beside them that holds the sealed key of the current segment.
    pub fn state_path(&self) -> PathBuf {
        recover::state_path(&self.shared.dir)
    }

    /// A reader of everything written so far and later.
    pub fn reader(&self) -> UseReader {
        UseReader::live(Arc::clone(&self.shared), false)
    }

    /// A reader of what is on disk for certain: for forwarding and anchoring, which must not
    /// tell of records that a crash could still take back.
    pub fn flushed_reader(&self) -> UseReader {
        UseReader::live(Arc::clone(&self.shared), true)
    }

    /// Flushes and closes.
    ///
    /// # Errors
    /// When the last flush failed or the journal had failed before.
    pub fn close(mut self) -> Result<Head, AppendError> {
        self.stop();
        let inner = self.shared.inner.lock();
        inner.check().map(|()| inner.flushed.head)
    }

    fn stop(&mut self) {
        self.shared.inner.lock().stop = true;
        self.shared.work.notify_all();
        if let Some(flusher) = self.flusher.take() {
            // It ends by itself; if it panicked, there is nobody left to tell.
            let _ = flusher.join();
        }
    }
}

impl Drop for UseJournal {
    fn drop(&mut self) {
        self.stop();
    }
}

fn lock(dir: &Path) -> Result<File, OpenError> {
    use std::os::unix::fs::OpenOptionsExt;
    let path = dir.join("uses.lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(OpenError::io(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(OpenError::InUse(dir.to_owned())),
        Err(std::fs::TryLockError::Error(e)) => Err(OpenError::io(&path)(e)),
    }
}

/// Whether a writer has the journal open.
pub(crate) fn is_live(dir: &Path) -> bool {
    File::open(dir.join("uses.lock")).is_ok_and(|f| f.try_lock_shared().is_err())
}
