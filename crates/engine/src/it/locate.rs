//! Locate: what finds an object, in which order, and in which pages.

use strongroom_kmip::{
    AlternativeNameType, BlockCipherMode, LinkType, ObjectGroupMember, StorageStatusMask,
    UniqueIdentifierEnum, UsageLimitsUnit,
};

use super::kit::*;
use super::*;

const V14: ProtocolVersion = ProtocolVersion::V1_4;

impl Bench {
    /// The identifiers that a Locate gives, and Located Items.
    fn locate(
        &self,
        version: ProtocolVersion,
        fill: impl FnOnce(&mut Encoder),
    ) -> Result<(Vec<String>, Option<i32>), ResultReason> {
        let reply = self.at(version, Operation::LOCATE, fill)?;
        let ids = reply.children().iter().filter(|n| n.tag == Tag::UNIQUE_IDENTIFIER);
        let ids = ids.map(|n| n.value.as_text().unwrap().to_owned()).collect();
        Ok((ids, reply.find(Tag::LOCATED_ITEMS).and_then(|n| n.value.as_integer())))
    }

    fn found_by(&self, attributes: &[Attribute]) -> Vec<String> {
        self.locate(V, |e| AttributeSet::Own.write(attributes, e, V)).unwrap().0
    }
}

fn dated(bench: &Bench, tag: Tag, date: i64) -> String {
    bench.make_with(&[Attribute::new(tag, Value::DateTime(date))])
}

/// A key with everything on it that a client can set.
fn rich(bench: &Bench) -> String {
    let text = |value: &str| Value::TextString(value.to_owned());
    let other = bench.create("linked").unwrap();
    let vendor = |vendor: &str, name: &str| strongroom_kmip::AttributeName::Vendor {
        vendor: vendor.to_owned(),
        name: name.to_owned(),
    };
    let more = vec![
        name("rich"),
        name("second"),
        Attribute::new(
            Tag::ALTERNATIVE_NAME,
            Value::Structure(vec![
                Node::text(Tag::ALTERNATIVE_NAME_VALUE, "key.example.com"),
                Node::enumeration(Tag::ALTERNATIVE_NAME_TYPE, AlternativeNameType::DNS_NAME),
            ]),
        ),
        Attribute::new(
            Tag::APPLICATION_SPECIFIC_INFORMATION,
            Value::Structure(vec![
                Node::text(Tag::APPLICATION_NAMESPACE, "ssl"),
                Node::text(Tag::APPLICATION_DATA, "www.example.com"),
            ]),
        ),
        Attribute::new(
            Tag::CRYPTOGRAPHIC_PARAMETERS,
            Value::Structure(vec![
                Node::enumeration(Tag::BLOCK_CIPHER_MODE, BlockCipherMode::CBC),
                Node::integer(Tag::IV_LENGTH, 128),
            ]),
        ),
        Attribute::new(
            Tag::USAGE_LIMITS,
            Value::Structure(vec![
                Node::new(Tag::USAGE_LIMITS_TOTAL, Value::LongInteger(1000)),
                Node::enumeration(Tag::USAGE_LIMITS_UNIT, UsageLimitsUnit::BYTE),
            ]),
        ),
        Attribute::new(
            Tag::LINK,
            Value::Structure(vec![
                Node::enumeration(Tag::LINK_TYPE, LinkType::PARENT_LINK),
                Node::text(Tag::LINKED_OBJECT_IDENTIFIER, &other),
            ]),
        ),
        Attribute::new(Tag::CONTACT_INFORMATION, text("somebody")),
        Attribute::new(Tag::OBJECT_GROUP, text("a group")),
        Attribute::new(Tag::DESCRIPTION, text("a description")),
        Attribute::new(Tag::COMMENT, text("a comment")),
        Attribute::new(Tag::PROCESS_START_DATE, Value::DateTime(1_000_000_100)),
        Attribute::new(Tag::ACTIVATION_DATE, Value::DateTime(1_000_000_000)),
        Attribute::new(Tag::PROTECT_STOP_DATE, Value::DateTime(4_000_000_000)),
        Attribute::new(Tag::DEACTIVATION_DATE, Value::DateTime(4_000_000_100)),
        Attribute::new(Tag::PROTECTION_PERIOD, Value::Interval(77)),
        Attribute::new(Tag::ROTATE_INTERVAL, Value::Interval(1_000_000)),
        Attribute::new(Tag::CRYPTOGRAPHIC_USAGE_MASK, Value::Integer(0x0C)),
        Attribute::new(vendor("x", "team"), text("payroll")),
        Attribute::new(vendor("acme.example", "rack"), Value::Integer(17)),
    ];
    bench.make_with(&more)
}

