//! An event cut down to what a line has room for.
//!
//! Receivers of RFC 5425 must take 2,048 octets and may drop or cut what is longer; a line that is
//! cut by somebody else no longer parses. So the cutting happens here, by meaning: first lists are
//! replaced by their number and hash, with which they can be found and proved in the audit itself,
//! then texts are shortened. Identity (chain, number, event id, hash) is never touched.

use std::sync::Arc;

use crate::catalog::{self, Class};
use crate::event::{Device, Event, Outcome, Peer, Severity};
use crate::text::{clip, hash_of_lines, hex, visible};

/// What a list became.
pub(crate) enum List<T> {
    Whole(Vec<T>),
    /// Its number of items and the SHA-256 over them, a line feed after each.
    Summary(usize, String),
}

pub(crate) struct Lean {
    pub(crate) device: Arc<Device>,
    pub(crate) class: &'static Class,
    pub(crate) severity: Severity,
    pub(crate) time_ms: i64,
    pub(crate) chain: String,
    pub(crate) seq: u64,
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) user: String,
    pub(crate) groups: List<String>,
    pub(crate) certificate: String,
    pub(crate) peer: Peer,
    pub(crate) action: String,
    pub(crate) object: Option<String>,
    pub(crate) outcome: Outcome,
    pub(crate) reason: String,
    pub(crate) rule: String,
    pub(crate) micros: i64,
    pub(crate) detail: List<(String, String)>,
    pub(crate) hash: String,
}

/// How far to cut: bytes left of each text, and of all items of a list together.
struct Step {
    text: usize,
    groups: usize,
    detail: usize,
}

const STEPS: [Step; 6] = [
    Step { text: 255, groups: 255, detail: 900 },
    Step { text: 255, groups: 255, detail: 0 },
    Step { text: 96, groups: 0, detail: 0 },
    Step { text: 32, groups: 0, detail: 0 },
    Step { text: 12, groups: 0, detail: 0 },
    Step { text: 0, groups: 0, detail: 0 },
];

/// The fullest line that `write` makes of the event within `cap` bytes.
pub(crate) fn fit(event: &Event, cap: usize, mut write: impl FnMut(&Lean) -> String) -> String {
    let mut line = String::new();
    for step in &STEPS {
        line = write(&lean(event, step));
        if line.len() <= cap {
            break;
        }
    }
    line
}

fn lean(event: &Event, step: &Step) -> Lean {
    let text = |t: &str| clip(t, step.text);
    // What stands for a control character is longer than it.
    let shown = |t: &str| t.chars().map(visible).collect::<String>();
    // Names and numbers that say which record this is keep their room.
    let word = |t: &str, max: usize| clip(t, max);
    let device = &event.device;
    Lean {
        device: Arc::new(Device {
            host: word(&device.host, step.text.max(64)),
            vendor: word(&shown(&device.vendor), 32),
            product: word(&shown(&device.product), 32),
            version: word(&shown(&device.version), 24),
            process: device.process,
        }),
        class: catalog::class(&event.action, &event.kind),
        severity: event.severity(),
        time_ms: event.time_ms,
        chain: word(&event.chain, 16),
        seq: event.seq,
        id: word(&event.id, 40),
        kind: word(&event.kind, step.text.min(32)),
        user: text(&event.user),
        groups: groups(&event.groups, step.groups),
        certificate: word(&event.certificate, step.text.min(64)),
        peer: Peer::of(&word(&event.address, step.text.clamp(47, 64))),
        action: word(&event.action, step.text.clamp(12, 63)),
        object: event.object.as_deref().map(text),
        outcome: event.outcome,
        reason: text(&event.reason),
        rule: text(&event.rule),
        micros: event.micros,
        detail: detail(&event.detail, step.detail),
        hash: hex(&event.hash),
    }
}

fn groups(items: &[String], room: usize) -> List<String> {
    if items.is_empty() || items.iter().map(|g| g.len() + 1).sum::<usize>() <= room {
        return List::Whole(items.to_vec());
    }
    List::Summary(items.len(), hash_of_lines(items.iter().map(String::as_str)))
}

fn detail(items: &[(String, String)], room: usize) -> List<(String, String)> {
    if items.is_empty() || items.iter().map(|(n, v)| n.len() + v.len() + 4).sum::<usize>() <= room {
        return List::Whole(items.to_vec());
    }
    let lines: Vec<String> = items.iter().map(|(n, v)| format!("{n}={v}")).collect();
    List::Summary(items.len(), hash_of_lines(lines.iter().map(String::as_str)))
}

impl Lean {
    /// The groups as one text.
    pub(crate) fn groups_text(&self) -> String {
        match &self.groups {
            List::Whole(groups) => groups.join(","),
            List::Summary(count, hash) => format!("count={count} sha256={hash}"),
        }
    }

    /// The particulars as pairs; summarised ones as two pairs of reserved names.
    pub(crate) fn detail_pairs(&self) -> Vec<(String, String)> {
        match &self.detail {
            List::Whole(pairs) => pairs.clone(),
            List::Summary(count, hash) => vec![
                ("detail.count".to_owned(), count.to_string()),
                ("detail.sha256".to_owned(), hash.clone()),
            ],
        }
    }

    /// The particulars as one text.
    pub(crate) fn detail_text(&self) -> String {
        let pairs = self.detail_pairs();
        let words: Vec<String> = pairs.iter().map(|(n, v)| format!("{n}={v}")).collect();
        words.join(" ")
    }

    /// A sentence for people.
    pub(crate) fn sentence(&self) -> String {
        let mut text = String::new();
        let who = if self.user.is_empty() { "somebody" } else { &self.user };
        for part in [who, ": ", &self.action] {
            text.push_str(part);
        }
        if let Some(object) = &self.object {
            text.push(' ');
            text.push_str(object);
        }
        text.push_str(": ");
        text.push_str(self.outcome.name());
        if !self.reason.is_empty() {
            text.push_str(", ");
            text.push_str(&self.reason);
        }
        text
    }
}
