//! Managed objects as administration sees them: what they are and how they stand, never their
//! material.

use std::ops::ControlFlow;

use strongroom_kmip::{
    Attribute, AttributeName, CryptographicAlgorithm, LinkType, State, Tag, Value,
};
use strongroom_model::{ManagedObject, ObjectId};
use strongroom_store::{Candidates, Order, StoreError, scheduled_destruction};

use crate::access::key_groups;
use crate::around::object_tag;
use crate::attributes::Shown;
use crate::engine::{Engine, Inner};
use crate::error::EngineError;
use crate::trail::{AuditEntry, use_entry};

/// How far back in the chain of uses the last use of a key is looked for, records.
const LAST_USE_DEPTH: usize = 4096;

/// Which objects are wanted. All given conditions must hold.
#[derive(Clone, Debug, Default)]
pub struct KeyFilter {
    /// Only those with this Name.
    pub name: Option<String>,
    /// Only those in this State now.
    pub state: Option<State>,
}

/// A managed object in a few words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySummary {
    /// The Unique Identifier.
    pub id: String,
    /// The first Name; empty if it has none.
    pub name: String,
    /// The object type's name.
    pub object_type: &'static str,
    /// The Cryptographic Algorithm's name; empty if it has none.
    pub algorithm: &'static str,
    /// The Cryptographic Length in bits, if it has one.
    pub length: Option<i32>,
    /// The State's name.
    pub state: &'static str,
    /// The user that owns it.
    pub owner: String,
    /// When it was made, milliseconds since the Unix epoch.
    pub created_ms: i64,
    /// When a delayed destruction comes, POSIX seconds, if one is under way.
    pub destruction: Option<i64>,
}

/// A managed object with its attributes.
#[derive(Clone, Debug)]
pub struct KeyDetail {
    /// In a few words.
    pub summary: KeySummary,
    /// Every attribute that its owner sees, apart from links.
    pub attributes: Vec<Attribute>,
    /// The objects it is linked to: what they are to it, and their identifiers.
    pub links: Vec<(&'static str, String)>,
    /// Its newest record in the chain of uses, if it is among the last few thousand.
    pub last_use: Option<AuditEntry>,
    /// The key groups that it is in.
    pub key_groups: Vec<String>,
    /// Names this version of it ([`Engine::only_if`]).
    pub tag: String,
}

impl Engine {
    /// At most `limit` objects that the filter wants, oldest first; only those made after the
    /// object `after`, if it is given.
    ///
    /// # Errors
    /// [`EngineError::Sealed`], [`EngineError::NoObject`] for `after`, or the store's.
    pub fn keys(
        &self,
        filter: &KeyFilter,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<KeySummary>, EngineError> {
        let inner = &self.inner;
        inner.unsealed().ok_or(EngineError::Sealed)?;
        let now = inner.time().earliest();
        let after = after.map(ObjectId::from);
        let mut found = Vec::new();
        let known = inner.store.read::<_, StoreError>(|tx| {
            let begin = match &after {
                Some(id) => match tx.object(id)? {
                    Some(object) => Some(place(&object)),
                    None => return Ok(false),
                },
                None => None,
            };
            let visit = |object: ManagedObject| {
                let behind = begin.as_ref().is_none_or(|begin| place(&object) > *begin);
                if behind && filter.state.is_none_or(|state| object.state(now) == state) {
                    found.push(summary(&object, now));
                }
                if found.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            };
            match &filter.name {
                // Names are found by their value alone.
                Some(name) => {
                    let value = Value::TextString(name.clone());
                    let named = Candidates::WithValue(AttributeName::Standard(Tag::NAME), value);
                    tx.scan(&named, Order::Oldest, visit)?;
                }
                None => tx.scan_after(after.as_ref(), visit)?,
            }
            Ok(true)
        })?;
        match after {
            Some(id) if !known => Err(EngineError::NoObject(id.0)),
            _ => Ok(found),
        }
    }

    /// One object, without its material.
    ///
    /// # Errors
    /// [`EngineError::Sealed`], [`EngineError::NoObject`], or the store's.
    pub fn key(&self, id: &str) -> Result<KeyDetail, EngineError> {
        let inner = &self.inner;
        let unsealed = inner.unsealed().ok_or(EngineError::Sealed)?;
        let wanted = ObjectId::from(id);
        let object = inner
            .store
            .read::<_, StoreError>(|tx| tx.object(&wanted))?
            .ok_or_else(|| EngineError::NoObject(id.to_owned()))?;
        let now = inner.time().earliest();
        let records = unsealed
            .uses()
            .reader()
            .tail(LAST_USE_DEPTH)
            .map_err(|e| EngineError::Audit(e.to_string()))?;
        let last_use = records
            .iter()
            .rev()
            .map(use_entry)
            .find(|e| e.kind == "use" && e.object.as_deref() == Some(id));
        let (links, attributes): (Vec<_>, Vec<_>) = shown(inner, &object, now)
            .into_iter()
            .partition(|a| a.name == AttributeName::Standard(Tag::LINK));
        let links = links.iter().filter_map(|a| link(&a.value)).collect();
        Ok(KeyDetail {
            summary: summary(&object, now),
            attributes,
            links,
            last_use,
            key_groups: key_groups(&object),
            tag: object_tag(&object),
        })
    }
}

fn shown(inner: &Inner, object: &ManagedObject, now: i64) -> Vec<Attribute> {
    let served = inner.served.contains(&object.id);
    Shown { object, allowances: &inner.allowances, served, now }.all()
}

/// An object's place in the order of creation.
fn place(object: &ManagedObject) -> (u64, ObjectId) {
    (object.creation.as_ref().map_or(0, |c| c.stamp.hlc), object.id.clone())
}

pub(crate) fn summary(object: &ManagedObject, now: i64) -> KeySummary {
    let name = object.value(Tag::NAME).and_then(|v| v.find(Tag::NAME_VALUE));
    let algorithm = object.value(Tag::CRYPTOGRAPHIC_ALGORITHM).and_then(Value::as_enumeration);
    let created = object.creation.as_ref().map_or(0, |c| c.stamp.hlc);
    KeySummary {
        id: object.id.as_str().to_owned(),
        name: name.and_then(|n| n.value.as_text()).unwrap_or_default().to_owned(),
        object_type: object.object_type().name(),
        algorithm: algorithm.map_or("", |code| CryptographicAlgorithm(code).name()),
        length: object.value(Tag::CRYPTOGRAPHIC_LENGTH).and_then(Value::as_integer),
        state: object.state(now).name(),
        owner: object.owner().to_owned(),
        created_ms: i64::try_from(created >> 16).unwrap_or(i64::MAX),
        destruction: object.value_of(&scheduled_destruction()).and_then(Value::as_date_time),
    }
}

pub(crate) fn link(value: &Value) -> Option<(&'static str, String)> {
    let kind = value.find(Tag::LINK_TYPE)?.value.as_enumeration()?;
    let id = value.find(Tag::LINKED_OBJECT_IDENTIFIER)?.value.as_text()?;
    Some((LinkType(kind).name(), id.to_owned()))
}
