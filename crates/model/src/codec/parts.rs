//! The parts that changes and objects have in common.

use strongroom_kmip::{AttributeName, Encoder, KeyFormatType, Node, Tag, Value, View};

use super::tags::*;
use super::{CodecError, Result};
use crate::change::Origin;
use crate::contest::{Contest, Seen};
use crate::lifecycle::Lifecycle;
use crate::object::{AttributeKey, KeyBlock, SealedMaterial};
use crate::server::{CertificateInfo, Role};
use crate::stamp::Stamp;

pub(super) fn write_origin(e: &mut Encoder, origin: &Origin) {
    e.text(USER, &origin.user);
    for (tag, value) in [
        (FINGERPRINT, &origin.fingerprint),
        (ADDRESS, &origin.address),
        (ACTION, &origin.operation),
        (RULE, &origin.rule),
    ] {
        if !value.is_empty() {
            e.text(tag, value);
        }
    }
}

pub(super) fn read_origin(view: View<'_>) -> Result<Origin> {
    let optional = |tag| view.find(tag).and_then(|v| v.as_text()).unwrap_or_default().to_owned();
    Ok(Origin {
        user: text(view, USER, "User")?,
        fingerprint: optional(FINGERPRINT),
        address: optional(ADDRESS),
        operation: optional(ACTION),
        rule: optional(RULE),
    })
}

pub(super) fn write_fields(e: &mut Encoder, fields: &[Node]) {
    if !fields.is_empty() {
        e.structure(FIELDS, |e| fields.iter().for_each(|f| e.node(f)));
    }
}

pub(super) fn read_fields(view: View<'_>) -> Vec<Node> {
    view.find(FIELDS).map(|f| f.children().map(Node::from).collect()).unwrap_or_default()
}

pub(super) fn write_block(e: &mut Encoder, block: Option<&KeyBlock>) {
    if let Some(block) = block {
        e.structure(BLOCK, |e| {
            e.enumeration(Tag::KEY_FORMAT_TYPE, block.format);
            if let Some(wrapping) = &block.wrapping {
                e.node(wrapping);
            }
        });
    }
}

pub(super) fn read_block(view: View<'_>) -> Result<Option<KeyBlock>> {
    let Some(block) = view.find(BLOCK) else { return Ok(None) };
    Ok(Some(KeyBlock {
        format: KeyFormatType(enumeration(block, Tag::KEY_FORMAT_TYPE, "Key Format Type")?),
        wrapping: block.find(Tag::KEY_WRAPPING_DATA).map(Node::from),
    }))
}

pub(super) fn write_register(
    e: &mut Encoder,
    key: &AttributeKey,
    value: Option<&Value>,
    stamp: Option<Stamp>,
) {
    e.structure(REGISTER, |e| {
        match &key.name {
            AttributeName::Standard(tag) => e.integer(ATTRIBUTE_TAG, tag.0 as i32),
            AttributeName::Vendor { vendor, name } => {
                e.text(VENDOR, vendor);
                e.text(NAME, name);
            }
        }
        if key.index != 0 {
            e.integer(INDEX, key.index as i32);
        }
        if key.site != 0 {
            e.long_integer(SITE, i64::from(key.site));
        }
        if let Some(stamp) = stamp {
            write_stamp(e, stamp);
        }
        if let Some(value) = value {
            e.value(VALUE, value);
        }
    });
}

pub(super) fn read_register(
    view: View<'_>,
) -> Result<(AttributeKey, Option<Value>, Option<Stamp>)> {
    let mut name = None;
    let mut vendor = None;
    let mut vendor_name = None;
    let mut index = 0;
    let mut site = 0;
    let mut value = None;
    let mut stamp = None;
    for item in view.children() {
        match item.tag() {
            ATTRIBUTE_TAG => name = item.as_integer().map(|t| Tag(t as u32)),
            VENDOR => vendor = item.as_text(),
            NAME => vendor_name = item.as_text(),
            INDEX => index = item.as_integer().unwrap_or_default() as u32,
            SITE => site = item.as_long_integer().unwrap_or_default() as u32,
            VALUE => value = Some(Value::from(item)),
            CLOCK => stamp = Some(read_stamp(view)?),
            _ => {}
        }
    }
    let name = match (name, vendor, vendor_name) {
        (Some(tag), _, _) => AttributeName::Standard(tag),
        (None, Some(vendor), Some(name)) => {
            AttributeName::Vendor { vendor: vendor.to_owned(), name: name.to_owned() }
        }
        _ => return Err(CodecError::Missing("AttributeTag")),
    };
    Ok((AttributeKey { name, index, site }, value, stamp))
}

/// Clock and origin site, side by side in the structure they belong to.
pub(super) fn write_stamp(e: &mut Encoder, stamp: Stamp) {
    e.structure(CLOCK, |e| {
        e.long_integer(CLOCK, stamp.hlc as i64);
        e.long_integer(SITE, i64::from(stamp.site));
    });
}

pub(super) fn read_stamp(view: View<'_>) -> Result<Stamp> {
    stamp_in(need(view, CLOCK, "Clock")?)
}

/// The stamp that a clock's structure holds.
pub(super) fn stamp_in(clock: View<'_>) -> Result<Stamp> {
    Ok(Stamp { hlc: long(clock, CLOCK, "Clock")?, site: long(clock, SITE, "Site")? as u32 })
}

