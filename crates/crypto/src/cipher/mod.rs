//! Encryption with symmetric keys, at once or in steps.
//!
//! Backends: AWS-LC's EVP ciphers through `strongroom-awslc` for AES (ECB, CBC, CFB-128, OFB, CTR,
//! GCM, CCM, XTS with 256-bit keys), ChaCha20-Poly1305, 3DES, DES, Blowfish (ECB, CBC) and RC4: one path with
//! any GCM IV and tag length and with streaming, which `aws_lc_rs::aead` does not offer and than
//! which it is hardly faster. Raw ChaCha20: AWS-LC's `CRYPTO_chacha_20`. AES key wrap: AWS-LC's
//! `AES_wrap_key`. XTS with 128-bit keys, which AWS-LC lacks: the crates `xts-mode` and `aes`.
//! Padding (PKCS #5, ANSI X9.23, ISO 10126, zeros) is done here.

mod padding;
mod resolve;
mod stream;
mod xts;

use strongroom_awslc::chacha::ChaCha20;
use strongroom_awslc::cipher::{Context, Direction, ccm_open, ccm_seal};
use strongroom_awslc::wrap;
use strongroom_kmip::{BlockCipherMode, CryptographicAlgorithm, PaddingMethod};
use strongroom_secmem::SecretBytes;
use zeroize::{Zeroize, Zeroizing};

use crate::CryptoError;
use padding::Padding;
use resolve::{Kind, counter_room};

pub use stream::Stream;

/// How to encrypt: KMIP's Cryptographic Parameters, as far as they concern symmetric ciphers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spec {
    /// The key's algorithm.
    pub algorithm: CryptographicAlgorithm,
    /// The mode; block ciphers need one.
    pub mode: Option<BlockCipherMode>,
    /// The padding; none when absent.
    pub padding: Option<PaddingMethod>,
    /// Tag length in bytes for an authenticating mode; 16 when absent.
    pub tag_length: Option<usize>,
    /// Width of the counter in bits for CTR; the whole block when absent.
    pub counter_length: Option<usize>,
}

impl Spec {
    /// A spec with everything but algorithm and mode left to the defaults.
    pub fn new(algorithm: CryptographicAlgorithm, mode: Option<BlockCipherMode>) -> Self {
        Self { algorithm, mode, padding: None, tag_length: None, counter_length: None }
    }
}

/// What encryption or the end of a stream gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ciphertext {
    /// The data.
    pub data: Vec<u8>,
    /// The tag, from encryption in an authenticating mode only.
    pub tag: Option<Vec<u8>>,
}

/// The length in bytes of the IV that a server makes for this spec, `None` if it takes no IV.
pub fn iv_len(spec: &Spec) -> Result<Option<usize>, CryptoError> {
    resolve::iv_len(spec)
}

/// Whether the spec authenticates, so that a tag belongs to the ciphertext.
pub fn is_aead(spec: &Spec) -> bool {
    matches!(spec.mode, Some(BlockCipherMode::GCM | BlockCipherMode::CCM | BlockCipherMode::AEAD))
        || spec.algorithm == CryptographicAlgorithm::CHACHA20POLY1305
}

/// Encrypts a whole message.
pub fn encrypt(
    key: &SecretBytes,
    spec: &Spec,
    iv: &[u8],
    aad: &[u8],
    data: &[u8],
) -> Result<Ciphertext, CryptoError> {
    let kind = Kind::of(spec, key.len(), iv)?;
    refuse_aad(spec, aad)?;
    match kind {
        Kind::Evp { cipher, padding, tag_len } => {
            counter_room(spec, iv, data.len())?;
            padding.check_whole(cipher.block_len(), data.len())?;
            let mut context = Context::new(cipher, Direction::Encrypt, key.as_slice(), iv)?;
            let block = cipher.block_len();
            let mut out = vec![0; data.len() + if block > 1 { 2 * block } else { 0 }];
            if let Some(tag_len) = tag_len {
                context.aad(aad)?;
                context.update(data, &mut out)?;
                let mut tag = vec![0; tag_len];
                context.finish_tag(&mut tag)?;
                return Ok(Ciphertext { data: out, tag: Some(tag) });
            }
            let mut done = context.update(data, &mut out)?;
            if let Some(pad) = padding.make(block, data.len())? {
                let (_, rest) = out.split_at_mut(done);
                done += context.update(pad.as_slice(), rest)?;
            }
            context.finish()?;
            out.truncate(done);
            Ok(Ciphertext { data: out, tag: None })
        }
        Kind::Ccm { cipher, tag_len } => {
            let mut out = vec![0; data.len()];
            let mut tag = vec![0; tag_len];
            ccm_seal(cipher, key.as_slice(), iv, aad, data, &mut out, &mut tag)?;
            Ok(Ciphertext { data: out, tag: Some(tag) })
        }
        Kind::ChaCha20 { nonce, counter } => {
            let mut out = data.to_vec();
            ChaCha20::new(key.as_slice(), nonce, counter)?.apply(&mut out)?;
            Ok(Ciphertext { data: out, tag: None })
        }
        Kind::Xts128 => xts::encrypt(key, iv, data).map(plain),
        Kind::KeyWrap => {
            let mut out = vec![0; data.len() + wrap::OVERHEAD];
            wrap::wrap(key.as_slice(), data, &mut out)?;
            Ok(plain(out))
        }
        Kind::KeyWrapPadded => {
            let mut out = vec![0; wrap::padded_len(data.len())];
            wrap::wrap_padded(key.as_slice(), data, &mut out)?;
            Ok(plain(out))
        }
    }
}

