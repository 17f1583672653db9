//! Opening a store, unlocking it, and its outside.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use strongroom_journal::{Chain, ChainName, ChainState, Head, Vault};
use strongroom_model::{HybridClock, ObjectId, ServerState};
use strongroom_secmem::SecretBytes;

use crate::error::StoreError;
use crate::faults::Faults;
use crate::histogram::{Counts, Histogram};
use crate::index::renew_due_dates;
use crate::keys::StoreKeys;
use crate::read::{ReadTx, read_journal};
use crate::schema::migrate;
use crate::seal::{self, Seal, Sealed};
use crate::server_rows;
use crate::verify::Verification;
use crate::write::{insert_record, journal_fault};
use crate::writer::{Job, Message, OpenChain, Writer};

/// Idle read connections kept for reuse.
const MAX_IDLE_READERS: usize = 16;

/// Called after each commit, before any job of it is told, with the objects it changed.
pub type CommitHook = Box<dyn Fn(&[ObjectId]) + Send + Sync>;

/// How a store is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// Path of the database file; made when absent, readable by its owner alone.
    pub path: PathBuf,
    /// This site's number in the journal.
    pub site: u32,
    /// A journal segment ends after so many records.
    pub segment_records: u64,
    /// A commit takes no more jobs once they have run for so long, so that the first does not wait
    /// for ever.
    pub batch_time: Duration,
    /// Whether commits are flushed to the disk. Without that an acknowledged change may be lost:
    /// for measuring only.
    pub flush: bool,
}

impl Options {
    /// Site 1, and the defaults.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            site: 1,
            segment_records: strongroom_journal::DEFAULT_SEGMENT_RECORDS,
            batch_time: Duration::from_millis(20),
            flush: true,
        }
    }
}

/// A store.
pub struct Store {
    shared: Arc<Shared>,
    inbox: Sender<Message>,
    writer: Mutex<Option<JoinHandle<()>>>,
    /// Held on the database's lock file until the store stops.
    lock: Mutex<Option<File>>,
}

/// What the writer thread and readers share.
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) failed: AtomicBool,
    pub(crate) on_commit: CommitHook,
    pub(crate) faults: Faults,
    readers: Mutex<Vec<Connection>>,
    keys: RwLock<Option<Arc<StoreKeys>>>,
    server_state: RwLock<Arc<ServerState>>,
    head: RwLock<Head>,
    /// The end of the chain of uses that was told last, for the seal.
    uses: RwLock<Head>,
    last_hlc: AtomicU64,
    commits: AtomicU64,
    jobs: AtomicU64,
    /// How long commits took, microseconds, and how many jobs were in each.
    commit_us: Histogram,
    commit_jobs: Histogram,
}

/// What the writer has done since the store was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Transactions that were committed and flushed.
    pub commits: u64,
    /// Jobs that were done in them.
    pub jobs: u64,
}

impl Shared {
    pub(crate) fn server_state(&self) -> Arc<ServerState> {
        self.server_state.read().clone()
    }

    pub(crate) fn set_server_state(&self, state: Arc<ServerState>) {
        *self.server_state.write() = state;
    }

    pub(crate) fn set_keys(&self, keys: Option<Arc<StoreKeys>>) {
        *self.keys.write() = keys;
    }

    pub(crate) fn uses(&self) -> Head {
        *self.uses.read()
    }

    pub(crate) fn set_uses(&self, head: Head) {
        *self.uses.write() = head;
    }

