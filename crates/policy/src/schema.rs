//! The schema that rules are checked against, made from the tables of operations and
//! administrative actions.

use std::fmt::Write as _;

use strongroom_kmip::Operation;

use crate::admin::AdminAction;
use crate::operations::{Class, class_of};

/// Groups of actions, as policies name them.
pub(crate) const OPEN: &str = "open operations";
pub(crate) const CREATING: &str = "creating operations";
pub(crate) const ON_OBJECTS: &str = "operations on objects";
pub(crate) const ADMINISTRATION: &str = "administration";

/// The group that a class of operations is in.
pub(crate) fn group_of(class: Class) -> Option<&'static str> {
    match class {
        Class::Open => Some(OPEN),
        Class::Creates => Some(CREATING),
        Class::OnObjects => Some(ON_OBJECTS),
        Class::Never => None,
    }
}

const HEAD: &str = "\
// What rules may speak of. `owned` and `granted` say how the one who asks
// stands to the key.
entity Group;
entity User in [Group] { role: String };
entity KeyGroup;
entity Key in [KeyGroup] {
    objectType: String,
    owned: Bool,
    granted: { user: Bool, group: Bool }
};
entity Server;

";

/// The schema in Cedar's own notation. Users are `User::\"CN\"`, groups `Group::\"OU\"`, key groups
/// `KeyGroup::\"NAME\"`, actions `Action::\"NAME\"`.
pub fn schema() -> String {
    let mut text = HEAD.to_owned();
    for group in [OPEN, CREATING, ON_OBJECTS, ADMINISTRATION] {
        let _ = writeln!(text, "action \"{group}\";");
    }
    text.push('\n');
    let kmip = Operation::TABLE.values.iter().filter_map(|row| {
        let group = group_of(class_of(Operation(row.code)))?;
        Some((group, row.name, "Key, Server"))
    });
    let admin = AdminAction::ALL.iter().map(|action| {
        let resources = if action.is_about_keys() { "Key, Server" } else { "Server" };
        (ADMINISTRATION, action.name(), resources)
    });
    let mut actions: Vec<_> = kmip.chain(admin).collect();
    actions.sort_unstable();
    for (group, name, resources) in actions {
        let _ = writeln!(
            text,
            "action \"{name}\" in [Action::\"{group}\"]\n    appliesTo {{ principal: [User], \
             resource: [{resources}] }};"
        );
    }
    text
}
