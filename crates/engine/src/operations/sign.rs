//! Sign, Signature Verify (KMIP 2.1 sections 6.1.55 and 6.1.56), and with them MAC, MAC Verify and
//! Hash: whole or in parts.

mod authenticate;
mod digest;

use strongroom_crypto::asym::{self, KeyInfo, Message, Signing};
use strongroom_crypto::digest::Hasher;
use strongroom_kmip::{
    CryptographicAlgorithm, CryptographicUsageMask, HashingAlgorithm, PaddingMethod,
    RecommendedCurve, ResultReason, Tag, ValidityIndicator, View,
};
use strongroom_model::{ManagedObject, Purpose};
use zeroize::Zeroizing;

use super::crypt::{data, octets};
use super::keys::{
    self, Parameters, bad_parameters, check_hash, same_family, spend_usage, usable_for,
};
use crate::context::Ctx;
use crate::refusal::Refusal;
use crate::streams::{Gathered, Part, Signature, Work};

pub(super) use authenticate::{mac, mac_verify};
pub(super) use digest::hash;

/// Sign.
pub(super) fn sign(ctx: &mut Ctx<'_, '_>, payload: View<'_>) -> Result<(), Refusal> {
    let part = Part::read(payload)?;
    let id = ctx.target(payload)?;
    let cached = ctx.load(&id)?;
    let object = &cached.object;
    usable_for(ctx, object, CryptographicUsageMask::SIGN, Purpose::Protect)?;
    let input = Input::read(payload, part)?;
    spend_usage(ctx, object, input.octets().len(), part.begins())?;

    let made = if part == Part::Whole {
        let key = keys::private_key(ctx, &cached)?;
        let signing = signing(ctx, payload, object, key.info()?)?;
        asym::sign(&key, &signing, input.message())?
    } else {
        let known = |ctx: &Ctx<'_, '_>| Ok(keys::private_key(ctx, &cached)?.info()?);
        let Some(stream) = advance(ctx, payload, part, object, &input, None, known)? else {
            return Ok(());
        };
        let key = keys::private_key(ctx, &cached)?;
        stream.finish(|signing, message| asym::sign(&key, signing, message))?
    };
    ctx.out.text(Tag::UNIQUE_IDENTIFIER, id.as_str());
    ctx.out.bytes(Tag::SIGNATURE_DATA, &made);
    Ok(())
}

/// Signature Verify.
pub(super) fn signature_verify(ctx: &mut Ctx<'_, '_>, payload: View<'_>) -> Result<(), Refusal> {
    let part = Part::read(payload)?;
    let id = ctx.target(payload)?;
    let cached = ctx.load(&id)?;
    let object = &cached.object;
    usable_for(ctx, object, CryptographicUsageMask::VERIFY, Purpose::Process)?;
    let input = Input::read(payload, part)?;
    let signature = octets(payload, Tag::SIGNATURE_DATA);

    let valid = if part == Part::Whole {
        let signature = signature.ok_or_else(missing_signature)?;
        let key = keys::public_key(ctx, &cached)?;
        let info = key.info()?;
        if is_foreign(payload, info)? {
            false
        } else {
            let signing = signing(ctx, payload, object, info)?;
            asym::verify(&key, &signing, input.message(), signature)?
        }
    } else {
        let known = |ctx: &Ctx<'_, '_>| Ok(keys::public_key(ctx, &cached)?.info()?);
        let stream = advance(ctx, payload, part, object, &input, signature, known)?;
        let Some(mut stream) = stream else { return Ok(()) };
        let expected = stream.expected.take().ok_or_else(missing_signature)?;
        let key = keys::public_key(ctx, &cached)?;
        stream.finish(|signing, message| asym::verify(&key, signing, message, &expected))?
    };
    reply_validity(ctx, object, valid)
}

/// Takes in a part of several. Gives the stream when it was the last; otherwise the reply is
/// written.
fn advance(
    ctx: &mut Ctx<'_, '_>,
    payload: View<'_>,
    part: Part<'_>,
    object: &ManagedObject,
    input: &Input<'_>,
    signature: Option<&[u8]>,
    known: impl FnOnce(&Ctx<'_, '_>) -> Result<KeyInfo, Refusal>,
) -> Result<Option<Box<Signature>>, Refusal> {
    let holder = ctx.holder(Some(&object.id));
    ctx.before_stream(part, &holder)?;
    let mut stream = match part.correlation() {
        None => {
            let info = known(ctx)?;
            let signing = signing(ctx, payload, object, info)?;
            Box::new(Signature::begin(signing, info)?)
        }
        Some(correlation) => match ctx.take_stream(correlation, &holder)? {
            Work::Signature(stream) => stream,
            _ => return Err(another_kind()),
        },
    };
    stream.update(input.data()?)?;
    if let Some(signature) = signature {
        stream.expected = Some(signature.to_vec());
    }
    if matches!(part, Part::Last(_)) {
        return Ok(Some(stream));
    }
    let correlation = ctx.keep_stream(part, holder, Work::Signature(stream))?;
    reply_part(ctx, object, &correlation);
    Ok(None)
}

