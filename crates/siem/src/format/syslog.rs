//! RFC 5424 and RFC 3164.

use crate::event::Peer;
use crate::lean::Lean;
use crate::text::{clip, header_word, rfc3164 as bsd_time, rfc3339, visible};

use super::Style;

/// Our APP-NAME and TAG.
const APP: &str = "strongroom";

/// Facts as structured data: SD-ID `strongroom@ENTERPRISE`, particulars under
/// `detail@ENTERPRISE`, and the registered elements `meta` and `origin`.
pub(super) fn rfc5424(style: &Style, lean: &Lean, sequence: Option<u32>) -> String {
    let mut line = rfc5424_header(style, lean);
    element(&mut line, &format!("strongroom@{}", style.enterprise), facts(lean));
    let detail = lean.detail_pairs();
    if !detail.is_empty() {
        let id = format!("detail@{}", style.enterprise);
        element(&mut line, &id, detail.iter().map(|(n, v)| (param_name(n), v.clone())));
    }
    registered(&mut line, style, lean, sequence);
    let sentence: String = lean.sentence().chars().map(visible).collect();
    message(&mut line, style, &sentence);
    line
}

/// Another format as the text of an RFC 5424 message.
pub(super) fn rfc5424_around(
    style: &Style,
    lean: &Lean,
    sequence: Option<u32>,
    body: &str,
) -> String {
    let mut line = rfc5424_header(style, lean);
    registered(&mut line, style, lean, sequence);
    message(&mut line, style, body);
    line
}

/// `<PRI>Mmm dd hh:mm:ss HOST strongroom[PID]: CLASS name="value" ...`
pub(super) fn rfc3164(style: &Style, lean: &Lean) -> String {
    let mut line = rfc3164_header(style, lean, true);
    line.push_str(&lean.class.id());
    let facts = facts(lean).map(|(name, value)| (name.to_owned(), value));
    let detail = lean.detail_pairs();
    let detail = detail.iter().map(|(n, v)| (param_name(n), v.clone()));
    for (name, value) in facts.chain(detail) {
        line.push(' ');
        line.push_str(&name);
        line.push_str("=\"");
        escape(&mut line, &value);
        line.push('"');
    }
    line
}

/// RFC 3164 sections 4.1.1 and 4.1.2. The documents of CEF and LEEF show no TAG; without one
/// relays take the first word of the body for it.
pub(super) fn rfc3164_header(style: &Style, lean: &Lean, tag: bool) -> String {
    let host = header_word(&lean.device.host, 64);
    let mut line = format!("<{}>{} {host} ", priority(style, lean), bsd_time(lean.time_ms));
    if tag {
        line.push_str(APP);
        if lean.device.process != 0 {
            line.push_str(&format!("[{}]", lean.device.process));
        }
        line.push_str(": ");
    }
    line
}

fn rfc5424_header(style: &Style, lean: &Lean) -> String {
    let process = match lean.device.process {
        0 => "-".to_owned(),
        number => number.to_string(),
    };
    format!(
        "<{}>1 {} {} {APP} {process} {} ",
        priority(style, lean),
        rfc3339(lean.time_ms),
        header_word(&lean.device.host, 255),
        lean.class.id(),
    )
}

fn priority(style: &Style, lean: &Lean) -> u16 {
    u16::from(style.facility.min(23)) * 8 + u16::from(lean.severity.syslog())
}

/// RFC 5424 sections 7.2 and 7.3.
fn registered(line: &mut String, style: &Style, lean: &Lean, sequence: Option<u32>) {
    let software = clip(&lean.device.product, 48);
    element(
        line,
        "origin",
        [
            ("enterpriseId", style.enterprise.to_string()),
            ("software", software),
            ("swVersion", lean.device.version.clone()),
        ],
    );
    if let Some(sequence) = sequence {
        element(line, "meta", [("sequenceId", sequence.to_string())]);
    }
}

fn element<N: AsRef<str>>(
    line: &mut String,
    id: &str,
    params: impl IntoIterator<Item = (N, String)>,
) {
    line.push('[');
    line.push_str(id);
    for (name, value) in params {
        line.push(' ');
        line.push_str(name.as_ref());
        line.push_str("=\"");
        escape(line, &value);
        line.push('"');
    }
    line.push(']');
}

/// RFC 5424 section 6.3.3 escapes exactly these three. Control characters would be legal there but
/// end the line for receivers that frame by line feeds.
fn escape(line: &mut String, value: &str) {
    for c in value.chars() {
        if matches!(c, '"' | '\\' | ']') {
            line.push('\\');
        }
        line.push(visible(c));
    }
}

/// RFC 5424 section 6.4. The text holds no control characters but the tabs of LEEF.
fn message(line: &mut String, style: &Style, text: &str) {
    line.push(' ');
    if style.bom && !text.is_ascii() {
        line.push('\u{feff}');
    }
    line.push_str(text);
}

/// RFC 5424 section 6.3.3: 1 to 32 printable ASCII characters without `=`, `]`, `"` and space.
fn param_name(name: &str) -> String {
    let name: String = name
        .chars()
        .take(32)
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' })
        .collect();
    if name.is_empty() { "_".to_owned() } else { name }
}

/// The facts that are there, in a fixed order.
fn facts(lean: &Lean) -> impl Iterator<Item = (&'static str, String)> {
    let (address, port) = match &lean.peer {
        Peer::Ip(ip, port) => (ip.to_string(), port.map(|p| p.to_string()).unwrap_or_default()),
        Peer::Word(word) => (word.clone(), String::new()),
        Peer::None => (String::new(), String::new()),
    };
    let micros = if lean.micros > 0 { lean.micros.to_string() } else { String::new() };
    [
        ("id", lean.id.clone()),
        ("chain", lean.chain.clone()),
        ("seq", lean.seq.to_string()),
        ("kind", lean.kind.clone()),
        ("user", lean.user.clone()),
        ("groups", lean.groups_text()),
        ("address", address),
        ("port", port),
        ("certificate", lean.certificate.clone()),
        ("action", lean.action.clone()),
        ("object", lean.object.clone().unwrap_or_default()),
        ("outcome", lean.outcome.name().to_owned()),
        ("reason", lean.reason.clone()),
        ("rule", lean.rule.clone()),
        ("micros", micros),
        ("hash", lean.hash.clone()),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
}
