//! Key groups and grants, as administration changes them.

use std::ops::ControlFlow;

use strongroom_kmip::{Operation, Value};
use strongroom_model::{
    AttributeKey, Change, ChangeKind, Contest, Lifecycle, ManagedObject, ObjectId,
};
use strongroom_policy::{Class, class_of, group_subject, user_subject};
use strongroom_store::{Candidates, Order, StoreError, WriteTx};

use crate::access::{check_name, is_key_group, key_group_attribute, key_groups};
use crate::caller::Caller;
use crate::engine::Engine;
use crate::error::EngineError;

/// What a grant is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GrantOn {
    /// One object, by its Unique Identifier.
    Object(String),
    /// Every object of a key group, also those that come into it later.
    KeyGroup(String),
}

/// Whom a grant is to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A user: the CN of a certificate.
    User(String),
    /// A group: an OU of a certificate.
    Group(String),
}

impl Subject {
    fn spelled(&self) -> String {
        match self {
            Self::User(name) => user_subject(name),
            Self::Group(name) => group_subject(name),
        }
    }

    fn read(text: &str) -> Option<Self> {
        match text.split_once(':')? {
            ("user", name) => Some(Self::User(name.to_owned())),
            ("group", name) => Some(Self::Group(name.to_owned())),
            _ => None,
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::User(name) | Self::Group(name) => name,
        }
    }
}

/// A grant that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Whom it is to.
    pub subject: Subject,
    /// What it allows.
    pub operation: Operation,
}

/// A key group, with how many objects it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyGroup {
    /// Its name.
    pub name: String,
    /// Its objects that are not destroyed.
    pub objects: u64,
    /// The grants on it.
    pub grants: Vec<Grant>,
}

/// Most grants that hold on one object.
const MOST_ON_OBJECT: usize = 1_000;

/// Most grants that hold on key groups, over all of them: every request looks among them, and every
/// one is in memory.
const MOST_ON_GROUPS: usize = 10_000;

impl Engine {
    /// Grants operations on an object or a key group. What is granted already stays.
    ///
    /// # Errors
    /// [`EngineError::NoObject`], [`EngineError::Refused`] for names and operations that cannot be
    /// granted, or the store's.
    pub fn grant(
        &self,
        by: &Caller,
        on: &GrantOn,
        subject: &Subject,
        operations: &[Operation],
    ) -> Result<(), EngineError> {
        self.change_grants(by, on, subject, operations, true)
    }

    /// Withdraws grants. It bites on the next request.
    ///
    /// # Errors
    /// As [`Engine::grant`].
    pub fn withdraw_grant(
        &self,
        by: &Caller,
        on: &GrantOn,
        subject: &Subject,
        operations: &[Operation],
    ) -> Result<(), EngineError> {
        self.change_grants(by, on, subject, operations, false)
    }

    fn change_grants(
        &self,
        by: &Caller,
        on: &GrantOn,
        subject: &Subject,
        operations: &[Operation],
        give: bool,
    ) -> Result<(), EngineError> {
        self.inner.unsealed().ok_or(EngineError::Sealed)?;
        check_name("a user or group", subject.name())?;
        if let GrantOn::KeyGroup(group) = on {
            check_name("a key group", group)?;
        }
        for operation in operations {
            if !matches!(class_of(*operation), Class::OnObjects | Class::Creates) {
                return Err(EngineError::Refused(format!(
                    "{operation} is not done on keys, so it cannot be granted on one"
                )));
            }
        }
        let origin = by.origin(if give { "grant" } else { "withdraw grant" }, "");
        let now_ms = self.inner.stamp_ms();
        let (on, subject) = (on.clone(), subject.spelled());
        let operations = operations.to_vec();
        let refused = self.commit(move |tx| {
            if give && let Some(full) = full(tx, &on, operations.len())? {
                return Ok(Some(EngineError::Limit(full)));
            }
            for operation in operations {
                let change = match &on {
                    GrantOn::Object(id) => {
                        let id = ObjectId::from(id.as_str());
                        let Some(object) = tx.object(&id)? else {
                            return Ok(Some(EngineError::NoObject(id.0)));
                        };
                        let contest = object.grants.get(&(subject.clone(), operation.0));
                        on_object(id, &subject, operation, contest, give)
                    }
                    GrantOn::KeyGroup(group) => {
                        let of = (group.clone(), subject.clone(), operation.0);
                        on_group(of.clone(), tx.server_state().group_grants.get(&of), give)
                    }
                };
                if let Some(change) = change {
                    tx.append(&origin, &change, now_ms)?;
                }
            }
            Ok(None)
        })?;
        refused.map_or(Ok(()), Err)
    }

