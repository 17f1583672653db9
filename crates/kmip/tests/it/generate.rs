//! Random items that the tables allow.

use proptest::prelude::*;
use strongroom_kmip::{ItemType, Node, TAGS, Tag, Value, table_of};

/// Any scalar type.
const SCALARS: [ItemType; 10] = [
    ItemType::Integer,
    ItemType::LongInteger,
    ItemType::BigInteger,
    ItemType::Enumeration,
    ItemType::Boolean,
    ItemType::TextString,
    ItemType::ByteString,
    ItemType::DateTime,
    ItemType::Interval,
    ItemType::DateTimeExtended,
];

/// An item of any standard or extension tag, with a type that the tag may have, nested at most
/// five levels, without the structures whose meaning hangs on text in them.
pub fn node() -> impl Strategy<Value = Node> {
    scalar().prop_recursive(4, 64, 8, |inner| {
        (structure_tag(), prop::collection::vec(inner, 0..8))
            .prop_map(|(tag, children)| Node::structure(tag, children))
    })
}

/// Like [`node`], but always a Structure: a frame.
pub fn frame() -> impl Strategy<Value = Node> {
    (structure_tag(), prop::collection::vec(node(), 0..8))
        .prop_map(|(tag, children)| Node::structure(tag, children))
}

fn is_plain(tag: Tag) -> bool {
    !matches!(tag, Tag::ATTRIBUTE | Tag::ATTRIBUTE_NAME | Tag::ATTRIBUTE_VALUE)
}

fn structure_tag() -> impl Strategy<Value = Tag> {
    let structures: Vec<Tag> = TAGS
        .iter()
        .filter(|t| t.item_type.is_none_or(|ty| ty == ItemType::Structure) && is_plain(t.tag))
        .map(|t| t.tag)
        .chain([Tag(0x54_0001), Tag(0x54_FFFF)])
        .collect();
    prop::sample::select(structures)
}

fn scalar() -> impl Strategy<Value = Node> {
    let scalars: Vec<(Tag, ItemType)> = TAGS
        .iter()
        .filter(|t| is_plain(t.tag))
        .flat_map(|t| match t.item_type {
            Some(ItemType::Structure) => vec![],
            Some(one) => vec![(t.tag, one)],
            None => SCALARS.map(|ty| (t.tag, ty)).to_vec(),
        })
        .chain(SCALARS.map(|ty| (Tag(0x54_0002), ty)))
        .collect();
    prop::sample::select(scalars).prop_flat_map(|(tag, item_type)| {
        value(tag, item_type).prop_map(move |value| Node::new(tag, value))
    })
}

/// A value of the type; enumerations are values of the tag's table or extensions.
pub fn value(tag: Tag, item_type: ItemType) -> BoxedStrategy<Value> {
    match item_type {
        ItemType::Structure => Just(Value::Structure(vec![])).boxed(),
        ItemType::Integer => any::<i32>().prop_map(Value::Integer).boxed(),
        ItemType::LongInteger => any::<i64>().prop_map(Value::LongInteger).boxed(),
        ItemType::BigInteger => prop::collection::vec(any::<[u8; 8]>(), 1..5)
            .prop_map(|words| Value::BigInteger(words.concat()))
            .boxed(),
        ItemType::Enumeration => enumeration(tag),
        ItemType::Boolean => any::<bool>().prop_map(Value::Boolean).boxed(),
        ItemType::TextString => any::<String>().prop_map(Value::TextString).boxed(),
        ItemType::ByteString => {
            prop::collection::vec(any::<u8>(), 0..40).prop_map(Value::ByteString).boxed()
        }
        ItemType::DateTime => seconds().prop_map(Value::DateTime).boxed(),
        ItemType::Interval => any::<u32>().prop_map(Value::Interval).boxed(),
        ItemType::DateTimeExtended => {
            prop_oneof![any::<i64>(), seconds().prop_map(|s| s.wrapping_mul(999_983))]
                .prop_map(Value::DateTimeExtended)
                .boxed()
        }
    }
}

fn seconds() -> impl Strategy<Value = i64> {
    prop_oneof![any::<i64>(), -70_000_000_000_i64..300_000_000_000]
}

fn enumeration(tag: Tag) -> BoxedStrategy<Value> {
    let mut codes: Vec<u32> = match tag {
        Tag::ATTRIBUTE_REFERENCE => {
            strongroom_kmip::ATTRIBUTES.iter().map(|rule| rule.tag.0).collect()
        }
        Tag::TAG => TAGS.iter().map(|t| t.tag.0).collect(),
        _ => table_of(tag).map(|t| t.values.iter().map(|v| v.code).collect()).unwrap_or_default(),
    };
    codes.push(0x8765_4321);
    prop::sample::select(codes).prop_map(Value::Enumeration).boxed()
}
