//! The store: journal and state, in one transaction.
//!
//! Changes are *jobs*: closures that run on the one writer thread, inside a transaction, where
//! they read the current state, decide, and [append](WriteTx::append) changes. Many jobs share a
//! commit, and so a flush of the disk; a job's completion is told only after that flush. A job
//! that fails is undone alone. After a flush that failed nothing is accepted until a restart,
//! because nobody knows what the disk holds.
//!
//! Reads take a snapshot on another connection and never wait for the writer.
//!
//! The engine is SQLite, bundled: write-ahead log, `synchronous = FULL`, one writer, never mapped
//! into memory. The SQL keeps to what PostgreSQL 15 shares; the seam for another engine is this
//! crate's interface.
#![forbid(unsafe_code)]

mod adopt;
mod error;
mod faults;
mod histogram;
mod index;
mod keys;
mod offline;
mod open;
mod read;
mod schema;
mod seal;
mod server_rows;
mod verify;
mod write;
mod writer;

pub use adopt::{Adoption, adopt, settle};
pub use error::StoreError;
pub use faults::Faults;
pub use histogram::Counts;
pub use index::{archival_due, rotation_due, scheduled_archival, scheduled_destruction};
pub use keys::StoreKeys;
pub use offline::JournalFile;
pub use open::{CommitHook, Options, Stats, Store, exclusive};
pub use read::{Candidates, Order, ReadTx};
pub use verify::{Difference, Verification};
pub use write::WriteTx;
pub use writer::{Done, Job};
