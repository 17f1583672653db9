//! One row of a chain, its hash, and its bytes.
//!
//! The row shape is frozen: rows are replicated between sites and kept for decades, so whatever
//! has to change goes into the versioned body. The hash covers every field with its length and
//! begins with a domain that names the chain, so that no two different rows, and no row of
//! another chain or purpose, can have the same input.

use strongroom_crypto::sha256;

use crate::codec::{BadBytes, Reader, put_u16, put_u32, put_u64};

/// Longest actor name, in bytes. A certificate's CN is at most 64 characters; SANs and paths of
/// the server's own actors are longer.
pub const MAX_ACTOR: usize = 4096;

/// Longest body, in bytes. A change carries at most one sealed object, and those are bounded by
/// the frame limit of the protocol (1 MiB by default).
pub const MAX_BODY: usize = 16 << 20;

/// Which of a site's two chains a row belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ChainName {
    /// What the state is made of: replicated between sites, never cut.
    Changes,
    /// Who used what: local, forwarded to the SIEM, kept in segment files.
    Uses,
}

impl ChainName {
    /// The name as it stands in anchors and file headers.
    pub fn as_str(self) -> &'static str {
        match self {
            ChainName::Changes => "changes",
            ChainName::Uses => "uses",
        }
    }

    /// The chain of that name.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "changes" => Some(ChainName::Changes),
            "uses" => Some(ChainName::Uses),
            _ => None,
        }
    }

    fn domain(self) -> &'static [u8] {
        match self {
            ChainName::Changes => b"strongroom record 1 changes\0",
            ChainName::Uses => b"strongroom record 1 uses\0",
        }
    }

    /// What the first record of this chain at `site` names as its predecessor.
    pub fn genesis(self, site: u32) -> Head {
        Head {
            seq: 0,
            hash: sha256(&[b"strongroom genesis 1\0", self.domain(), &site.to_be_bytes()]),
        }
    }
}

/// The last record of a chain: its number and its hash.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Sequence number; 0 before the first record.
    pub seq: u64,
    /// Hash of that record, or the genesis hash.
    pub hash: [u8; 32],
}

impl std::fmt::Debug for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.seq, crate::codec::Hex(&self.hash))
    }
}

/// One row of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The site that wrote it.
    pub site: u32,
    /// Position in the site's chain, from 1, without gaps.
    pub seq: u64,
    /// Hybrid clock of the site when it was written.
    pub hlc: u64,
    /// Who caused it.
    pub actor: String,
    /// What it is; see [`crate::kind`].
    pub kind: u16,
    /// The event, in the versioned coding of its kind.
    pub body: Vec<u8>,
    /// Hash of the record before.
    pub prev: [u8; 32],
    /// Hash of all other fields.
    pub hash: [u8; 32],
    /// HMAC-SHA256, under the key of the segment, of all fields but `hash`.
    pub mac: [u8; 32],
}

impl Record {
    /// The same row, borrowed.
    pub fn as_ref(&self) -> RecordRef<'_> {
        RecordRef {
            site: self.site,
            seq: self.seq,
            hlc: self.hlc,
            actor: &self.actor,
            kind: self.kind,
            body: &self.body,
            prev: &self.prev,
            hash: &self.hash,
            mac: &self.mac,
        }
    }
}

/// A row whose bytes lie elsewhere; what verifying and searching work on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the fields are those of `Record`
pub struct RecordRef<'a> {
    pub site: u32,
    pub seq: u64,
    pub hlc: u64,
    pub actor: &'a str,
    pub kind: u16,
    pub body: &'a [u8],
    pub prev: &'a [u8; 32],
    pub hash: &'a [u8; 32],
    pub mac: &'a [u8; 32],
}

