//! `strongroom key`.

mod create;
mod expiring;
mod import;
mod life;

use clap::{Args, Subcommand};
use serde_json::Value;

use self::create::Create;
use self::expiring::Expiring;
use self::import::Import;
use self::life::{Dangerous, Destroy, One, Revoke};
use super::change::table_or;
use super::client::{Client, encode};
use super::grant::{Give, Grants, Group, Withdraw};
use super::output::{cut, pairs, show, time};
use super::{Done, Reach};
use crate::admin::types::{KeyPage, KeyRow, KeyView};
use crate::errors::{self, Exit, Fault};

/// Keys and other managed objects: what they are and how they stand, never their material.
#[derive(Subcommand)]
pub enum Key {
    /// Make a key or a key pair.
    Create(Create),
    /// Import keys in bulk from a file.
    Import(Import),
    /// List them, oldest first.
    List(List),
    /// One in full, without its material.
    Show(Show),
    /// What comes of keys by their dates.
    Expiring(Expiring),
    /// Activate a key.
    Activate(One),
    /// Replace a key or a key pair now: names move to the replacement, the old one only decrypts
    /// and verifies any more.
    Rotate(Dangerous),
    /// Revoke a key: it only decrypts and verifies any more.
    Revoke(Revoke),
    /// Destroy a key's value, for good.
    Destroy(Destroy),
    /// Call back a destruction that has not come yet.
    Recall(One),
    /// Take a key off line: it is neither given out nor used until it is recovered.
    Archive(One),
    /// Bring a key back from the archive.
    Recover(One),
    /// Let a user or a group do operations with a key, or with every key of a key group.
    Grant(Give),
    /// Withdraw what was granted. It bites on the next request.
    Withdraw(Withdraw),
    /// What is granted on a key or a key group.
    Grants(Grants),
    /// Key groups: sets of keys that grants and rules speak of.
    #[command(subcommand)]
    Group(Group),
}

/// List managed objects.
#[derive(Args)]
pub struct List {
    /// Only those with this name.
    #[arg(long)]
    name: Option<String>,
    /// Only those in this state: pre-active, active, deactivated, compromised, destroyed.
    #[arg(long)]
    state: Option<String>,
    /// How many.
    #[arg(short = 'n', long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    lines: u16,
    /// Those behind this one, as the end of the page before says.
    #[arg(long, value_name = "ID")]
    after: Option<String>,
    #[command(flatten)]
    reach: Reach,
}

/// One managed object in full.
#[derive(Args)]
pub struct Show {
    /// Its identifier, as `key list` shows it, or its name if no other key has that.
    #[arg(value_name = "ID_OR_NAME")]
    key: String,
    #[command(flatten)]
    reach: Reach,
}

const OFFICER: &[&str] = &["officer"];
const READERS: &[&str] = &["officer", "auditor"];

impl Key {
    pub fn run(self) -> Done {
        match self {
            Self::List(c) => c.run(),
            Self::Show(c) => c.run(),
            Self::Create(c) => c.run(),
            Self::Import(c) => c.run(),
            Self::Expiring(c) => c.run(),
            Self::Activate(c) => c.run("activate", "is active"),
            Self::Rotate(c) => c.rotate(),
            Self::Revoke(c) => c.run(),
            Self::Destroy(c) => c.run(),
            Self::Recall(c) => c.run("recall", "will not be destroyed"),
            Self::Archive(c) => c.run("archive", "is archived"),
            Self::Recover(c) => c.run("recover", "is on line again"),
            Self::Grant(c) => c.run(),
            Self::Withdraw(c) => c.run(),
            Self::Grants(c) => c.run(),
            Self::Group(c) => c.run(),
        }
    }
}

