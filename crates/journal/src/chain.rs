//! The writing end of a chain: what the next record is linked to and which key seals it.
//!
//! Pure: no I/O, no clock. The store keeps one for changes inside its writer thread; the
//! [`UseJournal`](crate::UseJournal) keeps one for uses.

use strongroom_crypto::{CryptoError, hmac256};
use strongroom_kmip::HashingAlgorithm;
use strongroom_secmem::SecretBytes;

use crate::codec::{BadBytes, Reader, put_u32};
use crate::kind::{self, SegmentEnd};
use crate::record::{ChainName, Head, MAX_ACTOR, MAX_BODY, Record, RecordRef, link_hash};

/// Records in a segment of the changes before its key is replaced.
pub const DEFAULT_SEGMENT_RECORDS: u64 = 65_536;

/// Why a chain could not be continued.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// The caller handed over an actor or body over the limits.
    #[error("{what} of {len} bytes is over the limit of {limit}")]
    TooLong {
        /// "actor" or "body".
        what: &'static str,
        /// Its length, in bytes.
        len: usize,
        /// The limit, in bytes.
        limit: usize,
    },
    /// The caller tried to write a kind that only the chain itself writes.
    #[error("kind {0} is written by the chain itself")]
    ReservedKind(u16),
    /// A snapshot of an earlier segment, whose key is gone, or of another chain.
    #[error("the snapshot does not belong to the current segment")]
    OtherSegment,
    /// The saved state does not fit the head that was found: records are missing or added.
    #[error("the saved state (segment {segment} from record {first}) does not fit head {head}")]
    StateDoesNotFit {
        /// Segment of the state.
        segment: u64,
        /// First record of that segment.
        first: u64,
        /// Sequence number of the head.
        head: u64,
    },
    /// The saved state is damaged or sealed under another key.
    #[error("the saved chain state cannot be opened: {0}")]
    BadState(String),
    /// Key derivation or locked memory failed.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

impl From<strongroom_secmem::SecMemError> for ChainError {
    fn from(e: strongroom_secmem::SecMemError) -> Self {
        ChainError::Crypto(e.into())
    }
}

/// The key of one segment. The next segment's follows from it, the one before does not: whoever
/// takes the host learns this key and later ones, and still cannot forge what lies before.
pub struct SegmentKey {
    secret: SecretBytes,
    mac: hmac256::Key,
}

impl std::fmt::Debug for SegmentKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SegmentKey")
    }
}

impl SegmentKey {
    /// The key made from 32 secret bytes.
    ///
    /// # Errors
    /// When the secret is not 32 bytes long or memory is short.
    pub fn new(secret: SecretBytes) -> Result<Self, CryptoError> {
        if secret.len() != 32 {
            return Err(CryptoError::BadKey { why: "a segment key has 32 bytes".into() });
        }
        // The MAC key is derived, so that nothing computed with it can say anything about the
        // keys to come.
        let mac = derive(&secret, b"strongroom segment mac 1")?;
        Ok(SegmentKey { mac: hmac256::Key::new(&mac)?, secret })
    }

    /// The next segment's key.
    ///
    /// # Errors
    /// When memory is short.
    pub fn ratchet(&self) -> Result<Self, CryptoError> {
        SegmentKey::new(derive(&self.secret, b"ratchet")?)
    }

    /// The MAC of a record with this digest.
    pub fn mac(&self, digest: &[u8; 32]) -> [u8; 32] {
        self.mac.sign(&[digest])
    }

    /// Whether `mac` was made with this key over this digest.
    pub fn verifies(&self, digest: &[u8; 32], mac: &[u8; 32]) -> bool {
        self.mac.verify(&[digest], mac)
    }
}

fn derive(secret: &SecretBytes, label: &[u8]) -> Result<SecretBytes, CryptoError> {
    strongroom_crypto::derive::hkdf(HashingAlgorithm::SHA_256, secret, &[], label, 32)
}

/// What has to be kept, sealed, to continue a chain after a restart: the segment and its key.
/// It changes only when a segment ends.
pub struct ChainState {
    chain: ChainName,
    site: u32,
    segment: u64,
    first: u64,
    secret: SecretBytes,
}

