//! Owned items: what attributes, stored records and the XML and JSON encodings are made of.

use core::fmt;

use crate::tables::Tag;
use crate::ttlv::{ItemType, View};

/// An owned value of any item type.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Value {
    /// A sequence of items.
    Structure(Vec<Node>),
    /// 32-bit signed.
    Integer(i32),
    /// 64-bit signed.
    LongInteger(i64),
    /// Two's complement, big-endian, a multiple of eight bytes.
    BigInteger(Vec<u8>),
    /// 32-bit unsigned.
    Enumeration(u32),
    /// True or false.
    Boolean(bool),
    /// UTF-8.
    TextString(String),
    /// Octets.
    ByteString(Vec<u8>),
    /// POSIX seconds.
    DateTime(i64),
    /// Seconds.
    Interval(u32),
    /// POSIX microseconds.
    DateTimeExtended(i64),
}

/// An owned item: a tag and a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Node {
    /// The tag.
    pub tag: Tag,
    /// The value.
    pub value: Value,
}

impl Node {
    /// An item.
    pub fn new(tag: Tag, value: Value) -> Self {
        Self { tag, value }
    }

    /// A Structure.
    pub fn structure(tag: Tag, children: Vec<Node>) -> Self {
        Self::new(tag, Value::Structure(children))
    }

    /// A Text String.
    pub fn text(tag: Tag, text: impl Into<String>) -> Self {
        Self::new(tag, Value::TextString(text.into()))
    }

    /// A Byte String.
    pub fn bytes(tag: Tag, bytes: impl Into<Vec<u8>>) -> Self {
        Self::new(tag, Value::ByteString(bytes.into()))
    }

    /// An Enumeration.
    pub fn enumeration(tag: Tag, code: impl Into<u32>) -> Self {
        Self::new(tag, Value::Enumeration(code.into()))
    }

    /// An Integer.
    pub fn integer(tag: Tag, value: i32) -> Self {
        Self::new(tag, Value::Integer(value))
    }

    /// A Boolean.
    pub fn boolean(tag: Tag, value: bool) -> Self {
        Self::new(tag, Value::Boolean(value))
    }

    /// A Date-Time, POSIX seconds.
    pub fn date_time(tag: Tag, seconds: i64) -> Self {
        Self::new(tag, Value::DateTime(seconds))
    }

    /// The children of a Structure; empty for any other type.
    pub fn children(&self) -> &[Node] {
        self.value.children()
    }

    /// The first child with this tag.
    pub fn find(&self, tag: Tag) -> Option<&Node> {
        self.value.find(tag)
    }
}

impl Value {
    /// The item type.
    pub fn item_type(&self) -> ItemType {
        match self {
            Self::Structure(_) => ItemType::Structure,
            Self::Integer(_) => ItemType::Integer,
            Self::LongInteger(_) => ItemType::LongInteger,
            Self::BigInteger(_) => ItemType::BigInteger,
            Self::Enumeration(_) => ItemType::Enumeration,
            Self::Boolean(_) => ItemType::Boolean,
            Self::TextString(_) => ItemType::TextString,
            Self::ByteString(_) => ItemType::ByteString,
            Self::DateTime(_) => ItemType::DateTime,
            Self::Interval(_) => ItemType::Interval,
            Self::DateTimeExtended(_) => ItemType::DateTimeExtended,
        }
    }

    /// The children of a Structure; empty for any other type.
    pub fn children(&self) -> &[Node] {
        match self {
            Self::Structure(children) => children,
            _ => &[],
        }
    }

    /// The first child with this tag.
    pub fn find(&self, tag: Tag) -> Option<&Node> {
        self.children().iter().find(|c| c.tag == tag)
    }

    /// The value of an Integer.
    pub fn as_integer(&self) -> Option<i32> {
        if let Self::Integer(v) = self { Some(*v) } else { None }
    }

    /// The value of a Long Integer.
    pub fn as_long_integer(&self) -> Option<i64> {
        if let Self::LongInteger(v) = self { Some(*v) } else { None }
    }

    /// The value of an Enumeration.
    pub fn as_enumeration(&self) -> Option<u32> {
        if let Self::Enumeration(v) = self { Some(*v) } else { None }
    }

    /// The value of a Boolean.
    pub fn as_boolean(&self) -> Option<bool> {
        if let Self::Boolean(v) = self { Some(*v) } else { None }
    }

    /// The value of a Text String.
    pub fn as_text(&self) -> Option<&str> {
        if let Self::TextString(v) = self { Some(v) } else { None }
    }

    /// The value of a Byte String.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        if let Self::ByteString(v) = self { Some(v) } else { None }
    }

    /// The value of a Date-Time, POSIX seconds.
    pub fn as_date_time(&self) -> Option<i64> {
        if let Self::DateTime(v) = self { Some(*v) } else { None }
    }

    /// The value of an Interval, seconds.
    pub fn as_interval(&self) -> Option<u32> {
        if let Self::Interval(v) = self { Some(*v) } else { None }
    }
}

impl fmt::Debug for Value {
    /// Of octets and Big Integers only the length: they may be key material.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Structure(items) => f.debug_list().entries(items).finish(),
            Self::Integer(v) => write!(f, "Integer({v})"),
            Self::LongInteger(v) => write!(f, "LongInteger({v})"),
            Self::BigInteger(v) => write!(f, "BigInteger({} bytes)", v.len()),
            Self::Enumeration(v) => write!(f, "Enumeration(0x{v:08X})"),
            Self::Boolean(v) => write!(f, "Boolean({v})"),
            Self::TextString(v) => write!(f, "TextString({v:?})"),
            Self::ByteString(v) => write!(f, "ByteString({} bytes)", v.len()),
            Self::DateTime(v) => write!(f, "DateTime({v})"),
            Self::Interval(v) => write!(f, "Interval({v})"),
            Self::DateTimeExtended(v) => write!(f, "DateTimeExtended({v})"),
        }
    }
}

impl From<View<'_>> for Value {
    fn from(view: View<'_>) -> Self {
        match view.item_type() {
            ItemType::Structure => Self::Structure(view.children().map(Node::from).collect()),
            ItemType::Integer => Self::Integer(view.as_integer().unwrap_or_default()),
            ItemType::LongInteger => Self::LongInteger(view.as_long_integer().unwrap_or_default()),
            ItemType::BigInteger => Self::BigInteger(view.raw().to_vec()),
            ItemType::Enumeration => Self::Enumeration(view.as_enumeration().unwrap_or_default()),
            ItemType::Boolean => Self::Boolean(view.as_boolean().unwrap_or_default()),
            ItemType::TextString => Self::TextString(view.as_text().unwrap_or_default().to_owned()),
            ItemType::ByteString => Self::ByteString(view.raw().to_vec()),
            ItemType::DateTime => Self::DateTime(view.as_date_time().unwrap_or_default()),
            ItemType::Interval => Self::Interval(view.as_interval().unwrap_or_default()),
            ItemType::DateTimeExtended => {
                Self::DateTimeExtended(view.as_date_time_extended().unwrap_or_default())
            }
        }
    }
}

impl From<View<'_>> for Node {
    fn from(view: View<'_>) -> Self {
        Self { tag: view.tag(), value: view.into() }
    }
}
