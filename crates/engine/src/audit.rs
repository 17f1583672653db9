//! Records of uses and refusals: what goes into the second chain before a reply leaves.

use strongroom_kmip::{Encoder, Limits, Operation, ResultReason, ResultStatus, Tag, View};

/// The version of bodies written now.
const BODY_VERSION: i32 = 1;

// Tags of the extension range, as the model's stored form has them; 0x5401xx is this file's.
const BODY: Tag = Tag(0x54_0100);
const VERSION: Tag = Tag(0x54_0101);
const FINGERPRINT: Tag = Tag(0x54_0102);
const ADDRESS: Tag = Tag(0x54_0103);
const RULE: Tag = Tag(0x54_0104);
const MICROS: Tag = Tag(0x54_0105);
const PARAMETER: Tag = Tag(0x54_0106);
const NAME: Tag = Tag(0x54_0107);
const VALUE: Tag = Tag(0x54_0108);
const ACTION: Tag = Tag(0x54_0109);

/// Longest text of one parameter or message, in bytes: an audit record must fit a syslog line.
const MAX_TEXT: usize = 256;

/// At most so many parameters.
const MAX_PARAMETERS: usize = 16;

/// One use, refusal or event, as it is recorded. The user, the time and the kind are in the
/// record's own columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UseRecord {
    /// SHA-256 of the client's certificate, hexadecimal.
    pub fingerprint: String,
    /// The client's address.
    pub address: String,
    /// The operation, or the event's name.
    pub action: String,
    /// The protocol version, for KMIP operations.
    pub protocol: Option<(u16, u16)>,
    /// The object.
    pub object: Option<String>,
    /// The rule that decided.
    pub rule: String,
    /// Result Status, for operations.
    pub status: Option<ResultStatus>,
    /// Result Reason, for refusals.
    pub reason: Option<ResultReason>,
    /// Why, in words.
    pub message: String,
    /// How long it took, microseconds.
    pub micros: i64,
    /// Parameters that matter.
    pub parameters: Vec<(String, String)>,
}

impl UseRecord {
    /// The record's body.
    pub fn encode(&self) -> Vec<u8> {
        encode(&BodyRef {
            fingerprint: &self.fingerprint,
            address: &self.address,
            action: match Operation::TABLE.by_name(&self.action) {
                Some(operation) => Action::Operation(Operation(operation.code)),
                None => Action::Event(&self.action),
            },
            protocol: self.protocol,
            object: self.object.as_deref(),
            rule: &self.rule,
            status: self.status,
            reason: self.reason,
            message: &self.message,
            micros: self.micros,
            parameters: self.parameters.iter().map(|(n, v)| (n.as_str(), v.as_str())),
        })
    }

    /// Reads a body back; none when it is not one of these.
    pub fn decode(body: &[u8]) -> Option<Self> {
        let limits = Limits { frame: 1 << 20, depth: 4, items: 4096, batch_items: 1 };
        let view = View::parse(body, &limits).ok()?;
        if view.tag() != BODY || view.find(VERSION)?.as_integer()? > BODY_VERSION {
            return None;
        }
        let text = |tag| view.find(tag).and_then(|v| v.as_text()).unwrap_or_default().to_owned();
        let code = |tag| view.find(tag).and_then(|v| v.as_enumeration());
        let number = |tag| view.find(tag).and_then(|v| v.as_integer());
        Some(Self {
            fingerprint: text(FINGERPRINT),
            address: text(ADDRESS),
            action: match code(Tag::OPERATION) {
                Some(operation) => Operation(operation).name().to_owned(),
                None => text(ACTION),
            },
            protocol: number(Tag::PROTOCOL_VERSION_MAJOR)
                .zip(number(Tag::PROTOCOL_VERSION_MINOR))
                .map(|(major, minor)| (major as u16, minor as u16)),
            object: view.find(Tag::UNIQUE_IDENTIFIER).and_then(|v| v.as_text()).map(str::to_owned),
            rule: text(RULE),
            status: code(Tag::RESULT_STATUS).map(ResultStatus),
            reason: code(Tag::RESULT_REASON).map(ResultReason),
            message: text(Tag::RESULT_MESSAGE),
            micros: view.find(MICROS).and_then(|v| v.as_long_integer()).unwrap_or_default(),
            parameters: view
                .find_all(PARAMETER)
                .filter_map(|p| {
                    let name = p.find(NAME)?.as_text()?.to_owned();
                    Some((name, p.find(VALUE)?.as_text()?.to_owned()))
                })
                .collect(),
        })
    }
}