    pub(crate) fn count(&self, jobs: u64, took: Duration) {
        self.commit_us.observe(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        self.commit_jobs.observe(jobs);
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.jobs.fetch_add(jobs, Ordering::Relaxed);
    }

    pub(crate) fn set_head(&self, head: Head, hlc: u64) {
        *self.head.write() = head;
        self.last_hlc.store(hlc, Ordering::Release);
    }
}

/// What unlocking needs.
pub(crate) struct Unlock {
    keys: StoreKeys,
    chain_seed: SecretBytes,
}

impl Store {
    /// Opens the database, makes it when absent, and starts the writer. The store is locked:
    /// nothing but [`Store::server_state`] can be read until [`Store::unlock`].
    ///
    /// # Errors
    /// [`StoreError::Newer`], or the database's own.
    pub fn open(options: Options, on_commit: CommitHook) -> Result<Self, StoreError> {
        let lock = lock_file(&options.path)?;
        make_private(&options.path)?;
        let connection = connect(&options.path, Some(options.flush))?;
        migrate(&connection)?;
        let state = server_rows::read(&connection, None)?;
        let last = last_record(&connection, options.site)?;
        let genesis = ChainName::Changes.genesis(options.site);
        let (head, hlc) =
            last.as_ref().map_or((genesis, 0), |r| (Head { seq: r.seq, hash: r.hash }, r.hlc));
        let uses = ChainName::Uses.genesis(options.site);
        let shared = Arc::new(Shared {
            options,
            failed: AtomicBool::new(false),
            on_commit,
            faults: Faults::default(),
            readers: Mutex::new(Vec::new()),
            keys: RwLock::new(None),
            server_state: RwLock::new(Arc::new(state)),
            head: RwLock::new(head),
            uses: RwLock::new(uses),
            last_hlc: AtomicU64::new(hlc),
            commit_us: Histogram::new(250),
            commit_jobs: Histogram::new(1),
            commits: AtomicU64::new(0),
            jobs: AtomicU64::new(0),
        });
        let (inbox, receiver) = channel();
        let writer = Writer { connection, shared: shared.clone(), open: None, erase: None };
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || writer.run(&receiver))
            .map_err(|e| StoreError::Database(format!("no thread for the writer: {e}")))?;
        Ok(Self { shared, inbox, writer: Mutex::new(Some(thread)), lock: Mutex::new(Some(lock)) })
    }

    /// Unlocks the store: checks the server's own rows and continues the journal's chain.
    /// `chain_seed` is used for a store without journal only.
    ///
    /// # Errors
    /// [`StoreError::Tampered`] or [`StoreError::Damaged`] when rows or the chain's end do not
    /// check.
    pub fn unlock(&self, keys: StoreKeys, chain_seed: SecretBytes) -> Result<(), StoreError> {
        let (reply, answer) = channel();
        let request = Box::new(Unlock { keys, chain_seed });
        self.send(Message::Unlock(request, reply))?;
        answer.recv().map_err(|_| StoreError::Stopping)?
    }

    /// Forgets the keys. Jobs already submitted are done first.
    ///
    /// # Errors
    /// [`StoreError::Stopping`].
    pub fn lock(&self) -> Result<(), StoreError> {
        let (reply, answer) = channel();
        self.send(Message::Lock(reply))?;
        answer.recv().map_err(|_| StoreError::Stopping)
    }

    /// Hands a job to the writer.
    pub fn submit(&self, job: Job) {
        if let Err(failed) = self.inbox.send(Message::Job(job))
            && let Message::Job(job) = failed.0
        {
            job(Err(StoreError::Stopping))(Err(StoreError::Stopping));
        }
    }

