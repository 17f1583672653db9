//! Crypto-periods: keys that replace themselves (the Rotate attributes, KMIP 2.1 sections 4.48 to
//! 4.54).
//!
//! A key with Rotate Automatic and a Rotate Interval is replaced when the interval has passed
//! since it was made or last rotated. The names move to the replacement, links tie the two, and
//! the old version only decrypts and verifies from then on.

use std::collections::HashMap;

use parking_lot::Mutex;
use strongroom_kmip::{
    Attribute, Encoder, LinkType, Operation, ProtocolVersion, ResultReason, Tag, Value,
};
use strongroom_model::{
    AttributeKey, Change, ChangeKind, Lifecycle, ManagedObject, ObjectId, Reading,
};
use strongroom_store::{StoreError, WriteTx, rotation_due};

use crate::caller::Caller;
use crate::context::{Ctx, Placeholders, Trail};
use crate::engine::{Engine, Inner, Unsealed};
use crate::error::EngineError;
use crate::operations::{archive_when_ended, linked, replace};
use crate::refusal::Refusal;

/// The rule that the journal names for a rotation that its date asked for.
const BY_DATE: &str = "crypto-period";

impl Engine {
    /// Replaces a symmetric key now, whatever its interval, and gives the replacement's identifier.
    ///
    /// # Errors
    /// [`EngineError::Sealed`], [`EngineError::NoObject`], [`EngineError::WrongState`],
    /// [`EngineError::Refused`], or the store's.
    pub fn rotate_key(&self, by: &Caller, id: &str) -> Result<String, EngineError> {
        let unsealed = self.inner.unsealed().ok_or(EngineError::Sealed)?;
        let inner = self.inner.clone();
        let by = by.clone();
        let asked = id.to_owned();
        let id = ObjectId::from(id);
        let time = inner.time();
        let rotated = self.commit(move |tx| {
            let result = tx.nested(|tx| match tx.object(&id)? {
                Some(object) => rotate(&inner, &unsealed, &by, "rotate", tx, &object, time),
                None => Err(Refusal::not_found(id.as_str())),
            });
            Ok(result)
        })?;
        rotated.map(|new| new.0).map_err(|refusal| match refusal.reason {
            ResultReason::OBJECT_NOT_FOUND => EngineError::NoObject(asked),
            ResultReason::WRONG_KEY_LIFECYCLE_STATE => EngineError::WrongState(refusal.message),
            _ => EngineError::Refused(refusal.message),
        })
    }
}

/// How long a key whose replacement was refused is left alone, seconds.
const RETRY_AFTER: i64 = 3600;

/// Keys whose replacement was refused, and when to try again, POSIX seconds.
#[derive(Default)]
pub(crate) struct Unrotated(Mutex<HashMap<ObjectId, i64>>);

impl Unrotated {
    /// How many keys wait at `now`, POSIX seconds. The others are forgotten.
    pub(crate) fn count(&self, now: i64) -> u32 {
        let mut waiting = self.0.lock();
        waiting.retain(|_, retry| *retry > now);
        u32::try_from(waiting.len()).unwrap_or(u32::MAX)
    }

    fn waits(&self, id: &ObjectId) -> bool {
        self.0.lock().contains_key(id)
    }

    fn add(&self, id: ObjectId, now: i64) {
        self.0.lock().insert(id, now.saturating_add(RETRY_AFTER));
    }
}

/// Replaces `object` if its interval has passed, and says whether it changed. One that a client
/// replaced before only ends. Part of the sweep of due dates.
pub(crate) fn rotate_if_due(
    inner: &Inner,
    unsealed: &Unsealed,
    tx: &mut WriteTx<'_>,
    object: &ManagedObject,
    time: Reading,
) -> Result<bool, StoreError> {
    let now = time.earliest();
    if rotation_due(object).is_none_or(|at| at > now) || inner.unrotated.waits(&object.id) {
        return Ok(false);
    }
    let server = Caller::server();
    if linked(object, LinkType::REPLACEMENT_OBJECT_LINK).is_some() {
        let origin = server.origin(BY_DATE, BY_DATE);
        let retirement = retirement(object, now, 0);
        let retirement = archive_when_ended(&retirement, inner.config.archive_after, now);
        tx.append(&origin, &retirement, time.stamp_ms)?;
        return Ok(true);
    }
    let result = tx.nested(|tx| rotate(inner, unsealed, &server, BY_DATE, tx, object, time));
    if let Err(refusal) = result {
        tracing::warn!(object = %object.id, why = %refusal.message, "a key could not be rotated");
        inner.unrotated.add(object.id.clone(), now);
        return Ok(false);
    }
    Ok(true)
}

/// The end of a replaced version, `offset` seconds after `now`: from then on it only decrypts and
/// verifies.
fn retirement(object: &ManagedObject, now: i64, offset: i64) -> Change {
    let ends = now.saturating_add(offset);
    let sets = vec![
        (AttributeKey::single(Tag::ROTATE_LATEST), Some(Value::Boolean(false))),
        (AttributeKey::single(Tag::DEACTIVATION_DATE), Some(Value::DateTime(ends))),
        (AttributeKey::single(Tag::LAST_CHANGE_DATE), Some(Value::DateTime(now))),
    ];
    Change::Changed {
        kind: ChangeKind::Deactivated,
        id: object.id.clone(),
        lifecycle: (offset == 0).then_some(Lifecycle::Deactivated),
        compromised: false,
        sets,
    }
}

fn rotate(
    inner: &Inner,
    unsealed: &Unsealed,
    by: &Caller,
    rule: &str,
    tx: &mut WriteTx<'_>,
    object: &ManagedObject,
    time: Reading,
) -> Result<ObjectId, Refusal> {
    let now = time.earliest();
    if object.lifecycle_at(now) >= Lifecycle::Deactivated || object.compromised {
        return Err(Refusal::wrong_state(format!(
            "object {} is {}: only a key in use is rotated",
            object.id,
            object.state(now)
        )));
    }
    let offset = object.value(Tag::ROTATE_OFFSET).and_then(Value::as_interval).map_or(0, i64::from);
    let generation = object.value(Tag::ROTATE_GENERATION).and_then(Value::as_integer).unwrap_or(0);
    let given = vec![
        Attribute::new(Tag::ROTATE_GENERATION, Value::Integer(generation.saturating_add(1))),
        Attribute::new(Tag::ROTATE_LATEST, Value::Boolean(true)),
        Attribute::new(Tag::ROTATE_DATE, Value::DateTime(now)),
    ];
    // The replacement belongs to the owner of what it replaces, whoever asks for it.
    let owner = Caller { user: object.owner().to_owned(), ..by.clone() };
    let server = inner.store.server_state();
    let mut ctx = Ctx {
        engine: inner,
        unsealed,
        caller: &owner,
        server: &server,
        role: None,
        operation: Operation::RE_KEY,
        version: ProtocolVersion::V2_1,
        alone: true,
        time,
        tx: Some(tx),
        placeholders: &mut Placeholders::default(),
        out: Encoder::ungated(),
        trail: Trail {
            rule: rule.to_owned().into(),
            recorded_as: Some(Box::new(by.clone())),
            ..Trail::default()
        },
        reservations: Vec::new(),
        spent: Vec::new(),
        prepared: None,
    };
    let new = replace(&mut ctx, object, given, Some(offset))?;
    ctx.change(&retirement(object, now, offset))?;
    Ok(new)
}