    /// The grants that hold on an object or a key group, in order.
    ///
    /// # Errors
    /// [`EngineError::NoObject`], [`EngineError::Sealed`], or the store's.
    pub fn grants(&self, on: &GrantOn) -> Result<Vec<Grant>, EngineError> {
        self.inner.unsealed().ok_or(EngineError::Sealed)?;
        let grants: Vec<Grant> = match on {
            GrantOn::Object(id) => {
                let wanted = ObjectId::from(id.as_str());
                let object = self.inner.store.read::<_, StoreError>(|tx| tx.object(&wanted))?;
                let object = object.ok_or_else(|| EngineError::NoObject(id.clone()))?;
                let held = object.grants.iter().filter(|(_, contest)| contest.weak_holds());
                held.filter_map(|((subject, operation), _)| read_grant(subject, *operation))
                    .collect()
            }
            GrantOn::KeyGroup(group) => self.group_grants(group),
        };
        Ok(sorted(grants))
    }

    /// The grants that reach an object through the key groups that it is in, with the group of each,
    /// in order.
    ///
    /// # Errors
    /// [`EngineError::NoObject`], [`EngineError::Sealed`], or the store's.
    pub fn grants_through_groups(&self, id: &str) -> Result<Vec<(String, Grant)>, EngineError> {
        let mut grants = Vec::new();
        for group in self.key_groups_of(id)? {
            let on_it = self.grants(&GrantOn::KeyGroup(group.clone()))?.into_iter();
            grants.extend(on_it.map(|grant| (group.clone(), grant)));
        }
        Ok(grants)
    }

    fn group_grants(&self, group: &str) -> Vec<Grant> {
        let state = self.inner.store.server_state();
        state
            .group_grants
            .range((group.to_owned(), String::new(), 0)..)
            .take_while(|((name, _, _), _)| name == group)
            .filter(|(_, contest)| contest.weak_holds())
            .filter_map(|((_, subject, operation), _)| read_grant(subject, *operation))
            .collect()
    }

    /// Puts an object into a key group, or takes it out. True when that changed something.
    ///
    /// # Errors
    /// [`EngineError::NoObject`], [`EngineError::WrongState`] for a destroyed one,
    /// [`EngineError::Refused`] for a name that cannot be a key group's, or the store's.
    pub fn set_key_group(
        &self,
        by: &Caller,
        id: &str,
        group: &str,
        member: bool,
    ) -> Result<bool, EngineError> {
        self.inner.unsealed().ok_or(EngineError::Sealed)?;
        check_name("a key group", group)?;
        let origin = by.origin(if member { "join key group" } else { "leave key group" }, "");
        let now_ms = self.inner.stamp_ms();
        let site = self.inner.config.site;
        let (asked, wanted, group) = (id.to_owned(), ObjectId::from(id), group.to_owned());
        let found = self.commit(move |tx| {
            let Some(object) = tx.object(&wanted)? else { return Ok(None) };
            if object.lifecycle == Lifecycle::Destroyed {
                return Ok(Some(Err(())));
            }
            let sets = membership(&object, &group, member, site);
            let changed = !sets.is_empty();
            if changed {
                let change = Change::Changed {
                    kind: ChangeKind::Attributes,
                    id: wanted.clone(),
                    lifecycle: None,
                    compromised: false,
                    sets,
                };
                tx.append(&origin, &change, now_ms)?;
            }
            Ok(Some(Ok(changed)))
        })?;
        match found {
            Some(Ok(changed)) => Ok(changed),
            Some(Err(())) => Err(EngineError::WrongState(format!("object {asked} is destroyed"))),
            None => Err(EngineError::NoObject(asked)),
        }
    }