    /// Reads from a snapshot.
    ///
    /// # Errors
    /// [`StoreError::Locked`], the database's, or what `work` returns.
    pub fn read<R, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&ReadTx<'_>) -> Result<R, E>,
    ) -> Result<R, E> {
        let keys = self.shared.keys.read().clone().ok_or(StoreError::Locked)?;
        let pooled = self.shared.readers.lock().pop();
        let connection = match pooled {
            Some(connection) => connection,
            None => connect(&self.shared.options.path, None)?,
        };
        connection.execute_batch("BEGIN").map_err(StoreError::from)?;
        let site = self.shared.options.site;
        let result = work(&ReadTx { connection: &connection, keys, site });
        connection.execute_batch("ROLLBACK").map_err(StoreError::from)?;
        let mut readers = self.shared.readers.lock();
        if readers.len() < MAX_IDLE_READERS {
            readers.push(connection);
        }
        result
    }

    /// Bytes that belong to this copy of the store ([`WriteTx::put_local`](crate::WriteTx)) whose
    /// keys begin with `prefix`; readable while the store is locked.
    ///
    /// # Errors
    /// The database's.
    pub fn locals(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let prefix = format!("local:{prefix}");
        let connection = connect(&self.shared.options.path, None)?;
        let mut statement = connection.prepare("SELECT key, value FROM meta ORDER BY key")?;
        let rows = statement.query_map([], |r| Ok((r.get::<_, String>(0)?, r.get(1)?)))?;
        let mut found = Vec::new();
        for row in rows {
            let (key, value) = row?;
            if let Some(rest) = key.strip_prefix(&prefix) {
                found.push((rest.to_owned(), value));
            }
        }
        Ok(found)
    }

    /// The site that this store was made for, where that is not the configuration's alone to say
    /// ([`adopt`](crate::adopt)); readable while the store is locked.
    ///
    /// # Errors
    /// The database's.
    pub fn own_site(&self) -> Result<Option<u32>, StoreError> {
        crate::adopt::own_site(&connect(&self.shared.options.path, None)?)
    }

    /// Writes the write-ahead log back into the database and empties it, so that no older page
    /// remains in it. Waits for jobs already submitted.
    ///
    /// # Errors
    /// The database's.
    pub fn checkpoint(&self) -> Result<(), StoreError> {
        let (reply, answer) = channel();
        self.send(Message::Checkpoint(reply))?;
        answer.recv().map_err(|_| StoreError::Stopping)?
    }

    /// Writes a copy of the database, as of the last commit, into a new file that only its owner
    /// may read. Neither readers nor the writer wait for it. The copy has no free pages, and so
    /// nothing that was deleted; it is not flushed.
    ///
    /// # Errors
    /// The database's; a file is there already; the disk is full.
    pub fn copy_to(&self, path: &Path) -> Result<(), StoreError> {
        use std::os::unix::fs::OpenOptionsExt;
        let failed =
            |e: &dyn std::fmt::Display| StoreError::Database(format!("{}: {e}", path.display()));
        let name = path.to_str().ok_or_else(|| failed(&"the path is not UTF-8"))?;
        // SQLite would make the file readable for others; an empty one it takes as it is.
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(|e| failed(&e))?;
        let connection = connect(&self.shared.options.path, None)?;
        connection.execute("VACUUM INTO ?1", params![name])?;
        Ok(())
    }

    /// The server's own state as of the last commit. Before the store is unlocked its rows are
    /// not yet checked against their codes.
    pub fn server_state(&self) -> Arc<ServerState> {
        self.shared.server_state()
    }

    /// The end of the chain of changes as of the last commit.
    pub fn head(&self) -> Head {
        *self.shared.head.read()
    }

    /// The end of the chain of uses that was kept last ([`WriteTx::keep_uses`]); the genesis of that
    /// chain before the first.
    ///
    /// [`WriteTx::keep_uses`]: crate::WriteTx::keep_uses
    pub fn uses(&self) -> Head {
        self.shared.uses()
    }

    /// The time of the last journal record, milliseconds since the Unix epoch; none in an empty
    /// journal.
    pub fn last_change_ms(&self) -> Option<i64> {
        match self.shared.last_hlc.load(Ordering::Acquire) {
            0 => None,
            hlc => Some((hlc >> 16) as i64),
        }
    }

    /// Whether a commit failed, so that changes are refused until a restart.
    pub fn has_failed(&self) -> bool {
        self.shared.failed.load(Ordering::Acquire)
    }

    /// Points where tests make the disk fail.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// The sealed state of the journal's chain, for verifying it: which segment the key belongs
    /// to.
    ///
    /// # Errors
    /// [`StoreError::Locked`] or a damaged state.
    pub fn chain_state(&self) -> Result<ChainState, StoreError> {
        self.read(|tx| {
            read_chain_state(tx.connection, tx.site, &tx.keys)?
                .map(|(state, _)| state)
                .ok_or_else(|| journal_missing("its sealed state"))
        })
    }

    /// Verifies chain and state in one snapshot. `anchors` are heads known from elsewhere.
    ///
    /// # Errors
    /// [`StoreError::Locked`], or as [`ReadTx::verify`].
    pub fn verify(&self, anchors: Vec<Head>) -> Result<Verification, StoreError> {
        self.read(|tx| tx.verify(anchors))
    }

    /// How long commits took, microseconds, and how many jobs shared each, since the store was
    /// opened.
    pub fn histograms(&self) -> (Counts, Counts) {
        (self.shared.commit_us.counts(), self.shared.commit_jobs.counts())
    }

    /// What the writer has done since the store was opened.
    pub fn stats(&self) -> Stats {
        Stats {
            commits: self.shared.commits.load(Ordering::Relaxed),
            jobs: self.shared.jobs.load(Ordering::Relaxed),
        }
    }

    /// Stops the writer after the jobs already submitted.
    pub fn stop(&self) {
        let _ = self.inbox.send(Message::Stop);
        if let Some(thread) = self.writer.lock().take()
            // The last owner may be a job's completion, which runs on the writer itself.
            && thread.thread().id() != std::thread::current().id()
        {
            let _ = thread.join();
        }
        self.lock.lock().take();
    }

    fn send(&self, message: Message) -> Result<(), StoreError> {
        self.inbox.send(message).map_err(|_| StoreError::Stopping)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.stop();
    }
}