/// What was done.
#[derive(Clone, Copy)]
pub(crate) enum Action<'a> {
    Operation(Operation),
    Event(&'a str),
}

/// A body to be written, borrowed: the way of every use.
pub(crate) struct BodyRef<'a, P> {
    pub(crate) fingerprint: &'a str,
    pub(crate) address: &'a str,
    pub(crate) action: Action<'a>,
    pub(crate) protocol: Option<(u16, u16)>,
    pub(crate) object: Option<&'a str>,
    pub(crate) rule: &'a str,
    pub(crate) status: Option<ResultStatus>,
    pub(crate) reason: Option<ResultReason>,
    pub(crate) message: &'a str,
    pub(crate) micros: i64,
    pub(crate) parameters: P,
}

pub(crate) fn encode<'a, P>(body: &BodyRef<'a, P>) -> Vec<u8>
where
    P: Iterator<Item = (&'a str, &'a str)> + Clone,
{
    let mut e = Encoder::ungated();
    e.structure(BODY, |e| {
        e.integer(VERSION, BODY_VERSION);
        match body.action {
            Action::Operation(operation) => e.enumeration(Tag::OPERATION, operation),
            Action::Event(name) => e.text(ACTION, clip(name)),
        }
        if let Some((major, minor)) = body.protocol {
            e.integer(Tag::PROTOCOL_VERSION_MAJOR, i32::from(major));
            e.integer(Tag::PROTOCOL_VERSION_MINOR, i32::from(minor));
        }
        if let Some(object) = body.object {
            e.text(Tag::UNIQUE_IDENTIFIER, clip(object));
        }
        if let Some(status) = body.status {
            e.enumeration(Tag::RESULT_STATUS, status);
        }
        if let Some(reason) = body.reason {
            e.enumeration(Tag::RESULT_REASON, reason);
        }
        for (tag, text) in [
            (Tag::RESULT_MESSAGE, body.message),
            (RULE, body.rule),
            (FINGERPRINT, body.fingerprint),
            (ADDRESS, body.address),
        ] {
            if !text.is_empty() {
                e.text(tag, clip(text));
            }
        }
        e.long_integer(MICROS, body.micros);
        for (name, value) in body.parameters.clone().take(MAX_PARAMETERS) {
            e.structure(PARAMETER, |e| {
                e.text(NAME, name);
                e.text(VALUE, clip(value));
            });
        }
    });
    e.into_bytes()
}

/// Cuts a text at the limit, on a character boundary.
pub(crate) fn clip(text: &str) -> &str {
    if text.len() <= MAX_TEXT {
        return text;
    }
    let mut end = MAX_TEXT;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_back_as_it_was_written() {
        let record = UseRecord {
            fingerprint: "ab".repeat(32),
            address: "127.0.0.1:1".to_owned(),
            action: "Get".to_owned(),
            protocol: Some((1, 4)),
            object: Some("id".to_owned()),
            rule: "owner".to_owned(),
            status: Some(ResultStatus::SUCCESS),
            reason: None,
            message: String::new(),
            micros: 12,
            parameters: vec![("format".to_owned(), "Raw".to_owned())],
        };
        assert_eq!(UseRecord::decode(&record.encode()), Some(record));
    }

    #[test]
    fn a_long_text_is_cut_on_a_character_boundary() {
        let text = "é".repeat(200);
        assert_eq!(clip(&text).len(), 256);
    }
}
