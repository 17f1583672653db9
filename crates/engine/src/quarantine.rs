//! The quarantine of a restored store.
//!
//! A backup knows nothing of what came after it. A key that was destroyed since would be back, and a
//! counted allowance would be given out a second time. So a restored store answers no use and makes
//! no change until an officer confirms it: against a signed head that was kept elsewhere and is later
//! than the backup, which says how many objects were destroyed by then, and with their identifiers;
//! or in so many words that there is none.
//!
//! The mark is a row of the server's own state: journalled, authenticated and under the seal, so that
//! deleting it from the disk locks the store instead of opening it.

use std::collections::BTreeSet;

use strongroom_journal::{ChainName, SignedHead};
use strongroom_kmip::{Operation, Tag, Value};
use strongroom_model::{AttributeKey, Change, ChangeKind, Lifecycle, ObjectId, Setting};

use crate::backup::{Ends, VerifiedBackup};
use crate::caller::Caller;
use crate::engine::{Engine, Inner};
use crate::error::EngineError;
use crate::event::Event;

const NAMESPACE: &str = "backup";
const KEY: &str = "quarantine";

/// What a quarantined store came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quarantine {
    /// When the backup was taken, milliseconds since the Unix epoch.
    pub created_ms: i64,
    /// Records of changes in it.
    pub changes: u64,
    /// Objects that were destroyed in it.
    pub destroyed: u64,
}

/// What an officer confirms a restored store with.
#[derive(Clone, Copy, Debug)]
pub struct Confirmation<'a> {
    /// Signed heads that were kept elsewhere.
    pub anchors: &'a [SignedHead],
    /// Objects that were destroyed after the backup.
    pub destroyed: &'a [String],
    /// That no later head exists.
    pub without_anchor: bool,
}

/// What a confirmation came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmed {
    /// How many objects the newest head says were destroyed after the backup; none without one.
    pub destroyed_since: Option<u64>,
    /// Objects that were in the store and are destroyed now.
    pub destroyed: Vec<String>,
    /// Objects that came after the backup, so that the store never had them.
    pub absent: Vec<String>,
}

impl Inner {
    fn restored_from(&self) -> Option<(Quarantine, Ends)> {
        let state = self.store.server_state();
        let text = std::str::from_utf8(state.setting(NAMESPACE, KEY)?).unwrap_or_default();
        let created = text.lines().find_map(|line| line.strip_prefix("created "));
        // A mark that cannot be read is a mark.
        let nothing = || Ends {
            changes: ChainName::Changes.genesis(self.config.site),
            uses: ChainName::Uses.genesis(self.config.site),
            destroyed: 0,
        };
        let ends = Ends::from_text(text).unwrap_or_else(nothing);
        let quarantine = Quarantine {
            created_ms: created.and_then(|ms| ms.parse().ok()).unwrap_or(0),
            changes: ends.changes.seq,
            destroyed: ends.destroyed,
        };
        Some((quarantine, ends))
    }

    /// Whether this operation is refused because the store is quarantined.
    pub(crate) fn quarantines(&self, operations: impl IntoIterator<Item = Operation>) -> bool {
        let answered = |o| matches!(o, Operation::QUERY | Operation::DISCOVER_VERSIONS);
        self.store.server_state().setting(NAMESPACE, KEY).is_some()
            && !operations.into_iter().all(answered)
    }
}

impl Engine {
    /// Whether the store was restored and nobody has confirmed it yet.
    pub fn is_quarantined(&self) -> bool {
        self.inner.store.server_state().setting(NAMESPACE, KEY).is_some()
    }

    /// What it came from, if it is quarantined.
    pub fn quarantine(&self) -> Option<Quarantine> {
        self.inner.restored_from().map(|(quarantine, _)| quarantine)
    }

    /// Marks a store that was restored just now.
    pub(crate) fn begin_quarantine(
        &self,
        by: &Caller,
        backup: &VerifiedBackup,
    ) -> Result<(), EngineError> {
        let text = format!("created {}\n{}", backup.header.created_ms, backup.ends().to_text());
        self.append(by, "Restore Backup", mark(Some(text.into_bytes())))?;
        let changes = backup.changes.0.to_string();
        let parameters = [("changes", changes.as_str())];
        self.record(by, &Event { parameters: &parameters, ..Event::new("quarantined") })
    }

