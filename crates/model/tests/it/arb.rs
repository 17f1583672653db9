//! Changes made from small domains, so that everything collides with everything: equal stamps,
//! equal keys, equal values, any order.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use strongroom_kmip::{AttributeName, KeyFormatType, Node, ObjectType, Tag, Value};
use strongroom_model::{
    AttributeKey, CertificateInfo, Change, ChangeKind, Counter, KeyBlock, Lifecycle, NewObject,
    Role, SealedMaterial, Seen, Setting, Stamp,
};

use crate::approvals;

/// The one object that object histories are about.
pub const ID: &str = "o";

/// A change on its way: its stamp, the site that heard it first, its place in another order of
/// arrival, and whether it arrives twice there.
#[derive(Clone, Debug)]
pub struct Item {
    pub stamp: Stamp,
    pub change: Change,
    pub part: usize,
    pub order: u16,
    pub twice: bool,
}

pub fn sample(change: impl Strategy<Value = Change>) -> impl Strategy<Value = Vec<Item>> {
    let item = (stamp(), change, 0..3usize, any::<u16>(), any::<bool>())
        .prop_map(|(stamp, change, part, order, twice)| Item { stamp, change, part, order, twice });
    vec(item, 0..9)
}

pub fn stamp() -> impl Strategy<Value = Stamp> + Clone {
    (1..6u64, 1..4u32).prop_map(|(hlc, site)| Stamp { hlc, site })
}

pub fn seen() -> impl Strategy<Value = Seen> + Clone {
    proptest::collection::btree_map(1..4u32, 1..6u64, 0..3).prop_map(Seen)
}

pub fn lifecycle() -> impl Strategy<Value = Lifecycle> + Clone {
    prop_oneof![
        Just(Lifecycle::PreActive),
        Just(Lifecycle::Active),
        Just(Lifecycle::Deactivated),
        Just(Lifecycle::Destroyed),
    ]
}

/// Any change to the object [`ID`].
pub fn object_change() -> impl Strategy<Value = Change> {
    prop_oneof![
        2 => new_object().prop_map(|new| Change::Created(Box::new(new))),
        8 => changed(),
        2 => material().prop_map(|material| Change::Rewrapped { id: ID.into(), material }),
        2 => (counter(), 0..5u64)
            .prop_map(|(counter, upto)| Change::Reserved { id: ID.into(), counter, upto }),
        2 => (subject(), 1..3u32, seen()).prop_map(|(subject, operation, seen)| Change::Granted {
            id: ID.into(), subject, operation, seen,
        }),
        2 => (subject(), 1..3u32).prop_map(|(subject, operation)| Change::GrantRevoked {
            id: ID.into(), subject, operation,
        }),
    ]
}

fn changed() -> impl Strategy<Value = Change> {
    let kind = prop_oneof![
        Just(ChangeKind::Attributes),
        Just(ChangeKind::Activated),
        Just(ChangeKind::Deactivated),
        Just(ChangeKind::Compromised),
        Just(ChangeKind::Destroyed),
        Just(ChangeKind::DestroyScheduled),
        Just(ChangeKind::Archived),
        Just(ChangeKind::Recovered),
    ];
    let sets = vec((attribute_key(), option::weighted(0.6, small_value())), 0..3);
    (kind, option::of(lifecycle()), prop::bool::weighted(0.2), sets).prop_map(
        |(kind, lifecycle, compromised, sets)| Change::Changed {
            kind,
            id: ID.into(),
            lifecycle,
            compromised,
            sets,
        },
    )
}

fn new_object() -> impl Strategy<Value = NewObject> {
    let object_type = prop_oneof![
        Just(ObjectType::SYMMETRIC_KEY),
        Just(ObjectType::CERTIFICATE),
        Just(ObjectType::SECRET_DATA),
    ];
    (
        object_type,
        prop_oneof![Just("alice"), Just("bob")],
        vec((0..3i32).prop_map(|n| Node::integer(Tag::SPLIT_KEY_THRESHOLD, n)), 0..2),
        option::of(block()),
        vec((attribute_key(), small_value()), 0..3),
        lifecycle(),
        option::of(material()),
    )
        .prop_map(|(object_type, owner, fields, block, attributes, lifecycle, material)| {
            NewObject {
                id: ID.into(),
                object_type,
                owner: owner.to_owned(),
                fields,
                block,
                attributes,
                lifecycle,
                material,
            }
        })
}

