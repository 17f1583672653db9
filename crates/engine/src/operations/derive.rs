//! Derive Key (KMIP 2.1 section 6.1.14): every method of the specification, into a new symmetric
//! key or secret data.
//!
//! The first object is the one derived from; a second may bring the derivation data (secret data)
//! or be the peer's public key (key agreement). Objects need the usage Derive Key. Unlike other
//! uses this one does not need the object to be active: known clients (PyKMIP) derive from objects
//! that nobody activates.

use std::sync::Arc;

use strongroom_crypto::cipher::{Spec, is_aead};
use strongroom_crypto::derive::{self as backend, Kbkdf};
use strongroom_crypto::{asym, digest, mac};
use strongroom_kmip::{
    AttributeSet, BlockCipherMode, CryptographicAlgorithm, CryptographicUsageMask,
    DerivationMethod, HashingAlgorithm, KeyFormatType, LinkType, Node, ObjectType, ResultReason,
    SecretDataType, State, Tag, UniqueIdentifierEnum, Value, View,
};
use strongroom_model::{KeyBlock, ManagedObject, ObjectId, Purpose};
use strongroom_secmem::SecretBytes;

use super::create::{Birth, Prepared};
use super::crypt::octets;
use super::get::{algorithm, check_release};
use super::keys::{self, Parameters, bad_parameters, check_algorithm, check_hash, material_len};
use super::life::link;
use super::rekey::add_link;
use crate::cache::Cached;
use crate::context::Ctx;
use crate::refusal::Refusal;

/// Longest derived key, in bits.
const MAX_BITS: i32 = 32_768;

/// Most hash iterations of one derivation: it runs where all changes run, and holds them up.
const MAX_ITERATIONS: u64 = 2_000_000;

/// At most so many objects to derive from.
const MAX_OBJECTS: usize = 8;

pub(super) fn derive_key(ctx: &mut Ctx<'_, '_>, payload: View<'_>) -> Result<(), Refusal> {
    let enumeration = |tag: Tag| {
        let code = payload.find(tag).and_then(|v| v.as_enumeration());
        code.ok_or_else(|| Refusal::invalid_field(format!("{tag} is missing")))
    };
    let object_type = ObjectType(enumeration(Tag::OBJECT_TYPE)?);
    let method = DerivationMethod(enumeration(Tag::DERIVATION_METHOD)?);
    let parameters = payload
        .find(Tag::DERIVATION_PARAMETERS)
        .ok_or_else(|| Refusal::invalid_field("Derivation Parameters are missing"))?;
    ctx.note("method", method.name());

    let mut birth = Birth {
        object_type,
        fields: Vec::new(),
        block: Some(KeyBlock { format: KeyFormatType::RAW, wrapping: None }),
        attributes: ctx.attributes(AttributeSet::Own, payload)?,
        material: None,
        generated: false,
        id: None,
    };
    let length = wanted_len(&birth)?;
    if object_type == ObjectType::SECRET_DATA {
        birth.fields.push(Node::enumeration(Tag::SECRET_DATA_TYPE, SecretDataType::SEED));
    }
    let bases = bases(ctx, payload)?;
    let derivation = Derivation::read(ctx, parameters, &bases, length)?;
    let from: Vec<[u8; 32]> =
        bases.iter().filter_map(|b| b.object.material.as_ref().map(|m| m.digest)).collect();
    let material = match ctx.prepared.take() {
        Some(Prepared::Derived { material, from: known }) if known == from => material,
        _ => derivation.run(ctx, method)?,
    };
    if ctx.tx.is_none() {
        // A derivation may take long: it is done here, and the writer only stores its result.
        ctx.prepared = Some(Prepared::Derived { material, from });
        return Err(Refusal::needs_writer());
    }
    birth.material = Some(material);

    let now = ctx.now();
    birth.default_to(Tag::ORIGINAL_CREATION_DATE, Value::DateTime(now));
    for base in &bases {
        let value = link(LinkType::DERIVATION_BASE_OBJECT_LINK, &base.object.id);
        birth.attributes.push(strongroom_kmip::Attribute::new(Tag::LINK, value));
    }
    let id = birth.deliver(ctx)?;
    for base in &bases {
        add_link(ctx, &base.object, LinkType::DERIVED_KEY_LINK, &id)?;
    }
    ctx.out.text(Tag::UNIQUE_IDENTIFIER, id.as_str());
    ctx.leave(Some(UniqueIdentifierEnum::DERIVE_KEY), &id);
    Ok(())
}

