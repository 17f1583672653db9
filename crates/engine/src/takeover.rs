//! What a store that came from a backup must be told before it takes changes: heads that were signed
//! after the backup and kept elsewhere, and what was destroyed since. A restored store hears it to
//! leave its quarantine, a replica to take the place of its primary.

use std::collections::BTreeSet;

use strongroom_journal::{ChainName, SignedHead, UseReader};
use strongroom_kmip::{Tag, Value};
use strongroom_model::{AttributeKey, Change, ChangeKind, Lifecycle, ObjectId};

use crate::backup::Ends;
use crate::caller::Caller;
use crate::engine::Engine;
use crate::error::EngineError;

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

/// Whose past the store continues.
pub(crate) struct Past<'a> {
    pub(crate) site: u32,
    /// Where its chains ended in the backup.
    pub(crate) ends: Ends,
    pub(crate) uses: &'a UseReader,
}

/// How a confirmation is written down.
pub(crate) struct Ending {
    pub(crate) operation: &'static str,
    pub(crate) what: &'static str,
    /// Added to the particulars.
    pub(crate) more: String,
    /// What takes the mark away.
    pub(crate) change: Change,
}

impl Engine {
    /// Whether that is enough, and what it comes to. Nothing is changed yet.
    pub(crate) fn judge(
        &self,
        with: &Confirmation<'_>,
        past: &Past<'_>,
    ) -> Result<Confirmed, EngineError> {
        let refuse = |why: String| Err(EngineError::Unconfirmed(why));
        let newest = self.newest_later(with.anchors, past)?;
        if newest.is_none() && !with.without_anchor {
            return refuse("no anchor is later than the backup".to_owned());
        }
        let named: BTreeSet<&str> = with.destroyed.iter().map(String::as_str).collect();
        let mut confirmed = Confirmed {
            destroyed_since: newest.map(|count| count.saturating_sub(past.ends.destroyed)),
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
        Ok(confirmed)
    }

    /// The count of destroyed objects by the newest head that is later than the backup.
    fn newest_later(
        &self,
        anchors: &[SignedHead],
        past: &Past<'_>,
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
            if anchor.site != past.site {
                return refuse(format!("{place} is of site {}", anchor.site));
            }
            let end = match anchor.chain {
                ChainName::Changes => past.ends.changes.seq,
                ChainName::Uses => past.ends.uses.seq,
            };
            if anchor.head.seq <= end {
                before.push(anchor.clone());
            } else {
                after.push(anchor.clone());
            }
        }
        if let Some(unmet) = self.unmet_anchors_of(past.site, past.uses, &before)?.first() {
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
        let others = self.unmet_anchors_of(past.site, past.uses, &after)?;
        Ok(others.iter().map(|unmet| unmet.anchor.destroyed).max())
    }

    /// Destroys what was destroyed since, and takes the mark away, in one transaction.
    pub(crate) fn end(
        &self,
        by: &Caller,
        confirmed: &Confirmed,
        end: Ending,
    ) -> Result<(), EngineError> {
        let origin = by.origin(end.operation, "");
        let now_ms = self.inner.stamp_ms();
        let now = self.inner.time().earliest();
        let ids: Vec<ObjectId> =
            confirmed.destroyed.iter().map(|id| ObjectId::from(id.as_str())).collect();
        let text = format!(
            "destroyed since the backup: {}; destroyed here: {}; not in it: {}{}",
            confirmed.destroyed_since.map_or("not known".to_owned(), |count| count.to_string()),
            list(&confirmed.destroyed),
            list(&confirmed.absent),
            end.more,
        );
        let waiting = self.end_all_open(by);
        self.commit(move |tx| {
            for change in &waiting {
                tx.append(&origin, change, now_ms)?;
            }
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
            let note = Change::Noted { what: end.what.to_owned(), text };
            tx.append(&origin, &note, now_ms)?;
            tx.append(&origin, &end.change, now_ms).map(|_| ())
        })
    }
}

fn list(ids: &[String]) -> String {
    if ids.is_empty() { "none".to_owned() } else { ids.join(" ") }
}