pub(crate) const CHAIN_META: &str = "chain-state";

/// How long a statement waits for another connection.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Continues the chain, or begins it in an empty journal.
pub(crate) fn unlock(
    connection: &mut Connection,
    shared: &Arc<Shared>,
    request: Unlock,
) -> Result<OpenChain, StoreError> {
    let site = shared.options.site;
    let keys = Arc::new(request.keys);
    let state = server_rows::read(connection, Some(&keys))?;
    let last = last_record(connection, site)?;
    if last.is_none()
        && connection.query_row("SELECT EXISTS (SELECT 1 FROM objects)", [], |r| r.get(0))?
    {
        // Nobody is served from a state that no journal explains.
        return Err(journal_missing("every record"));
    }
    let seal = Seal::read(connection, &keys)?;
    if let Some(seal) = &seal {
        seal.check(connection, site)?;
    }
    let chain = match read_chain_state(connection, site, &keys)? {
        Some((_, true)) if seal.is_none() => return Err(seal::missing()),
        Some((chain_state, _)) => {
            if let Some(seal) = &seal {
                seal.check_segment(&chain_state, last.as_ref())?;
            }
            let chain = Chain::resume(&chain_state, last.as_ref().map(|r| r.as_ref()).as_ref())
                .map_err(journal_fault)?;
            if let Some(seal) = &seal {
                seal.check_since(connection, site, &chain_state)?;
            }
            chain
        }
        None if last.is_none() => {
            Chain::new(ChainName::Changes, site, request.chain_seed).map_err(journal_fault)?
        }
        None => return Err(journal_missing("its sealed state")),
    };
    renew_due_dates(connection, &keys)?;
    let uses = match seal {
        Some(seal) => seal.uses,
        None => {
            // Both or neither: a state that tells of a seal needs one.
            let uses = ChainName::Uses.genesis(site);
            let tx = connection.transaction()?;
            write_chain_state(&tx, &chain, &keys)?;
            Seal::write(&tx, &keys, chain.head(), uses)?;
            tx.commit()?;
            uses
        }
    };
    shared.set_uses(uses);
    let clock = HybridClock::after(last.map_or(0, |r| r.hlc));
    shared.set_server_state(Arc::new(state));
    shared.set_head(chain.head(), clock.last());
    shared.set_keys(Some(keys.clone()));
    Ok(OpenChain { keys, chain, clock })
}

/// Ends the segment when it is full: a transaction of its own, between batches, because a key
/// that moved on cannot be rolled back. Whether one ended.
pub(crate) fn end_segment(
    connection: &Connection,
    shared: &Shared,
    open: &mut OpenChain,
) -> Result<bool, StoreError> {
    if open.chain.segment_len() < shared.options.segment_records {
        return Ok(false);
    }
    let hlc = open.clock.tick(open.clock.last() as i64 >> 16);
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let record = open.chain.end_segment(hlc, "server").map_err(journal_fault)?;
    insert_record(connection, &record)?;
    write_chain_state(connection, &open.chain, &open.keys)?;
    // What comes after the seal can then be checked with the key of the new segment.
    Seal::write(connection, &open.keys, open.chain.head(), shared.uses())?;
    connection.execute_batch("COMMIT")?;
    shared.set_head(open.chain.head(), open.clock.last());
    Ok(true)
}