/// How many bytes the attributes ask for. The length is the client's choice, also where it is none
/// of the algorithm's own: what is derived may be more than one key.
fn wanted_len(birth: &Birth) -> Result<usize, Refusal> {
    let algorithm = birth
        .value(Tag::CRYPTOGRAPHIC_ALGORITHM)
        .and_then(Value::as_enumeration)
        .map(CryptographicAlgorithm);
    match birth.object_type {
        ObjectType::SYMMETRIC_KEY if algorithm.is_none() => {
            return Err(Refusal::invalid_field("Cryptographic Algorithm is missing"));
        }
        ObjectType::SYMMETRIC_KEY | ObjectType::SECRET_DATA => {}
        other => {
            return Err(Refusal::new(
                ResultReason::INVALID_OBJECT_TYPE,
                format!("{other} cannot be derived: a symmetric key or secret data can"),
            ));
        }
    }
    let bits = birth
        .value(Tag::CRYPTOGRAPHIC_LENGTH)
        .and_then(Value::as_integer)
        .ok_or_else(|| Refusal::invalid_field("Cryptographic Length is missing"))?;
    if !(8..=MAX_BITS).contains(&bits) || bits % 8 != 0 {
        return Err(Refusal::new(
            ResultReason::INVALID_ATTRIBUTE_VALUE,
            format!("Cryptographic Length must be a multiple of 8 bits, {MAX_BITS} at most"),
        ));
    }
    Ok(material_len(algorithm.unwrap_or(CryptographicAlgorithm(0)), bits))
}

/// The objects to derive from. The ID Placeholder does not stand in for them, says the
/// specification.
fn bases(ctx: &mut Ctx<'_, '_>, payload: View<'_>) -> Result<Vec<Arc<Cached>>, Refusal> {
    let mut bases = Vec::new();
    for view in payload.find_all(Tag::UNIQUE_IDENTIFIER) {
        let id = view
            .as_text()
            .map(ObjectId::from)
            .ok_or_else(|| Refusal::invalid_field("a Unique Identifier is no text"))?;
        if bases.len() >= MAX_OBJECTS {
            return Err(Refusal::invalid_field(format!("at most {MAX_OBJECTS} objects")));
        }
        ctx.trail.object.get_or_insert_with(|| id.as_str().to_owned());
        let cached = ctx.load(&id)?;
        let object = &cached.object;
        keys::require_mask(object, CryptographicUsageMask::DERIVE_KEY)?;
        if object.state(ctx.now()) != State::PRE_ACTIVE {
            ctx.check_state(object, Purpose::Protect)?;
        }
        bases.push(cached);
    }
    if bases.is_empty() {
        return Err(Refusal::invalid_field("Unique Identifier is missing"));
    }
    Ok(bases)
}

/// A derivation with everything that it needs.
struct Derivation<'a> {
    bases: &'a [Arc<Cached>],
    parameters: Parameters,
    /// Derivation Data, in order.
    data: Vec<&'a [u8]>,
    iv: &'a [u8],
    salt: Option<&'a [u8]>,
    iterations: Option<u32>,
    length: usize,
}

impl<'a> Derivation<'a> {
    fn read(
        ctx: &Ctx<'_, '_>,
        view: View<'a>,
        bases: &'a [Arc<Cached>],
        length: usize,
    ) -> Result<Self, Refusal> {
        let parameters = match Parameters::given(view)? {
            Some(given) => given,
            None => match bases.first() {
                Some(base) => Parameters::of_object(&base.object)?.unwrap_or_default(),
                None => Parameters::default(),
            },
        };
        let legacy = ctx.engine.config.legacy_algorithms;
        if let Some(hash) = parameters.hash {
            check_hash(legacy, hash)?;
        }
        let iterations = match view.find(Tag::ITERATION_COUNT).and_then(|v| v.as_integer()) {
            None => None,
            Some(count) => Some(
                u32::try_from(count)
                    .ok()
                    .filter(|n| *n > 0)
                    .ok_or_else(|| Refusal::invalid_field("Iteration Count must be at least 1"))?,
            ),
        };
        Ok(Self {
            bases,
            parameters,
            data: view.find_all(Tag::DERIVATION_DATA).filter_map(|v| v.as_bytes()).collect(),
            iv: octets(view, Tag::INITIALIZATION_VECTOR).unwrap_or_default(),
            salt: octets(view, Tag::SALT),
            iterations,
            length,
        })
    }

