//! Signed heads and anchors: what is carried away so that the past cannot be rewritten.
//!
//! A signed head says "at this time the chain ended in this record, and so many objects had been
//! destroyed". Whoever keeps one elsewhere (a second path, a SIEM, a printout) can prove later
//! that the chain was cut or rebuilt, without any secret. Sign only heads that are flushed: a
//! record lost in a crash would otherwise look like a rewritten one.

use strongroom_crypto::{CryptoError, ed25519, sha256};
use strongroom_secmem::SecretBytes;

use crate::codec::{BadBytes, Hex, Reader, put_u32, put_u64, unhex};
use crate::record::{ChainName, Head};

const DOMAIN: &[u8] = b"strongroom signed head 1\0";
const LINE_TAG: &str = "strongroom-anchor-1";

/// A head and its Ed25519 signature.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedHead {
    /// Which chain.
    pub chain: ChainName,
    /// Whose chain.
    pub site: u32,
    /// The last record.
    pub head: Head,
    /// When it was signed, milliseconds since the Unix epoch.
    pub time_ms: u64,
    /// Objects destroyed up to then, so that a restored store can tell what it must not revive.
    pub destroyed: u64,
    /// First eight bytes of the SHA-256 of the public key: which key to verify with.
    pub key_id: [u8; 8],
    /// Signature over all of the above.
    pub signature: [u8; 64],
}

impl std::fmt::Debug for SignedHead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SignedHead({self})")
    }
}

/// Why an anchor was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnchorError {
    /// The line is not an anchor; says which part.
    #[error("not an anchor line: {0}")]
    Malformed(&'static str),
    /// Signed with another key than the one given.
    #[error("signed with key {found}, not with {expected}")]
    OtherKey {
        /// Id in the anchor.
        found: String,
        /// Id of the key given.
        expected: String,
    },
    /// The signature does not fit.
    #[error("the signature does not fit")]
    BadSignature,
}

/// Short name of a public key.
pub fn key_id(public: &[u8; 32]) -> [u8; 8] {
    let hash = sha256(&[public]);
    let mut id = [0; 8];
    id.copy_from_slice(&hash[..8]);
    id
}

impl SignedHead {
    const VERSION: u8 = 1;

    /// Signs a head.
    ///
    /// # Errors
    /// When the key is not an Ed25519 seed.
    pub fn sign(
        seed: &SecretBytes,
        chain: ChainName,
        site: u32,
        head: Head,
        time_ms: u64,
        destroyed: u64,
    ) -> Result<Self, CryptoError> {
        let key_id = key_id(&ed25519::public_key(seed)?);
        let mut signed =
            SignedHead { chain, site, head, time_ms, destroyed, key_id, signature: [0; 64] };
        signed.signature = ed25519::sign(seed, &signed.message())?;
        Ok(signed)
    }

    /// Checks the signature.
    ///
    /// # Errors
    /// When it was made with another key or does not fit.
    pub fn verify(&self, public: &[u8; 32]) -> Result<(), AnchorError> {
        let expected = key_id(public);
        if expected != self.key_id {
            return Err(AnchorError::OtherKey {
                found: Hex(&self.key_id).to_string(),
                expected: Hex(&expected).to_string(),
            });
        }
        if ed25519::verify(public, &self.message(), &self.signature) {
            Ok(())
        } else {
            Err(AnchorError::BadSignature)
        }
    }

    /// Body of a [`crate::kind::SIGNED_HEAD`] record.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![Self::VERSION];
        self.put_fields(&mut out);
        out.extend_from_slice(&self.signature);
        out
    }

    /// Reads such a body.
    ///
    /// # Errors
    /// When the bytes are not one of a known version. The signature is not checked here.
    pub fn decode(body: &[u8]) -> Result<Self, BadBytes> {
        let mut r = Reader::new(body);
        if r.u8()? != Self::VERSION {
            return Err(BadBytes);
        }
        let chain = match r.u8()? {
            1 => ChainName::Changes,
            2 => ChainName::Uses,
            _ => return Err(BadBytes),
        };
        let signed = SignedHead {
            chain,
            site: r.u32()?,
            head: Head { seq: r.u64()?, hash: *r.hash()? },
            time_ms: r.u64()?,
            destroyed: r.u64()?,
            key_id: r.u64()?.to_be_bytes(),
            signature: *r.sixty_four()?,
        };
        r.end().map(|()| signed)
    }

    fn message(&self) -> Vec<u8> {
        let mut out = DOMAIN.to_vec();
        self.put_fields(&mut out);
        out
    }

    fn put_fields(&self, out: &mut Vec<u8>) {
        out.push(match self.chain {
            ChainName::Changes => 1,
            ChainName::Uses => 2,
        });
        put_u32(out, self.site);
        put_u64(out, self.head.seq);
        out.extend_from_slice(&self.head.hash);
        put_u64(out, self.time_ms);
        put_u64(out, self.destroyed);
        out.extend_from_slice(&self.key_id);
    }
}

/// The one-line text form, for anchor files and syslog:
/// `strongroom-anchor-1 chain=uses site=1 seq=42 hash=… time=… destroyed=0 key=… sig=…`.
impl std::fmt::Display for SignedHead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{LINE_TAG} chain={} site={} seq={} hash={} time={} destroyed={} key={} sig={}",
            self.chain.as_str(),
            self.site,
            self.head.seq,
            Hex(&self.head.hash),
            self.time_ms,
            self.destroyed,
            Hex(&self.key_id),
            Hex(&self.signature),
        )
    }
}

impl std::str::FromStr for SignedHead {
    type Err = AnchorError;

    /// Reads one line. What stands before the tag (a syslog header, a quote mark) is skipped.
    fn from_str(line: &str) -> Result<Self, AnchorError> {
        let malformed = AnchorError::Malformed;
        let mut words = line.split_ascii_whitespace().skip_while(|w| *w != LINE_TAG);
        words.next().ok_or(malformed("no strongroom-anchor-1 in it"))?;
        let mut field = |name: &'static str| {
            let word = words.next().ok_or(malformed(name))?;
            word.strip_prefix(name).and_then(|w| w.strip_prefix('=')).ok_or(malformed(name))
        };
        fn number<N: std::str::FromStr>(text: &str, name: &'static str) -> Result<N, AnchorError> {
            text.parse().map_err(|_| AnchorError::Malformed(name))
        }
        Ok(SignedHead {
            chain: ChainName::parse(field("chain")?).ok_or(malformed("chain"))?,
            site: number(field("site")?, "site")?,
            head: Head {
                seq: number(field("seq")?, "seq")?,
                hash: unhex(field("hash")?).map_err(|_| malformed("hash"))?,
            },
            time_ms: number(field("time")?, "time")?,
            destroyed: number(field("destroyed")?, "destroyed")?,
            key_id: unhex(field("key")?).map_err(|_| malformed("key"))?,
            signature: unhex(field("sig")?).map_err(|_| malformed("sig"))?,
        })
    }
}
