//! Making objects: what every new object gets, Create and Create Key Pair.

use std::sync::Arc;

use strongroom_crypto::{asym, digest};
use strongroom_kmip::{
    Attribute, AttributeName, AttributeSet, CryptographicAlgorithm, HashingAlgorithm,
    KeyFormatType, LinkType, Node, ObjectType, ProtocolVersion, RecommendedCurve, ResultReason,
    Tag, UniqueIdentifierEnum, Value, View,
};
use strongroom_model::{Change, KeyBlock, Lifecycle, NewObject, ObjectId};
use strongroom_secmem::SecretBytes;
use zeroize::Zeroizing;

use super::keys;
use super::life::link;
use super::query::rng_parameters;
use crate::attributes::{default_format, keyed};
use crate::context::Ctx;
use crate::objects::is_transparent;
use crate::refusal::{Needs, Refusal};

/// Key material made before the transaction, because it takes long.
pub(crate) enum Prepared {
    /// A key pair.
    Pair(MadePair),
    /// A derived key, and the digests of the sealed materials that it was derived from.
    Derived {
        /// The derived octets.
        material: SecretBytes,
        /// What they came from, in order.
        from: Vec<[u8; 32]>,
    },
}

/// A key pair, and what it was made by.
#[derive(Clone)]
pub(crate) struct MadePair {
    plan: PairPlan,
    pair: Result<Arc<asym::KeyPair>, Refusal>,
}

impl MadePair {
    /// Makes the pair. RSA takes long.
    pub(crate) fn make(plan: PairPlan) -> Self {
        let thread = std::thread::current();
        debug_assert!(!plan.takes_long() || thread.name() != Some("store-writer"));
        let made = keys::pair_length(plan.algorithm, plan.length, plan.curve).and_then(|length| {
            let length = u32::try_from(length).ok();
            Ok(Arc::new(asym::generate(plan.algorithm, length, plan.curve)?))
        });
        Self { plan, pair: made }
    }
}

/// A new object on its way into the store.
pub(super) struct Birth {
    pub(super) object_type: ObjectType,
    pub(super) fields: Vec<Node>,
    pub(super) block: Option<KeyBlock>,
    pub(super) attributes: Vec<Attribute>,
    pub(super) material: Option<SecretBytes>,
    /// Made here, rather than handed in by a client.
    pub(super) generated: bool,
    /// The identity that a client asks for (Import).
    pub(super) id: Option<ObjectId>,
}

/// Attributes that the server alone gives a new object.
const SERVER_SET: &[Tag] = &[
    Tag::UNIQUE_IDENTIFIER,
    Tag::SHORT_UNIQUE_IDENTIFIER,
    Tag::STATE,
    Tag::INITIAL_DATE,
    Tag::LAST_CHANGE_DATE,
    Tag::DESTROY_DATE,
    Tag::COMPROMISE_DATE,
    Tag::COMPROMISE_OCCURRENCE_DATE,
    Tag::REVOCATION_REASON,
    Tag::ARCHIVE_DATE,
    Tag::ALWAYS_SENSITIVE,
    Tag::NEVER_EXTRACTABLE,
    Tag::DIGEST,
    Tag::LEASE_TIME,
    Tag::KEY_FORMAT_TYPE,
    Tag::PROTECTION_STORAGE_MASK,
];

impl Birth {
    /// The value of an attribute that the client gave.
    pub(super) fn value(&self, tag: Tag) -> Option<&Value> {
        let name = AttributeName::Standard(tag);
        self.attributes.iter().find(|a| a.name == name).map(|a| &a.value)
    }

    fn boolean(&self, tag: Tag, default: bool) -> bool {
        self.value(tag).and_then(Value::as_boolean).unwrap_or(default)
    }

    /// Sets an attribute that the client did not give.
    pub(super) fn default_to(&mut self, tag: Tag, value: Value) {
        if self.value(tag).is_none() {
            self.attributes.push(Attribute::new(tag, value));
        }
    }

