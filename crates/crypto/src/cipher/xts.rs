//! XTS-AES with two 128-bit keys (IEEE 1619), which AWS-LC lacks, over the crates `xts-mode` and
//! `aes`.

use aes::Aes128;
use aes::cipher::KeyInit;
use strongroom_secmem::SecretBytes;
use xts_mode::Xts128;

use crate::CryptoError;

/// Longest data unit in bytes: 2^20 blocks (SP 800-38E).
const LONGEST: usize = 16 << 20;

pub(super) fn encrypt(key: &SecretBytes, iv: &[u8], data: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let (cipher, tweak) = prepare(key, iv, data.len())?;
    let mut out = data.to_vec();
    cipher.encrypt_sector(&mut out, tweak.into());
    Ok(out)
}

pub(super) fn decrypt(key: &SecretBytes, iv: &[u8], data: &mut [u8]) -> Result<(), CryptoError> {
    let (cipher, tweak) = prepare(key, iv, data.len())?;
    cipher.decrypt_sector(data, tweak.into());
    Ok(())
}

fn prepare(
    key: &SecretBytes,
    iv: &[u8],
    len: usize,
) -> Result<(Xts128<Aes128>, [u8; 16]), CryptoError> {
    if !(16..=LONGEST).contains(&len) {
        return Err(CryptoError::parameter("XTS takes 16 bytes to 16 MiB at once"));
    }
    let wrong_length = || CryptoError::key("an XTS-AES-128 key has 32 bytes");
    let (first, second) = key.as_slice().split_at_checked(16).ok_or_else(wrong_length)?;
    // SP 800-38E with FIPS 140 IG: the halves must differ. AWS-LC checks the same for 256.
    if aws_lc_rs::constant_time::verify_slices_are_equal(first, second).is_ok() {
        return Err(CryptoError::key("the halves of an XTS key must differ"));
    }
    let first = Aes128::new_from_slice(first).map_err(|_| wrong_length())?;
    let second = Aes128::new_from_slice(second).map_err(|_| wrong_length())?;
    let tweak = iv.try_into().map_err(|_| CryptoError::parameter("an XTS IV has 16 bytes"))?;
    Ok((Xts128::new(first, second), tweak))
}
