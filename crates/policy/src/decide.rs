//! The decision.

use std::borrow::Cow;

use strongroom_kmip::Operation;
use strongroom_model::{ManagedObject, Role};

use crate::admin::{AdminAction, Needs};
use crate::operations::{Class, class_of};
use crate::rule;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A KMIP operation.
    Kmip(Operation),
    /// An administrative action.
    Admin(AdminAction),
}

/// The facts of one request.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The user: CN of the certificate.
    pub user: &'a str,
    /// The user's groups: OUs of the certificate.
    pub groups: &'a [String],
    /// The user's role, if any.
    pub role: Option<Role>,
    /// What is asked for.
    pub action: Action,
    /// The object it is asked on. Without one the question is whether the user may ask for the
    /// operation at all; each object then has to be asked about too.
    pub object: Option<&'a ManagedObject>,
}

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether it may be done.
    pub allowed: bool,
    /// The rule that decided: one of [`crate::rule`].
    pub rule: Cow<'static, str>,
}

impl Decision {
    const fn allow(rule: &'static str) -> Self {
        Self { allowed: true, rule: Cow::Borrowed(rule) }
    }

    const fn deny(rule: &'static str) -> Self {
        Self { allowed: false, rule: Cow::Borrowed(rule) }
    }
}

/// Decides a request. Allocates nothing.
pub fn decide(request: &Request<'_>) -> Decision {
    match request.action {
        Action::Kmip(operation) => kmip(request, operation),
        Action::Admin(action) => match action.needs() {
            Needs::Certificate => Decision::allow(rule::ANYONE),
            needs if needs.met_by(request.role) => Decision::allow(rule::ROLE),
            Needs::Roles(_) => Decision::deny(rule::ROLE_LACKS),
        },
    }
}

fn kmip(request: &Request<'_>, operation: Operation) -> Decision {
    let class = class_of(operation);
    match class {
        Class::Open => return Decision::allow(rule::ANYONE),
        Class::Never => return Decision::deny(rule::DEFAULT_DENY),
        Class::Creates | Class::OnObjects => {}
    }
    // Before anything that could allow: duties are not policy.
    if request.role.is_some_and(has_no_keys) {
        return Decision::deny(rule::DUTY_NO_KEYS);
    }
    match (request.object, class) {
        (Some(object), _) => on_object(request, operation, object),
        (None, Class::Creates) => Decision::allow(rule::CREATE),
        (None, _) => Decision::allow(rule::BY_OBJECT),
    }
}

/// Duties that keep their holder away from keys.
fn has_no_keys(role: Role) -> bool {
    match role {
        Role::SystemAdministrator | Role::Auditor | Role::Custodian => true,
        Role::CryptoOfficer | Role::KeyUser => false,
    }
}

fn on_object(request: &Request<'_>, operation: Operation, object: &ManagedObject) -> Decision {
    // An object of which only parts are known yet has no owner; nor has a user an empty name.
    if !request.user.is_empty() && object.owner() == request.user {
        return Decision::allow(rule::OWNER);
    }
    let mut decision = Decision::deny(rule::DEFAULT_DENY);
    for ((subject, granted), contest) in &object.grants {
        if *granted != operation.0 {
            continue;
        }
        let found = match subject.split_once(':') {
            Some((USER, name)) if name == request.user && !name.is_empty() => rule::USER_GRANT,
            Some((GROUP, name)) if request.groups.iter().any(|g| g == name) => rule::GROUP_GRANT,
            _ => continue,
        };
        if contest.weak_holds() {
            decision = Decision::allow(found);
            // The narrower one is named when both hold, whatever their order.
            if found == rule::USER_GRANT {
                break;
            }
        }
    }
    decision
}

const USER: &str = "user";
const GROUP: &str = "group";

/// How a grant spells a user.
pub fn user_subject(user: &str) -> String {
    format!("{USER}:{user}")
}

/// How a grant spells a group.
pub fn group_subject(group: &str) -> String {
    format!("{GROUP}:{group}")
}
