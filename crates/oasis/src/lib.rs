//! Replays the OASIS KMIP test cases, which are XML files of requests and expected replies, against
//! a server over the binary port with mutual TLS.
//!
//! Strict: a case passes only when every field of every reply is the expected one, in order, type
//! and value. What cannot be equal on any two servers is handled by rules, each in one place:
//! - [`template`]: variables such as `$UNIQUE_IDENTIFIER_0` and times such as `$NOW-3600`;
//! - [`compare`]: attributes are a set; the time stamp, result message and server correlation value
//!   are ignored;
//! - [`origin`]: literals that stand for bytes that the server made at random;
//! - [`facts`]: literals that describe another server, listed one by one.
//!
//! What it is not for: testing a client, or the XML encoding on the wire.
#![forbid(unsafe_code)]

pub mod case;
pub mod compare;
pub mod facts;
pub mod origin;
pub mod replay;
pub mod report;
pub mod template;
mod words;
