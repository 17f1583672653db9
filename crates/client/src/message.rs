//! Request messages built, reply messages read.

use strongroom_kmip::{
    BatchErrorContinuationOption, Encoder, Limits, Operation, ProtocolVersion, ResultReason,
    ResultStatus, Tag, View,
};
use zeroize::Zeroizing;

use crate::error::Error;

/// A request message in the making.
#[derive(Debug)]
pub struct Request {
    version: ProtocolVersion,
    maximum_response_size: Option<i32>,
    continuation: Option<BatchErrorContinuationOption>,
    items: Vec<(Operation, Zeroizing<Vec<u8>>)>,
}

impl Request {
    /// An empty request in this version.
    pub fn new(version: ProtocolVersion) -> Self {
        Self { version, maximum_response_size: None, continuation: None, items: Vec::new() }
    }

    /// Sets Maximum Response Size, bytes.
    pub fn maximum_response_size(mut self, bytes: i32) -> Self {
        self.maximum_response_size = Some(bytes);
        self
    }

    /// Sets Batch Error Continuation Option.
    pub fn continuation(mut self, option: BatchErrorContinuationOption) -> Self {
        self.continuation = Some(option);
        self
    }

    /// Adds a batch item; `payload` writes what is in its Request Payload. What the version lacks
    /// is left out.
    pub fn item(mut self, operation: Operation, payload: impl FnOnce(&mut Encoder)) -> Self {
        let mut encoder = Encoder::for_version(self.version);
        encoder.structure(Tag::REQUEST_PAYLOAD, payload);
        self.items.push((operation, Zeroizing::new(encoder.into_bytes())));
        self
    }

    /// The message. Several items are numbered by Unique Batch Item ID and asked for in order.
    pub fn into_bytes(self) -> Vec<u8> {
        let several = self.items.len() > 1;
        // Not gated by version: an operation that the version lacks is the server's to refuse.
        let mut encoder = Encoder::ungated();
        encoder.structure(Tag::REQUEST_MESSAGE, |e| {
            e.structure(Tag::REQUEST_HEADER, |e| {
                e.structure(Tag::PROTOCOL_VERSION, |e| {
                    e.integer(Tag::PROTOCOL_VERSION_MAJOR, i32::from(self.version.major));
                    e.integer(Tag::PROTOCOL_VERSION_MINOR, i32::from(self.version.minor));
                });
                if let Some(size) = self.maximum_response_size {
                    e.integer(Tag::MAXIMUM_RESPONSE_SIZE, size);
                }
                if let Some(option) = self.continuation {
                    e.enumeration(Tag::BATCH_ERROR_CONTINUATION_OPTION, option);
                }
                if several {
                    e.boolean(Tag::BATCH_ORDER_OPTION, true);
                }
                e.integer(Tag::BATCH_COUNT, i32::try_from(self.items.len()).unwrap_or(i32::MAX));
            });
            for (number, (operation, payload)) in (1_u32..).zip(&self.items) {
                e.structure(Tag::BATCH_ITEM, |e| {
                    e.enumeration(Tag::OPERATION, *operation);
                    if several {
                        e.bytes(Tag::UNIQUE_BATCH_ITEM_ID, &number.to_be_bytes());
                    }
                    e.raw_items(payload);
                });
            }
        });
        encoder.into_bytes()
    }
}

/// A reply to a request of one batch item, which was carried out. Wiped when dropped, because it
/// may hold a key.
pub struct Reply {
    frame: Zeroizing<Vec<u8>>,
    limits: Limits,
}

impl Reply {
    /// Reads a reply message to `operation`.
    ///
    /// # Errors
    /// [`Error::Refused`] as the server says; [`Error::BadReply`] for anything but a response
    /// message of one batch item.
    pub fn read(frame: Vec<u8>, operation: Operation, limits: &Limits) -> Result<Self, Error> {
        let frame = Zeroizing::new(frame);
        let message = View::parse(&frame, limits).map_err(|e| Error::BadReply(e.to_string()))?;
        if message.tag() != Tag::RESPONSE_MESSAGE {
            return Err(Error::BadReply("it is no response message".to_owned()));
        }
        let item = message
            .find(Tag::BATCH_ITEM)
            .ok_or_else(|| Error::BadReply("it has no batch item".to_owned()))?;
        let status = item.find(Tag::RESULT_STATUS).and_then(|s| s.as_enumeration());
        if status == Some(ResultStatus::SUCCESS.0) {
            return Ok(Self { frame, limits: *limits });
        }
        let reason = item.find(Tag::RESULT_REASON).and_then(|r| r.as_enumeration());
        let text = item.find(Tag::RESULT_MESSAGE).and_then(|m| m.as_text());
        Err(Error::Refused {
            operation,
            reason: reason.map_or(ResultReason::GENERAL_FAILURE, ResultReason),
            message: text.unwrap_or_default().to_owned(),
        })
    }

    /// The Response Payload, if there is one.
    pub fn payload(&self) -> Option<View<'_>> {
        View::parse(&self.frame, &self.limits)
            .ok()?
            .find(Tag::BATCH_ITEM)?
            .find(Tag::RESPONSE_PAYLOAD)
    }

    /// A field of the Response Payload.
    ///
    /// # Errors
    /// [`Error::BadReply`] when the reply lacks it.
    pub fn field(&self, tag: Tag) -> Result<View<'_>, Error> {
        self.payload().and_then(|p| p.find(tag)).ok_or_else(|| missing(tag))
    }

    /// A text field of the Response Payload.
    ///
    /// # Errors
    /// [`Error::BadReply`] when the reply lacks it or it is no text.
    pub fn text(&self, tag: Tag) -> Result<String, Error> {
        Ok(self.field(tag)?.as_text().ok_or_else(|| missing(tag))?.to_owned())
    }

    /// A byte field of the Response Payload.
    ///
    /// # Errors
    /// [`Error::BadReply`] when the reply lacks it or it is no byte string.
    pub fn bytes(&self, tag: Tag) -> Result<Vec<u8>, Error> {
        Ok(self.field(tag)?.as_bytes().ok_or_else(|| missing(tag))?.to_vec())
    }

    /// The whole frame.
    pub fn as_bytes(&self) -> &[u8] {
        &self.frame
    }
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reply({} bytes)", self.frame.len())
    }
}

pub(crate) fn missing(tag: Tag) -> Error {
    Error::BadReply(format!("it lacks {tag}"))
}
