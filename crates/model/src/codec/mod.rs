//! Stored form of changes and objects: TTLV, the protocol's own encoding, with tags of the
//! extension range. Canonical, bounded, fuzzed with the rest of the codec, and shown as XML or
//! JSON by the same code.
//!
//! Each body begins with a version; readers accept every version ever written.

mod approval;
mod change;
mod object;
mod parts;
mod tags;

use strongroom_kmip::{Encoder, Limits, View};

pub use tags::name_of_tag;

use crate::contest::Contest;
use parts::{integer, read_contest, write_contest};
use tags::{BODY, VERSION};

/// The version of bodies written now.
const BODY_VERSION: i32 = 1;

/// Longest stored body, in bytes: whoever writes must refuse what is longer, because it could not
/// be read back. Objects may be as large as a frame, and larger with their attributes.
pub const MAX_ENCODED: usize = 8 << 20;

/// Only the length is bounded: no body of that length has more items, and values come out of
/// frames, which are nested deeper there than here.
const LIMITS: Limits = Limits { frame: MAX_ENCODED, depth: 32, items: 1 << 20, batch_items: 1 };

/// Why stored bytes cannot be read: the store is damaged, or from a newer version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Not canonical TTLV.
    #[error("stored bytes are damaged: {0}")]
    Damaged(#[from] strongroom_kmip::DecodeError),
    /// A field is missing or of the wrong type.
    #[error("stored bytes lack {0}, or hold it in another form")]
    Missing(&'static str),
    /// Written by a newer version of this software.
    #[error("stored bytes have the version {0}; this build reads up to {BODY_VERSION}: upgrade it")]
    Newer(i32),
}

type Result<T> = core::result::Result<T, CodecError>;
impl Contest {
    /// The stored form of a contest.
    pub fn encode(&self) -> Vec<u8> {
        let mut e = Encoder::ungated();
        e.structure(BODY, |e| {
            e.integer(VERSION, BODY_VERSION);
            write_contest(e, self);
        });
        e.into_bytes()
    }

    /// Reads a stored contest back.
    ///
    /// # Errors
    /// [`CodecError`]: the row is damaged or newer than this build.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        read_contest(open_body(bytes)?)
    }
}
fn open_body(bytes: &[u8]) -> Result<View<'_>> {
    let view = View::parse_stored(bytes, &LIMITS)?;
    if view.tag() != BODY {
        return Err(CodecError::Missing("Body"));
    }
    match integer(view, VERSION, "Version")? {
        1..=BODY_VERSION => Ok(view),
        other => Err(CodecError::Newer(other)),
    }
}
