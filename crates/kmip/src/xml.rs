//! The XML encoding (KMIP Profiles, "XML Encoding"): an element per item, named as its tag, with
//! the attributes `type` (Structure when absent) and `value`.
//!
//! A tag that no version has is `<TTLV tag="0x…">`; a mask is names joined by blanks. [`read`] is
//! for a peer's message: one item, nothing beside it. [`read_all`] is for files of test cases: any
//! number of messages in wrappers and between lines of text.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::tables::{AttributeRule, Tag};
use crate::text::{Budget, Element, Style, TextError, item_type_from, named_by_sibling, tag_from};
use crate::ttlv::{ItemType, Limits};
use crate::value::Node;

/// The item as XML, indented.
///
/// # Errors
/// [`TextError::NotXml`] when a Text String holds a character that XML 1.0 has no way to write.
pub fn write(node: &Node) -> Result<String, TextError> {
    let mut out = String::new();
    write_element(&Element::from_node(node, Style::Xml), 0, &mut out)?;
    Ok(out)
}

/// Reads one item, with nothing else but a declaration, comments and blanks.
///
/// # Errors
/// [`TextError`]; the text's author is at fault.
pub fn read(text: &str, limits: &Limits) -> Result<Node, TextError> {
    let mut roots = parse(text, limits, Manner::Strict)?;
    match (roots.pop(), roots.is_empty()) {
        (Some(root), true) => root.to_node(),
        _ => Err(syntax("there must be one item")),
    }
}

/// Reads the messages of a file of test cases: `KMIP` and `KmipTestCase` elements around them are
/// looked through, text between elements and end tags without a start are passed over, and the
/// name of a standard attribute may be broken by blanks as a line break in a document breaks it.
/// Values stay text: they may be placeholders.
///
/// # Errors
/// [`TextError`]; the text's author is at fault.
pub fn read_all(text: &str, limits: &Limits) -> Result<Vec<Element>, TextError> {
    parse(text, limits, Manner::Tolerant)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    Strict,
    Tolerant,
}

fn parse(text: &str, limits: &Limits, manner: Manner) -> Result<Vec<Element>, TextError> {
    let mut budget = Budget::new(text, limits)?;
    let mut reader = Reader::from_str(text);
    reader.config_mut().allow_unmatched_ends = manner == Manner::Tolerant;
    let mut open: Vec<Element> = Vec::new();
    let mut roots = Vec::new();
    loop {
        let event = reader
            .read_event()
            .map_err(|e| syntax(format!("not XML at byte {}: {e}", reader.error_position())))?;
        match event {
            Event::Eof => break,
            Event::Start(start) => {
                if manner == Manner::Tolerant && open.is_empty() && is_wrapper(&start) {
                    continue;
                }
                let element = begin(&start, &open, &mut budget, manner)?;
                open.push(element);
            }
            Event::Empty(start) => {
                let element = begin(&start, &open, &mut budget, manner)?;
                end(element, &mut open, &mut roots);
            }
            Event::End(_) => {
                // Without an open element it is the end of a wrapper.
                if let Some(element) = open.pop() {
                    end(element, &mut open, &mut roots);
                }
            }
            Event::Comment(_) | Event::Decl(_) => {}
            Event::Text(between) if between.trim().is_empty() => {}
            _ if manner == Manner::Tolerant => {}
            _ => return Err(syntax("there is something else than elements")),
        }
    }
    if open.is_empty() { Ok(roots) } else { Err(syntax("an element is not closed")) }
}

fn is_wrapper(start: &BytesStart<'_>) -> bool {
    matches!(start.name().as_ref(), "KMIP" | "KmipTestCase")
}

fn end(element: Element, open: &mut [Element], roots: &mut Vec<Element>) {
    match open.last_mut() {
        Some(parent) => parent.children.push(element),
        None => roots.push(element),
    }
}

fn begin(
    start: &BytesStart<'_>,
    open: &[Element],
    budget: &mut Budget<'_>,
    manner: Manner,
) -> Result<Element, TextError> {
    budget.item(open.len() + 1)?;
    let before = match open.last() {
        Some(parent) if parent.item_type != ItemType::Structure => {
            return Err(syntax("an element is inside of one that is not a Structure"));
        }
        Some(parent) => parent.children.as_slice(),
        None => &[],
    };
    let name = start.name();
    let mut number = None;
    let mut item_type = ItemType::Structure;
    let mut value = None;
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|e| syntax(format!("a bad XML attribute: {e}")))?;
        let text = attribute
            .normalized_value(quick_xml::XmlVersion::Implicit1_0)
            .map_err(|e| syntax(format!("a bad XML attribute value: {e}")))?;
        match attribute.key.as_ref() {
            "type" => {
                item_type = item_type_from(&text)
                    .ok_or_else(|| TextError::UnknownType { name: text.to_string() })?;
            }
            "value" => value = Some(text.into_owned()),
            "tag" => number = Some(text.into_owned()),
            _ => {}
        }
    }
    let name = match (name.as_ref(), &number) {
        ("TTLV", Some(number)) => number,
        (name, _) => name,
    };
    let tag = tag_from(name).ok_or_else(|| TextError::UnknownTag { name: name.to_owned() })?;
    let mut value = match (item_type, value) {
        (ItemType::Structure, _) => String::new(),
        (ItemType::TextString | ItemType::ByteString, None) => String::new(),
        (_, Some(value)) => value,
        (_, None) => return Err(TextError::BadValue { tag, item_type }),
    };
    if manner == Manner::Tolerant && tag == Tag::ATTRIBUTE_NAME {
        value = unbroken(value);
    }
    let named_by = named_by_sibling(tag, before);
    Ok(Element { tag, item_type, value, named_by, children: Vec::new() })
}

/// The name of a standard attribute with single blanks; any other name as it is.
fn unbroken(name: String) -> String {
    let words: Vec<&str> = name.split_whitespace().collect();
    let joined = words.join(" ");
    if AttributeRule::of_name(&joined).is_some() { joined } else { name }
}

fn write_element(element: &Element, depth: usize, out: &mut String) -> Result<(), TextError> {
    let tag = element.tag;
    let name = match tag.info() {
        Some(info) => info.encoded_name,
        None => "TTLV",
    };
    out.extend(std::iter::repeat_n("  ", depth));
    out.push('<');
    out.push_str(name);
    if tag.info().is_none() {
        out.push_str(&format!(" tag=\"0x{:06X}\"", tag.0));
    }
    if element.item_type != ItemType::Structure {
        out.push_str(" type=\"");
        out.push_str(element.item_type.encoded_name());
        out.push_str("\" value=\"");
        escape(&element.value, out).ok_or(TextError::NotXml { tag })?;
        out.push_str("\"/>\n");
    } else if element.children.is_empty() {
        out.push_str("/>\n");
    } else {
        out.push_str(">\n");
        for child in &element.children {
            write_element(child, depth + 1, out)?;
        }
        out.extend(std::iter::repeat_n("  ", depth));
        out.push_str("</");
        out.push_str(name);
        out.push_str(">\n");
    }
    Ok(())
}

/// Appends the text as an attribute value; blanks that a reader would normalize become references.
fn escape(text: &str, out: &mut String) -> Option<()> {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => out.push_str(&format!("&#{};", u32::from(c))),
            '\0'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}' => return None,
            other => out.push(other),
        }
    }
    Some(())
}

fn syntax(what: impl Into<String>) -> TextError {
    TextError::Syntax { what: what.into() }
}
