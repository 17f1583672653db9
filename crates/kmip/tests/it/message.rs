//! Requests and responses.

use proptest::prelude::*;
use strongroom_kmip::message::{
    MessageFault, ResponseHeader, ResponseItem, peek_version, write_response,
};
use strongroom_kmip::{
    AsynchronousIndicator, BatchErrorContinuationOption, Encoder, Limits, Operation,
    ProtocolVersion, Request, RequestBuilder, ResponseView, ResponseWriter, ResultReason,
    ResultStatus, Tag, View, check_version,
};

fn get(version: ProtocolVersion) -> Vec<u8> {
    RequestBuilder::new(version)
        .item(Operation::GET, |e| e.text(Tag::UNIQUE_IDENTIFIER, "1"))
        .finish()
}

fn parse(bytes: &[u8]) -> Result<Request<'_>, (Option<ProtocolVersion>, MessageFault)> {
    Request::parse(bytes, &Limits::default()).map_err(|e| (e.version, e.fault))
}

#[test]
fn a_built_request_reads_back_in_every_version() {
    for version in ProtocolVersion::ALL {
        let bytes = RequestBuilder::new(version)
            .maximum_response_size(8192)
            .client_correlation_value("c-1")
            .asynchronous(AsynchronousIndicator::OPTIONAL)
            .credential(|e| e.enumeration(Tag::CREDENTIAL_TYPE, 1u32))
            .batch_error(BatchErrorContinuationOption::UNDO)
            .batch_order(true)
            .time_stamp(1_700_000_000)
            .item_with_id(Operation::CREATE, &[0, 0xFF], |_| {})
            .item_with_id(Operation::GET, &[1], |e| e.text(Tag::UNIQUE_IDENTIFIER, "7"))
            .finish();
        assert_eq!(
            check_version(View::parse(&bytes, &Limits::default()).unwrap(), version),
            Ok(())
        );
        let request = parse(&bytes).unwrap();
        let header = &request.header;
        assert_eq!(header.version, version);
        assert_eq!(header.maximum_response_size, Some(8192));
        let knows = version >= ProtocolVersion::V1_4;
        assert_eq!(header.client_correlation_value, knows.then_some("c-1"));
        assert_eq!(header.asynchronous, AsynchronousIndicator::OPTIONAL);
        assert_eq!(header.credentials().count(), 1);
        assert_eq!(header.batch_error, BatchErrorContinuationOption::UNDO);
        assert!(header.batch_order);
        assert_eq!(header.time_stamp, Some(1_700_000_000));
        assert_eq!(request.items.len(), 2);
        assert_eq!(request.items[0].unique_batch_item_id, Some(&[0, 0xFF][..]));
        assert_eq!(request.items[1].operation, Operation::GET);
        let id = request.items[1].payload.find(Tag::UNIQUE_IDENTIFIER).unwrap();
        assert_eq!(id.as_text(), Some("7"));
    }
}

#[test]
fn absent_header_fields_have_the_defaults_of_the_specification() {
    let bytes = get(ProtocolVersion::V1_2);
    let header = parse(&bytes).unwrap().header;
    assert_eq!(header.batch_error, BatchErrorContinuationOption::STOP);
    assert_eq!(header.asynchronous, AsynchronousIndicator::PROHIBITED);
    assert!(!header.batch_order);
    let bytes = get(ProtocolVersion::V2_0);
    assert!(parse(&bytes).unwrap().header.batch_order);
}

/// A request of 1.4 with a Batch Count of `count` and what `rest` writes after the header.
fn message(
    count: i32,
    header: impl FnOnce(&mut Encoder),
    rest: impl FnOnce(&mut Encoder),
) -> Vec<u8> {
    let mut encoder = Encoder::ungated();
    encoder.structure(Tag::REQUEST_MESSAGE, |e| {
        e.structure(Tag::REQUEST_HEADER, |e| {
            e.structure(Tag::PROTOCOL_VERSION, |e| {
                e.integer(Tag::PROTOCOL_VERSION_MAJOR, 1);
                e.integer(Tag::PROTOCOL_VERSION_MINOR, 4);
            });
            header(e);
            e.integer(Tag::BATCH_COUNT, count);
        });
        rest(e);
    });
    encoder.into_bytes()
}

