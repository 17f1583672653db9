//! The key manager: one request in, one reply out. No sockets.
//!
//! A request flows one way: bytes, decode, identity, policy, operation, journal, reply.
//! [`Engine::handle`] is that way; `request.rs` walks it, `operations/` holds the table of
//! operations and one file for each family.
//!
//! * **Uses** (Get, Decrypt ...) run where they arrive, on objects in memory, and are recorded in
//!   the chain of uses before their reply leaves.
//! * **Changes** run on the store's writer, in one transaction with their journal records, and
//!   their reply leaves after the flush. A use that finds it has to change something (a counter's
//!   next block) is run again there.
#![forbid(unsafe_code)]

mod access;
mod admin;
mod ahead;
mod allowance;
mod answers;
mod approval_list;
mod approval_rules;
mod approvals;
mod around;
mod attributes;
mod audit;
mod backup;
mod cache;
mod caller;
mod clock;
mod config;
mod context;
mod counters;
mod disk;
mod engine;
mod error;
mod event;
mod expiring;
mod forward;
mod grants;
mod guard;
mod heads;
#[cfg(test)]
mod it;
mod judge;
mod keys;
mod machine;
mod maker;
mod manage;
mod missing;
mod objects;
mod offline;
mod operations;
mod quarantine;
mod quorum;
mod refusal;
mod replica;
mod request;
mod retention;
mod roles;
mod root;
mod root_key;
mod rotation;
mod rules;
mod served;
mod slots;
mod streams;
mod sweep;
mod takeover;
mod trail;
mod unseal;
mod unsealed;
mod use_report;

pub use admin::Status;
pub use ahead::Ending;
pub use answers::KeptAnswer;
pub use approvals::{AdminAsk, Approval, ApprovalState, NEEDS_APPROVAL};
pub use around::{Mark, Rehearsal, Step};
pub use audit::UseRecord;
pub use backup::{
    Backup, BackupHeader, BackupUnlock, Drill, ReplicaMade, ReplicaPlan, Restored, VerifiedBackup,
    drill, restore, restore_replica, verify_backup,
};
pub use caller::Caller;
pub use config::EngineConfig;
pub use counters::Outcome;
pub use disk::{DiskLimits, DiskState, DiskStatus};
pub use engine::Engine;
pub use error::EngineError;
pub use event::Event;
pub use expiring::{Comes, Expiring, ExpiringPlace};
pub use forward::siem_event;
pub use grants::{Grant, GrantOn, KeyGroup, Subject};
pub use judge::RevocationLists;
pub use keys::{KeyDetail, KeyFilter, KeySummary};
pub use manage::{
    ImportRefused, ImportedKey, KeyToImport, MadeKey, NewKey, Revocation, Wrapped, WrappedHow,
};
pub use missing::KEEP_USES;
pub use offline::{FilesReport, Unmet, anchors_in, verify_files};
pub use operations::offered_operations;
pub use quarantine::Quarantine;
pub use refusal::Refusal;
pub use replica::{MOST_REPLICA_SITE, Replica};
pub use request::{Reply, ReplyFn};
pub use retention::{Fate, Forwarded, Retained, Retention, SEGMENT_DELETED, SegmentFate};
pub use root_key::{NewRootKey, PreparedRootKey};
pub use rules::{Difference, Question, RulesDiff};
pub use slots::{DealtShare, MadeSlot, NewSlot, SlotInfo};
pub use sweep::Failing;
pub use takeover::{Confirmation, Confirmed};
pub use trail::{AuditEntry, AuditFault, AuditFilter, AuditReport};
pub use unseal::{Unlock, UnsealProgress, Unsealing};
pub use use_report::{Hangs, UseReport, UserUses, UsesOf};
