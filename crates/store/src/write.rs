//! Changing: the transaction that jobs run in, on the writer thread.

use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::Arc;

use rusqlite::{Connection, params};
use strongroom_journal::{Chain, Head, Record};
use strongroom_model::{
    Change, ChangeKind, HybridClock, MAX_ENCODED, ManagedObject, ObjectId, Origin, ServerState,
    Stamp,
};

use crate::error::StoreError;
use crate::index::{due_dates, entries};
use crate::read::ReadTx;
use crate::server_rows;
use crate::verify::FIRST_OTHER_KIND;

/// What a rollback must bring back besides the database.
struct Mark {
    chain: strongroom_journal::Snapshot,
    clock: HybridClock,
    server_state: Arc<ServerState>,
}

/// What a batch leaves.
pub(crate) struct Left {
    /// The objects changed.
    pub(crate) touched: BTreeSet<ObjectId>,
    /// The server's own state.
    pub(crate) server_state: Arc<ServerState>,
    /// Whether anything beside the journal and the state was written.
    pub(crate) local: bool,
    /// Whether the server's own rows were changed.
    pub(crate) server_rows: bool,
    /// The end of the chain of uses, if one is to be kept.
    pub(crate) uses: Option<Head>,
    /// Why the transaction is lost, if it is.
    pub(crate) lost: Option<StoreError>,
    /// A change that failed half way, outside of any part that could be undone by itself.
    pub(crate) poison: Option<StoreError>,
}

/// A transaction that may change the store. Reads through it see its own changes.
pub struct WriteTx<'a> {
    read: ReadTx<'a>,
    chain: &'a mut Chain,
    clock: &'a mut HybridClock,
    server_state: Arc<ServerState>,
    touched: BTreeSet<ObjectId>,
    depth: u32,
    /// Whether anything beside the journal and the state was written.
    local: bool,
    /// Whether the server's own rows were changed, or might have been.
    server_rows: bool,
    /// The end of the chain of uses, if one is to be kept.
    uses: Option<Head>,
    /// A change that failed half way and is not undone yet.
    poison: Option<StoreError>,
    /// Why the engine rolled the whole transaction back by itself, if it did.
    lost: Option<StoreError>,
}

impl<'a> Deref for WriteTx<'a> {
    type Target = ReadTx<'a>;

    fn deref(&self) -> &ReadTx<'a> {
        &self.read
    }
}

impl<'a> WriteTx<'a> {
    pub(crate) fn new(
        read: ReadTx<'a>,
        chain: &'a mut Chain,
        clock: &'a mut HybridClock,
        server_state: Arc<ServerState>,
    ) -> Self {
        Self {
            read,
            chain,
            clock,
            server_state,
            touched: BTreeSet::new(),
            depth: 0,
            local: false,
            server_rows: false,
            uses: None,
            poison: None,
            lost: None,
        }
    }

    /// The server's own state as this transaction sees it.
    pub fn server_state(&self) -> &Arc<ServerState> {
        &self.server_state
    }

    /// The site whose chain this transaction writes.
    pub fn site(&self) -> u32 {
        self.chain.site()
    }

    /// The end of the chain of changes as this transaction sees it.
    pub fn head(&self) -> Head {
        self.chain.head()
    }

    /// What the batch left.
    pub(crate) fn finish(self) -> Left {
        let lost = self.alive().err();
        Left {
            touched: self.touched,
            server_state: self.server_state,
            local: self.local,
            server_rows: self.server_rows,
            uses: self.uses,
            lost,
            poison: self.poison,
        }
    }

    /// A full disk or a failing one makes SQLite roll the whole transaction back by itself.
    /// What were written after that would be committed on its own, so nothing may be.
    fn alive(&self) -> Result<(), StoreError> {
        if !self.read.connection.is_autocommit() {
            return Ok(());
        }
        Err(self
            .lost
            .clone()
            .unwrap_or_else(|| StoreError::Database("the transaction was rolled back".to_owned())))
    }

    /// Remembers the first error that took the transaction with it.
    fn note_loss<R>(&mut self, result: Result<R, StoreError>) -> Result<R, StoreError> {
        if let Err(error) = &result
            && self.lost.is_none()
            && self.read.connection.is_autocommit()
        {
            self.lost = Some(error.clone());
        }
        result
    }