fn item(e: &mut Encoder) {
    e.structure(Tag::BATCH_ITEM, |e| e.enumeration(Tag::OPERATION, Operation::QUERY));
}

#[test]
fn what_is_no_request_is_refused_with_its_version() {
    let version = Some(ProtocolVersion::V1_4);
    let fault = |bytes: Vec<u8>| {
        let (found, fault) = parse(&bytes).unwrap_err();
        assert_eq!(found, version, "{fault:?}");
        fault
    };
    assert_eq!(fault(message(0, |_| {}, |_| {})), MessageFault::EmptyBatch);
    assert_eq!(fault(message(2, |_| {}, item)), MessageFault::BatchCount { stated: 2, found: 1 });
    assert_eq!(fault(message(-1, |_| {}, item)), MessageFault::BatchCount { stated: -1, found: 1 });
    assert_eq!(
        fault(message(1, |e| e.integer(Tag::BATCH_COUNT, 1), item)),
        MessageFault::Repeated { field: Tag::BATCH_COUNT }
    );
    assert_eq!(
        fault(message(1, |_| {}, |e| e.structure(Tag::BATCH_ITEM, |_| {}))),
        MessageFault::Missing { field: Tag::OPERATION }
    );
    assert_eq!(
        fault(message(1, |e| e.integer(Tag::MAXIMUM_RESPONSE_SIZE, -1), item)),
        MessageFault::WrongType { field: Tag::MAXIMUM_RESPONSE_SIZE }
    );
    assert_eq!(
        fault(message(129, |_| {}, |e| (0..129).for_each(|_| item(e)))),
        MessageFault::TooManyItems { limit: 128 }
    );
    // Not even TTLV, but the version stands where it always does.
    let mut broken = message(1, |_| {}, item);
    let last = broken.len() - 1;
    broken[last] = 1;
    assert!(matches!(fault(broken), MessageFault::Decode(_)));
    assert_eq!(parse(b"GET / HTTP/1.1\r\n").unwrap_err().0, None);
}

#[test]
fn unknown_fields_are_passed_over() {
    let bytes = message(
        1,
        |e| e.text(Tag(0x54_0001), "?"),
        |e| {
            e.text(Tag(0x54_0002), "?");
            e.structure(Tag::BATCH_ITEM, |e| {
                e.boolean(Tag::EPHEMERAL, true);
                e.enumeration(Tag::OPERATION, Operation::QUERY);
                e.structure(Tag(0x54_0003), |_| {});
            });
        },
    );
    let request = parse(&bytes).unwrap();
    assert!(request.items[0].ephemeral);
    assert_eq!(request.items[0].payload.children().count(), 0);
}

#[test]
fn a_critical_message_extension_is_found() {
    for critical in [false, true] {
        let bytes = message(
            1,
            |_| {},
            |e| {
                e.structure(Tag::BATCH_ITEM, |e| {
                    e.enumeration(Tag::OPERATION, Operation::QUERY);
                    e.structure(Tag::MESSAGE_EXTENSION, |e| {
                        e.text(Tag::VENDOR_IDENTIFICATION, "Acme");
                        e.boolean(Tag::CRITICALITY_INDICATOR, critical);
                        e.structure(Tag::VENDOR_EXTENSION, |_| {});
                    });
                });
            },
        );
        let request = parse(&bytes).unwrap();
        assert_eq!(request.items[0].extensions().count(), 1);
        let found = request.critical_extension();
        assert_eq!(found.and_then(|e| e.vendor), critical.then_some("Acme"));
    }
}

