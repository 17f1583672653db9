//! Attributes, one model for both manners of the wire.
//!
//! KMIP 1.x names attributes by text (`"Cryptographic Length"`, custom ones `x-...` and `y-...`)
//! inside `Attribute` structures with an index; 2.x gives each attribute its own tag and puts
//! vendor attributes into an `Attribute` structure with a Vendor Identification. Here an attribute
//! is a name, an index and a value, and the version decides only how it is read and written.

use core::fmt;
use std::borrow::Cow;

use crate::encode::Encoder;
use crate::tables::{AttributeRule, ResultReason, Tag, has_value, is_value};
use crate::ttlv::{ItemType, View};
use crate::value::Value;
use crate::version::ProtocolVersion;

/// The name of an attribute.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AttributeName {
    /// An attribute of the specification, by its tag.
    Standard(Tag),
    /// A vendor attribute (2.x) or custom attribute (1.x).
    ///
    /// A 1.x name `x-foo` (client's) or `y-foo` (server's) is the vendor `x` or `y` with the name
    /// `foo`, as the standard's own 2.x cases spell them. Other vendors have no 1.x name that could
    /// be read back unambiguously: 1.x clients do not see those attributes.
    Vendor {
        /// Vendor Identification.
        vendor: String,
        /// Attribute Name.
        name: String,
    },
}

impl AttributeName {
    /// The attribute with this 1.x name.
    ///
    /// Attributes newer than the message's own version are accepted, because real clients send
    /// them; attributes that no 1.x version has are not.
    ///
    /// # Errors
    /// [`AttributeError::Unknown`]: the client is at fault.
    pub fn from_1x(name: &str) -> Result<Self, AttributeError> {
        for prefix in ["x", "y"] {
            if let Some(rest) = name.strip_prefix(prefix).and_then(|r| r.strip_prefix('-'))
                && !rest.is_empty()
            {
                return Ok(Self::Vendor { vendor: prefix.to_owned(), name: rest.to_owned() });
            }
        }
        AttributeRule::of_name(name)
            .filter(|rule| rule.versions.from < ProtocolVersion::V2_0)
            .map(|rule| Self::Standard(rule.tag))
            .ok_or_else(|| AttributeError::Unknown { name: name.to_owned() })
    }

    /// The attribute that a request refers to: an `AttributeName` (1.x), or an
    /// `AttributeReference` in either of its 2.x forms (a tag, or vendor and name).
    ///
    /// # Errors
    /// [`AttributeError`]: the client is at fault.
    pub fn read_reference(view: View<'_>) -> Result<Self, AttributeError> {
        match view.item_type() {
            ItemType::TextString => Self::from_1x(view.as_text().unwrap_or_default()),
            ItemType::Enumeration => {
                let tag = Tag(view.as_enumeration().unwrap_or_default());
                Self::from_tag(tag)
            }
            ItemType::Structure => Self::read_vendor(view),
            found => Err(AttributeError::WrongType {
                name: "Attribute Reference".to_owned(),
                expected: ItemType::Enumeration,
                found,
            }),
        }
    }

    /// The standard attribute with this tag.
    ///
    /// # Errors
    /// [`AttributeError::NotAnAttribute`] when the tag is none.
    pub fn from_tag(tag: Tag) -> Result<Self, AttributeError> {
        match AttributeRule::of(tag) {
            Some(_) => Ok(Self::Standard(tag)),
            None => Err(AttributeError::NotAnAttribute { tag }),
        }
    }

    fn read_vendor(view: View<'_>) -> Result<Self, AttributeError> {
        let part = |tag: Tag| {
            view.find(tag)
                .and_then(|v| v.as_text())
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
                .ok_or(AttributeError::Missing { field: tag })
        };
        Ok(Self::Vendor {
            vendor: part(Tag::VENDOR_IDENTIFICATION)?,
            name: part(Tag::ATTRIBUTE_NAME)?,
        })
    }