    fn run(&self, ctx: &mut Ctx<'_, '_>, method: DerivationMethod) -> Result<SecretBytes, Refusal> {
        let length = self.length;
        match method {
            DerivationMethod::PBKDF2 => self.pbkdf2(ctx),
            DerivationMethod::HASH => {
                // Hashing data that the client sends would give a key that it could compute.
                if !self.data.is_empty() {
                    return Err(Refusal::invalid_field(
                        "HASH derives from the object: leave Derivation Data out",
                    ));
                }
                let hash = self.parameters.hash.ok_or_else(missing_hash)?;
                Ok(backend::hash(hash, &*self.base(ctx)?, &[], length)?)
            }
            DerivationMethod::HMAC => self.hmac(ctx),
            DerivationMethod::ENCRYPT => self.encrypt(ctx),
            DerivationMethod::NIST800_108_C => self.kbkdf(ctx, Kbkdf::Counter),
            DerivationMethod::NIST800_108_F => self.kbkdf(ctx, Kbkdf::Feedback { iv: self.iv }),
            DerivationMethod::NIST800_108_DPI => self.kbkdf(ctx, Kbkdf::DoublePipeline),
            DerivationMethod::ASYMMETRIC_KEY => self.agree(ctx),
            DerivationMethod::AWS_SIGNATURE_VERSION_4 => self.aws(ctx),
            DerivationMethod::HKDF => {
                let hash = self.parameters.hash.unwrap_or(HashingAlgorithm::SHA_256);
                self.hkdf(ctx, hash)
            }
            other => Err(Refusal::new(
                ResultReason::UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS,
                format!("the Derivation Method {other} is not offered"),
            )),
        }
    }

