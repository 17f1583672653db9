//! Requests: KMIP 1.4 sections 6 and 7, KMIP 2.1 sections 8 and 9.

use super::error::{at_version, need, typed};
use super::{Batch, MessageError, MessageFault, Seen, peek_version, read_version, write_version};
use crate::encode::Encoder;
use crate::tables::{AsynchronousIndicator, BatchErrorContinuationOption, Operation, Tag};
use crate::ttlv::{ItemType, Limits, View};
use crate::version::ProtocolVersion;

/// A request that borrows from its frame.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The header.
    pub header: RequestHeader<'a>,
    /// The batch items: at least one.
    pub items: Batch<BatchItem<'a>>,
}

/// A request's header.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RequestHeader<'a> {
    /// Protocol Version, one that this crate speaks.
    pub version: ProtocolVersion,
    /// Maximum Response Size, bytes of a whole reply.
    pub maximum_response_size: Option<u32>,
    /// Client Correlation Value.
    pub client_correlation_value: Option<&'a str>,
    /// Server Correlation Value.
    pub server_correlation_value: Option<&'a str>,
    /// Asynchronous Indicator. A 1.x Boolean reads as Optional or Prohibited, absence as
    /// Prohibited.
    pub asynchronous: AsynchronousIndicator,
    /// Attestation Capable Indicator.
    pub attestation_capable: bool,
    /// Authentication: a structure of Credentials.
    pub authentication: Option<View<'a>>,
    /// Batch Error Continuation Option; Stop when absent. Open: the engine refuses values that it
    /// does not know.
    pub batch_error: BatchErrorContinuationOption,
    /// Batch Order Option; when absent False in 1.x, True in 2.x.
    pub batch_order: bool,
    /// Time Stamp, POSIX seconds.
    pub time_stamp: Option<i64>,
    /// The whole header, for fields without a place above (Attestation Type).
    pub view: View<'a>,
}

impl<'a> RequestHeader<'a> {
    /// The Credential structures of the Authentication.
    pub fn credentials(&self) -> impl Iterator<Item = View<'a>> + use<'a> {
        self.authentication.into_iter().flat_map(|a| a.find_all(Tag::CREDENTIAL))
    }
}

/// One batch item of a request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BatchItem<'a> {
    /// Operation. Open: also one that no version has.
    pub operation: Operation,
    /// Ephemeral (2.x): the output stays with the server.
    pub ephemeral: bool,
    /// Unique Batch Item ID: bytes that the reply repeats.
    pub unique_batch_item_id: Option<&'a [u8]>,
    /// Request Payload; an empty structure when it is absent.
    pub payload: View<'a>,
    /// The whole item.
    pub view: View<'a>,
}

/// A Message Extension of a batch item.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Extension<'a> {
    /// Vendor Identification.
    pub vendor: Option<&'a str>,
    /// Criticality Indicator: whether a receiver that does not know the extension must refuse the
    /// whole message.
    pub critical: bool,
    /// Vendor Extension.
    pub content: Option<View<'a>>,
}

impl<'a> BatchItem<'a> {
    /// The Message Extensions.
    pub fn extensions(&self) -> impl Iterator<Item = Extension<'a>> + use<'a> {
        self.view.find_all(Tag::MESSAGE_EXTENSION).map(|v| Extension {
            vendor: v.find(Tag::VENDOR_IDENTIFICATION).and_then(|t| t.as_text()),
            critical: v
                .find(Tag::CRITICALITY_INDICATOR)
                .and_then(|b| b.as_boolean())
                .unwrap_or(false),
            content: v.find(Tag::VENDOR_EXTENSION),
        })
    }
}