    pub(super) fn force(&mut self, tag: Tag, value: Value) {
        let name = AttributeName::Standard(tag);
        self.attributes.retain(|a| a.name != name);
        self.attributes.push(Attribute::new(tag, value));
    }

    /// Checks what the client gave, adds what the server gives, seals the material and journals
    /// the object.
    pub(super) fn deliver(mut self, ctx: &mut Ctx<'_, '_>) -> Result<ObjectId, Refusal> {
        let now = ctx.now();
        // Import brings an object's whole history with it; elsewhere the server decides.
        if self.id.is_none() {
            self.refuse_server_set()?;
        }
        self.check_quantum_safe()?;
        self.complete_usage_limits()?;
        let id = match self.id.take() {
            Some(id) => id,
            None => ObjectId(uuid::Uuid::now_v7().to_string()),
        };
        self.check_names(ctx)?;

        self.default_to(Tag::INITIAL_DATE, Value::DateTime(now));
        self.force(Tag::LAST_CHANGE_DATE, Value::DateTime(now));
        if self.generated {
            self.force(Tag::ORIGINAL_CREATION_DATE, Value::DateTime(now));
            let mut e = strongroom_kmip::Encoder::ungated();
            e.structure(Tag::RANDOM_NUMBER_GENERATOR, rng_parameters);
            self.force(Tag::RANDOM_NUMBER_GENERATOR, read_value(&e.into_bytes()));
        }
        if self.object_type != ObjectType::TEMPLATE {
            self.complete_protection();
            self.default_to(Tag::FRESH, Value::Boolean(true));
        }
        if let Some(material) = &self.material {
            let value = digest_of(material, self.block.as_ref().map(|b| b.format))?;
            self.default_to(Tag::DIGEST, value);
        }
        let lifecycle = self.lifecycle(now);
        let sealed = match &self.material {
            Some(material) => Some(ctx.unsealed.seal_material(&id, 1, material)?),
            None => None,
        };
        let new = NewObject {
            id: id.clone(),
            object_type: self.object_type,
            owner: ctx.owner.as_ref().unwrap_or(&ctx.caller.user).clone(),
            fields: self.fields,
            block: self.block,
            attributes: keyed(self.attributes, ctx.engine.config.site)?,
            lifecycle,
            material: sealed,
        };
        ctx.change(&Change::Created(Box::new(new)))?;
        if ctx.trail.object.is_none() {
            ctx.trail.object = Some(id.as_str().to_owned());
        }
        Ok(id)
    }

    fn lifecycle(&self, now: i64) -> Lifecycle {
        let due =
            |tag| self.value(tag).and_then(Value::as_date_time).is_some_and(|date| date <= now);
        match (due(Tag::ACTIVATION_DATE), due(Tag::DEACTIVATION_DATE)) {
            (true, true) => Lifecycle::Deactivated,
            (true, false) => Lifecycle::Active,
            _ => Lifecycle::PreActive,
        }
    }

    /// Names are unique per owner (KMIP 2.1 section 4.34).
    fn check_names(&self, ctx: &Ctx<'_, '_>) -> Result<(), Refusal> {
        let name = AttributeName::Standard(Tag::NAME);
        for attribute in self.attributes.iter().filter(|a| a.name == name) {
            let owner = ctx.owner.as_ref().unwrap_or(&ctx.caller.user);
            check_name(ctx, owner, &attribute.value, None)?;
        }
        Ok(())
    }

    /// Sensitive and Extractable, and whether that was so always (KMIP 2.1 sections 4.3 and 4.33).
    /// What an import says of the past counts only where it takes something away: the present
    /// cannot be better than the past is told to be.
    pub(super) fn complete_protection(&mut self) {
        let sensitive = self.boolean(Tag::SENSITIVE, false);
        let extractable = self.boolean(Tag::EXTRACTABLE, true);
        let always = sensitive && self.boolean(Tag::ALWAYS_SENSITIVE, true);
        let never = !extractable && self.boolean(Tag::NEVER_EXTRACTABLE, true);
        self.force(Tag::SENSITIVE, Value::Boolean(sensitive));
        self.force(Tag::ALWAYS_SENSITIVE, Value::Boolean(always));
        self.force(Tag::EXTRACTABLE, Value::Boolean(extractable));
        self.force(Tag::NEVER_EXTRACTABLE, Value::Boolean(never));
    }

