//! The one table of the protocol: tags, enumerations, masks and attributes, each with its code,
//! its name in the specification, its name in the XML and JSON encodings, and the versions that
//! have it. Codec, version gates, Query, documentation and tests all read from here.
//!
//! Sources: the tag and enumeration tables of the KMIP specifications 1.0 to 2.1 (1.x: section
//! 9.1.3, 2.x: section 11), the attribute rule tables of the same documents (1.x: section 3,
//! 2.x: section 4), and for the encoded names the KMIP Profiles' XML encoding rules.

mod attributes;
mod enums;
mod fields;
mod masks;
mod pkcs11;
mod tags;

pub use attributes::{ATTRIBUTES, AttributeRule};
pub use enums::*;
pub use fields::{FieldGate, field_versions};
pub use masks::*;
pub use pkcs11::*;
pub use tags::{TAGS, Tag, TagInfo};

use crate::version::{ProtocolVersion, VersionRange};

/// One named value of an enumeration or one bit of a mask.
#[derive(Clone, Copy, Debug)]
pub struct ValueInfo {
    /// The value on the wire.
    pub code: u32,
    /// Its name in the specification.
    pub name: &'static str,
    /// Its name in the XML and JSON encodings.
    pub encoded_name: &'static str,
    /// The versions that have it.
    pub versions: VersionRange,
}

/// One enumeration or mask.
#[derive(Debug)]
pub struct EnumInfo {
    /// Its name in the specification.
    pub name: &'static str,
    /// Whether values are bits to be combined (Integer on the wire) rather than an Enumeration.
    pub is_mask: bool,
    /// Its values, ordered by code.
    pub values: &'static [ValueInfo],
}

impl EnumInfo {
    /// The value with this code.
    pub fn by_code(&self, code: u32) -> Option<&'static ValueInfo> {
        // Nearly every table counts from 1 without a gap.
        if let Some(row) = self.values.get(code.wrapping_sub(1) as usize)
            && row.code == code
        {
            return Some(row);
        }
        let at = self.values.binary_search_by_key(&code, |v| v.code).ok()?;
        self.values.get(at)
    }

    /// `mask` without the bits that exist, but not in `version`. Bits that no version names stay.
    pub fn mask_for(&self, version: ProtocolVersion, mask: u32) -> u32 {
        self.values
            .iter()
            .filter(|row| !row.versions.contains(version))
            .fold(mask, |mask, row| mask & !row.code)
    }

    /// The value with this name, in the specification's or the encoded spelling.
    pub fn by_name(&self, name: &str) -> Option<&'static ValueInfo> {
        self.values.iter().find(|v| v.encoded_name == name || v.name == name)
    }
}

macro_rules! range {
    ($from:ident, $to:ident) => {
        $crate::version::VersionRange {
            from: $crate::version::ProtocolVersion::$from,
            to: $crate::version::ProtocolVersion::$to,
        }
    };
}

macro_rules! value_table {
    ($is_mask:literal; $( $rust:ident, $title:literal { $( $konst:ident = $code:literal, $name:literal, $xml:literal, $from:ident ..= $to:ident; )* } )*) => {
        $(
            #[doc = concat!("The ", $title, " table of the KMIP specification. Open: a code that no version names is carried as it is.")]
            #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
            pub struct $rust(pub u32);

            impl $rust {
                $( #[doc = concat!("\"", $name, "\" (", stringify!($from), " to ", stringify!($to), ").")] pub const $konst: Self = Self($code); )*

                /// The table of this type.
                pub const TABLE: &'static $crate::tables::EnumInfo = &$crate::tables::EnumInfo {
                    name: $title,
                    is_mask: $is_mask,
                    values: &[ $( $crate::tables::ValueInfo {
                        code: $code, name: $name, encoded_name: $xml,
                        versions: range!($from, $to),
                    }, )* ],
                };

                /// The value's row in the table, if a version names it.
                pub fn info(self) -> Option<&'static $crate::tables::ValueInfo> {
                    Self::TABLE.by_code(self.0)
                }

                /// The value's name in the specification, or `"unknown"`.
                pub fn name(self) -> &'static str {
                    self.info().map_or("unknown", |v| v.name)
                }

                /// Whether `version` has this value.
                pub fn exists_in(self, version: $crate::version::ProtocolVersion) -> bool {
                    self.info().is_some_and(|v| v.versions.contains(version))
                }
            }

            impl core::fmt::Debug for $rust {
                fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                    match self.info() {
                        Some(v) => f.write_str(v.encoded_name),
                        None => write!(f, "0x{:08X}", self.0),
                    }
                }
            }

            impl core::fmt::Display for $rust {
                fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                    match self.info() {
                        Some(v) => f.write_str(v.name),
                        None => write!(f, "0x{:08X}", self.0),
                    }
                }
            }

            impl From<$rust> for u32 {
                fn from(v: $rust) -> u32 { v.0 }
            }
        )*

        /// Every table of this file.
        pub(crate) const ALL: &[&$crate::tables::EnumInfo] = &[ $( $rust::TABLE, )* ];
    };
}

pub(crate) use range;
pub(crate) use value_table;

/// The enumeration or mask table that gives the values of a tag their names, if the tag has one.
pub fn table_of(tag: Tag) -> Option<&'static EnumInfo> {
    tag.info()?.values
}

/// Whether `version` has the enumeration value `code` under `tag`; values that no version names
/// (vendor extensions) count as had. The value of an Attribute Reference is an attribute's tag.
pub fn has_value(tag: Tag, code: u32, version: ProtocolVersion) -> bool {
    match tag {
        Tag::ATTRIBUTE_REFERENCE => {
            AttributeRule::of(Tag(code)).is_none_or(|rule| rule.versions.contains(version))
        }
        Tag::TAG => Tag(code).info().is_none_or(|info| info.versions.contains(version)),
        _ => match table_of(tag).filter(|table| !table.is_mask) {
            None => true,
            Some(table) => match table.by_code(code) {
                Some(row) => row.versions.contains(version),
                None => is_extension(code),
            },
        },
    }
}

/// Whether `code` is a value of the enumeration `tag` in any version, or an extension.
pub fn is_value(tag: Tag, code: u32) -> bool {
    match tag {
        Tag::ATTRIBUTE_REFERENCE | Tag::TAG => true,
        _ => {
            let table = table_of(tag).filter(|table| !table.is_mask);
            table.is_none_or(|table| table.by_code(code).is_some() || is_extension(code))
        }
    }
}

/// Values of enumerations from here on are extensions (KMIP 2.1 section 11).
fn is_extension(code: u32) -> bool {
    code >= 0x8000_0000
}

/// Every enumeration and mask table.
pub fn value_tables() -> impl Iterator<Item = &'static EnumInfo> {
    [enums::ALL, masks::ALL, pkcs11::ALL].into_iter().flatten().copied()
}