impl<'a> RecordRef<'a> {
    /// SHA-256 of everything but hash and MAC. This is what the MAC is made over.
    pub fn digest(&self, chain: ChainName) -> [u8; 32] {
        let numbers = Numbers::new(self.site, self.seq, self.hlc, self.actor.len());
        let tail = tail(self.kind, self.body.len());
        sha256(&[chain.domain(), &numbers.0, self.actor.as_bytes(), &tail, self.body, self.prev])
    }

    /// The hash that the row's fields give: SHA-256 over the digest and the MAC. The MAC is
    /// covered, so that a changed MAC shows without any key, also in segments whose key is gone.
    pub fn compute_hash(&self, chain: ChainName) -> [u8; 32] {
        link_hash(&self.digest(chain), self.mac)
    }

    /// Number and hash of this record.
    pub fn head(&self) -> Head {
        Head { seq: self.seq, hash: *self.hash }
    }

    /// A row that owns its bytes.
    pub fn to_record(&self) -> Record {
        Record {
            site: self.site,
            seq: self.seq,
            hlc: self.hlc,
            actor: self.actor.to_owned(),
            kind: self.kind,
            body: self.body.to_vec(),
            prev: *self.prev,
            hash: *self.hash,
            mac: *self.mac,
        }
    }

    /// Number of bytes that [`Self::encode`] appends.
    pub fn encoded_len(&self) -> usize {
        4 + 8 + 8 + 2 + 2 + self.actor.len() + 4 + self.body.len() + 96
    }

    /// Appends the row's bytes: numbers big-endian, actor and body after their lengths, hashes
    /// last.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_u32(out, self.site);
        put_u64(out, self.seq);
        put_u64(out, self.hlc);
        put_u16(out, self.kind);
        put_u16(out, self.actor.len() as u16);
        out.extend_from_slice(self.actor.as_bytes());
        put_u32(out, self.body.len() as u32);
        out.extend_from_slice(self.body);
        out.extend_from_slice(self.prev);
        out.extend_from_slice(self.hash);
        out.extend_from_slice(self.mac);
    }

    /// Reads a row that fills `bytes` exactly.
    ///
    /// # Errors
    /// When lengths do not fit or the actor is not UTF-8. Hash and MAC are not checked here.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, BadBytes> {
        let mut r = Reader::new(bytes);
        let site = r.u32()?;
        let seq = r.u64()?;
        let hlc = r.u64()?;
        let kind = r.u16()?;
        let actor_len = usize::from(r.u16()?);
        let actor = std::str::from_utf8(r.take(actor_len)?).map_err(|_| BadBytes)?;
        let body_len = r.u32()? as usize;
        let body = r.take(body_len)?;
        let row = RecordRef {
            site,
            seq,
            hlc,
            actor,
            kind,
            body,
            prev: r.hash()?,
            hash: r.hash()?,
            mac: r.hash()?,
        };
        if actor.len() > MAX_ACTOR || body.len() > MAX_BODY {
            return Err(BadBytes);
        }
        r.end()?;
        Ok(row)
    }
}

/// The hash of a record with this digest and MAC.
pub(crate) fn link_hash(digest: &[u8; 32], mac: &[u8; 32]) -> [u8; 32] {
    sha256(&[b"strongroom link 1\0", digest, mac])
}

struct Numbers([u8; 24]);

impl Numbers {
    fn new(site: u32, seq: u64, hlc: u64, actor_len: usize) -> Self {
        let mut b = [0; 24];
        b[..4].copy_from_slice(&site.to_be_bytes());
        b[4..12].copy_from_slice(&seq.to_be_bytes());
        b[12..20].copy_from_slice(&hlc.to_be_bytes());
        b[20..].copy_from_slice(&(actor_len as u32).to_be_bytes());
        Numbers(b)
    }
}

fn tail(kind: u16, body_len: usize) -> [u8; 6] {
    let mut b = [0; 6];
    b[..2].copy_from_slice(&kind.to_be_bytes());
    b[2..].copy_from_slice(&(body_len as u32).to_be_bytes());
    b
}
