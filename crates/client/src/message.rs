//! Reply messages read.

use strongroom_kmip::{Limits, Operation, ResultReason, ResultStatus, Tag, View};
use zeroize::Zeroizing;

use crate::error::Error;

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