    /// A Usage Limits attribute begins with its whole total.
    fn complete_usage_limits(&mut self) -> Result<(), Refusal> {
        let Some(limits) = self.value(Tag::USAGE_LIMITS) else { return Ok(()) };
        let complete = usage_limits(limits)?;
        self.force(Tag::USAGE_LIMITS, complete);
        Ok(())
    }

    /// Quantum Safe (KMIP 2.1 section 4.40) is a demand: it is met by algorithms of 256-bit
    /// strength against known quantum attacks, or refused.
    fn check_quantum_safe(&self) -> Result<(), Refusal> {
        if !self.boolean(Tag::QUANTUM_SAFE, false) {
            return Ok(());
        }
        let algorithm = self
            .value(Tag::CRYPTOGRAPHIC_ALGORITHM)
            .and_then(Value::as_enumeration)
            .map(CryptographicAlgorithm);
        let length = self.value(Tag::CRYPTOGRAPHIC_LENGTH).and_then(Value::as_integer);
        let safe = match algorithm {
            Some(CryptographicAlgorithm::AES | CryptographicAlgorithm::CHACHA20) => {
                length.is_some_and(|bits| bits >= 256)
            }
            Some(algorithm) => keys::is_post_quantum(algorithm),
            None => false,
        };
        if safe {
            return Ok(());
        }
        Err(Refusal::new(
            ResultReason::GENERAL_FAILURE,
            "the algorithm and length are not quantum safe: ask for AES-256, ML-KEM or ML-DSA",
        ))
    }
}

/// A complete Usage Limits value: total, count and unit.
pub(super) fn usage_limits(given: &Value) -> Result<Value, Refusal> {
    let total = given
        .find(Tag::USAGE_LIMITS_TOTAL)
        .and_then(|n| n.value.as_long_integer())
        .filter(|total| *total >= 0)
        .ok_or_else(|| Refusal::invalid_field("Usage Limits Total is missing or negative"))?;
    let unit = given
        .find(Tag::USAGE_LIMITS_UNIT)
        .cloned()
        .ok_or_else(|| Refusal::invalid_field("Usage Limits Unit is missing"))?;
    Ok(Value::Structure(vec![
        Node::new(Tag::USAGE_LIMITS_TOTAL, Value::LongInteger(total)),
        Node::new(Tag::USAGE_LIMITS_COUNT, Value::LongInteger(total)),
        unit,
    ]))
}

/// Refuses a Name that another object of the owner has.
pub(super) fn check_name(
    ctx: &Ctx<'_, '_>,
    owner: &str,
    name: &Value,
    except: Option<&ObjectId>,
) -> Result<(), Refusal> {
    let text = name
        .find(Tag::NAME_VALUE)
        .and_then(|n| n.value.as_text())
        .filter(|text| !text.is_empty())
        .ok_or_else(|| Refusal::invalid_field("Name Value is missing or empty"))?;
    let Some(tx) = &ctx.tx else { return Err(Refusal::needs_writer()) };
    if ctx.engine.config.duplicate_names {
        return Ok(());
    }
    let holders = tx.holders_of_name(owner, name)?;
    if holders.iter().any(|holder| Some(&holder.id) != except) {
        return Err(Refusal::new(
            ResultReason::NON_UNIQUE_NAME_ATTRIBUTE,
            format!("another object of {} has the Name {text:?}", owner),
        ));
    }
    Ok(())
}

