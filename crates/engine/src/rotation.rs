//! Crypto-periods: keys that replace themselves (the Rotate attributes, KMIP 2.1 sections 4.48 to
//! 4.54).
//!
//! A key with Rotate Automatic and a Rotate Interval is replaced when the interval has passed
//! since it was made or last rotated; a private or public key together with its other half. The
//! names move to the replacement, links tie the two, and the old version only decrypts and
//! verifies from then on.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use strongroom_kmip::{
    Attribute, Encoder, LinkType, ObjectType, Operation, ProtocolVersion, ResultReason, Tag, Value,
};
use strongroom_model::{
    AttributeKey, Change, ChangeKind, Lifecycle, ManagedObject, ObjectId, Reading,
};
use strongroom_policy::Who;
use strongroom_store::{StoreError, WriteTx, rotation_due};

use crate::cache::Cached;
use crate::caller::Caller;
use crate::context::{Ctx, Placeholders, Trail};
use crate::engine::{Engine, Inner, Unsealed};
use crate::error::EngineError;
use crate::operations::{
    Half, MadePair, PairPlan, Prepared, archive_when_ended, linked, replace, replace_pair,
};
use crate::refusal::{Needs, Refusal};

/// The rule that the journal names for a rotation that its date asked for.
const BY_DATE: &str = "crypto-period";

/// How often a rotation is tried while the key pair that it needs turns out to be another.
const MOST_TRIES: usize = 4;

impl Engine {
    /// Replaces a symmetric key, or a key pair by either half, now, whatever its interval, and
    /// gives the replacement's identifier. An RSA pair is made before this returns.
    ///
    /// # Errors
    /// [`EngineError::Sealed`], [`EngineError::NoObject`], [`EngineError::WrongState`],
    /// [`EngineError::Refused`], or the store's.
    pub fn rotate_key(&self, by: &Caller, id: &str) -> Result<String, EngineError> {
        let unsealed = self.inner.unsealed().ok_or(EngineError::Sealed)?;
        let mut pair = None;
        for _ in 0..MOST_TRIES {
            let (inner, unsealed, by) = (self.inner.clone(), unsealed.clone(), by.clone());
            let (wanted, made) = (ObjectId::from(id), pair.take());
            let time = inner.time();
            let rotated = self.commit(move |tx| {
                Ok(tx.nested(|tx| match tx.object(&wanted)? {
                    Some(object) => Rotation { by: &by, rule: "rotate", time, made }
                        .run(&inner, &unsealed, tx, &object),
                    None => Err(Refusal::not_found(wanted.as_str())),
                }))
            })?;
            match rotated {
                Ok(new) => return Ok(new.0),
                Err(Refusal { needs: Some(Needs::Pair(plan)), .. }) => {
                    pair = Some(MadePair::make(plan));
                }
                Err(refusal) => {
                    return Err(match refusal.reason {
                        ResultReason::OBJECT_NOT_FOUND => EngineError::NoObject(id.to_owned()),
                        ResultReason::WRONG_KEY_LIFECYCLE_STATE => {
                            EngineError::WrongState(refusal.message)
                        }
                        _ => EngineError::Refused(refusal.message),
                    });
                }
            }
        }
        Err(EngineError::Refused(format!("object {id} changes all the time: try again")))
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

/// At most so many pairs are made or lie ready at once: they fill locked memory.
const MOST_PAIRS: usize = 8;

/// Keys that are due, and the new pair that each waits for.
#[derive(Default)]
pub(crate) struct Pairs(Mutex<HashMap<ObjectId, NewPair>>);

enum NewPair {
    /// Its turn comes later.
    Waits,
    /// Being made.
    Begun,
    /// Ready.
    Made(MadePair),
}

impl Pairs {
    /// How many keys wait.
    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.0.lock().len()).unwrap_or(u32::MAX)
    }

    /// Forgets keys that are due no more.
    pub(crate) fn forget_but(&self, due: &[ObjectId]) {
        let mut pairs = self.0.lock();
        if !pairs.is_empty() {
            pairs.retain(|id, _| due.contains(id));
        }
    }

    /// Forgets all: at sealing.
    pub(crate) fn clear(&self) {
        self.0.lock().clear();
    }

    fn made(&self, id: &ObjectId) -> Option<MadePair> {
        match self.0.lock().get(id) {
            Some(NewPair::Made(pair)) => Some(pair.clone()),
            _ => None,
        }
    }

    /// Whether the pair for a key is yet to come, so that trying would be in vain.
    fn is_to_come(&self, id: &ObjectId) -> bool {
        matches!(self.0.lock().get(id), Some(NewPair::Begun))
    }