    /// The octets of the object to derive from.
    fn base(&self, ctx: &Ctx<'_, '_>) -> Result<keys::Octets<'a>, Refusal> {
        let base = self.bases.first();
        keys::octets(ctx, base.ok_or_else(|| Refusal::invalid_field("no object"))?)
    }

    fn base_algorithm(&self) -> Option<CryptographicAlgorithm> {
        algorithm(self.object()?)
    }

    fn object(&self) -> Option<&'a ManagedObject> {
        self.bases.first().map(|b| &b.object)
    }

    /// The one piece of derivation data: the request's, or the second object's.
    fn data(&self, ctx: &Ctx<'_, '_>) -> Result<Data<'a>, Refusal> {
        match (self.data.as_slice(), self.bases.get(1)) {
            ([data], None) => Ok(Data::Given(data)),
            ([], Some(second)) => Ok(Data::Kept(keys::octets(ctx, second)?)),
            ([], None) => Err(Refusal::invalid_field("Derivation Data is missing")),
            ([_], Some(_)) => Err(Refusal::invalid_field(
                "Derivation Data and a second object that holds it exclude each other",
            )),
            ([_, _, ..], _) => {
                Err(Refusal::invalid_field("this Derivation Method takes one Derivation Data"))
            }
        }
    }

    /// Refuses to encrypt an object that may not leave: whoever knows the key that it is encrypted
    /// under would have it back from the derived key. One-way functions give nothing back.
    fn check_data_may_leave(&self) -> Result<(), Refusal> {
        match self.bases.get(1) {
            Some(data) => check_release(&data.object, false),
            None => Ok(()),
        }
    }

    fn pbkdf2(&self, ctx: &Ctx<'_, '_>) -> Result<SecretBytes, Refusal> {
        let salt = self.salt.ok_or_else(|| Refusal::invalid_field("Salt is missing"))?;
        let iterations =
            self.iterations.ok_or_else(|| Refusal::invalid_field("Iteration Count is missing"))?;
        // The pseudorandom function of PKCS #5 when none is named.
        let hash = self.parameters.hash.unwrap_or(HashingAlgorithm::SHA_1);
        let blocks = self.length.div_ceil(digest::len(hash)?) as u64;
        if u64::from(iterations).saturating_mul(blocks) > MAX_ITERATIONS {
            return Err(Refusal::invalid_field(format!(
                "Iteration Count is too high: {MAX_ITERATIONS} iterations at most, for each block \
                 of the hash"
            )));
        }
        Ok(backend::pbkdf2(hash, &*self.base(ctx)?, salt, iterations, self.length)?)
    }

    /// HMAC over the data. A Salt, or a length beyond one HMAC, asks for the extract-and-expand
    /// form of it (RFC 5869), which is what PyKMIP's server does under this name.
    fn hmac(&self, ctx: &Ctx<'_, '_>) -> Result<SecretBytes, Refusal> {
        let named = |algorithm: Option<CryptographicAlgorithm>| algorithm.and_then(mac::hmac_hash);
        let hash = named(self.base_algorithm())
            .or(self.parameters.hash)
            .or_else(|| named(self.parameters.algorithm))
            .ok_or_else(missing_hash)?;
        check_hash(ctx.engine.config.legacy_algorithms, hash)?;
        if self.salt.is_some() || self.length > digest::len(hash)? {
            return self.hkdf(ctx, hash);
        }
        let data = self.data(ctx)?;
        Ok(backend::hmac(hash, &*self.base(ctx)?, data.octets(), self.length)?)
    }

    fn hkdf(&self, ctx: &Ctx<'_, '_>, hash: HashingAlgorithm) -> Result<SecretBytes, Refusal> {
        let info = match (self.data.is_empty(), self.bases.len()) {
            (true, 1) => Data::Given(&[]),
            _ => self.data(ctx)?,
        };
        let salt = self.salt.unwrap_or_default();
        Ok(backend::hkdf(hash, &*self.base(ctx)?, salt, info.octets(), self.length)?)
    }

    fn encrypt(&self, ctx: &Ctx<'_, '_>) -> Result<SecretBytes, Refusal> {
        let algorithm = self.base_algorithm().or(self.parameters.algorithm).ok_or_else(|| {
            bad_parameters("Cryptographic Algorithm is missing, and the object has none")
        })?;
        check_algorithm(ctx.engine.config.legacy_algorithms, algorithm, None)?;
        let spec = self.parameters.spec(algorithm);
        check_derivation_mode(&spec)?;
        self.check_data_may_leave()?;
        let data = self.data(ctx)?;
        Ok(backend::encrypt(&*self.base(ctx)?, &spec, self.iv, data.octets(), self.length)?)
    }

    /// SP 800-108. The Derivation Data is the fixed input as a whole.
    fn kbkdf(&self, ctx: &Ctx<'_, '_>, mode: Kbkdf<'_>) -> Result<SecretBytes, Refusal> {
        let hmac = |hash| Ok(mac::Algorithm::Hmac(hash));
        let own = self.base_algorithm();
        let prf = match (self.parameters.hash, self.parameters.algorithm.or(own)) {
            (Some(hash), _) => hmac(hash),
            (None, Some(algorithm)) => {
                check_algorithm(ctx.engine.config.legacy_algorithms, algorithm, None)?;
                mac::Algorithm::of(algorithm, self.parameters.mode)
            }
            (None, None) => return Err(missing_hash()),
        }?;
        if !matches!(prf, mac::Algorithm::Hmac(_)) {
            self.check_data_may_leave()?;
        }
        let data = self.data(ctx)?;
        Ok(backend::nist800_108(mode, prf, &*self.base(ctx)?, data.octets(), self.length)?)
    }

    /// Key agreement between a private key and a public one, in whichever order they come.
    fn agree(&self, ctx: &Ctx<'_, '_>) -> Result<SecretBytes, Refusal> {
        let [first, second] = self.bases else {
            return Err(Refusal::invalid_field("a private key and a public key are needed"));
        };
        let swapped = first.object.object_type() != ObjectType::PRIVATE_KEY;
        let (own, peer) = if swapped { (second, first) } else { (first, second) };
        let shared = asym::agree(&keys::private_key(ctx, own)?, &keys::public_key(ctx, peer)?)?;
        Ok(backend::beginning(shared.as_slice(), self.length)?)
    }

    /// The signing key of AWS Signature Version 4, from date, region and service.
    fn aws(&self, ctx: &Ctx<'_, '_>) -> Result<SecretBytes, Refusal> {
        let [date, region, service] = self.data.as_slice() else {
            return Err(Refusal::invalid_field(
                "AWS Signature Version 4 takes three Derivation Data: date, region, service",
            ));
        };
        const PREFIX: &[u8] = b"AWS4";
        let base = self.base(ctx)?;
        let mut key = SecretBytes::build(PREFIX.len() + base.len(), |out| {
            let from = PREFIX.iter().chain(base.as_slice());
            out.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        })?;
        let hash = HashingAlgorithm::SHA_256;
        for step in [*date, *region, *service, b"aws4_request"] {
            key = backend::hmac(hash, &key, step, digest::len(hash)?)?;
        }
        Ok(backend::beginning(key.as_slice(), self.length)?)
    }
}

