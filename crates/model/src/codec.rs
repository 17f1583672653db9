//! Stored form of changes and objects: TTLV, the protocol's own encoding, with tags of the
//! extension range. Canonical, bounded, fuzzed with the rest of the codec, and shown as XML or
//! JSON by the same code.
//!
//! Each body begins with a version; readers accept every version ever written.

use strongroom_kmip::{
    AttributeName, Encoder, KeyFormatType, Limits, Node, ObjectType, Tag, Value, View,
};

use crate::change::{Change, ChangeKind, Counter, NewObject, Origin, Setting};
use crate::contest::{Contest, Seen};
use crate::lifecycle::Lifecycle;
use crate::object::{
    AttributeKey, Creation, KeyBlock, ManagedObject, ObjectId, Register, SealedMaterial,
};
use crate::server::{CertificateInfo, Role};
use crate::stamp::Stamp;

/// The version of bodies written now.
const BODY_VERSION: i32 = 1;

/// Longest stored body, in bytes: whoever writes must refuse what is longer, because it could not
/// be read back. Objects may be as large as a frame, and larger with their attributes.
pub const MAX_ENCODED: usize = 8 << 20;

/// Only the length is bounded: no body of that length has more items, and values come out of
/// frames, which are nested deeper there than here.
const LIMITS: Limits = Limits { frame: MAX_ENCODED, depth: 32, items: 1 << 20, batch_items: 1 };

macro_rules! stored_tags {
    ($( $konst:ident = $code:literal, $name:literal; )*) => {
        $( const $konst: Tag = Tag($code); )*

        /// The name of a tag of the stored form, for showing records to people.
        pub fn name_of_tag(tag: Tag) -> Option<&'static str> {
            match tag.0 {
                $( $code => Some($name), )*
                _ => None,
            }
        }
    };
}

stored_tags! {
    BODY = 0x540001, "Body";
    VERSION = 0x540002, "Version";
    ORIGIN = 0x540003, "Origin";
    USER = 0x540004, "User";
    FINGERPRINT = 0x540005, "Fingerprint";
    ADDRESS = 0x540006, "Address";
    ACTION = 0x540007, "Action";
    RULE = 0x540008, "Rule";
    OBJECT = 0x540009, "Object";
    OWNER = 0x54000A, "Owner";
    FIELDS = 0x54000B, "Fields";
    BLOCK = 0x54000C, "Block";
    LIFECYCLE = 0x54000D, "Lifecycle";
    COMPROMISED = 0x54000E, "Compromised";
    REGISTER = 0x54000F, "Register";
    VENDOR = 0x540010, "Vendor";
    NAME = 0x540011, "AttributeName";
    INDEX = 0x540012, "Index";
    SITE = 0x540013, "Site";
    VALUE = 0x540014, "Value";
    CLOCK = 0x540015, "Clock";
    MATERIAL = 0x540016, "Material";
    EPOCH = 0x540017, "Epoch";
    SEALED = 0x540018, "Sealed";
    COUNTER = 0x540019, "Counter";
    UPTO = 0x54001A, "Upto";
    GRANT = 0x54001B, "Grant";
    SUBJECT = 0x54001C, "Subject";
    OPERATION_CODE = 0x54001D, "OperationCode";
    SEEN = 0x54001E, "Seen";
    STRONG = 0x54001F, "Strong";
    ROLE = 0x540020, "Role";
    GROUP = 0x540022, "Group";
    SERIAL = 0x540023, "Serial";
    NOT_AFTER = 0x540024, "NotAfter";
    PURPOSE = 0x540025, "Purpose";
    REASON = 0x540026, "Reason";
    NAMESPACE = 0x540027, "Namespace";
    KEY = 0x540028, "Key";
    WHAT = 0x540029, "What";
    TEXT = 0x54002A, "Text";
    ATTRIBUTE_TAG = 0x54002B, "AttributeTag";
    CREATION = 0x54002C, "Creation";
    DIGEST = 0x54002D, "Digest";
}

