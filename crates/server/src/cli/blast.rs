//! What a dangerous step would hit: shown before it is done, and then the name is asked for.

use super::client::{Client, encode};
use super::output::{cut, time};
use super::root::confirm;
use crate::admin::types::{KeyView, UsesView};
use crate::config::table::fold;
use crate::errors::Fault;

/// Most users that are named.
const MOST_NAMED: usize = 5;

/// What would be hit, sentence by sentence.
#[derive(Debug, Default)]
pub struct Blast(Vec<String>);

impl Blast {
    /// Begins with what would be done.
    pub fn new(what: impl Into<String>) -> Self {
        Self(vec![what.into()])
    }

    /// Says one thing more.
    #[must_use]
    pub fn and(mut self, what: impl Into<String>) -> Self {
        let what = what.into();
        if !what.is_empty() {
            self.0.push(what);
        }
        self
    }

    /// For people.
    pub fn text(&self) -> String {
        let lines = self.0.iter().flat_map(|what| match what.contains('\n') {
            // A table is laid out already.
            true => vec![what.trim_end().to_owned()],
            false => fold(what, 80),
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Shows it and asks for a word, the name of what would be hit.
    ///
    /// # Errors
    /// [`INPUT`](crate::errors::INPUT) if it is not confirmed, or nobody is there to be asked.
    pub fn ask(&self, word: &str) -> Result<(), Fault> {
        confirm(false, &self.text(), word)
    }

    /// What hangs on a key.
    ///
    /// # Errors
    /// What the server answered, or why it could not be asked.
    pub fn of_key(client: &Client, key: &KeyView, what: &str) -> Result<Self, Fault> {
        let uses: UsesView = client.get(&format!("/v1/uses?key={}", encode(&key.key.id)))?;
        let row = &key.key;
        let kind = [row.algorithm.as_str(), row.object_type.as_str(), row.state.as_str()];
        let kind = kind.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(", ");
        let mut blast = Self::new(format!("{} of {} ({kind}) {what}", name_of(key), row.owner));
        if row.id != name_of(key) {
            blast = blast.and(format!("It is {}.", row.id));
        }
        blast = blast.and(used(&uses, "It"));
        if uses.wraps_count > 0 {
            blast = blast.and(format!(
                "{} objects are kept wrapped by it, and nobody unwraps them without it: {}.",
                uses.wraps_count,
                some(&uses.wraps, uses.wraps_count)
            ));
        }
        for link in &uses.links {
            blast = blast.and(format!("Linked ({}): {}.", link.kind, link.id));
        }
        if !key.key_groups.is_empty() {
            blast = blast.and(format!("It is in the key groups {}.", key.key_groups.join(", ")));
        }
        Ok(blast)
    }
}

/// What people call a key.
pub fn name_of(key: &KeyView) -> &str {
    if key.key.name.is_empty() { &key.key.id } else { &key.key.name }
}

/// How something was used, in sentences.
pub fn used(uses: &UsesView, what: &str) -> String {
    let since = match uses.whole {
        true => "in the last 30 days".to_owned(),
        false => format!("since {}, as far back as was looked", time(uses.since)),
    };
    let Some(last) = &uses.last else { return format!("{what} was not used {since}.") };
    let named = uses.users.iter().take(MOST_NAMED);
    let named: Vec<String> =
        named.map(|by| format!("{} ({} times)", cut(&by.user, 32), by.uses)).collect();
    let more = match uses.users.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let clients = match uses.users.len() {
        1 => "1 client".to_owned(),
        several => format!("{several} clients"),
    };
    format!(
        "{what} was last used by {} at {} ({}). {clients} used it {since}: {}{more}.",
        last.actor,
        time(last.time),
        last.operation,
        named.join(", ")
    )
}

fn some(ids: &[String], count: u64) -> String {
    let named = ids.iter().take(MOST_NAMED).cloned().collect::<Vec<_>>();
    match count.saturating_sub(named.len() as u64) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::types::UsedBy;

    fn uses(users: usize, whole: bool) -> UsesView {
        UsesView {
            last: None,
            users: (0..users)
                .map(|n| UsedBy { user: format!("db-{n}"), uses: 3, last: 0 })
                .collect(),
            uses: 0,
            objects: 0,
            since: 0,
            whole,
            wraps: Vec::new(),
            wraps_count: 0,
            links: Vec::new(),
        }
    }

    #[test]
    fn what_was_not_looked_at_is_said() {
        assert_eq!(used(&uses(0, true), "It"), "It was not used in the last 30 days.");
        let short = used(&uses(0, false), "It");
        assert!(short.contains("since 1970-01-01 00:00:00Z, as far back as was looked"), "{short}");
    }

    #[test]
    fn sentences_are_folded_and_tables_are_not() {
        let blast = Blast::new("word ".repeat(40)).and("a  b\nc  d\n").and("");
        let text = blast.text();
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(text.ends_with("a  b\nc  d"), "{text}");
    }
}
