//! A managed object and its join.

use std::collections::BTreeMap;
use std::fmt;

use strongroom_kmip::{AttributeName, KeyFormatType, Node, ObjectType, State, Tag, Value};

use crate::contest::Contest;
use crate::lifecycle::Lifecycle;
use crate::stamp::Stamp;

/// The identity of a managed object: the text of its Unique Identifier. Names are aliases.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(pub String);

impl ObjectId {
    /// The Unique Identifier's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for ObjectId {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// One instance of one attribute of an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttributeKey {
    /// Which attribute.
    pub name: AttributeName,
    /// The Attribute Index.
    pub index: u32,
    /// The site that made the instance, so that two sites adding an instance at once keep both.
    /// Zero for attributes that have one instance only.
    pub site: u32,
}

impl AttributeKey {
    /// The only instance of a single-instance attribute.
    pub fn single(tag: Tag) -> Self {
        Self { name: AttributeName::Standard(tag), index: 0, site: 0 }
    }
}

/// A last-writer-wins value. An absent value is a deletion, kept so that an older write that
/// arrives late stays deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Register {
    /// The value, or its deletion.
    pub value: Option<Value>,
    /// Who wrote it last.
    pub stamp: Stamp,
}

impl Register {
    /// Keeps the later write; equal stamps (which one site never makes) fall to the greater
    /// value, so that the join stays commutative whatever arrives.
    pub fn join(&mut self, other: &Register) {
        if (other.stamp, &other.value) > (self.stamp, &self.value) {
            *self = other.clone();
        }
    }
}

/// The parts of a Key Block that are not secret and not attributes (KMIP 2.1 section 3.1).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyBlock {
    /// How the material is laid out.
    pub format: KeyFormatType,
    /// Key Wrapping Data, when the object was registered wrapped and is kept so.
    pub wrapping: Option<Node>,
}

/// Key material as the store keeps it: sealed. The journal names it by its digest alone: a journal
/// is never cut, and what it held could never be destroyed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SealedMaterial {
    /// Epoch of the key-encryption key.
    pub epoch: u32,
    /// Version of the material under this id; part of what the seal is bound to.
    pub version: u32,
    /// SHA-256 of the sealed bytes.
    pub digest: [u8; 32],
    /// The sealed bytes; empty where only the journal is known.
    pub bytes: Vec<u8>,
}

impl SealedMaterial {
    /// As the journal knows it: without the bytes.
    pub fn as_journalled(&self) -> Self {
        Self { bytes: Vec::new(), ..self.clone() }
    }
}

/// What is fixed when an object is made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Creation {
    /// When and where.
    pub stamp: Stamp,
    /// The kind of object.
    pub object_type: ObjectType,
    /// The user that owns it.
    pub owner: String,
    /// Fields that belong to the object type (Secret Data Type, Split Key Threshold ...), in the
    /// order in which the object's structure has them.
    pub fields: Vec<Node>,
    /// The Key Block, for objects that have one.
    pub block: Option<KeyBlock>,
}

/// A managed object: the state that its changes fold to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedObject {
    /// Its identity.
    pub id: ObjectId,
    /// What was fixed when it was made; none while only later changes have arrived from another
    /// site.
    pub creation: Option<Creation>,
    /// Its place in the life cycle, apart from what dates add ([`ManagedObject::state`]).
    pub lifecycle: Lifecycle,
    /// Whether it is compromised.
    pub compromised: bool,
    /// Attributes, deletions included.
    pub registers: BTreeMap<AttributeKey, Register>,
    /// The sealed material; none once destroyed.
    pub material: Option<SealedMaterial>,
    /// Reserved upper ends of counters, by counter code and site.
    pub counters: BTreeMap<(u8, u32), u64>,
    /// Grants by (subject, operation code); removal wins.
    pub grants: BTreeMap<(String, u32), Contest>,
}

impl ManagedObject {
    /// The bottom of the lattice for an id: nothing known yet.
    pub fn unknown(id: ObjectId) -> Self {
        Self {
            id,
            creation: None,
            lifecycle: Lifecycle::PreActive,
            compromised: false,
            registers: BTreeMap::new(),
            material: None,
            counters: BTreeMap::new(),
            grants: BTreeMap::new(),
        }
    }

    /// The join of two views of the same object. Commutative, associative, idempotent.
    pub fn join(&mut self, other: &ManagedObject) {
        if let Some(theirs) = &other.creation {
            // One id is created once; should two creations meet, the earlier stands.
            match &self.creation {
                Some(mine) if mine <= theirs => {}
                _ => self.creation = Some(theirs.clone()),
            }
        }
        self.lifecycle = self.lifecycle.max(other.lifecycle);
        self.compromised |= other.compromised;
        for (key, register) in &other.registers {
            self.set(key, register);
        }
        if let Some(theirs) = &other.material
            && self.material.as_ref().is_none_or(|mine| mine < theirs)
        {
            self.material = Some(theirs.clone());
        }
        for (key, upto) in &other.counters {
            let mine = self.counters.entry(*key).or_insert(*upto);
            *mine = (*mine).max(*upto);
        }
        for (key, contest) in &other.grants {
            self.grants.entry(key.clone()).or_default().join(contest);
        }
        self.drop_material_if_destroyed();
    }

    /// Joins one register in.
    pub fn set(&mut self, key: &AttributeKey, register: &Register) {
        match self.registers.get_mut(key) {
            Some(mine) => mine.join(register),
            None => {
                self.registers.insert(key.clone(), register.clone());
            }
        }
    }

