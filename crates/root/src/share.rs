//! Shamir shares as text that people keep in safes.
//!
//! ```text
//! strongroom-share-1-<set>-<index>of<shares>-<threshold>-<payload>-<checksum>
//! ```
//!
//! The set id tells shares of one slot from those of another; the payload is in Crockford's base
//! 32, which has no letters that look like digits; the checksum covers all that stands before it,
//! so that a typing error is found at once and not as "the shares do not open".

use strongroom_crypto::sha256;
use strongroom_secmem::SecretBytes;
use zeroize::Zeroizing;

use crate::age::{self, AgeError};
use crate::error::RootError;
use crate::keyring::KEY_LEN;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const CHECKSUM_LEN: usize = 5;

/// What is wrong with a share's text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShareError {
    /// It does not begin as a share does.
    #[error("this is not a share: a share begins with strongroom-share-1-")]
    NotAShare,
    /// A later format.
    #[error("a share of format {0}; this version reads format 1")]
    UnknownFormat(String),
    /// A part is missing at the end.
    #[error("the share is incomplete: its {0} is missing")]
    Incomplete(&'static str),
    /// A part cannot be read.
    #[error("the share's {0} cannot be read")]
    BadPart(&'static str),
    /// A character that no share has.
    #[error("the share's {part} holds {found:?}, which no share has")]
    BadCharacter {
        /// Which part.
        part: &'static str,
        /// The character.
        found: char,
    },
    /// A part of the wrong length: characters were lost or doubled.
    #[error("the share's {part} has {found} characters instead of {expected}")]
    BadLength {
        /// Which part.
        part: &'static str,
        /// Characters it should have.
        expected: usize,
        /// Characters it has.
        found: usize,
    },
    /// All parts can be read, and at least one character is wrong.
    #[error("the share's checksum does not fit: at least one character is wrong")]
    Checksum,
    /// The age file does not hold a share, or does not open.
    #[error(transparent)]
    Age(#[from] AgeError),
}

/// Identifies one splitting of one secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SetId(pub [u8; 8]);

impl std::fmt::Display for SetId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl std::fmt::Debug for SetId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// One share. Its payload is secret: together with enough others it opens the slot.
pub struct Share {
    set: SetId,
    index: u8,
    shares: u8,
    threshold: u8,
    payload: SecretBytes,
}

impl std::fmt::Debug for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Share { set, index, shares, threshold, .. } = self;
        write!(f, "Share({index} of {shares}, {threshold} needed, set {set})")
    }
}

impl Share {
    pub(crate) fn new(
        set: SetId,
        index: u8,
        shares: u8,
        threshold: u8,
        payload: SecretBytes,
    ) -> Self {
        Share { set, index, shares, threshold, payload }
    }

    /// Whether the other is this very share.
    pub fn same_as(&self, other: &Self) -> bool {
        (self.set, self.index, self.shares, self.threshold)
            == (other.set, other.index, other.shares, other.threshold)
            && self.payload.ct_eq(other.payload.as_slice())
    }

    /// The splitting that it belongs to.
    pub fn set(&self) -> SetId {
        self.set
    }

    /// Its number, from 1.
    pub fn index(&self) -> u8 {
        self.index
    }

    /// How many shares there are.
    pub fn shares(&self) -> u8 {
        self.shares
    }

    /// How many of them open the slot.
    pub fn threshold(&self) -> u8 {
        self.threshold
    }

    pub(crate) fn payload(&self) -> &SecretBytes {
        &self.payload
    }