    /// The name in 1.x messages, if it has one.
    pub fn name_1x(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Standard(tag) => {
                let rule = AttributeRule::of(*tag)?;
                (rule.versions.from < ProtocolVersion::V2_0).then(|| Cow::Borrowed(tag.name()))
            }
            Self::Vendor { vendor, name } => {
                matches!(vendor.as_str(), "x" | "y").then(|| Cow::Owned(format!("{vendor}-{name}")))
            }
        }
    }

    /// Whether an object in `version` can show this attribute.
    pub fn exists_in(&self, version: ProtocolVersion) -> bool {
        match self {
            Self::Standard(_) => self.rule().is_some_and(|r| r.versions.contains(version)),
            Self::Vendor { vendor, .. } => {
                version.has_attributes_structure() || matches!(vendor.as_str(), "x" | "y")
            }
        }
    }

    /// The specification's rules for a standard attribute.
    pub fn rule(&self) -> Option<&'static AttributeRule> {
        match self {
            Self::Standard(tag) => AttributeRule::of(*tag),
            Self::Vendor { .. } => None,
        }
    }

    /// Whether an object may have several instances. Vendor attributes may.
    pub fn is_multi(&self) -> bool {
        self.rule().is_none_or(|r| r.multi)
    }

    /// The tag of a standard attribute.
    pub fn tag(&self) -> Option<Tag> {
        match self {
            Self::Standard(tag) => Some(*tag),
            Self::Vendor { .. } => None,
        }
    }

    /// Writes a reference to the attribute: `AttributeName` in 1.x, `AttributeReference` in 2.x;
    /// nothing when the version lacks the attribute.
    pub fn write_reference(&self, encoder: &mut Encoder, version: ProtocolVersion) {
        if !self.exists_in(version) {
            return;
        }
        if !version.has_attributes_structure() {
            if let Some(name) = self.name_1x() {
                encoder.text(Tag::ATTRIBUTE_NAME, &name);
            }
            return;
        }
        match self {
            Self::Standard(tag) => encoder.enumeration(Tag::ATTRIBUTE_REFERENCE, tag.0),
            Self::Vendor { vendor, name } => {
                encoder.structure(Tag::ATTRIBUTE_REFERENCE, |e| {
                    e.text(Tag::VENDOR_IDENTIFICATION, vendor);
                    e.text(Tag::ATTRIBUTE_NAME, name);
                });
            }
        }
    }
}

impl From<Tag> for AttributeName {
    fn from(tag: Tag) -> Self {
        Self::Standard(tag)
    }
}

impl fmt::Display for AttributeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standard(tag) => f.write_str(tag.name()),
            Self::Vendor { vendor, name } => write!(f, "{vendor}-{name}"),
        }
    }
}

/// One instance of an attribute.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Attribute {
    /// Which attribute.
    pub name: AttributeName,
    /// Which instance, from 0. On the wire in 1.x only; 2.x requests read as 0.
    pub index: u32,
    /// The value.
    pub value: Value,
}

impl Attribute {
    /// The first instance of an attribute.
    pub fn new(name: impl Into<AttributeName>, value: Value) -> Self {
        Self { name: name.into(), index: 0, value }
    }

    /// Reads a 1.x `Attribute` structure.
    ///
    /// # Errors
    /// [`AttributeError`]: the client is at fault.
    pub fn read_1x(view: View<'_>) -> Result<Self, AttributeError> {
        let name = view
            .find(Tag::ATTRIBUTE_NAME)
            .and_then(|v| v.as_text())
            .ok_or(AttributeError::Missing { field: Tag::ATTRIBUTE_NAME })?;
        let name = AttributeName::from_1x(name)?;
        let index = match view.find(Tag::ATTRIBUTE_INDEX).and_then(|v| v.as_integer()) {
            None => 0,
            Some(index) => u32::try_from(index).map_err(|_| AttributeError::BadIndex { index })?,
        };
        let value = view
            .find(Tag::ATTRIBUTE_VALUE)
            .ok_or(AttributeError::Missing { field: Tag::ATTRIBUTE_VALUE })?;
        check_type(&name, value.item_type())?;
        check_values(name.tag().unwrap_or(Tag::ATTRIBUTE_VALUE), value)?;
        Ok(Self { name, index, value: value.into() })
    }

    /// Reads one item of a 2.x structure of attributes: a standard attribute under its tag, or a
    /// vendor's `Attribute` structure.
    ///
    /// # Errors
    /// [`AttributeError`]: the client is at fault.
    pub fn read_2x(view: View<'_>) -> Result<Self, AttributeError> {
        if view.tag() == Tag::ATTRIBUTE {
            let name = AttributeName::read_vendor(view)?;
            let value = view
                .find(Tag::ATTRIBUTE_VALUE)
                .ok_or(AttributeError::Missing { field: Tag::ATTRIBUTE_VALUE })?;
            check_values(Tag::ATTRIBUTE_VALUE, value)?;
            return Ok(Self { name, index: 0, value: value.into() });
        }
        let name = AttributeName::from_tag(view.tag())?;
        check_type(&name, view.item_type())?;
        check_values(view.tag(), view)?;
        Ok(Self { name, index: 0, value: view.into() })
    }

