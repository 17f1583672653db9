//! The tables themselves.

use std::collections::HashSet;

use strongroom_kmip::{
    ATTRIBUTES, AttributeRule, CryptographicAlgorithm, ItemType, ProtocolVersion, TAGS, Tag,
    VersionRange, table_of, value_tables,
};

fn is_sane(range: VersionRange) -> bool {
    range.from <= range.to && range.from.is_supported() && range.to.is_supported()
}

#[test]
fn tags_are_unique_sorted_and_named_once() {
    assert!(TAGS.is_sorted_by(|a, b| a.tag < b.tag));
    let mut names = HashSet::new();
    for row in TAGS {
        assert_eq!(row.tag.0 >> 16, 0x42, "{row:?}");
        assert!(is_sane(row.versions), "{row:?}");
        assert!(names.insert(row.encoded_name), "{row:?}");
        assert_eq!(Tag::by_name(row.encoded_name), Some(row.tag));
        assert_eq!(Tag::by_name(row.name), Some(row.tag));
        assert_eq!(row.tag.info().map(|info| info.tag), Some(row.tag));
        assert_eq!(row.tag.item_type(), row.item_type);
    }
    for absent in
        [Tag(0), Tag(0x41_FFFF), Tag(0x42_0000), Tag(0x42_01FF), Tag(0x42_0201), Tag(0x54_0001)]
    {
        assert!(absent.info().is_none(), "{absent:?}");
        assert!(absent.item_type().is_none());
        assert!(AttributeRule::of(absent).is_none());
    }
}

#[test]
fn every_enumerated_tag_has_a_table_of_its_values() {
    for row in TAGS {
        match row.item_type {
            Some(ItemType::Enumeration) if row.tag != Tag::TAG => {
                assert!(row.values.is_some_and(|t| !t.is_mask), "{row:?}");
            }
            Some(ItemType::Integer) => assert!(row.values.is_none_or(|t| t.is_mask), "{row:?}"),
            Some(ItemType::Enumeration) | None => {}
            Some(_) => assert!(row.values.is_none(), "{row:?}"),
        }
        assert_eq!(table_of(row.tag).is_some(), row.values.is_some());
    }
}

#[test]
fn enumeration_values_are_unique_sorted_and_found_by_code_and_name() {
    for table in value_tables() {
        assert!(table.values.is_sorted_by(|a, b| a.code < b.code), "{}", table.name);
        for row in table.values {
            assert!(is_sane(row.versions), "{} {row:?}", table.name);
            assert!(!table.is_mask || row.code.is_power_of_two(), "{} {row:?}", table.name);
            assert_eq!(table.by_code(row.code).map(|r| r.name), Some(row.name));
            let found = table.by_name(row.encoded_name).map(|r| r.code);
            assert_eq!(found, Some(row.code), "{} {row:?}", table.name);
            assert!(row.encoded_name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'));
            assert!(!row.encoded_name.bytes().all(|b| b.is_ascii_digit()));
        }
        assert!(table.by_code(u32::MAX).is_none());
    }
}

#[test]
fn attributes_are_tags_that_live_at_least_as_long() {
    let mut seen = HashSet::new();
    for rule in ATTRIBUTES {
        assert!(seen.insert(rule.tag), "{rule:?}");
        assert!(is_sane(rule.versions), "{rule:?}");
        let tag = rule.tag.info().unwrap();
        assert!(
            tag.versions.from <= rule.versions.from && rule.versions.to <= tag.versions.to,
            "{rule:?} {tag:?}"
        );
        assert_eq!(AttributeRule::of(rule.tag).map(|r| r.tag), Some(rule.tag));
        assert_eq!(AttributeRule::of_name(tag.name).map(|r| r.tag), Some(rule.tag));
        assert!(rule.client_sets || rule.server_sets, "{rule:?}");
    }
}

#[test]
fn post_quantum_algorithms_are_extensions_that_only_the_newest_version_sees() {
    for algorithm in [CryptographicAlgorithm::ML_KEM_512, CryptographicAlgorithm::ML_DSA_87] {
        assert!(algorithm.0 >= 0x8000_0000);
        for version in ProtocolVersion::ALL {
            assert_eq!(algorithm.exists_in(version), version == ProtocolVersion::V2_1);
        }
    }
}

#[test]
fn a_version_that_nobody_speaks_has_a_nearest_one() {
    for ((major, minor), want) in [
        ((0, 9), ProtocolVersion::V1_0),
        ((1, 2), ProtocolVersion::V1_2),
        ((1, 9), ProtocolVersion::V1_4),
        ((2, 2), ProtocolVersion::V2_1),
        ((3, 0), ProtocolVersion::V2_1),
    ] {
        assert_eq!(ProtocolVersion::new(major, minor).nearest_supported(), want);
    }
}