impl<'a> Request<'a> {
    /// Checks a whole frame and reads its header and batch items. Allocates nothing for a batch of
    /// one.
    ///
    /// # Errors
    /// [`MessageError`], with the version as far as it could be read; the peer is at fault.
    pub fn parse(frame: &'a [u8], limits: &Limits) -> Result<Self, MessageError> {
        let early = at_version(peek_version(frame));
        let message = View::parse(frame, limits).map_err(MessageFault::Decode).map_err(&early)?;
        if message.tag() != Tag::REQUEST_MESSAGE {
            return Err(early(MessageFault::NotAMessage { tag: message.tag() }));
        }
        let header =
            need(message.find(Tag::REQUEST_HEADER), Tag::REQUEST_HEADER).map_err(&early)?;
        let version =
            need(header.find(Tag::PROTOCOL_VERSION).and_then(read_version), Tag::PROTOCOL_VERSION)
                .map_err(&early)?;
        let late = at_version(Some(version));
        if !version.is_supported() {
            return Err(late(MessageFault::UnsupportedVersion));
        }
        Self::read(message, header, version, limits).map_err(late)
    }

    fn read(
        message: View<'a>,
        header: View<'a>,
        version: ProtocolVersion,
        limits: &Limits,
    ) -> Result<Self, MessageFault> {
        let (header, stated) = read_header(header, version)?;
        let mut items = Batch::new();
        let mut headers = Seen::default();
        for child in message.children() {
            match child.tag() {
                Tag::REQUEST_HEADER => headers.once(0, Tag::REQUEST_HEADER)?,
                Tag::BATCH_ITEM => {
                    if items.len() == limits.batch_items {
                        return Err(MessageFault::TooManyItems { limit: limits.batch_items });
                    }
                    items.push(read_item(child)?);
                }
                _ => {}
            }
        }
        if usize::try_from(stated) != Ok(items.len()) {
            return Err(MessageFault::BatchCount { stated, found: items.len() });
        }
        if items.is_empty() {
            return Err(MessageFault::EmptyBatch);
        }
        Ok(Self { header, items })
    }

    /// The first Message Extension, in any batch item, that a receiver must understand. This crate
    /// understands none: the whole message is to be refused with Feature Not Supported.
    pub fn critical_extension(&self) -> Option<Extension<'a>> {
        self.items.iter().find_map(|item| item.extensions().find(|e| e.critical))
    }
}

fn read_header(
    view: View<'_>,
    version: ProtocolVersion,
) -> Result<(RequestHeader<'_>, i32), MessageFault> {
    let mut header = RequestHeader {
        version,
        maximum_response_size: None,
        client_correlation_value: None,
        server_correlation_value: None,
        asynchronous: AsynchronousIndicator::PROHIBITED,
        attestation_capable: false,
        authentication: None,
        batch_error: BatchErrorContinuationOption::STOP,
        batch_order: version.has_attributes_structure(),
        time_stamp: None,
        view,
    };
    let mut batch_count = None;
    let mut seen = Seen::default();
    for field in view.children() {
        let tag = field.tag();
        match tag {
            Tag::PROTOCOL_VERSION => seen.once(0, tag)?,
            Tag::MAXIMUM_RESPONSE_SIZE => {
                seen.once(1, tag)?;
                header.maximum_response_size =
                    typed(field, |f| f.as_integer().and_then(|v| u32::try_from(v).ok()))?;
            }
            Tag::CLIENT_CORRELATION_VALUE => {
                seen.once(2, tag)?;
                header.client_correlation_value = typed(field, View::as_text)?;
            }
            Tag::SERVER_CORRELATION_VALUE => {
                seen.once(3, tag)?;
                header.server_correlation_value = typed(field, View::as_text)?;
            }
            Tag::ASYNCHRONOUS_INDICATOR => {
                seen.once(4, tag)?;
                header.asynchronous = match field.item_type() {
                    ItemType::Boolean if field.as_boolean() == Some(true) => {
                        AsynchronousIndicator::OPTIONAL
                    }
                    ItemType::Boolean => AsynchronousIndicator::PROHIBITED,
                    _ => need(field.as_enumeration().map(AsynchronousIndicator), tag)?,
                };
            }
            Tag::ATTESTATION_CAPABLE_INDICATOR => {
                seen.once(5, tag)?;
                header.attestation_capable = field.as_boolean().unwrap_or(false);
            }
            Tag::AUTHENTICATION => {
                seen.once(6, tag)?;
                header.authentication = Some(field);
            }
            Tag::BATCH_ERROR_CONTINUATION_OPTION => {
                seen.once(7, tag)?;
                header.batch_error =
                    need(field.as_enumeration().map(BatchErrorContinuationOption), tag)?;
            }
            Tag::BATCH_ORDER_OPTION => {
                seen.once(8, tag)?;
                header.batch_order = field.as_boolean().unwrap_or(false);
            }
            Tag::TIME_STAMP => {
                seen.once(9, tag)?;
                header.time_stamp = typed(field, View::as_date_time)?;
            }
            Tag::BATCH_COUNT => {
                seen.once(10, tag)?;
                batch_count = typed(field, View::as_integer)?;
            }
            _ => {}
        }
    }
    Ok((header, need(batch_count, Tag::BATCH_COUNT)?))
}