impl std::fmt::Debug for ChainState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "ChainState({} of site {}, segment {} from {})",
            self.chain.as_str(),
            self.site,
            self.segment,
            self.first
        )
    }
}

/// Seals chain states for keeping. The engine stands behind it with the root's keyring; the
/// journal never sees the sealing key.
pub trait Vault: Send + Sync {
    /// Encrypts and authenticates `plain`, bound to `context`.
    ///
    /// # Errors
    /// A sentence for the log.
    fn seal(&self, context: &[u8], plain: &[u8]) -> Result<Vec<u8>, String>;

    /// Reverses [`Self::seal`].
    ///
    /// # Errors
    /// A sentence for the log; also when the bytes were changed or sealed for another context.
    fn open(&self, context: &[u8], sealed: &[u8]) -> Result<SecretBytes, String>;
}

/// The plainest vault: one AES-256-GCM key.
impl Vault for SecretBytes {
    fn seal(&self, context: &[u8], plain: &[u8]) -> Result<Vec<u8>, String> {
        strongroom_crypto::seal::seal(self, context, plain).map_err(|e| e.to_string())
    }

    fn open(&self, context: &[u8], sealed: &[u8]) -> Result<SecretBytes, String> {
        strongroom_crypto::seal::open(self, context, sealed).map_err(|e| e.to_string())
    }
}

impl ChainState {
    /// Segment number, from 0.
    pub fn segment(&self) -> u64 {
        self.segment
    }

    /// Sequence number of the segment's first record.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// The segment's key, for checking its MACs. An auditor who was given the state of segment 0
    /// when the chain began can check every MAC of it.
    ///
    /// # Errors
    /// When memory is short.
    pub fn key(&self) -> Result<SegmentKey, CryptoError> {
        SegmentKey::new(self.secret.try_clone()?)
    }

    /// The state, sealed by `vault`.
    ///
    /// # Errors
    /// When the vault fails.
    pub fn seal(&self, vault: &dyn Vault) -> Result<Vec<u8>, ChainError> {
        let plain = SecretBytes::build(20 + 32, |out| {
            out[..4].copy_from_slice(&self.site.to_be_bytes());
            out[4..12].copy_from_slice(&self.segment.to_be_bytes());
            out[12..20].copy_from_slice(&self.first.to_be_bytes());
            out[20..].copy_from_slice(self.secret.as_slice());
        })?;
        vault.seal(&context(self.chain, self.site), plain.as_slice()).map_err(ChainError::BadState)
    }

    /// Opens a sealed state.
    ///
    /// # Errors
    /// When it belongs to another chain or site, was changed, or was sealed by another vault.
    pub fn open(
        chain: ChainName,
        site: u32,
        sealed: &[u8],
        vault: &dyn Vault,
    ) -> Result<Self, ChainError> {
        let plain = vault.open(&context(chain, site), sealed).map_err(ChainError::BadState)?;
        let read = || {
            let mut r = Reader::new(plain.as_slice());
            let found = (r.u32()?, r.u64()?, r.u64()?, r.take(32)?);
            r.end()?;
            if found.0 == site && found.2 > 0 { Ok(found) } else { Err(BadBytes) }
        };
        let (_, segment, first, secret) =
            read().map_err(|e| ChainError::BadState(e.to_string()))?;
        Ok(ChainState { chain, site, segment, first, secret: SecretBytes::from_slice(secret)? })
    }

    /// Moves to the segment after this one, which begins at record `first`.
    pub(crate) fn advance(&mut self, first: u64) -> Result<(), ChainError> {
        self.secret = derive(&self.secret, b"ratchet")?;
        self.segment += 1;
        self.first = first;
        Ok(())
    }
}

fn context(chain: ChainName, site: u32) -> Vec<u8> {
    let mut out = b"strongroom chain state 1 ".to_vec();
    out.extend_from_slice(chain.as_str().as_bytes());
    put_u32(&mut out, site);
    out
}

/// Where a chain stood, to go back to when a savepoint is rolled back. A cheap copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot {
    head: Head,
    segment: u64,
}

impl Snapshot {
    /// The head at that moment.
    pub fn head(&self) -> Head {
        self.head
    }
}