/// The Digest attribute of material: SHA-256 over its octets, or over the encoded Key Material
/// when that is a structure.
pub(super) fn digest_of(
    material: &SecretBytes,
    format: Option<KeyFormatType>,
) -> Result<Value, Refusal> {
    let value = match format {
        Some(format) if is_transparent(format) => {
            let mut e = strongroom_kmip::Encoder::ungated();
            e.structure(Tag::KEY_MATERIAL, |e| e.raw_items(material.as_slice()));
            let encoded = Zeroizing::new(e.into_bytes());
            digest::hash(HashingAlgorithm::SHA_256, &encoded)?
        }
        _ => digest::hash(HashingAlgorithm::SHA_256, material.as_slice())?,
    };
    let mut fields = vec![
        Node::enumeration(Tag::HASHING_ALGORITHM, HashingAlgorithm::SHA_256),
        Node::bytes(Tag::DIGEST_VALUE, value),
    ];
    if let Some(format) = format {
        fields.push(Node::enumeration(Tag::KEY_FORMAT_TYPE, format));
    }
    Ok(Value::Structure(fields))
}

fn read_value(encoded: &[u8]) -> Value {
    match View::parse(encoded, &strongroom_kmip::Limits::default()) {
        Ok(view) => Value::from(view),
        Err(_) => Value::Structure(Vec::new()),
    }
}

/// Reads a set of attributes that names no templates. Where templates may stand, see
/// [`Ctx::attributes`].
pub(super) fn read_set(set: AttributeSet, payload: View<'_>) -> Result<Vec<Attribute>, Refusal> {
    let template = set.read(payload)?;
    if !template.names.is_empty() {
        return Err(Refusal::invalid_field(
            "templates cannot be named here: give the attributes themselves",
        ));
    }
    Ok(template.attributes)
}

/// Create (KMIP 2.1 section 6.1.8): a symmetric key, or secret data with random content.
pub(super) fn create(ctx: &mut Ctx<'_, '_>, payload: View<'_>) -> Result<(), Refusal> {
    let object_type = payload
        .find(Tag::OBJECT_TYPE)
        .and_then(|v| v.as_enumeration())
        .map(ObjectType)
        .ok_or_else(|| Refusal::invalid_field("Object Type is missing"))?;
    let attributes = ctx.attributes(AttributeSet::Own, payload)?;
    let birth = generate(ctx, object_type, attributes)?;
    let id = birth.deliver(ctx)?;
    ctx.out.enumeration(Tag::OBJECT_TYPE, object_type);
    ctx.out.text(Tag::UNIQUE_IDENTIFIER, id.as_str());
    ctx.leave(Some(UniqueIdentifierEnum::CREATE), &id);
    Ok(())
}

/// Generates the object that attributes describe.
pub(super) fn generate(
    ctx: &mut Ctx<'_, '_>,
    object_type: ObjectType,
    attributes: Vec<Attribute>,
) -> Result<Birth, Refusal> {
    let mut birth = Birth {
        object_type,
        fields: Vec::new(),
        block: Some(KeyBlock { format: KeyFormatType::RAW, wrapping: None }),
        attributes,
        material: None,
        generated: true,
        id: None,
    };
    birth.check_quantum_safe()?;
    let length = birth.value(Tag::CRYPTOGRAPHIC_LENGTH).and_then(Value::as_integer);
    let algorithm = birth
        .value(Tag::CRYPTOGRAPHIC_ALGORITHM)
        .and_then(Value::as_enumeration)
        .map(CryptographicAlgorithm);
    let bits = match object_type {
        ObjectType::SYMMETRIC_KEY => {
            let algorithm = algorithm
                .ok_or_else(|| Refusal::invalid_field("Cryptographic Algorithm is missing"))?;
            ctx.note("algorithm", algorithm.name());
            keys::check_symmetric(algorithm, length)?
        }
        ObjectType::SECRET_DATA => {
            // Create has no field for the type; the standard's own case (TC-CREATE-SD) has it so.
            birth.fields.push(Node::enumeration(
                Tag::SECRET_DATA_TYPE,
                strongroom_kmip::SecretDataType::PASSWORD,
            ));
            birth.block = Some(KeyBlock { format: KeyFormatType::OPAQUE, wrapping: None });
            length.filter(|bits| *bits > 0 && bits % 8 == 0 && *bits <= 8192).ok_or_else(|| {
                Refusal::invalid_field(
                    "Cryptographic Length must be a multiple of 8 bits, 8192 at most",
                )
            })?
        }
        other => {
            return Err(Refusal::new(
                ResultReason::INVALID_OBJECT_TYPE,
                format!("{other} cannot be created: a symmetric key or secret data can"),
            ));
        }
    };
    birth.default_to(Tag::CRYPTOGRAPHIC_LENGTH, Value::Integer(bits));
    let mut rng = Ok(());
    let size = match (object_type, algorithm) {
        (ObjectType::SYMMETRIC_KEY, Some(algorithm)) => keys::material_len(algorithm, bits),
        _ => bits as usize / 8,
    };
    let material = SecretBytes::build(size, |bytes| {
        rng = strongroom_crypto::random(bytes);
    })?;
    rng?;
    birth.material = Some(material);
    Ok(birth)
}