fn read_item(view: View<'_>) -> Result<BatchItem<'_>, MessageFault> {
    let mut operation = None;
    let mut ephemeral = false;
    let mut unique_batch_item_id = None;
    let mut payload = None;
    let mut seen = Seen::default();
    for field in view.children() {
        let tag = field.tag();
        match tag {
            Tag::OPERATION => {
                seen.once(0, tag)?;
                operation = typed(field, View::as_enumeration)?.map(Operation);
            }
            Tag::EPHEMERAL => {
                seen.once(1, tag)?;
                ephemeral = field.as_boolean().unwrap_or(false);
            }
            Tag::UNIQUE_BATCH_ITEM_ID => {
                seen.once(2, tag)?;
                unique_batch_item_id = typed(field, View::as_bytes)?;
            }
            Tag::REQUEST_PAYLOAD => {
                seen.once(3, tag)?;
                payload = Some(field);
            }
            _ => {}
        }
    }
    Ok(BatchItem {
        operation: need(operation, Tag::OPERATION)?,
        ephemeral,
        unique_batch_item_id,
        payload: payload.unwrap_or(View::empty(Tag::REQUEST_PAYLOAD)),
        view,
    })
}

/// Builds a request, gated by its version.
///
/// ```
/// use strongroom_kmip::{Limits, Operation, ProtocolVersion, Request, RequestBuilder, Tag};
///
/// let bytes = RequestBuilder::new(ProtocolVersion::V1_4)
///     .item(Operation::GET, |e| e.text(Tag::UNIQUE_IDENTIFIER, "1"))
///     .finish();
/// let request = Request::parse(&bytes, &Limits::default()).unwrap();
/// assert_eq!(request.items[0].operation, Operation::GET);
/// ```
#[derive(Debug)]
#[must_use]
pub struct RequestBuilder {
    version: ProtocolVersion,
    maximum_response_size: Option<u32>,
    client_correlation_value: Option<String>,
    asynchronous: Option<AsynchronousIndicator>,
    credentials: Encoder,
    batch_error: Option<BatchErrorContinuationOption>,
    batch_order: Option<bool>,
    time_stamp: Option<i64>,
    items: Encoder,
    count: i32,
}

impl RequestBuilder {
    /// A request of `version` without items. One that this crate does not speak is stated as it
    /// is, and the rest is gated by the nearest.
    pub fn new(version: ProtocolVersion) -> Self {
        Self {
            version,
            maximum_response_size: None,
            client_correlation_value: None,
            asynchronous: None,
            credentials: Encoder::for_version(version.nearest_supported()),
            batch_error: None,
            batch_order: None,
            time_stamp: None,
            items: Encoder::for_version(version.nearest_supported()),
            count: 0,
        }
    }

    /// Sets Maximum Response Size, bytes.
    pub fn maximum_response_size(mut self, bytes: u32) -> Self {
        self.maximum_response_size = Some(bytes);
        self
    }

    /// Sets Client Correlation Value (since 1.4).
    pub fn client_correlation_value(mut self, value: impl Into<String>) -> Self {
        self.client_correlation_value = Some(value.into());
        self
    }

    /// Sets Asynchronous Indicator; in 1.x a Boolean, true unless Prohibited.
    pub fn asynchronous(mut self, indicator: AsynchronousIndicator) -> Self {
        self.asynchronous = Some(indicator);
        self
    }

    /// Adds a Credential, whose fields `fill` writes.
    pub fn credential(mut self, fill: impl FnOnce(&mut Encoder)) -> Self {
        self.credentials.structure(Tag::CREDENTIAL, fill);
        self
    }

    /// Sets Batch Error Continuation Option.
    pub fn batch_error(mut self, option: BatchErrorContinuationOption) -> Self {
        self.batch_error = Some(option);
        self
    }

    /// Sets Batch Order Option.
    pub fn batch_order(mut self, in_order: bool) -> Self {
        self.batch_order = Some(in_order);
        self
    }

    /// Sets Time Stamp, POSIX seconds.
    pub fn time_stamp(mut self, seconds: i64) -> Self {
        self.time_stamp = Some(seconds);
        self
    }

    /// Adds a batch item, whose payload `fill` writes.
    pub fn item(self, operation: Operation, fill: impl FnOnce(&mut Encoder)) -> Self {
        self.push(operation, None, fill)
    }

    /// Adds a batch item with a Unique Batch Item ID, which a batch of several needs.
    pub fn item_with_id(
        self,
        operation: Operation,
        id: &[u8],
        fill: impl FnOnce(&mut Encoder),
    ) -> Self {
        self.push(operation, Some(id), fill)
    }

    fn push(
        mut self,
        operation: Operation,
        id: Option<&[u8]>,
        fill: impl FnOnce(&mut Encoder),
    ) -> Self {
        self.count += 1;
        self.items.structure(Tag::BATCH_ITEM, |e| {
            e.enumeration(Tag::OPERATION, operation);
            if let Some(id) = id {
                e.bytes(Tag::UNIQUE_BATCH_ITEM_ID, id);
            }
            e.structure(Tag::REQUEST_PAYLOAD, fill);
        });
        self
    }

    /// The whole message.
    pub fn finish(self) -> Vec<u8> {
        let mut out = Encoder::for_version(self.version.nearest_supported());
        out.structure(Tag::REQUEST_MESSAGE, |e| {
            e.structure(Tag::REQUEST_HEADER, |e| self.write_header(e));
            e.raw_items(self.items.as_bytes());
        });
        out.into_bytes()
    }

    fn write_header(&self, e: &mut Encoder) {
        write_version(e, self.version);
        if let Some(bytes) = self.maximum_response_size {
            e.integer(Tag::MAXIMUM_RESPONSE_SIZE, i32::try_from(bytes).unwrap_or(i32::MAX));
        }
        if let Some(value) = &self.client_correlation_value {
            e.text(Tag::CLIENT_CORRELATION_VALUE, value);
        }
        if let Some(indicator) = self.asynchronous {
            if self.version.has_attributes_structure() {
                e.enumeration(Tag::ASYNCHRONOUS_INDICATOR, indicator);
            } else {
                let able = indicator != AsynchronousIndicator::PROHIBITED;
                e.boolean(Tag::ASYNCHRONOUS_INDICATOR, able);
            }
        }
        if !self.credentials.is_empty() {
            e.structure(Tag::AUTHENTICATION, |e| e.raw_items(self.credentials.as_bytes()));
        }
        if let Some(option) = self.batch_error {
            e.enumeration(Tag::BATCH_ERROR_CONTINUATION_OPTION, option);
        }
        if let Some(in_order) = self.batch_order {
            e.boolean(Tag::BATCH_ORDER_OPTION, in_order);
        }
        if let Some(seconds) = self.time_stamp {
            e.date_time(Tag::TIME_STAMP, seconds);
        }
        e.integer(Tag::BATCH_COUNT, self.count);
    }
}
