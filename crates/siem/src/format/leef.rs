//! IBM Log Event Extended Format.
//!
//! `LEEF:1.0|Vendor|Product|Version|EventID|key=value<tab>key=value`, and in 2.0 the delimiter
//! as a further header field. Only predefined attributes are written. What has none of its own
//! (event id, record number, hash, reason, particulars) goes into `url`, which names the record:
//! `strongroom://HOST/CHAIN/NUMBER?id=...&hash=...`.

use crate::dictionary::{LEEF, find};
use crate::event::Peer;
use crate::lean::Lean;
use crate::text::{clip, visible};

use super::Delimiter;

pub(super) fn write(lean: &Lean, delimiter: Option<Delimiter>) -> String {
    let device = &lean.device;
    let (version, mark) = match delimiter {
        None => ("LEEF:1.0", '\t'),
        Some(Delimiter::Tab) => ("LEEF:2.0", '\t'),
        Some(Delimiter::Caret) => ("LEEF:2.0", '^'),
    };
    let mut line = Line { text: version.to_owned(), mark, empty: true };
    for field in [&device.vendor, &device.product, &device.version, &lean.class.id()] {
        line.header(field);
    }
    match delimiter {
        None => {}
        Some(Delimiter::Tab) => line.header("x09"),
        Some(Delimiter::Caret) => line.header("^"),
    }
    line.text.push('|');

    // Thirteen digits need no devTimeFormat.
    line.pair("devTime", &format!("{:013}", lean.time_ms.clamp(0, 9_999_999_999_999)));
    line.pair("cat", lean.outcome.name());
    line.pair("sev", &lean.severity.leef().to_string());
    line.pair("usrName", &lean.user);
    match &lean.peer {
        Peer::Ip(ip, port) => {
            line.pair("src", &ip.to_string());
            line.pair("srcPort", &port.map(|p| p.to_string()).unwrap_or_default());
        }
        Peer::Word(word) => line.pair("vSrcName", word),
        Peer::None => {}
    }
    line.pair("groupID", &lean.groups_text());
    line.pair("resource", lean.object.as_deref().unwrap_or_default());
    line.pair("policy", &lean.rule);
    line.pair("url", &record_url(lean));
    line.text
}

/// The record as an address, with what has no attribute of its own.
fn record_url(lean: &Lean) -> String {
    let mut url = "strongroom://".to_owned();
    encode(&mut url, &lean.device.host);
    url.push('/');
    encode(&mut url, &lean.chain);
    url.push('/');
    url.push_str(&lean.seq.to_string());
    let micros = if lean.micros > 0 { lean.micros.to_string() } else { String::new() };
    let facts = [
        ("id", lean.id.as_str()),
        ("kind", &lean.kind),
        ("action", &lean.action),
        ("reason", &lean.reason),
        ("certificate", &lean.certificate),
        ("micros", &micros),
        ("hash", &lean.hash),
    ];
    let mut mark = '?';
    let mut add = |name: &str, prefix: &str, value: &str| {
        if !value.is_empty() {
            url.push(mark);
            mark = '&';
            url.push_str(prefix);
            encode(&mut url, name);
            url.push('=');
            encode(&mut url, value);
        }
    };
    for (name, value) in facts {
        add(name, "", value);
    }
    for (name, value) in lean.detail_pairs() {
        add(&name, "d.", &value);
    }
    url
}

/// RFC 3986: everything but unreserved characters as `%XX`.
fn encode(url: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            url.push(char::from(byte));
        } else {
            url.push_str(&format!("%{byte:02X}"));
        }
    }
}

struct Line {
    text: String,
    mark: char,
    empty: bool,
}

impl Line {
    /// LEEF has no escapes: what would end a field is replaced.
    fn header(&mut self, value: &str) {
        self.text.push('|');
        self.text.extend(value.chars().map(|c| if c == '|' { '/' } else { visible(c) }));
    }

    fn pair(&mut self, key: &str, value: &str) {
        let Some(key) = find(LEEF, key) else { return };
        if value.is_empty() {
            return;
        }
        if !self.empty {
            self.text.push(self.mark);
        }
        self.empty = false;
        self.text.push_str(key.name);
        self.text.push('=');
        // Cut as it will be seen: what stands for a control character is longer than it.
        let mark = self.mark;
        let value: String =
            value.chars().map(|c| if c == mark { ' ' } else { visible(c) }).collect();
        self.text.push_str(&if key.max > 0 { clip(&value, key.max) } else { value });
    }
}
