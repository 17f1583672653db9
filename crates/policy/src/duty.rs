//! Duties: what no policy, no ownership and no grant can lift.

use strongroom_model::Role;

use crate::admin::Needs;
use crate::decision::Decision;
use crate::facts::{Action, Request};
use crate::operations::{Class, class_of};
use crate::rule;

/// The decision of the duties, where they decide. Asked before any rule, every time.
///
/// - What is not offered to clients is refused.
/// - System administrators, auditors and custodians neither make nor use keys.
/// - Who holds several roles has none that counts, and neither makes nor uses keys.
/// - An administrative action is for the roles that have it. Unsealing and asking after health
///   are for whoever has a certificate that counts, and no rule can shut anybody out.
pub fn duty(request: &Request<'_>) -> Option<Decision> {
    match request.action {
        Action::Kmip(operation) => match class_of(operation) {
            Class::Open => None,
            Class::Never => Some(Decision::deny(rule::DEFAULT_DENY)),
            Class::Creates | Class::OnObjects if request.who.conflicting => {
                Some(Decision::deny(rule::ROLES_CONFLICT))
            }
            Class::Creates | Class::OnObjects => {
                let keyless = request.who.role.is_some_and(has_no_keys);
                keyless.then(|| Decision::deny(rule::DUTY_NO_KEYS))
            }
        },
        Action::Admin(action) => match action.needs() {
            Needs::Certificate => Some(Decision::allow(rule::ANYONE)),
            Needs::Roles(_) if request.who.conflicting => {
                Some(Decision::deny(rule::ROLES_CONFLICT))
            }
            needs if needs.met_by(request.who.role) => None,
            Needs::Roles(_) => Some(Decision::deny(rule::ROLE_LACKS)),
        },
    }
}

/// Duties that keep their holder away from keys.
fn has_no_keys(role: Role) -> bool {
    match role {
        Role::SystemAdministrator | Role::Auditor | Role::Custodian => true,
        Role::CryptoOfficer | Role::KeyUser => false,
    }
}
