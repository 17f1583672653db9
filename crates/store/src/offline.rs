//! The journal of a database file, without the store: for verifying a copy, where there is no
//! server and no key.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use strongroom_journal::Record;

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

    /// Records of the chain of changes of `site`, from sequence `from`, at most `limit`.
    ///
    /// # Errors
    /// The database's.
    pub fn records(&self, site: u32, from: u64, limit: u32) -> Result<Vec<Record>, StoreError> {
        read_journal(&self.0, site, from, limit)
    }
}
