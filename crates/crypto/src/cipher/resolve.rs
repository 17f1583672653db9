//! From KMIP's parameters to one cipher with its IV, tag and padding, or a clear refusal.

use strongroom_awslc::cipher::{Algorithm, Cipher, Mode};
use strongroom_kmip::{BlockCipherMode, CryptographicAlgorithm, PaddingMethod};

use super::{Padding, Spec};
use crate::CryptoError;

/// The tag length in bytes when the spec names none.
const DEFAULT_TAG: usize = 16;

/// What a spec and a key come to.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// One of AWS-LC's EVP ciphers; with a tag length when it authenticates.
    Evp { cipher: Cipher, padding: Padding, tag_len: Option<usize> },
    /// CCM, which wants the whole message at once.
    Ccm { cipher: Cipher, tag_len: usize },
    /// Raw ChaCha20 from a block counter on.
    ChaCha20 { nonce: [u8; 12], counter: u32 },
    /// XTS with two 128-bit keys.
    Xts128,
    /// RFC 3394.
    KeyWrap,
    /// RFC 5649.
    KeyWrapPadded,
}

impl Kind {
    /// Checks everything but the data.
    pub(super) fn of(spec: &Spec, key_len: usize, iv: &[u8]) -> Result<Self, CryptoError> {
        let padding = Padding::of(spec.padding)?;
        if spec.algorithm == CryptographicAlgorithm::CHACHA20 {
            return chacha20(spec, key_len, iv);
        }
        let algorithm = algorithm(spec.algorithm)?;
        let mode = mode(spec, algorithm)?;
        let mode = match mode {
            Wanted::Evp(mode) => mode,
            Wanted::KeyWrap | Wanted::KeyWrapPadded if algorithm == Algorithm::Aes => {
                if !matches!(key_len, 16 | 24 | 32) {
                    return Err(CryptoError::key("an AES key has 16, 24 or 32 bytes"));
                }
                if !iv.is_empty() {
                    return Err(CryptoError::parameter("AES key wrap takes no IV of the caller's"));
                }
                no_padding(spec)?;
                let padded = matches!(mode, Wanted::KeyWrapPadded);
                return Ok(if padded { Self::KeyWrapPadded } else { Self::KeyWrap });
            }
            _ => return Err(CryptoError::unsupported("key wrap with another cipher than AES")),
        };
        if (algorithm, mode, key_len) == (Algorithm::Aes, Mode::Xts, 32) {
            no_padding(spec)?;
            check_iv(iv, 16..=16)?;
            return Ok(Self::Xts128);
        }
        let cipher = Cipher::find(algorithm, mode, key_len)?;
        if cipher.block_len() == 1 {
            no_padding(spec)?;
        }
        check_iv(iv, cipher.iv_lens())?;
        if !cipher.is_aead() {
            return Ok(Self::Evp { cipher, padding, tag_len: None });
        }
        let tag_len = spec.tag_length.unwrap_or(DEFAULT_TAG);
        if !cipher.tag_len_fits(tag_len) {
            return Err(CryptoError::parameter(format!("a tag of {tag_len} bytes")));
        }
        Ok(match mode {
            Mode::Ccm => Self::Ccm { cipher, tag_len },
            _ => Self::Evp { cipher, padding, tag_len: Some(tag_len) },
        })
    }
}

pub(super) fn iv_len(spec: &Spec) -> Result<Option<usize>, CryptoError> {
    if spec.algorithm == CryptographicAlgorithm::CHACHA20 {
        return Ok(Some(12));
    }
    let algorithm = algorithm(spec.algorithm)?;
    let Wanted::Evp(mode) = mode(spec, algorithm)? else { return Ok(None) };
    Ok(match (algorithm, mode) {
        (_, Mode::Ecb | Mode::Stream) => None,
        (_, Mode::Gcm | Mode::Ccm | Mode::Aead) => Some(12),
        (Algorithm::TripleDes | Algorithm::Des | Algorithm::Blowfish, _) => Some(8),
        _ => Some(16),
    })
}

/// Refuses CTR data that would carry the counter out of its field and into the nonce.
pub(super) fn counter_room(spec: &Spec, iv: &[u8], len: usize) -> Result<(), CryptoError> {
    if spec.mode != Some(BlockCipherMode::CTR) {
        return Ok(());
    }
    let width = match spec.counter_length {
        // The whole block may wrap: SP 800-38A counts modulo 2^128.
        None | Some(128) => return Ok(()),
        Some(width @ 1..=127) => width,
        Some(_) => return Err(CryptoError::parameter("counter length: 1 to 128 bits")),
    };
    let start = iv.iter().fold(0u128, |value, byte| value << 8 | u128::from(*byte));
    let field = (1u128 << width) - 1;
    let room = field - (start & field) + 1;
    if (len.div_ceil(16)) as u128 > room {
        return Err(CryptoError::parameter("the counter would overflow its field"));
    }
    Ok(())
}

