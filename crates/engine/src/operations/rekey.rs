//! Re-key and Re-key Key Pair (KMIP 2.1 sections 6.1.44 and 6.1.45).
//!
//! The replacement is a new object with a new identity; Names move to it, links tie the two, and
//! its dates follow from the old ones and the Offset. The old object stays able to decrypt.

use strongroom_kmip::{
    Attribute, AttributeName, AttributeSet, LinkType, ObjectType, RecommendedCurve, ResultReason,
    Tag, UniqueIdentifierEnum, Value, View,
};
use strongroom_model::{
    AttributeKey, Change, ChangeKind, Lifecycle, ManagedObject, ObjectId, Seen,
};

use super::create::{PairPlan, deliver_pair, generate, pair_of};
use super::keys::Kept;
use super::life::link;
use crate::access::key_group_attribute;
use crate::cache::Cached;
use crate::context::Ctx;
use crate::refusal::Refusal;

/// Attributes that do not go over to the replacement (the tables of both sections).
const LEFT_BEHIND: &[Tag] = &[
    Tag::INITIAL_DATE,
    Tag::ORIGINAL_CREATION_DATE,
    Tag::ACTIVATION_DATE,
    Tag::PROCESS_START_DATE,
    Tag::PROTECT_STOP_DATE,
    Tag::DEACTIVATION_DATE,
    Tag::DESTROY_DATE,
    Tag::COMPROMISE_OCCURRENCE_DATE,
    Tag::COMPROMISE_DATE,
    Tag::REVOCATION_REASON,
    Tag::ARCHIVE_DATE,
    Tag::LAST_CHANGE_DATE,
    Tag::ROTATE_DATE,
    Tag::DIGEST,
    Tag::RANDOM_NUMBER_GENERATOR,
    Tag::LINK,
    Tag::FRESH,
    Tag::ALWAYS_SENSITIVE,
    Tag::NEVER_EXTRACTABLE,
];

pub(super) fn re_key(ctx: &mut Ctx<'_, '_>, payload: View<'_>) -> Result<(), Refusal> {
    let id = ctx.target(payload)?;
    let cached = ctx.load(&id)?;
    let old = &cached.object;
    if old.object_type() != ObjectType::SYMMETRIC_KEY {
        return Err(Refusal::new(
            ResultReason::INVALID_OBJECT_TYPE,
            format!("object {id} is a {}: only symmetric keys are re-keyed", old.object_type()),
        ));
    }
    let given = ctx.attributes(AttributeSet::Own, payload)?;
    check_given(ctx, old, &given)?;
    let new = replace(ctx, old, given, offset(payload))?;
    ctx.out.text(Tag::UNIQUE_IDENTIFIER, new.as_str());
    ctx.leave(Some(UniqueIdentifierEnum::RE_KEY), &new);
    Ok(())
}

/// Makes the replacement of a symmetric key and ties the two together.
pub(crate) fn replace(
    ctx: &mut Ctx<'_, '_>,
    old: &ManagedObject,
    given: Vec<Attribute>,
    offset: Option<i64>,
) -> Result<ObjectId, Refusal> {
    check_replaceable(ctx, old)?;
    ctx.owner = Some(old.owner().to_owned());
    let attributes = inherit(ctx, old, given, offset)?;
    release_names(ctx, old)?;
    let mut birth = generate(ctx, ObjectType::SYMMETRIC_KEY, attributes)?;
    birth.attributes.push(Attribute::new(Tag::LINK, link(LinkType::REPLACED_OBJECT_LINK, &old.id)));
    let new = birth.deliver(ctx)?;
    add_link(ctx, old, LinkType::REPLACEMENT_OBJECT_LINK, &new)?;
    inherit_grants(ctx, old, &new)?;
    Ok(new)
}

/// Whoever may use a key may use what replaces it.
fn inherit_grants(
    ctx: &mut Ctx<'_, '_>,
    old: &ManagedObject,
    new: &ObjectId,
) -> Result<(), Refusal> {
    for ((subject, operation), contest) in &old.grants {
        if contest.weak_holds() {
            ctx.change(&Change::Granted {
                id: new.clone(),
                subject: subject.clone(),
                operation: *operation,
                seen: Seen::default(),
            })?;
        }
    }
    Ok(())
}

