//! Canonical TTLV encoding, gated by version.
//!
//! An [`Encoder`] made [`for_version`](Encoder::for_version) silently leaves out every tag, field
//! and enumeration value that the version lacks, so a reply can never show a client something
//! newer than it asked in. Callers that need to know first ask the tables (`exists_in`).

use core::fmt;

use zeroize::Zeroize;

use crate::tables::{Tag, field_versions, has_value, table_of};
use crate::ttlv::{HEADER_LEN, ItemType, View, padded};
use crate::value::{Node, Value};
use crate::version::ProtocolVersion;

/// Writes TTLV into a growing buffer.
pub struct Encoder {
    out: Vec<u8>,
    version: Option<ProtocolVersion>,
    parent: Option<Tag>,
}

impl fmt::Debug for Encoder {
    /// Version and length only: what is written may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Encoder {{ version: {:?}, {} bytes }}", self.version, self.out.len())
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        self.out.zeroize();
    }
}

impl Encoder {
    /// An encoder without a version gate: for stored records and test tools.
    pub fn ungated() -> Self {
        Self { out: Vec::with_capacity(512), version: None, parent: None }
    }

    /// An encoder that leaves out what `version` lacks.
    pub fn for_version(version: ProtocolVersion) -> Self {
        let mut encoder = Self::ungated();
        encoder.version = Some(version);
        encoder
    }

    /// The version that the output is for; none for an ungated encoder.
    pub fn version(&self) -> Option<ProtocolVersion> {
        self.version
    }

    /// The bytes written, and the end of the encoder.
    pub fn into_bytes(mut self) -> Vec<u8> {
        core::mem::take(&mut self.out)
    }

    /// The bytes written so far.
    pub fn as_bytes(&self) -> &[u8] {
        &self.out
    }

    /// How many bytes are written so far.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether nothing is written yet.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// Appends bytes that are already a sequence of encoded, gated items.
    pub fn raw_items(&mut self, items: &[u8]) {
        self.make_room(items.len());
        self.out.extend_from_slice(items);
    }

    /// A Structure whose items `fill` writes. Left out whole when the version lacks the tag.
    pub fn structure(&mut self, tag: Tag, fill: impl FnOnce(&mut Self)) {
        self.structure_as(tag, tag, fill);
    }

    /// A Structure written under `tag` that is in truth a `logical`: the value of a 1.x attribute.
    /// Its items are gated as fields of `logical`.
    pub fn structure_as(&mut self, tag: Tag, logical: Tag, fill: impl FnOnce(&mut Self)) {
        if !self.admits_as(tag, logical) {
            return;
        }
        let start = self.open(tag);
        let outer = self.parent.replace(logical);
        fill(self);
        self.parent = outer;
        self.close(start);
    }

    /// Begins an ungated Structure; [`close`](Self::close) takes what this gives.
    pub(crate) fn open(&mut self, tag: Tag) -> usize {
        let start = self.out.len();
        self.header(tag, ItemType::Structure, 0);
        start
    }

    /// Sets the length of the Structure that begins at `start`.
    pub(crate) fn close(&mut self, start: usize) {
        let length = (self.out.len() - start - HEADER_LEN) as u32;
        self.patch(start + 4, length);
    }

    /// Overwrites the four bytes at `at`.
    pub(crate) fn patch(&mut self, at: usize, word: u32) {
        if let Some(slot) = self.out.get_mut(at..at + 4) {
            slot.copy_from_slice(&word.to_be_bytes());
        }
    }

    /// An Integer. Where the tag is a mask, bits that exist but not in the version are cleared.
    pub fn integer(&mut self, tag: Tag, value: i32) {
        self.integer_as(tag, tag, value);
    }

    fn integer_as(&mut self, tag: Tag, logical: Tag, value: i32) {
        if !self.admits_as(tag, logical) {
            return;
        }
        let word = match (self.version, table_of(logical)) {
            (Some(version), Some(table)) if table.is_mask => table.mask_for(version, value as u32),
            _ => value as u32,
        };
        self.word32(tag, ItemType::Integer, word);
    }

    /// A Long Integer.
    pub fn long_integer(&mut self, tag: Tag, value: i64) {
        self.word64(tag, ItemType::LongInteger, value as u64);
    }

    /// A Big Integer from two's complement big-endian bytes of any length; extended to a
    /// multiple of eight by its sign.
    pub fn big_integer(&mut self, tag: Tag, value: &[u8]) {
        if !self.admits(tag) {
            return;
        }
        let length = padded(value.len().max(1));
        let sign = if value.first().is_some_and(|b| b & 0x80 != 0) { 0xFF } else { 0 };
        self.header(tag, ItemType::BigInteger, length);
        self.out.resize(self.out.len() + length - value.len(), sign);
        self.out.extend_from_slice(value);
    }

    /// An Enumeration. Left out when the version lacks the value.
    pub fn enumeration(&mut self, tag: Tag, value: impl Into<u32>) {
        self.enumeration_as(tag, tag, value.into());
    }

    /// An Enumeration whose value the version may lack: for what only repeats the request's own.
    pub fn enumeration_unchecked(&mut self, tag: Tag, value: impl Into<u32>) {
        self.word32(tag, ItemType::Enumeration, value.into());
    }

    fn enumeration_as(&mut self, tag: Tag, logical: Tag, code: u32) {
        if self.version.is_none_or(|version| has_value(logical, code, version))
            && self.admits_as(tag, logical)
        {
            self.word32(tag, ItemType::Enumeration, code);
        }
    }

    /// A Boolean.
    pub fn boolean(&mut self, tag: Tag, value: bool) {
        self.word64(tag, ItemType::Boolean, u64::from(value));
    }

