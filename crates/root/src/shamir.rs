//! Splitting a slot's secret into shares, any `threshold` of which give it back.

use std::convert::Infallible;

use blahaj::Sharks;
use rand_core::{TryCryptoRng, TryRng};
use strongroom_crypto::CryptoError;
use strongroom_secmem::SecretBytes;
use zeroize::Zeroizing;

use crate::error::{RootError, SlotError};
use crate::share::{SetId, Share};

/// Splits `secret`.
///
/// # Errors
/// [`SlotError::BadSplit`] unless 2 ≤ threshold ≤ shares ≤ 255; the random generator.
pub(crate) fn split(
    secret: &SecretBytes,
    set: SetId,
    threshold: u8,
    shares: u8,
) -> Result<Vec<Share>, RootError> {
    if threshold < 2 || threshold > shares {
        return Err(SlotError::BadSplit { threshold, shares }.into());
    }
    let mut rng = Generator { failed: false };
    let dealt: Vec<blahaj::Share> = Sharks(threshold)
        .dealer_rng(secret.as_slice(), &mut rng)
        .take(usize::from(shares))
        .collect();
    if rng.failed {
        return Err(CryptoError::Rng.into());
    }
    dealt
        .iter()
        .map(|share| {
            let bytes = Zeroizing::new(Vec::from(share));
            let (index, payload) =
                bytes.split_first().ok_or(CryptoError::Internal("empty share"))?;
            Ok(Share::new(set, *index, shares, threshold, SecretBytes::from_slice(payload)?))
        })
        .collect()
}

/// Puts the secret together from exactly the shares given, which are of one set and differ.
pub(crate) fn join(shares: &[&Share]) -> Result<SecretBytes, RootError> {
    let mut points = Vec::with_capacity(shares.len());
    for share in shares {
        let payload = share.payload().as_slice();
        let mut bytes = Zeroizing::new(Vec::with_capacity(payload.len() + 1));
        bytes.push(share.index());
        bytes.extend_from_slice(payload);
        points.push(blahaj::Share::try_from(bytes.as_slice()).map_err(CryptoError::Internal)?);
    }
    let count = u8::try_from(points.len()).unwrap_or(u8::MAX);
    let joined =
        Sharks(count).recover(&points).map_err(|_| CryptoError::Internal("joining shares"))?;
    Ok(SecretBytes::from_slice(Zeroizing::new(joined).as_slice())?)
}

/// The library's generator under the interface that the splitting crate asks for, which knows no
/// failure: one is remembered, and nothing that was dealt after it is used.
struct Generator {
    failed: bool,
}

impl TryRng for Generator {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.failed |= strongroom_crypto::random(out).is_err();
        Ok(())
    }
}

impl TryCryptoRng for Generator {}
