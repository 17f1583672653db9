//! Responses: KMIP 1.4 sections 6 and 7, KMIP 2.1 sections 8 and 9.

use super::error::{at_version, need, typed};
use super::{Batch, MessageError, MessageFault, Seen, peek_version, read_version, write_version};
use crate::encode::Encoder;
use crate::tables::{Operation, ResultReason, ResultStatus, Tag};
use crate::ttlv::{HEADER_LEN, Limits, View};
use crate::version::ProtocolVersion;

/// A response's header to be written.
#[derive(Clone, Copy, Debug)]
pub struct ResponseHeader<'a> {
    /// Protocol Version; also the version that the whole message is gated by.
    pub version: ProtocolVersion,
    /// Time Stamp, POSIX seconds.
    pub time_stamp: i64,
    /// Client Correlation Value, repeated from the request (left out before 1.4).
    pub client_correlation_value: Option<&'a str>,
    /// Server Correlation Value (left out before 1.4).
    pub server_correlation_value: Option<&'a str>,
}

impl<'a> ResponseHeader<'a> {
    /// A header without correlation values.
    pub fn new(version: ProtocolVersion, time_stamp: i64) -> Self {
        Self { version, time_stamp, client_correlation_value: None, server_correlation_value: None }
    }

    /// The same with the request's Client Correlation Value.
    pub fn with_client_correlation_value(mut self, value: Option<&'a str>) -> Self {
        self.client_correlation_value = value;
        self
    }

    /// The same with a Server Correlation Value.
    pub fn with_server_correlation_value(mut self, value: Option<&'a str>) -> Self {
        self.server_correlation_value = value;
        self
    }
}

/// A response's batch item to be written.
#[derive(Clone, Copy, Debug)]
pub struct ResponseItem<'a> {
    /// Operation, repeated from the request where it had one.
    pub operation: Option<Operation>,
    /// Unique Batch Item ID, repeated from the request.
    pub unique_batch_item_id: Option<&'a [u8]>,
    /// Result Status.
    pub status: ResultStatus,
    /// Result Reason in the newest wording; an older client gets the
    /// [nearest](ResultReason::for_version) that its version has.
    pub reason: Option<ResultReason>,
    /// Result Message.
    pub message: Option<&'a str>,
    /// Asynchronous Correlation Value of a pending operation.
    pub asynchronous_correlation_value: Option<&'a [u8]>,
    /// The items of the Response Payload, encoded by an [`Encoder`] of the same version.
    pub payload: Option<&'a [u8]>,
}

impl Default for ResponseItem<'_> {
    /// Success without payload.
    fn default() -> Self {
        Self {
            operation: None,
            unique_batch_item_id: None,
            status: ResultStatus::SUCCESS,
            reason: None,
            message: None,
            asynchronous_correlation_value: None,
            payload: None,
        }
    }
}

/// Writes a response item by item; the length so far is known, for Maximum Response Size.
#[derive(Debug)]
pub struct ResponseWriter {
    out: Encoder,
    version: ProtocolVersion,
    message: usize,
    count_at: usize,
    count: u32,
}

impl ResponseWriter {
    /// A response without items yet.
    pub fn new(header: &ResponseHeader<'_>) -> Self {
        let version = header.version;
        let mut out = Encoder::for_version(version);
        let message = out.open(Tag::RESPONSE_MESSAGE);
        let mut count_at = 0;
        out.structure(Tag::RESPONSE_HEADER, |e| {
            write_version(e, version);
            e.date_time(Tag::TIME_STAMP, header.time_stamp);
            if let Some(value) = header.client_correlation_value {
                e.text(Tag::CLIENT_CORRELATION_VALUE, value);
            }
            if let Some(value) = header.server_correlation_value {
                e.text(Tag::SERVER_CORRELATION_VALUE, value);
            }
            count_at = e.len() + HEADER_LEN;
            e.integer(Tag::BATCH_COUNT, 0);
        });
        Self { out, version, message, count_at, count: 0 }
    }

    /// Adds an item.
    pub fn item(&mut self, item: &ResponseItem<'_>) {
        match item.payload {
            None => self.push(item, None::<fn(&mut Encoder)>),
            Some(bytes) => self.push(item, Some(|e: &mut Encoder| e.raw_items(bytes))),
        }
    }

    /// Adds an item whose Response Payload `fill` writes; `item.payload` is not looked at.
    pub fn item_with(&mut self, item: &ResponseItem<'_>, fill: impl FnOnce(&mut Encoder)) {
        self.push(item, Some(fill));
    }

    fn push(&mut self, item: &ResponseItem<'_>, fill: Option<impl FnOnce(&mut Encoder)>) {
        let version = self.version;
        self.count += 1;
        self.out.structure(Tag::BATCH_ITEM, |e| {
            if let Some(operation) = item.operation {
                // A request may ask for an operation that its version lacks: the reply names it
                // back, or the client could not tell which item failed.
                e.enumeration_unchecked(Tag::OPERATION, operation);
            }
            if let Some(id) = item.unique_batch_item_id {
                e.bytes(Tag::UNIQUE_BATCH_ITEM_ID, id);
            }
            e.enumeration(Tag::RESULT_STATUS, item.status);
            if let Some(reason) = item.reason {
                e.enumeration(Tag::RESULT_REASON, reason.for_version(version));
            }
            if let Some(message) = item.message {
                e.text(Tag::RESULT_MESSAGE, message);
            }
            if let Some(value) = item.asynchronous_correlation_value {
                e.bytes(Tag::ASYNCHRONOUS_CORRELATION_VALUE, value);
            }
            if let Some(fill) = fill {
                e.structure(Tag::RESPONSE_PAYLOAD, fill);
            }
        });
    }