    /// A Text String.
    pub fn text(&mut self, tag: Tag, value: &str) {
        self.octets(tag, ItemType::TextString, value.as_bytes());
    }

    /// A Byte String.
    pub fn bytes(&mut self, tag: Tag, value: &[u8]) {
        self.octets(tag, ItemType::ByteString, value);
    }

    /// A Date-Time, POSIX seconds.
    pub fn date_time(&mut self, tag: Tag, seconds: i64) {
        self.word64(tag, ItemType::DateTime, seconds as u64);
    }

    /// An Interval, seconds.
    pub fn interval(&mut self, tag: Tag, seconds: u32) {
        self.word32(tag, ItemType::Interval, seconds);
    }

    /// A Date-Time Extended, POSIX microseconds. Left out before 2.0, which brought the type.
    pub fn date_time_extended(&mut self, tag: Tag, micros: i64) {
        if self.version.is_none_or(|v| v >= ProtocolVersion::V2_0) {
            self.word64(tag, ItemType::DateTimeExtended, micros as u64);
        }
    }

    /// An owned item with everything in it.
    pub fn node(&mut self, node: &Node) {
        self.value(node.tag, &node.value);
    }

    /// An owned value under any tag.
    pub fn value(&mut self, tag: Tag, value: &Value) {
        self.value_as(tag, tag, value);
    }

    /// An owned value under `tag` that is in truth a `logical`: the value of a 1.x attribute.
    pub fn value_as(&mut self, tag: Tag, logical: Tag, value: &Value) {
        if self.is_too_new(tag, value) {
            return;
        }
        match value {
            Value::Structure(children) => {
                self.structure_as(tag, logical, |e| children.iter().for_each(|c| e.node(c)));
            }
            Value::Integer(v) => self.integer_as(tag, logical, *v),
            Value::Enumeration(v) => self.enumeration_as(tag, logical, *v),
            Value::LongInteger(v) => self.long_integer(tag, *v),
            Value::BigInteger(v) => self.big_integer(tag, v),
            Value::Boolean(v) => self.boolean(tag, *v),
            Value::TextString(v) => self.text(tag, v),
            Value::ByteString(v) => self.bytes(tag, v),
            Value::DateTime(v) => self.date_time(tag, *v),
            Value::Interval(v) => self.interval(tag, *v),
            Value::DateTimeExtended(v) => self.date_time_extended(tag, *v),
        }
    }

    /// An item of a checked frame with everything in it.
    pub fn view(&mut self, view: View<'_>) {
        let tag = view.tag();
        match view.item_type() {
            ItemType::Structure => {
                self.structure(tag, |e| view.children().for_each(|c| e.view(c)));
            }
            ItemType::ByteString => self.bytes(tag, view.raw()),
            ItemType::TextString => self.octets(tag, ItemType::TextString, view.raw()),
            ItemType::BigInteger => self.big_integer(tag, view.raw()),
            _ => self.value(tag, &Value::from(view)),
        }
    }

    /// Identifiers that are no text came with 2.0.
    fn is_too_new(&self, tag: Tag, value: &Value) -> bool {
        matches!(tag, Tag::UNIQUE_IDENTIFIER | Tag::LINKED_OBJECT_IDENTIFIER)
            && !matches!(value, Value::TextString(_))
            && self.version.is_some_and(|v| !v.has_attributes_structure())
    }

    fn admits_as(&self, tag: Tag, logical: Tag) -> bool {
        self.admits(tag) && (tag == logical || self.has_tag(logical))
    }

    fn admits(&self, tag: Tag) -> bool {
        let Some(version) = self.version else { return true };
        self.has_tag(tag)
            && self
                .parent
                .and_then(|parent| field_versions(parent, tag))
                .is_none_or(|range| range.contains(version))
    }

    /// Extensions are not in the table; they only ever go back to the client that sent them.
    fn has_tag(&self, tag: Tag) -> bool {
        self.version.is_none_or(|v| match tag.info() {
            Some(info) => info.versions.contains(v),
            None => !tag.is_standard(),
        })
    }

    /// Grows the buffer by itself where it must, because a vector that grows leaves what it held
    /// behind in memory, and what it holds may be keys.
    fn make_room(&mut self, more: usize) {
        let needed = self.out.len().saturating_add(more);
        if needed > self.out.capacity() {
            let mut larger = Vec::with_capacity(needed.max(self.out.capacity() * 2));
            larger.extend_from_slice(&self.out);
            self.out.zeroize();
            self.out = larger;
        }
    }

    fn header(&mut self, tag: Tag, item_type: ItemType, length: usize) {
        self.make_room(HEADER_LEN + padded(length));
        let t = tag.0.to_be_bytes();
        self.out.extend_from_slice(&[t[1], t[2], t[3], item_type as u8]);
        self.out.extend_from_slice(&(length as u32).to_be_bytes());
    }

    fn word32(&mut self, tag: Tag, item_type: ItemType, word: u32) {
        if self.admits(tag) {
            self.header(tag, item_type, 4);
            self.out.extend_from_slice(&word.to_be_bytes());
            self.out.extend_from_slice(&[0; 4]);
        }
    }

    fn word64(&mut self, tag: Tag, item_type: ItemType, word: u64) {
        if self.admits(tag) {
            self.header(tag, item_type, 8);
            self.out.extend_from_slice(&word.to_be_bytes());
        }
    }

    fn octets(&mut self, tag: Tag, item_type: ItemType, octets: &[u8]) {
        if self.admits(tag) {
            self.header(tag, item_type, octets.len());
            self.out.extend_from_slice(octets);
            self.out.resize(self.out.len() + padded(octets.len()) - octets.len(), 0);
        }
    }
}
