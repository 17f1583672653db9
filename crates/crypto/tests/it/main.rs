//! Known answers, round trips and alterations for every module.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod asymmetric;
mod foreign;
mod foundation;
mod hashes;
mod symmetric;

use strongroom_secmem::SecretBytes;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_digit(16).unwrap() as u8)
        .collect();
    assert!(digits.len().is_multiple_of(2));
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn key(bytes: impl AsRef<[u8]>) -> SecretBytes {
    SecretBytes::from_slice(bytes.as_ref()).unwrap()
}
