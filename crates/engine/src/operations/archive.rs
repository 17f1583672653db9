//! Archive and Recover (KMIP 2.1 sections 6.1.4 and 6.1.42).
//!
//! Archival storage is a mark here, the Archive Date: the object stays where it is, and is neither
//! given out nor used until Recover takes the mark away. What may still be asked of it is in
//! [`reaches_archived`](super::reaches_archived).
//!
//! `life_cycle.archive_after` archives by the clock. Whatever ends an object sets the time at
//! which that is to come, as a note of the server's own beside it; the sweep of due dates does
//! the rest.

use std::borrow::Cow;

use strongroom_kmip::{Tag, Value, View};
use strongroom_model::{AttributeKey, Change, ChangeKind, Lifecycle, ManagedObject, ObjectId};
use strongroom_store::scheduled_archival;

use super::life;
use crate::caller::Caller;
use crate::context::Ctx;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::refusal::Refusal;

/// Archive. The specification has the client's wish be no more than that; here it is done at once.
pub(super) fn archive(ctx: &mut Ctx<'_, '_>, payload: View<'_>) -> Result<(), Refusal> {
    let id = ctx.target(payload)?;
    let cached = ctx.load(&id)?;
    let object = &cached.object;
    if object.lifecycle == Lifecycle::Destroyed {
        return Err(life::destroyed(&id));
    }
    if object.is_archived() {
        return Err(Refusal::archived(&id));
    }
    ctx.change(&archival(object, ctx.now()))?;
    life::reply(ctx, &id);
    Ok(())
}

/// Recover. An object that is on line already stays so: the specification has no error for that.
pub(super) fn recover(ctx: &mut Ctx<'_, '_>, payload: View<'_>) -> Result<(), Refusal> {
    let id = ctx.target(payload)?;
    let cached = ctx.load(&id)?;
    let object = &cached.object;
    if object.lifecycle == Lifecycle::Destroyed {
        return Err(life::destroyed(&id));
    }
    if object.is_archived() {
        let after = ctx.engine.config.archive_after;
        ctx.change(&recovery(object, after, ctx.now()))?;
    }
    life::reply(ctx, &id);
    Ok(())
}

/// The change that moves an object to archival storage, by an operation or by date.
pub(crate) fn archival(object: &ManagedObject, now: i64) -> Change {
    let mut sets = vec![
        (AttributeKey::single(Tag::ARCHIVE_DATE), Some(Value::DateTime(now))),
        (AttributeKey::single(Tag::LAST_CHANGE_DATE), Some(Value::DateTime(now))),
    ];
    if object.value_of(&scheduled_archival()).is_some() {
        sets.push((note(), None));
    }
    Change::Changed {
        kind: ChangeKind::Archived,
        id: object.id.clone(),
        lifecycle: None,
        compromised: false,
        sets,
    }
}

/// The change that brings an object back.
fn recovery(object: &ManagedObject, after: i64, now: i64) -> Change {
    let mut sets = vec![
        (AttributeKey::single(Tag::ARCHIVE_DATE), None),
        (AttributeKey::single(Tag::LAST_CHANGE_DATE), Some(Value::DateTime(now))),
    ];
    // What has ended goes back when the time has passed once more.
    if object.compromised || object.lifecycle_at(now) >= Lifecycle::Deactivated {
        sets.extend(archive_later(after, now).map(|(key, at)| (key, Some(at))));
    }
    Change::Changed {
        kind: ChangeKind::Recovered,
        id: object.id.clone(),
        lifecycle: None,
        compromised: false,
        sets,
    }
}

impl Engine {
    /// Archives an object, or recovers it, whoever owns it: for officers. The caller has decided
    /// that `by` may.
    ///
    /// # Errors
    /// [`EngineError::Sealed`], [`EngineError::NoObject`], [`EngineError::WrongState`] when it is
    /// destroyed or not where it would have to be, or the store's.
    pub fn move_key(&self, by: &Caller, id: &str, to_archive: bool) -> Result<(), EngineError> {
        self.inner.unsealed().ok_or(EngineError::Sealed)?;
        let origin = by.origin(if to_archive { "archive" } else { "recover" }, "");
        let time = self.inner.time();
        let (now, after) = (time.earliest(), self.inner.config.archive_after);
        let asked = ObjectId::from(id);
        let moved = self.commit(move |tx| {
            let Some(object) = tx.object(&asked)? else { return Ok(None) };
            if object.lifecycle == Lifecycle::Destroyed {
                return Ok(Some(Err("destroyed")));
            }
            match (object.is_archived(), to_archive) {
                (true, true) => return Ok(Some(Err("archived already"))),
                (false, false) => return Ok(Some(Err("not archived"))),
                (false, true) => tx.append(&origin, &archival(&object, now), time.stamp_ms)?,
                (true, false) => {
                    tx.append(&origin, &recovery(&object, after, now), time.stamp_ms)?
                }
            };
            Ok(Some(Ok(())))
        })?;
        match moved {
            Some(Ok(())) => Ok(()),
            Some(Err(is)) => Err(EngineError::WrongState(format!("object {id} is {is}"))),
            None => Err(EngineError::NoObject(id.to_owned())),
        }
    }
}

/// A change that ends an object's active life sets the time of its archiving too, `after` seconds
/// from `now`; any other change, and every one when `after` is 0, stays as it is.
pub(crate) fn archive_when_ended(change: &Change, after: i64, now: i64) -> Cow<'_, Change> {
    let Some((key, at)) = archive_later(after, now) else { return Cow::Borrowed(change) };
    match change {
        Change::Changed { lifecycle, compromised, .. }
            if *lifecycle == Some(Lifecycle::Deactivated) || *compromised =>
        {
            let mut change = change.clone();
            if let Change::Changed { sets, .. } = &mut change {
                sets.push((key, Some(at)));
            }
            Cow::Owned(change)
        }
        Change::Created(new) if new.lifecycle == Lifecycle::Deactivated => {
            let mut new = new.clone();
            new.attributes.push((key, at));
            Cow::Owned(Change::Created(new))
        }
        _ => Cow::Borrowed(change),
    }
}

/// The note of an archiving to come; none when there is to be none.
fn archive_later(after: i64, now: i64) -> Option<(AttributeKey, Value)> {
    (after > 0).then(|| (note(), Value::DateTime(now.saturating_add(after))))
}

fn note() -> AttributeKey {
    AttributeKey { name: scheduled_archival(), index: 0, site: 0 }
}
