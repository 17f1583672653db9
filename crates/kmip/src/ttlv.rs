//! Binary TTLV (KMIP 1.4 section 9.1, KMIP 2.1 section 10): a checked, borrowing view.
//!
//! [`View::parse`] walks a whole frame once against [`Limits`] and the canonical rules (known
//! item types, exact lengths, zero padding, valid UTF-8, Boolean 0 or 1). It allocates nothing.
//! After that, reading is infallible: a [`View`] hands out slices of the frame.

use core::fmt;

use crate::tables::Tag;

/// Bytes of a TTLV header: tag (3), type (1), length (4).
pub const HEADER_LEN: usize = 8;

/// The type byte of an item (KMIP 2.1 section 10.1.2, Item Type Enumeration).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ItemType {
    /// A sequence of items.
    Structure = 0x01,
    /// 32-bit signed.
    Integer = 0x02,
    /// 64-bit signed.
    LongInteger = 0x03,
    /// Two's complement, big-endian, a multiple of eight bytes.
    BigInteger = 0x04,
    /// 32-bit unsigned.
    Enumeration = 0x05,
    /// Eight bytes, 0 or 1.
    Boolean = 0x06,
    /// UTF-8 without terminator.
    TextString = 0x07,
    /// Octets.
    ByteString = 0x08,
    /// POSIX seconds, 64-bit signed.
    DateTime = 0x09,
    /// Seconds, 32-bit unsigned.
    Interval = 0x0A,
    /// POSIX microseconds, 64-bit signed (since 2.0).
    DateTimeExtended = 0x0B,
}

impl ItemType {
    /// The type with this byte.
    pub fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            0x01 => Self::Structure,
            0x02 => Self::Integer,
            0x03 => Self::LongInteger,
            0x04 => Self::BigInteger,
            0x05 => Self::Enumeration,
            0x06 => Self::Boolean,
            0x07 => Self::TextString,
            0x08 => Self::ByteString,
            0x09 => Self::DateTime,
            0x0A => Self::Interval,
            0x0B => Self::DateTimeExtended,
            _ => return None,
        })
    }

    /// The name in the XML and JSON encodings.
    pub fn encoded_name(self) -> &'static str {
        match self {
            Self::Structure => "Structure",
            Self::Integer => "Integer",
            Self::LongInteger => "LongInteger",
            Self::BigInteger => "BigInteger",
            Self::Enumeration => "Enumeration",
            Self::Boolean => "Boolean",
            Self::TextString => "TextString",
            Self::ByteString => "ByteString",
            Self::DateTime => "DateTime",
            Self::Interval => "Interval",
            Self::DateTimeExtended => "DateTimeExtended",
        }
    }
}

/// What a decoder refuses to go beyond.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of a whole frame, header included.
    pub frame: usize,
    /// Nesting of structures.
    pub depth: usize,
    /// Items of all kinds in a frame.
    pub items: usize,
    /// Batch items in a message.
    pub batch_items: usize,
}

impl Default for Limits {
    /// 1 MiB, 32 levels, 65,536 items, 128 batch items.
    fn default() -> Self {
        Self { frame: 1 << 20, depth: 32, items: 1 << 16, batch_items: 128 }
    }
}

