//! The KMIP protocol, versions 1.0 to 2.1: tables, codecs and message shapes.
//!
//! It knows no sockets, no policy and no keys: bytes in, views out; values in, bytes out.
//!
//! ```
//! use strongroom_kmip::{Encoder, Limits, Tag, View};
//!
//! let mut encoder = Encoder::ungated();
//! encoder.structure(Tag::REQUEST_PAYLOAD, |e| e.text(Tag::UNIQUE_IDENTIFIER, "1"));
//! let bytes = encoder.into_bytes();
//! let view = View::parse(&bytes, &Limits::default()).unwrap();
//! assert_eq!(view.find(Tag::UNIQUE_IDENTIFIER).unwrap().as_text(), Some("1"));
//! ```
#![forbid(unsafe_code)]

pub mod attribute;
mod date;
mod encode;
pub mod gate;
pub mod json;
pub mod message;
pub mod reason;
pub mod tables;
mod text;
pub mod ttlv;
mod value;
mod version;
pub mod xml;

pub use attribute::{
    Attribute, AttributeError, AttributeName, AttributeSet, Template, check_known,
};
pub use encode::Encoder;
pub use gate::{Violation, check_version};
pub use message::{MessageError, Request, RequestBuilder, ResponseView, ResponseWriter};
pub use tables::*;
pub use text::{Element, TextError};
pub use ttlv::{DecodeError, ItemType, Limits, View};
pub use value::{Node, Value};
pub use version::{ProtocolVersion, VersionRange};
