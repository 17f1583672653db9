//! Key wrapping: Get and Export with a Key Wrapping Specification (KMIP 2.1 section 7.18), and
//! unwrapping what Register and Import bring with Key Wrapping Data (section 3.3).
//!
//! The Wrapping Method is Encrypt. Parameters come from the request, else from the wrapping key's
//! Cryptographic Parameters, else AES key wrap is meant. Where an authenticating mode has a tag, it
//! follows the ciphertext; an IV is the server's and in the Key Wrapping Data.

use std::sync::Arc;

use strongroom_crypto::{cipher, wrap as backend};
use strongroom_kmip::{
    Attribute, AttributeName, AttributeSet, BlockCipherMode, CryptographicUsageMask, Encoder,
    EncodingOption, KeyFormatType, Limits, Node, ObjectType, Operation, ResultReason, Tag, Value,
    View, WrappingMethod,
};
use strongroom_model::{ManagedObject, ObjectId, Purpose};
use strongroom_secmem::SecretBytes;
use zeroize::Zeroizing;

use super::create::Birth;
use super::crypt::iv;
use super::get::algorithm;
use super::keys::{self, Parameters, bad_parameters, check_algorithm, check_hash, spend_usage};
use crate::cache::Cached;
use crate::context::Ctx;
use crate::objects::{is_transparent, secret, write_key_value};
use crate::refusal::Refusal;

/// A Key Value is small; attributes beside the material may nest.
const LIMITS: Limits = Limits { frame: 2 << 20, depth: 16, items: 4096, batch_items: 1 };

/// A wrapped Key Value.
pub(super) struct Wrapped {
    pub(super) octets: Vec<u8>,
    /// Key Wrapping Data.
    pub(super) data: Node,
}

/// Wraps material as a specification asks for it.
pub(super) fn wrap(
    ctx: &mut Ctx<'_, '_>,
    specification: View<'_>,
    format: KeyFormatType,
    material: &[u8],
    attributes: &[Attribute],
) -> Result<Wrapped, Refusal> {
    check_method(specification)?;
    let information = specification
        .find(Tag::ENCRYPTION_KEY_INFORMATION)
        .ok_or_else(|| Refusal::invalid_field("Encryption Key Information is missing"))?;
    if information.find(Tag::UNIQUE_IDENTIFIER).is_none() {
        return Err(Refusal::invalid_field("the wrapping key's Unique Identifier is missing"));
    }
    let option = specification.find(Tag::ENCODING_OPTION).and_then(|v| v.as_enumeration());
    let plain = encode(ctx, specification, option, format, material, attributes)?;

    let id = ctx.target_in(information, Tag::UNIQUE_IDENTIFIER)?;
    let cached = load(ctx, &id, Operation::ENCRYPT)?;
    let object = &cached.object;
    keys::usable_for(ctx, object, CryptographicUsageMask::WRAP_KEY, Purpose::Protect)
        .map_err(of_wrapping_key)?;
    ctx.note("wrapping_key", id.as_str());
    spend_usage(ctx, object, plain.len(), true)?;
    let given = Parameters::given(information)?;
    if let Some(given) = &given {
        check_intended(object, given)?;
    }
    let parameters = parameters(object, given)?;
    let (octets, made_iv) = encrypt(ctx, &cached, &parameters, &plain)?;

    let mut key = vec![Node::text(Tag::UNIQUE_IDENTIFIER, id.as_str())];
    key.push(match information.find(Tag::CRYPTOGRAPHIC_PARAMETERS) {
        Some(view) => Node::from(view),
        None => describe(&parameters),
    });
    let mut data = vec![
        Node::enumeration(Tag::WRAPPING_METHOD, WrappingMethod::ENCRYPT),
        Node::structure(Tag::ENCRYPTION_KEY_INFORMATION, key),
    ];
    data.extend(made_iv.map(|iv| Node::bytes(Tag::IV_COUNTER_NONCE, iv)));
    data.extend(option.map(|option| Node::enumeration(Tag::ENCODING_OPTION, option)));
    Ok(Wrapped { octets, data: Node::structure(Tag::KEY_WRAPPING_DATA, data) })
}