/// Why bytes are not a canonical TTLV frame. The peer that sent them is at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// Fewer bytes than a header or a length promises.
    Truncated {
        /// Offset of the item in the frame.
        offset: usize,
    },
    /// Bytes remain after the frame.
    TrailingBytes {
        /// Offset of the first of them.
        offset: usize,
    },
    /// A type byte that no version names.
    UnknownType {
        /// Offset of the item.
        offset: usize,
        /// The byte.
        byte: u8,
    },
    /// A length that the type does not allow.
    BadLength {
        /// Offset of the item.
        offset: usize,
        /// Its tag.
        tag: Tag,
        /// The length found.
        length: usize,
    },
    /// Padding that is not zero.
    BadPadding {
        /// Offset of the item.
        offset: usize,
        /// Its tag.
        tag: Tag,
    },
    /// A Text String that is not UTF-8.
    NotUtf8 {
        /// Offset of the item.
        offset: usize,
        /// Its tag.
        tag: Tag,
    },
    /// A Boolean that is neither 0 nor 1.
    BadBoolean {
        /// Offset of the item.
        offset: usize,
        /// Its tag.
        tag: Tag,
    },
    /// A tag whose item type the specification fixes, with another type.
    WrongType {
        /// Offset of the item.
        offset: usize,
        /// Its tag.
        tag: Tag,
        /// The type that the specification asks for.
        expected: ItemType,
    },
    /// A limit is exceeded.
    OverLimit {
        /// Which one: `"frame"`, `"depth"` or `"items"`.
        what: &'static str,
        /// The limit's value.
        limit: usize,
    },
    /// The outermost item is not a Structure.
    NotAStructure,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { offset } => {
                write!(f, "the message ends inside the item at byte {offset}")
            }
            Self::TrailingBytes { offset } => {
                write!(f, "bytes follow the message from byte {offset}")
            }
            Self::UnknownType { offset, byte } => {
                write!(f, "the item at byte {offset} has the unknown type 0x{byte:02X}")
            }
            Self::BadLength { offset, tag, length } => {
                write!(f, "{tag} at byte {offset} has the length {length}, which its type forbids")
            }
            Self::BadPadding { offset, tag } => {
                write!(f, "{tag} at byte {offset} is padded with bytes other than zero")
            }
            Self::NotUtf8 { offset, tag } => write!(f, "{tag} at byte {offset} is not UTF-8"),
            Self::BadBoolean { offset, tag } => {
                write!(f, "{tag} at byte {offset} is a Boolean other than 0 or 1")
            }
            Self::WrongType { offset, tag, expected } => {
                write!(f, "{tag} at byte {offset} must be of type {}", expected.encoded_name())
            }
            Self::OverLimit { what, limit } => {
                write!(f, "the message exceeds the limit of {limit} for {what}")
            }
            Self::NotAStructure => f.write_str("the message is not a Structure"),
        }
    }
}

impl std::error::Error for DecodeError {}

/// The length of the whole frame that begins with `header`, without any other check than the
/// limit: what a reader needs before it allocates.
///
/// # Errors
/// [`DecodeError::OverLimit`] when the frame would exceed `limits.frame`;
/// [`DecodeError::NotAStructure`] when the type byte is another.
pub fn frame_len(header: &[u8; HEADER_LEN], limits: &Limits) -> Result<usize, DecodeError> {
    if header[3] != ItemType::Structure as u8 {
        return Err(DecodeError::NotAStructure);
    }
    let length = u32::from_be_bytes([header[4], header[5], header[6], header[7]]) as usize;
    let total = length.saturating_add(HEADER_LEN);
    if total > limits.frame {
        return Err(DecodeError::OverLimit { what: "frame", limit: limits.frame });
    }
    Ok(total)
}

/// One item of a checked frame.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct View<'a> {
    tag: Tag,
    item_type: ItemType,
    value: &'a [u8],
}

impl<'a> View<'a> {
    /// Checks a whole frame, which must be one Structure, and gives the view of it.
    ///
    /// # Errors
    /// The first [`DecodeError`] met; the peer is at fault.
    pub fn parse(frame: &'a [u8], limits: &Limits) -> Result<Self, DecodeError> {
        Self::parse_as(frame, limits, Types::OfTheTable)
    }

    /// As [`View::parse`], for bytes of our own store: tags may have any type, because what was
    /// stored must stay readable when the table of tags changes.
    ///
    /// # Errors
    /// The first [`DecodeError`] met; the store is damaged.
    pub fn parse_stored(frame: &'a [u8], limits: &Limits) -> Result<Self, DecodeError> {
        Self::parse_as(frame, limits, Types::Any)
    }

