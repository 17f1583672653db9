//! How keys were used, and what hangs on one: what somebody wants to know before a step that cannot
//! be taken back.
//!
//! The answer comes from the chain of uses, read backward from its end. Reading has a bound, and the
//! answer says how far back it goes: a busy installation has more records in a day than anybody
//! would wait for.

use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;

use strongroom_kmip::{AttributeName, Operation, Tag};
use strongroom_model::{Lifecycle, ManagedObject, ObjectId};
use strongroom_store::{Candidates, Order, StoreError};

use crate::access::key_groups;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::keys::link;
use crate::trail::{AuditEntry, use_entry};

/// Most records that are looked at.
const DEPTH: usize = 50_000;

/// Most objects that are looked at for what hangs on a key.
const MOST_OBJECTS: usize = 100_000;

/// Most objects that are named.
const MOST_NAMED: usize = 100;

/// Whose uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UsesOf {
    /// Of one object, by anybody.
    Object(String),
    /// Of every object in a key group.
    KeyGroup(String),
    /// Of anything, by a user.
    User(String),
    /// Of anything, with a certificate: SHA-256, hexadecimal.
    Certificate(String),
}

/// What one user did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserUses {
    /// The user.
    pub user: String,
    /// How often.
    pub uses: u64,
    /// When last, milliseconds since the Unix epoch.
    pub last_ms: i64,
}

/// How something was used.
#[derive(Clone, Debug, Default)]
pub struct UseReport {
    /// The newest use.
    pub last: Option<AuditEntry>,
    /// Who used it, most frequent first.
    pub users: Vec<UserUses>,
    /// How many uses there were.
    pub uses: u64,
    /// How many objects were used.
    pub objects: u64,
    /// How far back this goes, milliseconds since the Unix epoch.
    pub since_ms: i64,
    /// Whether it goes back as far as was asked for. False: there were too many records.
    pub whole: bool,
}

/// What hangs on a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hangs {
    /// Objects that are kept wrapped by it: without it nobody unwraps them. The first ones.
    pub wraps: Vec<String>,
    /// How many they are.
    pub wraps_count: u64,
    /// Objects that are linked with it, as what: by links of either side. The first ones.
    pub links: Vec<(&'static str, String)>,
    /// Whether every object was looked at.
    pub whole: bool,
}

impl Engine {
    /// How something was used since `since_ms`, milliseconds since the Unix epoch, as far as the
    /// newest records of the chain of uses tell.
    ///
    /// # Errors
    /// [`EngineError::Sealed`], or a chain or store that cannot be read.
    pub fn uses(&self, of: &UsesOf, since_ms: i64) -> Result<UseReport, EngineError> {
        let unsealed = self.inner.unsealed().ok_or(EngineError::Sealed)?;
        let members = match of {
            UsesOf::KeyGroup(group) => self.members(group)?,
            _ => HashSet::new(),
        };
        let records = unsealed.uses().reader().tail(DEPTH);
        let records = records.map_err(|e| EngineError::Audit(e.to_string()))?;
        let oldest = records.first().map(|record| (record.hlc >> 16) as i64);
        let cut = records.len() >= DEPTH && oldest.is_some_and(|oldest| oldest > since_ms);
        let mut report = UseReport {
            since_ms: oldest.filter(|_| cut).unwrap_or(since_ms),
            whole: !cut,
            ..UseReport::default()
        };
        let mut users = BTreeMap::<String, UserUses>::new();
        let mut objects = HashSet::new();
        for record in records.iter().rev().take_while(|r| (r.hlc >> 16) as i64 >= since_ms) {
            let entry = use_entry(record);
            if !is_wanted(&entry, of, &members) {
                continue;
            }
            report.uses += 1;
            objects.extend(entry.object.clone());
            let by = users.entry(entry.user.clone()).or_insert_with(|| UserUses {
                user: entry.user.clone(),
                uses: 0,
                last_ms: entry.time_ms,
            });
            by.uses += 1;
            if report.last.is_none() {
                report.last = Some(entry);
            }
        }
        report.objects = objects.len() as u64;
        report.users = users.into_values().collect();
        report.users.sort_by(|a, b| b.uses.cmp(&a.uses).then_with(|| a.user.cmp(&b.user)));
        Ok(report)
    }

