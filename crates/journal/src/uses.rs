//! The chain of uses in segment files.
//!
//! [`UseJournal::append`] returns when its record was handed to the operating system with
//! `write(2)`: killing the process loses nothing that was answered. A thread of its own flushes
//! with `fdatasync(2)`, early enough that by the end of the window (100 ms by default) it is done;
//! if the disk is slower than that, appending waits until nothing older than the window is
//! unflushed. So an answer leaves only while every record older than the window is on disk.
//!
//! After a failed write or flush every append fails until the journal is opened again: what the
//! kernel kept of a failed flush cannot be known, and pretending otherwise has cost databases
//! their data.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::chain::{Chain, ChainError, ChainState, Vault};
use crate::files::{FileOps, LogFile, OsFiles, private_dir, write_all};
use crate::kind;
use crate::reader::UseReader;
use crate::record::{Head, RecordRef};
use crate::recover::{self, Opened};
use crate::segment::{self, HEADER_LEN, Header};
use crate::verify::Fault;

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
                let (file, at) = next_file(&*ops, dir, &chain).map_err(OpenError::io(dir))?;
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
        inner.link(entries)?;
        let head = inner.chain.head();
        if let Err(e) = shared.write(&mut inner, entries.last().map_or(0, |e| e.hlc)) {
            return Err(shared.fail(&mut inner, &format!("write: {e}")));
        }
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
            let path = segment::path(&self.shared.dir, first);
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

impl Inner {
    fn check(&self) -> Result<(), AppendError> {
        self.failed.clone().map_or(Ok(()), |why| Err(AppendError::Failed(why)))
    }

    fn oldest(&self) -> Option<Instant> {
        self.flushing_since.or(self.dirty_since)
    }

    /// Links the entries and puts their frames into the buffer; all or none.
    fn link(&mut self, entries: &[Entry<'_>]) -> Result<(), AppendError> {
        self.buf.clear();
        let before = self.chain.snapshot();
        let (site, flushed) = (self.chain.site(), self.flushed.head.seq);
        for e in entries {
            let linked = match e.kind {
                kind::SEGMENT_END => Err(ChainError::ReservedKind(e.kind)),
                _ => self.chain.link(e.hlc, e.actor, e.kind, e.body),
            };
            match linked {
                Ok(l) => {
                    let row = RecordRef {
                        site,
                        seq: l.seq,
                        hlc: e.hlc,
                        actor: e.actor,
                        kind: e.kind,
                        body: e.body,
                        prev: &l.prev,
                        hash: &l.hash,
                        mac: &l.mac,
                    };
                    segment::put_frame(&mut self.buf, flushed, &row);
                }
                Err(e) => {
                    // Within one segment, hence it cannot fail.
                    let _ = self.chain.restore(before);
                    return Err(AppendError::Refused(e.to_string()));
                }
            }
        }
        Ok(())
    }
}

impl Shared {
    /// How far the files may be read: what is written, or what is flushed.
    pub(crate) fn extent(&self, flushed: bool) -> Extent {
        let inner = self.inner.lock();
        if flushed { inner.flushed } else { inner.written }
    }

    /// Writes the buffer; begins a new segment when the file is full.
    fn write(&self, inner: &mut Inner, hlc: u64) -> Result<(), String> {
        self.write_buffer(inner)?;
        if inner.written.offset >= self.options.segment_bytes {
            self.end_segment(inner, hlc)?;
        }
        Ok(())
    }

    fn write_buffer(&self, inner: &mut Inner) -> Result<(), String> {
        write_all(&*inner.file, &inner.buf).map_err(|e| e.to_string())?;
        inner.written.offset += inner.buf.len() as u64;
        inner.written.head = inner.chain.head();
        // A rare giant must not keep its memory for ever.
        if inner.buf.capacity() > 1 << 20 {
            inner.buf = Vec::new();
        }
        if inner.dirty_since.is_none() {
            inner.dirty_since = Some(Instant::now());
            self.work.notify_one();
        }
        Ok(())
    }