pub(super) fn re_key_key_pair(ctx: &mut Ctx<'_, '_>, payload: View<'_>) -> Result<(), Refusal> {
    let id = ctx.target_in(payload, Tag::PRIVATE_KEY_UNIQUE_IDENTIFIER)?;
    let cached = ctx.load(&id)?;
    let private = &cached.object;
    if private.object_type() != ObjectType::PRIVATE_KEY {
        return Err(Refusal::new(
            ResultReason::INVALID_OBJECT_TYPE,
            format!("object {id} is a {}, not a private key", private.object_type()),
        ));
    }
    check_replaceable(ctx, private)?;
    let public_id = linked(private, LinkType::PUBLIC_KEY_LINK).ok_or_else(|| {
        Refusal::new(
            ResultReason::OBJECT_NOT_FOUND,
            format!("private key {id} has no link to its public key"),
        )
    })?;
    let public_cached = ctx.load(&public_id)?;
    let offset = offset(payload);
    let common = ctx.attributes(AttributeSet::Common, payload)?;
    let with_common = |mut own: Vec<Attribute>| {
        own.extend(common.iter().cloned());
        own
    };
    let private_given = with_common(ctx.attributes(AttributeSet::PrivateKey, payload)?);
    let public_given = with_common(ctx.attributes(AttributeSet::PublicKey, payload)?);
    check_given(ctx, private, &private_given)?;
    check_given(ctx, &public_cached.object, &public_given)?;
    let (new_private, new_public) = replace_pair(
        ctx,
        Half { old: &cached, given: private_given, offset },
        Half { old: &public_cached, given: public_given, offset },
    )?;
    ctx.out.text(Tag::PRIVATE_KEY_UNIQUE_IDENTIFIER, new_private.as_str());
    ctx.out.text(Tag::PUBLIC_KEY_UNIQUE_IDENTIFIER, new_public.as_str());
    ctx.leave(Some(UniqueIdentifierEnum::RE_KEY_KEY_PAIR_PUBLIC_KEY), &new_public);
    ctx.leave(Some(UniqueIdentifierEnum::RE_KEY_KEY_PAIR_PRIVATE_KEY), &new_private);
    ctx.leave(Some(UniqueIdentifierEnum::RE_KEY_KEY_PAIR), &new_private);
    Ok(())
}

/// One half of a pair to be replaced.
pub(crate) struct Half<'a> {
    pub(crate) old: &'a Cached,
    /// Attributes that the replacement gets, whatever the old one has.
    pub(crate) given: Vec<Attribute>,
    pub(crate) offset: Option<i64>,
}

/// Makes the replacement of a key pair and ties the four together. Gives the new private and the
/// new public key.
pub(crate) fn replace_pair(
    ctx: &mut Ctx<'_, '_>,
    private: Half<'_>,
    public: Half<'_>,
) -> Result<(ObjectId, ObjectId), Refusal> {
    let (cached, private, given, offset) =
        (private.old, &private.old.object, private.given, private.offset);
    check_replaceable(ctx, private)?;
    if private.owner() != public.old.object.owner() {
        return Err(Refusal::wrong_state(format!(
            "key pair {} has two owners: re-key each half's own pair",
            private.id
        )));
    }
    ctx.owner = Some(private.owner().to_owned());
    let mut private_attributes = inherit(ctx, private, given, offset)?;
    let (public, given, offset) = (&public.old.object, public.given, public.offset);
    if public.object_type() != ObjectType::PUBLIC_KEY {
        return Err(Refusal::new(
            ResultReason::INVALID_OBJECT_TYPE,
            format!("object {} is a {}, not a public key", public.id, public.object_type()),
        ));
    }
    check_replaceable(ctx, public)?;
    let mut public_attributes = inherit(ctx, public, given, offset)?;
    let plan = PairPlan::of(&private_attributes)?.or_curve_of(|| curve_of(ctx, cached));
    let pair = pair_of(ctx, plan)?;
    release_names(ctx, private)?;
    release_names(ctx, public)?;
    let replaced = LinkType::REPLACED_OBJECT_LINK;
    private_attributes.push(Attribute::new(Tag::LINK, link(replaced, &private.id)));
    public_attributes.push(Attribute::new(Tag::LINK, link(replaced, &public.id)));
    let (new_private, new_public) =
        deliver_pair(ctx, &plan, &pair, Vec::new(), private_attributes, public_attributes)?;
    add_link(ctx, private, LinkType::REPLACEMENT_OBJECT_LINK, &new_private)?;
    add_link(ctx, public, LinkType::REPLACEMENT_OBJECT_LINK, &new_public)?;
    inherit_grants(ctx, private, &new_private)?;
    inherit_grants(ctx, public, &new_public)?;
    Ok((new_private, new_public))
}

