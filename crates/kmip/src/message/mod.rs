//! Messages: a header and batch items, of a request and of a response, for both sides.
//!
//! A server reads with [`Request`] and writes with [`ResponseWriter`]; a client writes with
//! [`RequestBuilder`] and reads with [`ResponseView`]. Payloads stay [`View`]s: what is in them is
//! the business of the operation.
//!
//! Fields that a message's version lacks, and fields that no version has, are passed over as the
//! specification asks between minor versions and real clients need (KMIP 1.4 section 11.1); a field
//! that occurs twice in a header or batch item is refused.

mod error;
mod request;
mod response;

pub use error::{MessageError, MessageFault, peek_version};
pub use request::{BatchItem, Extension, Request, RequestBuilder, RequestHeader};
pub use response::{
    ResponseHeader, ResponseItem, ResponseItemView, ResponseView, ResponseWriter, write_response,
};

use crate::tables::Tag;
use crate::ttlv::View;
use crate::version::ProtocolVersion;

/// A batch. Nearly always of one item, which then costs no allocation.
#[derive(Clone, Debug)]
pub struct Batch<T>(Items<T>);

#[derive(Clone, Debug)]
enum Items<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> Batch<T> {
    fn new() -> Self {
        Self(Items::Many(Vec::new()))
    }

    fn push(&mut self, item: T) {
        self.0 = match std::mem::replace(&mut self.0, Items::Many(Vec::new())) {
            Items::One(first) => Items::Many(vec![first, item]),
            Items::Many(items) if items.is_empty() => Items::One(item),
            Items::Many(mut items) => {
                items.push(item);
                Items::Many(items)
            }
        };
    }
}

impl<T> core::ops::Deref for Batch<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match &self.0 {
            Items::One(item) => core::slice::from_ref(item),
            Items::Many(items) => items,
        }
    }
}

impl<'a, T> IntoIterator for &'a Batch<T> {
    type Item = &'a T;
    type IntoIter = core::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Which fields a header or batch item has had so far.
#[derive(Default)]
struct Seen(u32);

impl Seen {
    /// Notes field number `bit`.
    fn once(&mut self, bit: u32, tag: Tag) -> Result<(), MessageFault> {
        let mask = 1 << bit;
        if self.0 & mask != 0 {
            return Err(MessageFault::Repeated { field: tag });
        }
        self.0 |= mask;
        Ok(())
    }
}

/// The version in a `ProtocolVersion` structure.
fn read_version(view: View<'_>) -> Option<ProtocolVersion> {
    let part = |tag| view.find(tag)?.as_integer().and_then(|v| u16::try_from(v).ok());
    Some(ProtocolVersion::new(
        part(Tag::PROTOCOL_VERSION_MAJOR)?,
        part(Tag::PROTOCOL_VERSION_MINOR)?,
    ))
}

fn write_version(encoder: &mut crate::Encoder, version: ProtocolVersion) {
    encoder.structure(Tag::PROTOCOL_VERSION, |e| {
        e.integer(Tag::PROTOCOL_VERSION_MAJOR, i32::from(version.major));
        e.integer(Tag::PROTOCOL_VERSION_MINOR, i32::from(version.minor));
    });
}