    /// Ends the quarantine of a restored store. The heads' signatures are checked with the store's
    /// own key; those that are not later than the backup must be met by it. What was destroyed since
    /// is destroyed here too, in the same transaction that ends the quarantine.
    ///
    /// # Errors
    /// [`EngineError::WrongState`] when it is not quarantined; [`EngineError::Unconfirmed`], which
    /// says what is missing.
    pub fn confirm_restore(
        &self,
        by: &Caller,
        with: Confirmation<'_>,
    ) -> Result<Confirmed, EngineError> {
        let refuse = |why: String| Err(EngineError::Unconfirmed(why));
        let Some((_, ends)) = self.inner.restored_from() else {
            return Err(EngineError::WrongState("the store is not quarantined".to_owned()));
        };
        let newest = self.newest_later(with.anchors, &ends)?;
        if newest.is_none() && !with.without_anchor {
            return refuse("no anchor is later than the backup".to_owned());
        }
        let named: BTreeSet<&str> = with.destroyed.iter().map(String::as_str).collect();
        let mut confirmed = Confirmed {
            destroyed_since: newest.map(|count| count.saturating_sub(ends.destroyed)),
            destroyed: Vec::new(),
            absent: Vec::new(),
        };
        self.inner.store.read(|tx| {
            for name in named {
                match tx.object(&ObjectId::from(name))? {
                    // The backup knew.
                    Some(object) if object.lifecycle == Lifecycle::Destroyed => {}
                    Some(_) => confirmed.destroyed.push(name.to_owned()),
                    None => confirmed.absent.push(name.to_owned()),
                }
            }
            Ok::<_, strongroom_store::StoreError>(())
        })?;
        let told = (confirmed.destroyed.len() + confirmed.absent.len()) as u64;
        if let Some(since) = confirmed.destroyed_since.filter(|since| *since > told) {
            return refuse(format!(
                "{since} objects were destroyed between the backup and the newest anchor, and \
                 {told} of them are named"
            ));
        }
        self.end_quarantine(by, &confirmed)?;
        Ok(confirmed)
    }

    /// The count of destroyed objects by the newest head that is later than the backup.
    fn newest_later(
        &self,
        anchors: &[SignedHead],
        ends: &Ends,
    ) -> Result<Option<u64>, EngineError> {
        let refuse = |why: String| Err(EngineError::Unconfirmed(why));
        let key = self.audit_public_key();
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for anchor in anchors {
            let place = format!("anchor {}:{}", anchor.chain.as_str(), anchor.head.seq);
            let Some(key) = &key else {
                return refuse(format!("{place}: the backup is from before the first signature"));
            };
            if let Err(error) = anchor.verify(key) {
                return refuse(format!("{place}: {error}"));
            }
            if anchor.site != self.inner.config.site {
                return refuse(format!("{place} is of site {}", anchor.site));
            }
            let end = match anchor.chain {
                ChainName::Changes => ends.changes.seq,
                ChainName::Uses => ends.uses.seq,
            };
            if anchor.head.seq <= end {
                before.push(anchor.clone());
            } else {
                after.push(anchor.clone());
            }
        }
        if let Some(unmet) = self.unmet_anchors(&before)?.first() {
            let head = &unmet.anchor;
            return refuse(format!(
                "the backup does not meet anchor {}:{}: {}",
                head.chain.as_str(),
                head.head.seq,
                unmet.why
            ));
        }
        // A restored store goes on signing. What it signed itself since is no witness of what it
        // does not know: only heads that are not of this continuation are.
        let others = self.unmet_anchors(&after)?;
        Ok(others.iter().map(|unmet| unmet.anchor.destroyed).max())
    }

    fn end_quarantine(&self, by: &Caller, confirmed: &Confirmed) -> Result<(), EngineError> {
        let origin = by.origin("Confirm Restore", "");
        let now_ms = self.inner.stamp_ms();
        let now = self.inner.time().earliest();
        let ids: Vec<ObjectId> =
            confirmed.destroyed.iter().map(|id| ObjectId::from(id.as_str())).collect();
        let text = format!(
            "destroyed since the backup: {}; destroyed here: {}; not in it: {}",
            confirmed.destroyed_since.map_or("not known".to_owned(), |count| count.to_string()),
            list(&confirmed.destroyed),
            list(&confirmed.absent),
        );
        self.commit(move |tx| {
            for id in &ids {
                let sets = [Tag::DESTROY_DATE, Tag::LAST_CHANGE_DATE]
                    .map(|tag| (AttributeKey::single(tag), Some(Value::DateTime(now))));
                let change = Change::Changed {
                    kind: ChangeKind::Destroyed,
                    id: id.clone(),
                    lifecycle: Some(Lifecycle::Destroyed),
                    compromised: false,
                    sets: sets.into(),
                };
                tx.append(&origin, &change, now_ms)?;
            }
            let note = Change::Noted { what: "restore confirmed".to_owned(), text };
            tx.append(&origin, &note, now_ms)?;
            tx.append(&origin, &mark(None), now_ms).map(|_| ())
        })
    }
}

fn mark(value: Option<Vec<u8>>) -> Change {
    Change::Setting(Setting { namespace: NAMESPACE.to_owned(), key: KEY.to_owned(), value })
}

fn list(ids: &[String]) -> String {
    if ids.is_empty() { "none".to_owned() } else { ids.join(" ") }
}