    fn parse_as(frame: &'a [u8], limits: &Limits, types: Types) -> Result<Self, DecodeError> {
        if frame.len() > limits.frame {
            return Err(DecodeError::OverLimit { what: "frame", limit: limits.frame });
        }
        let mut items = 0;
        let (view, used) = check(frame, 0, 1, limits, types, &mut items)?;
        if view.item_type != ItemType::Structure {
            return Err(DecodeError::NotAStructure);
        }
        if used != frame.len() {
            return Err(DecodeError::TrailingBytes { offset: used });
        }
        Ok(view)
    }

    /// A Structure without items.
    pub const fn empty(tag: Tag) -> Self {
        Self { tag, item_type: ItemType::Structure, value: &[] }
    }

    /// The tag.
    pub fn tag(&self) -> Tag {
        self.tag
    }

    /// The type.
    pub fn item_type(&self) -> ItemType {
        self.item_type
    }

    /// The value's bytes without header and padding.
    pub fn raw(&self) -> &'a [u8] {
        self.value
    }

    /// The items of a Structure; none for any other type.
    pub fn children(&self) -> Children<'a> {
        Children { rest: if self.item_type == ItemType::Structure { self.value } else { &[] } }
    }

    /// The first child with this tag.
    pub fn find(&self, tag: Tag) -> Option<View<'a>> {
        self.children().find(|c| c.tag == tag)
    }

    /// All children with this tag, in order.
    pub fn find_all(&self, tag: Tag) -> impl Iterator<Item = View<'a>> + use<'a> {
        self.children().filter(move |c| c.tag == tag)
    }

    /// The value of an Integer.
    pub fn as_integer(&self) -> Option<i32> {
        (self.item_type == ItemType::Integer).then(|| self.word32() as i32)
    }

    /// The value of a Long Integer.
    pub fn as_long_integer(&self) -> Option<i64> {
        (self.item_type == ItemType::LongInteger).then(|| self.word64() as i64)
    }

    /// The bytes of a Big Integer.
    pub fn as_big_integer(&self) -> Option<&'a [u8]> {
        (self.item_type == ItemType::BigInteger).then_some(self.value)
    }

    /// The value of an Enumeration.
    pub fn as_enumeration(&self) -> Option<u32> {
        (self.item_type == ItemType::Enumeration).then(|| self.word32())
    }

    /// The value of a Boolean.
    pub fn as_boolean(&self) -> Option<bool> {
        (self.item_type == ItemType::Boolean).then(|| self.word64() != 0)
    }

    /// The value of a Text String.
    pub fn as_text(&self) -> Option<&'a str> {
        if self.item_type != ItemType::TextString {
            return None;
        }
        core::str::from_utf8(self.value).ok()
    }

    /// The value of a Byte String.
    pub fn as_bytes(&self) -> Option<&'a [u8]> {
        (self.item_type == ItemType::ByteString).then_some(self.value)
    }

    /// The value of a Date-Time, POSIX seconds.
    pub fn as_date_time(&self) -> Option<i64> {
        (self.item_type == ItemType::DateTime).then(|| self.word64() as i64)
    }

    /// The value of an Interval, seconds.
    pub fn as_interval(&self) -> Option<u32> {
        (self.item_type == ItemType::Interval).then(|| self.word32())
    }

    /// The value of a Date-Time Extended, POSIX microseconds.
    pub fn as_date_time_extended(&self) -> Option<i64> {
        (self.item_type == ItemType::DateTimeExtended).then(|| self.word64() as i64)
    }

    fn word32(&self) -> u32 {
        self.value.first_chunk().map_or(0, |b| u32::from_be_bytes(*b))
    }

    fn word64(&self) -> u64 {
        self.value.first_chunk().map_or(0, |b| u64::from_be_bytes(*b))
    }
}