/// Refuses the wrapping methods that are not offered.
fn check_method(specification: View<'_>) -> Result<(), Refusal> {
    let method = specification
        .find(Tag::WRAPPING_METHOD)
        .and_then(|v| v.as_enumeration())
        .map(WrappingMethod)
        .ok_or_else(|| Refusal::invalid_field("Wrapping Method is missing"))?;
    if method != WrappingMethod::ENCRYPT {
        return Err(Refusal::unsupported(format!(
            "the Wrapping Method {method} is not offered: Encrypt is"
        )));
    }
    if specification.find(Tag::MAC_SIGNATURE_KEY_INFORMATION).is_some() {
        return Err(Refusal::unsupported("wrapping with a MAC or signature is not offered"));
    }
    Ok(())
}

/// What is encrypted: the material's octets, or the encoded Key Value (the default).
fn encode(
    ctx: &Ctx<'_, '_>,
    specification: View<'_>,
    option: Option<u32>,
    format: KeyFormatType,
    material: &[u8],
    attributes: &[Attribute],
) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let error = |message: &str| Err(Refusal::new(ResultReason::ENCODING_OPTION_ERROR, message));
    match option.map(EncodingOption) {
        Some(EncodingOption::NO_ENCODING) => {
            if specification.find(Tag::ATTRIBUTE_NAME).is_some() {
                return error("No Encoding leaves no room for attributes: use TTLV Encoding");
            }
            if is_transparent(format) {
                return error("a transparent key has no octets to wrap: use TTLV Encoding");
            }
            Ok(Zeroizing::new(material.to_vec()))
        }
        None | Some(EncodingOption::TTLV_ENCODING) => {
            let mut e = Encoder::for_version(ctx.version);
            e.structure(Tag::KEY_VALUE, |e| {
                write_key_value(e, format, material, attributes, ctx.version);
            });
            Ok(Zeroizing::new(e.into_bytes()))
        }
        Some(_) => error("Encoding Option is No Encoding or TTLV Encoding"),
    }
}

/// Loads a wrapping key, if the caller may use it like this.
fn load(
    ctx: &mut Ctx<'_, '_>,
    id: &ObjectId,
    operation: Operation,
) -> Result<Arc<Cached>, Refusal> {
    // The audit keeps the rule that decided over the wrapped object.
    let rule = ctx.trail.rule.clone();
    let loaded = ctx.load_for(id, operation).map_err(of_wrapping_key);
    ctx.trail.rule = rule;
    loaded
}

/// The same refusal, said of the wrapping key.
fn of_wrapping_key(refusal: Refusal) -> Refusal {
    let reason = match refusal.reason {
        ResultReason::OBJECT_NOT_FOUND => ResultReason::WRAPPING_OBJECT_NOT_FOUND,
        ResultReason::OBJECT_DESTROYED => ResultReason::WRAPPING_OBJECT_DESTROYED,
        ResultReason::OBJECT_ARCHIVED => ResultReason::WRAPPING_OBJECT_ARCHIVED,
        other => other,
    };
    Refusal { reason, message: format!("wrapping key: {}", refusal.message), ..refusal }
}

/// Where the key's attribute says what it is for, a request may not do something else with it.
fn check_intended(object: &ManagedObject, given: &Parameters) -> Result<(), Refusal> {
    let name = AttributeName::Standard(Tag::CRYPTOGRAPHIC_PARAMETERS);
    let mut any = false;
    for (_, value) in object.instances(&name) {
        if Parameters::of_value(value)?.admits(given) {
            return Ok(());
        }
        any = true;
    }
    if !any {
        return Ok(());
    }
    Err(bad_parameters(format!(
        "the Cryptographic Parameters of wrapping key {} do not provide for that",
        object.id
    )))
}

/// The parameters: as given, else the key's, else AES key wrap.
fn parameters(object: &ManagedObject, given: Option<Parameters>) -> Result<Parameters, Refusal> {
    let mut parameters = match given {
        Some(given) => given,
        None => Parameters::of_object(object)?.unwrap_or_default(),
    };
    if object.object_type() == ObjectType::SYMMETRIC_KEY && parameters.mode.is_none() {
        parameters.mode = Some(BlockCipherMode::NISTKEYWRAP);
    }
    Ok(parameters)
}

