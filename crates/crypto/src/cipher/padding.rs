//! Padding of the last block.

use std::hint::black_box;

use strongroom_kmip::PaddingMethod;

use crate::CryptoError;

/// Longest block in bytes.
const LONGEST: usize = 16;

/// How the last block is filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Padding {
    /// Data comes in whole blocks.
    None,
    /// Every byte is the count (PKCS #5 and #7).
    Pkcs5,
    /// Zeros, then the count.
    X9_23,
    /// Random bytes, then the count.
    Iso10126,
    /// Zeros up to the block, none when it is full. Not removed: the count is nowhere.
    Zeros,
}

/// The bytes to add.
pub(super) struct Pad([u8; LONGEST], usize);

impl Pad {
    pub(super) fn as_slice(&self) -> &[u8] {
        self.0.get(..self.1).unwrap_or_default()
    }
}

impl Padding {
    pub(super) fn of(method: Option<PaddingMethod>) -> Result<Self, CryptoError> {
        Ok(match method {
            None | Some(PaddingMethod::NONE) => Self::None,
            Some(PaddingMethod::PKCS5) => Self::Pkcs5,
            Some(PaddingMethod::ANSI_X9_23) => Self::X9_23,
            Some(PaddingMethod::ISO_10126) => Self::Iso10126,
            Some(PaddingMethod::ZEROS) => Self::Zeros,
            Some(other) => {
                return Err(CryptoError::unsupported(format!("{other:?} with a block cipher")));
            }
        })
    }

    /// Refuses data to encrypt that is no multiple of the block when nothing fills it.
    pub(super) fn check_whole(self, block: usize, len: usize) -> Result<(), CryptoError> {
        if self == Self::None && !len.is_multiple_of(block) {
            return Err(CryptoError::parameter(format!(
                "without padding the data must be a multiple of {block} bytes"
            )));
        }
        Ok(())
    }

    /// Refuses ciphertext that cannot be.
    pub(super) fn check_ciphertext(self, block: usize, len: usize) -> Result<(), CryptoError> {
        let counted = matches!(self, Self::Pkcs5 | Self::X9_23 | Self::Iso10126);
        if !len.is_multiple_of(block) || (counted && len == 0) {
            return Err(CryptoError::BadData);
        }
        Ok(())
    }

    /// What to add to a message of `len` bytes.
    pub(super) fn make(self, block: usize, len: usize) -> Result<Option<Pad>, CryptoError> {
        let count = block - len % block;
        let mut pad = Pad([0; LONGEST], count);
        match self {
            Self::None => return Ok(None),
            Self::Zeros if count == block => return Ok(None),
            Self::Zeros => return Ok(Some(pad)),
            Self::Pkcs5 => pad.0.fill(count as u8),
            Self::X9_23 => {}
            Self::Iso10126 => crate::random(&mut pad.0)?,
        }
        if let Some(last) = pad.0.get_mut(count - 1) {
            *last = count as u8;
        }
        Ok(Some(pad))
    }

    /// How many bytes of the decrypted `data` are the message. Whatever is wrong with the padding,
    /// the time taken is the same; so is the error.
    pub(super) fn strip(self, block: usize, data: &[u8]) -> Result<usize, CryptoError> {
        if matches!(self, Self::None | Self::Zeros) {
            return Ok(data.len());
        }
        let Some(start) = data.len().checked_sub(block) else { return Err(CryptoError::BadData) };
        let last = data.get(start..).unwrap_or_default();
        let count = usize::from(last.last().copied().unwrap_or_default());
        let mut wrong = u8::from(count == 0) | u8::from(count > block);
        for (i, byte) in last.iter().take(block - 1).enumerate() {
            let padded = u8::from(i + count >= block);
            let expected = match self {
                Self::Pkcs5 => count as u8,
                Self::X9_23 => 0,
                _ => *byte,
            };
            wrong |= black_box(padded & u8::from(*byte != expected));
        }
        if wrong != 0 {
            return Err(CryptoError::BadData);
        }
        Ok(data.len() - count)
    }
}
