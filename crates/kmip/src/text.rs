//! What the XML and JSON encodings share: elements whose values are still text, and the rules by
//! which text becomes a value (KMIP Profiles, "XML Encoding" and "JSON Encoding").

use core::fmt;

use crate::date;
use crate::tables::{AttributeRule, EnumInfo, Tag, table_of};
use crate::ttlv::{ItemType, Limits};
use crate::value::{Node, Value};

/// An item whose value is text as it was written: the step between a text and a [`Node`], useful
/// by itself where values are placeholders to be filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// The tag.
    pub tag: Tag,
    /// The type.
    pub item_type: ItemType,
    /// The text of the value; empty for a Structure.
    pub value: String,
    /// The tag whose table names the values: this element's own, or for the `AttributeValue` of a
    /// 1.x attribute the attribute's.
    pub named_by: Tag,
    /// The items of a Structure.
    pub children: Vec<Element>,
}

impl Element {
    /// The item with its value read.
    ///
    /// # Errors
    /// [`TextError::BadValue`] and [`TextError::WrongType`]; the text's author is at fault.
    pub fn to_node(&self) -> Result<Node, TextError> {
        let expected = self.tag.item_type();
        if expected.is_some_and(|expected| expected != self.item_type) {
            return Err(TextError::WrongType { tag: self.tag, found: self.item_type });
        }
        let value = match self.item_type {
            ItemType::Structure => {
                Value::Structure(self.children.iter().map(Self::to_node).collect::<Result<_, _>>()?)
            }
            scalar => parse_value(self.named_by, scalar, &self.value)
                .ok_or(TextError::BadValue { tag: self.tag, item_type: scalar })?,
        };
        Ok(Node { tag: self.tag, value })
    }

    /// The first child with this tag.
    pub fn find(&self, tag: Tag) -> Option<&Self> {
        self.children.iter().find(|c| c.tag == tag)
    }

    pub(crate) fn from_node(node: &Node, style: Style) -> Self {
        Self::from_value(node.tag, node.tag, &node.value, style)
    }

    fn from_value(tag: Tag, named_by: Tag, value: &Value, style: Style) -> Self {
        let mut element = Self {
            tag,
            item_type: value.item_type(),
            value: String::new(),
            named_by,
            children: Vec::new(),
        };
        match value {
            Value::Structure(items) => {
                for item in items {
                    let named_by = named_by_sibling(item.tag, &element.children);
                    let child = Self::from_value(item.tag, named_by, &item.value, style);
                    element.children.push(child);
                }
            }
            scalar => element.value = format_value(named_by, scalar, style),
        }
        element
    }
}

/// Where the two encodings write values differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    Xml,
    Json,
}

/// The tag whose table names the values of a new item after these siblings.
pub(crate) fn named_by_sibling(tag: Tag, before: &[Element]) -> Tag {
    if tag != Tag::ATTRIBUTE_VALUE || before.iter().any(|e| e.tag == Tag::VENDOR_IDENTIFICATION) {
        return tag;
    }
    before
        .iter()
        .rev()
        .find(|e| e.tag == Tag::ATTRIBUTE_NAME)
        .and_then(|e| AttributeRule::of_name(&e.value))
        .map_or(tag, |rule| rule.tag)
}

/// The tag with this name or number.
pub(crate) fn tag_from(text: &str) -> Option<Tag> {
    match hex_digits(text) {
        Some(digits) => {
            u32::from_str_radix(digits, 16).ok().filter(|code| *code <= 0xFF_FFFF).map(Tag)
        }
        None => Tag::by_name(text),
    }
}

/// The type with this name.
pub(crate) fn item_type_from(text: &str) -> Option<ItemType> {
    (0x01..=0x0B).filter_map(ItemType::from_byte).find(|t| t.encoded_name() == text)
}