    /// The text. There is no `Display`: a share is never printed by accident.
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut text = self.head();
        encode(self.payload.as_slice(), &mut text);
        let checksum = checksum(&text);
        text.push('-');
        encode(&checksum, &mut text);
        text
    }

    /// Reads a share as people type it: letter case, spaces, line breaks, the various dashes of
    /// word processors, and o for 0 or l for 1 in its coded parts do not matter.
    ///
    /// # Errors
    /// Says which part is wrong.
    pub fn parse(text: &str) -> Result<Self, ShareError> {
        let mut clean = Zeroizing::new(String::with_capacity(text.len()));
        clean.extend(text.chars().filter(|c| !c.is_whitespace()).map(|c| match c {
            '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
            c => c.to_ascii_lowercase(),
        }));
        let rest = clean.strip_prefix("strongroom-share-").ok_or(ShareError::NotAShare)?;
        let mut parts = rest.split('-');
        let mut part =
            |name| parts.next().filter(|p| !p.is_empty()).ok_or(ShareError::Incomplete(name));
        let format = part("format")?;
        if format != "1" {
            return Err(ShareError::UnknownFormat(format.chars().take(20).collect()));
        }
        let set = read_set(part("set id")?)?;
        let (index, shares) =
            part("index")?.split_once("of").ok_or(ShareError::BadPart("index"))?;
        let (index, shares) = (number(index, "index")?, number(shares, "index")?);
        let threshold = number(part("threshold")?, "threshold")?;
        if index > shares {
            return Err(ShareError::BadPart("index"));
        }
        if threshold < 2 || threshold > shares {
            return Err(ShareError::BadPart("threshold"));
        }
        let payload = decode::<KEY_LEN>(part("payload")?, "payload")?;
        let given = decode::<CHECKSUM_LEN>(part("checksum")?, "checksum")?;
        if parts.next().is_some() {
            return Err(ShareError::BadPart("end"));
        }
        // SecretBytes only fails when locked memory is short; there is no better word for it here.
        let payload = SecretBytes::from_slice(payload.as_slice())
            .map_err(|_| ShareError::BadPart("payload (no locked memory for it)"))?;
        let share = Share { set, index, shares, threshold, payload };
        let mut text = share.head();
        encode(share.payload.as_slice(), &mut text);
        if checksum(&text) != *given {
            return Err(ShareError::Checksum);
        }
        Ok(share)
    }

    /// The share's text, encrypted to a custodian's age recipient (`age1...`): an age file that
    /// the custodian's own `age` opens.
    ///
    /// # Errors
    /// When it is not an X25519 recipient.
    pub fn encrypt_to(&self, recipient: &str) -> Result<Vec<u8>, RootError> {
        let mut text = self.to_text();
        text.push('\n');
        Ok(age::encrypt(recipient, text.as_bytes())?)
    }

    /// Reads a share from an age file with the custodian's identity (`AGE-SECRET-KEY-1...`).
    ///
    /// # Errors
    /// When the identity does not open the file, or it holds no share.
    pub fn decrypt(identity: &str, file: &[u8]) -> Result<Self, ShareError> {
        let text = age::decrypt(identity, file)?;
        let text = std::str::from_utf8(text.as_slice()).map_err(|_| ShareError::NotAShare)?;
        Share::parse(text)
    }

    fn head(&self) -> Zeroizing<String> {
        let Share { set, index, shares, threshold, .. } = self;
        let mut text = Zeroizing::new(String::with_capacity(128));
        text.push_str(&format!("strongroom-share-1-{set}-{index}of{shares}-{threshold}-"));
        text
    }
}

fn checksum(text: &str) -> [u8; CHECKSUM_LEN] {
    let hash = sha256(&[b"strongroom share checksum 1\0", text.as_bytes()]);
    let mut sum = [0; CHECKSUM_LEN];
    sum.copy_from_slice(&hash[..CHECKSUM_LEN]);
    sum
}

fn number(text: &str, part: &'static str) -> Result<u8, ShareError> {
    match text.parse() {
        Ok(n) if n > 0 && !text.starts_with('+') => Ok(n),
        _ => Err(ShareError::BadPart(part)),
    }
}

fn read_set(text: &str) -> Result<SetId, ShareError> {
    let part = "set id";
    let found = text.chars().count();
    if found != 16 {
        return Err(ShareError::BadLength { part, expected: 16, found });
    }
    let mut id = [0u8; 8];
    for (i, c) in text.chars().enumerate() {
        let digit = lookalike(c).to_digit(16).ok_or(ShareError::BadCharacter { part, found: c })?;
        if let Some(byte) = id.get_mut(i / 2) {
            *byte = *byte << 4 | digit as u8;
        }
    }
    Ok(SetId(id))
}

fn lookalike(c: char) -> char {
    match c {
        'o' => '0',
        'i' | 'l' => '1',
        c => c,
    }
}

/// Appends base 32; the last character is filled up with zero bits.
fn encode(bytes: &[u8], out: &mut String) {
    let (mut bits, mut held) = (0u32, 0);
    for byte in bytes {
        bits = bits << 8 | u32::from(*byte);
        held += 8;
        while held >= 5 {
            held -= 5;
            push_digit(bits >> held, out);
        }
    }
    if held > 0 {
        push_digit(bits << (5 - held), out);
    }
}

fn push_digit(value: u32, out: &mut String) {
    let digit = ALPHABET.get(value as usize & 31).copied().unwrap_or(b'0');
    out.push(char::from(digit));
}

fn decode<const N: usize>(
    text: &str,
    part: &'static str,
) -> Result<Zeroizing<[u8; N]>, ShareError> {
    let expected = (N * 8).div_ceil(5);
    let found = text.chars().count();
    if let Some(found) = text.chars().find(|c| digit(*c).is_none()) {
        return Err(ShareError::BadCharacter { part, found });
    }
    if found != expected {
        return Err(ShareError::BadLength { part, expected, found });
    }
    let mut out = Zeroizing::new([0u8; N]);
    let (mut bits, mut held, mut bytes) = (0u32, 0, out.iter_mut());
    for value in text.chars().filter_map(digit) {
        bits = bits << 5 | value;
        held += 5;
        if held >= 8 {
            held -= 8;
            if let Some(byte) = bytes.next() {
                *byte = (bits >> held) as u8;
            }
        }
    }
    // Bits beyond the last byte: only zeros are canonical.
    if bits & ((1 << held) - 1) != 0 {
        return Err(ShareError::Checksum);
    }
    Ok(out)
}

fn digit(c: char) -> Option<u32> {
    let c = u8::try_from(lookalike(c)).ok()?;
    ALPHABET.iter().position(|a| *a == c).map(|i| i as u32)
}
