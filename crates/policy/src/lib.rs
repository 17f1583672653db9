//! Who may do what: facts of a request in, a decision and the rule that made it out.
//!
//! A user is the CN of a client certificate, a group an OU, a role is granted by an officer, a key
//! group is a set of keys that officers make. What is asked, in this order:
//!
//! 1. **Duties** ([`duty`]), in this program's own code. System administrators, auditors and
//!    custodians neither make nor use keys; an administrative action is for the roles that have
//!    it. No rule, no ownership and no grant lifts that.
//!    What waits for others to agree, and who may, is in [`approval`].
//! 2. **Rules** ([`Rules`]) in Cedar's language: the built-in ones, which the file
//!    `builtin.cedar` holds, and those of the installation. Whatever one rule forbids is denied;
//!    else what one permits is allowed; everything else is denied. Their order does not matter.
//!
//! By the built-in rules anyone may ask what the server is and can; key users, crypto officers
//! and users without a role may make objects; the owner of an object may do everything on it; a
//! grant allows one operation to a user or a group. `Get` implies nothing else.
//!
//! A [`Decider`] remembers decisions. It knows nothing of certificates that are revoked, of states
//! and dates of keys, or of attributes such as Sensitive: those are checked where they live,
//! whatever is decided here.
//!
//! ```
//! use strongroom_kmip::Operation;
//! use strongroom_policy::{Action, Decider, Request, Who, rule};
//!
//! let decider = Decider::new()?;
//! let groups = ["payroll".to_owned()];
//! let decision = decider.decide(&Request {
//!     who: Who { user: "alice", groups: &groups, role: None, conflicting: false },
//!     action: Action::Kmip(Operation::CREATE),
//!     object: None,
//! });
//! assert!(decision.allowed);
//! assert_eq!(decision.rule(), rule::CREATE);
//! # Ok::<(), strongroom_policy::RulesError>(())
//! ```
#![forbid(unsafe_code)]

mod admin;
pub mod approval;
mod decider;
mod decision;
mod duty;
mod facts;
mod operations;
pub mod rule;
mod rules;
mod schema;
mod text;

pub use admin::{AdminAction, Needs};
pub use decider::Decider;
pub use decision::Decision;
pub use duty::duty;
pub use facts::{
    Action, Facts, GroupGrants, NoGroupGrants, Request, Who, group_subject, user_subject,
};
pub use operations::{Class, class_of};
pub use rules::{BUILTIN, Explanation, MAX_RULES, MAX_TEXT, OWN_PREFIX, Rules, RulesError};
pub use schema::schema;
pub use text::{MAX_DEPTH, MAX_PARTS};