enum Wanted {
    Evp(Mode),
    KeyWrap,
    KeyWrapPadded,
}

fn algorithm(algorithm: CryptographicAlgorithm) -> Result<Algorithm, CryptoError> {
    Ok(match algorithm {
        CryptographicAlgorithm::AES => Algorithm::Aes,
        CryptographicAlgorithm::TRIPLE_DES => Algorithm::TripleDes,
        CryptographicAlgorithm::DES => Algorithm::Des,
        CryptographicAlgorithm::BLOWFISH => Algorithm::Blowfish,
        CryptographicAlgorithm::RC4 => Algorithm::Rc4,
        CryptographicAlgorithm::CHACHA20POLY1305 => Algorithm::ChaCha20Poly1305,
        other => return Err(CryptoError::unsupported(format!("encryption with {other:?}"))),
    })
}

fn mode(spec: &Spec, algorithm: Algorithm) -> Result<Wanted, CryptoError> {
    let mode = match spec.mode {
        Some(mode) => mode,
        None if algorithm == Algorithm::ChaCha20Poly1305 => return Ok(Wanted::Evp(Mode::Aead)),
        None if algorithm == Algorithm::Rc4 => return Ok(Wanted::Evp(Mode::Stream)),
        None => return Err(CryptoError::parameter("a block cipher needs a mode")),
    };
    Ok(Wanted::Evp(match mode {
        BlockCipherMode::ECB => Mode::Ecb,
        BlockCipherMode::CBC => Mode::Cbc,
        BlockCipherMode::CFB => Mode::Cfb,
        BlockCipherMode::OFB => Mode::Ofb,
        BlockCipherMode::CTR => Mode::Ctr,
        BlockCipherMode::GCM => Mode::Gcm,
        BlockCipherMode::CCM => Mode::Ccm,
        BlockCipherMode::XTS => Mode::Xts,
        BlockCipherMode::AEAD => Mode::Aead,
        BlockCipherMode::NISTKEYWRAP => return Ok(Wanted::KeyWrap),
        BlockCipherMode::AESKEYWRAPPADDING => return Ok(Wanted::KeyWrapPadded),
        other => return Err(CryptoError::unsupported(format!("encryption in mode {other:?}"))),
    }))
}

/// The original cipher's 8-byte nonce, RFC 8439's 12 bytes, or 16 bytes that begin with the
/// little-endian block counter.
fn chacha20(spec: &Spec, key_len: usize, iv: &[u8]) -> Result<Kind, CryptoError> {
    if spec.mode.is_some() {
        return Err(CryptoError::unsupported("a block cipher mode with ChaCha20"));
    }
    if key_len != 32 {
        return Err(CryptoError::key("a ChaCha20 key has 32 bytes"));
    }
    no_padding(spec)?;
    let mut nonce = [0; 12];
    let (counter, given) = match iv.len() {
        8 | 12 => ([0; 4], iv),
        _ => match iv.split_first_chunk::<4>() {
            Some((counter, nonce)) if nonce.len() == 12 => (*counter, nonce),
            _ => return Err(CryptoError::parameter("a ChaCha20 nonce has 8, 12 or 16 bytes")),
        },
    };
    nonce.iter_mut().rev().zip(given.iter().rev()).for_each(|(to, from)| *to = *from);
    Ok(Kind::ChaCha20 { nonce, counter: u32::from_le_bytes(counter) })
}

fn check_iv(iv: &[u8], lens: std::ops::RangeInclusive<usize>) -> Result<(), CryptoError> {
    if lens.contains(&iv.len()) {
        return Ok(());
    }
    let (from, to) = (lens.start(), lens.end());
    Err(CryptoError::parameter(if to == &0 {
        "this mode takes no IV".to_owned()
    } else if from == to {
        format!("the IV must have {to} bytes, not {}", iv.len())
    } else {
        format!("the IV must have {from} to {to} bytes, not {}", iv.len())
    }))
}

fn no_padding(spec: &Spec) -> Result<(), CryptoError> {
    match spec.padding {
        None | Some(PaddingMethod::NONE) => Ok(()),
        Some(_) => Err(CryptoError::parameter("this mode takes no padding")),
    }
}
