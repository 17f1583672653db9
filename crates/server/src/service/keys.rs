//! Managed objects as the admin API shows them.

use strongroom_engine::{Engine, KeyDetail, KeyFilter, KeySummary};
use strongroom_kmip::{Attribute, Node, State, Tag, Value, json};

use super::KeyQuery;
use crate::admin::types::{KeyAttribute, KeyLink, KeyPage, KeyRow, KeyView};
use crate::errors::Fault;

pub(super) fn page(engine: &Engine, query: &KeyQuery) -> Result<KeyPage, Fault> {
    let state = query.state.as_deref().map(state_named).transpose()?;
    let filter = KeyFilter { name: query.name.clone(), state };
    // One more than asked for tells whether there is a page behind.
    let mut found = engine.keys(&filter, query.after.as_deref(), query.limit + 1)?;
    let more = found.len() > query.limit;
    found.truncate(query.limit);
    let after = found.last().filter(|_| more).map(|last| last.id.clone());
    Ok(KeyPage { keys: found.into_iter().map(row).collect(), after })
}

pub(super) fn view(detail: KeyDetail) -> KeyView {
    KeyView {
        key: row(detail.summary),
        attributes: detail.attributes.iter().map(attribute).collect(),
        links: links(detail.links),
        last_use: detail.last_use.map(Into::into),
        key_groups: detail.key_groups,
        etag: detail.tag,
    }
}

pub(super) fn links(links: Vec<(&'static str, String)>) -> Vec<KeyLink> {
    links.into_iter().map(|(kind, id)| KeyLink { kind: kind.to_owned(), id }).collect()
}

pub(super) fn row(key: KeySummary) -> KeyRow {
    KeyRow {
        id: key.id,
        name: key.name,
        object_type: key.object_type.to_owned(),
        algorithm: key.algorithm.to_owned(),
        length: key.length,
        state: key.state.to_owned(),
        owner: key.owner,
        created: key.created_ms,
        destruction: key.destruction,
    }
}

/// A state by its name; people write `pre-active` or `Pre-Active`.
fn state_named(word: &str) -> Result<State, Fault> {
    let plain = |text: &str| {
        let letters = text.chars().filter(|c| c.is_ascii_alphabetic());
        letters.map(|c| c.to_ascii_lowercase()).collect::<String>()
    };
    let row = State::TABLE.values.iter().find(|row| plain(row.name) == plain(word));
    row.map(|row| State(row.code)).ok_or_else(|| {
        let names: Vec<_> = State::TABLE.values.iter().map(|row| row.name).collect();
        Fault::bad_request(format!("A state is one of {}.", names.join(", ")))
    })
}

fn attribute(attribute: &Attribute) -> KeyAttribute {
    KeyAttribute {
        name: attribute.name.to_string(),
        index: attribute.index,
        value: value(attribute.name.tag().unwrap_or(Tag::ATTRIBUTE_VALUE), &attribute.value),
    }
}

/// A value as KMIP's JSON has it, without the tag and the type around it.
fn value(tag: Tag, value: &Value) -> serde_json::Value {
    let text = json::write(&Node::new(tag, value.clone()));
    let mut item: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    item.get_mut("value").map(serde_json::Value::take).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_known_however_people_write_them() {
        for word in ["Pre-Active", "pre-active", "preactive", "PRE ACTIVE"] {
            assert_eq!(state_named(word).unwrap(), State::PRE_ACTIVE);
        }
        assert!(state_named("alive").unwrap_err().detail.contains("Deactivated"));
    }

    #[test]
    fn values_are_those_of_kmips_json() {
        let name = Value::Structure(vec![Node::text(Tag::NAME_VALUE, "payroll")]);
        let shown = value(Tag::NAME, &name);
        assert_eq!(shown[0]["value"], "payroll");
        assert_eq!(value(Tag::CRYPTOGRAPHIC_LENGTH, &Value::Integer(256)), 256);
    }
}