/// Cryptographic Parameters that tell how the key was wrapped, when the client left it open.
fn describe(parameters: &Parameters) -> Node {
    let mut fields = Vec::new();
    if let Some(mode) = parameters.mode {
        fields.push(Node::enumeration(Tag::BLOCK_CIPHER_MODE, mode));
    }
    if let Some(padding) = parameters.padding {
        fields.push(Node::enumeration(Tag::PADDING_METHOD, padding));
    }
    if let Some(hash) = parameters.hash {
        fields.push(Node::enumeration(Tag::HASHING_ALGORITHM, hash));
    }
    if let Some(length) = parameters.tag_length.and_then(|n| i32::try_from(n).ok()) {
        fields.push(Node::integer(Tag::TAG_LENGTH, length));
    }
    if let Some(hash) = parameters.mgf_hash {
        fields.push(Node::enumeration(Tag::MASK_GENERATOR_HASHING_ALGORITHM, hash));
    }
    Node::structure(Tag::CRYPTOGRAPHIC_PARAMETERS, fields)
}

/// Encrypts with the wrapping key. Gives the IV too, where one was made.
fn encrypt(
    ctx: &mut Ctx<'_, '_>,
    cached: &Cached,
    parameters: &Parameters,
    plain: &[u8],
) -> Result<(Vec<u8>, Option<Vec<u8>>), Refusal> {
    let object = &cached.object;
    let legacy = ctx.engine.config.legacy_algorithms;
    match object.object_type() {
        ObjectType::SYMMETRIC_KEY => {
            let spec = spec(ctx, object, parameters)?;
            let iv = iv::for_encryption(ctx, object, &spec, parameters, None)?;
            let key = keys::octets(ctx, cached)?;
            let octets = backend::wrap(&key, &spec, &iv.octets, plain)?;
            Ok((octets, iv.made_here.then_some(iv.octets)))
        }
        ObjectType::PUBLIC_KEY | ObjectType::CERTIFICATE => {
            let key = keys::public_key(ctx, cached)?;
            for hash in [parameters.hash, parameters.mgf_hash].into_iter().flatten() {
                check_hash(legacy, hash)?;
            }
            Ok((backend::wrap_rsa(&key, parameters.rsa_padding()?, plain)?, None))
        }
        _ => Err(keys::wrong_type(object, "a key that wraps")),
    }
}

/// The cipher of a symmetric wrapping key.
fn spec(
    ctx: &Ctx<'_, '_>,
    object: &ManagedObject,
    parameters: &Parameters,
) -> Result<cipher::Spec, Refusal> {
    let algorithm = algorithm(object).or(parameters.algorithm).ok_or_else(|| {
        bad_parameters(format!("wrapping key {} has no Cryptographic Algorithm", object.id))
    })?;
    check_algorithm(ctx.engine.config.legacy_algorithms, algorithm, None)?;
    parameters.check_tag_length(object)?;
    Ok(parameters.spec(algorithm))
}