fn parse_value(named_by: Tag, item_type: ItemType, text: &str) -> Option<Value> {
    Some(match item_type {
        ItemType::Structure => return None,
        ItemType::Integer => Value::Integer(parse_integer(named_by, text)?),
        ItemType::LongInteger => Value::LongInteger(parse_long(text)?),
        ItemType::BigInteger => Value::BigInteger(parse_big(text)?),
        ItemType::Enumeration => Value::Enumeration(parse_enumeration(named_by, text)?),
        ItemType::Boolean => Value::Boolean(match text {
            "true" | "1" => true,
            "false" | "0" => false,
            other => match u64::from_str_radix(hex_digits(other)?, 16).ok()? {
                0 => false,
                1 => true,
                _ => return None,
            },
        }),
        ItemType::TextString => Value::TextString(text.to_owned()),
        ItemType::ByteString => Value::ByteString(unhex(hex_digits(text).unwrap_or(text))?),
        ItemType::DateTime => Value::DateTime(match date::parse(text) {
            Some((seconds, _)) => seconds,
            None => parse_long(text)?,
        }),
        ItemType::Interval => Value::Interval(match hex_digits(text) {
            Some(digits) => u32::from_str_radix(digits, 16).ok()?,
            None => text.parse().ok()?,
        }),
        ItemType::DateTimeExtended => Value::DateTimeExtended(match date::parse(text) {
            Some((seconds, micros)) => {
                seconds.checked_mul(1_000_000)?.checked_add(i64::from(micros))?
            }
            None => parse_long(text)?,
        }),
    })
}

fn parse_integer(named_by: Tag, text: &str) -> Option<i32> {
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let Some(table) = table_of(named_by).filter(|table| table.is_mask) else {
        return u32::from_str_radix(hex_digits(text)?, 16).ok().map(|word| word as i32);
    };
    let mut mask = 0;
    for name in text.split(|c: char| c.is_whitespace() || c == '|').filter(|n| !n.is_empty()) {
        mask |= match hex_digits(name) {
            Some(digits) => u32::from_str_radix(digits, 16).ok()?,
            None => table.by_name(name)?.code,
        };
    }
    Some(mask as i32)
}

fn parse_long(text: &str) -> Option<i64> {
    match hex_digits(text) {
        Some(digits) => u64::from_str_radix(digits, 16).ok().map(|word| word as i64),
        None => text.parse().ok(),
    }
}

/// Two's complement, extended by its sign to a multiple of eight bytes.
fn parse_big(text: &str) -> Option<Vec<u8>> {
    let bytes = unhex(hex_digits(text).unwrap_or(text))?;
    let sign = if *bytes.first()? & 0x80 != 0 { 0xFF } else { 0 };
    let missing = bytes.len().next_multiple_of(8) - bytes.len();
    Some(std::iter::repeat_n(sign, missing).chain(bytes).collect())
}

fn parse_enumeration(named_by: Tag, text: &str) -> Option<u32> {
    if let Some(digits) = hex_digits(text) {
        return u32::from_str_radix(digits, 16).ok();
    }
    if let Ok(code) = text.parse() {
        return Some(code);
    }
    if matches!(named_by, Tag::ATTRIBUTE_REFERENCE | Tag::TAG) {
        return Tag::by_name(text).map(|tag| tag.0);
    }
    table_of(named_by)?.by_name(text).map(|row| row.code)
}

fn format_value(named_by: Tag, value: &Value, style: Style) -> String {
    match value {
        Value::Structure(_) => String::new(),
        Value::Integer(v) => match table_of(named_by).filter(|table| table.is_mask) {
            Some(table) => format_mask(table, *v as u32, style),
            None => v.to_string(),
        },
        // JSON numbers are safe to 53 bits; beyond, and for big integers, it has hexadecimal text.
        Value::LongInteger(v) if style == Style::Json && v.unsigned_abs() >= 1 << 52 => {
            format!("0x{v:016x}")
        }
        Value::LongInteger(v) => v.to_string(),
        Value::BigInteger(v) if style == Style::Json => format!("0x{}", hex(v)),
        Value::BigInteger(v) | Value::ByteString(v) => hex(v),
        Value::Enumeration(v) => match named_by {
            Tag::ATTRIBUTE_REFERENCE | Tag::TAG => Tag(*v).info().map(|t| t.encoded_name),
            _ => table_of(named_by).and_then(|t| t.by_code(*v)).map(|row| row.encoded_name),
        }
        .map_or_else(|| format!("0x{v:08X}"), str::to_owned),
        Value::Boolean(v) => v.to_string(),
        Value::TextString(v) => v.clone(),
        Value::DateTime(v) => date::format(*v).unwrap_or_else(|| format!("0x{v:016x}")),
        Value::Interval(v) => v.to_string(),
        Value::DateTimeExtended(v) => {
            date::format_micros(*v).unwrap_or_else(|| format!("0x{v:016x}"))
        }
    }
}

