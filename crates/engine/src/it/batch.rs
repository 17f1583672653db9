//! Batches: what a failing item does to the others, the ID Placeholder, and answers at once.

use strongroom_kmip::{AsynchronousIndicator, BlockCipherMode, QueryFunction, UsageLimitsUnit};

use super::kit::*;
use super::*;

/// An item's status, its reason if it failed, and its identifier if it names one.
type Item = (ResultStatus, Option<ResultReason>, Option<String>);

impl Bench {
    fn batch(&self, request: RequestBuilder) -> Vec<Item> {
        let bytes = self.send(&self.alice, request.finish());
        let view = ResponseView::parse(&bytes, &Limits::default()).unwrap();
        let id = |payload: strongroom_kmip::View<'_>| {
            Some(payload.find(Tag::UNIQUE_IDENTIFIER)?.as_text()?.to_owned())
        };
        view.items.iter().map(|i| (i.status, i.reason, i.payload.and_then(id))).collect()
    }
}

const DONE: ResultStatus = ResultStatus::SUCCESS;
const FAILED: ResultStatus = ResultStatus::OPERATION_FAILED;
const UNDONE: ResultStatus = ResultStatus::OPERATION_UNDONE;

fn statuses(items: &[Item]) -> Vec<ResultStatus> {
    items.iter().map(|(status, ..)| *status).collect()
}

/// A key is made, nobody's is got, and another key is made.
fn three_items(option: Option<BatchErrorContinuationOption>) -> RequestBuilder {
    let builder = RequestBuilder::new(V);
    let builder = match option {
        Some(option) => builder.batch_error(option),
        None => builder,
    };
    builder
        .item(Operation::CREATE, |e| create(e, "first", &[]))
        .item(Operation::GET, |e| e.text(Tag::UNIQUE_IDENTIFIER, "nobody"))
        .item(Operation::CREATE, |e| create(e, "last", &[]))
}

fn exists(bench: &Bench, name: &str) -> bool {
    let found = bench.one(&bench.alice, Operation::LOCATE, |e| {
        AttributeSet::Own.write(&[Attribute::new(Tag::NAME, name_value(name))], e, V);
    });
    found.unwrap().find(Tag::UNIQUE_IDENTIFIER).is_some()
}

#[test]
fn with_continue_the_items_behind_a_failing_one_are_done() {
    let bench = Bench::new();
    let items = bench.batch(three_items(Some(BatchErrorContinuationOption::CONTINUE)));
    assert_eq!(statuses(&items), [DONE, FAILED, DONE]);
    assert_eq!(items[1].1, Some(ResultReason::OBJECT_NOT_FOUND));
    assert!(exists(&bench, "first") && exists(&bench, "last"));
}

#[test]
fn with_stop_and_without_a_word_the_items_behind_a_failing_one_are_not_done() {
    for option in [Some(BatchErrorContinuationOption::STOP), None] {
        let bench = Bench::new();
        assert_eq!(statuses(&bench.batch(three_items(option))), [DONE, FAILED]);
        assert!(exists(&bench, "first") && !exists(&bench, "last"));
    }
}

#[test]
fn with_undo_nothing_of_a_batch_is_left_and_nothing_behind_the_failing_item_is_done() {
    let bench = Bench::new();
    let before = bench.engine.inner.store.head();
    let items = bench.batch(three_items(Some(BatchErrorContinuationOption::UNDO)));
    assert_eq!(statuses(&items), [UNDONE, FAILED]);
    assert_eq!(bench.engine.inner.store.head(), before);
    assert!(!exists(&bench, "first") && !exists(&bench, "last"));
    let made = items[0].2.clone().unwrap();
    assert_eq!(bench.by_id(Operation::GET, &made), Err(ResultReason::OBJECT_NOT_FOUND));
}

