//! Tests of the policy: every user, group, role and operation against a table written apart.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod admin;
mod approvals;
mod matrix;
mod own;
mod remembered;
mod rules;
mod speed;

use std::sync::LazyLock;

use strongroom_kmip::{ObjectType, Operation};
use strongroom_model::{Change, ManagedObject, NewObject, ObjectId, Role, Stamp};
use strongroom_policy::{Action, Decision, Facts, NoGroupGrants, Request, Rules, Who};

/// The built-in rules alone.
static BUILTIN: LazyLock<Rules> = LazyLock::new(|| Rules::builtin().unwrap());

/// Every role, and none.
const ROLES: [Option<Role>; 6] = [
    None,
    Some(Role::KeyUser),
    Some(Role::CryptoOfficer),
    Some(Role::SystemAdministrator),
    Some(Role::Auditor),
    Some(Role::Custodian),
];

/// Every operation that a version names.
fn operations() -> impl Iterator<Item = Operation> {
    Operation::TABLE.values.iter().map(|v| Operation(v.code))
}

fn object_of(owner: &str) -> ManagedObject {
    let id = ObjectId::from("o");
    let new = NewObject {
        id: id.clone(),
        object_type: ObjectType::SYMMETRIC_KEY,
        owner: owner.to_owned(),
        fields: Vec::new(),
        block: None,
        attributes: Vec::new(),
        lifecycle: strongroom_model::Lifecycle::Active,
        material: None,
    };
    let mut object = ManagedObject::unknown(id);
    object.apply(Stamp { hlc: 1, site: 1 }, &Change::Created(Box::new(new)));
    object
}

fn grant(object: &mut ManagedObject, subject: &str, operation: Operation) {
    let key = (subject.to_owned(), operation.0);
    let seen = object.grants.get(&key).map(|c| c.strong_seen()).unwrap_or_default();
    let id = object.id.clone();
    let change = Change::Granted { id, subject: subject.to_owned(), operation: operation.0, seen };
    object.apply(Stamp { hlc: 2, site: 1 }, &change);
}

fn ungrant(object: &mut ManagedObject, subject: &str, operation: Operation) {
    let id = object.id.clone();
    let change = Change::GrantRevoked { id, subject: subject.to_owned(), operation: operation.0 };
    object.apply(Stamp { hlc: 3, site: 1 }, &change);
}

fn ask(
    user: &str,
    groups: &[&str],
    role: Option<Role>,
    operation: Operation,
    object: Option<&ManagedObject>,
) -> Decision {
    let groups: Vec<String> = groups.iter().map(|g| (*g).to_owned()).collect();
    let who = Who { user, groups: &groups, role, conflicting: false };
    let object = object.map(|o| Facts::of(&who, operation, o, &[], &NoGroupGrants));
    BUILTIN.decide(&Request { who, action: Action::Kmip(operation), object })
}