/// Why stored bytes cannot be read: the store is damaged, or from a newer version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Not canonical TTLV.
    #[error("stored bytes are damaged: {0}")]
    Damaged(#[from] strongroom_kmip::DecodeError),
    /// A field is missing or of the wrong type.
    #[error("stored bytes lack {0}, or hold it in another form")]
    Missing(&'static str),
    /// Written by a newer version of this software.
    #[error("stored bytes have the version {0}; this build reads up to {BODY_VERSION}: upgrade it")]
    Newer(i32),
}

type Result<T> = core::result::Result<T, CodecError>;

impl Change {
    /// The journal body of this change.
    pub fn encode(&self, origin: &Origin) -> Vec<u8> {
        let mut e = Encoder::ungated();
        e.structure(BODY, |e| {
            e.integer(VERSION, BODY_VERSION);
            e.structure(ORIGIN, |e| write_origin(e, origin));
            self.write(e);
        });
        e.into_bytes()
    }

    /// Reads a journal body back.
    ///
    /// # Errors
    /// [`CodecError`]: the journal is damaged or newer than this build.
    pub fn decode(kind: u16, body: &[u8]) -> Result<(Origin, Self)> {
        let view = open_body(body)?;
        let origin = read_origin(need(view, ORIGIN, "Origin")?)?;
        let kind = ChangeKind::from_code(kind).ok_or(CodecError::Missing("a known kind"))?;
        Ok((origin, Self::read(kind, view)?))
    }

    fn write(&self, e: &mut Encoder) {
        match self {
            Self::Created(new) => {
                e.text(OBJECT, new.id.as_str());
                e.enumeration(Tag::OBJECT_TYPE, new.object_type);
                e.text(OWNER, &new.owner);
                write_fields(e, &new.fields);
                write_block(e, new.block.as_ref());
                e.integer(LIFECYCLE, new.lifecycle as i32);
                for (key, value) in &new.attributes {
                    write_register(e, key, Some(value), None);
                }
                if let Some(material) = &new.material {
                    write_material(e, material, false);
                }
            }
            Self::Changed { id, lifecycle, compromised, sets, .. } => {
                e.text(OBJECT, id.as_str());
                if let Some(lifecycle) = lifecycle {
                    e.integer(LIFECYCLE, *lifecycle as i32);
                }
                e.boolean(COMPROMISED, *compromised);
                for (key, value) in sets {
                    write_register(e, key, value.as_ref(), None);
                }
            }
            Self::Rewrapped { id, material } => {
                e.text(OBJECT, id.as_str());
                write_material(e, material, false);
            }
            Self::Reserved { id, counter, upto } => {
                e.text(OBJECT, id.as_str());
                e.integer(COUNTER, *counter as i32);
                e.long_integer(UPTO, *upto as i64);
            }
            Self::Granted { id, subject, operation, seen } => {
                e.text(OBJECT, id.as_str());
                e.text(SUBJECT, subject);
                e.integer(OPERATION_CODE, *operation as i32);
                write_seen(e, SEEN, seen);
            }
            Self::GrantRevoked { id, subject, operation } => {
                e.text(OBJECT, id.as_str());
                e.text(SUBJECT, subject);
                e.integer(OPERATION_CODE, *operation as i32);
            }
            Self::RoleGranted { user, role, seen } => {
                e.text(USER, user);
                e.integer(ROLE, *role as i32);
                write_seen(e, SEEN, seen);
            }
            Self::RoleRevoked { user, role } => {
                e.text(USER, user);
                e.integer(ROLE, *role as i32);
            }
            Self::CertificateIssued(info) => write_certificate(e, info),
            Self::CertificateRevoked { fingerprint, reason } => {
                e.text(FINGERPRINT, fingerprint);
                e.text(REASON, reason);
            }
            Self::Setting(setting) => {
                e.text(NAMESPACE, &setting.namespace);
                e.text(KEY, &setting.key);
                if let Some(value) = &setting.value {
                    e.bytes(VALUE, value);
                }
            }
            Self::Noted { what, text } => {
                e.text(WHAT, what);
                e.text(TEXT, text);
            }
        }
    }

    fn read(kind: ChangeKind, view: View<'_>) -> Result<Self> {
        let object = || text(view, OBJECT, "Object").map(ObjectId);
        Ok(match kind {
            ChangeKind::Created => Self::Created(Box::new(NewObject {
                id: object()?,
                object_type: ObjectType(enumeration(view, Tag::OBJECT_TYPE, "Object Type")?),
                owner: text(view, OWNER, "Owner")?,
                fields: read_fields(view),
                block: read_block(view)?,
                lifecycle: read_lifecycle(view)?.ok_or(CodecError::Missing("Lifecycle"))?,
                attributes: view
                    .find_all(REGISTER)
                    .map(|r| {
                        let (key, value, _) = read_register(r)?;
                        Ok((key, value.ok_or(CodecError::Missing("Value"))?))
                    })
                    .collect::<Result<_>>()?,
                material: view
                    .find(MATERIAL)
                    .map(|m| read_material(m).map(|m| m.as_journalled()))
                    .transpose()?,
            })),
            ChangeKind::Attributes
            | ChangeKind::Activated
            | ChangeKind::Deactivated
            | ChangeKind::Compromised
            | ChangeKind::Destroyed
            | ChangeKind::DestroyScheduled => Self::Changed {
                kind,
                id: object()?,
                lifecycle: read_lifecycle(view)?,
                compromised: boolean(view, COMPROMISED),
                sets: view
                    .find_all(REGISTER)
                    .map(|r| read_register(r).map(|(key, value, _)| (key, value)))
                    .collect::<Result<_>>()?,
            },
            ChangeKind::Rewrapped => Self::Rewrapped {
                id: object()?,
                material: read_material(need(view, MATERIAL, "Material")?)?.as_journalled(),
            },
            ChangeKind::Reserved => Self::Reserved {
                id: object()?,
                counter: Counter::from_code(integer(view, COUNTER, "Counter")?)
                    .ok_or(CodecError::Missing("a known Counter"))?,
                upto: long(view, UPTO, "Upto")?,
            },
            ChangeKind::Granted => Self::Granted {
                id: object()?,
                subject: text(view, SUBJECT, "Subject")?,
                operation: integer(view, OPERATION_CODE, "OperationCode")? as u32,
                seen: read_seen(need(view, SEEN, "Seen")?)?,
            },
            ChangeKind::GrantRevoked => Self::GrantRevoked {
                id: object()?,
                subject: text(view, SUBJECT, "Subject")?,
                operation: integer(view, OPERATION_CODE, "OperationCode")? as u32,
            },
            ChangeKind::RoleGranted => Self::RoleGranted {
                user: text(view, USER, "User")?,
                role: read_role(view)?,
                seen: read_seen(need(view, SEEN, "Seen")?)?,
            },
            ChangeKind::RoleRevoked => {
                Self::RoleRevoked { user: text(view, USER, "User")?, role: read_role(view)? }
            }
            ChangeKind::CertificateIssued => Self::CertificateIssued(CertificateInfo {
                fingerprint: text(view, FINGERPRINT, "Fingerprint")?,
                user: text(view, USER, "User")?,
                groups: view
                    .find_all(GROUP)
                    .filter_map(|g| g.as_text().map(str::to_owned))
                    .collect(),
                serial: text(view, SERIAL, "Serial")?,
                not_after: need(view, NOT_AFTER, "NotAfter")?
                    .as_date_time()
                    .ok_or(CodecError::Missing("NotAfter"))?,
                purpose: text(view, PURPOSE, "Purpose")?,
            }),
            ChangeKind::CertificateRevoked => Self::CertificateRevoked {
                fingerprint: text(view, FINGERPRINT, "Fingerprint")?,
                reason: text(view, REASON, "Reason")?,
            },
            ChangeKind::Setting => Self::Setting(Setting {
                namespace: text(view, NAMESPACE, "Namespace")?,
                key: text(view, KEY, "Key")?,
                value: view.find(VALUE).and_then(|v| v.as_bytes()).map(<[u8]>::to_vec),
            }),
            ChangeKind::Noted => {
                Self::Noted { what: text(view, WHAT, "What")?, text: text(view, TEXT, "Text")? }
            }
        })
    }
}

impl ManagedObject {
    /// The state row of this object.
    pub fn encode(&self) -> Vec<u8> {
        let mut e = Encoder::ungated();
        let base = self.creation.as_ref().map(|c| c.stamp);
        e.structure(BODY, |e| {
            e.integer(VERSION, BODY_VERSION);
            e.text(OBJECT, self.id.as_str());
            if let Some(creation) = &self.creation {
                e.structure(CREATION, |e| {
                    write_stamp(e, creation.stamp);
                    e.enumeration(Tag::OBJECT_TYPE, creation.object_type);
                    e.text(OWNER, &creation.owner);
                    write_fields(e, &creation.fields);
                    write_block(e, creation.block.as_ref());
                });
            }
            e.integer(LIFECYCLE, self.lifecycle as i32);
            e.boolean(COMPROMISED, self.compromised);
            for (key, register) in &self.registers {
                // Most registers are as old as the object: their stamp need not be repeated.
                let stamp = Some(register.stamp).filter(|s| Some(*s) != base);
                write_register(e, key, register.value.as_ref(), stamp);
            }
            if let Some(material) = &self.material {
                write_material(e, material, true);
            }
            for ((counter, site), upto) in &self.counters {
                e.structure(COUNTER, |e| {
                    e.integer(INDEX, i32::from(*counter));
                    e.long_integer(SITE, i64::from(*site));
                    e.long_integer(UPTO, *upto as i64);
                });
            }
            for ((subject, operation), contest) in &self.grants {
                e.structure(GRANT, |e| {
                    e.text(SUBJECT, subject);
                    e.integer(OPERATION_CODE, *operation as i32);
                    write_contest(e, contest);
                });
            }
        });
        e.into_bytes()
    }

    /// Reads a state row back.
    ///
    /// # Errors
    /// [`CodecError`]: the row is damaged or newer than this build.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let view = open_body(bytes)?;
        let mut object = Self::unknown(ObjectId(text(view, OBJECT, "Object")?));
        let mut base = Stamp::default();
        for item in view.children() {
            match item.tag() {
                CREATION => {
                    base = read_stamp(item)?;
                    object.creation = Some(Creation {
                        stamp: base,
                        object_type: ObjectType(enumeration(
                            item,
                            Tag::OBJECT_TYPE,
                            "Object Type",
                        )?),
                        owner: text(item, OWNER, "Owner")?,
                        fields: read_fields(item),
                        block: read_block(item)?,
                    });
                }
                LIFECYCLE => {
                    object.lifecycle = item
                        .as_integer()
                        .and_then(Lifecycle::from_code)
                        .ok_or(CodecError::Missing("a known Lifecycle"))?;
                }
                COMPROMISED => object.compromised = item.as_boolean().unwrap_or_default(),
                REGISTER => {
                    let (key, value, stamp) = read_register(item)?;
                    object.registers.insert(key, Register { value, stamp: stamp.unwrap_or(base) });
                }
                MATERIAL => object.material = Some(read_material(item)?),
                COUNTER => {
                    let counter = integer(item, INDEX, "Index")? as u8;
                    let site = long(item, SITE, "Site")? as u32;
                    object.counters.insert((counter, site), long(item, UPTO, "Upto")?);
                }
                GRANT => {
                    let subject = text(item, SUBJECT, "Subject")?;
                    let operation = integer(item, OPERATION_CODE, "OperationCode")? as u32;
                    object.grants.insert((subject, operation), read_contest(item)?);
                }
                _ => {}
            }
        }
        Ok(object)
    }
}