/// The curve of a private key, if its material tells.
fn curve_of(ctx: &Ctx<'_, '_>, cached: &Cached) -> Option<RecommendedCurve> {
    let material = ctx.material(cached).ok()?;
    let kept = Kept::of(&cached.object, cached.object.key_format()?, material);
    kept.private().ok()?.info().ok()?.curve
}

fn offset(payload: View<'_>) -> Option<i64> {
    payload.find(Tag::OFFSET)?.as_interval().map(i64::from)
}

/// Only the owner says in what a replacement differs: to everybody else a grant of Re-key would
/// be one to lift the key's protection, to widen its uses and to take its limits away.
fn check_given(ctx: &Ctx<'_, '_>, old: &ManagedObject, given: &[Attribute]) -> Result<(), Refusal> {
    if old.owner() == ctx.caller.user {
        return Ok(());
    }
    let has = |a: &Attribute| old.instances(&a.name).any(|(_, value)| *value == a.value);
    match given.iter().find(|a| !has(a)) {
        None => Ok(()),
        Some(other) => Err(Refusal::denied(format!(
            "{} does not own object {}, and may not give its replacement another {}: leave the \
             attributes out, and set the dates by the Offset",
            ctx.caller.user, old.id, other.name
        ))),
    }
}

/// An object is replaced once; an archived one when it is recovered, a destroyed one never.
fn check_replaceable(ctx: &Ctx<'_, '_>, object: &ManagedObject) -> Result<(), Refusal> {
    if object.lifecycle_at(ctx.now()) == Lifecycle::Destroyed {
        return Err(super::life::destroyed(&object.id));
    }
    if object.is_archived() {
        return Err(Refusal::archived(&object.id));
    }
    if let Some(newer) = linked(object, LinkType::REPLACEMENT_OBJECT_LINK) {
        return Err(Refusal::wrong_state(format!(
            "object {} was replaced by {newer} already: re-key that one",
            object.id
        )));
    }
    Ok(())
}

pub(crate) fn linked(object: &ManagedObject, kind: LinkType) -> Option<ObjectId> {
    object.instances(&AttributeName::Standard(Tag::LINK)).find_map(|(_, value)| {
        let this = value.find(Tag::LINK_TYPE)?.value.as_enumeration()?;
        let to = value.find(Tag::LINKED_OBJECT_IDENTIFIER)?.value.as_text()?;
        (LinkType(this) == kind).then(|| ObjectId::from(to))
    })
}