/// Unwraps an object that comes wrapped. What this server is not to unwrap (another method, a key
/// that it does not have, that the client may not use, or that is not meant for unwrapping) stays
/// as it was registered.
pub(super) fn unwrap_registered(
    ctx: &mut Ctx<'_, '_>,
    birth: &mut Birth,
    wrapping: &Node,
) -> Result<(), Refusal> {
    let method = wrapping.find(Tag::WRAPPING_METHOD).and_then(|n| n.value.as_enumeration());
    let information = wrapping.find(Tag::ENCRYPTION_KEY_INFORMATION);
    let id = information
        .and_then(|i| i.find(Tag::UNIQUE_IDENTIFIER))
        .and_then(|n| n.value.as_text())
        .map(ObjectId::from);
    let (Some(information), Some(id)) = (information, id) else { return Ok(()) };
    if method.map(WrappingMethod) != Some(WrappingMethod::ENCRYPT) {
        return Ok(());
    }
    let cached = match load(ctx, &id, Operation::DECRYPT) {
        Ok(cached) => cached,
        Err(refusal) if refusal.reason == ResultReason::WRAPPING_OBJECT_NOT_FOUND => return Ok(()),
        Err(refusal) => return Err(refusal),
    };
    let object = &cached.object;
    if keys::require_mask(object, CryptographicUsageMask::UNWRAP_KEY).is_err() {
        return Ok(());
    }
    ctx.check_state(object, Purpose::Process).map_err(of_wrapping_key)?;
    let Some(wrapped) = birth.material.as_ref() else { return Ok(()) };
    ctx.note("wrapping_key", id.as_str());

    let given = information
        .find(Tag::CRYPTOGRAPHIC_PARAMETERS)
        .filter(|node| !node.children().is_empty())
        .map(|node| Parameters::of_value(&node.value))
        .transpose()?;
    if let Some(given) = &given {
        check_intended(object, given)?;
    }
    let parameters = parameters(object, given)?;
    let iv = wrapping.find(Tag::IV_COUNTER_NONCE).and_then(|n| n.value.as_bytes());
    let plain = decrypt(ctx, &cached, &parameters, iv.unwrap_or_default(), wrapped.as_slice())?;
    let option = wrapping.find(Tag::ENCODING_OPTION).and_then(|n| n.value.as_enumeration());
    place(birth, option.map(EncodingOption), plain)?;
    inherit_sensitive(object, birth)
}

/// What a sensitive key unwraps is sensitive. Otherwise whoever may unwrap takes a sensitive key
/// out wrapped, brings it back as another object, and gets that in the clear.
fn inherit_sensitive(wrapping_key: &ManagedObject, birth: &mut Birth) -> Result<(), Refusal> {
    if wrapping_key.value(Tag::SENSITIVE).and_then(Value::as_boolean) != Some(true) {
        return Ok(());
    }
    birth.default_to(Tag::SENSITIVE, Value::Boolean(true));
    if birth.value(Tag::SENSITIVE).and_then(Value::as_boolean) == Some(true) {
        return Ok(());
    }
    Err(Refusal::new(
        ResultReason::SENSITIVE,
        format!("what the sensitive key {} unwraps must be sensitive too", wrapping_key.id),
    ))
}

/// Decrypts with the wrapping key.
fn decrypt(
    ctx: &Ctx<'_, '_>,
    cached: &Cached,
    parameters: &Parameters,
    iv: &[u8],
    wrapped: &[u8],
) -> Result<SecretBytes, Refusal> {
    let object = &cached.object;
    match object.object_type() {
        ObjectType::SYMMETRIC_KEY => {
            let spec = spec(ctx, object, parameters)?;
            if iv.is_empty() && cipher::iv_len(&spec)?.is_some() {
                return Err(Refusal::invalid_message(
                    "IV/Counter/Nonce is missing in the Key Wrapping Data",
                ));
            }
            Ok(backend::unwrap(&*keys::octets(ctx, cached)?, &spec, iv, wrapped)?)
        }
        ObjectType::PRIVATE_KEY => {
            let key = keys::private_key(ctx, cached)?;
            Ok(backend::unwrap_rsa(&key, parameters.rsa_padding()?, wrapped)?)
        }
        _ => Err(keys::wrong_type(object, "a key that unwraps")),
    }
}

/// Puts the unwrapped Key Value into its place.
fn place(
    birth: &mut Birth,
    option: Option<EncodingOption>,
    plain: SecretBytes,
) -> Result<(), Refusal> {
    let material = if option == Some(EncodingOption::NO_ENCODING) {
        plain
    } else {
        let damaged =
            || Refusal::invalid_field("what was unwrapped is no Key Value: check Encoding Option");
        let value = View::parse(plain.as_slice(), &LIMITS).map_err(|_| damaged())?;
        if value.tag() != Tag::KEY_VALUE {
            return Err(damaged());
        }
        let material = value.find(Tag::KEY_MATERIAL).ok_or_else(damaged)?;
        for attribute in AttributeSet::Own.read(value)?.attributes {
            if !birth.attributes.iter().any(|a| a.name == attribute.name) {
                birth.attributes.push(attribute);
            }
        }
        secret(material.raw())?
    };
    birth.material = Some(material);
    if let Some(block) = &mut birth.block {
        block.wrapping = None;
    }
    Ok(())
}