impl Contest {
    /// The stored form of a contest.
    pub fn encode(&self) -> Vec<u8> {
        let mut e = Encoder::ungated();
        e.structure(BODY, |e| {
            e.integer(VERSION, BODY_VERSION);
            write_contest(e, self);
        });
        e.into_bytes()
    }

    /// Reads a stored contest back.
    ///
    /// # Errors
    /// [`CodecError`]: the row is damaged or newer than this build.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        read_contest(open_body(bytes)?)
    }
}

fn open_body(bytes: &[u8]) -> Result<View<'_>> {
    let view = View::parse_stored(bytes, &LIMITS)?;
    if view.tag() != BODY {
        return Err(CodecError::Missing("Body"));
    }
    match integer(view, VERSION, "Version")? {
        1..=BODY_VERSION => Ok(view),
        other => Err(CodecError::Newer(other)),
    }
}

fn write_origin(e: &mut Encoder, origin: &Origin) {
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

fn read_origin(view: View<'_>) -> Result<Origin> {
    let optional = |tag| view.find(tag).and_then(|v| v.as_text()).unwrap_or_default().to_owned();
    Ok(Origin {
        user: text(view, USER, "User")?,
        fingerprint: optional(FINGERPRINT),
        address: optional(ADDRESS),
        operation: optional(ACTION),
        rule: optional(RULE),
    })
}

fn write_fields(e: &mut Encoder, fields: &[Node]) {
    if !fields.is_empty() {
        e.structure(FIELDS, |e| fields.iter().for_each(|f| e.node(f)));
    }
}

fn read_fields(view: View<'_>) -> Vec<Node> {
    view.find(FIELDS).map(|f| f.children().map(Node::from).collect()).unwrap_or_default()
}

fn write_block(e: &mut Encoder, block: Option<&KeyBlock>) {
    if let Some(block) = block {
        e.structure(BLOCK, |e| {
            e.enumeration(Tag::KEY_FORMAT_TYPE, block.format);
            if let Some(wrapping) = &block.wrapping {
                e.node(wrapping);
            }
        });
    }
}

fn read_block(view: View<'_>) -> Result<Option<KeyBlock>> {
    let Some(block) = view.find(BLOCK) else { return Ok(None) };
    Ok(Some(KeyBlock {
        format: KeyFormatType(enumeration(block, Tag::KEY_FORMAT_TYPE, "Key Format Type")?),
        wrapping: block.find(Tag::KEY_WRAPPING_DATA).map(Node::from),
    }))
}

fn write_register(
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

fn read_register(view: View<'_>) -> Result<(AttributeKey, Option<Value>, Option<Stamp>)> {
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
fn write_stamp(e: &mut Encoder, stamp: Stamp) {
    e.structure(CLOCK, |e| {
        e.long_integer(CLOCK, stamp.hlc as i64);
        e.long_integer(SITE, i64::from(stamp.site));
    });
}

fn read_stamp(view: View<'_>) -> Result<Stamp> {
    let clock = need(view, CLOCK, "Clock")?;
    Ok(Stamp { hlc: long(clock, CLOCK, "Clock")?, site: long(clock, SITE, "Site")? as u32 })
}

fn write_material(e: &mut Encoder, material: &SealedMaterial, with_bytes: bool) {
    e.structure(MATERIAL, |e| {
        e.integer(EPOCH, material.epoch as i32);
        e.integer(VERSION, material.version as i32);
        e.bytes(DIGEST, &material.digest);
        if with_bytes {
            e.bytes(SEALED, &material.bytes);
        }
    });
}

fn read_material(view: View<'_>) -> Result<SealedMaterial> {
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

fn write_seen(e: &mut Encoder, tag: Tag, seen: &Seen) {
    e.structure(tag, |e| {
        for (site, hlc) in &seen.0 {
            e.long_integer(SITE, i64::from(*site));
            e.long_integer(CLOCK, *hlc as i64);
        }
    });
}

fn read_seen(view: View<'_>) -> Result<Seen> {
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

fn write_contest(e: &mut Encoder, contest: &Contest) {
    write_seen(e, STRONG, &contest.strong_seen());
    for seen in contest.weak_actions() {
        write_seen(e, SEEN, seen);
    }
}

fn read_contest(view: View<'_>) -> Result<Contest> {
    let strong = read_seen(need(view, STRONG, "Strong")?)?;
    let weak = view.find_all(SEEN).map(read_seen).collect::<Result<Vec<_>>>()?;
    Ok(Contest::from_parts(strong, weak))
}

fn write_certificate(e: &mut Encoder, info: &CertificateInfo) {
    e.text(FINGERPRINT, &info.fingerprint);
    e.text(USER, &info.user);
    for group in &info.groups {
        e.text(GROUP, group);
    }
    e.text(SERIAL, &info.serial);
    e.date_time(NOT_AFTER, info.not_after);
    e.text(PURPOSE, &info.purpose);
}

fn read_lifecycle(view: View<'_>) -> Result<Option<Lifecycle>> {
    let Some(item) = view.find(LIFECYCLE) else { return Ok(None) };
    item.as_integer()
        .and_then(Lifecycle::from_code)
        .map(Some)
        .ok_or(CodecError::Missing("a known Lifecycle"))
}

fn read_role(view: View<'_>) -> Result<Role> {
    Role::from_code(integer(view, ROLE, "Role")?).ok_or(CodecError::Missing("a known Role"))
}

fn need<'a>(view: View<'a>, tag: Tag, name: &'static str) -> Result<View<'a>> {
    view.find(tag).ok_or(CodecError::Missing(name))
}

fn text(view: View<'_>, tag: Tag, name: &'static str) -> Result<String> {
    Ok(need(view, tag, name)?.as_text().ok_or(CodecError::Missing(name))?.to_owned())
}

fn integer(view: View<'_>, tag: Tag, name: &'static str) -> Result<i32> {
    need(view, tag, name)?.as_integer().ok_or(CodecError::Missing(name))
}

fn long(view: View<'_>, tag: Tag, name: &'static str) -> Result<u64> {
    Ok(need(view, tag, name)?.as_long_integer().ok_or(CodecError::Missing(name))? as u64)
}

fn enumeration(view: View<'_>, tag: Tag, name: &'static str) -> Result<u32> {
    need(view, tag, name)?.as_enumeration().ok_or(CodecError::Missing(name))
}

fn boolean(view: View<'_>, tag: Tag) -> bool {
    view.find(tag).and_then(|v| v.as_boolean()).unwrap_or_default()
}
