//! Register and Import: objects that clients hand in.

use strongroom_kmip::{
    Attribute, AttributeName, AttributeSet, CryptographicAlgorithm, KeyWrapType, ObjectType,
    Operation, ResultReason, Tag, UniqueIdentifierEnum, Value, View,
};
use strongroom_model::{Change, ChangeKind, Lifecycle, ManagedObject, ObjectId};
use strongroom_store::scheduled_destruction;

use super::create::Birth;
use super::{keys, template, wrapping};
use crate::context::Ctx;
use crate::objects::{Incoming, secret, tag_of};
use crate::refusal::Refusal;

/// Register (KMIP 2.1 section 6.1.42).
pub(super) fn register(ctx: &mut Ctx<'_, '_>, payload: View<'_>) -> Result<(), Refusal> {
    let birth = read(ctx, payload)?;
    let id = birth.deliver(ctx)?;
    ctx.out.text(Tag::UNIQUE_IDENTIFIER, id.as_str());
    ctx.leave(Some(UniqueIdentifierEnum::REGISTER), &id);
    Ok(())
}

/// Registers a key for a bulk import, under an identifier if one is given. A key that the owner has
/// already by that identifier, or else by that name, is found and not made twice: so an import that
/// broke off is run again as a whole. Says whether it was there. A key that stays wrapped is refused.
pub(crate) fn register_once(
    ctx: &mut Ctx<'_, '_>,
    payload: View<'_>,
    id: Option<ObjectId>,
) -> Result<(ObjectId, bool), Refusal> {
    ctx.authorise()?;
    let mut birth = read(ctx, payload)?;
    if !birth.is_clear() {
        return Err(Refusal::new(
            ResultReason::WRAPPING_OBJECT_NOT_FOUND,
            "the key cannot be unwrapped: its wrapping key is not there, is not of the same owner, \
             or its usage mask lacks Unwrap Key",
        ));
    }
    let owner = ctx.owner.as_ref().unwrap_or(&ctx.caller.user).clone();
    let there = match &id {
        Some(id) => ctx.fetch(id)?.map(|cached| cached.object.clone()),
        None => named(ctx, &owner, &birth)?,
    };
    if let Some(object) = there {
        ctx.trail.object = Some(object.id.as_str().to_owned());
        if object.owner() == owner && is_same(&object, &birth)? {
            return Ok((object.id, true));
        }
        return Err(Refusal::new(
            ResultReason::OBJECT_ALREADY_EXISTS,
            format!(
                "object {} of {} has that identifier or name, and is another key",
                object.id,
                object.owner()
            ),
        ));
    }
    birth.id = id;
    Ok((birth.deliver(ctx)?, false))
}

/// The oldest object of an owner that has the name of a new one.
fn named(ctx: &Ctx<'_, '_>, owner: &str, birth: &Birth) -> Result<Option<ManagedObject>, Refusal> {
    let Some(tx) = &ctx.tx else { return Err(Refusal::needs_writer()) };
    let Some(name) = birth.value(Tag::NAME) else { return Ok(None) };
    Ok(tx.holders_of_name(owner, name)?.into_iter().next())
}

/// Whether an object is a living key of this kind, with this value.
fn is_same(object: &ManagedObject, birth: &Birth) -> Result<bool, Refusal> {
    let Some(material) = &birth.material else { return Ok(false) };
    let digest = super::create::digest_of(material, birth.block.as_ref().map(|b| b.format))?;
    let alike = |tag| object.value(tag) == birth.value(tag);
    Ok(object.lifecycle != Lifecycle::Destroyed
        && object.object_type() == birth.object_type
        && alike(Tag::CRYPTOGRAPHIC_ALGORITHM)
        && alike(Tag::CRYPTOGRAPHIC_LENGTH)
        && object.value(Tag::DIGEST) == Some(&digest))
}

/// Import (KMIP 2.1 section 6.1.26): Register under an identity that the client names.
pub(super) fn import(ctx: &mut Ctx<'_, '_>, payload: View<'_>) -> Result<(), Refusal> {
    let id = payload
        .find(Tag::UNIQUE_IDENTIFIER)
        .and_then(|v| v.as_text())
        .filter(|text| !text.is_empty() && text.len() <= 256)
        .map(ObjectId::from)
        .ok_or_else(|| {
            Refusal::invalid_field("Unique Identifier is missing, or longer than 256 bytes")
        })?;
    let replace = payload.find(Tag::REPLACE_EXISTING).and_then(|v| v.as_boolean());
    let mut birth = read(ctx, payload)?;
    // Where it is stored is this server's to say.
    birth.attributes.retain(|a| a.name != AttributeName::Standard(Tag::ARCHIVE_DATE));
    // A replacement is a new object: "destroyed never returns" holds for identities too.
    let taken = ctx.fetch(&id)?;
    if let Some(old) = &taken {
        let object = &old.object;
        if replace != Some(true) || object.lifecycle == Lifecycle::Destroyed {
            return Err(Refusal::new(
                ResultReason::OBJECT_ALREADY_EXISTS,
                format!("there is an object {id} already"),
            ));
        }
        check_replaceable(ctx, &id)?;
        return replace_existing(ctx, &id, birth);
    }
    birth.id = Some(id);
    let id = birth.deliver(ctx)?;
    ctx.out.text(Tag::UNIQUE_IDENTIFIER, id.as_str());
    ctx.leave(Some(UniqueIdentifierEnum::IMPORT), &id);
    Ok(())
}

