//! The facts that decide: who asks, for what, on what kind of object.

use strongroom_kmip::{ObjectType, Operation};
use strongroom_model::{ManagedObject, Role};

use crate::admin::AdminAction;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// A KMIP operation.
    Kmip(Operation),
    /// An administrative action.
    Admin(AdminAction),
}

impl Action {
    /// Its name in policies and records: a KMIP operation's as the specification spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kmip(operation) => operation.name(),
            Self::Admin(action) => action.name(),
        }
    }
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Who<'a> {
    /// The user: CN of the certificate.
    pub user: &'a str,
    /// The user's groups: OUs of the certificate.
    pub groups: &'a [String],
    /// The user's role, if any.
    pub role: Option<Role>,
    /// Whether the user was given several roles, which exclude each other. `role` is none then.
    pub conflicting: bool,
}

/// How the one who asks stands to an object, and what kind of object it is. There is nothing else
/// about an object that a rule can speak of, so that a decision holds for every object with the
/// same facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts<'a> {
    /// The kind of object.
    pub object_type: ObjectType,
    /// Whether it is the user's own.
    pub owned: bool,
    /// Whether the operation is granted to the user, on the object or on a key group of it.
    pub user_grant: bool,
    /// Whether the operation is granted to a group of the user, on the object or on a key group
    /// of it.
    pub group_grant: bool,
    /// The key groups that the object is in.
    pub key_groups: &'a [String],
}

/// Grants on key groups: does a grant of `operation` to `subject` on the key group hold?
pub trait GroupGrants {
    /// Whether it does. Subjects are spelled as [`user_subject`] and [`group_subject`] do.
    fn holds(&self, key_group: &str, subject: &str, operation: Operation) -> bool;

    /// Whether there is any grant on this key group: most have none.
    fn any(&self, key_group: &str) -> bool;
}

/// No grants on key groups.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoGroupGrants;

impl GroupGrants for NoGroupGrants {
    fn holds(&self, _: &str, _: &str, _: Operation) -> bool {
        false
    }

    fn any(&self, _: &str) -> bool {
        false
    }
}

impl<'a> Facts<'a> {
    /// The facts about `object` for this user and this operation.
    pub fn of(
        who: &Who<'_>,
        operation: Operation,
        object: &ManagedObject,
        key_groups: &'a [String],
        group_grants: &dyn GroupGrants,
    ) -> Self {
        // An object of which only parts are known yet has no owner; nor has a user an empty name.
        let owned = !who.user.is_empty() && object.owner() == who.user;
        let mut facts = Self {
            object_type: object.object_type(),
            owned,
            user_grant: false,
            group_grant: false,
            key_groups,
        };
        for ((subject, granted), contest) in &object.grants {
            if *granted != operation.0 || !contest.weak_holds() {
                continue;
            }
            match subject.split_once(':') {
                Some((USER, name)) if name == who.user && !name.is_empty() => {
                    facts.user_grant = true;
                }
                Some((GROUP, name)) if who.groups.iter().any(|g| g == name) => {
                    facts.group_grant = true;
                }
                _ => {}
            }
        }
        for key_group in key_groups.iter().filter(|g| group_grants.any(g)) {
            facts.user_grant |= !who.user.is_empty()
                && group_grants.holds(key_group, &user_subject(who.user), operation);
            facts.group_grant |= who
                .groups
                .iter()
                .any(|group| group_grants.holds(key_group, &group_subject(group), operation));
        }
        facts
    }
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

/// The facts of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// Who asks.
    pub who: Who<'a>,
    /// What is asked for.
    pub action: Action,
    /// The object it is asked on. Without one the question is whether the user may ask for it at
    /// all; each object then has to be asked about too.
    pub object: Option<Facts<'a>>,
}
