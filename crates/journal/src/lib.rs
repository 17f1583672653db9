//! Hash-chained, append-only log: what happened, in a form that shows when it was altered.
//!
//! A site keeps two chains of one record format. *Changes* are rows of the store, written in the
//! same transaction as the state they lead to; the store keeps a [`Chain`] for them, which is
//! pure. *Uses* go to segment files through a [`UseJournal`], which writes, flushes and recovers.
//!
//! What protects a record, from the cheapest to the strongest:
//!
//! - each record's hash covers all its fields and the hash before it: [`verify()`] finds any edit,
//!   removal, reorder or duplicate and says where;
//! - each record has a MAC under the key of its segment. When a segment ends, the next key is
//!   derived and the old one erased: whoever takes the host today cannot forge yesterday;
//! - signed heads ([`SignedHead`]) are carried elsewhere: with them, and without any secret, a
//!   rebuilt or truncated chain shows.
//!
//! This crate does not know what the bodies of records mean (the model and the engine do), has no
//! clock, and takes its sealing key as a [`Vault`].
//!
//! ```
//! use strongroom_journal::{Chain, ChainName, Start, Verifier, verify};
//!
//! let mut chain = Chain::generate(ChainName::Changes, 1)?;
//! let mut records = vec![chain.append(10, "alice", 1, b"created".to_vec())?];
//! records.push(chain.append(11, "bob", 6, b"destroyed".to_vec())?);
//!
//! let verifier = || Verifier::new(ChainName::Changes, 1, Start::genesis(ChainName::Changes, 1));
//! assert_eq!(verify(records.clone(), verifier()).unwrap().head, chain.head());
//!
//! records[0].body = b"nothing".to_vec();
//! assert_eq!(verify(records, verifier()).unwrap_err().seq, 1);
//! # Ok::<(), strongroom_journal::ChainError>(())
//! ```
#![forbid(unsafe_code)]

mod chain;
mod codec;
pub mod faults;
pub mod files;
mod head;
pub mod kind;
mod packed;
mod reader;
mod record;
mod recover;
mod segment;
mod uses;
mod verify;

pub use chain::{
    Chain, ChainError, ChainState, DEFAULT_SEGMENT_RECORDS, SegmentKey, Snapshot, Vault,
};
pub use codec::BadBytes;
pub use head::{AnchorError, SignedHead, key_id};
pub use reader::{Filter, ReadError, Records, UseReader};
pub use record::{ChainName, Head, MAX_ACTOR, MAX_BODY, Record, RecordRef};
pub use uses::{
    AppendError, Durability, Entry, Hold, OpenError, Options, SealedSegment, Status, UseJournal,
};
pub use verify::{Fault, Report, Start, Verifier, What, verify};
