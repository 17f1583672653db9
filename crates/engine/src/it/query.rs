//! Query: every function in every version, held against what the engine really does.

use strongroom_kmip::{InteropFunction, QueryFunction, check_version};

use super::*;

fn ask(bench: &Bench, version: ProtocolVersion, functions: &[u32]) -> Result<Value, ResultReason> {
    bench.at(version, Operation::QUERY, |e| {
        functions.iter().for_each(|f| e.raw_items(&function(*f)));
    })
}

/// The enumerations with this tag in a reply.
fn listed(reply: &Value, tag: Tag) -> Vec<u32> {
    let with_tag = reply.children().iter().filter(|n| n.tag == tag);
    with_tag.map(|n| n.value.as_enumeration().unwrap()).collect()
}

/// Whether the engine carries an operation out at all, whatever it says to an empty payload.
fn is_served(bench: &Bench, version: ProtocolVersion, operation: Operation) -> bool {
    // Written without a gate: a version may be asked for what it lacks.
    let mut e = Encoder::ungated();
    e.structure(Tag::REQUEST_MESSAGE, |e| {
        e.structure(Tag::REQUEST_HEADER, |e| {
            e.structure(Tag::PROTOCOL_VERSION, |e| {
                e.integer(Tag::PROTOCOL_VERSION_MAJOR, i32::from(version.major));
                e.integer(Tag::PROTOCOL_VERSION_MINOR, i32::from(version.minor));
            });
            e.integer(Tag::BATCH_COUNT, 1);
        });
        e.structure(Tag::BATCH_ITEM, |e| {
            e.enumeration(Tag::OPERATION, operation);
            e.structure(Tag::REQUEST_PAYLOAD, |_| {});
        });
    });
    let bytes = bench.send(&bench.alice, e.into_bytes());
    let view = ResponseView::parse(&bytes, &Limits::default()).unwrap();
    view.items[0].reason != Some(ResultReason::OPERATION_NOT_SUPPORTED)
}

#[test]
fn query_lists_exactly_the_operations_that_are_served() {
    for interop in [false, true] {
        let bench = Bench::with(|config| config.interop = interop);
        for version in ProtocolVersion::ALL {
            let reply = ask(&bench, version, &[QueryFunction::QUERY_OPERATIONS.0]).unwrap();
            let listed = listed(&reply, Tag::OPERATION);
            assert!(listed.len() > 15, "{version}");
            for row in Operation::TABLE.values {
                let operation = Operation(row.code);
                assert_eq!(
                    listed.iter().filter(|code| **code == row.code).count(),
                    usize::from(is_served(&bench, version, operation)),
                    "{version}, interop {interop}: {operation}"
                );
            }
            let expected = interop && version >= ProtocolVersion::V2_0;
            assert_eq!(listed.contains(&Operation::INTEROP.0), expected, "{version}");
        }
    }
}

#[test]
fn interop_changes_nothing_else_and_is_answered_only_with_its_flag() {
    let [without, with] = [false, true].map(|on| Bench::with(|config| config.interop = on));
    let interop = |bench: &Bench| {
        bench.one(&bench.alice, Operation::INTEROP, |e| {
            e.enumeration(Tag::INTEROP_FUNCTION, InteropFunction::BEGIN);
            e.text(Tag::INTEROP_IDENTIFIER, "case");
        })
    };
    assert_eq!(interop(&without), Err(ResultReason::OPERATION_NOT_SUPPORTED));
    interop(&with).unwrap();
    for version in ProtocolVersion::ALL {
        for row in QueryFunction::TABLE.values {
            let [mut a, mut b] = [&without, &with].map(|b| ask(b, version, &[row.code]).unwrap());
            for reply in [&mut a, &mut b] {
                let Value::Structure(children) = reply else { panic!("no payload") };
                children.retain(|n| n.value != Value::Enumeration(Operation::INTEROP.0));
            }
            assert_eq!(a, b, "{version} {}", row.name);
        }
    }
}

#[test]
fn query_lists_exactly_the_object_types_that_are_kept() {
    for version in ProtocolVersion::ALL {
        let bench = Bench::new();
        let reply = ask(&bench, version, &[QueryFunction::QUERY_OBJECTS.0]).unwrap();
        let listed = listed(&reply, Tag::OBJECT_TYPE);
        for row in ObjectType::TABLE.values {
            let object_type = ObjectType(row.code);
            let kept = bench.register_example(version, object_type).is_ok();
            assert_eq!(listed.contains(&row.code), kept, "{version} {object_type}");
        }
        let unique: std::collections::BTreeSet<_> = listed.iter().collect();
        assert_eq!(unique.len(), listed.len());
    }
}

#[test]
fn every_function_answers_what_is_built_and_otherwise_empty_in_every_version() {
    let bench = Bench::new();
    // What a function's answer consists of; the others are answered with nothing.
    let answers = |function: QueryFunction| -> &[Tag] {
        match function {
            QueryFunction::QUERY_OPERATIONS => &[Tag::OPERATION],
            QueryFunction::QUERY_OBJECTS => &[Tag::OBJECT_TYPE],
            QueryFunction::QUERY_SERVER_INFORMATION => {
                &[Tag::VENDOR_IDENTIFICATION, Tag::SERVER_INFORMATION]
            }
            QueryFunction::QUERY_RNGS => &[Tag::RNG_PARAMETERS],
            QueryFunction::QUERY_PROFILES => &[Tag::PROFILE_INFORMATION],
            QueryFunction::QUERY_CAPABILITIES => &[Tag::CAPABILITY_INFORMATION],
            _ => &[],
        }
    };
    for version in ProtocolVersion::ALL {
        let mut all = Vec::new();
        for row in QueryFunction::TABLE.values {
            let frame = RequestBuilder::new(version)
                .item(Operation::QUERY, |e| e.raw_items(&function(row.code)))
                .finish();
            let bytes = bench.send(&bench.alice, frame);
            let message = strongroom_kmip::View::parse(&bytes, &Limits::default()).unwrap();
            check_version(message, version).unwrap();
            let view = ResponseView::parse(&bytes, &Limits::default()).unwrap();
            assert_eq!(view.items[0].status, ResultStatus::SUCCESS, "{version} {}", row.name);
            let reply = view.items[0].payload.map_or(Value::Structure(Vec::new()), Value::from);
            let mut tags: Vec<Tag> = reply.children().iter().map(|n| n.tag).collect();
            tags.dedup();
            let expected: Vec<Tag> = answers(QueryFunction(row.code))
                .iter()
                .copied()
                .filter(|tag| tag.exists_in(version))
                .collect();
            assert_eq!(tags, expected, "{version} {}", row.name);
            all.push(row.code);
        }
        // Together they answer what each answers alone.
        let together = ask(&bench, version, &all).unwrap();
        let alone: Vec<Node> = all
            .iter()
            .flat_map(|f| ask(&bench, version, &[*f]).unwrap().children().to_vec())
            .collect();
        for node in &alone {
            assert!(together.children().contains(node), "{version} {}", node.tag);
        }
        assert_eq!(together.children().len(), alone.len(), "{version}");
        // What nobody knows is answered too, and nothing asked is a mistake.
        assert_eq!(ask(&bench, version, &[0x7FFF]).unwrap().children(), []);
        assert_eq!(ask(&bench, version, &[]), Err(ResultReason::INVALID_FIELD));
    }
}

/// A Query Function, in a version that may lack it.
fn function(code: u32) -> Vec<u8> {
    let mut e = Encoder::ungated();
    e.enumeration(Tag::QUERY_FUNCTION, code);
    e.into_bytes()
}
