//! What of the configuration is another than at the start before: told to the audit, since what the
//! server does hangs on it as much as on what is journalled.
//!
//! The values in force are kept as a setting of the server's own, in the chain of changes. No key of
//! the configuration takes a secret. They are compared once after a start, as soon as the store is
//! open and takes changes.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use strongroom_engine::{Caller, Engine, EngineError, Event};

/// Most keys that are named with their values; an audit record has 16 parameters.
const MOST_NAMED: usize = 15;

/// The values in force, until they are compared.
#[derive(Default)]
pub(super) struct Configured(Mutex<Option<Vec<(String, String)>>>);

impl Configured {
    /// Has the values compared as soon as may be.
    pub(super) fn set(&self, values: Vec<(String, String)>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(values);
    }

    /// Compares, if that waits to be done and can be done now.
    pub(super) fn tell(&self, engine: &Engine) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(values) = waiting.as_ref() else { return };
        if engine.is_sealed()
            || engine.is_quarantined()
            || engine.is_replica()
            || engine.is_disk_full()
        {
            return;
        }
        match compare(engine, values) {
            Ok(()) => *waiting = None,
            Err(error) => {
                tracing::error!(%error, "what changed in the configuration was not recorded");
            }
        }
    }
}

fn compare(engine: &Engine, values: &[(String, String)]) -> Result<(), EngineError> {
    // Each site has a configuration of its own.
    let name = format!("configuration-{}", engine.status().site);
    let before = engine.setting(&name);
    let now = text(values);
    if before.as_deref() == Some(now.as_bytes()) {
        return Ok(());
    }
    // The first start has nothing to compare with.
    if let Some(before) = before {
        let before = String::from_utf8_lossy(&before);
        let changed = changes(&read(&before), values);
        let more = changed.len().saturating_sub(MOST_NAMED).to_string();
        let named = changed.iter().take(MOST_NAMED);
        let mut parameters: Vec<(&str, &str)> =
            named.map(|(key, what)| (key.as_str(), what.as_str())).collect();
        if changed.len() > MOST_NAMED {
            parameters.push(("more", &more));
        }
        tracing::info!(keys = changed.len(), "configuration-changed");
        let event = Event { parameters: &parameters, ..Event::new("configuration-changed") };
        engine.record(&Caller::server(), &event)?;
    }
    engine.put_setting(&Caller::server(), &name, now.as_bytes())
}

/// A line for each key, as it is kept.
fn text(values: &[(String, String)]) -> String {
    // A value in TOML has no line feed, but those of several lines.
    values.iter().map(|(key, value)| format!("{key} = {}\n", value.replace('\n', " "))).collect()
}

fn read(text: &str) -> BTreeMap<&str, &str> {
    text.lines().filter_map(|line| line.split_once(" = ")).collect()
}

/// What is another than before, key by key: `old -> new`.
fn changes(before: &BTreeMap<&str, &str>, values: &[(String, String)]) -> Vec<(String, String)> {
    let kept = text(values);
    let now = read(&kept);
    let unset = "not set";
    let mut changed = Vec::new();
    for (key, value) in &now {
        let old = before.get(key).copied().unwrap_or(unset);
        if old != *value {
            changed.push(((*key).to_owned(), format!("{old} -> {value}")));
        }
    }
    for (key, old) in before.iter().filter(|(key, _)| !now.contains_key(*key)) {
        changed.push(((*key).to_owned(), format!("{old} -> {unset}")));
    }
    changed.sort();
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(values: &[(&str, &str)]) -> Vec<(String, String)> {
        values.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_came_went_and_became_another_is_named_with_both_values() {
        let before = text(&pairs(&[("a.b", "1"), ("a.c", "\"x = y\""), ("a.d", "true")]));
        let now = pairs(&[("a.b", "2"), ("a.c", "\"x = y\""), ("forward.siem", "port = 1")]);
        let expected = pairs(&[
            ("a.b", "1 -> 2"),
            ("a.d", "true -> not set"),
            ("forward.siem", "not set -> port = 1"),
        ]);
        assert_eq!(changes(&read(&before), &now), expected);
        assert_eq!(changes(&read(&text(&now)), &now), []);
    }
}