/// The part of a record that the chain adds.
#[derive(Clone, Copy)]
pub(crate) struct Link {
    pub(crate) seq: u64,
    pub(crate) prev: [u8; 32],
    pub(crate) hash: [u8; 32],
    pub(crate) mac: [u8; 32],
}

/// A chain that is being written.
#[derive(Debug)]
pub struct Chain {
    name: ChainName,
    site: u32,
    head: Head,
    segment: u64,
    first: u64,
    key: SegmentKey,
}

impl Chain {
    /// A new chain whose first segment is keyed by `seed`.
    ///
    /// The seed should be random and not derived from the root key: whatever the root gives, an
    /// intruder who holds the root today can compute for yesterday.
    ///
    /// # Errors
    /// When the seed is not 32 bytes long.
    pub fn new(name: ChainName, site: u32, seed: SecretBytes) -> Result<Self, ChainError> {
        let key = SegmentKey::new(seed)?;
        Ok(Chain { name, site, head: name.genesis(site), segment: 0, first: 1, key })
    }

    /// A new chain with a random seed.
    ///
    /// # Errors
    /// When the random generator or memory fails.
    pub fn generate(name: ChainName, site: u32) -> Result<Self, ChainError> {
        let seed = SecretBytes::try_build(32, |out| {
            strongroom_crypto::random(out)?;
            Ok::<_, CryptoError>(32)
        })?;
        Chain::new(name, site, seed)
    }

    /// Continues a chain from its saved state and its last record (or genesis).
    ///
    /// The state may be one segment behind: when the last record ends the state's segment, the
    /// key moves on.
    ///
    /// # Errors
    /// When state and head cannot belong together, or the last record's hash or MAC is wrong.
    pub fn resume(state: &ChainState, last: Option<&RecordRef<'_>>) -> Result<Self, ChainError> {
        let misfit =
            |head| ChainError::StateDoesNotFit { segment: state.segment, first: state.first, head };
        let key = state.key()?;
        let (name, site) = (state.chain, state.site);
        let mut chain = Chain {
            name,
            site,
            head: name.genesis(site),
            segment: state.segment,
            first: state.first,
            key,
        };
        if let Some(last) = last {
            if last.site != site || last.compute_hash(name) != *last.hash {
                return Err(misfit(last.seq));
            }
            chain.head = last.head();
        }
        if chain.head.seq + 1 < state.first {
            return Err(misfit(chain.head.seq));
        }
        // A segment just begun: its key sealed nothing yet, and the key of the record before is
        // gone, as it should be.
        if chain.head.seq >= state.first {
            let last = last.ok_or_else(|| misfit(chain.head.seq))?;
            if !chain.key.verifies(&last.digest(name), last.mac) {
                return Err(misfit(last.seq));
            }
            if last.kind == kind::SEGMENT_END {
                chain.ratchet()?;
            }
        }
        Ok(chain)
    }

    /// Continues a chain at the beginning of the state's segment, behind `head`.
    ///
    /// # Errors
    /// When the segment does not begin there.
    pub fn begin_segment(state: &ChainState, head: Head) -> Result<Self, ChainError> {
        if head.seq + 1 != state.first {
            let ChainState { segment, first, .. } = *state;
            return Err(ChainError::StateDoesNotFit { segment, first, head: head.seq });
        }
        let ChainState { chain: name, site, segment, first, .. } = *state;
        Ok(Chain { name, site, head, segment, first, key: state.key()? })
    }

    /// Which chain this is.
    pub fn name(&self) -> ChainName {
        self.name
    }

    /// The site that writes it.
    pub fn site(&self) -> u32 {
        self.site
    }

    /// The last record's number and hash.
    pub fn head(&self) -> Head {
        self.head
    }

    /// Number of the current segment, from 0.
    pub fn segment(&self) -> u64 {
        self.segment
    }

    /// Sequence number of the current segment's first record.
    pub fn segment_first(&self) -> u64 {
        self.first
    }

    /// Records in the current segment.
    pub fn segment_len(&self) -> u64 {
        self.head.seq + 1 - self.first
    }

