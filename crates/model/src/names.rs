//! Names are aliases; the Unique Identifier is the identity. Within one owner a Name is unique,
//! and when two sites gave the same one while cut off, the earlier object keeps it. The name of a
//! destroyed object is free again.

use std::collections::BTreeMap;

use strongroom_kmip::{AttributeName, Tag};

use crate::lifecycle::Lifecycle;
use crate::object::{ManagedObject, ObjectId};
use crate::stamp::Stamp;

/// Two objects of one owner with the same Name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameConflict {
    /// The contested name.
    pub name: String,
    /// The object that keeps it.
    pub winner: ObjectId,
    /// The object that gets an alias.
    pub loser: ObjectId,
    /// The alias: the name, `~`, and the loser's identifier.
    pub alias: String,
}

/// Finds the conflicts among `objects` and settles each the same way whatever the order.
pub fn resolve_names<'a>(
    objects: impl IntoIterator<Item = &'a ManagedObject>,
) -> Vec<NameConflict> {
    let mut holders: BTreeMap<(&str, &str), Vec<(Stamp, &ObjectId)>> = BTreeMap::new();
    for object in objects {
        let Some(creation) = &object.creation else { continue };
        if object.lifecycle == Lifecycle::Destroyed {
            continue;
        }
        for (_, value) in object.instances(&AttributeName::Standard(Tag::NAME)) {
            if let Some(name) = value.find(Tag::NAME_VALUE).and_then(|n| n.value.as_text()) {
                holders
                    .entry((object.owner(), name))
                    .or_default()
                    .push((creation.stamp, &object.id));
            }
        }
    }
    let mut conflicts = Vec::new();
    for ((_, name), mut claims) in holders {
        claims.sort();
        claims.dedup();
        let mut claims = claims.into_iter();
        let Some((_, winner)) = claims.next() else { continue };
        for (_, loser) in claims {
            conflicts.push(NameConflict {
                name: name.to_owned(),
                winner: winner.clone(),
                loser: loser.clone(),
                alias: format!("{name}~{loser}"),
            });
        }
    }
    conflicts
}
