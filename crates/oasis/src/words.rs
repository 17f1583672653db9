//! Items in a few words, for reports.

use strongroom_kmip::{Node, Tag, Value, table_of};

use crate::template::{Expected, Want};

pub(crate) fn label_of_expected(expected: &Expected) -> String {
    let literal = |e: &Expected| match &e.want {
        Want::Exactly(value) => show(&Node::new(e.tag, value.clone())),
        Want::Variable(variable) => variable.clone(),
        _ => String::new(),
    };
    label(expected.tag, expected.find(Tag::ATTRIBUTE_NAME).map(literal), || literal(expected))
}

pub(crate) fn label_of_actual(actual: &Node) -> String {
    label(actual.tag, actual.find(Tag::ATTRIBUTE_NAME).map(show), || show(actual))
}

fn label(tag: Tag, attribute: Option<String>, own: impl FnOnce() -> String) -> String {
    match (tag, attribute) {
        (Tag::ATTRIBUTE, Some(name_of)) => format!("{}({name_of})", name(tag)),
        (Tag::ATTRIBUTE_NAME | Tag::ATTRIBUTE_REFERENCE, _) => format!("{}({})", name(tag), own()),
        _ => name(tag),
    }
}

pub(crate) fn name(tag: Tag) -> String {
    match tag.info() {
        Some(info) => info.encoded_name.to_owned(),
        None => format!("0x{:06X}", tag.0),
    }
}

pub(crate) fn describe(expected: &Expected) -> String {
    match &expected.want {
        Want::Exactly(value) => show(&Node::new(expected.tag, value.clone())),
        Want::Variable(variable) => variable.clone(),
        Want::Now(offset) => format!("$NOW{offset:+}"),
        Want::Children(_) => "the structure".to_owned(),
    }
}

/// An item's value in a few words.
pub(crate) fn show(node: &Node) -> String {
    match &node.value {
        Value::Structure(children) => {
            let inside: Vec<_> =
                children.iter().map(|c| format!("{}={}", name(c.tag), show(c))).collect();
            format!("{{{}}}", inside.join(" "))
        }
        Value::Integer(v) => v.to_string(),
        Value::LongInteger(v) => v.to_string(),
        Value::BigInteger(bytes) | Value::ByteString(bytes) => hex(bytes),
        Value::Enumeration(code) => table_of(node.tag)
            .and_then(|t| t.by_code(*code))
            .map(|row| row.encoded_name.to_owned())
            .or_else(|| Tag(*code).info().map(|t| t.encoded_name.to_owned()))
            .unwrap_or_else(|| format!("0x{code:08X}")),
        Value::Boolean(v) => v.to_string(),
        Value::TextString(text) => text.clone(),
        Value::DateTime(seconds) => format!("@{seconds}"),
        Value::Interval(seconds) => format!("{seconds} s"),
        Value::DateTimeExtended(micros) => format!("@{micros} us"),
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    const SHOWN: usize = 20;
    let mut out: String = bytes.iter().take(SHOWN).map(|b| format!("{b:02x}")).collect();
    if bytes.len() > SHOWN {
        out.push_str(&format!("... ({} bytes)", bytes.len()));
    }
    out
}
