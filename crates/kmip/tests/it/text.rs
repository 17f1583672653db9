//! The XML and JSON encodings.

use proptest::prelude::*;
use strongroom_kmip::{Limits, Node, Tag, TextError, Value, json, xml};

use crate::generate;

fn limits() -> Limits {
    Limits::default()
}

/// Replaces characters that XML cannot carry.
fn for_xml(node: Node) -> Node {
    let clean = |c: char| match c {
        '\t' | '\n' | '\r' => c,
        '\0'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}' => '?',
        other => other,
    };
    let value = match node.value {
        Value::Structure(items) => Value::Structure(items.into_iter().map(for_xml).collect()),
        Value::TextString(text) => Value::TextString(text.chars().map(clean).collect()),
        other => other,
    };
    Node::new(node.tag, value)
}

proptest! {
    #[test]
    fn xml_reads_back_the_same(node in generate::node().prop_map(for_xml)) {
        let text = xml::write(&node).unwrap();
        prop_assert_eq!(xml::read(&text, &limits()).unwrap(), node.clone(), "{}", text);
        let all = xml::read_all(&text, &limits()).unwrap();
        prop_assert_eq!(all.len(), 1);
        prop_assert_eq!(all[0].to_node().unwrap(), node);
    }

    #[test]
    fn json_reads_back_the_same(node in generate::node()) {
        let text = json::write(&node);
        prop_assert_eq!(json::read(&text, &limits()).unwrap(), node, "{}", text);
    }

    #[test]
    fn random_text_never_panics(text in any::<String>()) {
        let _ = xml::read(&text, &limits());
        let _ = xml::read_all(&text, &limits());
        let _ = json::read(&text, &limits());
    }

    #[test]
    fn damaged_text_never_panics(
        node in generate::node().prop_map(for_xml),
        at in any::<prop::sample::Index>(),
        c in any::<char>(),
    ) {
        for text in [xml::write(&node).unwrap(), json::write(&node)] {
            let mut chars: Vec<char> = text.chars().collect();
            let at = at.index(chars.len());
            chars[at] = c;
            let damaged: String = chars.into_iter().collect();
            let _ = xml::read(&damaged, &limits());
            let _ = xml::read_all(&damaged, &limits());
            let _ = json::read(&damaged, &limits());
        }
    }

    #[test]
    fn values_of_any_text_never_panic(text in any::<String>()) {
        let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
        for item_type in [
            "Integer", "LongInteger", "BigInteger", "Enumeration", "Boolean", "TextString",
            "ByteString", "DateTime", "Interval", "DateTimeExtended",
        ] {
            let xml = format!("<TTLV tag=\"0x540001\" type=\"{item_type}\" value=\"{escaped}\"/>");
            let _ = xml::read(&xml, &limits());
        }
    }
}

fn one(xml: &str) -> Result<Value, TextError> {
    xml::read(xml, &limits()).map(|node| node.value)
}

