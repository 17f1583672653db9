//! One line of text per event, in the format that a receiver wants.

mod cef;
mod json;
mod leef;
mod ocsf;
mod syslog;

use crate::event::Event;
use crate::lean::fit;

/// Longest line, in bytes, with its syslog header and without its frame: what every receiver of
/// RFC 5425 must take (section 4.3.1).
pub const MAX_EVENT: usize = 2048;

/// RFC 3164 section 4.1: a packet is at most 1,024 bytes.
const MAX_RFC3164: usize = 1024;

/// What a line looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// RFC 5424 with the facts as structured data.
    Rfc5424,
    /// RFC 3164 ("BSD syslog") with the facts as `name="value"` words, at most 1,024 bytes.
    Rfc3164,
    /// ArcSight Common Event Format, version 0.
    Cef,
    /// IBM Log Event Extended Format 1.0, which is always delimited by tabs.
    Leef1,
    /// LEEF 2.0.
    Leef2(Delimiter),
    /// OCSF 1.9.0 as JSON.
    Ocsf,
    /// JSON with our own names.
    Json,
}

/// What stands between the attributes of LEEF 2.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delimiter {
    /// A tab. Some relays (rsyslog unless told otherwise) rewrite tabs as `#011`.
    Tab,
    /// `^`, which gets through every relay.
    Caret,
}

/// The syslog header in front of CEF, LEEF, OCSF and JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Envelope {
    /// None: for files.
    None,
    /// RFC 3164, as the documents of CEF and LEEF show it.
    Rfc3164,
    /// RFC 5424.
    Rfc5424,
}

impl Format {
    /// The format of this name, as configuration files and `export --format` spell it.
    pub fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "rfc5424" => Self::Rfc5424,
            "rfc3164" => Self::Rfc3164,
            "cef" => Self::Cef,
            "leef1" => Self::Leef1,
            "leef" | "leef2" => Self::Leef2(Delimiter::Caret),
            "leef2-tab" => Self::Leef2(Delimiter::Tab),
            "ocsf" => Self::Ocsf,
            "json" => Self::Json,
            _ => return None,
        })
    }

    /// Every name that [`Format::by_name`] knows.
    pub const NAMES: [&'static str; 9] =
        ["rfc5424", "rfc3164", "cef", "leef", "leef1", "leef2", "leef2-tab", "ocsf", "json"];
}

/// How events are written for one receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// The format.
    pub format: Format,
    /// The header around formats that have none of their own.
    pub envelope: Envelope,
    /// Syslog facility, 0 to 23. The default is 13, "log audit".
    pub facility: u8,
    /// Whether the free text of RFC 5424 starts with a byte order mark, as its section 6.4 says of
    /// UTF-8. Off by default: many receivers take the mark for part of the text. It is left out
    /// in any case where the text is ASCII.
    pub bom: bool,
    /// IANA private enterprise number in the names of our structured data. The default is 32473,
    /// which RFC 5612 sets aside for documentation: the project has none of its own.
    pub enterprise: u32,
    /// Longest line in bytes; values below [`MAX_EVENT`] count as that, except that RFC 3164 never
    /// exceeds its 1,024.
    pub max: usize,
}

impl Style {
    /// The usual style of a format: CEF and LEEF in an RFC 3164 header as their documents show,
    /// JSON in an RFC 5424 header.
    pub fn new(format: Format) -> Self {
        let envelope = match format {
            Format::Cef | Format::Leef1 | Format::Leef2(_) => Envelope::Rfc3164,
            _ => Envelope::Rfc5424,
        };
        Self { format, envelope, facility: 13, bom: false, enterprise: 32473, max: MAX_EVENT }
    }

    /// The same without a syslog header, for files. The two syslog formats keep theirs.
    pub fn without_header(mut self) -> Self {
        self.envelope = Envelope::None;
        self
    }

    /// The event as one line without its end, UTF-8, no longer than the limit. `sequence` is the
    /// number of the message on its way to this receiver (`sequenceId` of RFC 5424 section 7.3.1),
    /// if it is to be said.
    pub fn render(&self, event: &Event, sequence: Option<u32>) -> String {
        let cap = match self.format {
            Format::Rfc3164 => MAX_RFC3164,
            _ => self.max.max(MAX_EVENT),
        };
        fit(event, cap, |lean| {
            let body = match self.format {
                Format::Rfc5424 => return syslog::rfc5424(self, lean, sequence),
                Format::Rfc3164 => return syslog::rfc3164(self, lean),
                Format::Cef => cef::write(lean),
                Format::Leef1 => leef::write(lean, None),
                Format::Leef2(delimiter) => leef::write(lean, Some(delimiter)),
                Format::Ocsf => ocsf::write(lean),
                Format::Json => json::write(lean),
            };
            match self.envelope {
                Envelope::None => body,
                Envelope::Rfc3164 => syslog::rfc3164_header(self, lean, false) + &body,
                Envelope::Rfc5424 => syslog::rfc5424_around(self, lean, sequence, &body),
            }
        })
    }
}
