//! Numbers of record kinds. They are stored for ever: numbers are added, never given again.
//!
//! One space for both chains: changes have 1 to 99 (defined by the model), uses 100 to 199, and
//! from 200 on are the records that the chains keep about themselves.

use crate::codec::{BadBytes, Hex, Reader, put_u64};

/// An operation that used a key or read something and was answered.
pub const USE: u16 = 100;
/// A request that was refused.
pub const REFUSAL: u16 = 101;
/// What the server itself does or meets: start, stop, seal, failed handshakes, clock jumps.
pub const SERVER_EVENT: u16 = 102;
/// Bytes were cut after a crash; body: [`Gap`].
pub const GAP: u16 = 200;
/// The last record under its segment's key; body: [`SegmentEnd`].
pub const SEGMENT_END: u16 = 201;
/// A signed head of this or another chain; body: [`crate::SignedHead`].
pub const SIGNED_HEAD: u16 = 202;

/// The name of a kind that this crate defines.
pub fn name(kind: u16) -> Option<&'static str> {
    Some(match kind {
        USE => "use",
        REFUSAL => "refusal",
        SERVER_EVENT => "server-event",
        GAP => "gap",
        SEGMENT_END => "segment-end",
        SIGNED_HEAD => "signed-head",
        _ => return None,
    })
}

/// Body of a [`SEGMENT_END`] record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentEnd {
    /// Number of the segment that ends here, from 0.
    pub segment: u64,
    /// Records in it, this one included.
    pub records: u64,
}

impl SegmentEnd {
    const VERSION: u8 = 1;

    /// The body's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![Self::VERSION];
        put_u64(&mut out, self.segment);
        put_u64(&mut out, self.records);
        out
    }

    /// Reads a body.
    ///
    /// # Errors
    /// When the bytes are not such a body of a known version.
    pub fn decode(body: &[u8]) -> Result<Self, BadBytes> {
        let mut r = Reader::new(body);
        if r.u8()? != Self::VERSION {
            return Err(BadBytes);
        }
        let end = Self { segment: r.u64()?, records: r.u64()? };
        r.end().map(|()| end)
    }
}

/// Body of a [`GAP`] record: what a crash left behind the last whole record.
#[derive(Clone, PartialEq, Eq)]
pub struct Gap {
    /// Bytes that were cut.
    pub bytes: u64,
    /// The last record before the cut.
    pub after: u64,
    /// The highest sequence number still readable among the cut bytes. Records up to it were
    /// written and are gone; beyond it nothing is known.
    pub last_seen: Option<u64>,
    /// SHA-256 of the cut bytes.
    pub digest: [u8; 32],
}

impl std::fmt::Debug for Gap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gap")
            .field("bytes", &self.bytes)
            .field("after", &self.after)
            .field("last_seen", &self.last_seen)
            .field("digest", &format_args!("{}", Hex(&self.digest)))
            .finish()
    }
}

impl Gap {
    const VERSION: u8 = 1;

    /// How many whole records are known to be missing.
    pub fn known_missing(&self) -> u64 {
        self.last_seen.map_or(0, |seen| seen.saturating_sub(self.after))
    }

    /// The body's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![Self::VERSION];
        put_u64(&mut out, self.bytes);
        put_u64(&mut out, self.after);
        put_u64(&mut out, self.last_seen.unwrap_or(0));
        out.extend_from_slice(&self.digest);
        out
    }

    /// Reads a body.
    ///
    /// # Errors
    /// When the bytes are not such a body of a known version.
    pub fn decode(body: &[u8]) -> Result<Self, BadBytes> {
        let mut r = Reader::new(body);
        if r.u8()? != Self::VERSION {
            return Err(BadBytes);
        }
        let (bytes, after, seen) = (r.u64()?, r.u64()?, r.u64()?);
        let gap = Self { bytes, after, last_seen: (seen > 0).then_some(seen), digest: *r.hash()? };
        r.end().map(|()| gap)
    }
}