impl fmt::Debug for View<'_> {
    /// Tag, type and length only: values may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?} {} bytes", self.tag, self.item_type, self.value.len())
    }
}

/// Iterates over the items of a checked Structure.
#[derive(Clone, Debug)]
pub struct Children<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Children<'a> {
    type Item = View<'a>;

    fn next(&mut self) -> Option<View<'a>> {
        let (header, body) = self.rest.split_first_chunk::<HEADER_LEN>()?;
        let length = u32::from_be_bytes([header[4], header[5], header[6], header[7]]) as usize;
        let value = body.get(..length)?;
        self.rest = body.get(padded(length)..).unwrap_or(&[]);
        Some(View {
            tag: Tag(u32::from_be_bytes([0, header[0], header[1], header[2]])),
            item_type: ItemType::from_byte(header[3])?,
            value,
        })
    }
}

/// `length` rounded up to the eight-byte boundary of TTLV.
pub(crate) fn padded(length: usize) -> usize {
    length.div_ceil(8) * 8
}

/// Which item types a tag may have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Types {
    /// The one that the specification fixes.
    OfTheTable,
    Any,
}

fn check<'a>(
    bytes: &'a [u8],
    offset: usize,
    depth: usize,
    limits: &Limits,
    types: Types,
    items: &mut usize,
) -> Result<(View<'a>, usize), DecodeError> {
    *items += 1;
    if *items > limits.items {
        return Err(DecodeError::OverLimit { what: "items", limit: limits.items });
    }
    if depth > limits.depth {
        return Err(DecodeError::OverLimit { what: "depth", limit: limits.depth });
    }
    let Some((header, body)) = bytes.split_first_chunk::<HEADER_LEN>() else {
        return Err(DecodeError::Truncated { offset });
    };
    let tag = Tag(u32::from_be_bytes([0, header[0], header[1], header[2]]));
    let item_type = ItemType::from_byte(header[3])
        .ok_or(DecodeError::UnknownType { offset, byte: header[3] })?;
    let length = u32::from_be_bytes([header[4], header[5], header[6], header[7]]) as usize;
    let fits = match item_type {
        ItemType::Structure | ItemType::BigInteger => length.is_multiple_of(8),
        ItemType::Integer | ItemType::Enumeration | ItemType::Interval => length == 4,
        ItemType::LongInteger
        | ItemType::Boolean
        | ItemType::DateTime
        | ItemType::DateTimeExtended => length == 8,
        ItemType::TextString | ItemType::ByteString => true,
    };
    if !fits || (item_type == ItemType::BigInteger && length == 0) {
        return Err(DecodeError::BadLength { offset, tag, length });
    }
    let value = body.get(..length).ok_or(DecodeError::Truncated { offset })?;
    let padding = body.get(length..padded(length)).ok_or(DecodeError::Truncated { offset })?;
    if padding.iter().any(|b| *b != 0) {
        return Err(DecodeError::BadPadding { offset, tag });
    }
    if types == Types::OfTheTable
        && let Some(expected) = tag.item_type()
        && expected != item_type
    {
        return Err(DecodeError::WrongType { offset, tag, expected });
    }
    match item_type {
        ItemType::Structure => {
            let mut rest = value;
            while !rest.is_empty() {
                let inner = offset + HEADER_LEN + value.len() - rest.len();
                let (_, used) = check(rest, inner, depth + 1, limits, types, items)?;
                rest = rest.get(used..).ok_or(DecodeError::Truncated { offset: inner })?;
            }
        }
        ItemType::TextString if core::str::from_utf8(value).is_err() => {
            return Err(DecodeError::NotUtf8 { offset, tag });
        }
        ItemType::Boolean if !matches!(value, [0, 0, 0, 0, 0, 0, 0, 0 | 1]) => {
            return Err(DecodeError::BadBoolean { offset, tag });
        }
        _ => {}
    }
    Ok((View { tag, item_type, value }, HEADER_LEN + padded(length)))
}
