//! age files (c2sp.org/age, version 1) for one X25519 recipient, as far as shares need them.
//!
//! Written out here because the format for this one kind of recipient is small, and the crate that
//! implements all kinds brings 130 others into the process that holds the root key. The files are
//! ordinary ones: custodians open them with any age program.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bech32::{Bech32, Hrp};
use strongroom_crypto::asym::{PrivateKey, PublicKey, agree, generate};
use strongroom_crypto::cipher::{self, Spec};
use strongroom_crypto::{CryptoError, derive, hmac256};
use strongroom_kmip::{
    BlockCipherMode, CryptographicAlgorithm, HashingAlgorithm, KeyFormatType, RecommendedCurve,
};
use strongroom_secmem::SecretBytes;
use zeroize::Zeroizing;

use crate::keyring::KEY_LEN;

const VERSION_LINE: &str = "age-encryption.org/v1";
const KEY_INFO: &[u8] = b"age-encryption.org/v1/X25519";
const FILE_KEY_LEN: usize = 16;
const NONCE_LEN: usize = 16;
const TAG_LEN: usize = 16;

/// Longest plaintext: one chunk of the format. A share has some 130 bytes.
pub const MAX_PLAIN: usize = 64 << 10;

/// Why an age file could not be made or opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AgeError {
    /// Not an `age1...` recipient.
    #[error("this is not an age X25519 recipient: it begins with age1 and is not a plugin's")]
    BadRecipient,
    /// Not an `AGE-SECRET-KEY-1...` identity.
    #[error("this is not an age X25519 identity: it begins with AGE-SECRET-KEY-1")]
    BadIdentity,
    /// Not an age file, or one with features that shares do not use.
    #[error("this is not an age file as shares are kept in: {0}")]
    BadFile(&'static str),
    /// Encrypted to somebody else.
    #[error("the age file is not for this identity")]
    NotForYou,
    /// The file was altered.
    #[error("the age file was altered")]
    Altered,
    /// The cryptography failed.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
}

impl From<strongroom_secmem::SecMemError> for AgeError {
    fn from(e: strongroom_secmem::SecMemError) -> Self {
        AgeError::Crypto(e.into())
    }
}

/// Encrypts `plain` to a recipient.
///
/// # Errors
/// When the recipient is not one of X25519, or `plain` is longer than [`MAX_PLAIN`].
pub fn encrypt(recipient: &str, plain: &[u8]) -> Result<Vec<u8>, AgeError> {
    let theirs = decode_key(recipient.trim(), "age").ok_or(AgeError::BadRecipient)?;
    if plain.len() > MAX_PLAIN {
        return Err(AgeError::BadFile("too long"));
    }
    let ephemeral = generate(CryptographicAlgorithm::EC, None, Some(RecommendedCurve::CURVE25519))?;
    let ours = PrivateKey::from_pkcs8(&ephemeral.private_pkcs8)?;
    let share = ours.public()?.encode(KeyFormatType::RAW)?;
    let file_key = random_secret(FILE_KEY_LEN)?;
    // A recipient of small order gives no shared secret, and is refused here.
    let shared = agree(&ours, &public_key(&theirs)?).map_err(|_| AgeError::BadRecipient)?;
    let wrap_key = wrap_key(&shared, &share, theirs.as_slice())?;
    let body = seal(&wrap_key, &[0; 12], file_key.as_slice())?;

    let mut file = format!(
        "{VERSION_LINE}\n-> X25519 {}\n{}\n---",
        STANDARD_NO_PAD.encode(&share),
        STANDARD_NO_PAD.encode(&body)
    )
    .into_bytes();
    let mac = header_mac(&file_key, &file)?;
    file.push(b' ');
    file.extend_from_slice(STANDARD_NO_PAD.encode(mac).as_bytes());
    file.push(b'\n');

    let mut nonce = [0; NONCE_LEN];
    strongroom_crypto::random(&mut nonce)?;
    file.extend_from_slice(&nonce);
    file.extend(seal(&payload_key(&file_key, &nonce)?, &LAST_CHUNK, plain)?);
    Ok(file)
}

/// Opens an age file with an identity.
///
/// # Errors
/// When the file is for others, altered, or not of the kind that [`encrypt`] makes.
pub fn decrypt(identity: &str, file: &[u8]) -> Result<SecretBytes, AgeError> {
    let secret = decode_key(&identity.trim().to_ascii_lowercase(), "age-secret-key-")
        .ok_or(AgeError::BadIdentity)?;
    let secret = SecretBytes::from_slice(secret.as_slice())?;
    let curve = Some(RecommendedCurve::CURVE25519);
    let ours = PrivateKey::parse(KeyFormatType::RAW, CryptographicAlgorithm::EC, curve, &secret)?;
    let our_public = ours.public()?.encode(KeyFormatType::RAW)?;

    let header = Header::read(file)?;
    let file_key = header
        .stanzas
        .iter()
        .find_map(|(share, body)| {
            let shared = agree(&ours, &public_key(share).ok()?).ok()?;
            let wrap_key = wrap_key(&shared, share, &our_public).ok()?;
            open(&wrap_key, &[0; 12], body).ok()
        })
        .ok_or(AgeError::NotForYou)?;
    let file_key = SecretBytes::from_slice(file_key.as_slice())?;
    if !header_key(&file_key)?.verify(&[header.covered], &header.mac) {
        return Err(AgeError::Altered);
    }
    let (nonce, chunk) =
        header.payload.split_first_chunk::<NONCE_LEN>().ok_or(AgeError::BadFile("cut off"))?;
    if chunk.len() > MAX_PLAIN + TAG_LEN {
        return Err(AgeError::BadFile("too long"));
    }
    let plain =
        open(&payload_key(&file_key, nonce)?, &LAST_CHUNK, chunk).map_err(|_| AgeError::Altered)?;
    Ok(SecretBytes::from_slice(plain.as_slice())?)
}