#[test]
fn a_bad_message_gets_a_reply_in_the_nearest_version() {
    for ((major, minor), want) in [
        ((1, 2), ProtocolVersion::V1_2),
        ((1, 7), ProtocolVersion::V1_4),
        ((3, 0), ProtocolVersion::V2_1),
    ] {
        let bytes = RequestBuilder::new(ProtocolVersion::new(major, minor)).finish();
        let error = Request::parse(&bytes, &Limits::default()).unwrap_err();
        assert_eq!(error.version, Some(ProtocolVersion::new(major, minor)));
        let reply = error.reply(1_700_000_000);
        let reply = ResponseView::parse(&reply, &Limits::default()).unwrap();
        assert_eq!(reply.version, want);
        assert_eq!(reply.time_stamp, Some(1_700_000_000));
        let item = &reply.items[0];
        assert_eq!(item.operation, None);
        assert_eq!(item.status, ResultStatus::OPERATION_FAILED);
        assert_eq!(item.reason, Some(ResultReason::INVALID_MESSAGE));
        assert!(item.message.is_some());
    }
}

#[test]
fn a_written_response_reads_back_in_every_version() {
    for version in ProtocolVersion::ALL {
        let header = ResponseHeader::new(version, 1_700_000_000)
            .with_client_correlation_value(Some("c"))
            .with_server_correlation_value(Some("s"));
        let mut payload = Encoder::for_version(version);
        payload.text(Tag::UNIQUE_IDENTIFIER, "1");
        payload.boolean(Tag::SENSITIVE, true);
        let mut writer = ResponseWriter::new(&header);
        writer.item(&ResponseItem {
            operation: Some(Operation::CREATE),
            unique_batch_item_id: Some(&[7]),
            payload: Some(payload.as_bytes()),
            ..ResponseItem::default()
        });
        writer.item_with(
            &ResponseItem { operation: Some(Operation::QUERY), ..ResponseItem::default() },
            |e| e.enumeration(Tag::OPERATION, Operation::ENCRYPT),
        );
        writer.item(&ResponseItem {
            operation: Some(Operation::ENCRYPT),
            status: ResultStatus::OPERATION_FAILED,
            reason: Some(ResultReason::OBJECT_DESTROYED),
            message: Some("gone"),
            ..ResponseItem::default()
        });
        let length = writer.len();
        let bytes = writer.finish();
        assert_eq!(bytes.len(), length);
        assert_eq!(
            check_version(View::parse(&bytes, &Limits::default()).unwrap(), version),
            Ok(())
        );
        let response = ResponseView::parse(&bytes, &Limits::default()).unwrap();
        let knows = version >= ProtocolVersion::V1_4;
        assert_eq!(response.client_correlation_value, knows.then_some("c"));
        assert_eq!(response.server_correlation_value, knows.then_some("s"));
        assert_eq!(response.items.len(), 3);
        assert_eq!(response.items[0].unique_batch_item_id, Some(&[7][..]));
        assert_eq!(response.items[0].payload.unwrap().find(Tag::SENSITIVE).is_some(), knows);
        let operations = response.items[1].payload.unwrap().children().count();
        assert_eq!(operations == 1, Operation::ENCRYPT.exists_in(version));
        let reason = response.items[2].reason.unwrap();
        assert!(reason.exists_in(version));
        assert_eq!(response.items[2].message, Some("gone"));
    }
}

proptest! {
    #[test]
    fn random_bytes_in_a_message_never_panic(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
    ) {
        let header = ResponseHeader::new(ProtocolVersion::V1_4, 0);
        for mut bytes in [get(ProtocolVersion::V1_4), write_response(&header, &[ResponseItem::default()])] {
            for (at, byte) in &damage {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            let _ = peek_version(&bytes);
            if let Err(error) = Request::parse(&bytes, &Limits::default()) {
                let reply = error.reply(0);
                prop_assert!(ResponseView::parse(&reply, &Limits::default()).is_ok());
            }
            let _ = ResponseView::parse(&bytes, &Limits::default());
        }
    }
}
