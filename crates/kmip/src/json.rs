//! The JSON encoding (KMIP Profiles, "JSON Encoding"): `{"tag": …, "type": …, "value": …}`.
//!
//! Tags and enumerations are names, or hexadecimal where no version has a name; a mask is names
//! joined by `|`; integers beyond 52 bits, Big Integers and Byte Strings are hexadecimal text.

use serde_json::{Map, Value as Json, json};

use crate::text::{Budget, Element, Style, TextError, item_type_from, named_by_sibling, tag_from};
use crate::ttlv::{ItemType, Limits};
use crate::value::Node;

/// The item as JSON.
pub fn write(node: &Node) -> String {
    to_json(&Element::from_node(node, Style::Json)).to_string()
}

/// Reads one item.
///
/// # Errors
/// [`TextError`]; the text's author is at fault.
pub fn read(text: &str, limits: &Limits) -> Result<Node, TextError> {
    let mut budget = Budget::new(text, limits)?;
    let json = serde_json::from_str(text)
        .map_err(|e| syntax(format!("not JSON at line {}, column {}", e.line(), e.column())))?;
    from_json(&json, 1, &[], &mut budget)?.to_node()
}

fn to_json(element: &Element) -> Json {
    let tag = match element.tag.info() {
        Some(info) => info.encoded_name.to_owned(),
        None => format!("0x{:06X}", element.tag.0),
    };
    if element.item_type == ItemType::Structure {
        let items: Vec<Json> = element.children.iter().map(to_json).collect();
        return json!({ "tag": tag, "value": items });
    }
    let text = &element.value;
    let value = match element.item_type {
        // Names and hexadecimal do not parse and stay text.
        ItemType::Integer | ItemType::LongInteger | ItemType::Interval => {
            text.parse::<i64>().map_or_else(|_| json!(text), Json::from)
        }
        ItemType::Boolean => json!(text == "true"),
        _ => json!(text),
    };
    json!({ "tag": tag, "type": element.item_type.encoded_name(), "value": value })
}

fn from_json(
    json: &Json,
    depth: usize,
    before: &[Element],
    budget: &mut Budget<'_>,
) -> Result<Element, TextError> {
    budget.item(depth)?;
    let object = json.as_object().ok_or_else(|| syntax("an item must be an object"))?;
    let name = text_of(object, "tag")?.ok_or_else(|| syntax("an item must have a tag"))?;
    let tag = tag_from(name).ok_or_else(|| TextError::UnknownTag { name: name.to_owned() })?;
    let item_type = match text_of(object, "type")? {
        None => ItemType::Structure,
        Some(name) => {
            item_type_from(name).ok_or_else(|| TextError::UnknownType { name: name.to_owned() })?
        }
    };
    let mut element = Element {
        tag,
        item_type,
        value: String::new(),
        named_by: named_by_sibling(tag, before),
        children: Vec::new(),
    };
    match (item_type, object.get("value")) {
        (ItemType::Structure, None | Some(Json::Null)) => {}
        (ItemType::Structure, Some(Json::Array(items))) => {
            for item in items {
                let child = from_json(item, depth + 1, &element.children, budget)?;
                element.children.push(child);
            }
        }
        (ItemType::Structure, _) => return Err(syntax("a Structure's value must be an array")),
        (_, Some(Json::String(text))) => element.value.clone_from(text),
        (ItemType::Boolean, Some(Json::Bool(value))) => element.value = value.to_string(),
        (
            ItemType::Integer
            | ItemType::LongInteger
            | ItemType::Interval
            | ItemType::Enumeration
            | ItemType::DateTime
            | ItemType::DateTimeExtended,
            Some(Json::Number(number)),
        ) => element.value = number.to_string(),
        _ => return Err(TextError::BadValue { tag, item_type }),
    }
    Ok(element)
}

fn text_of<'a>(object: &'a Map<String, Json>, key: &str) -> Result<Option<&'a str>, TextError> {
    match object.get(key) {
        None => Ok(None),
        Some(Json::String(text)) => Ok(Some(text)),
        Some(_) => Err(syntax(format!("{key} must be text"))),
    }
}

fn syntax(what: impl Into<String>) -> TextError {
    TextError::Syntax { what: what.into() }
}