    /// Reads every attribute of a 2.x structure: `Attributes`, `CommonAttributes`,
    /// `CurrentAttribute`, `NewAttribute` and their like.
    ///
    /// # Errors
    /// The first [`AttributeError`]: the client is at fault.
    pub fn read_attributes_2x(view: View<'_>) -> Result<Vec<Self>, AttributeError> {
        view.children().map(Self::read_2x).collect()
    }

    /// Reads a 1.x `TemplateAttribute` or one of its kin.
    ///
    /// # Errors
    /// The first [`AttributeError`]: the client is at fault.
    pub fn read_template(view: View<'_>) -> Result<Template, AttributeError> {
        let mut template = Template::default();
        for child in view.children() {
            match child.tag() {
                Tag::NAME => template.names.push(child.into()),
                Tag::ATTRIBUTE => template.attributes.push(Self::read_1x(child)?),
                _ => {}
            }
        }
        Ok(template)
    }

    /// Whether `version` can show this attribute with this value: the attribute exists, an
    /// enumerated value does, and so does every enumerated field that the structure cannot be
    /// without.
    pub fn exists_in(&self, version: ProtocolVersion) -> bool {
        let old = !version.has_attributes_structure();
        self.name.exists_in(version)
            && match &self.value {
                Value::Enumeration(code) => self.name.tag().is_none_or(|tag| {
                    (tag != Tag::UNIQUE_IDENTIFIER || !old) && has_value(tag, *code, version)
                }),
                Value::Integer(_) => self.name.tag() != Some(Tag::UNIQUE_IDENTIFIER) || !old,
                Value::DateTimeExtended(_) => !old,
                Value::Structure(fields) => fields.iter().all(|field| match field.value {
                    Value::Enumeration(code) if field.tag == Tag::LINKED_OBJECT_IDENTIFIER => {
                        !old && has_value(field.tag, code, version)
                    }
                    Value::Integer(_) => field.tag != Tag::LINKED_OBJECT_IDENTIFIER || !old,
                    Value::Enumeration(code) if self.needs(field.tag) => {
                        has_value(field.tag, code, version)
                    }
                    _ => true,
                }),
                _ => true,
            }
    }

    /// Whether the attribute's structure means nothing without this enumerated field.
    fn needs(&self, field: Tag) -> bool {
        matches!(
            field,
            Tag::LINK_TYPE
                | Tag::NAME_TYPE
                | Tag::ALTERNATIVE_NAME_TYPE
                | Tag::KEY_VALUE_LOCATION_TYPE
                | Tag::REVOCATION_REASON_CODE
                | Tag::RNG_ALGORITHM
                | Tag::ROTATE_NAME_TYPE
                | Tag::USAGE_LIMITS_UNIT
        ) || (field == Tag::HASHING_ALGORITHM && self.name.tag() == Some(Tag::DIGEST))
    }

    /// Writes the attribute in the manner of `version`: in 1.x an `Attribute` structure, with an
    /// Attribute Index only when it is not 0; in 2.x its tag or a vendor's `Attribute` structure.
    /// Writes nothing when the version [lacks](Self::exists_in) it.
    ///
    /// In 1.2 and 1.3 the index is always there: PyKMIP, which speaks 1.2 unless told otherwise,
    /// reads it without asking whether it is.
    pub fn write(&self, encoder: &mut Encoder, version: ProtocolVersion) {
        let always = matches!(version, ProtocolVersion::V1_2 | ProtocolVersion::V1_3);
        self.write_with(encoder, version, always || self.index > 0);
    }

    /// Like [`write`](Self::write), with the Attribute Index in 1.x even when it is 0.
    pub fn write_indexed(&self, encoder: &mut Encoder, version: ProtocolVersion) {
        self.write_with(encoder, version, true);
    }

