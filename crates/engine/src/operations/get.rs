//! Get and Export.

use strongroom_kmip::{
    Attribute, CryptographicAlgorithm, EncodingOption, KeyFormatType, KeyWrapType, Node,
    ObjectType, ProtocolVersion, ResultReason, Tag, Value, View,
};
use strongroom_model::{Lifecycle, ManagedObject};

use super::register::wrapped_in_structure;
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
    let fields = object.creation.as_ref().map(|c| c.fields.as_slice()).unwrap_or_default();
    if object.material.is_none() && object.lifecycle != Lifecycle::Destroyed {
        return write_without_value(ctx, object, fields, specification.is_some());
    }
    let material = ctx.material(cached)?;
    let stored_wrapping = wrapping_of(object);
    check_release(object, specification.is_some() || stored_wrapping.is_some())?;
    let stored = object.key_format();
    if let Some(format) = wanted {
        ctx.note("format", format.name());
    }
    let mut outgoing = Outgoing {
        object_type: object.object_type(),
        fields,
        format: stored,
        material: Some(material.as_slice()),
        wrapped: stored_wrapping,
        wrapped_in_structure: object.value_of(&wrapped_in_structure()).is_some(),
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
        outgoing.material = Some(octets.as_slice());
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
                outgoing.material.unwrap_or_default(),
                &attributes,
            )?;
            outgoing.material = Some(&wrapped.octets);
            outgoing.wrapped = Some(&wrapped.data);
            outgoing.wrapped_in_structure = in_structure(ctx.version, &wrapped.data);
            outgoing.write(&mut ctx.out, ctx.version)
        }
    }
}

/// Writes an object without a value here: one whose value is kept elsewhere (KMIP 1.2 and later
/// can say so), or a template.
fn write_without_value(
    ctx: &mut Ctx<'_, '_>,
    object: &ManagedObject,
    fields: &[Node],
    to_wrap: bool,
) -> Result<(), Refusal> {
    let template = object.object_type() == ObjectType::TEMPLATE;
    if to_wrap || (!template && ctx.version < ProtocolVersion::V1_2) {
        return Err(Refusal::new(
            ResultReason::KEY_VALUE_NOT_PRESENT,
            format!("object {} has no key value here", object.id),
        ));
    }
    let outgoing = Outgoing {
        object_type: object.object_type(),
        fields,
        format: object.key_format(),
        material: None,
        wrapped: None,
        wrapped_in_structure: false,
        algorithm: algorithm(object),
        length: length(object),
        attributes: &[],
    };
    outgoing.write(&mut ctx.out, ctx.version)
}

/// Whether octets wrapped without encoding are to stand in a Key Value structure. By the
/// specification they never do, and its cases for 1.1 and 1.4 hold to it. PyKMIP knows nothing
/// else, and speaks 1.2 unless told otherwise: there, where no case says anything, it is
/// understood.
fn in_structure(version: ProtocolVersion, wrapping: &Node) -> bool {
    let option = wrapping.find(Tag::ENCODING_OPTION).and_then(|n| n.value.as_enumeration());
    matches!(version, ProtocolVersion::V1_2 | ProtocolVersion::V1_3)
        && option.map(EncodingOption) == Some(EncodingOption::NO_ENCODING)
}

/// "A sensitive key leaves only wrapped, a non-extractable one never."
pub(super) fn check_release(object: &ManagedObject, wrapped: bool) -> Result<(), Refusal> {
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
