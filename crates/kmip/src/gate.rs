//! Whether a message holds only what its version has: the check behind the promise that no client
//! sees anything newer than it asked in. The server writes through gated [`Encoder`](crate::Encoder)s;
//! this walk is independent of them and reads only the tables.

use core::fmt;

use crate::attribute::AttributeName;
use crate::tables::{AttributeRule, ResultStatus, Tag, field_versions, has_value, table_of};
use crate::ttlv::{ItemType, View};
use crate::version::ProtocolVersion;

/// Something in a message that the version lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The tags from the outermost structure to the item.
    pub path: Vec<Tag>,
    /// What the version lacks.
    pub lack: Lack,
}

/// What a version lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lack {
    /// The tag.
    Tag(Tag),
    /// The field in this structure.
    Field {
        /// The structure; for the value of a 1.x attribute the attribute.
        structure: Tag,
        /// The field.
        field: Tag,
    },
    /// The attribute.
    Attribute(String),
    /// The enumeration value.
    Value {
        /// The tag whose table names the value.
        tag: Tag,
        /// The value.
        code: u32,
    },
    /// Bits of the mask.
    Bits {
        /// The tag whose table names the bits.
        tag: Tag,
        /// The bits that the version lacks.
        bits: u32,
    },
    /// The item type, as such or for this tag.
    Type {
        /// The tag.
        tag: Tag,
        /// The type.
        item_type: ItemType,
    },
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for tag in &self.path {
            write!(f, "/{tag:?}")?;
        }
        match &self.lack {
            Lack::Tag(tag) => write!(f, ": the tag {tag:?}"),
            Lack::Field { structure, field } => write!(f, ": {field:?} in {structure:?}"),
            Lack::Attribute(name) => write!(f, ": the attribute {name}"),
            Lack::Value { tag, code } => match table_of(*tag).and_then(|t| t.by_code(*code)) {
                Some(row) => write!(f, ": the {tag} {}", row.name),
                None => write!(f, ": the {tag} 0x{code:08X}"),
            },
            Lack::Bits { tag, bits } => write!(f, ": the bits 0x{bits:08X} of {tag}"),
            Lack::Type { tag, item_type } => {
                write!(f, ": {tag} of type {}", item_type.encoded_name())
            }
        }
    }
}

impl std::error::Error for Violation {}

/// Walks a message, or any part of one, and finds the first tag, field, attribute, enumeration
/// value, mask bit or item type that `version` lacks.
///
/// Extensions pass: tags outside of the standard range and enumeration values from `0x80000000`
/// on, unless a table gives them a version. So does the Operation of a failed batch item, which
/// only names back what the client asked for.
///
/// # Errors
/// The [`Violation`].
pub fn check_version(view: View<'_>, version: ProtocolVersion) -> Result<(), Violation> {
    let mut walk = Walk { version, path: Vec::new() };
    match walk.item(view, view.tag(), None) {
        Ok(()) => Ok(()),
        Err(lack) => Err(Violation { path: walk.path, lack }),
    }
}

struct Walk {
    version: ProtocolVersion,
    path: Vec<Tag>,
}

impl Walk {
    /// `logical` is the tag by whose rules the item goes: its own, or for the value of a 1.x
    /// attribute the attribute's. On an error the path stays as it is.
    fn item(&mut self, view: View<'_>, logical: Tag, parent: Option<Tag>) -> Result<(), Lack> {
        let tag = view.tag();
        self.path.push(tag);
        self.tag(tag, parent)?;
        self.item_type(tag, logical, view.item_type())?;
        match view.item_type() {
            ItemType::Structure => self.children(view, logical)?,
            ItemType::Enumeration => {
                let code = view.as_enumeration().unwrap_or_default();
                self.value(logical, code)?;
            }
            ItemType::Integer => {
                let mask = view.as_integer().unwrap_or_default() as u32;
                self.bits(logical, mask)?;
            }
            ItemType::TextString if tag == Tag::ATTRIBUTE_NAME => {
                self.name(view.as_text().unwrap_or_default())?;
            }
            _ => {}
        }
        self.path.pop();
        Ok(())
    }