/// Whether the caller may put another value in place of an object's. The old value is gone for
/// good then: whoever may not destroy the object may not replace it.
fn check_replaceable(ctx: &mut Ctx<'_, '_>, id: &ObjectId) -> Result<(), Refusal> {
    let cached = ctx.load(id)?;
    let rule = ctx.trail.rule.clone();
    if ctx.load_for(id, Operation::DESTROY).is_err() {
        return Err(Refusal::denied(format!(
            "object {id} may not be replaced by {}: that ends its value, and Destroy is denied \
             (rule {})",
            ctx.caller.user, ctx.trail.rule
        )));
    }
    ctx.trail.rule = rule;
    if cached.object.value_of(&scheduled_destruction()).is_some() {
        return Err(Refusal::wrong_state(format!(
            "object {id} is to be destroyed: have that called back before it is replaced"
        )));
    }
    Ok(())
}

/// Replaces attributes and material of an object that stays the same object.
fn replace_existing(ctx: &mut Ctx<'_, '_>, id: &ObjectId, mut birth: Birth) -> Result<(), Refusal> {
    let Some(old) = ctx.fetch(id)? else { return Err(Refusal::not_found(id.as_str())) };
    let object = &old.object;
    if object.object_type() != ObjectType::TEMPLATE {
        // The object is the same, and so is its past.
        for tag in [Tag::ALWAYS_SENSITIVE, Tag::NEVER_EXTRACTABLE] {
            if object.value(tag).and_then(Value::as_boolean) == Some(false) {
                birth.force(tag, Value::Boolean(false));
            }
        }
        birth.complete_protection();
    }
    let same_kind = object.object_type() == birth.object_type
        && object.creation.as_ref().is_some_and(|c| {
            c.fields == birth.fields
                && c.block.as_ref().map(|b| b.format) == birth.block.as_ref().map(|b| b.format)
        });
    if !same_kind {
        return Err(Refusal::new(
            ResultReason::INVALID_OBJECT_TYPE,
            format!("object {id} can only be replaced by one of the same type and format"),
        ));
    }
    let material = birth
        .material
        .as_ref()
        .ok_or_else(|| Refusal::invalid_field("the replacement has no value"))?;
    let version = object.material.as_ref().map_or(1, |m| m.version + 1);
    let sealed = ctx.unsealed.seal_material(id, version, material)?;
    let digest = super::create::digest_of(material, birth.block.as_ref().map(|b| b.format))?;
    let site = ctx.engine.config.site;
    let mut sets: Vec<_> = object
        .registers
        .iter()
        .filter(|(key, register)| {
            // What the replacement does not carry falls away, but for what the server keeps.
            register.value.is_some() && !is_servers_own(&key.name)
        })
        .map(|(key, _)| (key.clone(), None))
        .collect();
    for (key, value) in crate::attributes::keyed(birth.attributes, site)? {
        sets.retain(|(old, _)| *old != key);
        sets.push((key, Some(value)));
    }
    let now = ctx.now();
    for (tag, value) in [(Tag::DIGEST, digest), (Tag::LAST_CHANGE_DATE, Value::DateTime(now))] {
        sets.push((strongroom_model::AttributeKey::single(tag), Some(value)));
    }
    ctx.change(&Change::Rewrapped { id: id.clone(), material: sealed })?;
    ctx.change(&Change::Changed {
        kind: ChangeKind::Attributes,
        id: id.clone(),
        lifecycle: None,
        compromised: false,
        sets,
    })?;
    ctx.out.text(Tag::UNIQUE_IDENTIFIER, id.as_str());
    ctx.leave(Some(UniqueIdentifierEnum::IMPORT), id);
    Ok(())
}

/// Whether an attribute is the server's to keep when an object's value is replaced: its key
/// groups, what is to become of it and when. How the value came goes with the value.
fn is_servers_own(name: &AttributeName) -> bool {
    match name {
        AttributeName::Vendor { vendor, .. } => {
            vendor == "strongroom" && *name != wrapped_in_structure()
        }
        AttributeName::Standard(_) => name.rule().is_some_and(|rule| !rule.client_sets),
    }
}