pub(crate) fn write_chain_state(
    connection: &Connection,
    chain: &Chain,
    keys: &StoreKeys,
) -> Result<(), StoreError> {
    let vault = Sealed(&keys.chain_seal);
    let sealed = chain.state().and_then(|s| s.seal(&vault)).map_err(journal_fault)?;
    connection.execute(
        "INSERT INTO meta (key, value) VALUES (?1, ?2) \
         ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        params![CHAIN_META, sealed],
    )?;
    Ok(())
}

/// What is needed to continue the chain, and whether the store must have a seal; none in a store
/// without journal.
pub(crate) fn read_chain_state(
    connection: &Connection,
    site: u32,
    keys: &StoreKeys,
) -> Result<Option<(ChainState, bool)>, StoreError> {
    let Some(sealed) = read_meta(connection, CHAIN_META)? else { return Ok(None) };
    let open = |vault: &dyn Vault| ChainState::open(ChainName::Changes, site, &sealed, vault);
    match open(&Sealed(&keys.chain_seal)) {
        Ok(state) => Ok(Some((state, true))),
        Err(_) => Ok(Some((open(&keys.chain_seal).map_err(journal_fault)?, false))),
    }
}

pub(crate) fn read_meta(connection: &Connection, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(connection
        .query_row("SELECT value FROM meta WHERE key = ?1", params![key], |r| r.get(0))
        .optional()?)
}

pub(crate) fn last_record(
    connection: &Connection,
    site: u32,
) -> Result<Option<strongroom_journal::Record>, StoreError> {
    let seq: Option<i64> = connection.query_row(
        "SELECT MAX(seq) FROM journal WHERE site = ?1",
        params![site],
        |r| r.get(0),
    )?;
    let Some(seq) = seq else { return Ok(None) };
    Ok(read_journal(connection, site, seq as u64, 1)?.pop())
}

pub(crate) fn journal_missing(what: &str) -> StoreError {
    StoreError::Damaged("the journal".to_owned(), format!("{what} is missing"))
}

/// Keeps every server away from the database at `path` while the file that it gives is open.
///
/// # Errors
/// [`StoreError::InUse`], or the file's.
pub fn exclusive(path: &Path) -> Result<File, StoreError> {
    lock_file(path)
}

/// One server for one database: a lock on a file beside it, held while the store is open.
pub(crate) fn lock_file(path: &Path) -> Result<File, StoreError> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&name)
        .map_err(|e| StoreError::Database(format!("{}: {e}", name.display())))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(_) => Err(StoreError::InUse(path.display().to_string())),
    }
}

/// Makes the database file so that only its owner reads it; the files beside it follow its mode.
fn make_private(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path)
        .map(drop)
        .map_err(|e| StoreError::Database(format!("{}: {e}", path.display())))
}

/// A connection that writes, with or without flushing its commits, or one that only reads.
pub(crate) fn connect(path: &Path, write: Option<bool>) -> Result<Connection, StoreError> {
    let mut flags = OpenFlags::SQLITE_OPEN_NO_MUTEX;
    flags |= if write.is_some() {
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE
    } else {
        OpenFlags::SQLITE_OPEN_READ_ONLY
    };
    let connection = Connection::open_with_flags(path, flags)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.busy_timeout(PATIENCE)?;
    // What a savepoint must be able to bring back stays in memory: in a temporary file it cost
    // more than all else that a job does.
    connection.execute_batch(
        "PRAGMA mmap_size = 0; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY;",
    )?;
    if let Some(flush) = write {
        let synchronous = if flush { "FULL" } else { "OFF" };
        connection.execute_batch(&format!(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous}; \
             PRAGMA foreign_keys = ON; PRAGMA wal_autocheckpoint = 4000; \
             PRAGMA secure_delete = ON; PRAGMA cache_size = -32768;",
        ))?;
    } else {
        connection.execute_batch("PRAGMA cache_size = -2048;")?;
    }
    Ok(connection)
}
