//! The codec: bytes, JSON and XML, into items and back.

use strongroom_kmip::{
    Encoder, Limits, Node, ProtocolVersion, Request, ResponseView, View, check_version, json, xml,
};

/// Reads `data` in every way that the codec has.
///
/// What is read as TTLV is the one encoding of what it says: written again it is the same bytes.
/// Whatever is written as JSON or XML reads back as the same item.
///
/// # Panics
/// When one of these does not hold.
pub fn run(data: &[u8]) {
    let limits = Limits::default();
    if let Ok(view) = View::parse(data, &limits) {
        let node = Node::from(view);
        assert_eq!(encoded(&node), data, "the encoding is not canonical: {node:?}");
        for version in ProtocolVersion::ALL {
            let _ = check_version(view, version);
        }
        texts(&node, &limits);
    }
    // Rows of a store, which may be larger and may say what messages may not.
    let _ = View::parse_stored(data, &limits);
    if let Ok(request) = Request::parse(data, &limits) {
        let _ = (request.critical_extension(), request.items.len());
    }
    let _ = ResponseView::parse(data, &limits);
    if let Ok(text) = core::str::from_utf8(data) {
        for node in [xml::read(text, &limits).ok(), json::read(text, &limits).ok()] {
            let Some(node) = node else { continue };
            // Not everything that can be told in text is a message.
            let bytes = encoded(&node);
            if let Ok(view) = View::parse(&bytes, &limits) {
                assert_eq!(Node::from(view), node);
            }
        }
        let _ = xml::read_all(text, &limits);
    }
}

fn encoded(node: &Node) -> Vec<u8> {
    let mut encoder = Encoder::ungated();
    encoder.node(node);
    encoder.into_bytes()
}

fn texts(node: &Node, limits: &Limits) {
    if let Ok(text) = xml::write(node) {
        let back = xml::read(&text, limits);
        assert_eq!(back.as_ref(), Ok(node), "XML: {text}");
    }
    let text = json::write(node);
    assert_eq!(json::read(&text, limits).as_ref(), Ok(node), "JSON: {text}");
}