    /// Appends a record.
    ///
    /// # Errors
    /// When actor or body are over the limits, or the kind is the chain's own.
    pub fn append(
        &mut self,
        hlc: u64,
        actor: impl Into<String>,
        kind: u16,
        body: Vec<u8>,
    ) -> Result<Record, ChainError> {
        if kind == kind::SEGMENT_END {
            return Err(ChainError::ReservedKind(kind));
        }
        self.add(hlc, actor.into(), kind, body)
    }

    /// Appends the record that closes the current segment, and moves to the next key; the old one
    /// is wiped. The new [`Self::state`] has to be kept with that record, in one transaction.
    ///
    /// Snapshots taken before cannot be restored after this, so end segments between savepoints.
    ///
    /// # Errors
    /// When memory is short.
    pub fn end_segment(
        &mut self,
        hlc: u64,
        actor: impl Into<String>,
    ) -> Result<Record, ChainError> {
        let next = self.key.ratchet()?;
        let record = self.link_end(hlc, actor)?;
        self.enter(next);
        Ok(record)
    }

    /// The first half of [`Self::end_segment`]: the closing record, still under the old key. It can
    /// be taken back by [`Self::restore`] until [`Self::begin_next`].
    pub(crate) fn link_end(
        &mut self,
        hlc: u64,
        actor: impl Into<String>,
    ) -> Result<Record, ChainError> {
        let body = SegmentEnd { segment: self.segment, records: self.segment_len() + 1 }.encode();
        self.add(hlc, actor.into(), kind::SEGMENT_END, body)
    }

    /// The second half: the next segment's key; the old one is wiped.
    pub(crate) fn begin_next(&mut self) -> Result<(), ChainError> {
        self.ratchet()
    }

    /// Where the chain stands now.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot { head: self.head, segment: self.segment }
    }

    /// Goes back to a snapshot, forgetting the records appended since.
    ///
    /// # Errors
    /// When a segment ended since; the chain is unchanged then.
    pub fn restore(&mut self, to: Snapshot) -> Result<(), ChainError> {
        if to.segment != self.segment || to.head.seq > self.head.seq {
            return Err(ChainError::OtherSegment);
        }
        self.head = to.head;
        Ok(())
    }

    /// What has to be kept to continue after a restart.
    ///
    /// # Errors
    /// When memory is short.
    pub fn state(&self) -> Result<ChainState, ChainError> {
        Ok(ChainState {
            chain: self.name,
            site: self.site,
            segment: self.segment,
            first: self.first,
            secret: self.key.secret.try_clone()?,
        })
    }

    fn add(
        &mut self,
        hlc: u64,
        actor: String,
        kind: u16,
        body: Vec<u8>,
    ) -> Result<Record, ChainError> {
        let Link { seq, prev, hash, mac } = self.link(hlc, &actor, kind, &body)?;
        Ok(Record { site: self.site, seq, hlc, actor, kind, body, prev, hash, mac })
    }

    /// Links a record whose fields the caller keeps.
    pub(crate) fn link(
        &mut self,
        hlc: u64,
        actor: &str,
        kind: u16,
        body: &[u8],
    ) -> Result<Link, ChainError> {
        limit("actor", actor.len(), MAX_ACTOR)?;
        limit("body", body.len(), MAX_BODY)?;
        let prev = self.head.hash;
        let seq = self.head.seq + 1;
        let zero = [0; 32];
        let row = RecordRef {
            site: self.site,
            seq,
            hlc,
            actor,
            kind,
            body,
            prev: &prev,
            hash: &zero,
            mac: &zero,
        };
        let digest = row.digest(self.name);
        let mac = self.key.mac(&digest);
        let hash = link_hash(&digest, &mac);
        self.head = Head { seq, hash };
        Ok(Link { seq, prev, hash, mac })
    }

    fn ratchet(&mut self) -> Result<(), ChainError> {
        let next = self.key.ratchet()?;
        self.enter(next);
        Ok(())
    }

    fn enter(&mut self, key: SegmentKey) {
        self.key = key;
        self.segment += 1;
        self.first = self.head.seq + 1;
    }
}

fn limit(what: &'static str, len: usize, limit: usize) -> Result<(), ChainError> {
    if len > limit { Err(ChainError::TooLong { what, len, limit }) } else { Ok(()) }
}
