//! The writer thread: many jobs, one commit, one flush.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use strongroom_journal::Chain;
use strongroom_model::{HybridClock, ObjectId, ServerState};

use crate::error::StoreError;
use crate::keys::StoreKeys;
use crate::open::{PATIENCE, Shared, Unlock, end_segment, unlock};
use crate::read::ReadTx;
use crate::seal::Seal;
use crate::write::{Left, WriteTx};

/// What a job hands back: told, after the flush, whether it holds.
pub type Done = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// A change: runs in the transaction, or learns why there is none. It must leave nothing half
/// done: what may fail goes into [`WriteTx::nested`].
pub type Job = Box<dyn FnOnce(Result<&mut WriteTx<'_>, StoreError>) -> Done + Send>;

pub(crate) enum Message {
    Job(Job),
    Unlock(Box<Unlock>, Sender<Result<(), StoreError>>),
    Lock(Sender<()>),
    Checkpoint(Sender<Result<(), StoreError>>),
    Stop,
}

/// At most so many jobs share a commit, so that the first does not wait for ever.
const MAX_BATCH: usize = 512;

/// Between two attempts to empty the log of what the end of a segment left in it.
const ERASE_EVERY: Duration = Duration::from_secs(1);

pub(crate) struct Writer {
    pub(crate) connection: Connection,
    pub(crate) shared: Arc<Shared>,
    pub(crate) open: Option<OpenChain>,
    /// When the write-ahead log is to be emptied, if a segment's old key may be in it.
    pub(crate) erase: Option<Instant>,
}

/// What the writer holds while the store is unlocked.
pub(crate) struct OpenChain {
    pub(crate) keys: Arc<StoreKeys>,
    pub(crate) chain: Chain,
    pub(crate) clock: HybridClock,
}

impl Writer {
    pub(crate) fn run(mut self, inbox: &Receiver<Message>) {
        while let Ok(message) = inbox.recv() {
            match message {
                Message::Job(job) => {
                    if !self.batch(job, inbox) {
                        break;
                    }
                }
                other => {
                    if !self.control(other) {
                        break;
                    }
                }
            }
        }
    }

    /// Everything but jobs. False means stop.
    fn control(&mut self, message: Message) -> bool {
        match message {
            Message::Job(job) => refuse(job, StoreError::Stopping),
            Message::Unlock(request, reply) => {
                let result = unlock(&mut self.connection, &self.shared, *request);
                // A segment may have ended right before a crash.
                self.erase = Some(Instant::now());
                let _ = reply.send(result.map(|open| self.open = Some(open)));
            }
            Message::Lock(reply) => {
                self.open = None;
                self.shared.set_keys(None);
                let _ = reply.send(());
            }
            Message::Checkpoint(reply) => {
                let _ = reply.send(self.checkpoint());
            }
            Message::Stop => return false,
        }
        true
    }

    fn checkpoint(&self) -> Result<(), StoreError> {
        let busy: bool =
            self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |r| r.get(0))?;
        if busy {
            let why = "a reader kept the write-ahead log from being emptied".to_owned();
            return Err(StoreError::Database(why));
        }
        Ok(())
    }

    /// Runs `first` and whatever else waits, in one transaction. False means stop.
    fn batch(&mut self, first: Job, inbox: &Receiver<Message>) -> bool {
        let Some(open) = &mut self.open else {
            refuse(first, StoreError::Locked);
            return true;
        };
        if self.shared.failed.load(Ordering::Acquire) {
            refuse(first, StoreError::Failed);
            return true;
        }
        if let Err(error) = begin(&self.connection, &self.shared) {
            refuse(first, error);
            return true;
        }
        let before = open.chain.snapshot();
        let clock_before = open.clock;
        let started = Instant::now();
        let mut dones = Vec::new();
        let mut after = None;
        let left = {
            let site = self.shared.options.site;
            let read = ReadTx { connection: &self.connection, keys: open.keys.clone(), site };
            let mut tx =
                WriteTx::new(read, &mut open.chain, &mut open.clock, self.shared.server_state());
            let mut next = Some(first);
            let mut panicked = None;
            while let Some(job) = next.take() {
                match contained(|| job(Ok(&mut tx))) {
                    Ok(done) => dones.push(done),
                    Err(error) => {
                        panicked = Some(error);
                        break;
                    }
                }
                if dones.len() < MAX_BATCH && started.elapsed() < self.shared.options.batch_time {
                    match inbox.try_recv() {
                        Ok(Message::Job(job)) => next = Some(job),
                        Ok(other) => after = Some(other),
                        Err(_) => {}
                    }
                }
            }
            let left = tx.finish();
            Left { poison: panicked.or(left.poison), ..left }
        };
        let left = self.seal(left);
        let committing = Instant::now();
        let result = match (left.lost, left.poison) {
            (Some(error), _) => Err(self.give_up(error, false)),
            (None, Some(error)) => Err(self.give_up(error, true)),
            (None, None) => self.commit(before == open_head(&self.open) && !left.local),
        };
        match &result {
            Ok(()) => {
                self.shared.count(dones.len() as u64, committing.elapsed());
                if let Some(uses) = left.uses {
                    self.shared.set_uses(uses);
                }
                self.publish(left.touched, left.server_state);
            }
            Err(_) => {
                if let Some(open) = &mut self.open {
                    // Nothing will be appended after a failed flush, but the head must not claim
                    // records that are not there.
                    let _ = open.chain.restore(before);
                    open.clock = clock_before;
                }
            }
        }
        for done in dones {
            let result = result.clone();
            let _ = contained(|| done(result));
        }
        self.end_segment_if_full();
        self.erase_old_key();
        after.is_none_or(|message| self.control(message))
    }

    /// Writes the seal anew where what it tells has changed.
    fn seal(&self, left: Left) -> Left {
        let Some(open) = self.open.as_ref().filter(|_| left.server_rows || left.uses.is_some())
        else {
            return left;
        };
        if left.lost.is_some() || left.poison.is_some() {
            return left;
        }
        let uses = left.uses.unwrap_or_else(|| self.shared.uses());
        match Seal::write(&self.connection, &open.keys, open.chain.head(), uses) {
            Ok(()) => left,
            Err(error) => Left { lost: Some(error), ..left },
        }
    }

    /// Commits and flushes. A batch that appended nothing has nothing to flush.
    fn commit(&mut self, unchanged: bool) -> Result<(), StoreError> {
        if unchanged {
            return Ok(self.connection.execute_batch("ROLLBACK")?);
        }
        let committed = self
            .shared
            .faults
            .before_commit()
            .and_then(|()| self.connection.execute_batch("COMMIT").map_err(StoreError::from));
        committed.map_err(|error| self.give_up(error, false))
    }

    /// Undoes the transaction. A disk that is full took nothing, and may have room later; a fault
    /// of a job touched no disk. After any other fault nobody knows what the disk holds.
    fn give_up(&self, error: StoreError, fault_of_a_job: bool) -> StoreError {
        let undone =
            self.connection.is_autocommit() || self.connection.execute_batch("ROLLBACK").is_ok();
        if undone && (fault_of_a_job || matches!(error, StoreError::Full)) {
            tracing::error!(%error, "changes were undone");
        } else {
            tracing::error!(%error, "a commit failed: changes are refused until a restart");
            self.shared.failed.store(true, Ordering::Release);
        }
        error
    }

    fn publish(&self, touched: BTreeSet<ObjectId>, server_state: Arc<ServerState>) {
        self.shared.set_server_state(server_state);
        if let Some(open) = &self.open {
            self.shared.set_head(open.chain.head(), open.clock.last());
        }
        if !touched.is_empty() {
            let touched: Vec<ObjectId> = touched.into_iter().collect();
            (self.shared.on_commit)(&touched);
        }
    }

    fn end_segment_if_full(&mut self) {
        let Some(open) = &mut self.open else { return };
        match end_segment(&self.connection, &self.shared, open) {
            Ok(false) => {}
            Ok(true) => self.erase = Some(Instant::now()),
            Err(error) => {
                // The key has moved on in memory and not on disk: only a restart mends that.
                tracing::error!(%error, "a journal segment could not be closed");
                self.shared.failed.store(true, Ordering::Release);
                if !self.connection.is_autocommit() {
                    let _ = self.connection.execute_batch("ROLLBACK");
                }
            }
        }
    }

    /// The sealed key of a segment that ended lies in the write-ahead log until that is emptied. Whoever
    /// takes the host later must not find it there: with it and the root key the segment could be
    /// written anew. A reader may be in the way, and no change waits for one: then it is tried again.
    fn erase_old_key(&mut self) {
        if self.erase.is_none_or(|due| Instant::now() < due) {
            return;
        }
        let emptied = self
            .connection
            .busy_timeout(Duration::ZERO)
            .map_err(StoreError::from)
            .and_then(|()| self.checkpoint());
        let _ = self.connection.busy_timeout(PATIENCE);
        self.erase = emptied.is_err().then(|| Instant::now() + ERASE_EVERY);
    }
}

/// Runs what others wrote: a bug in one change must not end the writer for all.
fn contained<R>(work: impl FnOnce() -> R) -> Result<R, StoreError> {
    // Whatever a panic leaves half done is in the transaction, which is rolled back whole.
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| StoreError::Panicked)
}

fn refuse(job: Job, error: StoreError) {
    let _ = contained(|| job(Err(error.clone()))(Err(error)));
}

fn begin(connection: &Connection, shared: &Shared) -> Result<(), StoreError> {
    if let Some(pages) = shared.faults.page_limit() {
        connection.execute_batch(&format!("PRAGMA max_page_count = {pages}"))?;
    }
    Ok(connection.execute_batch("BEGIN IMMEDIATE")?)
}

fn open_head(open: &Option<OpenChain>) -> strongroom_journal::Snapshot {
    match open {
        Some(open) => open.chain.snapshot(),
        None => unreachable!("a batch runs only while the store is unlocked"),
    }
}
