//! What can go wrong in a store.

/// Why the store did not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database engine refused.
    #[error("the database refused: {0}")]
    Database(String),
    /// The disk is full.
    #[error("the disk that holds the database is full: free space on it, then try again")]
    Full,
    /// An object has grown over what the store reads back.
    #[error("{what} would take {len} bytes; at most {limit} can be stored: make it smaller")]
    TooLarge {
        /// What is too large.
        what: String,
        /// Its length, bytes.
        len: usize,
        /// The limit, bytes.
        limit: usize,
    },
    /// A commit could not be flushed; nothing is accepted until a restart.
    #[error(
        "an earlier commit could not be flushed to disk; changes are refused until the server is \
         restarted: check the disk, then restart"
    )]
    Failed,
    /// A change of the same commit met a bug; this one was undone with it.
    #[error("an internal error undid this change: try again, and report what the log says")]
    Panicked,
    /// The store is locked: the root key is not open.
    #[error("the store is sealed: unseal it first")]
    Locked,
    /// A row was altered outside the server, or the disk returned other bytes than were written.
    #[error("the record of {0} does not match its authentication code: restore it from a backup")]
    Tampered(String),
    /// Rows that were there are gone, or rows of another day are back, and the seal of the store
    /// shows it.
    #[error("the store is not as it was left: {0}; restore it from a backup")]
    Incomplete(&'static str),
    /// A row cannot be read.
    #[error("the record of {0} cannot be read: {1}")]
    Damaged(String, String),
    /// The database was written by a newer version.
    #[error("the database has schema version {found}; this build knows up to {known}: upgrade it")]
    Newer {
        /// The version found.
        found: i64,
        /// The newest version this build knows.
        known: i64,
    },
    /// Another server has the database open.
    #[error("{0} is in use by another server: stop that one first")]
    InUse(String),
    /// The writer is gone: the server is stopping.
    #[error("the server is stopping")]
    Stopping,
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        if let rusqlite::Error::SqliteFailure(code, _) = &error
            && code.code == rusqlite::ErrorCode::DiskFull
        {
            return Self::Full;
        }
        Self::Database(error.to_string())
    }
}
