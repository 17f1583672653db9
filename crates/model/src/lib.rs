//! What a key store *is*: managed objects, their life cycle, the changes that the journal
//! records, and the fold that turns changes into state.
//!
//! Everything here is pure: no I/O, no cryptography, no clock. Time comes in as a parameter, in
//! milliseconds since the Unix epoch. Names are those of KMIP; there is no second vocabulary.
//!
//! Two sites may write while they are cut off from each other, so state is a join-semilattice:
//! [`ManagedObject::join`] and [`ServerState::join`] are commutative, associative and idempotent,
//! and applying a [`Change`] is a join with what the change says. The rules:
//!
//! | what | rule |
//! |---|---|
//! | life cycle | Pre-Active < Active < Deactivated < Destroyed, join = max; Compromised is a flag |
//! | destroyed | never returns; the material is dropped whatever arrives later |
//! | attributes | last writer wins, by (hybrid clock, site) |
//! | grants, roles | removal wins over a concurrent grant |
//! | denials, certificate revocations | addition wins |
//! | approval rules | a rule holds until somebody who had seen it replaces or waives it |
//! | approvals | from anywhere; a request is carried out at the site that opened it, once |
//! | requests that left the list | gone for good, whatever arrives of them later |
//! | counters (usage, random IVs) | per-site allowance, join = max per site |
//!
//! ```
//! use strongroom_model::Lifecycle;
//! assert!(Lifecycle::Destroyed > Lifecycle::Active);
//! ```
#![forbid(unsafe_code)]

mod approval;
mod approvals;
mod change;
mod clock;
mod codec;
mod contest;
mod lifecycle;
mod names;
mod object;
mod server;
mod stamp;

pub use approval::{
    ApprovalRequest, ApprovalRule, Approvers, EndedBy, Ending, Given, NewApproval, RuleVersions,
};
pub use approvals::{Approvals, ENDED_KEPT_MS, Gone, MOST_ENDED, RequestId};
pub use change::{Change, ChangeKind, Counter, Event, NewObject, Origin, Setting};
pub use clock::{ClockAlarm, ClockGuard, ClockMark, FAIR_DRIFT_PPM, MAX_JUMP_MS, Reading};
pub use codec::{CodecError, MAX_ENCODED, name_of_tag};
pub use contest::{Contest, Seen};
pub use lifecycle::{Lifecycle, Purpose, StateFault, permits};
pub use names::{NameConflict, resolve_names};
pub use object::{
    AttributeKey, Creation, KeyBlock, ManagedObject, ObjectId, Register, SealedMaterial,
};
pub use server::{CertificateInfo, CertificateState, Role, ServerState};
pub use stamp::{HybridClock, Stamp};