    /// Has a pair made for a key, or notes that it waits for its turn.
    fn ask(&self, engine: &Inner, id: &ObjectId, plan: PairPlan) {
        let mut pairs = self.0.lock();
        // What was made for this key by another plan is of no use.
        pairs.insert(id.clone(), NewPair::Waits);
        let busy = pairs.values().filter(|pair| !matches!(pair, NewPair::Waits)).count();
        if busy >= MOST_PAIRS {
            return;
        }
        pairs.insert(id.clone(), NewPair::Begun);
        drop(pairs);
        // A server that stops does not wait for it.
        let (id, later) = (id.clone(), engine.this.clone());
        engine.maker.later(Box::new(move || {
            if !later.upgrade().is_some_and(|engine| engine.pairs.is_to_come(&id)) {
                return;
            }
            let made = MadePair::make(plan);
            if let Some(engine) = later.upgrade()
                && let Some(pair) = engine.pairs.0.lock().get_mut(&id)
            {
                *pair = NewPair::Made(made);
            }
        }));
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
    let (id, now) = (&object.id, time.earliest());
    let due = rotation_due(object).is_some_and(|at| at <= now);
    if !due || inner.unrotated.waits(id) || inner.pairs.is_to_come(id) {
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
    let rotation = Rotation { by: &server, rule: BY_DATE, time, made: inner.pairs.made(id) };
    let Err(refusal) = tx.nested(|tx| rotation.run(inner, unsealed, tx, object)) else {
        return Ok(true);
    };
    match refusal.needs {
        Some(Needs::Pair(plan)) => inner.pairs.ask(inner, id, plan),
        _ => {
            tracing::warn!(object = %id, why = %refusal.message, "a key could not be rotated");
            inner.unrotated.add(id.clone(), now);
        }
    }
    Ok(false)
}

/// The end of a replaced version, `offset` seconds after `now`: from then on it only decrypts and
/// verifies. One that was never activated stays so, and ends as soon as it would be.
fn retirement(object: &ManagedObject, now: i64, offset: i64) -> Change {
    let active = object.lifecycle_at(now) != Lifecycle::PreActive;
    let begins = object.date(Tag::ACTIVATION_DATE).filter(|_| !active);
    let ends = now.saturating_add(offset).max(begins.unwrap_or(i64::MIN));
    let sets = vec![
        (AttributeKey::single(Tag::ROTATE_LATEST), Some(Value::Boolean(false))),
        (AttributeKey::single(Tag::DEACTIVATION_DATE), Some(Value::DateTime(ends))),
        (AttributeKey::single(Tag::LAST_CHANGE_DATE), Some(Value::DateTime(now))),
    ];
    let ended = active && offset == 0;
    Change::Changed {
        kind: if active { ChangeKind::Deactivated } else { ChangeKind::Attributes },
        id: object.id.clone(),
        lifecycle: ended.then_some(Lifecycle::Deactivated),
        compromised: false,
        sets,
    }
}

/// A rotation to be done.
struct Rotation<'a> {
    by: &'a Caller,
    rule: &'a str,
    time: Reading,
    /// A new key pair, if one was made before.
    made: Option<MadePair>,
}

impl Rotation<'_> {
    /// Replaces `object`, and its other half where it is one of a pair. Gives its replacement.
    fn run(
        self,
        inner: &Inner,
        unsealed: &Unsealed,
        tx: &mut WriteTx<'_>,
        object: &ManagedObject,
    ) -> Result<ObjectId, Refusal> {
        let now = self.time.earliest();
        let symmetric = object.object_type() == ObjectType::SYMMETRIC_KEY;
        // The replacement belongs to the owner of what it replaces, whoever asks for it.
        let owner = Caller { user: object.owner().to_owned(), ..self.by.clone() };
        let server = inner.store.server_state();
        let mut ctx = Ctx {
            engine: inner,
            unsealed,
            caller: &owner,
            server: &server,
            // The duties bind people, not what a key's date or an officer asks for.
            who: Who { user: &owner.user, groups: &owner.groups, role: None, conflicting: false },
            owner: None,
            operation: if symmetric { Operation::RE_KEY } else { Operation::RE_KEY_KEY_PAIR },
            version: ProtocolVersion::V2_1,
            alone: true,
            time: self.time,
            tx: Some(tx),
            placeholders: &mut Placeholders::default(),
            out: Encoder::ungated(),
            trail: Trail {
                rule: self.rule.to_owned().into(),
                recorded_as: Some(Box::new(self.by.clone())),
                ..Trail::default()
            },
            reservations: Vec::new(),
            spent: Vec::new(),
            prepared: self.made.map(Prepared::Pair),
            guard: None,
            in_place_of: None,
        };
        if symmetric {
            check_in_use(object, now)?;
            let offset = rotate_offset(object);
            let given = given(object, now);
            let new = replace(&mut ctx, object, given, offset_now(object, offset, now))?;
            ctx.change(&retirement(object, now, offset.unwrap_or(0)))?;
            return Ok(new);
        }
        let [private, public] = halves(&ctx, object)?;
        let offset = rotate_offset(&private.object).or_else(|| rotate_offset(&public.object));
        let half = |cached| -> Result<Half<'_>, Refusal> {
            let old: &Cached = cached;
            check_in_use(&old.object, now)?;
            let offset = offset_now(&old.object, offset, now);
            Ok(Half { old, given: given(&old.object, now), offset })
        };
        let (new_private, new_public) = replace_pair(&mut ctx, half(&private)?, half(&public)?)?;
        for old in [&private.object, &public.object] {
            ctx.change(&retirement(old, now, offset.unwrap_or(0)))?;
        }
        Ok(if object.id == public.object.id { new_public } else { new_private })
    }
}