/// Reads an object and its attributes from a payload, and unwraps it where it comes wrapped and
/// is not to be kept so.
fn read(ctx: &mut Ctx<'_, '_>, payload: View<'_>) -> Result<Birth, Refusal> {
    let object_type = payload
        .find(Tag::OBJECT_TYPE)
        .and_then(|v| v.as_enumeration())
        .map(ObjectType)
        .ok_or_else(|| Refusal::invalid_field("Object Type is missing"))?;
    if !object_type.exists_in(ctx.version) {
        return Err(Refusal::new(
            ResultReason::INVALID_OBJECT_TYPE,
            format!("KMIP {} has no objects of type {object_type}", ctx.version),
        ));
    }
    let view = payload
        .find(tag_of(object_type)?)
        .ok_or_else(|| Refusal::invalid_field(format!("the {object_type} itself is missing")))?;
    let incoming = Incoming::read(object_type, view)?;
    let mut attributes = ctx.attributes(AttributeSet::Own, payload)?;
    for attribute in &incoming.attributes {
        if !attributes.iter().any(|a| a.name == attribute.name) {
            attributes.push(attribute.clone());
        }
    }
    let keep_wrapped = payload
        .find(Tag::KEY_WRAP_TYPE)
        .and_then(|v| v.as_enumeration())
        .is_some_and(|code| KeyWrapType(code) == KeyWrapType::AS_REGISTERED);
    let mut birth = Birth {
        object_type,
        fields: incoming.fields,
        block: incoming.block,
        attributes,
        material: incoming.material.as_deref().map(|m| secret(m)).transpose()?,
        generated: false,
        id: None,
    };
    if let Some(algorithm) = incoming.algorithm {
        birth.default_to(Tag::CRYPTOGRAPHIC_ALGORITHM, Value::Enumeration(algorithm.0));
    }
    if let Some(length) = incoming.length {
        birth.default_to(Tag::CRYPTOGRAPHIC_LENGTH, Value::Integer(length));
    }
    if let Some(wrapping) = birth.block.as_ref().and_then(|b| b.wrapping.clone())
        && !keep_wrapped
    {
        wrapping::unwrap_registered(ctx, &mut birth, &wrapping)?;
    }
    if incoming.wrapped_in_structure && !birth.is_clear() {
        let name = wrapped_in_structure();
        birth.attributes.push(Attribute { name, index: 0, value: Value::Boolean(true) });
    }
    if object_type == ObjectType::TEMPLATE {
        birth.attributes = template::own(&birth.fields, birth.attributes)?;
        return Ok(birth);
    }
    complete(&mut birth)?;
    Ok(birth)
}

/// The server's note that an object's Key Value came wrapped inside a structure, and has to leave
/// so: the standard has wrapped octets stand for the whole Key Value, but PyKMIP and cases of the
/// standard itself (TC-WRAP) put them into it.
pub(super) fn wrapped_in_structure() -> AttributeName {
    AttributeName::Vendor {
        vendor: "strongroom".to_owned(),
        name: "wrapped-in-structure".to_owned(),
    }
}

/// Fills in what the value itself tells.
fn complete(birth: &mut Birth) -> Result<(), Refusal> {
    let Some(material) = &birth.material else {
        birth.default_to(Tag::KEY_VALUE_PRESENT, Value::Boolean(false));
        return Ok(());
    };
    let size = material.len();
    match birth.object_type {
        ObjectType::CERTIFICATE => {
            let certificate = material.clone();
            super::keys::describe_certificate(birth, certificate.as_slice())?;
        }
        ObjectType::SYMMETRIC_KEY if birth.is_clear() => {
            let octets = keys::symmetric_octets(birth)?;
            let bits = (octets.len() * 8) as i32;
            birth.default_to(Tag::CRYPTOGRAPHIC_LENGTH, Value::Integer(bits));
            let algorithm = birth
                .value(Tag::CRYPTOGRAPHIC_ALGORITHM)
                .and_then(Value::as_enumeration)
                .map(CryptographicAlgorithm);
            keys::check_registered(algorithm, bits, birth)?;
        }
        ObjectType::PRIVATE_KEY | ObjectType::PUBLIC_KEY if birth.is_clear() => {
            keys::describe_asymmetric(birth)?;
        }
        ObjectType::SECRET_DATA => {
            birth.default_to(Tag::CRYPTOGRAPHIC_LENGTH, Value::Integer((size * 8) as i32));
        }
        _ => {}
    }
    Ok(())
}

impl Birth {
    /// Whether the material is here and not wrapped.
    pub(super) fn is_clear(&self) -> bool {
        self.material.is_some() && self.block.as_ref().is_none_or(|b| b.wrapping.is_none())
    }
}