/// The attributes that decide what a key pair is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PairPlan {
    algorithm: CryptographicAlgorithm,
    length: Option<i32>,
    curve: Option<RecommendedCurve>,
}

impl PairPlan {
    fn read(payload: View<'_>) -> Result<Self, Refusal> {
        let mut all = read_set(AttributeSet::Common, payload)?;
        all.extend(read_set(AttributeSet::PrivateKey, payload)?);
        all.extend(read_set(AttributeSet::PublicKey, payload)?);
        Self::of(&all)
    }

    pub(super) fn of(attributes: &[Attribute]) -> Result<Self, Refusal> {
        let value = |tag| {
            let name = AttributeName::Standard(tag);
            attributes.iter().find(|a| a.name == name).map(|a| &a.value)
        };
        Ok(Self {
            algorithm: value(Tag::CRYPTOGRAPHIC_ALGORITHM)
                .and_then(Value::as_enumeration)
                .map(CryptographicAlgorithm)
                .ok_or_else(|| Refusal::invalid_field("Cryptographic Algorithm is missing"))?,
            length: value(Tag::CRYPTOGRAPHIC_LENGTH).and_then(Value::as_integer),
            curve: value(Tag::CRYPTOGRAPHIC_DOMAIN_PARAMETERS)
                .and_then(|v| v.find(Tag::RECOMMENDED_CURVE))
                .and_then(|n| n.value.as_enumeration())
                .map(RecommendedCurve),
        })
    }

    /// Takes the curve from the key itself, where the attributes do not name it.
    pub(super) fn or_curve_of(mut self, key: impl FnOnce() -> Option<RecommendedCurve>) -> Self {
        let elliptic = matches!(
            self.algorithm,
            CryptographicAlgorithm::EC
                | CryptographicAlgorithm::ECDSA
                | CryptographicAlgorithm::ECDH
        );
        if elliptic && self.curve.is_none() {
            self.curve = key();
        }
        self
    }

    /// Whether making it would hold up everybody else on the writer.
    fn takes_long(&self) -> bool {
        self.algorithm == CryptographicAlgorithm::RSA
    }
}

/// Generates the pair that a Create Key Pair asks for, outside the transaction.
pub(super) fn prepare_key_pair(payload: View<'_>, _: ProtocolVersion) -> Option<Prepared> {
    let plan = PairPlan::read(payload).ok()?;
    Some(Prepared::Pair(MadePair::make(plan)))
}

/// The pair that a plan describes: the one made before, or one made here if that is quick.
pub(super) fn pair_of(
    ctx: &mut Ctx<'_, '_>,
    plan: PairPlan,
) -> Result<Arc<asym::KeyPair>, Refusal> {
    ctx.note("algorithm", plan.algorithm.name());
    keys::check_pair(plan.algorithm, plan.length, ctx.engine.config.legacy_algorithms)?;
    match &ctx.prepared {
        // It stays there: should the request be run again, it is needed again.
        Some(Prepared::Pair(made)) if made.plan == plan => made.pair.clone(),
        _ if plan.takes_long() => {
            keys::pair_length(plan.algorithm, plan.length, plan.curve)?;
            Err(Refusal::needs(Needs::Pair(plan)))
        }
        _ => MadePair::make(plan).pair,
    }
}

