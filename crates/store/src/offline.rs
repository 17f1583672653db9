//! The journal of a database file, without the store: for verifying a copy, where there is no
//! server and no key.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use strongroom_journal::{ChainName, Head, Record};
use strongroom_model::Lifecycle;

use crate::error::StoreError;
use crate::read::read_journal;

/// A database file opened for reading its journal, and nothing else.
pub struct JournalFile(Connection);

impl JournalFile {
    /// Opens the file. A server may have it open at the same time.
    ///
    /// # Errors
    /// The database's: no such file, or none of ours.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(Duration::from_secs(10))?;
        connection.execute_batch("PRAGMA mmap_size = 0; PRAGMA trusted_schema = OFF;")?;
        Ok(Self(connection))
    }

    /// The sites that have records in it, smallest first.
    ///
    /// # Errors
    /// The database's.
    pub fn sites(&self) -> Result<Vec<u32>, StoreError> {
        let mut statement = self.0.prepare("SELECT DISTINCT site FROM journal ORDER BY site")?;
        let rows = statement.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The site that the store was made for, if it says so ([`adopt`](crate::adopt)).
    ///
    /// # Errors
    /// The database's.
    pub fn site(&self) -> Result<Option<u32>, StoreError> {
        crate::adopt::own_site(&self.0)
    }

    /// The end of the chain of changes of `site`.
    ///
    /// # Errors
    /// The database's.
    pub fn head(&self, site: u32) -> Result<Head, StoreError> {
        let last: Option<i64> =
            self.0.query_row("SELECT MAX(seq) FROM journal WHERE site = ?1", [site], |row| {
                row.get(0)
            })?;
        let genesis = ChainName::Changes.genesis(site);
        let Some(seq) = last else { return Ok(genesis) };
        let record = self.records(site, seq.unsigned_abs(), 1)?.pop();
        Ok(record.map_or(genesis, |r| Head { seq: r.seq, hash: r.hash }))
    }

    /// How many objects are destroyed.
    ///
    /// # Errors
    /// The database's.
    pub fn destroyed(&self) -> Result<u64, StoreError> {
        let destroyed = Lifecycle::Destroyed as i64;
        let count: i64 = self.0.query_row(
            "SELECT COUNT(*) FROM objects WHERE lifecycle = ?1",
            [destroyed],
            |row| row.get(0),
        )?;
        Ok(count.unsigned_abs())
    }

    /// Records of the chain of changes of `site`, from sequence `from`, at most `limit`.
    ///
    /// # Errors
    /// The database's.
    pub fn records(&self, site: u32, from: u64, limit: u32) -> Result<Vec<Record>, StoreError> {
        read_journal(&self.0, site, from, limit)
    }
}
