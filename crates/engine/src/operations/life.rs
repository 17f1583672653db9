//! Life cycle: Activate, Revoke, Destroy, Check.

use strongroom_kmip::{Node, ResultReason, RevocationReasonCode, State, Tag, Value, View};
use strongroom_model::{
    AttributeKey, Change, ChangeKind, Counter, Lifecycle, ManagedObject, ObjectId,
};

use crate::allowance::reserved;
use crate::context::Ctx;
use crate::refusal::Refusal;

/// Activate (KMIP 2.1 section 6.1.1).
pub(super) fn activate(ctx: &mut Ctx<'_, '_>, payload: View<'_>) -> Result<(), Refusal> {
    let id = ctx.target(payload)?;
    let cached = ctx.load(&id)?;
    let object = &cached.object;
    let state = object.state(ctx.now());
    if state != State::PRE_ACTIVE {
        return Err(Refusal::wrong_state(format!(
            "object {id} is {state}: only a Pre-Active one can be activated"
        )));
    }
    let now = ctx.now();
    change(
        ctx,
        ChangeKind::Activated,
        &id,
        Some(Lifecycle::Active),
        false,
        vec![(Tag::ACTIVATION_DATE, Value::DateTime(now))],
    )?;
    reply(ctx, &id);
    Ok(())
}

/// Revoke (KMIP 2.1 section 6.1.47).
pub(super) fn revoke(ctx: &mut Ctx<'_, '_>, payload: View<'_>) -> Result<(), Refusal> {
    let id = ctx.target(payload)?;
    let reason = payload
        .find(Tag::REVOCATION_REASON)
        .ok_or_else(|| Refusal::invalid_field("Revocation Reason is missing"))?;
    let code = reason
        .find(Tag::REVOCATION_REASON_CODE)
        .and_then(|v| v.as_enumeration())
        .map(RevocationReasonCode)
        .ok_or_else(|| Refusal::invalid_field("Revocation Reason Code is missing"))?;
    ctx.note("reason", code.name());
    let cached = ctx.load(&id)?;
    let object = &cached.object;
    let now = ctx.now();
    let lifecycle = object.lifecycle_at(now);
    if lifecycle == Lifecycle::Destroyed {
        return Err(destroyed(&id));
    }
    let compromise =
        matches!(code, RevocationReasonCode::KEY_COMPROMISE | RevocationReasonCode::CA_COMPROMISE);
    let mut sets = vec![(Tag::REVOCATION_REASON, Value::from(reason))];
    if compromise {
        sets.push((Tag::COMPROMISE_DATE, Value::DateTime(now)));
        let occurred = payload.find(Tag::COMPROMISE_OCCURRENCE_DATE).and_then(|v| v.as_date_time());
        if let Some(occurred) = occurred {
            sets.push((Tag::COMPROMISE_OCCURRENCE_DATE, Value::DateTime(occurred)));
        }
        change(ctx, ChangeKind::Compromised, &id, None, true, sets)?;
    } else {
        if lifecycle == Lifecycle::PreActive {
            return Err(Refusal::wrong_state(format!(
                "object {id} is Pre-Active: destroy it, or revoke it as compromised"
            )));
        }
        if object.date(Tag::DEACTIVATION_DATE).is_none_or(|date| date > now) {
            sets.push((Tag::DEACTIVATION_DATE, Value::DateTime(now)));
        }
        change(ctx, ChangeKind::Deactivated, &id, Some(Lifecycle::Deactivated), false, sets)?;
    }
    reply(ctx, &id);
    Ok(())
}

/// Destroy (KMIP 2.1 section 6.1.19). The material is gone when the reply leaves; the attributes
/// stay.
pub(super) fn destroy(ctx: &mut Ctx<'_, '_>, payload: View<'_>) -> Result<(), Refusal> {
    let delay = ctx.engine.config.destroy_delay;
    destroy_after(ctx, payload, delay)
}

/// Destroy with a delay, seconds; at once if there is none.
pub(crate) fn destroy_after(
    ctx: &mut Ctx<'_, '_>,
    payload: View<'_>,
    delay: i64,
) -> Result<(), Refusal> {
    let id = ctx.target(payload)?;
    let cached = ctx.load(&id)?;
    let object = &cached.object;
    let now = ctx.now();
    match object.lifecycle_at(now) {
        Lifecycle::Destroyed => return Err(destroyed(&id)),
        Lifecycle::Active if !object.compromised => {
            return Err(Refusal::wrong_state(format!(
                "object {id} is Active: revoke it before it is destroyed"
            )));
        }
        _ => {}
    }
    if object.lifecycle_at(ctx.time.latest()) == Lifecycle::Active && !object.compromised {
        return Err(ctx.unsure(object));
    }
    match delay {
        ..=0 => change(
            ctx,
            ChangeKind::Destroyed,
            &id,
            Some(Lifecycle::Destroyed),
            false,
            vec![(Tag::DESTROY_DATE, Value::DateTime(now))],
        )?,
        // Whichever clock is right, the delay is not shorter than was asked for.
        delay => schedule(ctx, &id, ctx.time.latest().saturating_add(delay))?,
    }
    reply(ctx, &id);
    Ok(())
}