    /// Every key group that has objects or grants, by name.
    ///
    /// # Errors
    /// [`EngineError::Sealed`], or the store's.
    pub fn key_groups(&self) -> Result<Vec<KeyGroup>, EngineError> {
        self.inner.unsealed().ok_or(EngineError::Sealed)?;
        let mut counts = std::collections::BTreeMap::<String, u64>::new();
        for ((group, _, _), contest) in &self.inner.store.server_state().group_grants {
            if contest.weak_holds() {
                counts.entry(group.clone()).or_default();
            }
        }
        self.inner.store.read::<_, StoreError>(|tx| {
            tx.scan(&Candidates::All, Order::Oldest, |object| {
                if object.lifecycle != Lifecycle::Destroyed {
                    for group in key_groups(&object) {
                        *counts.entry(group).or_default() += 1;
                    }
                }
                ControlFlow::Continue(())
            })
        })?;
        Ok(counts
            .into_iter()
            .map(|(name, objects)| KeyGroup {
                grants: sorted(self.group_grants(&name)),
                name,
                objects,
            })
            .collect())
    }

    /// The key groups that an object is in.
    ///
    /// # Errors
    /// [`EngineError::NoObject`], [`EngineError::Sealed`], or the store's.
    pub fn key_groups_of(&self, id: &str) -> Result<Vec<String>, EngineError> {
        self.inner.unsealed().ok_or(EngineError::Sealed)?;
        let wanted = ObjectId::from(id);
        let object = self.inner.store.read::<_, StoreError>(|tx| tx.object(&wanted))?;
        object.as_ref().map(key_groups).ok_or_else(|| EngineError::NoObject(id.to_owned()))
    }
}

/// Why no more can be granted on an object or on key groups, if so.
fn full(tx: &WriteTx<'_>, on: &GrantOn, more: usize) -> Result<Option<String>, StoreError> {
    let (held, most, what) = match on {
        GrantOn::Object(id) => {
            let Some(object) = tx.object(&ObjectId::from(id.as_str()))? else { return Ok(None) };
            let held = object.grants.values().filter(|contest| contest.weak_holds()).count();
            (held, MOST_ON_OBJECT, format!("object {id}"))
        }
        GrantOn::KeyGroup(_) => {
            let grants = &tx.server_state().group_grants;
            let held = grants.values().filter(|contest| contest.weak_holds()).count();
            (held, MOST_ON_GROUPS, "all key groups together".to_owned())
        }
    };
    let reached = held.saturating_add(more) > most;
    Ok(reached.then(|| format!("{what} may have {most} grants, and there are {held}")))
}

/// By whom they are to, then by the names of the operations.
fn sorted(mut grants: Vec<Grant>) -> Vec<Grant> {
    grants.sort_by(|a, b| (&a.subject, a.operation.name()).cmp(&(&b.subject, b.operation.name())));
    grants
}

fn read_grant(subject: &str, operation: u32) -> Option<Grant> {
    Some(Grant { subject: Subject::read(subject)?, operation: Operation(operation) })
}

fn on_object(
    id: ObjectId,
    subject: &str,
    operation: Operation,
    contest: Option<&Contest>,
    give: bool,
) -> Option<Change> {
    if contest.is_some_and(Contest::weak_holds) == give {
        return None;
    }
    let (subject, operation) = (subject.to_owned(), operation.0);
    Some(if give {
        let seen = contest.map(Contest::strong_seen).unwrap_or_default();
        Change::Granted { id, subject, operation, seen }
    } else {
        Change::GrantRevoked { id, subject, operation }
    })
}

fn on_group(
    (key_group, subject, operation): (String, String, u32),
    contest: Option<&Contest>,
    give: bool,
) -> Option<Change> {
    if contest.is_some_and(Contest::weak_holds) == give {
        return None;
    }
    Some(if give {
        let seen = contest.map(Contest::strong_seen).unwrap_or_default();
        Change::GroupGranted { key_group, subject, operation, seen }
    } else {
        Change::GroupGrantRevoked { key_group, subject, operation }
    })
}

/// What has to be set so that the object is in the group, or is not.
pub(crate) fn membership(
    object: &ManagedObject,
    group: &str,
    member: bool,
    site: u32,
) -> Vec<(AttributeKey, Option<Value>)> {
    let name = key_group_attribute();
    let held: Vec<u32> = object
        .instances(&name)
        .filter(|(_, value)| is_key_group(value, group))
        .map(|(index, _)| index)
        .collect();
    match (member, held.is_empty()) {
        (true, true) => {
            let index = object.next_index(&name);
            let value = Value::TextString(group.to_owned());
            vec![(AttributeKey { name, index, site }, Some(value))]
        }
        (false, false) => held
            .into_iter()
            .filter_map(|index| Some((object.key_of(&name, index)?, None)))
            .collect(),
        _ => Vec::new(),
    }
}