    /// Bytes of the message so far.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether no item is written yet.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The whole message.
    pub fn finish(mut self) -> Vec<u8> {
        self.out.patch(self.count_at, self.count);
        self.out.close(self.message);
        self.out.into_bytes()
    }
}

/// A whole response of ready items.
pub fn write_response(header: &ResponseHeader<'_>, items: &[ResponseItem<'_>]) -> Vec<u8> {
    let mut writer = ResponseWriter::new(header);
    items.iter().for_each(|item| writer.item(item));
    writer.finish()
}

/// A response that borrows from its frame, for clients.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ResponseView<'a> {
    /// Protocol Version: of any server, also one that this crate does not speak.
    pub version: ProtocolVersion,
    /// Time Stamp, POSIX seconds.
    pub time_stamp: Option<i64>,
    /// Client Correlation Value.
    pub client_correlation_value: Option<&'a str>,
    /// Server Correlation Value.
    pub server_correlation_value: Option<&'a str>,
    /// The batch items.
    pub items: Batch<ResponseItemView<'a>>,
}

/// One batch item of a response.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ResponseItemView<'a> {
    /// Operation.
    pub operation: Option<Operation>,
    /// Unique Batch Item ID.
    pub unique_batch_item_id: Option<&'a [u8]>,
    /// Result Status.
    pub status: ResultStatus,
    /// Result Reason.
    pub reason: Option<ResultReason>,
    /// Result Message.
    pub message: Option<&'a str>,
    /// Asynchronous Correlation Value of a pending operation.
    pub asynchronous_correlation_value: Option<&'a [u8]>,
    /// Response Payload.
    pub payload: Option<View<'a>>,
}

impl<'a> ResponseView<'a> {
    /// Checks a whole frame and reads its header and batch items.
    ///
    /// # Errors
    /// [`MessageError`]; the server is at fault.
    pub fn parse(frame: &'a [u8], limits: &Limits) -> Result<Self, MessageError> {
        let version = peek_version(frame);
        Self::read(frame, limits).map_err(at_version(version))
    }

    fn read(frame: &'a [u8], limits: &Limits) -> Result<Self, MessageFault> {
        let message = View::parse(frame, limits).map_err(MessageFault::Decode)?;
        if message.tag() != Tag::RESPONSE_MESSAGE {
            return Err(MessageFault::NotAMessage { tag: message.tag() });
        }
        let header = need(message.find(Tag::RESPONSE_HEADER), Tag::RESPONSE_HEADER)?;
        let text = |tag| header.find(tag).and_then(|v| v.as_text());
        let stated =
            need(header.find(Tag::BATCH_COUNT).and_then(|v| v.as_integer()), Tag::BATCH_COUNT)?;
        let mut items = Batch::new();
        for item in message.find_all(Tag::BATCH_ITEM) {
            if items.len() == limits.batch_items {
                return Err(MessageFault::TooManyItems { limit: limits.batch_items });
            }
            items.push(read_item(item)?);
        }
        if usize::try_from(stated) != Ok(items.len()) {
            return Err(MessageFault::BatchCount { stated, found: items.len() });
        }
        Ok(Self {
            version: need(
                header.find(Tag::PROTOCOL_VERSION).and_then(read_version),
                Tag::PROTOCOL_VERSION,
            )?,
            time_stamp: header.find(Tag::TIME_STAMP).and_then(|v| v.as_date_time()),
            client_correlation_value: text(Tag::CLIENT_CORRELATION_VALUE),
            server_correlation_value: text(Tag::SERVER_CORRELATION_VALUE),
            items,
        })
    }
}

fn read_item(view: View<'_>) -> Result<ResponseItemView<'_>, MessageFault> {
    let mut item = ResponseItemView {
        operation: None,
        unique_batch_item_id: None,
        status: ResultStatus::SUCCESS,
        reason: None,
        message: None,
        asynchronous_correlation_value: None,
        payload: None,
    };
    let mut status = None;
    let mut seen = Seen::default();
    for field in view.children() {
        let tag = field.tag();
        match tag {
            Tag::OPERATION => {
                seen.once(0, tag)?;
                item.operation = typed(field, View::as_enumeration)?.map(Operation);
            }
            Tag::UNIQUE_BATCH_ITEM_ID => {
                seen.once(1, tag)?;
                item.unique_batch_item_id = typed(field, View::as_bytes)?;
            }
            Tag::RESULT_STATUS => {
                seen.once(2, tag)?;
                status = typed(field, View::as_enumeration)?.map(ResultStatus);
            }
            Tag::RESULT_REASON => {
                seen.once(3, tag)?;
                item.reason = typed(field, View::as_enumeration)?.map(ResultReason);
            }
            Tag::RESULT_MESSAGE => {
                seen.once(4, tag)?;
                item.message = typed(field, View::as_text)?;
            }
            Tag::ASYNCHRONOUS_CORRELATION_VALUE => {
                seen.once(5, tag)?;
                item.asynchronous_correlation_value = typed(field, View::as_bytes)?;
            }
            Tag::RESPONSE_PAYLOAD => {
                seen.once(6, tag)?;
                item.payload = Some(field);
            }
            _ => {}
        }
    }
    item.status = need(status, Tag::RESULT_STATUS)?;
    Ok(item)
}