    fn tag(&self, tag: Tag, parent: Option<Tag>) -> Result<(), Lack> {
        let has = match tag.info() {
            Some(info) => info.versions.contains(self.version),
            None => !tag.is_standard(),
        };
        if !has {
            return Err(Lack::Tag(tag));
        }
        let Some(structure) = parent else { return Ok(()) };
        let fits = field_versions(structure, tag).is_none_or(|r| r.contains(self.version));
        if !fits {
            return Err(Lack::Field { structure, field: tag });
        }
        let of_attributes = matches!(
            structure,
            Tag::ATTRIBUTES
                | Tag::COMMON_ATTRIBUTES
                | Tag::PRIVATE_KEY_ATTRIBUTES
                | Tag::PUBLIC_KEY_ATTRIBUTES
                | Tag::CURRENT_ATTRIBUTE
                | Tag::NEW_ATTRIBUTE
        );
        let is_attribute = tag == Tag::ATTRIBUTE
            || tag.info().is_none()
            || AttributeRule::of(tag).is_some_and(|r| r.versions.contains(self.version));
        if of_attributes && !is_attribute {
            return Err(Lack::Attribute(tag.name().to_owned()));
        }
        Ok(())
    }

    fn item_type(&self, tag: Tag, logical: Tag, item_type: ItemType) -> Result<(), Lack> {
        let old = !self.version.has_attributes_structure();
        let fits = match (logical, item_type) {
            (_, ItemType::DateTimeExtended) => !old,
            (Tag::ASYNCHRONOUS_INDICATOR, ItemType::Boolean) => old,
            (Tag::ASYNCHRONOUS_INDICATOR, found) => !old && found == ItemType::Enumeration,
            (Tag::UNIQUE_IDENTIFIER | Tag::LINKED_OBJECT_IDENTIFIER, found) => {
                !old || found == ItemType::TextString
            }
            _ => true,
        };
        if fits { Ok(()) } else { Err(Lack::Type { tag, item_type }) }
    }

    fn children(&mut self, view: View<'_>, logical: Tag) -> Result<(), Lack> {
        let attribute = self.attribute_of(view);
        let failed = view.find(Tag::RESULT_STATUS).and_then(|s| s.as_enumeration())
            == Some(u32::from(ResultStatus::OPERATION_FAILED));
        for child in view.children() {
            if failed && child.tag() == Tag::OPERATION {
                continue;
            }
            let by = match attribute {
                Some(tag) if child.tag() == Tag::ATTRIBUTE_VALUE => tag,
                _ => child.tag(),
            };
            self.item(child, by, Some(logical))?;
        }
        Ok(())
    }

    /// The standard attribute that a 1.x `Attribute` structure holds.
    fn attribute_of(&self, view: View<'_>) -> Option<Tag> {
        if view.tag() != Tag::ATTRIBUTE || view.find(Tag::VENDOR_IDENTIFICATION).is_some() {
            return None;
        }
        AttributeName::from_1x(view.find(Tag::ATTRIBUTE_NAME)?.as_text()?).ok()?.tag()
    }

    fn value(&self, tag: Tag, code: u32) -> Result<(), Lack> {
        let named = tag != Tag::ATTRIBUTE_REFERENCE
            || AttributeRule::of(Tag(code)).is_some()
            || code >= 0x8000_0000;
        if named && has_value(tag, code, self.version) {
            return Ok(());
        }
        Err(Lack::Value { tag, code })
    }

    fn bits(&self, tag: Tag, mask: u32) -> Result<(), Lack> {
        let Some(table) = table_of(tag).filter(|t| t.is_mask) else { return Ok(()) };
        let bits = mask & !table.mask_for(self.version, mask);
        if bits == 0 { Ok(()) } else { Err(Lack::Bits { tag, bits }) }
    }

    /// Vendor attributes of 2.x have free names; their structure has a field that 1.x lacks.
    fn name(&self, name: &str) -> Result<(), Lack> {
        if self.version.has_attributes_structure()
            || AttributeName::from_1x(name).is_ok_and(|n| n.exists_in(self.version))
        {
            return Ok(());
        }
        Err(Lack::Attribute(name.to_owned()))
    }
}