    /// "Destroyed never returns": called at the end of every join.
    pub(crate) fn drop_material_if_destroyed(&mut self) {
        if self.lifecycle == Lifecycle::Destroyed {
            self.material = None;
        }
    }

    /// The kind of object; zero while unknown.
    pub fn object_type(&self) -> ObjectType {
        self.creation.as_ref().map_or(ObjectType(0), |c| c.object_type)
    }

    /// The owner's user name; empty while unknown.
    pub fn owner(&self) -> &str {
        self.creation.as_ref().map_or("", |c| c.owner.as_str())
    }

    /// How the material is laid out, for objects with a Key Block.
    pub fn key_format(&self) -> Option<KeyFormatType> {
        self.creation.as_ref()?.block.as_ref().map(|b| b.format)
    }

    /// The first instance of a standard attribute that is stored (not one that is derived, such
    /// as State).
    pub fn value(&self, tag: Tag) -> Option<&Value> {
        self.instances(&AttributeName::Standard(tag)).next().map(|(_, value)| value)
    }

    /// The first instance of any attribute that is stored.
    pub fn value_of(&self, name: &AttributeName) -> Option<&Value> {
        self.instances(name).next().map(|(_, value)| value)
    }

    /// A stored Date-Time attribute, POSIX seconds.
    pub fn date(&self, tag: Tag) -> Option<i64> {
        self.value(tag)?.as_date_time()
    }

    /// The instances of an attribute that are stored, by index.
    pub fn instances<'a>(
        &'a self,
        name: &AttributeName,
    ) -> impl Iterator<Item = (u32, &'a Value)> + use<'a> {
        let from = AttributeKey { name: name.clone(), index: 0, site: 0 };
        let to = AttributeKey { name: name.clone(), index: u32::MAX, site: u32::MAX };
        visible(self.registers.range(from..=to))
    }

    /// The key of the instance that is shown with this index.
    pub fn key_of(&self, name: &AttributeName, index: u32) -> Option<AttributeKey> {
        let from = AttributeKey { name: name.clone(), index: 0, site: 0 };
        let to = AttributeKey { name: name.clone(), index: u32::MAX, site: u32::MAX };
        let present: Vec<_> =
            self.registers.range(from..=to).filter(|(_, r)| r.value.is_some()).collect();
        let shown: Vec<u32> = visible(present.iter().copied()).map(|(i, _)| i).collect();
        shown.iter().position(|i| *i == index).map(|at| present[at].0.clone())
    }

    /// An unused index for a further instance.
    pub fn next_index(&self, name: &AttributeName) -> u32 {
        self.instances(name).map(|(i, _)| i.saturating_add(1)).max().unwrap_or(0)
    }

    /// Every stored attribute instance, ordered by name and index.
    pub fn attributes(&self) -> impl Iterator<Item = (&AttributeName, u32, &Value)> {
        let mut last: Option<(&AttributeName, u32)> = None;
        self.registers.iter().filter_map(move |(key, register)| {
            let value = register.value.as_ref()?;
            let index = match last {
                Some((name, used)) if name == &key.name && key.index <= used => {
                    used.saturating_add(1)
                }
                _ => key.index,
            };
            last = Some((&key.name, index));
            Some((&key.name, index, value))
        })
    }

    /// The State at `now` (POSIX seconds): the stored place in the life cycle, moved on by
    /// Activation Date and Deactivation Date where these have come (KMIP 2.1 section 4.57).
    pub fn state(&self, now: i64) -> State {
        let lifecycle = self.lifecycle_at(now);
        match (lifecycle, self.compromised) {
            (Lifecycle::Destroyed, true) => State::DESTROYED_COMPROMISED,
            (Lifecycle::Destroyed, false) => State::DESTROYED,
            (_, true) => State::COMPROMISED,
            (Lifecycle::PreActive, false) => State::PRE_ACTIVE,
            (Lifecycle::Active, false) => State::ACTIVE,
            (Lifecycle::Deactivated, false) => State::DEACTIVATED,
        }
    }

    /// Whether the object is in archival storage: it has an Archive Date (KMIP 2.1 section 4.5),
    /// which Archive writes and Recover deletes, so that of two sites the later one decides. What
    /// is destroyed is in no storage any more, whatever arrives later.
    pub fn is_archived(&self) -> bool {
        self.lifecycle != Lifecycle::Destroyed && self.date(Tag::ARCHIVE_DATE).is_some()
    }

    /// The place in the life cycle at `now` (POSIX seconds), dates included.
    pub fn lifecycle_at(&self, now: i64) -> Lifecycle {
        let due = |tag| self.date(tag).is_some_and(|date| date <= now);
        let mut lifecycle = self.lifecycle;
        if lifecycle == Lifecycle::PreActive && due(Tag::ACTIVATION_DATE) {
            lifecycle = Lifecycle::Active;
        }
        if lifecycle == Lifecycle::Active && due(Tag::DEACTIVATION_DATE) {
            lifecycle = Lifecycle::Deactivated;
        }
        lifecycle
    }
}

/// Pairs each present instance with the index it is shown under: its own, or the next free one
/// when two sites chose the same.
fn visible<'a>(
    range: impl Iterator<Item = (&'a AttributeKey, &'a Register)>,
) -> impl Iterator<Item = (u32, &'a Value)> {
    let mut last: Option<u32> = None;
    range.filter_map(move |(key, register)| {
        let value = register.value.as_ref()?;
        let index = match last {
            Some(used) if key.index <= used => used.saturating_add(1),
            _ => key.index,
        };
        last = Some(index);
        Some((index, value))
    })
}
