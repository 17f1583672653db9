//! The standard's own test cases, where they are at hand: a folder `shared/oasis-xml` beside this
//! repository or above it. Every message in them must survive XML, TTLV and JSON unchanged.

use std::path::{Path, PathBuf};

use strongroom_kmip::{
    Element, Encoder, ItemType, Limits, Node, ProtocolVersion, Request, ResponseView, Tag, View,
    check_version, json, xml,
};

fn folder() -> Option<PathBuf> {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .canonicalize()
        .ok()?
        .ancestors()
        .map(|dir| dir.join("shared/oasis-xml"))
        .find(|dir| dir.is_dir())
}

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|e| e == "xml") {
            found.push(path);
        }
    }
}

/// Puts a value of the right type in the place of `$NAME`.
fn fill_in(element: &mut Element) {
    element.children.iter_mut().for_each(fill_in);
    if element.value.starts_with('$') {
        element.value = match element.item_type {
            ItemType::DateTime => "2024-01-02T03:04:05+00:00".to_owned(),
            ItemType::ByteString | ItemType::BigInteger => "0011223344556677".to_owned(),
            ItemType::TextString => return,
            _ => "1".to_owned(),
        };
    }
}

#[test]
fn every_message_survives_every_encoding() {
    let Some(folder) = folder() else {
        println!("skipped: there is no folder shared/oasis-xml beside or above this repository");
        return;
    };
    let mut paths = Vec::new();
    files(&folder, &mut paths);
    assert!(!paths.is_empty());
    let limits = Limits::default();
    let mut violations = Vec::new();
    let mut messages = 0;
    for path in &paths {
        let name = path.strip_prefix(&folder).unwrap().display();
        let text = std::fs::read_to_string(path).unwrap();
        let elements = xml::read_all(&text, &limits).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(!elements.is_empty(), "{name}");
        for mut element in elements {
            fill_in(&mut element);
            let node = element.to_node().unwrap_or_else(|e| panic!("{name}: {e}"));
            let mut encoder = Encoder::ungated();
            encoder.node(&node);
            let bytes = encoder.into_bytes();
            let view = View::parse(&bytes, &limits).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(Node::from(view), node, "{name}");
            let text = xml::write(&node).unwrap();
            assert_eq!(xml::read(&text, &limits).as_ref(), Ok(&node), "{name}");
            assert_eq!(json::read(&json::write(&node), &limits).as_ref(), Ok(&node), "{name}");
            let version = match node.tag {
                Tag::REQUEST_MESSAGE => version_of_request(&bytes, &limits),
                Tag::RESPONSE_MESSAGE => ResponseView::parse(&bytes, &limits)
                    .map(|r| r.version)
                    .map_err(|e| e.to_string()),
                other => panic!("{name}: a message with the tag {other}"),
            };
            let version = version.unwrap_or_else(|e| panic!("{name}: {e}"));
            if let Err(violation) = check_version(view, version) {
                violations.push(format!("{name} ({version}): {violation}"));
            }
            messages += 1;
        }
    }
    println!("{messages} messages in {} files", paths.len());
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

fn version_of_request(bytes: &[u8], limits: &Limits) -> Result<ProtocolVersion, String> {
    Request::parse(bytes, limits).map(|r| r.header.version).map_err(|e| e.to_string())
}
