//! The binary encoding.

use proptest::prelude::*;
use strongroom_kmip::ttlv::frame_len;
use strongroom_kmip::{DecodeError, Encoder, Limits, Node, Tag, View};

use crate::generate;

fn encode(node: &Node) -> Vec<u8> {
    let mut encoder = Encoder::ungated();
    encoder.node(node);
    encoder.into_bytes()
}

fn parse(bytes: &[u8]) -> Result<View<'_>, DecodeError> {
    View::parse(bytes, &Limits::default())
}

proptest! {
    #[test]
    fn what_is_encoded_reads_back_the_same(node in generate::frame()) {
        let bytes = encode(&node);
        let view = parse(&bytes).unwrap();
        prop_assert_eq!(&Node::from(view), &node);
        let mut copy = Encoder::ungated();
        copy.view(view);
        prop_assert_eq!(copy.into_bytes(), bytes);
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(view) = parse(&bytes) {
            prop_assert_eq!(encode(&Node::from(view)), bytes);
        }
    }

    #[test]
    fn a_damaged_frame_is_refused_or_still_canonical(
        node in generate::frame(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = encode(&node);
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(view) = parse(&bytes) {
            prop_assert_eq!(encode(&Node::from(view)), bytes);
        }
    }

    #[test]
    fn a_frame_cut_anywhere_is_refused(node in generate::frame()) {
        let bytes = encode(&node);
        for end in 0..bytes.len() {
            prop_assert!(parse(&bytes[..end]).is_err(), "cut at {}", end);
        }
        let mut longer = bytes;
        longer.push(0);
        prop_assert!(parse(&longer).is_err());
    }
}

/// A frame of one item under the Request Payload tag.
fn framed(item: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x42, 0x00, 0x79, 0x01, 0, 0, 0, u8::try_from(item.len()).unwrap()];
    bytes.extend_from_slice(item);
    bytes
}

#[test]
fn a_length_beyond_the_limit_is_refused_from_the_header_alone() {
    let header = [0x42, 0x00, 0x78, 0x01, 0xFF, 0xFF, 0xFF, 0xF8];
    let limits = Limits::default();
    assert!(matches!(frame_len(&header, &limits), Err(DecodeError::OverLimit { .. })));
    assert!(matches!(parse(&header), Err(DecodeError::Truncated { .. })));
    // Inside of a frame likewise: the length is compared before anything is read or reserved.
    let inner = [0x42, 0x00, 0x94, 0x07, 0xFF, 0xFF, 0xFF, 0xFF];
    assert!(matches!(parse(&framed(&inner)), Err(DecodeError::Truncated { offset: 8 })));
}

#[test]
fn what_is_not_canonical_is_refused() {
    let padding = [0x42, 0x00, 0x0D, 0x02, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 1];
    assert!(matches!(parse(&framed(&padding)), Err(DecodeError::BadPadding { .. })));
    let boolean = [0x42, 0x00, 0x10, 0x06, 0, 0, 0, 8, 1, 0, 0, 0, 0, 0, 0, 1];
    assert!(matches!(parse(&framed(&boolean)), Err(DecodeError::BadBoolean { .. })));
    let length = [0x42, 0x00, 0x0D, 0x02, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 1];
    assert!(matches!(parse(&framed(&length)), Err(DecodeError::BadLength { .. })));
    let empty_big = [0x42, 0x00, 0x52, 0x04, 0, 0, 0, 0];
    assert!(matches!(parse(&framed(&empty_big)), Err(DecodeError::BadLength { .. })));
    let utf8 = [0x42, 0x00, 0x55, 0x07, 0, 0, 0, 1, 0xFF, 0, 0, 0, 0, 0, 0, 0];
    assert!(matches!(parse(&framed(&utf8)), Err(DecodeError::NotUtf8 { .. })));
    let wrong_type = [0x42, 0x00, 0x8D, 0x02, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0];
    assert!(matches!(parse(&framed(&wrong_type)), Err(DecodeError::WrongType { .. })));
    let unknown_type = [0x54, 0x00, 0x01, 0x0C, 0, 0, 0, 0];
    assert!(matches!(parse(&framed(&unknown_type)), Err(DecodeError::UnknownType { .. })));
}

#[test]
fn depth_items_and_size_have_limits() {
    let mut node = Node::structure(Tag::REQUEST_PAYLOAD, vec![]);
    for _ in 1..Limits::default().depth {
        node = Node::structure(Tag::REQUEST_PAYLOAD, vec![node]);
    }
    assert!(parse(&encode(&node)).is_ok());
    let deeper = Node::structure(Tag::REQUEST_PAYLOAD, vec![node]);
    let over = |bytes: &[u8], limits: &Limits| match View::parse(bytes, limits) {
        Err(DecodeError::OverLimit { what, .. }) => what,
        other => panic!("{other:?}"),
    };
    assert_eq!(over(&encode(&deeper), &Limits::default()), "depth");

    let wide = Node::structure(
        Tag::REQUEST_PAYLOAD,
        (0..100).map(|i| Node::integer(Tag::BATCH_COUNT, i)).collect(),
    );
    let bytes = encode(&wide);
    assert_eq!(over(&bytes, &Limits { items: 100, ..Limits::default() }), "items");
    assert_eq!(over(&bytes, &Limits { frame: bytes.len() - 1, ..Limits::default() }), "frame");
}

#[test]
fn big_integers_of_any_length_are_extended_by_their_sign() {
    for (given, want) in [
        (&[][..], vec![0; 8]),
        (&[0x01, 0x00, 0x01], vec![0, 0, 0, 0, 0, 1, 0, 1]),
        (&[0x80], vec![0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x80]),
    ] {
        let mut encoder = Encoder::ungated();
        encoder.structure(Tag::KEY_MATERIAL, |e| e.big_integer(Tag::MODULUS, given));
        let bytes = encoder.into_bytes();
        let view = parse(&bytes).unwrap();
        assert_eq!(view.find(Tag::MODULUS).unwrap().as_big_integer(), Some(&want[..]));
    }
}