    fn write_with(&self, encoder: &mut Encoder, version: ProtocolVersion, indexed: bool) {
        if !self.exists_in(version) {
            return;
        }
        if version.has_attributes_structure() {
            match &self.name {
                AttributeName::Standard(tag) => encoder.value(*tag, &self.value),
                AttributeName::Vendor { vendor, name } => {
                    encoder.structure(Tag::ATTRIBUTE, |e| {
                        e.text(Tag::VENDOR_IDENTIFICATION, vendor);
                        e.text(Tag::ATTRIBUTE_NAME, name);
                        e.value(Tag::ATTRIBUTE_VALUE, &self.value);
                    });
                }
            }
            return;
        }
        let Some(name) = self.name.name_1x() else { return };
        let logical = self.name.tag().unwrap_or(Tag::ATTRIBUTE_VALUE);
        encoder.structure(Tag::ATTRIBUTE, |e| {
            e.text(Tag::ATTRIBUTE_NAME, &name);
            if indexed {
                e.integer(Tag::ATTRIBUTE_INDEX, i32::try_from(self.index).unwrap_or(i32::MAX));
            }
            e.value_as(Tag::ATTRIBUTE_VALUE, logical, &self.value);
        });
    }

    /// Writes attributes as replies carry them: bare `Attribute` structures in 1.x, inside one
    /// `Attributes` structure in 2.x.
    pub fn write_all<'a>(
        attributes: impl IntoIterator<Item = &'a Self>,
        encoder: &mut Encoder,
        version: ProtocolVersion,
    ) {
        let each = |e: &mut Encoder| attributes.into_iter().for_each(|a| a.write(e, version));
        if version.has_attributes_structure() {
            encoder.structure(Tag::ATTRIBUTES, each);
        } else {
            each(encoder);
        }
    }
}

/// What a 1.x Template-Attribute holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    /// Names of templates, each a Name structure (deprecated since 1.3).
    pub names: Vec<Value>,
    /// Attributes.
    pub attributes: Vec<Attribute>,
}

/// The sets of attributes that a request can carry, each with its structure in both manners.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttributeSet {
    /// `TemplateAttribute`, `Attributes`.
    Own,
    /// `CommonTemplateAttribute`, `CommonAttributes`.
    Common,
    /// `PrivateKeyTemplateAttribute`, `PrivateKeyAttributes`.
    PrivateKey,
    /// `PublicKeyTemplateAttribute`, `PublicKeyAttributes`.
    PublicKey,
}

impl AttributeSet {
    /// The structures' tags: 1.x, then 2.x.
    pub fn tags(self) -> (Tag, Tag) {
        match self {
            Self::Own => (Tag::TEMPLATE_ATTRIBUTE, Tag::ATTRIBUTES),
            Self::Common => (Tag::COMMON_TEMPLATE_ATTRIBUTE, Tag::COMMON_ATTRIBUTES),
            Self::PrivateKey => (Tag::PRIVATE_KEY_TEMPLATE_ATTRIBUTE, Tag::PRIVATE_KEY_ATTRIBUTES),
            Self::PublicKey => (Tag::PUBLIC_KEY_TEMPLATE_ATTRIBUTE, Tag::PUBLIC_KEY_ATTRIBUTES),
        }
    }

    /// Reads the set from a payload (or a `KeyValue`), in whichever manner it is there; for
    /// [`Own`](Self::Own) also bare 1.x `Attribute` structures, as Locate and Key Value have them.
    ///
    /// # Errors
    /// The first [`AttributeError`]: the client is at fault.
    pub fn read(self, payload: View<'_>) -> Result<Template, AttributeError> {
        let (old, new) = self.tags();
        let mut all = Template::default();
        for child in payload.children() {
            let tag = child.tag();
            if tag == old {
                let mut template = Attribute::read_template(child)?;
                all.names.append(&mut template.names);
                all.attributes.append(&mut template.attributes);
            } else if tag == new {
                for attribute in child.children() {
                    all.attributes.push(Attribute::read_2x(attribute)?);
                }
            } else if tag == Tag::ATTRIBUTE && self == Self::Own {
                all.attributes.push(Attribute::read_1x(child)?);
            }
        }
        Ok(all)
    }

    /// Writes the set as a request carries it; nothing when there are no attributes.
    pub fn write(self, attributes: &[Attribute], encoder: &mut Encoder, version: ProtocolVersion) {
        if attributes.is_empty() {
            return;
        }
        let (old, new) = self.tags();
        let tag = if version.has_attributes_structure() { new } else { old };
        encoder.structure(tag, |e| attributes.iter().for_each(|a| a.write(e, version)));
    }
}