#[test]
fn undo_follows_the_id_placeholder_and_takes_every_step_back() {
    let bench = Bench::new();
    let items = bench.batch(
        RequestBuilder::new(V)
            .batch_error(BatchErrorContinuationOption::UNDO)
            .item(Operation::CREATE, |e| create(e, "chained", &[]))
            .item(Operation::ACTIVATE, |_| {})
            .item(Operation::GET_ATTRIBUTES, |_| {})
            .item(Operation::ARCHIVE, |_| {})
            // An archived key is not given.
            .item(Operation::GET, |_| {}),
    );
    assert_eq!(statuses(&items), [UNDONE, UNDONE, UNDONE, UNDONE, FAILED]);
    assert_eq!(items[4].1, Some(ResultReason::OBJECT_ARCHIVED));
    // The changes name what they would have changed; what was read is not told.
    let id = items[0].2.clone();
    assert!(id.is_some());
    assert_eq!((&items[1].2, &items[3].2), (&id, &id));
    assert_eq!(items[2].2, None);
    assert!(!exists(&bench, "chained"));
    // All of it at once when nothing fails.
    let items = bench.batch(
        RequestBuilder::new(V)
            .batch_error(BatchErrorContinuationOption::UNDO)
            .item(Operation::CREATE, |e| create(e, "chained", &[]))
            .item(Operation::ACTIVATE, |_| {})
            .item(Operation::GET, |_| {}),
    );
    assert_eq!(statuses(&items), [DONE; 3]);
    assert_eq!(bench.state(items[0].2.as_ref().unwrap()), State::ACTIVE);
    bench.engine.audit_verify().unwrap();
}

#[test]
fn undone_and_refused_uses_give_nothing_and_cost_nothing_of_a_usage_limit() {
    let bench = Bench::new();
    let limits = Value::Structure(vec![
        Node::new(Tag::USAGE_LIMITS_TOTAL, Value::LongInteger(3)),
        Node::enumeration(Tag::USAGE_LIMITS_UNIT, UsageLimitsUnit::OBJECT),
    ]);
    let more = vec![Attribute::new(Tag::USAGE_LIMITS, limits)];
    let id = bench.make(&Wish { more, ..Wish::default() });
    let encrypt = |e: &mut Encoder| {
        e.text(Tag::UNIQUE_IDENTIFIER, &id);
        mode(e, BlockCipherMode::CBC);
        e.bytes(Tag::DATA, b"secret");
    };
    let once = |iv: &[u8]| {
        bench.on(Operation::ENCRYPT, &id, |e| {
            mode(e, BlockCipherMode::CBC);
            e.bytes(Tag::DATA, b"secret");
            e.bytes(Tag::IV_COUNTER_NONCE, iv);
        })
    };
    // The first of three; another one is reserved with it.
    once(&[0; 16]).unwrap();
    for _ in 0..3 {
        // Nor does one that is refused for its IV.
        assert!(once(&[0; 5]).is_err());
        let frame = RequestBuilder::new(V)
            .batch_error(BatchErrorContinuationOption::UNDO)
            .item(Operation::ENCRYPT, encrypt)
            .item(Operation::ENCRYPT, encrypt)
            .item(Operation::ACTIVATE, |e| e.text(Tag::UNIQUE_IDENTIFIER, "nobody"))
            .finish();
        let bytes = bench.send(&bench.alice, frame);
        let view = ResponseView::parse(&bytes, &Limits::default()).unwrap();
        for item in &view.items[..2] {
            assert_eq!(item.status, UNDONE);
            assert!(item.payload.is_none(), "an undone use gives its ciphertext");
        }
    }
    // Two are still there, and no more.
    let whole = RequestBuilder::new(V)
        .batch_error(BatchErrorContinuationOption::UNDO)
        .item(Operation::ENCRYPT, encrypt)
        .item(Operation::ENCRYPT, encrypt);
    assert_eq!(statuses(&bench.batch(whole)), [DONE, DONE]);
    assert_eq!(once(&[0; 16]), Err(ResultReason::PERMISSION_DENIED));
}

#[test]
fn undone_uses_have_their_audit_records_as_refusals() {
    let bench = Bench::new();
    let id = bench.make(&Wish::default());
    bench.batch(
        RequestBuilder::new(V)
            .batch_error(BatchErrorContinuationOption::UNDO)
            .item(Operation::GET, |e| e.text(Tag::UNIQUE_IDENTIFIER, &id))
            .item(Operation::ACTIVATE, |e| e.text(Tag::UNIQUE_IDENTIFIER, &id)),
    );
    let filter = AuditFilter { action: Some("Get".to_owned()), ..AuditFilter::default() };
    let entries = bench.engine.audit_tail(10, &filter).unwrap();
    let kinds: Vec<&str> = entries.iter().map(|e| e.kind.as_str()).collect();
    assert_eq!(kinds, ["refusal"]);
}

