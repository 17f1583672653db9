//! Whether a key may be used: its type, its usage mask, its place in the life cycle, its limits,
//! and what the server allows of old algorithms.

use strongroom_kmip::{
    CryptographicAlgorithm, CryptographicUsageMask, HashingAlgorithm, ResultReason, UsageLimitsUnit,
};
use strongroom_model::{Counter, ManagedObject, Purpose};

use crate::context::Ctx;
use crate::operations::life::{usage_limit, usage_mask};
use crate::refusal::Refusal;

/// Shorter RSA keys count as legacy, in bits.
const RSA_MINIMUM: u32 = 2048;

/// Cryptographic Parameters that are missing, contradict each other or do not fit the key.
pub(crate) fn bad_parameters(message: impl Into<String>) -> Refusal {
    Refusal::new(ResultReason::BAD_CRYPTOGRAPHIC_PARAMETERS, message)
}

/// An object whose type an operation cannot use.
pub(crate) fn wrong_type(object: &ManagedObject, wanted: &str) -> Refusal {
    Refusal::new(
        ResultReason::INVALID_OBJECT_TYPE,
        format!("object {} is a {}, not {wanted}", object.id, object.object_type()),
    )
}

/// Checks the usage mask, then the life cycle.
pub(crate) fn usable_for(
    ctx: &Ctx<'_, '_>,
    object: &ManagedObject,
    usage: CryptographicUsageMask,
    purpose: Purpose,
) -> Result<(), Refusal> {
    require_mask(object, usage)?;
    ctx.check_state(object, purpose)
}

/// Checks the usage mask.
pub(crate) fn require_mask(
    object: &ManagedObject,
    usage: CryptographicUsageMask,
) -> Result<(), Refusal> {
    let enough = usage.0 | CryptographicUsageMask::UNRESTRICTED.0;
    if usage_mask(object) as u32 & enough != 0 {
        return Ok(());
    }
    Err(Refusal::new(
        ResultReason::INCOMPATIBLE_CRYPTOGRAPHIC_USAGE_MASK,
        format!("the Cryptographic Usage Mask of object {} lacks {}", object.id, usage.name()),
    ))
}

/// Takes a use of `bytes` bytes from the object's Usage Limits; `begins` is false for the later
/// parts of a message, which count as one operation.
pub(crate) fn spend_usage(
    ctx: &mut Ctx<'_, '_>,
    object: &ManagedObject,
    bytes: usize,
    begins: bool,
) -> Result<(), Refusal> {
    let Some((total, unit)) = usage_limit(object) else { return Ok(()) };
    let amount = match UsageLimitsUnit(unit) {
        UsageLimitsUnit::BYTE => bytes as u64,
        _ => u64::from(begins),
    };
    ctx.spend(object, Counter::Usage, amount, total)
}

/// Refuses an algorithm that may only be stored, unless the configuration allows its use.
pub(crate) fn check_algorithm(
    legacy: bool,
    algorithm: CryptographicAlgorithm,
    rsa_bits: Option<u32>,
) -> Result<(), Refusal> {
    let short = rsa_bits.is_some_and(|bits| bits < RSA_MINIMUM);
    if legacy || !(is_legacy(algorithm) || (algorithm == CryptographicAlgorithm::RSA && short)) {
        return Ok(());
    }
    Err(legacy_refused(match rsa_bits {
        Some(bits) => format!("{algorithm} with {bits} bits"),
        None => algorithm.to_string(),
    }))
}

/// Refuses a hash that may not be used any more, unless the configuration allows it.
pub(crate) fn check_hash(legacy: bool, hash: HashingAlgorithm) -> Result<(), Refusal> {
    let old = matches!(hash, HashingAlgorithm::MD2 | HashingAlgorithm::MD4 | HashingAlgorithm::MD5);
    if legacy || !old {
        return Ok(());
    }
    Err(legacy_refused(hash.to_string()))
}

fn legacy_refused(what: String) -> Refusal {
    Refusal::denied(format!(
        "{what} is legacy: it is stored and returned, but used only when the server's \
         configuration allows legacy algorithms"
    ))
}

fn is_legacy(algorithm: CryptographicAlgorithm) -> bool {
    matches!(
        algorithm,
        CryptographicAlgorithm::DES
            | CryptographicAlgorithm::TRIPLE_DES
            | CryptographicAlgorithm::RC2
            | CryptographicAlgorithm::RC4
            | CryptographicAlgorithm::RC5
            | CryptographicAlgorithm::BLOWFISH
            | CryptographicAlgorithm::CAST5
            | CryptographicAlgorithm::IDEA
            | CryptographicAlgorithm::SKIPJACK
            | CryptographicAlgorithm::HMAC_MD5
            | CryptographicAlgorithm::DSA
    )
}

/// Whether two names stand for keys of the same kind: EC, ECDSA and ECDH are one; an Ed25519 key
/// has no name but EC before 2.0.
pub(crate) fn same_family(a: CryptographicAlgorithm, b: CryptographicAlgorithm) -> bool {
    let family = |algorithm| match algorithm {
        CryptographicAlgorithm::ECDSA
        | CryptographicAlgorithm::ECDH
        | CryptographicAlgorithm::ECMQV
        | CryptographicAlgorithm::ED25519 => CryptographicAlgorithm::EC,
        other => other,
    };
    family(a) == family(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legacy_algorithms_need_the_configuration() {
        let rsa = CryptographicAlgorithm::RSA;
        assert!(check_algorithm(false, CryptographicAlgorithm::TRIPLE_DES, None).is_err());
        assert!(check_algorithm(true, CryptographicAlgorithm::TRIPLE_DES, None).is_ok());
        assert!(check_algorithm(false, rsa, Some(1024)).is_err());
        assert!(check_algorithm(false, rsa, Some(2048)).is_ok());
        assert!(check_algorithm(false, CryptographicAlgorithm::AES, None).is_ok());
        assert!(check_hash(false, HashingAlgorithm::MD5).is_err());
        assert!(check_hash(false, HashingAlgorithm::SHA_1).is_ok());
    }

    #[test]
    fn elliptic_curve_names_are_one_family() {
        assert!(same_family(CryptographicAlgorithm::EC, CryptographicAlgorithm::ECDSA));
        assert!(!same_family(CryptographicAlgorithm::EC, CryptographicAlgorithm::RSA));
    }
}