fn check_type(name: &AttributeName, found: ItemType) -> Result<(), AttributeError> {
    match name.tag().and_then(Tag::item_type) {
        Some(expected) if expected != found => {
            Err(AttributeError::WrongType { name: name.to_string(), expected, found })
        }
        None if name.tag() == Some(Tag::UNIQUE_IDENTIFIER)
            && !matches!(
                found,
                ItemType::TextString | ItemType::Enumeration | ItemType::Integer
            ) =>
        {
            Err(AttributeError::WrongType {
                name: name.to_string(),
                expected: ItemType::TextString,
                found,
            })
        }
        _ => Ok(()),
    }
}

/// Whether all that stands in the value of the attribute `logical` can be shown in some version:
/// what no version knows could be kept, and never be given back.
fn check_values(logical: Tag, view: View<'_>) -> Result<(), AttributeError> {
    check_known(logical, view, &|tag| {
        !matches!(
            tag,
            Tag::ATTRIBUTE
                | Tag::ATTRIBUTE_NAME
                | Tag::ATTRIBUTE_VALUE
                | Tag::ATTRIBUTE_REFERENCE
                | Tag::UNIQUE_IDENTIFIER
                | Tag::ASYNCHRONOUS_INDICATOR
        )
    })
}

/// The first enumeration value, or tag below `view`, that no version has and that is no extension,
/// or that `may` does not allow. `logical` is the tag by whose rules the item itself goes.
///
/// # Errors
/// [`AttributeError::UnknownValue`], [`AttributeError::UnexpectedField`]: the peer is at fault.
pub fn check_known(
    logical: Tag,
    view: View<'_>,
    may: &impl Fn(Tag) -> bool,
) -> Result<(), AttributeError> {
    match view.as_enumeration() {
        Some(code) if !is_value(logical, code) => {
            Err(AttributeError::UnknownValue { tag: logical, code })
        }
        // Depth was limited when the message was read, and types were looked at.
        _ => view.children().try_for_each(|field| {
            let tag = field.tag();
            if !may(tag) || (tag.is_standard() && tag.info().is_none()) {
                return Err(AttributeError::UnexpectedField { field: tag });
            }
            check_known(tag, field, may)
        }),
    }
}

/// Why an attribute or a reference to one cannot be read. The peer is at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttributeError {
    /// A name that no attribute has.
    Unknown {
        /// The name.
        name: String,
    },
    /// A tag that is no attribute's.
    NotAnAttribute {
        /// The tag.
        tag: Tag,
    },
    /// The structure lacks a field, or the field is empty.
    Missing {
        /// The field.
        field: Tag,
    },
    /// The value has another type than the attribute.
    WrongType {
        /// The attribute.
        name: String,
        /// The type that the specification asks for.
        expected: ItemType,
        /// The type found.
        found: ItemType,
    },
    /// A value that the enumeration has in no version, and that is no extension.
    UnknownValue {
        /// The enumeration.
        tag: Tag,
        /// The value.
        code: u32,
    },
    /// A field that may not stand there, or that no version has.
    UnexpectedField {
        /// The field.
        field: Tag,
    },
    /// A negative Attribute Index.
    BadIndex {
        /// The index.
        index: i32,
    },
}

impl AttributeError {
    /// The reason that a reply gives, in the newest wording; see
    /// [`ResultReason::for_version`](crate::ResultReason::for_version).
    pub fn reason(&self) -> ResultReason {
        match self {
            Self::Unknown { .. } | Self::NotAnAttribute { .. } => {
                ResultReason::UNSUPPORTED_ATTRIBUTE
            }
            Self::Missing { .. } | Self::BadIndex { .. } | Self::UnexpectedField { .. } => {
                ResultReason::INVALID_ATTRIBUTE
            }
            Self::WrongType { .. } => ResultReason::INVALID_DATA_TYPE,
            Self::UnknownValue { .. } => ResultReason::INVALID_ATTRIBUTE_VALUE,
        }
    }
}

impl fmt::Display for AttributeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { name } => write!(f, "there is no attribute {name:?}"),
            Self::NotAnAttribute { tag } => write!(f, "{tag} is not an attribute"),
            Self::Missing { field } => write!(f, "the attribute has no {field}"),
            Self::WrongType { name, expected, found } => write!(
                f,
                "the attribute {name} must be of type {}, not {}",
                expected.encoded_name(),
                found.encoded_name()
            ),
            Self::UnknownValue { tag, code } => write!(f, "there is no {tag} 0x{code:08X}"),
            Self::UnexpectedField { field } => {
                write!(f, "{field} is no field of what it stands in")
            }
            Self::BadIndex { index } => write!(f, "the Attribute Index {index} is negative"),
        }
    }
}

impl std::error::Error for AttributeError {}