fn block() -> impl Strategy<Value = KeyBlock> {
    let wrapping = Node::structure(
        Tag::KEY_WRAPPING_DATA,
        vec![Node::bytes(Tag::IV_COUNTER_NONCE, vec![1, 2, 3])],
    );
    (prop_oneof![Just(KeyFormatType::RAW), Just(KeyFormatType::PKCS_8)], any::<bool>()).prop_map(
        move |(format, wrapped)| KeyBlock { format, wrapping: wrapped.then(|| wrapping.clone()) },
    )
}

fn material() -> impl Strategy<Value = SealedMaterial> {
    (1..4u32, 1..3u32, vec(0..2u8, 0..3)).prop_map(|(epoch, version, bytes)| SealedMaterial {
        epoch,
        version,
        digest: [bytes.len() as u8; 32],
        bytes,
    })
}

fn counter() -> impl Strategy<Value = Counter> {
    prop_oneof![Just(Counter::RandomIv), Just(Counter::Usage)]
}

fn subject() -> impl Strategy<Value = String> {
    prop_oneof![Just("user:alice".to_owned()), Just("group:ops".to_owned())]
}

pub fn attribute_key() -> impl Strategy<Value = AttributeKey> {
    prop_oneof![
        2 => Just(AttributeKey::single(Tag::ACTIVATION_DATE)),
        2 => Just(AttributeKey::single(Tag::ARCHIVE_DATE)),
        2 => (0..2u32, 0..3u32).prop_map(|(index, site)| AttributeKey {
            name: AttributeName::Standard(Tag::NAME), index, site,
        }),
        1 => (0..2u32).prop_map(|index| AttributeKey {
            name: AttributeName::Vendor { vendor: "x".to_owned(), name: "team".to_owned() },
            index,
            site: 0,
        }),
    ]
}

pub fn small_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        (0..3i32).prop_map(Value::Integer),
        (0..3i64).prop_map(Value::DateTime),
        prop_oneof![Just("a"), Just("b")].prop_map(|text| Value::Structure(vec![
            Node::text(Tag::NAME_VALUE, text),
            Node::enumeration(Tag::NAME_TYPE, 1u32),
        ])),
    ]
}

/// Any change to the server's own state.
pub fn server_change() -> impl Strategy<Value = Change> {
    let user = prop_oneof![Just("alice".to_owned()), Just("bob".to_owned())];
    let role = prop_oneof![Just(Role::CryptoOfficer), Just(Role::Auditor)];
    let fingerprint = prop_oneof![Just("aa".to_owned()), Just("bb".to_owned())];
    let reason = prop_oneof![Just("lost".to_owned()), Just("left".to_owned())];
    let setting = (
        prop_oneof![Just("epoch"), Just("config")],
        prop_oneof![Just("1"), Just("2")],
        option::of(vec(0..2u8, 0..2)),
    )
        .prop_map(|(namespace, key, value)| Setting {
            namespace: namespace.to_owned(),
            key: key.to_owned(),
            value,
        });
    prop_oneof![
        2 => (user.clone(), role.clone(), seen())
            .prop_map(|(user, role, seen)| Change::RoleGranted { user, role, seen }),
        2 => (user, role).prop_map(|(user, role)| Change::RoleRevoked { user, role }),
        2 => (subject(), 0..2u32, seen()).prop_map(|(subject, operation, seen)| {
            Change::GroupGranted { key_group: "payroll".to_owned(), subject, operation, seen }
        }),
        2 => (subject(), 0..2u32).prop_map(|(subject, operation)| Change::GroupGrantRevoked {
            key_group: "payroll".to_owned(), subject, operation,
        }),
        2 => (fingerprint.clone(), 0..3i64).prop_map(|(fingerprint, not_after)| {
            Change::CertificateIssued(CertificateInfo {
                fingerprint,
                user: "alice".to_owned(),
                groups: vec!["ops".to_owned()],
                serial: "01".to_owned(),
                not_after,
                purpose: "client".to_owned(),
                issued_by: "alice".to_owned(),
            })
        }),
        2 => (fingerprint, reason).prop_map(|(fingerprint, reason)| Change::CertificateRevoked {
            fingerprint, reason,
        }),
        2 => setting.prop_map(Change::Setting),
        6 => approvals::change(),
    ]
}
