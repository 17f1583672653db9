//! Get and Export.

use strongroom_kmip::{
    Attribute, CryptographicAlgorithm, KeyFormatType, KeyWrapType, Node, ObjectType, ResultReason,
    Tag, Value, View,
};
use strongroom_model::ManagedObject;

use super::{keys, wrapping};
use crate::cache::Cached;
use crate::context::Ctx;
use crate::objects::{Outgoing, compression};
use crate::refusal::Refusal;

/// Get (KMIP 2.1 section 6.1.22).
pub(super) fn get(ctx: &mut Ctx<'_, '_>, payload: View<'_>) -> Result<(), Refusal> {
    let id = ctx.target(payload)?;
    let cached = ctx.load(&id)?;
    let object = &cached.object;
    ctx.out.enumeration(Tag::OBJECT_TYPE, object.object_type());
    ctx.out.text(Tag::UNIQUE_IDENTIFIER, id.as_str());
    write_object(ctx, &cached, payload, false)?;
    ctx.leave(None, &id);
    ctx.served(object)
}

/// Export (KMIP 2.1 section 6.1.21): the object with all its attributes, so that Import can make
/// it again elsewhere.
pub(super) fn export(ctx: &mut Ctx<'_, '_>, payload: View<'_>) -> Result<(), Refusal> {
    let id = ctx.target(payload)?;
    let cached = ctx.load(&id)?;
    let object = &cached.object;
    let version = ctx.version;
    ctx.out.enumeration(Tag::OBJECT_TYPE, object.object_type());
    ctx.out.text(Tag::UNIQUE_IDENTIFIER, id.as_str());
    let attributes = ctx.shown(object).all();
    Attribute::write_all(&attributes, &mut ctx.out, version);
    if object.material.is_some() {
        write_object(ctx, &cached, payload, true)?;
        ctx.served(object)?;
    }
    ctx.leave(None, &id);
    Ok(())
}

/// Writes the object as the payload asks for it.
fn write_object(
    ctx: &mut Ctx<'_, '_>,
    cached: &Cached,
    payload: View<'_>,
    exporting: bool,
) -> Result<(), Refusal> {
    let object = &cached.object;
    if payload.find(Tag::KEY_COMPRESSION_TYPE).is_some() {
        return Err(compression());
    }
    let wanted =
        payload.find(Tag::KEY_FORMAT_TYPE).and_then(|v| v.as_enumeration()).map(KeyFormatType);
    let wrap_type =
        payload.find(Tag::KEY_WRAP_TYPE).and_then(|v| v.as_enumeration()).map(KeyWrapType);
    let specification = payload.find(Tag::KEY_WRAPPING_SPECIFICATION);
    let material = ctx.material(cached)?.clone();
    let stored_wrapping = wrapping_of(object);
    check_release(object, specification.is_some() || stored_wrapping.is_some())?;
    let stored = object.key_format();
    if let Some(format) = wanted {
        ctx.note("format", format.name());
    }
    let fields = object.creation.as_ref().map(|c| c.fields.clone()).unwrap_or_default();
    let mut outgoing = Outgoing {
        object_type: object.object_type(),
        fields: &fields,
        format: stored,
        material: material.as_slice(),
        wrapped: stored_wrapping,
        algorithm: algorithm(object),
        length: length(object),
        attributes: &[],
    };
    if stored_wrapping.is_some() && wrap_type != Some(KeyWrapType::NOT_WRAPPED) {
        if wanted.is_some_and(|format| Some(format) != stored) || specification.is_some() {
            return Err(Refusal::new(
                ResultReason::WRAPPING_OBJECT_NOT_FOUND,
                "the object was registered wrapped and is kept so: ask for it as registered",
            ));
        }
        return outgoing.write(&mut ctx.out, ctx.version);
    }
    if stored_wrapping.is_some() {
        return Err(Refusal::new(
            ResultReason::KEY_WRAP_TYPE_NOT_SUPPORTED,
            "the object was registered to be kept wrapped: it cannot be given unwrapped",
        ));
    }
    let converted = match (wanted, stored) {
        (Some(wanted), Some(stored)) if wanted != stored => Some((
            wanted,
            keys::convert(object, algorithm(object), stored, wanted, material.as_slice())?,
        )),
        (Some(_), None) => {
            return Err(Refusal::new(
                ResultReason::KEY_FORMAT_TYPE_NOT_SUPPORTED,
                format!("{} has no Key Format Type", object.object_type()),
            ));
        }
        _ => None,
    };
    if let Some((format, octets)) = &converted {
        outgoing.format = Some(*format);
        outgoing.material = octets.as_slice();
    }
    match specification {
        None => outgoing.write(&mut ctx.out, ctx.version),
        Some(specification) => {
            let attributes = if exporting {
                Vec::new()
            } else {
                wrapping::attributes_asked(ctx, object, specification)
            };
            let wrapped = wrapping::wrap(
                ctx,
                specification,
                outgoing.format.unwrap_or(KeyFormatType::RAW),
                outgoing.material,
                &attributes,
            )?;
            outgoing.material = &wrapped.octets;
            outgoing.wrapped = Some(&wrapped.data);
            outgoing.write(&mut ctx.out, ctx.version)
        }
    }
}

/// "A sensitive key leaves only wrapped, a non-extractable one never."
fn check_release(object: &ManagedObject, wrapped: bool) -> Result<(), Refusal> {
    let flag = |tag| object.value(tag).and_then(Value::as_boolean);
    if flag(Tag::EXTRACTABLE) == Some(false) {
        return Err(Refusal::new(
            ResultReason::NOT_EXTRACTABLE,
            format!("object {} is not extractable: it never leaves", object.id),
        ));
    }
    if flag(Tag::SENSITIVE) == Some(true) && !wrapped {
        return Err(Refusal::new(
            ResultReason::SENSITIVE,
            format!("object {} is sensitive: it leaves only wrapped", object.id),
        ));
    }
    Ok(())
}

fn wrapping_of(object: &ManagedObject) -> Option<&Node> {
    object.creation.as_ref()?.block.as_ref()?.wrapping.as_ref()
}

/// The object's Cryptographic Algorithm, for its Key Block.
pub(super) fn algorithm(object: &ManagedObject) -> Option<CryptographicAlgorithm> {
    object
        .value(Tag::CRYPTOGRAPHIC_ALGORITHM)
        .and_then(Value::as_enumeration)
        .map(CryptographicAlgorithm)
}

/// The object's Cryptographic Length in bits, for its Key Block. Secret data has none there
/// unless a client gave it.
pub(super) fn length(object: &ManagedObject) -> Option<i32> {
    if object.object_type() == ObjectType::SECRET_DATA && algorithm(object).is_none() {
        return None;
    }
    object.value(Tag::CRYPTOGRAPHIC_LENGTH).and_then(Value::as_integer)
}