/// The attributes that a specification wants beside the material.
pub(super) fn attributes_asked(
    ctx: &Ctx<'_, '_>,
    object: &ManagedObject,
    specification: View<'_>,
) -> Vec<Attribute> {
    let shown = ctx.shown(object);
    specification
        .find_all(Tag::ATTRIBUTE_NAME)
        .filter_map(|view| AttributeName::from_1x(view.as_text()?).ok())
        .flat_map(|name| {
            let instances = shown.instances(&name);
            instances.into_iter().map(move |(index, value)| Attribute {
                name: name.clone(),
                index,
                value,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use strongroom_kmip::{HashingAlgorithm, PaddingMethod};
    use strongroom_model::{AttributeKey, KeyBlock, Register, Stamp};

    use super::*;

    fn wrapped_birth() -> Birth {
        Birth {
            object_type: ObjectType::SYMMETRIC_KEY,
            fields: Vec::new(),
            block: Some(KeyBlock {
                format: KeyFormatType::RAW,
                wrapping: Some(Node::structure(Tag::KEY_WRAPPING_DATA, Vec::new())),
            }),
            attributes: Vec::new(),
            material: None,
            generated: false,
            id: None,
        }
    }

    fn kek(parameters: Option<Parameters>) -> ManagedObject {
        let mut object = ManagedObject::unknown(ObjectId::from("kek"));
        if let Some(parameters) = parameters {
            let value = describe(&parameters).value;
            object.set(
                &AttributeKey::single(Tag::CRYPTOGRAPHIC_PARAMETERS),
                &Register { value: Some(value), stamp: Stamp { hlc: 1, site: 1 } },
            );
        }
        object
    }

    fn mode(mode: BlockCipherMode) -> Parameters {
        Parameters { mode: Some(mode), ..Parameters::default() }
    }

    #[test]
    fn an_unwrapped_key_value_brings_material_and_attributes() {
        let mut e = Encoder::ungated();
        e.structure(Tag::KEY_VALUE, |e| {
            e.bytes(Tag::KEY_MATERIAL, &[4; 16]);
            e.structure(Tag::ATTRIBUTES, |e| e.integer(Tag::CRYPTOGRAPHIC_USAGE_MASK, 12));
        });
        let mut birth = wrapped_birth();
        place(&mut birth, None, SecretBytes::from_slice(&e.into_bytes()).unwrap()).unwrap();
        assert!(birth.is_clear());
        assert!(birth.material.as_ref().unwrap().ct_eq(&[4; 16]));
        assert_eq!(birth.value(Tag::CRYPTOGRAPHIC_USAGE_MASK), Some(&Value::Integer(12)));
    }

    #[test]
    fn without_encoding_the_octets_are_the_material() {
        let mut birth = wrapped_birth();
        let plain = SecretBytes::from_slice(&[4; 16]).unwrap();
        place(&mut birth, Some(EncodingOption::NO_ENCODING), plain).unwrap();
        assert!(birth.material.as_ref().unwrap().ct_eq(&[4; 16]));
        let raw = SecretBytes::from_slice(&[4; 16]).unwrap();
        assert!(place(&mut wrapped_birth(), None, raw).is_err());
    }

    #[test]
    fn a_wrapping_key_is_used_as_its_attribute_provides() {
        let wrap = mode(BlockCipherMode::NISTKEYWRAP);
        let gcm = mode(BlockCipherMode::GCM);
        assert!(check_intended(&kek(None), &gcm).is_ok());
        assert!(check_intended(&kek(Some(wrap.clone())), &wrap).is_ok());
        assert!(check_intended(&kek(Some(wrap)), &gcm).is_err());
    }

    #[test]
    fn what_was_left_open_is_told_in_the_wrapping_data() {
        let oaep = Parameters {
            padding: Some(PaddingMethod::OAEP),
            hash: Some(HashingAlgorithm::SHA_256),
            ..Parameters::default()
        };
        assert_eq!(Parameters::of_value(&describe(&oaep).value).unwrap(), oaep);
    }
}