fn format_mask(table: &EnumInfo, mask: u32, style: Style) -> String {
    let mut rest = mask;
    let mut names = Vec::new();
    for row in table.values.iter().filter(|row| mask & row.code != 0) {
        names.push(row.encoded_name.to_owned());
        rest &= !row.code;
    }
    if rest != 0 || names.is_empty() {
        names.push(format!("0x{rest:08X}"));
    }
    names.join(if style == Style::Xml { " " } else { "|" })
}

fn hex_digits(text: &str) -> Option<&str> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))?;
    digits.bytes().all(|b| b.is_ascii_hexdigit()).then_some(digits)
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|b| [DIGITS[usize::from(b >> 4)], DIGITS[usize::from(b & 15)]])
        .map(char::from)
        .collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |b: u8| char::from(b).to_digit(16).map(|d| d as u8);
    let (pairs, odd) = text.as_bytes().as_chunks::<2>();
    if !odd.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

/// Counts items and depth of a text against the limits of a frame.
pub(crate) struct Budget<'a> {
    limits: &'a Limits,
    items: usize,
}

impl<'a> Budget<'a> {
    /// Text takes more room than a frame, which the factor allows for.
    pub(crate) fn new(text: &str, limits: &'a Limits) -> Result<Self, TextError> {
        let limit = limits.frame.saturating_mul(4);
        if text.len() > limit {
            return Err(TextError::OverLimit { what: "text", limit });
        }
        Ok(Self { limits, items: 0 })
    }

    /// Another item, `depth` levels deep from 1.
    pub(crate) fn item(&mut self, depth: usize) -> Result<(), TextError> {
        self.items += 1;
        if self.items > self.limits.items {
            return Err(TextError::OverLimit { what: "items", limit: self.limits.items });
        }
        if depth > self.limits.depth {
            return Err(TextError::OverLimit { what: "depth", limit: self.limits.depth });
        }
        Ok(())
    }
}

/// Why a text is no KMIP item, or an item has no text. Values are not repeated: they may be secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TextError {
    /// Not well-formed XML or JSON, or not in the shape of an item.
    Syntax {
        /// What is wrong.
        what: String,
    },
    /// A name or number that is no tag.
    UnknownTag {
        /// The name.
        name: String,
    },
    /// A name that is no type.
    UnknownType {
        /// The name.
        name: String,
    },
    /// A tag whose item type the specification fixes, with another type.
    WrongType {
        /// The tag.
        tag: Tag,
        /// The type found.
        found: ItemType,
    },
    /// A value that its type does not allow, or a name that no version has.
    BadValue {
        /// The tag.
        tag: Tag,
        /// The type.
        item_type: ItemType,
    },
    /// A limit is exceeded.
    OverLimit {
        /// Which one: `"text"`, `"depth"` or `"items"`.
        what: &'static str,
        /// The limit's value.
        limit: usize,
    },
    /// A Text String with a character that XML cannot carry.
    NotXml {
        /// The tag.
        tag: Tag,
    },
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { what } => f.write_str(what),
            Self::UnknownTag { name } => write!(f, "{name:?} is not a tag"),
            Self::UnknownType { name } => write!(f, "{name:?} is not a type"),
            Self::WrongType { tag, found } => {
                write!(f, "{tag} cannot be of type {}", found.encoded_name())
            }
            Self::BadValue { tag, item_type } => {
                write!(f, "the value of {tag} is not one of type {}", item_type.encoded_name())
            }
            Self::OverLimit { what, limit } => {
                write!(f, "the text exceeds the limit of {limit} for {what}")
            }
            Self::NotXml { tag } => write!(f, "{tag} has a character that XML cannot carry"),
        }
    }
}

impl std::error::Error for TextError {}