/// A value of the same kind that the object does not have.
fn another(value: &Value) -> Value {
    match value {
        Value::Integer(v) => Value::Integer(v ^ 0x10),
        Value::LongInteger(v) => Value::LongInteger(v + 1),
        Value::Enumeration(v) => Value::Enumeration(v + 1),
        Value::Boolean(v) => Value::Boolean(!v),
        Value::TextString(v) => Value::TextString(format!("{v}x")),
        Value::ByteString(v) => Value::ByteString([v.as_slice(), &[0]].concat()),
        Value::DateTime(v) => Value::DateTime(v + 7),
        Value::Interval(v) => Value::Interval(v + 1),
        Value::Structure(fields) => {
            let mut fields = fields.clone();
            fields[0].value = another(&fields[0].value);
            Value::Structure(fields)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_object_is_found_by_each_of_its_attributes_and_by_no_other_value_of_it() {
    let bench = Bench::new();
    let id = rich(&bench);
    let all = bench.by_id(Operation::GET_ATTRIBUTES, &id).unwrap();
    let nodes = all.find(Tag::ATTRIBUTES).unwrap().children().to_vec();
    assert!(nodes.len() > 35, "only {} attributes", nodes.len());
    for node in nodes {
        let locate =
            |node: &Node| bench.locate(V, |e| e.structure(Tag::ATTRIBUTES, |e| e.node(node)));
        let (found, _) = locate(&node).unwrap();
        assert!(found.contains(&id), "not found by {node:?}");
        let mut wrong = node.clone();
        wrong.value = match (node.tag, &node.value) {
            // A custom attribute: vendor and name stay as they are.
            (Tag::ATTRIBUTE, Value::Structure(fields)) => {
                let mut fields = fields.clone();
                let last = fields.last_mut().unwrap();
                last.value = another(&last.value);
                Value::Structure(fields)
            }
            (_, value) => another(value),
        };
        // An enumeration without such a value is refused; nothing is found then either.
        let found = locate(&wrong).map(|(found, _)| found).unwrap_or_default();
        assert!(!found.contains(&id), "found by {wrong:?}");
    }
}

#[test]
fn older_clients_filter_bare_or_in_a_template_and_find_the_same() {
    let bench = Bench::new();
    let id = rich(&bench);
    for version in [ProtocolVersion::V1_0, ProtocolVersion::V1_2, V14] {
        let all = bench.at_id(version, Operation::GET_ATTRIBUTES, &id).unwrap();
        let attributes: Vec<&Node> =
            all.children().iter().filter(|n| n.tag == Tag::ATTRIBUTE).collect();
        assert!(attributes.len() > 15, "{version}: only {}", attributes.len());
        for attribute in &attributes {
            let fields = attribute.children().iter();
            let filter: Vec<&Node> = fields.filter(|n| n.tag != Tag::ATTRIBUTE_INDEX).collect();
            let write = |e: &mut Encoder| {
                e.structure(Tag::ATTRIBUTE, |e| filter.iter().for_each(|n| e.node(n)));
            };
            let bare = bench.locate(version, write).unwrap().0;
            let inside =
                bench.locate(version, |e| e.structure(Tag::TEMPLATE_ATTRIBUTE, write)).unwrap().0;
            assert!(bare.contains(&id), "{version}: not found by {attribute:?}");
            assert_eq!(bare, inside, "{version}: {attribute:?}");
        }
    }
    // Filters of both kinds hold together.
    let both = |second: &str| {
        bench.locate(V14, |e| {
            name("rich").write(e, V14);
            e.structure(Tag::TEMPLATE_ATTRIBUTE, |e| name(second).write(e, V14));
        })
    };
    assert_eq!(both("second").unwrap().0, std::slice::from_ref(&id));
    assert_eq!(both("third").unwrap().0, [""; 0]);
}

#[test]
fn all_filters_hold_together_and_a_mask_asks_for_its_bits() {
    let bench = Bench::new();
    let mask = |bits: i32| Attribute::new(Tag::CRYPTOGRAPHIC_USAGE_MASK, Value::Integer(bits));
    let group = |name: &str| Attribute::new(Tag::OBJECT_GROUP, Value::TextString(name.to_owned()));
    let a = bench.make_with(&[mask(0x0C), group("one")]);
    let b = bench.make_with(&[mask(0x0C), group("two")]);
    let c = bench.make_with(&[mask(0x04), group("one")]);
    assert_eq!(bench.found_by(&[mask(0x0C), group("one")]), std::slice::from_ref(&a));
    assert_eq!(bench.found_by(&[mask(0x04)]), [c.clone(), b, a.clone()]);
    assert_eq!(bench.found_by(&[group("one")]), [c, a]);
    // Two names of one attribute: one object that has both.
    assert_eq!(bench.found_by(&[group("one"), group("two")]), [""; 0]);
    assert_eq!(bench.found_by(&[group("on")]), [""; 0], "names match exactly");
    assert_eq!(bench.found_by(&[group("ONE")]), [""; 0], "and by case");
}

#[test]
fn a_date_given_once_is_exact_and_given_twice_a_range_with_both_ends() {
    let bench = Bench::new();
    for tag in [Tag::ACTIVATION_DATE, Tag::PROCESS_START_DATE, Tag::DEACTIVATION_DATE] {
        let [first, second, third] = [100, 200, 300].map(|date| dated(&bench, tag, date));
        let found = |dates: &[i64]| {
            let dates: Vec<_> =
                dates.iter().map(|d| Attribute::new(tag, Value::DateTime(*d))).collect();
            let mut found = bench.found_by(&dates);
            found.reverse();
            found
        };
        assert_eq!(found(&[200]), std::slice::from_ref(&second), "{tag}");
        assert_eq!(found(&[201]), [""; 0], "{tag}");
        assert_eq!(found(&[150, 250]), std::slice::from_ref(&second), "{tag}");
        assert_eq!(found(&[250, 150]), std::slice::from_ref(&second), "{tag}, in another order");
        assert_eq!(found(&[100, 200]), [first.clone(), second.clone()], "{tag}, both ends");
        assert_eq!(found(&[0, 1_000]), [first.clone(), second, third], "{tag}");
        assert_eq!(found(&[100, 100]), [first], "{tag}");
        assert_eq!(found(&[301, 400]), [""; 0], "{tag}");
    }
    // What the server dates itself.
    let now = bench.engine.inner.time().earliest();
    let made = |from: i64, to: i64| {
        let date = |d: i64| Attribute::new(Tag::INITIAL_DATE, Value::DateTime(d));
        bench.found_by(&[date(from), date(to)]).len()
    };
    assert_eq!(made(now - 3600, now + 3600), 9);
    assert_eq!(made(now - 7200, now - 3600), 0);
    // In 1.x the range is two bare attributes, or two in a template.
    let range = |e: &mut Encoder| {
        for date in [150, 250] {
            Attribute::new(Tag::ACTIVATION_DATE, Value::DateTime(date)).write(e, V14);
        }
    };
    let bare = bench.locate(V14, range).unwrap().0;
    assert_eq!(bare.len(), 1);
    let inside = bench.locate(V14, |e| e.structure(Tag::TEMPLATE_ATTRIBUTE, range)).unwrap().0;
    assert_eq!(inside, bare);
}

#[test]
fn pages_follow_one_order_while_keys_are_added_and_miss_none() {
    for version in [ProtocolVersion::V1_3, V14, V] {
        let bench = Bench::new();
        let mut there: Vec<String> = (0..10).map(|_| bench.make_with(&[])).collect();
        there.reverse();
        let page = |offset: i32, maximum: i32| {
            bench
                .locate(version, |e| {
                    e.integer(Tag::MAXIMUM_ITEMS, maximum);
                    e.integer(Tag::OFFSET_ITEMS, offset);
                })
                .unwrap()
        };
        // While nothing changes the pages are the list, and each says how long that is.
        let pages: Vec<_> = (0..5).map(|n| page(3 * n, 3)).collect();
        assert_eq!(pages.concat_ids(), there, "{version}");
        assert!(pages.iter().all(|(_, total)| *total == Some(10)), "{version}");
        assert_eq!(pages.iter().map(|(p, _)| p.len()).collect::<Vec<_>>(), [3, 3, 3, 1, 0]);
        // A new key comes first: what follows moves down, so that a page repeats and none is missed.
        let mut seen = Vec::new();
        let mut offset = 0;
        loop {
            let (ids, total) = page(offset, 3);
            if ids.is_empty() {
                assert_eq!(total, Some(i32::try_from(10 + seen_pages(offset)).unwrap()));
                break;
            }
            seen.extend(ids);
            offset += 3;
            if offset <= 9 {
                bench.make_with(&[]);
            }
        }
        let mut places: Vec<usize> =
            seen.iter().filter_map(|id| there.iter().position(|t| t == id)).collect();
        assert!(places.is_sorted(), "{version}: {places:?}");
        places.dedup();
        assert_eq!(places, (0..10).collect::<Vec<_>>(), "{version}");
    }
}

/// How many keys were added before the page at `offset` was asked for, in the test above.
fn seen_pages(offset: i32) -> usize {
    usize::try_from(offset / 3).unwrap().min(3)
}

trait Pages {
    fn concat_ids(&self) -> Vec<String>;
}

impl Pages for Vec<(Vec<String>, Option<i32>)> {
    fn concat_ids(&self) -> Vec<String> {
        self.iter().flat_map(|(ids, _)| ids.clone()).collect()
    }
}

#[test]
fn a_maximum_cuts_and_says_nothing_of_the_rest_and_numbers_below_zero_are_refused() {
    let bench = Bench::new();
    let ids: Vec<String> = (0..3).map(|_| bench.make_with(&[])).collect();
    let with = |tag: Tag, n: i32| bench.locate(V, |e| e.integer(tag, n));
    assert_eq!(with(Tag::MAXIMUM_ITEMS, 2), Ok((vec![ids[2].clone(), ids[1].clone()], None)));
    assert_eq!(with(Tag::MAXIMUM_ITEMS, 9).unwrap().0.len(), 3);
    assert_eq!(with(Tag::OFFSET_ITEMS, 2), Ok((vec![ids[0].clone()], Some(3))));
    assert_eq!(with(Tag::OFFSET_ITEMS, 9), Ok((Vec::new(), Some(3))));
    for tag in [Tag::MAXIMUM_ITEMS, Tag::OFFSET_ITEMS] {
        assert_eq!(with(tag, -1), Err(ResultReason::INVALID_FIELD), "{tag}");
    }
    // 1.2 has no offset: all that match, whatever the field says.
    let old = bench.locate(ProtocolVersion::V1_2, |e| e.integer(Tag::MAXIMUM_ITEMS, 1)).unwrap();
    assert_eq!((old.0.len(), old.1), (1, None));
}

#[test]
fn a_group_hands_out_no_member_that_is_archived_destroyed_or_of_another_group() {
    let bench = Bench::new();
    let group = |name: &str| Attribute::new(Tag::OBJECT_GROUP, Value::TextString(name.to_owned()));
    let pool = [group("pool")];
    let [archived, destroyed, third, fourth] = [(); 4].map(|()| bench.make_with(&pool));
    let stranger = bench.make_with(&[group("other")]);
    bench.by_id(Operation::ARCHIVE, &archived).unwrap();
    bench.by_id(Operation::DESTROY, &destroyed).unwrap();
    let members = |member: ObjectGroupMember, storage: Option<StorageStatusMask>| {
        bench
            .locate(V, |e| {
                if let Some(mask) = storage {
                    e.integer(Tag::STORAGE_STATUS_MASK, mask.0 as i32);
                }
                e.enumeration(Tag::OBJECT_GROUP_MEMBER, member);
                AttributeSet::Own.write(&pool, e, V);
            })
            .unwrap()
            .0
    };
    let (fresh, default) =
        (ObjectGroupMember::GROUP_MEMBER_FRESH, ObjectGroupMember::GROUP_MEMBER_DEFAULT);
    assert_eq!(members(fresh, None), [third.clone(), fourth.clone()]);
    assert_eq!(members(default, None), std::slice::from_ref(&third));
    assert_eq!(members(fresh, Some(StorageStatusMask::ARCHIVAL_STORAGE)), [archived]);
    // What was given out is fresh no more, over a restart too.
    bench.by_id(Operation::GET, &third).unwrap();
    assert_eq!(members(fresh, None), std::slice::from_ref(&fourth));
    assert_eq!(members(default, None), std::slice::from_ref(&fourth));
    bench.by_id(Operation::EXPORT, &fourth).unwrap();
    assert_eq!(members(fresh, None), [""; 0]);
    assert_eq!(members(default, None), [third]);
    assert!(!bench.values(&stranger, Tag::FRESH).contains(&Value::Boolean(false)));
}

#[test]
fn only_a_single_find_goes_on_in_a_batch_and_any_other_empties_the_placeholder() {
    let bench = Bench::new();
    bench.make_with(&[name("one")]);
    for (wanted, goes_on) in [(Some("one"), true), (Some("nobody"), false), (None, false)] {
        for by_name in [false, true] {
            let frame = RequestBuilder::new(V)
                .item(Operation::CREATE, |e| create(e, &format!("{wanted:?} {by_name}"), &[]))
                .item(Operation::LOCATE, |e| {
                    let filter: Vec<_> = wanted.iter().map(|n| name(n)).collect();
                    AttributeSet::Own.write(&filter, e, V);
                })
                .item(Operation::GET, |e| {
                    if by_name {
                        e.enumeration(Tag::UNIQUE_IDENTIFIER, UniqueIdentifierEnum::LOCATE);
                    }
                })
                .finish();
            let bytes = bench.send(&bench.alice, frame);
            let view = ResponseView::parse(&bytes, &Limits::default()).unwrap();
            let got = view.items[2].status == ResultStatus::SUCCESS;
            assert_eq!(got, goes_on, "{wanted:?}, by name: {by_name}");
        }
    }
}