/// Nonce of a payload's first chunk when it is the last one too.
const LAST_CHUNK: [u8; 12] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

struct Header<'a> {
    /// Ephemeral share and wrapped file key of each X25519 stanza.
    stanzas: Vec<(Vec<u8>, Vec<u8>)>,
    /// The bytes that the MAC covers.
    covered: &'a [u8],
    mac: Vec<u8>,
    payload: &'a [u8],
}

impl<'a> Header<'a> {
    fn read(file: &'a [u8]) -> Result<Self, AgeError> {
        let mut rest = file;
        let mut line = || {
            let end =
                rest.iter().position(|b| *b == b'\n').ok_or(AgeError::BadFile("no header"))?;
            let (line, after) = rest.split_at(end);
            rest = after.get(1..).unwrap_or_default();
            std::str::from_utf8(line).map_err(|_| AgeError::BadFile("no header"))
        };
        if line()? != VERSION_LINE {
            return Err(AgeError::BadFile("the first line is not age-encryption.org/v1"));
        }
        let mut stanzas = Vec::new();
        let mut current = line()?;
        let mac = loop {
            if let Some(mac) = current.strip_prefix("--- ") {
                break mac;
            }
            let arguments = current.strip_prefix("-> ").ok_or(AgeError::BadFile("stanza"))?;
            // A body is lines of 64 characters and one shorter line at its end.
            let mut body = String::new();
            loop {
                let part = line()?;
                body.push_str(part);
                if part.len() < 64 {
                    break;
                }
            }
            if let Some(share) = arguments.strip_prefix("X25519 ") {
                stanzas.push((bytes(share, KEY_LEN)?, bytes(&body, FILE_KEY_LEN + TAG_LEN)?));
            }
            current = line()?;
        };
        let mac_bytes = bytes(mac, 32)?;
        let header_len = file.len() - rest.len();
        let covered =
            file.get(..header_len - mac.len() - 2).ok_or(AgeError::BadFile("no header"))?;
        Ok(Header { stanzas, covered, mac: mac_bytes, payload: rest })
    }
}

fn bytes(text: &str, len: usize) -> Result<Vec<u8>, AgeError> {
    let bytes = STANDARD_NO_PAD.decode(text).map_err(|_| AgeError::BadFile("base 64"))?;
    if bytes.len() == len { Ok(bytes) } else { Err(AgeError::BadFile("a part of another length")) }
}

fn decode_key(text: &str, prefix: &str) -> Option<Zeroizing<[u8; KEY_LEN]>> {
    let checked = bech32::primitives::decode::CheckedHrpstring::new::<Bech32>(text).ok()?;
    if checked.hrp() != Hrp::parse(prefix).ok()? {
        return None;
    }
    let mut key = Zeroizing::new([0; KEY_LEN]);
    let mut bytes = checked.byte_iter();
    for byte in key.iter_mut() {
        *byte = bytes.next()?;
    }
    bytes.next().is_none().then_some(key)
}

fn public_key(raw: &(impl AsRef<[u8]> + ?Sized)) -> Result<PublicKey, CryptoError> {
    let curve = Some(RecommendedCurve::CURVE25519);
    PublicKey::parse(KeyFormatType::RAW, CryptographicAlgorithm::EC, curve, raw.as_ref())
}

fn random_secret(len: usize) -> Result<SecretBytes, CryptoError> {
    SecretBytes::try_build(len, |out| {
        strongroom_crypto::random(out)?;
        Ok(len)
    })
}

fn hkdf(key: &SecretBytes, salt: &[u8], info: &[u8]) -> Result<SecretBytes, CryptoError> {
    derive::hkdf(HashingAlgorithm::SHA_256, key, salt, info, KEY_LEN)
}

fn wrap_key(
    shared: &SecretBytes,
    share: &[u8],
    recipient: &[u8],
) -> Result<SecretBytes, CryptoError> {
    hkdf(shared, &[share, recipient].concat(), KEY_INFO)
}

fn header_key(file_key: &SecretBytes) -> Result<hmac256::Key, CryptoError> {
    hmac256::Key::new(&hkdf(file_key, &[], b"header")?)
}

fn header_mac(file_key: &SecretBytes, covered: &[u8]) -> Result<[u8; 32], CryptoError> {
    Ok(header_key(file_key)?.sign(&[covered]))
}

fn payload_key(file_key: &SecretBytes, nonce: &[u8]) -> Result<SecretBytes, CryptoError> {
    hkdf(file_key, nonce, b"payload")
}

fn chacha() -> Spec {
    Spec::new(CryptographicAlgorithm::CHACHA20POLY1305, Some(BlockCipherMode::AEAD))
}

fn seal(key: &SecretBytes, nonce: &[u8; 12], plain: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let mut sealed = cipher::encrypt(key, &chacha(), nonce, &[], plain)?;
    sealed.data.extend(sealed.tag.unwrap_or_default());
    Ok(sealed.data)
}

fn open(
    key: &SecretBytes,
    nonce: &[u8; 12],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let (data, tag) = sealed.split_last_chunk::<TAG_LEN>().ok_or(CryptoError::BadData)?;
    cipher::decrypt(key, &chacha(), nonce, &[], data, Some(tag)).map(Zeroizing::new)
}