/// Derivation data: the request's, or an object's.
enum Data<'a> {
    Given(&'a [u8]),
    Kept(keys::Octets<'a>),
}

impl Data<'_> {
    fn octets(&self) -> &[u8] {
        match self {
            Self::Given(data) => data,
            Self::Kept(octets) => octets.as_slice(),
        }
    }
}

/// A key stream does not derive: whoever knows the data and one result knows every other.
fn check_derivation_mode(spec: &Spec) -> Result<(), Refusal> {
    let stream = is_aead(spec)
        || matches!(
            spec.mode,
            Some(BlockCipherMode::CTR | BlockCipherMode::OFB | BlockCipherMode::CFB)
        )
        || matches!(spec.algorithm, CryptographicAlgorithm::CHACHA20 | CryptographicAlgorithm::RC4);
    if stream {
        return Err(bad_parameters("ENCRYPT derives with a block mode such as CBC or ECB"));
    }
    Ok(())
}

fn missing_hash() -> Refusal {
    bad_parameters("Hashing Algorithm is missing in the Cryptographic Parameters")
}

#[cfg(test)]
mod tests {
    use strongroom_kmip::Attribute;

    use super::*;

    fn birth(object_type: ObjectType, bits: i32, algorithm: Option<i32>) -> Birth {
        let mut attributes = vec![Attribute::new(Tag::CRYPTOGRAPHIC_LENGTH, Value::Integer(bits))];
        if let Some(code) = algorithm {
            let value = Value::Enumeration(code.cast_unsigned());
            attributes.push(Attribute::new(Tag::CRYPTOGRAPHIC_ALGORITHM, value));
        }
        Birth {
            object_type,
            fields: Vec::new(),
            block: None,
            attributes,
            material: None,
            generated: false,
            id: None,
        }
    }

    #[test]
    fn the_length_is_the_clients_choice_within_limits() {
        let secret = ObjectType::SECRET_DATA;
        assert_eq!(wanted_len(&birth(secret, 336, None)), Ok(42));
        assert_eq!(wanted_len(&birth(ObjectType::SYMMETRIC_KEY, 160, Some(3))), Ok(20));
        assert_eq!(wanted_len(&birth(ObjectType::SYMMETRIC_KEY, 168, Some(2))), Ok(24));
        assert!(wanted_len(&birth(secret, 12, None)).is_err());
        assert!(wanted_len(&birth(secret, MAX_BITS + 8, None)).is_err());
        assert!(wanted_len(&birth(ObjectType::SYMMETRIC_KEY, 128, None)).is_err());
        assert!(wanted_len(&birth(ObjectType::PRIVATE_KEY, 128, Some(3))).is_err());
    }

    #[test]
    fn key_streams_do_not_derive() {
        let aes = CryptographicAlgorithm::AES;
        let allowed = |mode| check_derivation_mode(&Spec::new(aes, Some(mode))).is_ok();
        assert!(allowed(BlockCipherMode::CBC));
        assert!(!allowed(BlockCipherMode::CTR));
        assert!(!allowed(BlockCipherMode::CFB));
        assert!(!allowed(BlockCipherMode::GCM));
    }
}
