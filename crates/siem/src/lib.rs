//! Audit events in the formats of log collectors, and their way there.
//!
//! [`Event`] is what happened, in a shape that no engine and no agent owns. A [`Style`] turns it
//! into one line: RFC 5424 or RFC 3164 syslog, CEF, LEEF, OCSF or plain JSON. That part is pure. A
//! [`Forwarder`] takes events from [`Source`]s and carries them to any number of receivers over
//! TCP, TLS or UDP, each in a thread of its own with a durable [`Cursor`]; [`forward`] says what
//! "at least once" means there.
//!
//! What this crate is not for: deciding what is recorded, storing it, or reading the formats back.
//!
//! ```
//! use std::sync::Arc;
//! use strongroom_siem::{Device, Event, Format, Outcome, Style};
//!
//! let device = Arc::new(Device::new("km1.example.net", "Strongroom", "Key Manager", "1.0.0"));
//! let mut event = Event::new(&device, "uses", 17, 1_767_225_600_000, [0; 32]);
//! event.kind = "use".into();
//! event.user = "db-01".into();
//! event.action = "Get".into();
//! event.object = Some("0192f3c4".into());
//! event.outcome = Outcome::Success;
//!
//! let line = Style::new(Format::Cef).without_header().render(&event, None);
//! assert!(line.starts_with("CEF:0|Strongroom|Key Manager|1.0.0|SR1010|Get|2|rt=1767225600000 "));
//! ```
#![forbid(unsafe_code)]

pub mod catalog;
pub mod dictionary;
mod event;
mod format;
pub mod forward;
mod lean;
mod text;

pub use event::{Device, Event, Outcome, Severity, event_id};
pub use format::{Delimiter, Envelope, Format, MAX_EVENT, Style};
pub use forward::{
    Begin, Confirmation, Cursor, CursorError, Destination, DestinationState, Filter, Forwarder,
    Framing, Source, SourceError, StartError, Timing, TlsOptions, Transport,
};