impl List {
    fn run(self) -> Done {
        let client = Client::new(&self.reach, READERS)?;
        let mut path = format!("/v1/keys?limit={}", self.lines);
        for (name, value) in [("name", &self.name), ("state", &self.state), ("after", &self.after)]
        {
            if let Some(value) = value {
                path.push_str(&format!("&{name}={}", encode(value)));
            }
        }
        let page: KeyPage = client.get(&path)?;
        show(self.reach.output, &page, page_text)?;
        Ok(Exit::Ok)
    }
}

impl Show {
    fn run(self) -> Done {
        let client = Client::new(&self.reach, READERS)?;
        let id = identify(&client, &self.key)?;
        let key: KeyView = client.get(&format!("/v1/keys/{}", encode(&id)))?;
        show(self.reach.output, &key, view_text)?;
        Ok(Exit::Ok)
    }
}

/// The identifier that somebody means: what looks like one is one; else it is a name, which only
/// one key that is not destroyed may have among all that this caller sees.
pub(super) fn identify(client: &Client, given: &str) -> Result<String, Fault> {
    if looks_like_an_identifier(given) {
        return Ok(given.to_owned());
    }
    let page: KeyPage =
        client.get(&format!("/v1/keys?limit={MOST_NAMESAKES}&name={}", encode(given)))?;
    one_of(given, &page)
}

/// How many keys of one name are listed.
const MOST_NAMESAKES: usize = 10;

fn one_of(given: &str, page: &KeyPage) -> Result<String, Fault> {
    let living: Vec<&KeyRow> =
        page.keys.iter().filter(|key| !key.state.starts_with("Destroyed")).collect();
    let meant = if living.is_empty() { page.keys.iter().collect() } else { living };
    match meant.as_slice() {
        // Whoever made an object with an identifier of another form means that.
        [] => Ok(given.to_owned()),
        [one] if page.after.is_none() => Ok(one.id.clone()),
        several => {
            let ids: Vec<String> =
                several.iter().map(|key| format!("{} of {}", key.id, key.owner)).collect();
            let more = if page.after.is_some() { " and more" } else { "" };
            let what = format!("Several keys are named `{given}`: {}{more}.", ids.join(", "));
            Err(Fault::new(errors::AMBIGUOUS, what))
        }
    }
}

/// A UUID as identifiers are written.
fn looks_like_an_identifier(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && text.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
}

/// Two lines for each: with the name and the owner in one line, neither would have room.
fn page_text(page: &KeyPage) -> String {
    let mut rows = Vec::new();
    for key in &page.keys {
        let (id, kind) = (cut(&key.id, 36), cut(&kind(key), 12));
        rows.push(vec![id, cut(&key.object_type, 14), kind, key.state.clone()]);
        let owner = format!("  {}", cut(&key.owner, 12));
        rows.push(vec![format!("  {}", cut(&key.name, 34)), owner, String::new(), String::new()]);
    }
    let none =
        "No keys. Make one with `strongroom key create NAME`, or ask without --name and --state.";
    let mut out = table_or(&["Id, name", "Type, owner", "Algorithm", "State"], &rows, none);
    if let Some(after) = &page.after {
        out.push_str(&format!("There are more: --after {after}\n"));
    }
    out
}

/// `AES-256`.
fn kind(key: &KeyRow) -> String {
    match key.length {
        Some(length) if !key.algorithm.is_empty() => format!("{}-{length}", key.algorithm),
        _ => key.algorithm.clone(),
    }
}

fn view_text(key: &KeyView) -> String {
    let row = &key.key;
    let mut rows = vec![
        ("Id", row.id.clone()),
        ("Name", row.name.clone()),
        ("Type", row.object_type.clone()),
        ("Algorithm", kind(row)),
        ("State", row.state.clone()),
        ("Owner", row.owner.clone()),
        ("Made", time(row.created)),
    ];
    if let Some(at) = row.destruction {
        rows.push(("Will be destroyed", time(at.saturating_mul(1000))));
    }
    if let Some(last) = &key.last_use {
        let text = format!("{} by {}, {}", last.operation, last.actor, time(last.time));
        rows.push(("Last use", text));
    }
    for link in &key.links {
        rows.push(("Link", format!("{} {}", link.kind, link.id)));
    }
    rows.retain(|(_, value)| !value.is_empty());
    let mut out = pairs(&rows);
    let attributes: Vec<_> =
        key.attributes.iter().map(|a| (a.name.as_str(), words(&a.value))).collect();
    out.push_str("\nAttributes\n");
    out.push_str(&pairs(&attributes));
    out
}