/// What is signed: the data, or its digest made by the client.
enum Input<'a> {
    Data(&'a [u8]),
    Digest(&'a [u8]),
}

impl<'a> Input<'a> {
    fn read(payload: View<'a>, part: Part<'_>) -> Result<Self, Refusal> {
        match (octets(payload, Tag::DIGESTED_DATA), payload.find(Tag::DATA)) {
            (Some(_), Some(_)) => {
                Err(Refusal::invalid_field("Data and Digested Data exclude each other"))
            }
            (Some(digest), None) => Ok(Self::Digest(digest)),
            (None, _) => Ok(Self::Data(data(payload, part)?)),
        }
    }

    fn octets(&self) -> &'a [u8] {
        match self {
            Self::Data(octets) | Self::Digest(octets) => octets,
        }
    }

    fn message(&self) -> Message<'a> {
        match self {
            Self::Data(data) => Message::Data(data),
            Self::Digest(digest) => Message::Digest(digest),
        }
    }

    /// The data of a part: a digest comes whole or not at all.
    fn data(&self) -> Result<&'a [u8], Refusal> {
        match self {
            Self::Data(data) => Ok(data),
            Self::Digest(_) => {
                Err(Refusal::invalid_field("Digested Data cannot come in several parts"))
            }
        }
    }
}

impl Signature {
    fn begin(signing: Signing, info: KeyInfo) -> Result<Self, Refusal> {
        let (signing, message) = match hash_of(&signing, info)? {
            Some(hash) => {
                (Signing { hash: Some(hash), ..signing }, Gathered::Hash(Hasher::new(hash)?))
            }
            None => (signing, Gathered::Message(Zeroizing::default())),
        };
        Ok(Self { signing, message, expected: None })
    }

    fn update(&mut self, data: &[u8]) -> Result<(), Refusal> {
        match &mut self.message {
            Gathered::Hash(hasher) => hasher.update(data)?,
            Gathered::Message(message) => {
                // Into a new buffer, so that no copy stays behind where the old one was.
                let mut longer = Zeroizing::new(Vec::with_capacity(message.len() + data.len()));
                longer.extend_from_slice(message);
                longer.extend_from_slice(data);
                *message = longer;
            }
        }
        Ok(())
    }

    fn finish<R>(
        self,
        then: impl FnOnce(&Signing, Message<'_>) -> Result<R, strongroom_crypto::CryptoError>,
    ) -> Result<R, Refusal> {
        Ok(match self.message {
            Gathered::Hash(hasher) => then(&self.signing, Message::Digest(&hasher.finish()?))?,
            Gathered::Message(message) => then(&self.signing, Message::Data(&message))?,
        })
    }
}

/// The hash that comes before the signature; none for algorithms that take the message itself.
fn hash_of(signing: &Signing, info: KeyInfo) -> Result<Option<HashingAlgorithm>, Refusal> {
    match info.algorithm {
        CryptographicAlgorithm::RSA => match signing.hash {
            Some(hash) => Ok(Some(hash)),
            None => Err(bad_parameters("an RSA signature needs a Hashing Algorithm")),
        },
        // The hash of the curve's strength, as for whole messages.
        CryptographicAlgorithm::EC => Ok(Some(signing.hash.unwrap_or(match info.curve {
            Some(RecommendedCurve::P_384) => HashingAlgorithm::SHA_384,
            Some(RecommendedCurve::P_521) => HashingAlgorithm::SHA_512,
            _ => HashingAlgorithm::SHA_256,
        }))),
        _ => Ok(None),
    }
}

/// How to sign: by the request's parameters, else by the key's.
fn signing(
    ctx: &mut Ctx<'_, '_>,
    payload: View<'_>,
    object: &ManagedObject,
    info: KeyInfo,
) -> Result<Signing, Refusal> {
    let parameters = Parameters::of_request(payload, object)?;
    if let Some(asked) = parameters.algorithm
        && !same_family(asked, info.algorithm)
    {
        return Err(bad_parameters(format!(
            "the parameters ask for {asked}, the key is one of {}",
            info.algorithm
        )));
    }
    let signing = parameters.signing()?;
    let legacy = ctx.engine.config.legacy_algorithms;
    for hash in [signing.hash, signing.mgf_hash].into_iter().flatten() {
        check_hash(legacy, hash)?;
    }
    if signing.padding == Some(PaddingMethod::PSS) && signing.hash.is_none() {
        return Err(bad_parameters("PSS needs a Hashing Algorithm"));
    }
    if let Some(hash) = signing.hash {
        ctx.note("hash", hash.name());
    }
    Ok(signing)
}

/// Whether the request names an algorithm that this key's signatures cannot be of: then none is
/// valid.
fn is_foreign(payload: View<'_>, info: KeyInfo) -> Result<bool, Refusal> {
    let asked = Parameters::given(payload)?.and_then(|p| p.algorithm);
    Ok(asked.is_some_and(|asked| !same_family(asked, info.algorithm)))
}

fn missing_signature() -> Refusal {
    Refusal::invalid_field("Signature Data is missing")
}

fn another_kind() -> Refusal {
    Refusal::new(
        ResultReason::INVALID_CORRELATION_VALUE,
        "the Correlation Value is that of another kind of operation",
    )
}

/// The reply to a part that is not the last.
fn reply_part(ctx: &mut Ctx<'_, '_>, object: &ManagedObject, correlation: &[u8]) {
    ctx.out.text(Tag::UNIQUE_IDENTIFIER, object.id.as_str());
    ctx.out.bytes(Tag::CORRELATION_VALUE, correlation);
}

/// The reply of a verification.
fn reply_validity(
    ctx: &mut Ctx<'_, '_>,
    object: &ManagedObject,
    valid: bool,
) -> Result<(), Refusal> {
    let validity = if valid { ValidityIndicator::VALID } else { ValidityIndicator::INVALID };
    ctx.note("validity", validity.name());
    ctx.out.text(Tag::UNIQUE_IDENTIFIER, object.id.as_str());
    ctx.out.enumeration(Tag::VALIDITY_INDICATOR, validity);
    Ok(())
}