/// Decrypts a whole message. In an authenticating mode nothing is returned unless the tag
/// verifies. The caller wipes the result when it is secret.
pub fn decrypt(
    key: &SecretBytes,
    spec: &Spec,
    iv: &[u8],
    aad: &[u8],
    data: &[u8],
    tag: Option<&[u8]>,
) -> Result<Vec<u8>, CryptoError> {
    let kind = Kind::of(spec, key.len(), iv)?;
    refuse_aad(spec, aad)?;
    // Wiped if anything below fails.
    let mut out = Zeroizing::new(Vec::new());
    let used = match kind {
        Kind::Evp { cipher, padding, tag_len } => {
            counter_room(spec, iv, data.len())?;
            let block = cipher.block_len();
            padding.check_ciphertext(block, data.len())?;
            let mut context = Context::new(cipher, Direction::Decrypt, key.as_slice(), iv)?;
            out.resize(data.len() + if block > 1 { block } else { 0 }, 0);
            if let Some(tag_len) = tag_len {
                let tag = expect_tag(tag, tag_len)?;
                context.aad(aad)?;
                let done = context.update(data, &mut out)?;
                context.finish_verify(tag)?;
                done
            } else {
                let done = context.update(data, &mut out)?;
                context.finish()?;
                padding.strip(block, out.get(..done).unwrap_or_default())?
            }
        }
        Kind::Ccm { cipher, tag_len } => {
            let tag = expect_tag(tag, tag_len)?;
            out.resize(data.len(), 0);
            ccm_open(cipher, key.as_slice(), iv, aad, data, &mut out, tag)?;
            data.len()
        }
        Kind::ChaCha20 { nonce, counter } => {
            out.extend_from_slice(data);
            ChaCha20::new(key.as_slice(), nonce, counter)?.apply(&mut out)?;
            data.len()
        }
        Kind::Xts128 => {
            out.extend_from_slice(data);
            xts::decrypt(key, iv, &mut out)?;
            data.len()
        }
        Kind::KeyWrap => {
            out.resize(data.len().saturating_sub(wrap::OVERHEAD), 0);
            wrap::unwrap(key.as_slice(), data, &mut out)?;
            out.len()
        }
        Kind::KeyWrapPadded => {
            out.resize(data.len(), 0);
            wrap::unwrap_padded(key.as_slice(), data, &mut out)?
        }
    };
    if let Some(rest) = out.get_mut(used..) {
        rest.zeroize();
    }
    out.truncate(used);
    Ok(std::mem::take(&mut *out))
}

fn plain(data: Vec<u8>) -> Ciphertext {
    Ciphertext { data, tag: None }
}

/// Additional data without a mode to authenticate it would be dropped in silence.
fn refuse_aad(spec: &Spec, aad: &[u8]) -> Result<(), CryptoError> {
    if aad.is_empty() || is_aead(spec) {
        return Ok(());
    }
    Err(CryptoError::parameter("additional data needs an authenticating mode"))
}

/// The tag, which must have the length that the spec names.
fn expect_tag(tag: Option<&[u8]>, tag_len: usize) -> Result<&[u8], CryptoError> {
    let tag = tag.ok_or_else(|| CryptoError::parameter("the tag is missing"))?;
    if tag.len() != tag_len {
        return Err(CryptoError::parameter(format!("the tag must have {tag_len} bytes")));
    }
    Ok(tag)
}