/// Create Key Pair (KMIP 2.1 section 6.1.9).
pub(super) fn create_key_pair(ctx: &mut Ctx<'_, '_>, payload: View<'_>) -> Result<(), Refusal> {
    let common = ctx.attributes(AttributeSet::Common, payload)?;
    let private = ctx.attributes(AttributeSet::PrivateKey, payload)?;
    let public = ctx.attributes(AttributeSet::PublicKey, payload)?;
    let all = [common.as_slice(), &private, &public].concat();
    let plan = PairPlan::of(&all)?;
    let pair = pair_of(ctx, plan)?;
    let (private_id, public_id) = deliver_pair(ctx, &plan, &pair, common, private, public)?;
    ctx.out.text(Tag::PRIVATE_KEY_UNIQUE_IDENTIFIER, private_id.as_str());
    ctx.out.text(Tag::PUBLIC_KEY_UNIQUE_IDENTIFIER, public_id.as_str());
    ctx.leave(Some(UniqueIdentifierEnum::CREATE_KEY_PAIR_PUBLIC_KEY), &public_id);
    ctx.leave(Some(UniqueIdentifierEnum::CREATE_KEY_PAIR_PRIVATE_KEY), &private_id);
    ctx.leave(Some(UniqueIdentifierEnum::CREATE_KEY_PAIR), &private_id);
    Ok(())
}

/// The links between the two need both identities before either is made.
pub(super) fn deliver_pair(
    ctx: &mut Ctx<'_, '_>,
    plan: &PairPlan,
    pair: &asym::KeyPair,
    common: Vec<Attribute>,
    private: Vec<Attribute>,
    public: Vec<Attribute>,
) -> Result<(ObjectId, ObjectId), Refusal> {
    let rsa = plan.algorithm == CryptographicAlgorithm::RSA;
    let ids = [0; 2].map(|_| ObjectId(uuid::Uuid::now_v7().to_string()));
    let length = keys::pair_length(plan.algorithm, plan.length, plan.curve)?;
    let halves = [
        (ObjectType::PRIVATE_KEY, private, LinkType::PUBLIC_KEY_LINK),
        (ObjectType::PUBLIC_KEY, public, LinkType::PRIVATE_KEY_LINK),
    ];
    for (at, (object_type, own, link_type)) in halves.into_iter().enumerate() {
        let format = default_format(object_type, rsa);
        let octets = keys::pair_half(plan.algorithm, pair, object_type, format)?;
        // The partner comes first among the links; what one half says goes before what both share.
        let mut attributes = vec![Attribute::new(Tag::LINK, link(link_type, &ids[1 - at]))];
        attributes.extend(own);
        let shared = common
            .iter()
            .filter(|c| c.name.is_multi() || !attributes.iter().any(|a| a.name == c.name))
            .cloned()
            .collect::<Vec<_>>();
        attributes.extend(shared);
        let mut birth = Birth {
            object_type,
            fields: Vec::new(),
            block: Some(KeyBlock { format, wrapping: None }),
            attributes,
            material: Some(octets),
            generated: true,
            id: None,
        };
        birth.force(Tag::CRYPTOGRAPHIC_LENGTH, Value::Integer(length));
        birth.deliver_as(ctx, ids[at].clone())?;
    }
    let [private_id, public_id] = ids;
    Ok((private_id, public_id))
}

impl Birth {
    /// As [`Birth::deliver`], under an identity that the server chose before.
    pub(super) fn deliver_as(
        self,
        ctx: &mut Ctx<'_, '_>,
        id: ObjectId,
    ) -> Result<ObjectId, Refusal> {
        self.refuse_server_set()?;
        Self { id: Some(id), ..self }.deliver(ctx)
    }

    fn refuse_server_set(&self) -> Result<(), Refusal> {
        match SERVER_SET.iter().find(|tag| self.value(**tag).is_some()) {
            Some(tag) => Err(Refusal::new(
                ResultReason::ATTRIBUTE_READ_ONLY,
                format!("{tag} is set by the server: leave it out"),
            )),
            None => Ok(()),
        }
    }
}
