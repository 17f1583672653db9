//! Argon2id for passphrase slots.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use strongroom_crypto::CryptoError;
use strongroom_secmem::SecretBytes;
use zeroize::Zeroize;

use crate::error::{RootError, SlotError};
use crate::keyring::KEY_LEN;

/// Fewest characters of a passphrase. Argon2 makes guessing slow, not short ones long.
pub const MIN_CHARACTERS: usize = 12;

/// What the work of one guess is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argon2Cost {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Default for Argon2Cost {
    /// 64 MiB and 3 passes in 4 lanes: the second recommended choice of RFC 9106, for machines
    /// that are not to spend 2 GiB on it; some tenths of a second.
    fn default() -> Self {
        Argon2Cost { memory_kib: 64 << 10, passes: 3, lanes: 4 }
    }
}

impl Argon2Cost {
    /// Bounds keep an altered slot file from making opening trivial or endless.
    pub(crate) fn check(&self) -> Result<(), SlotError> {
        let bad = |what| Err(SlotError::BadParameters(what));
        match self {
            c if !(1 << 10..=4 << 20).contains(&c.memory_kib) => bad("memory: 1 MiB to 4 GiB"),
            c if !(1..=100).contains(&c.passes) => bad("passes: 1 to 100"),
            c if !(1..=64).contains(&c.lanes) => bad("lanes: 1 to 64"),
            _ => Ok(()),
        }
    }
}

/// The slot secret of a passphrase.
pub(crate) fn stretch(
    passphrase: &SecretBytes,
    salt: &[u8],
    cost: Argon2Cost,
) -> Result<SecretBytes, RootError> {
    cost.check()?;
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(KEY_LEN))
        .map_err(|_| SlotError::BadParameters("refused by Argon2"))?;
    let mut memory = vec![Block::new(); params.block_count()];
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let stretched = SecretBytes::try_build(KEY_LEN, |out| {
        argon2
            .hash_password_into_with_memory(passphrase.as_slice(), salt, out, &mut memory)
            .map_err(|_| CryptoError::Internal("Argon2"))?;
        Ok::<_, CryptoError>(KEY_LEN)
    });
    memory.iter_mut().for_each(Zeroize::zeroize);
    Ok(stretched?)
}

/// Refuses a passphrase that is too short to keep anybody out.
pub(crate) fn check(passphrase: &SecretBytes) -> Result<(), SlotError> {
    let characters = std::str::from_utf8(passphrase.as_slice())
        .map_or(passphrase.len(), |text| text.trim().chars().count());
    if characters < MIN_CHARACTERS {
        Err(SlotError::WeakPassphrase(MIN_CHARACTERS))
    } else {
        Ok(())
    }
}