#[test]
fn values_are_read_in_every_spelling_of_the_profiles() {
    let mask = r#"<CryptographicUsageMask type="Integer" value="Encrypt  Decrypt 0x80000000"/>"#;
    assert_eq!(one(mask), Ok(Value::Integer(0x8000_000C_u32 as i32)));
    for text in ["AES", "0x00000003", "3"] {
        let xml = format!(r#"<CryptographicAlgorithm type="Enumeration" value="{text}"/>"#);
        assert_eq!(one(&xml), Ok(Value::Enumeration(3)));
    }
    let reference = r#"<AttributeReference type="Enumeration" value="State"/>"#;
    assert_eq!(one(reference), Ok(Value::Enumeration(Tag::STATE.0)));
    let big = r#"<Modulus type="BigInteger" value="010001"/>"#;
    assert_eq!(one(big), Ok(Value::BigInteger(vec![0, 0, 0, 0, 0, 1, 0, 1])));
    let date = r#"<InitialDate type="DateTime" value="2010-02-11T10:26:05+02:00"/>"#;
    assert_eq!(one(date), Ok(Value::DateTime(1_265_876_765)));
    let tagged = r#"<TTLV tag="0x42008D" type="Enumeration" value="Active"/>"#;
    assert_eq!(one(tagged), Ok(Value::Enumeration(2)));
}

#[test]
fn the_name_of_a_1x_attribute_tells_the_table_of_its_value() {
    let text = r#"<Attribute>
        <AttributeName type="TextString" value="Cryptographic Algorithm"/>
        <AttributeValue type="Enumeration" value="AES"/>
    </Attribute>"#;
    let node = xml::read(text, &limits()).unwrap();
    assert_eq!(node.find(Tag::ATTRIBUTE_VALUE).unwrap().value, Value::Enumeration(3));
    assert!(xml::write(&node).unwrap().contains(r#"value="AES""#));
    let vendor = r#"<Attribute>
        <VendorIdentification type="TextString" value="x"/>
        <AttributeName type="TextString" value="State"/>
        <AttributeValue type="Enumeration" value="Active"/>
    </Attribute>"#;
    assert!(matches!(xml::read(vendor, &limits()), Err(TextError::BadValue { .. })));
}

#[test]
fn json_is_written_as_the_profiles_show_it() {
    let node =
        Node::structure(Tag::PROTOCOL_VERSION, vec![Node::integer(Tag::PROTOCOL_VERSION_MAJOR, 1)]);
    assert_eq!(
        json::write(&node),
        r#"{"tag":"ProtocolVersion","value":[{"tag":"ProtocolVersionMajor","type":"Integer","value":1}]}"#
    );
    let mask = Node::integer(Tag::CRYPTOGRAPHIC_USAGE_MASK, 12);
    assert!(json::write(&mask).contains(r#""value":"Encrypt|Decrypt""#));
    let long = Node::new(Tag::USAGE_LIMITS_TOTAL, Value::LongInteger(1 << 53));
    assert!(json::write(&long).contains(r#""value":"0x0020000000000000""#));
}

#[test]
fn texts_over_a_limit_are_refused() {
    let deep = format!("{}{}", "<KeyValue>".repeat(40), "</KeyValue>".repeat(40));
    let over = |result: Result<Node, TextError>| match result {
        Err(TextError::OverLimit { what, .. }) => what,
        other => panic!("{other:?}"),
    };
    assert_eq!(over(xml::read(&deep, &limits())), "depth");
    let open = r#"{"tag":"KeyValue","value":["#;
    let deep = format!("{}{}", open.repeat(40), "]}".repeat(40));
    assert_eq!(over(json::read(&deep, &limits())), "depth");
    let small = Limits { frame: 10, ..limits() };
    assert_eq!(over(xml::read(&" ".repeat(41), &small)), "text");
    assert_eq!(over(json::read(&" ".repeat(41), &small)), "text");
    let wide = format!("<KeyValue>{}</KeyValue>", "<KeyValue/>".repeat(10));
    assert_eq!(over(xml::read(&wide, &Limits { items: 10, ..limits() })), "items");
}

#[test]
fn what_is_no_item_is_refused() {
    for text in [
        "",
        "<KeyValue>",
        "</KeyValue>",
        "<KeyValue></KeyBlock>",
        "<KeyValue/><KeyValue/>",
        "<KeyValue>text</KeyValue>",
        "<NoSuchTag/>",
        r#"<State type="Enumeration"/>"#,
        r#"<State type="Integer" value="1"/>"#,
        r#"<State type="NoSuchType" value="1"/>"#,
        r#"<State type="Enumeration" value="NoSuchState"/>"#,
        r#"<BatchCount type="Integer" value="1"><BatchCount type="Integer" value="1"/></BatchCount>"#,
        r#"<NameValue type="TextString" value="&unknown;"/>"#,
        r#"<!DOCTYPE x [<!ENTITY e "e">]><NameValue type="TextString" value="&e;"/>"#,
        r#"<KeyMaterial type="ByteString" value="0"/>"#,
    ] {
        assert!(xml::read(text, &limits()).is_err(), "{text}");
    }
    for text in ["", "[]", "{}", r#"{"tag":1}"#, r#"{"tag":"State","type":"Enumeration"}"#] {
        assert!(json::read(text, &limits()).is_err(), "{text}");
    }
    let control = Node::text(Tag::NAME_VALUE, "\u{1}");
    assert_eq!(xml::write(&control), Err(TextError::NotXml { tag: Tag::NAME_VALUE }));
}