    /// Runs `work` so that an error undoes what it did, and only that.
    ///
    /// # Errors
    /// What `work` returns, or the database's refusal to begin or end.
    pub fn nested<R, E: From<StoreError>>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<R, E>,
    ) -> Result<R, E> {
        let mark = Mark {
            chain: self.chain.snapshot(),
            clock: *self.clock,
            server_state: self.server_state.clone(),
        };
        self.alive()?;
        let outer = self.poison.take();
        self.depth += 1;
        let name = format!("s{}", self.depth);
        let begun = self.execute(&format!("SAVEPOINT {name}"));
        let result = match begun {
            Ok(()) => work(self),
            Err(error) => Err(E::from(error)),
        };
        self.depth -= 1;
        // Also when the work made light of a change that failed half way.
        let result = match (result, std::mem::replace(&mut self.poison, outer)) {
            (Ok(_), Some(error)) => Err(E::from(error)),
            (result, _) => result,
        };
        match result {
            Ok(value) => {
                if let Err(error) = self.execute(&format!("RELEASE {name}")) {
                    self.poison = Some(error.clone());
                    return Err(E::from(error));
                }
                Ok(value)
            }
            Err(error) => {
                self.chain.restore(mark.chain).map_err(journal_fault)?;
                *self.clock = mark.clock;
                self.server_state = mark.server_state;
                if self.alive().is_err() {
                    // There is no savepoint any more; the batch will be told.
                    return Err(error);
                }
                let undone = self
                    .execute(&format!("ROLLBACK TO {name}"))
                    .and_then(|()| self.execute(&format!("RELEASE {name}")));
                if let Err(error) = undone {
                    self.poison = Some(error.clone());
                    return Err(E::from(error));
                }
                Err(error)
            }
        }
    }

    /// Journals a change and folds it into the state, in this transaction.
    ///
    /// # Errors
    /// The database's. Half of the change may be written then, so whatever the caller makes of
    /// the error, the [`nested`](Self::nested) part that it is in is undone; outside of any, the
    /// whole commit.
    pub fn append(
        &mut self,
        origin: &Origin,
        change: &Change,
        now_ms: i64,
    ) -> Result<Stamp, StoreError> {
        self.alive()?;
        let appended = self.append_alive(origin, change, now_ms);
        if let Err(error) = &appended
            && self.poison.is_none()
        {
            self.poison = Some(error.clone());
        }
        self.note_loss(appended)
    }

    fn append_alive(
        &mut self,
        origin: &Origin,
        change: &Change,
        now_ms: i64,
    ) -> Result<Stamp, StoreError> {
        let hlc = self.clock.tick(now_ms);
        let body = change.encode(origin);
        readable("the journal record", &body)?;
        let record = self
            .chain
            .append(hlc, origin.user.as_str(), change.kind() as u16, body)
            .map_err(journal_fault)?;
        let stamp = Stamp { hlc, site: self.chain.site() };
        insert_record(self.read.connection, &record)?;
        self.fold(stamp, change)?;
        Ok(stamp)
    }

    /// Keeps bytes that belong to this copy of the store and not to its state: what must be
    /// erasable cannot go into a journal. None erases them.
    ///
    /// # Errors
    /// The database's.
    pub fn put_local(&mut self, key: &str, value: Option<&[u8]>) -> Result<(), StoreError> {
        self.alive()?;
        self.local = true;
        let key = format!("local:{key}");
        match value {
            Some(value) => self
                .read
                .connection
                .prepare_cached(
                    "INSERT INTO meta (key, value) VALUES (?1, ?2) \
                     ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                )?
                .execute(params![key, value])?,
            None => self
                .read
                .connection
                .prepare_cached("DELETE FROM meta WHERE key = ?1")?
                .execute(params![key])?,
        };
        Ok(())
    }

    /// Keeps how far the chain of uses has come, so that its loss shows when the store is opened
    /// again ([`Store::uses`](crate::Store::uses)). Only what is flushed may be told here: what a
    /// crash takes back would look as if somebody had removed it.
    pub fn keep_uses(&mut self, head: Head) {
        self.local = true;
        self.uses = Some(head);
    }

    /// Takes over a record of this site's chain as it is, with what it says.
    pub(crate) fn bring_over(&mut self, record: &Record) -> Result<(), StoreError> {
        insert_record(self.read.connection, record)?;
        // What the chain keeps about itself is no part of the state.
        if ChangeKind::from_code(record.kind).is_none() && record.kind >= FIRST_OTHER_KIND {
            return Ok(());
        }
        let (_, change) = Change::decode(record.kind, &record.body).map_err(|e| {
            StoreError::Damaged(format!("journal record {}", record.seq), e.to_string())
        })?;
        self.clock.observe(record.hlc);
        self.fold(Stamp { hlc: record.hlc, site: record.site }, &change)
    }

    fn fold(&mut self, stamp: Stamp, change: &Change) -> Result<(), StoreError> {
        let Some(id) = change.object() else {
            let state = Arc::make_mut(&mut self.server_state);
            state.apply(stamp, change);
            self.server_rows = true;
            return server_rows::write(self.read.connection, &self.read.keys, state, change);
        };
        let before = match change {
            // A new id cannot have a row: one look-up less on the way of every Create. Import
            // replaces by destroying first, under another id.
            Change::Created(_) => None,
            _ => self.object(id)?,
        };
        let mut after = before.clone().unwrap_or_else(|| ManagedObject::unknown(id.clone()));
        after.apply(stamp, change);
        self.put(before.as_ref(), &after)?;
        self.touched.insert(id.clone());
        Ok(())
    }

    fn put(&self, before: Option<&ManagedObject>, after: &ManagedObject) -> Result<(), StoreError> {
        let connection = self.read.connection;
        let id = after.id.as_str();
        let row = after.encode();
        readable(id, &row)?;
        let mac = self.read.keys.row_mac("objects", id, &row);
        let sql = if before.is_none() {
            "INSERT INTO objects (id, object_type, owner, lifecycle, created, epoch, row, mac) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
        } else {
            "UPDATE objects SET object_type = ?2, owner = ?3, lifecycle = ?4, created = ?5, \
             epoch = ?6, row = ?7, mac = ?8 WHERE id = ?1"
        };
        connection.prepare_cached(sql)?.execute(params![
            id,
            after.object_type().0,
            after.owner(),
            after.lifecycle as i64,
            after.creation.as_ref().map_or(0, |c| c.stamp.hlc as i64),
            after.material.as_ref().map(|m| m.epoch),
            row,
            mac,
        ])?;
        let old = before.map(entries).unwrap_or_default();
        let new = entries(after);
        for (attribute, value) in old.iter().filter(|e| !new.contains(e)) {
            connection
                .prepare_cached(
                    "DELETE FROM attribute_values WHERE attribute = ?1 AND value = ?2 AND id = ?3",
                )?
                .execute(params![attribute, value, id])?;
        }
        for (attribute, value) in new.iter().filter(|e| !old.contains(e)) {
            connection
                .prepare_cached(
                    "INSERT INTO attribute_values (attribute, value, id) VALUES (?1, ?2, ?3)",
                )?
                .execute(params![attribute, value, id])?;
        }
        let old = before.map(due_dates).unwrap_or_default();
        let new = due_dates(after);
        for at in old.iter().filter(|d| !new.contains(d)) {
            connection
                .prepare_cached("DELETE FROM due WHERE at = ?1 AND id = ?2")?
                .execute(params![at, id])?;
        }
        for at in new.iter().filter(|d| !old.contains(d)) {
            connection
                .prepare_cached("INSERT INTO due (at, id) VALUES (?1, ?2)")?
                .execute(params![at, id])?;
        }
        Ok(())
    }

    fn execute(&self, sql: &str) -> Result<(), StoreError> {
        self.read.connection.prepare_cached(sql)?.execute([])?;
        Ok(())
    }
}

/// What could not be read back must not be written.
fn readable(what: &str, bytes: &[u8]) -> Result<(), StoreError> {
    if bytes.len() > MAX_ENCODED {
        let what = what.to_owned();
        return Err(StoreError::TooLarge { what, len: bytes.len(), limit: MAX_ENCODED });
    }
    Ok(())
}

pub(crate) fn journal_fault(error: strongroom_journal::ChainError) -> StoreError {
    StoreError::Damaged("the journal".to_owned(), error.to_string())
}

pub(crate) fn insert_record(connection: &Connection, record: &Record) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO journal (site, seq, hlc, actor, kind, body, prev, hash, mac) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            record.site,
            record.seq as i64,
            record.hlc as i64,
            record.actor,
            record.kind,
            record.body,
            record.prev,
            record.hash,
            record.mac,
        ])?;
    Ok(())
}
