//! Initialisation vectors for encryption: the caller's where the key allows that, else the
//! server's.

use strongroom_crypto::cipher::{Spec, is_aead, iv_len};
use strongroom_kmip::{AttributeName, BlockCipherMode, CryptographicAlgorithm};
use strongroom_model::{Counter, ManagedObject};

use crate::context::Ctx;
use crate::operations::keys::{Parameters, bad_parameters};
use crate::refusal::Refusal;

/// Most encryptions of one key with random IVs of 96 bits (SP 800-38D section 8.3).
const MAX_RANDOM: u64 = 1 << 32;

/// Fewest random bits in an IV that must not repeat.
const RANDOM_BITS: usize = 96;

/// The vendor attribute that says whose IVs a key takes: `server` for the server's own only.
const POLICY_VENDOR: &str = "x";
const POLICY_NAME: &str = "IVPolicy";
const POLICY_SERVER: &str = "server";

/// The IV of an encryption.
pub(crate) struct Iv {
    pub(crate) octets: Vec<u8>,
    /// Whether the server made it, so that the reply has to carry it.
    pub(crate) made_here: bool,
}

/// The IV for an encryption with `spec`: what the caller gives, else a random one where one is
/// needed.
pub(crate) fn for_encryption(
    ctx: &mut Ctx<'_, '_>,
    object: &ManagedObject,
    spec: &Spec,
    parameters: &Parameters,
    given: Option<&[u8]>,
) -> Result<Iv, Refusal> {
    if let Some(given) = given {
        if must_not_repeat(spec) {
            if ctx.engine.config.server_ivs_only || takes_server_ivs_only(object) {
                return Err(Refusal::denied(format!(
                    "object {} takes no IV from a caller in this mode: leave it out, and the reply \
                     brings one",
                    object.id
                )));
            }
            ctx.note("iv", "caller");
        }
        return Ok(Iv { octets: given.to_vec(), made_here: false });
    }
    let Some(usual) = iv_len(spec)? else {
        return Ok(Iv { octets: Vec::new(), made_here: false });
    };
    let plan = Plan::of(spec, parameters, usual)?;
    // A whole random block repeats so seldom that no count is needed.
    if plan.random_bits() < 128 && must_not_repeat(spec) {
        ctx.spend(object, Counter::RandomIv, 1, MAX_RANDOM)?;
    }
    Ok(Iv { octets: plan.make()?, made_here: true })
}

/// Whether a repeated IV gives plaintext away: counter modes, key streams and what is built on
/// them.
fn must_not_repeat(spec: &Spec) -> bool {
    is_aead(spec)
        || spec.algorithm == CryptographicAlgorithm::CHACHA20
        || matches!(spec.mode, Some(BlockCipherMode::CTR | BlockCipherMode::OFB))
}

fn takes_server_ivs_only(object: &ManagedObject) -> bool {
    let name =
        AttributeName::Vendor { vendor: POLICY_VENDOR.to_owned(), name: POLICY_NAME.to_owned() };
    let policy = object.value_of(&name).and_then(|v| v.as_text());
    policy.is_some_and(|text| text.eq_ignore_ascii_case(POLICY_SERVER))
}

/// How a random IV is laid out: random bits, then a counter's first value.
#[derive(Debug, PartialEq, Eq)]
struct Plan {
    bytes: usize,
    counter_bits: usize,
    counter: u32,
}

impl Plan {
    fn of(spec: &Spec, parameters: &Parameters, usual: usize) -> Result<Self, Refusal> {
        let bytes = match (spec.mode, parameters.iv_length) {
            // The one mode in which the length is free.
            (Some(BlockCipherMode::GCM), Some(bits)) => {
                if bits % 8 != 0 || !(RANDOM_BITS..=1024).contains(&bits) {
                    return Err(bad_parameters(format!(
                        "an IV Length of {bits} bits: random IVs for GCM have {RANDOM_BITS} to 1024"
                    )));
                }
                bits / 8
            }
            _ => usual,
        };
        let counter_bits = match (spec.mode, spec.counter_length) {
            (Some(BlockCipherMode::CTR), Some(bits)) if bits < 8 * bytes => bits,
            _ => 0,
        };
        let plan = Self {
            bytes,
            counter_bits,
            counter: parameters.initial_counter.unwrap_or(1).cast_unsigned(),
        };
        if must_not_repeat(spec) && plan.random_bits() < RANDOM_BITS {
            return Err(bad_parameters(format!(
                "a Counter Length of {counter_bits} bits leaves no room for a random IV: give one, \
                 or count in 32 bits"
            )));
        }
        Ok(plan)
    }

    fn random_bits(&self) -> usize {
        (8 * self.bytes).saturating_sub(self.counter_bits)
    }

    fn make(&self) -> Result<Vec<u8>, Refusal> {
        let mut iv = vec![0; self.bytes];
        strongroom_crypto::random(&mut iv)?;
        // The counter's bits, from the last on.
        for bit in 0..self.counter_bits {
            let set = u64::from(self.counter) >> bit.min(63) & 1 == 1;
            if let Some(byte) = iv.iter_mut().rev().nth(bit / 8) {
                let mask = 1 << (bit % 8);
                *byte = if set { *byte | mask } else { *byte & !mask };
            }
        }
        Ok(iv)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(mode: BlockCipherMode) -> Spec {
        Spec::new(CryptographicAlgorithm::AES, Some(mode))
    }

    #[test]
    fn only_modes_that_suffer_from_repetition_are_watched() {
        assert!(must_not_repeat(&spec(BlockCipherMode::GCM)));
        assert!(must_not_repeat(&spec(BlockCipherMode::CTR)));
        assert!(must_not_repeat(&Spec::new(CryptographicAlgorithm::CHACHA20, None)));
        assert!(!must_not_repeat(&spec(BlockCipherMode::CBC)));
    }

    #[test]
    fn a_counter_field_begins_at_its_first_value() {
        let spec = Spec { counter_length: Some(32), ..spec(BlockCipherMode::CTR) };
        let plan = Plan::of(&spec, &Parameters::default(), 16).unwrap();
        assert_eq!(plan.random_bits(), 96);
        let (first, second) = (plan.make().unwrap(), plan.make().unwrap());
        assert_eq!(first[12..], [0, 0, 0, 1]);
        assert_ne!(first[..12], second[..12]);
        let narrow = Plan { bytes: 16, counter_bits: 4, counter: 0xFF };
        assert_eq!(narrow.make().unwrap()[15] & 0x0F, 0x0F);
    }

    #[test]
    fn a_wide_counter_leaves_no_room_for_a_random_iv() {
        let spec = Spec { counter_length: Some(64), ..spec(BlockCipherMode::CTR) };
        assert!(Plan::of(&spec, &Parameters::default(), 16).is_err());
    }

    #[test]
    fn a_gcm_iv_is_never_shorter_than_96_bits() {
        let short = Parameters { iv_length: Some(64), ..Parameters::default() };
        assert!(Plan::of(&spec(BlockCipherMode::GCM), &short, 12).is_err());
        let long = Parameters { iv_length: Some(128), ..Parameters::default() };
        assert_eq!(Plan::of(&spec(BlockCipherMode::GCM), &long, 12).unwrap().bytes, 16);
        assert_eq!(Plan::of(&spec(BlockCipherMode::CBC), &short, 16).unwrap().bytes, 16);
    }
}