#[test]
fn only_a_demand_for_an_answer_later_is_refused_and_that_in_every_version() {
    use AsynchronousIndicator as Indicator;
    for version in ProtocolVersion::ALL {
        let bench = Bench::new();
        let ask = |indicator: Option<Indicator>| {
            let builder = RequestBuilder::new(version);
            let builder = match indicator {
                Some(indicator) => builder.asynchronous(indicator),
                None => builder,
            };
            bench.batch(builder.item(Operation::CREATE, |e| {
                e.enumeration(Tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY);
                AttributeSet::Own.write(&Wish::default().attributes(), e, version);
            }))
        };
        // In 1.x there is a Boolean: true says no more than that the client could wait.
        let willing = [None, Some(Indicator::PROHIBITED), Some(Indicator::OPTIONAL)];
        for indicator in willing {
            assert_eq!(statuses(&ask(indicator)), [DONE], "{version} {indicator:?}");
        }
        let made = stored(&bench);
        assert_eq!(made, willing.len());
        let demand = ask(Some(Indicator::MANDATORY));
        if version >= ProtocolVersion::V2_0 {
            let not_supported = Some(ResultReason::OPERATION_NOT_SUPPORTED);
            assert_eq!(demand, [(FAILED, not_supported, None)], "{version}");
            // Nothing was done, and the refusal is on record.
            assert_eq!(stored(&bench), made);
            let entries = bench.engine.audit_tail(100, &AuditFilter::default()).unwrap();
            let refused = entries.iter().filter(|e| e.kind == "refusal" && e.action == "Create");
            assert_eq!(refused.count(), 1);
        } else {
            assert_eq!(statuses(&demand), [DONE], "{version}");
        }
    }
}

fn stored(bench: &Bench) -> usize {
    bench.one(&bench.alice, Operation::LOCATE, |_| {}).unwrap().children().len()
}

#[test]
fn one_batch_uses_a_limit_up_to_its_last() {
    let bench = Bench::new();
    let limits = Value::Structure(vec![
        Node::new(Tag::USAGE_LIMITS_TOTAL, Value::LongInteger(4)),
        Node::enumeration(Tag::USAGE_LIMITS_UNIT, UsageLimitsUnit::OBJECT),
    ]);
    let more = vec![Attribute::new(Tag::USAGE_LIMITS, limits)];
    let id = bench.make(&Wish { more, ..Wish::default() });
    let mut five = RequestBuilder::new(V);
    for _ in 0..5 {
        five = five.item(Operation::ENCRYPT, |e| {
            e.text(Tag::UNIQUE_IDENTIFIER, &id);
            mode(e, BlockCipherMode::CBC);
            e.bytes(Tag::DATA, b"secret");
        });
    }
    assert_eq!(statuses(&bench.batch(five)), [DONE, DONE, DONE, DONE, FAILED]);
}

#[test]
fn each_item_and_each_reply_is_told_by_the_clients_own_bytes_and_the_servers_time() {
    let bench = Bench::new();
    // No UTF-8, a zero in the middle, and longer than an identifier.
    let ids: [&[u8]; 3] = [&[0xFF, 0, 0xFE], b"", &[0x80; 300]];
    for version in ProtocolVersion::ALL {
        let request = RequestBuilder::new(version)
            .batch_error(BatchErrorContinuationOption::CONTINUE)
            .item_with_id(Operation::QUERY, ids[0], |e| {
                e.enumeration(Tag::QUERY_FUNCTION, QueryFunction::QUERY_OPERATIONS);
            })
            .item_with_id(Operation::GET, ids[1], |e| e.text(Tag::UNIQUE_IDENTIFIER, "nobody"))
            .item_with_id(Operation::QUERY, ids[2], |e| {
                e.enumeration(Tag::QUERY_FUNCTION, QueryFunction::QUERY_OBJECTS);
            });
        let bytes = bench.send(&bench.alice, request.finish());
        let view = ResponseView::parse(&bytes, &Limits::default()).unwrap();
        let echoed: Vec<_> = view.items.iter().map(|i| i.unique_batch_item_id).collect();
        assert_eq!(echoed, ids.map(Some), "{version}");
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs().cast_signed();
        let told = view.time_stamp.unwrap();
        assert!((now - 60..=now + 60).contains(&told), "{version}: {told}");
    }
}
