//! Who keeps a name.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;
use strongroom_kmip::{AttributeName, Node, ObjectType, Tag, Value};
use strongroom_model::{
    AttributeKey, Change, Lifecycle, ManagedObject, NewObject, ObjectId, Register, Stamp,
};

use crate::laws::{Verdict, same};
use crate::rules::Rules;

/// An object with names, and its place in another order.
#[derive(Clone, Debug)]
pub struct Holder {
    hlc: u64,
    owner: &'static str,
    names: Vec<&'static str>,
    lifecycle: Lifecycle,
    order: u16,
}

pub fn holders() -> impl Strategy<Value = Vec<Holder>> {
    let name = prop_oneof![Just("x"), Just("y"), Just("x~o2")];
    let lifecycle = prop_oneof![3 => Just(Lifecycle::Active), 1 => Just(Lifecycle::Destroyed)];
    let owner = prop_oneof![Just("alice"), Just("bob")];
    let holder = (1..4u64, owner, vec(name, 0..3), lifecycle, any::<u16>()).prop_map(
        |(hlc, owner, names, lifecycle, order)| Holder { hlc, owner, names, lifecycle, order },
    );
    vec(holder, 0..6)
}

fn name_value(name: &str) -> Value {
    Value::Structure(vec![
        Node::text(Tag::NAME_VALUE, name),
        Node::enumeration(Tag::NAME_TYPE, 1u32),
    ])
}

fn name_key(index: u32) -> AttributeKey {
    AttributeKey { name: AttributeName::Standard(Tag::NAME), index, site: 0 }
}

fn objects(holders: &[Holder]) -> Vec<(u16, ManagedObject)> {
    let object = |(at, holder): (usize, &Holder)| {
        let id = ObjectId(format!("o{at}"));
        let attributes = holder.names.iter().zip(0..).map(|(n, i)| (name_key(i), name_value(n)));
        let new = NewObject {
            id: id.clone(),
            object_type: ObjectType::SYMMETRIC_KEY,
            owner: holder.owner.to_owned(),
            fields: Vec::new(),
            block: None,
            attributes: attributes.collect(),
            lifecycle: holder.lifecycle,
            material: None,
        };
        let mut object = ManagedObject::unknown(id);
        object.apply(Stamp { hlc: holder.hlc, site: 1 }, &Change::Created(Box::new(new)));
        (holder.order, object)
    };
    holders.iter().enumerate().map(object).collect()
}

fn names_of(object: &ManagedObject) -> BTreeSet<String> {
    object
        .instances(&AttributeName::Standard(Tag::NAME))
        .filter_map(|(_, value)| value.find(Tag::NAME_VALUE)?.value.as_text())
        .map(str::to_owned)
        .collect()
}

pub fn any_order(rules: &dyn Rules, holders: &[Holder]) -> Verdict {
    let mut objects = objects(holders);
    let in_order: Vec<_> = objects.iter().map(|(_, o)| o.clone()).collect();
    objects.sort_by_key(|(order, _)| *order);
    let left = rules.names(&in_order.iter().collect::<Vec<_>>());
    let right = rules.names(&objects.iter().map(|(_, o)| o).collect::<Vec<_>>());
    same("conflicts, in another order", left, right)
}

pub fn earliest(rules: &dyn Rules, holders: &[Holder]) -> Verdict {
    let objects = objects(holders);
    let mut claims: BTreeMap<(&str, String), BTreeSet<(u64, &ObjectId)>> = BTreeMap::new();
    for (_, object) in &objects {
        // A name is free again once its object is destroyed.
        if object.lifecycle != Lifecycle::Destroyed {
            for name in names_of(object) {
                let stamp = object.creation.as_ref().map_or(0, |c| c.stamp.hlc);
                claims.entry((object.owner(), name)).or_default().insert((stamp, &object.id));
            }
        }
    }
    let mut expected = BTreeSet::new();
    for ((_, name), claims) in &claims {
        let mut claims = claims.iter();
        if let Some((_, winner)) = claims.next() {
            expected.extend(claims.map(|(_, l)| (name.clone(), (*winner).clone(), (*l).clone())));
        }
    }
    let found = rules.names(&objects.iter().map(|(_, o)| o).collect::<Vec<_>>());
    let found: BTreeSet<_> = found.into_iter().map(|c| (c.name, c.winner, c.loser)).collect();
    same("(name, earliest, other), conflicts", expected, found)
}

pub fn settled(rules: &dyn Rules, holders: &[Holder]) -> Verdict {
    let mut objects: BTreeMap<ObjectId, ManagedObject> =
        objects(holders).into_iter().map(|(_, o)| (o.id.clone(), o)).collect();
    // An alias may meet a name that somebody chose to look like one: a few rounds settle that.
    for _ in 0..6 {
        let conflicts = rules.names(&objects.values().collect::<Vec<_>>());
        if conflicts.is_empty() {
            return Ok(());
        }
        for conflict in conflicts {
            let Some(object) = objects.get_mut(&conflict.loser) else { continue };
            for register in object.registers.values_mut() {
                let named = register.value.as_ref().and_then(|v| v.find(Tag::NAME_VALUE));
                if named.and_then(|n| n.value.as_text()) == Some(conflict.name.as_str()) {
                    let value = Some(name_value(&conflict.alias));
                    *register = Register { value, stamp: register.stamp };
                }
            }
        }
    }
    Err("conflicts after six rounds of aliases".to_owned())
}