    /// What hangs on a key.
    ///
    /// # Errors
    /// [`EngineError::Sealed`], [`EngineError::NoObject`], or the store's.
    pub fn hangs_on(&self, id: &str) -> Result<Hangs, EngineError> {
        self.inner.unsealed().ok_or(EngineError::Sealed)?;
        let wanted = ObjectId::from(id);
        let mut hangs = Hangs { whole: true, ..Hangs::default() };
        let mut seen = 0;
        let known = self.inner.store.read::<_, StoreError>(|tx| {
            let Some(object) = tx.object(&wanted)? else { return Ok(false) };
            hangs.links = links_of(&object).collect();
            tx.scan(&Candidates::All, Order::Newest, |other| {
                seen += 1;
                if seen > MOST_OBJECTS {
                    hangs.whole = false;
                    return ControlFlow::Break(());
                }
                if other.lifecycle != Lifecycle::Destroyed && is_wrapped_by(&other, id) {
                    hangs.wraps_count += 1;
                    if hangs.wraps.len() < MOST_NAMED {
                        hangs.wraps.push(other.id.0.clone());
                    }
                }
                let told = hangs.links.iter().any(|(_, to)| *to == other.id.0);
                let points = links_of(&other).find(|(_, to)| to == id);
                if let Some((_, _)) = points.filter(|_| !told && hangs.links.len() < MOST_NAMED) {
                    hangs.links.push(("Linked From", other.id.0.clone()));
                }
                ControlFlow::Continue(())
            })?;
            Ok(true)
        })?;
        if known { Ok(hangs) } else { Err(EngineError::NoObject(id.to_owned())) }
    }

    /// The objects of a key group that are not destroyed.
    fn members(&self, group: &str) -> Result<HashSet<String>, EngineError> {
        let mut members = HashSet::new();
        self.inner.store.read::<_, StoreError>(|tx| {
            tx.scan(&Candidates::All, Order::Oldest, |object| {
                if key_groups(&object).iter().any(|g| g == group) {
                    members.insert(object.id.0);
                }
                ControlFlow::Continue(())
            })
        })?;
        Ok(members)
    }
}

/// Whether a record is a use of what is asked about: a KMIP operation that was carried out.
fn is_wanted(entry: &AuditEntry, of: &UsesOf, members: &HashSet<String>) -> bool {
    let object = entry.object.as_deref();
    let about = match of {
        UsesOf::Object(id) => object == Some(id),
        UsesOf::KeyGroup(_) => object.is_some_and(|id| members.contains(id)),
        UsesOf::User(user) => entry.user == *user,
        UsesOf::Certificate(fingerprint) => entry.fingerprint == *fingerprint,
    };
    about && entry.kind == "use" && Operation::TABLE.by_name(&entry.action).is_some()
}

fn links_of(object: &ManagedObject) -> impl Iterator<Item = (&'static str, String)> + '_ {
    let name = AttributeName::Standard(Tag::LINK);
    let values: Vec<_> = object.instances(&name).filter_map(|(_, value)| link(value)).collect();
    values.into_iter()
}

/// Whether an object is kept wrapped, as it was registered, by this key.
fn is_wrapped_by(object: &ManagedObject, id: &str) -> bool {
    let block = object.creation.as_ref().and_then(|creation| creation.block.as_ref());
    let data = block.and_then(|block| block.wrapping.as_ref());
    let information = data.and_then(|data| data.find(Tag::ENCRYPTION_KEY_INFORMATION));
    let by = information.and_then(|i| i.find(Tag::UNIQUE_IDENTIFIER));
    by.and_then(|node| node.value.as_text()) == Some(id)
}