/// A value in words: the members of a structure in a row. What has no gap to fold at is cut; JSON
/// has it whole.
fn words(value: &Value) -> String {
    match value {
        Value::String(text) => {
            text.split(' ').map(|word| cut(word, 48)).collect::<Vec<_>>().join(" ")
        }
        Value::Array(items) => {
            let member = |item: &Value| {
                let tag = item["tag"].as_str().unwrap_or_default();
                format!("{tag} {}", words(&item["value"]))
            };
            items.iter().map(member).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_fits_in_80_columns_with_whole_identifiers() {
        let key = KeyRow {
            id: "0192f3c4-5d6e-7f80-9123-456789abcdef".into(),
            name: "a name that is as long as names get to be in earnest".into(),
            object_type: "Symmetric Key".into(),
            algorithm: "AES".into(),
            length: Some(256),
            state: "Deactivated".into(),
            owner: "db-01".into(),
            created: 0,
            destruction: None,
        };
        let text = page_text(&KeyPage { keys: vec![key.clone()], after: Some(key.id.clone()) });
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(text.contains(&key.id) && text.contains("AES-256"), "{text}");
        assert!(text.contains("db-01"), "{text}");
    }

    #[test]
    fn a_name_is_an_identifier_if_one_living_key_has_it() {
        let key = |id: &str, state: &str| KeyRow {
            id: id.into(),
            name: "n".into(),
            object_type: String::new(),
            algorithm: String::new(),
            length: None,
            state: state.into(),
            owner: "db-01".into(),
            created: 0,
            destruction: None,
        };
        let page = |keys: Vec<KeyRow>| KeyPage { keys, after: None };
        assert_eq!(one_of("n", &page(vec![key("1", "Active")])).unwrap(), "1");
        let with_old = page(vec![key("1", "Destroyed"), key("2", "Deactivated")]);
        assert_eq!(one_of("n", &with_old).unwrap(), "2");
        assert_eq!(one_of("n", &page(vec![key("1", "Destroyed")])).unwrap(), "1");
        assert_eq!(one_of("n", &page(Vec::new())).unwrap(), "n");
        let two = one_of("n", &page(vec![key("1", "Active"), key("2", "Active")])).unwrap_err();
        assert_eq!(two.info.name, "ambiguous");
        assert!(two.detail.contains("1 of db-01") && two.detail.contains("2 of db-01"), "{two}");
        let more = KeyPage { keys: vec![key("1", "Active")], after: Some("1".into()) };
        assert!(one_of("n", &more).is_err());
    }

    #[test]
    fn an_identifier_is_told_from_a_name() {
        assert!(looks_like_an_identifier("0192f3c4-5d6e-7f80-9123-456789abcdef"));
        for name in ["payroll", "0192f3c4-5d6e-7f80-9123-456789abcde", "a-b-c-d-e", ""] {
            assert!(!looks_like_an_identifier(name), "{name}");
        }
    }

    #[test]
    fn a_structure_is_its_members_in_a_row() {
        let value = serde_json::json!([
            { "tag": "NameValue", "type": "TextString", "value": "n" },
            { "tag": "UsageLimitsTotal", "type": "LongInteger", "value": 5 },
        ]);
        assert_eq!(words(&value), "NameValue n, UsageLimitsTotal 5");
        assert_eq!(words(&"ab".repeat(99).into()).chars().count(), 48);
    }
}
