//! The facts that policy decides by, taken from what the store holds.

use strongroom_kmip::{AttributeName, Operation, Value};
use strongroom_model::{ManagedObject, ServerState};
use strongroom_policy as policy;

use crate::caller::Caller;
use crate::error::EngineError;

/// The attribute that says which key groups an object is in: one instance for each. It is the
/// server's own; officers set it, and no client sees or changes it.
pub(crate) fn key_group_attribute() -> AttributeName {
    AttributeName::Vendor { vendor: "strongroom".to_owned(), name: "Key Group".to_owned() }
}

/// The key groups of an object, in order.
pub(crate) fn key_groups(object: &ManagedObject) -> Vec<String> {
    let mut groups: Vec<String> = object
        .instances(&key_group_attribute())
        .filter_map(|(_, value)| value.as_text().map(str::to_owned))
        .collect();
    groups.sort_unstable();
    groups.dedup();
    groups
}

/// Grants on key groups, as the policy asks for them.
pub(crate) struct Granted<'a>(pub(crate) &'a ServerState);

impl policy::GroupGrants for Granted<'_> {
    fn holds(&self, key_group: &str, subject: &str, operation: Operation) -> bool {
        let of = (key_group.to_owned(), subject.to_owned(), operation.0);
        self.0.group_grants.get(&of).is_some_and(|contest| contest.weak_holds())
    }

    fn any(&self, key_group: &str) -> bool {
        let from = (key_group.to_owned(), String::new(), 0);
        self.0
            .group_grants
            .range(from..)
            .next()
            .is_some_and(|((group, _, _), _)| group == key_group)
    }
}

/// Who asks, as the policy knows them.
pub(crate) fn who<'a>(caller: &'a Caller, server: &ServerState) -> policy::Who<'a> {
    who_is(&caller.user, &caller.groups, server)
}

/// A user with these groups, as the policy knows them.
pub(crate) fn who_is<'a>(
    user: &'a str,
    groups: &'a [String],
    server: &ServerState,
) -> policy::Who<'a> {
    let mut held = server.roles_of(user);
    let (role, conflicting) = match (held.next(), held.next()) {
        (role, None) => (role, false),
        (_, Some(_)) => (None, true),
    };
    policy::Who { user, groups, role, conflicting }
}

/// Whether an instance of [`key_group_attribute`] names this group.
pub(crate) fn is_key_group(value: &Value, group: &str) -> bool {
    value.as_text() == Some(group)
}

/// Longest name of a user, a group or a key group, bytes: as long as the names that are taken
/// from certificates.
const LONGEST_NAME: usize = 256;

/// Whether a name can be one of a user, a group or a key group.
pub(crate) fn check_name(what: &str, name: &str) -> Result<(), EngineError> {
    let wrong = if name.trim().is_empty() {
        "is empty"
    } else if name.len() > LONGEST_NAME {
        "has more than 256 bytes"
    } else if name.chars().any(char::is_control) {
        "has control characters"
    } else {
        return Ok(());
    };
    Err(EngineError::Refused(format!("the name of {what} {wrong}: give another")))
}
