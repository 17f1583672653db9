//! MAC and MAC Verify (KMIP 2.1 sections 6.1.32 and 6.1.33).

use std::sync::Arc;

use strongroom_crypto::mac::{self as backend, Algorithm, Mac, hmac_hash};
use strongroom_kmip::{CryptographicAlgorithm, CryptographicUsageMask, Tag, View};
use strongroom_model::{ManagedObject, Purpose};

use super::{another_kind, reply_part, reply_validity};
use crate::cache::Cached;
use crate::context::Ctx;
use crate::operations::crypt::{data, octets};
use crate::operations::get::algorithm;
use crate::operations::keys::{
    self, Parameters, bad_parameters, check_algorithm, check_hash, spend_usage, usable_for,
};
use crate::refusal::Refusal;
use crate::streams::{Part, Work};

/// MAC.
pub(crate) fn mac(ctx: &mut Ctx<'_, '_>, payload: View<'_>) -> Result<(), Refusal> {
    let part = Part::read(payload)?;
    let cached = load(ctx, payload)?;
    let object = &cached.object;
    usable_for(ctx, object, CryptographicUsageMask::MAC_GENERATE, Purpose::Protect)?;
    let data = data(payload, part)?;
    spend_usage(ctx, object, data.len(), part.begins())?;
    let Some(whole) = advance(ctx, payload, part, &cached, data, None)? else { return Ok(()) };
    let made = whole.mac.finish()?;
    ctx.out.text(Tag::UNIQUE_IDENTIFIER, object.id.as_str());
    ctx.out.bytes(Tag::MAC_DATA, &made);
    Ok(())
}

/// MAC Verify.
pub(crate) fn mac_verify(ctx: &mut Ctx<'_, '_>, payload: View<'_>) -> Result<(), Refusal> {
    let part = Part::read(payload)?;
    let cached = load(ctx, payload)?;
    let object = &cached.object;
    usable_for(ctx, object, CryptographicUsageMask::MAC_VERIFY, Purpose::Process)?;
    let data = data(payload, part)?;
    let given = octets(payload, Tag::MAC_DATA);
    let Some(whole) = advance(ctx, payload, part, &cached, data, given)? else { return Ok(()) };
    let missing = || Refusal::invalid_field("MAC Data is missing");
    let valid = whole.mac.verify(&whole.expected.ok_or_else(missing)?)?;
    reply_validity(ctx, object, valid)
}

fn load(ctx: &mut Ctx<'_, '_>, payload: View<'_>) -> Result<Arc<Cached>, Refusal> {
    let id = ctx.target(payload)?;
    ctx.load(&id)
}

/// A MAC over a whole message, and what it is compared to.
struct Whole {
    mac: Mac,
    expected: Option<Vec<u8>>,
}

/// Takes in a part. Gives the MAC when it was the last; otherwise the reply is written.
fn advance(
    ctx: &mut Ctx<'_, '_>,
    payload: View<'_>,
    part: Part<'_>,
    cached: &Cached,
    data: &[u8],
    given: Option<&[u8]>,
) -> Result<Option<Whole>, Refusal> {
    let object = &cached.object;
    let holder = ctx.holder(Some(&object.id));
    ctx.before_stream(part, &holder)?;
    let (mut mac, mut expected) = match part.correlation() {
        None => {
            let algorithm = resolve(ctx, payload, object)?;
            (Mac::new(algorithm, &*keys::octets(ctx, cached)?)?, None)
        }
        Some(correlation) => match ctx.take_stream(correlation, &holder)? {
            Work::Mac { mac, expected } => (mac, expected),
            _ => return Err(another_kind()),
        },
    };
    mac.update(data)?;
    if let Some(given) = given {
        expected = Some(given.to_vec());
    }
    if matches!(part, Part::Whole | Part::Last(_)) {
        return Ok(Some(Whole { mac, expected }));
    }
    let correlation = ctx.keep_stream(part, holder, Work::Mac { mac, expected })?;
    reply_part(ctx, object, &correlation);
    Ok(None)
}

/// Which MAC: the parameters' algorithm or hash, else the key's own algorithm.
fn resolve(
    ctx: &mut Ctx<'_, '_>,
    payload: View<'_>,
    object: &ManagedObject,
) -> Result<Algorithm, Refusal> {
    let parameters = Parameters::of_request(payload, object)?;
    let legacy = ctx.engine.config.legacy_algorithms;
    if parameters.algorithm.is_none()
        && let Some(hash) = parameters.hash
    {
        check_hash(legacy, hash)?;
        ctx.note("hash", hash.name());
        return Ok(Algorithm::Hmac(hash));
    }
    let own = algorithm(object);
    let algorithm = chosen(parameters.algorithm, own).ok_or_else(|| {
        bad_parameters("Cryptographic Algorithm is missing: which MAC is to be computed?")
    })?;
    check_algorithm(legacy, algorithm, None)?;
    ctx.note("algorithm", algorithm.name());
    Ok(backend::Algorithm::of(algorithm, parameters.mode)?)
}

/// HMAC takes a key of any algorithm; CMAC one of its own cipher.
fn chosen(
    asked: Option<CryptographicAlgorithm>,
    own: Option<CryptographicAlgorithm>,
) -> Option<CryptographicAlgorithm> {
    match (asked, own) {
        (Some(asked), Some(own)) if hmac_hash(asked).is_none() && asked != own => None,
        (Some(asked), _) => Some(asked),
        (None, own) => own,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hmac_takes_any_key_and_cmac_one_of_its_cipher() {
        let (aes, tdes) = (CryptographicAlgorithm::AES, CryptographicAlgorithm::TRIPLE_DES);
        let hmac = CryptographicAlgorithm::HMAC_SHA256;
        assert_eq!(chosen(Some(hmac), Some(aes)), Some(hmac));
        assert_eq!(chosen(None, Some(hmac)), Some(hmac));
        assert_eq!(chosen(Some(aes), Some(aes)), Some(aes));
        assert_eq!(chosen(Some(tdes), Some(aes)), None);
    }
}
