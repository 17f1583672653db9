//! Why bytes are no message, and the reply to them.

use core::fmt;

use super::response::{ResponseHeader, ResponseItem, write_response};
use crate::tables::{ResultReason, ResultStatus, Tag};
use crate::ttlv::{DecodeError, View};
use crate::version::ProtocolVersion;

/// A frame that is not a message that this crate reads. The peer is at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageError {
    /// The protocol version that the message stated, as far as it could be read: also one that
    /// this crate does not speak.
    pub version: Option<ProtocolVersion>,
    /// What is wrong.
    pub fault: MessageFault,
}

/// What is wrong with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MessageFault {
    /// The frame is not canonical TTLV within the limits.
    Decode(DecodeError),
    /// The outermost tag is another than the message's.
    NotAMessage {
        /// The tag found.
        tag: Tag,
    },
    /// A required field is missing, or of a type that it cannot have.
    Missing {
        /// The field.
        field: Tag,
    },
    /// A field occurs more than once.
    Repeated {
        /// The field.
        field: Tag,
    },
    /// A field of another type than its place asks for.
    WrongType {
        /// The field.
        field: Tag,
    },
    /// A version that this crate does not speak.
    UnsupportedVersion,
    /// Batch Count differs from the number of batch items.
    BatchCount {
        /// What Batch Count says.
        stated: i32,
        /// How many items there are.
        found: usize,
    },
    /// No batch item.
    EmptyBatch,
    /// More batch items than the limit.
    TooManyItems {
        /// The limit.
        limit: usize,
    },
}

impl MessageError {
    /// The version to reply in: the message's own where this crate speaks it, else the nearest,
    /// and 1.0 where the message did not tell.
    pub fn reply_version(&self) -> ProtocolVersion {
        self.version.map_or(ProtocolVersion::V1_0, ProtocolVersion::nearest_supported)
    }

    /// The reason that a reply gives, which every version has (KMIP 1.4 section 11.1).
    pub fn reason(&self) -> ResultReason {
        ResultReason::INVALID_MESSAGE
    }

    /// A whole reply: a header and one failed batch item without operation.
    pub fn reply(&self, time_stamp: i64) -> Vec<u8> {
        write_response(
            &ResponseHeader::new(self.reply_version(), time_stamp),
            &[ResponseItem {
                status: ResultStatus::OPERATION_FAILED,
                reason: Some(self.reason()),
                message: Some(&self.to_string()),
                ..ResponseItem::default()
            }],
        )
    }
}

impl fmt::Display for MessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.fault {
            MessageFault::Decode(error) => error.fmt(f),
            MessageFault::NotAMessage { tag } => write!(f, "the message is a {tag}"),
            MessageFault::Missing { field } => write!(f, "the message lacks {field}"),
            MessageFault::Repeated { field } => write!(f, "{field} occurs more than once"),
            MessageFault::WrongType { field } => {
                write!(f, "{field} is of a type that it cannot have here")
            }
            MessageFault::UnsupportedVersion => match self.version {
                Some(version) => write!(f, "KMIP {version} is not supported"),
                None => f.write_str("the protocol version is not supported"),
            },
            MessageFault::BatchCount { stated, found } => {
                write!(f, "Batch Count is {stated}, but there are {found} batch items")
            }
            MessageFault::EmptyBatch => f.write_str("the message has no batch item"),
            MessageFault::TooManyItems { limit } => {
                write!(f, "the message has more than {limit} batch items")
            }
        }
    }
}

impl std::error::Error for MessageError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.fault {
            MessageFault::Decode(error) => Some(error),
            _ => None,
        }
    }
}

/// The version that a frame states, when it stands where every message has it: so that even bytes
/// that are no canonical TTLV get a reply that their sender can read.
pub fn peek_version(frame: &[u8]) -> Option<ProtocolVersion> {
    // Headers of message, header and version, then two Integers of 16 bytes.
    let at = |offset: usize, tag: Tag, kind: u8| {
        let header: &[u8; 4] = frame.get(offset..)?.first_chunk()?;
        (*header == (tag.0 << 8 | u32::from(kind)).to_be_bytes()).then_some(())
    };
    let word = |offset: usize| {
        let bytes: &[u8; 4] = frame.get(offset..)?.first_chunk()?;
        u16::try_from(u32::from_be_bytes(*bytes)).ok()
    };
    at(0, Tag::REQUEST_MESSAGE, 1).or_else(|| at(0, Tag::RESPONSE_MESSAGE, 1))?;
    at(16, Tag::PROTOCOL_VERSION, 1)?;
    at(24, Tag::PROTOCOL_VERSION_MAJOR, 2)?;
    at(40, Tag::PROTOCOL_VERSION_MINOR, 2)?;
    Some(ProtocolVersion::new(word(32)?, word(48)?))
}

/// Puts the version onto a fault that was found before the header was read.
pub(super) fn at_version(
    version: Option<ProtocolVersion>,
) -> impl Fn(MessageFault) -> MessageError {
    move |fault| MessageError { version, fault }
}

/// A required field.
pub(super) fn need<T>(value: Option<T>, field: Tag) -> Result<T, MessageFault> {
    value.ok_or(MessageFault::Missing { field })
}

/// A field's value, of which `read` knows the type.
pub(super) fn typed<'a, T>(
    view: View<'a>,
    read: impl FnOnce(&View<'a>) -> Option<T>,
) -> Result<Option<T>, MessageFault> {
    match read(&view) {
        Some(value) => Ok(Some(value)),
        None => Err(MessageFault::WrongType { field: view.tag() }),
    }
}