    /// Closes the segment and goes on in a new file. Only system calls that do not wait for the
    /// disk; making it all durable is the flusher's work.
    fn end_segment(&self, inner: &mut Inner, hlc: u64) -> Result<(), String> {
        let flushed = inner.flushed.head.seq;
        let end = inner.chain.end_segment(hlc, "strongroom").map_err(|e| e.to_string())?;
        inner.buf.clear();
        segment::put_frame(&mut inner.buf, flushed, &end.as_ref());
        self.write_buffer(inner)?;
        let (file, at) =
            next_file(&*self.options.files, &self.dir, &inner.chain).map_err(|e| e.to_string())?;
        inner.retired.push(std::mem::replace(&mut inner.file, file));
        inner.written = at;
        inner.unsaved = Some(inner.chain.state().map_err(|e| e.to_string())?);
        Ok(())
    }

    fn fail(&self, inner: &mut Inner, why: &str) -> AppendError {
        let why = inner.failed.get_or_insert_with(|| why.to_owned()).clone();
        self.work.notify_all();
        self.done.notify_all();
        AppendError::Failed(why)
    }

    fn wait_flushed(&self, inner: &mut MutexGuard<'_, Inner>, seq: u64) -> Result<(), AppendError> {
        inner.waiters += 1;
        while inner.flushed.head.seq < seq && inner.failed.is_none() {
            self.work.notify_one();
            self.done.wait(inner);
        }
        inner.waiters -= 1;
        if inner.flushed.head.seq >= seq { Ok(()) } else { inner.check() }
    }

    fn wait_while_late(&self, inner: &mut MutexGuard<'_, Inner>) -> Result<(), AppendError> {
        while inner.failed.is_none()
            && inner.oldest().is_some_and(|since| since.elapsed() > self.options.window)
        {
            self.done.wait(inner);
        }
        inner.check()
    }

    fn flush_until_stopped(&self) {
        let _guard = FailIfPanicking(self);
        let mut inner = self.inner.lock();
        while self.wait_for_work(&mut inner) {
            let began = Instant::now();
            let target = inner.written;
            let mut files = std::mem::take(&mut inner.retired);
            let new_file = !files.is_empty();
            files.push(Arc::clone(&inner.file));
            let unsaved = inner.unsaved.take();
            inner.flushing_since = inner.dirty_since.take();

            let flushed = MutexGuard::unlocked(&mut inner, || {
                files.iter().try_for_each(|f| f.sync_data())?;
                if new_file { self.options.files.sync_dir(&self.dir) } else { Ok(()) }
            });
            inner.flushing_since = None;
            if let Err(e) = flushed {
                self.fail(&mut inner, &format!("flush: {e}"));
                return;
            }
            inner.flushed = target;
            inner.flushes += 1;
            inner.last_flush = began.elapsed();
            self.done.notify_all();

            // Only now may the old key be forgotten: all that it sealed is on disk.
            if let Some(state) = unsaved {
                let saved = MutexGuard::unlocked(&mut inner, || {
                    recover::save_state(&*self.options.files, &self.dir, &state, &*self.vault)
                });
                if let Err(e) = saved {
                    self.fail(&mut inner, &e.to_string());
                    return;
                }
            }
        }
    }

    /// Waits until there is something to flush now; false when the flusher should end.
    fn wait_for_work(&self, inner: &mut MutexGuard<'_, Inner>) -> bool {
        loop {
            if inner.failed.is_some() {
                return false;
            }
            match inner.dirty_since {
                None if inner.stop => return false,
                None => self.work.wait(inner),
                // Half the window is left for the disk.
                Some(since) => {
                    let due = since + self.options.window / 2;
                    if inner.stop || inner.waiters > 0 || Instant::now() >= due {
                        return true;
                    }
                    self.work.wait_until(inner, due);
                }
            }
        }
    }
}

/// Without a flusher nothing may be answered any more.
struct FailIfPanicking<'a>(&'a Shared);

impl Drop for FailIfPanicking<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail(&mut self.0.inner.lock(), "the flusher ended unexpectedly");
        }
    }
}

fn next_file(
    ops: &dyn FileOps,
    dir: &Path,
    chain: &Chain,
) -> io::Result<(Arc<dyn LogFile>, Extent)> {
    let head = chain.head();
    let header = Header {
        site: chain.site(),
        segment: chain.segment(),
        first: head.seq + 1,
        prev: head.hash,
    };
    let file = recover::create_segment(ops, dir, &header)?;
    Ok((file, Extent { first: header.first, offset: HEADER_LEN as u64, head }))
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
