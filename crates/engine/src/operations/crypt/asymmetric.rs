//! RSA encryption and decryption.

use strongroom_crypto::asym;
use strongroom_kmip::{Tag, View};
use strongroom_model::ManagedObject;

use super::data;
use crate::cache::Cached;
use crate::context::Ctx;
use crate::operations::get::algorithm;
use crate::operations::keys::{
    self, Parameters, bad_parameters, check_hash, same_family, spend_usage,
};
use crate::refusal::Refusal;
use crate::streams::Part;

pub(super) fn encrypt(
    ctx: &mut Ctx<'_, '_>,
    payload: View<'_>,
    part: Part<'_>,
    cached: &Cached,
) -> Result<(), Refusal> {
    let object = &cached.object;
    let data = data(payload, whole(part)?)?;
    let parameters = parameters(ctx, payload, object)?;
    let padding = parameters.rsa_padding()?;
    spend_usage(ctx, object, data.len(), true)?;
    let key = keys::public_key(ctx, cached)?;
    let made = asym::encrypt(&key, padding, data)?;
    ctx.out.text(Tag::UNIQUE_IDENTIFIER, object.id.as_str());
    ctx.out.bytes(Tag::DATA, &made);
    Ok(())
}

pub(super) fn decrypt(
    ctx: &mut Ctx<'_, '_>,
    payload: View<'_>,
    part: Part<'_>,
    cached: &Cached,
) -> Result<(), Refusal> {
    let object = &cached.object;
    let data = data(payload, whole(part)?)?;
    let parameters = parameters(ctx, payload, object)?;
    let padding = parameters.rsa_padding()?;
    let key = keys::private_key(ctx, cached)?;
    let plain = asym::decrypt(&key, padding, data)?;
    ctx.out.text(Tag::UNIQUE_IDENTIFIER, object.id.as_str());
    ctx.out.bytes(Tag::DATA, plain.as_slice());
    Ok(())
}

fn parameters(
    ctx: &mut Ctx<'_, '_>,
    payload: View<'_>,
    object: &ManagedObject,
) -> Result<Parameters, Refusal> {
    let parameters = Parameters::of_request(payload, object)?;
    if let (Some(key), Some(asked)) = (algorithm(object), parameters.algorithm)
        && !same_family(key, asked)
    {
        return Err(bad_parameters(format!(
            "the parameters ask for {asked}, the key is one of {key}"
        )));
    }
    let legacy = ctx.engine.config.legacy_algorithms;
    for hash in [parameters.hash, parameters.mgf_hash].into_iter().flatten() {
        check_hash(legacy, hash)?;
    }
    if let Some(padding) = parameters.padding {
        ctx.note("padding", padding.name());
    }
    Ok(parameters)
}

/// A message for RSA is one block: it does not come in parts.
fn whole(part: Part<'_>) -> Result<Part<'_>, Refusal> {
    match part {
        Part::Whole => Ok(part),
        _ => Err(Refusal::unsupported("RSA encrypts one block: send the data in one request")),
    }
}
