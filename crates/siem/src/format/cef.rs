//! ArcSight Common Event Format.
//!
//! `CEF:0|Vendor|Product|Version|Class ID|Name|Severity|key=value key=value ...`

use std::net::IpAddr;

use crate::dictionary::{CEF, find};
use crate::event::Peer;
use crate::lean::Lean;
use crate::text::{clip, visible};

pub(super) fn write(lean: &Lean) -> String {
    let mut line = Line { text: "CEF:0".to_owned(), empty: true };
    let device = &lean.device;
    for field in [&device.vendor, &device.product, &device.version, &lean.class.id()] {
        line.header(field);
    }
    line.header(lean.class.name);
    line.header(&lean.severity.cef().to_string());
    line.text.push('|');

    line.pair("rt", &lean.time_ms.max(0).to_string());
    line.pair("externalId", &lean.id);
    line.pair("dvchost", &device.host);
    if device.process != 0 {
        line.pair("dvcpid", &device.process.to_string());
    }
    line.pair("cat", &lean.kind);
    line.pair("act", &lean.action);
    line.pair("outcome", lean.outcome.name());
    line.pair("reason", &lean.reason);
    line.pair("suser", &lean.user);
    match &lean.peer {
        Peer::Ip(IpAddr::V4(ip), _) => line.pair("src", &ip.to_string()),
        // `src` takes IPv4 alone; the dictionary has no field of its own for an IPv6 source.
        Peer::Ip(IpAddr::V6(ip), _) => {
            line.labelled("c6a1", "c6a1Label", "Source IPv6 Address", &ip.to_string());
        }
        Peer::Word(word) => line.pair("shost", word),
        Peer::None => {}
    }
    if let Peer::Ip(_, Some(port)) = &lean.peer {
        line.pair("spt", &port.to_string());
    }
    line.labelled("cs1", "cs1Label", "Object", lean.object.as_deref().unwrap_or_default());
    line.labelled("cs2", "cs2Label", "Rule", &lean.rule);
    line.labelled("cs3", "cs3Label", "Groups", &lean.groups_text());
    line.labelled("cs4", "cs4Label", "Client Certificate SHA-256", &lean.certificate);
    line.labelled("cs5", "cs5Label", "Record SHA-256", &lean.hash);
    line.labelled("cs6", "cs6Label", "Details", &lean.detail_text());
    line.labelled("cn1", "cn1Label", "Record Number", &lean.seq.min(i64::MAX as u64).to_string());
    if lean.micros > 0 {
        line.labelled("cn2", "cn2Label", "Microseconds", &lean.micros.to_string());
    }
    line.labelled("flexString1", "flexString1Label", "Chain", &lean.chain);
    line.text
}

struct Line {
    text: String,
    empty: bool,
}

impl Line {
    /// Header fields: `\` and `|` are escaped, line ends are not possible.
    fn header(&mut self, value: &str) {
        self.text.push('|');
        for c in value.chars() {
            if matches!(c, '\\' | '|') {
                self.text.push('\\');
            }
            self.text.push(visible(c));
        }
    }

    /// A custom field and the label that says what it is.
    fn labelled(&mut self, key: &str, label_key: &str, label: &str, value: &str) {
        if !value.is_empty() {
            self.pair(key, value);
            self.pair(label_key, label);
        }
    }

    /// A key of the dictionary; anything else, and an empty value, is left out. `\` and `=` are
    /// escaped, line ends written as `\n` and `\r`.
    fn pair(&mut self, key: &str, value: &str) {
        let Some(key) = find(CEF, key) else { return };
        // Space at the ends does not survive the parsers.
        let value = value.trim();
        if value.is_empty() {
            return;
        }
        if !self.empty {
            self.text.push(' ');
        }
        self.empty = false;
        self.text.push_str(key.name);
        self.text.push('=');
        // Cut as it will be seen: what stands for a control character is longer than it.
        let line_end = |c: char| matches!(c, '\n' | '\r');
        let value: String =
            value.chars().map(|c| if line_end(c) { c } else { visible(c) }).collect();
        let value = if key.max > 0 { clip(&value, key.max) } else { value };
        for c in value.chars() {
            match c {
                '\\' | '=' => {
                    self.text.push('\\');
                    self.text.push(c);
                }
                '\n' => self.text.push_str("\\n"),
                '\r' => self.text.push_str("\\r"),
                c => self.text.push(c),
            }
        }
    }
}