/// The replacement's attributes: what the client gives, else what the old object has, with the
/// dates moved. Names all move over; one that the client gives comes on top.
fn inherit(
    ctx: &Ctx<'_, '_>,
    old: &ManagedObject,
    given: Vec<Attribute>,
    offset: Option<i64>,
) -> Result<Vec<Attribute>, Refusal> {
    let now = ctx.now();
    let has =
        |attributes: &[Attribute], name: &AttributeName| attributes.iter().any(|a| a.name == *name);
    let is_name = |name: &AttributeName| *name == AttributeName::Standard(Tag::NAME);
    let (on_top, given): (Vec<_>, Vec<_>) = given.into_iter().partition(|a| is_name(&a.name));
    let mut attributes = given;
    let given_names: Vec<AttributeName> = attributes.iter().map(|a| a.name.clone()).collect();
    for (name, index, value) in old.attributes() {
        let left = name.tag().is_some_and(|tag| LEFT_BEHIND.contains(&tag))
            || matches!(name, AttributeName::Vendor { vendor, .. } if vendor == "strongroom");
        // The replacement stays in the old key's groups.
        let left = left && *name != key_group_attribute();
        if !left && !given_names.contains(name) {
            attributes.push(Attribute { name: name.clone(), index, value: value.clone() });
        }
    }
    for name in on_top {
        if !attributes.iter().any(|a| a.name == name.name && a.value == name.value) {
            attributes.push(name);
        }
    }
    let before = old.date(Tag::ACTIVATION_DATE);
    let activation = AttributeName::Standard(Tag::ACTIVATION_DATE);
    let starts = attributes.iter().find(|a| a.name == activation).map(|a| &a.value);
    let starts = match (starts.and_then(Value::as_date_time), offset) {
        (Some(_), Some(_)) => {
            return Err(Refusal::invalid_field("Offset and Activation Date exclude each other"));
        }
        (Some(given), None) => Some(given),
        (None, Some(offset)) => Some(now.saturating_add(offset)),
        // Copied, unless the replacement would end as it is born.
        (None, None) => before.map(|date| if has_ended(old, now) { now } else { date }),
    };
    if let Some(starts) = starts
        && !has(&attributes, &activation)
    {
        attributes.push(Attribute::new(Tag::ACTIVATION_DATE, Value::DateTime(starts)));
    }
    // The others keep their distance from it.
    let moved_by = match (starts, before) {
        (Some(starts), Some(before)) => starts.saturating_sub(before),
        (Some(_), None) => return Ok(attributes),
        (None, _) => 0,
    };
    for tag in [Tag::PROCESS_START_DATE, Tag::PROTECT_STOP_DATE, Tag::DEACTIVATION_DATE] {
        if let Some(date) = old.date(tag)
            && !has(&attributes, &AttributeName::Standard(tag))
        {
            let moved = date.saturating_add(moved_by);
            attributes.push(Attribute::new(tag, Value::DateTime(moved)));
        }
    }
    Ok(attributes)
}

/// Whether an object may protect nothing any more: a replacement with its dates could not either.
fn has_ended(object: &ManagedObject, now: i64) -> bool {
    object.lifecycle_at(now) >= Lifecycle::Deactivated
        || object.date(Tag::PROTECT_STOP_DATE).is_some_and(|date| date <= now)
}

/// Names move to the replacement: the old object gives them up first.
fn release_names(ctx: &mut Ctx<'_, '_>, old: &ManagedObject) -> Result<(), Refusal> {
    let name = AttributeName::Standard(Tag::NAME);
    let sets: Vec<(AttributeKey, Option<Value>)> = old
        .instances(&name)
        .filter_map(|(index, _)| Some((old.key_of(&name, index)?, None)))
        .collect();
    if sets.is_empty() {
        return Ok(());
    }
    changed(ctx, &old.id, sets)
}

pub(super) fn add_link(
    ctx: &mut Ctx<'_, '_>,
    old: &ManagedObject,
    kind: LinkType,
    to: &ObjectId,
) -> Result<(), Refusal> {
    let name = AttributeName::Standard(Tag::LINK);
    let index = old.next_index(&name);
    let key = AttributeKey { name, index, site: ctx.engine.config.site };
    let now = ctx.now();
    let last_change = AttributeKey::single(Tag::LAST_CHANGE_DATE);
    let sets = vec![(key, Some(link(kind, to))), (last_change, Some(Value::DateTime(now)))];
    changed(ctx, &old.id, sets)
}

fn changed(
    ctx: &mut Ctx<'_, '_>,
    id: &ObjectId,
    sets: Vec<(AttributeKey, Option<Value>)>,
) -> Result<(), Refusal> {
    ctx.change(&Change::Changed {
        kind: ChangeKind::Attributes,
        id: id.clone(),
        lifecycle: None,
        compromised: false,
        sets,
    })
}