/// The private and the public key of the pair that `object` is one half of.
fn halves(ctx: &Ctx<'_, '_>, object: &ManagedObject) -> Result<[Arc<Cached>; 2], Refusal> {
    let to_public = (LinkType::PUBLIC_KEY_LINK, LinkType::PRIVATE_KEY_LINK);
    let to_private = (LinkType::PRIVATE_KEY_LINK, LinkType::PUBLIC_KEY_LINK);
    let (half, (there, back)) = match object.object_type() {
        ObjectType::PRIVATE_KEY => (ObjectType::PUBLIC_KEY, to_public),
        ObjectType::PUBLIC_KEY => (ObjectType::PRIVATE_KEY, to_private),
        other => {
            return Err(Refusal::new(
                ResultReason::INVALID_OBJECT_TYPE,
                format!("object {} is a {other}: only keys are rotated", object.id),
            ));
        }
    };
    let alone = || {
        Refusal::new(
            ResultReason::INVALID_OBJECT_TYPE,
            format!(
                "object {} is not linked with another half that is linked with it, and of the same \
                 owner: only whole pairs are rotated",
                object.id
            ),
        )
    };
    let id = linked(object, there).ok_or_else(alone)?;
    let other = ctx
        .fetch(&id)?
        // Anybody may link to anything.
        .filter(|other| {
            other.object.object_type() == half
                && linked(&other.object, back).as_ref() == Some(&object.id)
                && other.object.owner() == object.owner()
        })
        .ok_or_else(alone)?;
    let this = Arc::new(Cached::new(object.clone()));
    Ok(match object.object_type() {
        ObjectType::PRIVATE_KEY => [this, other],
        _ => [other, this],
    })
}

fn check_in_use(object: &ManagedObject, now: i64) -> Result<(), Refusal> {
    if object.lifecycle_at(now) >= Lifecycle::Deactivated || object.compromised {
        return Err(Refusal::wrong_state(format!(
            "object {} is {}: only a key in use is rotated",
            object.id,
            object.state(now)
        )));
    }
    Ok(())
}

fn rotate_offset(object: &ManagedObject) -> Option<i64> {
    object.value(Tag::ROTATE_OFFSET).and_then(Value::as_interval).map(i64::from)
}

/// The Offset of the replacement: without a Rotate Offset it takes over at once. But what was not
/// activated is not activated by a rotation: its dates go over as they are, or by the Rotate
/// Offset if it has an Activation Date.
fn offset_now(object: &ManagedObject, offset: Option<i64>, now: i64) -> Option<i64> {
    match object.lifecycle_at(now) {
        Lifecycle::PreActive => offset.filter(|_| object.date(Tag::ACTIVATION_DATE).is_some()),
        _ => Some(offset.unwrap_or(0)),
    }
}

/// What a rotation gives the replacement of `object`.
fn given(object: &ManagedObject, now: i64) -> Vec<Attribute> {
    let generation = object.value(Tag::ROTATE_GENERATION).and_then(Value::as_integer).unwrap_or(0);
    vec![
        Attribute::new(Tag::ROTATE_GENERATION, Value::Integer(generation.saturating_add(1))),
        Attribute::new(Tag::ROTATE_LATEST, Value::Boolean(true)),
        Attribute::new(Tag::ROTATE_DATE, Value::DateTime(now)),
    ]
}