/// Sets the time of a delayed destruction, until which it can be called back.
fn schedule(ctx: &mut Ctx<'_, '_>, id: &ObjectId, at: i64) -> Result<(), Refusal> {
    ctx.note("at", at.to_string());
    let key = AttributeKey { name: strongroom_store::scheduled_destruction(), index: 0, site: 0 };
    ctx.change(&Change::Changed {
        kind: ChangeKind::DestroyScheduled,
        id: id.clone(),
        lifecycle: None,
        compromised: false,
        sets: vec![(key, Some(Value::DateTime(at)))],
    })
}

/// Check (KMIP 2.1 section 6.1.6): whether a use would be allowed. What is not answers with the
/// reason; from 2.x as a refusal, before as the value that stands against it.
pub(super) fn check(ctx: &mut Ctx<'_, '_>, payload: View<'_>) -> Result<(), Refusal> {
    let id = ctx.target(payload)?;
    let cached = ctx.load(&id)?;
    let object = &cached.object;
    if object.lifecycle == Lifecycle::Destroyed {
        return Err(destroyed(&id));
    }
    if let Some(wanted) = payload.find(Tag::CRYPTOGRAPHIC_USAGE_MASK).and_then(|v| v.as_integer()) {
        let mask = usage_mask(object);
        if mask & wanted != wanted {
            return Err(Refusal::new(
                ResultReason::INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK,
                format!("the usage mask of object {id} does not allow all of that"),
            ));
        }
    }
    if let Some(wanted) = payload.find(Tag::USAGE_LIMITS_COUNT).and_then(|v| v.as_long_integer())
        && let Some((total, _)) = usage_limit(object)
    {
        let unused = total
            .saturating_sub(reserved(object, Counter::Usage))
            .saturating_add(ctx.engine.allowances.left(&id, Counter::Usage));
        if wanted.max(0) as u64 > unused {
            return Err(Refusal::new(
                ResultReason::USAGE_LIMIT_EXCEEDED,
                format!("object {id} has {unused} left of its usage limit"),
            ));
        }
    }
    ctx.out.text(Tag::UNIQUE_IDENTIFIER, id.as_str());
    ctx.leave(None, &id);
    Ok(())
}

/// The object's Cryptographic Usage Mask; zero when it has none.
pub(super) fn usage_mask(object: &ManagedObject) -> i32 {
    object.value(Tag::CRYPTOGRAPHIC_USAGE_MASK).and_then(Value::as_integer).unwrap_or(0)
}

/// Usage Limits: the total and the unit's code.
pub(super) fn usage_limit(object: &ManagedObject) -> Option<(u64, u32)> {
    let limits = object.value(Tag::USAGE_LIMITS)?;
    let total = limits.find(Tag::USAGE_LIMITS_TOTAL)?.value.as_long_integer()?;
    let unit = limits.find(Tag::USAGE_LIMITS_UNIT)?.value.as_enumeration()?;
    Some((total.max(0) as u64, unit))
}

/// Journals a change of an object, with Last Change Date.
pub(super) fn change(
    ctx: &mut Ctx<'_, '_>,
    kind: ChangeKind,
    id: &ObjectId,
    lifecycle: Option<Lifecycle>,
    compromised: bool,
    sets: Vec<(Tag, Value)>,
) -> Result<(), Refusal> {
    let now = ctx.now();
    let mut sets: Vec<_> =
        sets.into_iter().map(|(tag, value)| (AttributeKey::single(tag), Some(value))).collect();
    sets.push((AttributeKey::single(Tag::LAST_CHANGE_DATE), Some(Value::DateTime(now))));
    ctx.change(&Change::Changed { kind, id: id.clone(), lifecycle, compromised, sets })
}

pub(super) fn reply(ctx: &mut Ctx<'_, '_>, id: &ObjectId) {
    ctx.out.text(Tag::UNIQUE_IDENTIFIER, id.as_str());
    ctx.leave(None, id);
}

pub(super) fn destroyed(id: &ObjectId) -> Refusal {
    Refusal::new(ResultReason::OBJECT_DESTROYED, format!("object {id} is destroyed"))
}

/// A Link attribute's value.
pub(super) fn link(kind: strongroom_kmip::LinkType, to: &ObjectId) -> Value {
    Value::Structure(vec![
        Node::enumeration(Tag::LINK_TYPE, kind),
        Node::text(Tag::LINKED_OBJECT_IDENTIFIER, to.as_str()),
    ])
}
