//! Who may do what: facts of a request in, a decision and the rule that made it out.
//!
//! A user is the CN of a client certificate, a group an OU, a role is granted by an officer. The
//! rules, in the order in which they are asked; the first that speaks decides:
//!
//! 1. **Duties.** System administrators, auditors and custodians neither make nor use keys. No
//!    ownership and no grant lifts that.
//! 2. **Anyone** with a certificate that counts may ask what the server is and can.
//! 3. **Creating** is for key users, crypto officers, and users without a role.
//! 4. **The owner** of an object may do everything on it.
//! 5. **Grants** allow one operation to a user or a group. `Get` implies nothing else.
//! 6. Everything else is denied.
//!
//! [`decide`] is pure and asked on every request. It knows nothing of certificates that are
//! revoked, of states and dates of keys, or of attributes such as Sensitive: those are checked
//! where they live, whatever is decided here.
//!
//! ```
//! use strongroom_kmip::Operation;
//! use strongroom_policy::{Action, Request, decide, rule};
//!
//! let groups = ["payroll".to_owned()];
//! let request = Request {
//!     user: "alice",
//!     groups: &groups,
//!     role: None,
//!     action: Action::Kmip(Operation::CREATE),
//!     object: None,
//! };
//! let decision = decide(&request);
//! assert!(decision.allowed);
//! assert_eq!(decision.rule, rule::CREATE);
//! ```
#![forbid(unsafe_code)]

mod admin;
mod decide;
mod operations;
pub mod rule;

pub use admin::{AdminAction, Needs};
pub use decide::{Action, Decision, Request, decide, group_subject, user_subject};
pub use operations::{Class, class_of};