pub(super) fn write_material(e: &mut Encoder, material: &SealedMaterial, with_bytes: bool) {
    e.structure(MATERIAL, |e| {
        e.integer(EPOCH, material.epoch as i32);
        e.integer(VERSION, material.version as i32);
        e.bytes(DIGEST, &material.digest);
        if with_bytes {
            e.bytes(SEALED, &material.bytes);
        }
    });
}

pub(super) fn read_material(view: View<'_>) -> Result<SealedMaterial> {
    Ok(SealedMaterial {
        epoch: integer(view, EPOCH, "Epoch")? as u32,
        version: integer(view, VERSION, "Version")? as u32,
        digest: need(view, DIGEST, "Digest")?
            .as_bytes()
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or(CodecError::Missing("Digest"))?,
        bytes: view.find(SEALED).and_then(|v| v.as_bytes()).unwrap_or_default().to_vec(),
    })
}

pub(super) fn write_seen(e: &mut Encoder, tag: Tag, seen: &Seen) {
    e.structure(tag, |e| {
        for (site, hlc) in &seen.0 {
            e.long_integer(SITE, i64::from(*site));
            e.long_integer(CLOCK, *hlc as i64);
        }
    });
}

pub(super) fn read_seen(view: View<'_>) -> Result<Seen> {
    let mut seen = Seen::default();
    let mut items = view.children();
    while let Some(site) = items.next() {
        let clock = items.next().ok_or(CodecError::Missing("Clock"))?;
        let (Some(site), Some(hlc)) = (site.as_long_integer(), clock.as_long_integer()) else {
            return Err(CodecError::Missing("Seen"));
        };
        seen.note(site as u32, hlc as u64);
    }
    Ok(seen)
}

pub(super) fn write_contest(e: &mut Encoder, contest: &Contest) {
    write_seen(e, STRONG, &contest.strong_seen());
    for seen in contest.weak_actions() {
        write_seen(e, SEEN, seen);
    }
}

pub(super) fn read_contest(view: View<'_>) -> Result<Contest> {
    let strong = read_seen(need(view, STRONG, "Strong")?)?;
    let weak = view.find_all(SEEN).map(read_seen).collect::<Result<Vec<_>>>()?;
    Ok(Contest::from_parts(strong, weak))
}

pub(super) fn write_certificate(e: &mut Encoder, info: &CertificateInfo) {
    e.text(FINGERPRINT, &info.fingerprint);
    e.text(USER, &info.user);
    for group in &info.groups {
        e.text(GROUP, group);
    }
    e.text(SERIAL, &info.serial);
    e.date_time(NOT_AFTER, info.not_after);
    e.text(PURPOSE, &info.purpose);
    if !info.issued_by.is_empty() {
        e.text(ISSUED_BY, &info.issued_by);
    }
}

pub(super) fn read_lifecycle(view: View<'_>) -> Result<Option<Lifecycle>> {
    let Some(item) = view.find(LIFECYCLE) else { return Ok(None) };
    item.as_integer()
        .and_then(Lifecycle::from_code)
        .map(Some)
        .ok_or(CodecError::Missing("a known Lifecycle"))
}

pub(super) fn read_role(view: View<'_>) -> Result<Role> {
    Role::from_code(integer(view, ROLE, "Role")?).ok_or(CodecError::Missing("a known Role"))
}

pub(super) fn need<'a>(view: View<'a>, tag: Tag, name: &'static str) -> Result<View<'a>> {
    view.find(tag).ok_or(CodecError::Missing(name))
}

pub(super) fn text(view: View<'_>, tag: Tag, name: &'static str) -> Result<String> {
    Ok(need(view, tag, name)?.as_text().ok_or(CodecError::Missing(name))?.to_owned())
}

pub(super) fn integer(view: View<'_>, tag: Tag, name: &'static str) -> Result<i32> {
    need(view, tag, name)?.as_integer().ok_or(CodecError::Missing(name))
}

pub(super) fn long(view: View<'_>, tag: Tag, name: &'static str) -> Result<u64> {
    Ok(need(view, tag, name)?.as_long_integer().ok_or(CodecError::Missing(name))? as u64)
}

pub(super) fn enumeration(view: View<'_>, tag: Tag, name: &'static str) -> Result<u32> {
    need(view, tag, name)?.as_enumeration().ok_or(CodecError::Missing(name))
}

/// A text that is empty when it is absent.
pub(super) fn optional_text(view: View<'_>, tag: Tag) -> String {
    view.find(tag).and_then(|v| v.as_text()).unwrap_or_default().to_owned()
}

/// Every text of a tag, in order.
pub(super) fn texts(view: View<'_>, tag: Tag) -> Vec<String> {
    view.find_all(tag).filter_map(|v| v.as_text().map(str::to_owned)).collect()
}

pub(super) fn octets(view: View<'_>, tag: Tag, name: &'static str) -> Result<Vec<u8>> {
    Ok(need(view, tag, name)?.as_bytes().ok_or(CodecError::Missing(name))?.to_vec())
}

pub(super) fn boolean(view: View<'_>, tag: Tag) -> bool {
    view.find(tag).and_then(|v| v.as_boolean()).unwrap_or_default()
}
