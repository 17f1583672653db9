//! Keys as officers manage them: made, activated, revoked, destroyed, imported.
//!
//! Every one of these is the KMIP operation of that name, run on the writer as a client's request
//! is: the same checks, the same records, the same rules. What differs is who may. An officer needs
//! the administrative action on the key, which rules may narrow to key groups; and then the policy
//! is asked about the operation as it would be if the officer owned the key, so that what it
//! forbids to an officer on a key stays forbidden on this way too. The key is its owner's, and the
//! officer stands in the journal.

use std::sync::Arc;

use strongroom_kmip::{
    Attribute, AttributeSet, BlockCipherMode, CryptographicAlgorithm, CryptographicUsageMask as M,
    Encoder, EncodingOption, HashingAlgorithm, KeyFormatType, Limits, NameType, Node, ObjectType,
    Operation, PaddingMethod, ProtocolVersion, ResultReason, RevocationReasonCode, Tag,
    UsageLimitsUnit, Value, View, WrappingMethod,
};
use strongroom_model::{Change, ChangeKind, ManagedObject, ObjectId, Reading, ServerState};
use strongroom_policy::{self as policy, Action, AdminAction, Facts};
use strongroom_secmem::SecretBytes;
use strongroom_store::{StoreError, WriteTx};
use zeroize::Zeroizing;

use crate::access::{Granted, check_name, key_groups, who, who_is};
use crate::caller::Caller;
use crate::context::{Ctx, InPlaceOf, Placeholders, Trail};
use crate::engine::{Engine, Inner, Unsealed};
use crate::error::EngineError;
use crate::grants::membership;
use crate::operations::{self, MadePair, Prepared};
use crate::refusal::{Needs, Refusal};
use crate::rules::groups_of;

/// How often a request is run while the key pair that it needs turns out to be another.
const MOST_TRIES: usize = 4;

/// The version whose payloads are built here.
const VERSION: ProtocolVersion = ProtocolVersion::V2_1;

/// A payload built here: a key and a few attributes.
const LIMITS: Limits = Limits { frame: 2 << 20, depth: 16, items: 4096, batch_items: 1 };

/// What the private half of a pair may be for; the rest is the public one's.
const PRIVATE_USES: u32 = M::SIGN.0
    | M::DECRYPT.0
    | M::UNWRAP_KEY.0
    | M::DERIVE_KEY.0
    | M::KEY_AGREEMENT.0
    | M::CERTIFICATE_SIGN.0
    | M::CRL_SIGN.0;

/// A key to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewKey {
    /// Its algorithm. An asymmetric one makes a pair.
    pub algorithm: CryptographicAlgorithm,
    /// Its length in bits; the algorithm's usual one if none is given.
    pub length: Option<i32>,
    /// Its Name; of a pair, that of the private key.
    pub name: Option<String>,
    /// The user that owns it.
    pub owner: String,
    /// The key groups that it is in from the beginning.
    pub key_groups: Vec<String>,
    /// Its Cryptographic Usage Mask; what suits the algorithm if none is given.
    pub usage: Option<u32>,
    /// It replaces itself so often, seconds.
    pub rotate_every: Option<u32>,
    /// Whether it is active at once.
    pub activate: bool,
    /// It is deactivated after so many seconds.
    pub deactivate_in: Option<i64>,
    /// How often it may be used.
    pub uses: Option<i64>,
    /// Whether it leaves wrapped only.
    pub sensitive: Option<bool>,
    /// Whether it may leave at all.
    pub extractable: Option<bool>,
}

/// What was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeKey {
    /// The key's identifier; of a pair, the private key's.
    pub id: String,
    /// The public key's identifier, of a pair.
    pub public: Option<String>,
}

/// Why a key is revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// The reason. Key compromise makes it Compromised, any other Deactivated.
    pub reason: RevocationReasonCode,
    /// The particulars, for whoever reads it later.
    pub message: Option<String>,
    /// So many seconds ago a compromise happened.
    pub happened: Option<i64>,
}

/// How a key to be imported is wrapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WrappedHow {
    /// AES Key Wrap (RFC 3394).
    Kw,
    /// AES Key Wrap with Padding (RFC 5649).
    Kwp,
    /// AES-GCM, the 16-byte tag behind the ciphertext.
    Gcm {
        /// The nonce.
        iv: Vec<u8>,
    },
    /// RSA-OAEP, with this hash for the message and for its mask.
    RsaOaep(HashingAlgorithm),
}

/// What wraps a key to be imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrapped {
    /// The identifier of the key that unwraps it: of its owner, with Unwrap Key in its mask.
    pub by: String,
    /// How.
    pub how: WrappedHow,
}

/// A symmetric key to be imported.
#[derive(Clone, Debug)]
pub struct KeyToImport {
    /// What it is to be.
    pub key: NewKey,
    /// The identifier that it gets; a new one if none is given. Then it needs a name.
    pub id: Option<String>,
    /// Its octets, or the wrapped ones.
    pub material: SecretBytes,
    /// What wraps it, if anything does.
    pub wrapped: Option<Wrapped>,
}

/// A key that was imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedKey {
    /// Its identifier.
    pub id: String,
    /// Whether it was there before.
    pub already: bool,
}

/// A key of a batch that was refused; with it, all of the batch.
#[derive(Debug)]
pub struct ImportRefused {
    /// Its place in the batch, from 0.
    pub at: usize,
    /// Why.
    pub error: EngineError,
}

/// What a request is about.
#[derive(Clone, Debug)]
enum About {
    /// An object that is there.
    Object(ObjectId),
    /// One that is to be made, of this owner and in these key groups.
    New(String, Vec<String>),
}

/// Why a request was not carried out.
enum Stopped {
    /// The operation refused it; with the rule that decided.
    Refused(Refusal, String),
    Error(EngineError),
}

impl From<StoreError> for Stopped {
    fn from(error: StoreError) -> Self {
        Self::Error(error.into())
    }
}

/// What is done, and may be done again when a key pair was lacking.
type Work<R> = dyn Fn(&mut Ctx<'_, '_>) -> Result<R, Refusal> + Send + Sync;

impl Engine {
    /// Makes a key, or a pair, of which `new` names the owner.
    ///
    /// # Errors
    /// [`EngineError::Denied`], [`EngineError::Refused`], [`EngineError::WrongState`] for a name
    /// that is taken, [`EngineError::Sealed`], or the store's.
    pub fn create_key(&self, by: &Caller, new: &NewKey) -> Result<MadeKey, EngineError> {
        check_new(new)?;
        let about = About::New(new.owner.clone(), new.key_groups.clone());
        let new = new.clone();
        let pair = is_asymmetric(new.algorithm);
        let operation = if pair { Operation::CREATE_KEY_PAIR } else { Operation::CREATE };
        self.manage(
            by,
            about,
            operation,
            Arc::new(move |ctx| {
                let attributes = attributes(&new, ctx.now());
                let payload =
                    if pair { pair_payload(&new, attributes) } else { payload(attributes) };
                run(ctx, &payload)?;
                let made = made(ctx, pair)?;
                for id in [Some(&made.id), made.public.as_ref()].into_iter().flatten() {
                    join(ctx, &ObjectId::from(id.as_str()), &new.key_groups)?;
                }
                Ok(made)
            }),
        )
    }

    /// Activates a key.
    ///
    /// # Errors
    /// As [`Engine::create_key`]; [`EngineError::NoObject`], [`EngineError::WrongState`].
    pub fn activate_key(&self, by: &Caller, id: &str) -> Result<(), EngineError> {
        let payload = named(id, |_| {});
        self.manage_one(by, id, Operation::ACTIVATE, move |ctx| run(ctx, &payload))
    }

    /// Revokes a key.
    ///
    /// # Errors
    /// As [`Engine::activate_key`].
    pub fn revoke_key(&self, by: &Caller, id: &str, why: &Revocation) -> Result<(), EngineError> {
        let (asked, why) = (id.to_owned(), why.clone());
        self.manage_one(by, id, Operation::REVOKE, move |ctx| {
            let now = ctx.now();
            let payload = named(&asked, |e| {
                e.structure(Tag::REVOCATION_REASON, |e| {
                    e.enumeration(Tag::REVOCATION_REASON_CODE, why.reason);
                    if let Some(message) = &why.message {
                        e.text(Tag::REVOCATION_MESSAGE, message);
                    }
                });
                if let Some(ago) = why.happened {
                    e.date_time(Tag::COMPROMISE_OCCURRENCE_DATE, now.saturating_sub(ago));
                }
            });
            run(ctx, &payload)
        })
    }

    /// Destroys a key, after `delay` seconds if that is longer than what is configured, and gives
    /// when, POSIX seconds; none when it is done.
    ///
    /// # Errors
    /// As [`Engine::activate_key`].
    pub fn destroy_key(
        &self,
        by: &Caller,
        id: &str,
        delay: Option<i64>,
    ) -> Result<Option<i64>, EngineError> {
        let payload = named(id, |_| {});
        let wanted = ObjectId::from(id);
        self.manage_one(by, id, Operation::DESTROY, move |ctx| {
            let delay = delay.unwrap_or(0).max(ctx.engine.config.destroy_delay);
            ctx.authorise()?;
            operations::destroy_after(ctx, view(&payload)?, delay)?;
            let at = strongroom_store::scheduled_destruction();
            let object = ctx.fetch(&wanted)?;
            Ok(object.and_then(|o| o.object.value_of(&at).and_then(Value::as_date_time)))
        })
    }

    /// Imports symmetric keys, all of them or none. Those that are there already stay as they are.
    ///
    /// # Errors
    /// The first that is refused.
    pub fn import_keys(
        &self,
        by: &Caller,
        keys: Vec<KeyToImport>,
    ) -> Result<Vec<ImportedKey>, ImportRefused> {
        let all = |error| ImportRefused { at: 0, error };
        let unsealed = self.inner.unsealed().ok_or(all(EngineError::Sealed))?;
        for (at, key) in keys.iter().enumerate() {
            check_import(key).map_err(|error| ImportRefused { at, error })?;
        }
        let (inner, officer, by) = (self.inner.clone(), by.clone(), by.clone());
        let imported = self.commit(move |tx| {
            Ok(tx.nested(|tx| {
                let mut done = Vec::with_capacity(keys.len());
                for (at, key) in keys.into_iter().enumerate() {
                    let one = import_one(&inner, &unsealed, tx, &by, key);
                    done.push(one.map_err(|stopped| Broken::At(at, stopped))?);
                }
                Ok(done)
            }))
        });
        match imported.map_err(all)? {
            Ok(done) => Ok(done),
            Err(Broken::At(at, stopped)) => {
                Err(ImportRefused { at, error: Self::outward(stopped, &officer, "to be imported") })
            }
            Err(Broken::Store(error)) => Err(all(error.into())),
        }
    }

    fn manage_one<R: Send + 'static>(
        &self,
        by: &Caller,
        id: &str,
        operation: Operation,
        work: impl Fn(&mut Ctx<'_, '_>) -> Result<R, Refusal> + Send + Sync + 'static,
    ) -> Result<R, EngineError> {
        self.manage(by, About::Object(ObjectId::from(id)), operation, Arc::new(work))
    }

    /// Runs an operation on the writer, for an officer. A pair that takes long to make is made
    /// before, and the operation run again.
    fn manage<R: Send + 'static>(
        &self,
        by: &Caller,
        about: About,
        operation: Operation,
        work: Arc<Work<R>>,
    ) -> Result<R, EngineError> {
        let unsealed = self.inner.unsealed().ok_or(EngineError::Sealed)?;
        let named = match &about {
            About::Object(id) => id.0.clone(),
            About::New(..) => "a new key".to_owned(),
        };
        let mut pair = None;
        for _ in 0..MOST_TRIES {
            let (inner, unsealed, by) = (self.inner.clone(), unsealed.clone(), by.clone());
            let (about, work, made) = (about.clone(), work.clone(), pair.take());
            let officer = by.clone();
            let done = self.commit(move |tx| {
                let order = Order { inner: &inner, unsealed: &unsealed, by: &by, operation };
                Ok(tx.nested(|tx| order.run(tx, &about, made, work.as_ref())))
            })?;
            match done {
                Ok(value) => return Ok(value),
                Err(Stopped::Refused(Refusal { needs: Some(Needs::Pair(plan)), .. }, _)) => {
                    pair = Some(MadePair::make(plan));
                }
                Err(stopped) => return Err(Self::outward(stopped, &officer, &named)),
            }
        }
        Err(EngineError::Refused(format!("{named} changes all the time: try again")))
    }
    /// A refusal as administration is told it.
    fn outward(stopped: Stopped, by: &Caller, named: &str) -> EngineError {
        let (refusal, rule) = match stopped {
            Stopped::Error(error) => return error,
            Stopped::Refused(refusal, rule) => (refusal, rule),
        };
        match refusal.reason {
            // Who may not use an object hears from KMIP that there is none. An officer sees it.
            ResultReason::OBJECT_NOT_FOUND | ResultReason::PERMISSION_DENIED => {
                EngineError::Denied { user: by.user.clone(), object: named.to_owned(), rule }
            }
            ResultReason::WRONG_KEY_LIFECYCLE_STATE
            | ResultReason::OBJECT_DESTROYED
            | ResultReason::OBJECT_ARCHIVED
            | ResultReason::OBJECT_ALREADY_EXISTS
            | ResultReason::NON_UNIQUE_NAME_ATTRIBUTE => EngineError::WrongState(refusal.message),
            _ => EngineError::Refused(refusal.message),
        }
    }
}

/// An operation to be run on the writer for an officer.
struct Order<'a> {
    inner: &'a Inner,
    unsealed: &'a Unsealed,
    by: &'a Caller,
    operation: Operation,
}

impl Order<'_> {
    fn run<R>(
        &self,
        tx: &mut WriteTx<'_>,
        about: &About,
        made: Option<MadePair>,
        work: &Work<R>,
    ) -> Result<R, Stopped> {
        let server = tx.server_state().clone();
        let (owner, rule) = self.decide(tx, &server, about)?;
        let time: Reading = self.inner.time();
        let mut ctx = Ctx {
            engine: self.inner,
            unsealed: self.unsealed,
            caller: self.by,
            server: &server,
            who: who(self.by, &server),
            owner: Some(owner.clone()),
            operation: self.operation,
            version: VERSION,
            alone: true,
            time,
            tx: Some(tx),
            placeholders: &mut Placeholders::default(),
            out: Encoder::for_version(VERSION),
            trail: Trail::default(),
            reservations: Vec::new(),
            spent: Vec::new(),
            prepared: made.map(Prepared::Pair),
            // What waits for approval waited at the admin port's door.
            guard: None,
            in_place_of: Some(InPlaceOf { owner, rule: rule.into() }),
        };
        let result = work(&mut ctx);
        // Nothing of this kind goes by a counter in memory; should it, it is given back.
        self.inner.allowances.put_back(core::mem::take(&mut ctx.spent));
        let rule = ctx.trail.rule.clone().into_owned();
        result.map_err(|refusal| Stopped::Refused(refusal, rule))
    }

    /// The owner and the rule that lets the officer.
    fn decide(
        &self,
        tx: &WriteTx<'_>,
        server: &ServerState,
        about: &About,
    ) -> Result<(String, String), Stopped> {
        let who = who(self.by, server);
        let granted = Granted(server);
        let (owner, name, decision) = match about {
            About::Object(id) => {
                let object: ManagedObject = tx
                    .object(id)?
                    .ok_or_else(|| Stopped::Error(EngineError::NoObject(id.0.clone())))?;
                let groups = key_groups(&object);
                // Nothing of that code is ever granted.
                let facts = Facts::of(&who, Operation(0), &object, &groups, &granted);
                (object.owner().to_owned(), id.0.clone(), self.asked(who, facts))
            }
            About::New(owner, groups) => {
                self.check_owner(server, owner)?;
                let facts = Facts {
                    object_type: ObjectType::SYMMETRIC_KEY,
                    owned: false,
                    user_grant: false,
                    group_grant: false,
                    key_groups: groups,
                };
                let name = match groups.as_slice() {
                    [] => "in no key group".to_owned(),
                    groups => format!("of key group {}", groups.join(", ")),
                };
                (owner.clone(), name, self.asked(who, facts))
            }
        };
        let rule = decision.rule().to_owned();
        if decision.allowed {
            return Ok((owner, rule));
        }
        let user = self.by.user.clone();
        Err(Stopped::Error(EngineError::Denied { user, object: name, rule }))
    }

    fn asked(&self, who: policy::Who<'_>, facts: Facts<'_>) -> policy::Decision {
        let action = Action::Admin(AdminAction::ManageKeys);
        self.inner.policy.decide(&policy::Request { who, action, object: Some(facts) })
    }

    /// Whoever may hold no keys gets none from an officer either.
    fn check_owner(&self, server: &ServerState, owner: &str) -> Result<(), Stopped> {
        check_name("a user", owner).map_err(Stopped::Error)?;
        let groups = groups_of(server, owner).unwrap_or_default();
        let action = Action::Kmip(Operation::CREATE);
        let who = who_is(owner, &groups, server);
        let decision = policy::duty(&policy::Request { who, action, object: None });
        match decision {
            Some(decision) if !decision.allowed => Err(Stopped::Error(EngineError::Refused(
                format!("{owner} may hold no keys (rule {}): name another owner", decision.rule()),
            ))),
            _ => Ok(()),
        }
    }
}

/// Why a batch was taken back.
enum Broken {
    At(usize, Stopped),
    Store(StoreError),
}

impl From<StoreError> for Broken {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

fn import_one(
    inner: &Inner,
    unsealed: &Unsealed,
    tx: &mut WriteTx<'_>,
    by: &Caller,
    key: KeyToImport,
) -> Result<ImportedKey, Stopped> {
    let order = Order { inner, unsealed, by, operation: Operation::REGISTER };
    let about = About::New(key.key.owner.clone(), key.key.key_groups.clone());
    order.run(tx, &about, None, &move |ctx: &mut Ctx<'_, '_>| {
        let payload = register_payload(&key, ctx.now());
        let id = key.id.as_deref().map(ObjectId::from);
        let (id, already) = operations::register_once(ctx, view(&payload)?, id)?;
        if !already {
            join(ctx, &id, &key.key.key_groups)?;
        }
        Ok(ImportedKey { id: id.0, already })
    })
}

fn check_new(new: &NewKey) -> Result<(), EngineError> {
    if let Some(name) = &new.name {
        check_name("a key", name)?;
    }
    new.key_groups.iter().try_for_each(|group| check_name("a key group", group))
}

fn check_import(key: &KeyToImport) -> Result<(), EngineError> {
    check_new(&key.key)?;
    if is_asymmetric(key.key.algorithm) {
        return Err(EngineError::Refused(format!(
            "{} keys are not imported in bulk: symmetric ones are",
            key.key.algorithm
        )));
    }
    match &key.id {
        Some(id) => check_name("an identifier", id),
        None if key.key.name.is_some() => Ok(()),
        None => Err(EngineError::Refused(
            "the key has neither a name nor an id, by which a second run would find it".to_owned(),
        )),
    }
}

/// Puts a new object into its key groups.
fn join(ctx: &mut Ctx<'_, '_>, id: &ObjectId, groups: &[String]) -> Result<(), Refusal> {
    for group in groups {
        let Some(cached) = ctx.fetch(id)? else { return Err(Refusal::not_found(id.as_str())) };
        let sets = membership(&cached.object, group, true, ctx.engine.config.site);
        if !sets.is_empty() {
            ctx.change(&Change::Changed {
                kind: ChangeKind::Attributes,
                id: id.clone(),
                lifecycle: None,
                compromised: false,
                sets,
            })?;
        }
    }
    Ok(())
}

/// Whether an algorithm's keys come in pairs.
fn is_asymmetric(algorithm: CryptographicAlgorithm) -> bool {
    use CryptographicAlgorithm as A;
    matches!(algorithm, A::RSA | A::DSA | A::EC | A::ECDSA | A::ECDH | A::DH | A::ED25519)
        || operations::is_post_quantum(algorithm)
}

/// The attributes that both halves of a pair have, or the one key.
fn attributes(new: &NewKey, now: i64) -> Vec<Attribute> {
    let mut all =
        vec![Attribute::new(Tag::CRYPTOGRAPHIC_ALGORITHM, Value::Enumeration(new.algorithm.0))];
    let mut set = |tag, value: Option<Value>| {
        all.extend(value.map(|value| Attribute::new(tag, value)));
    };
    set(Tag::CRYPTOGRAPHIC_LENGTH, new.length.map(Value::Integer));
    set(Tag::ROTATE_INTERVAL, new.rotate_every.map(Value::Interval));
    set(Tag::ROTATE_AUTOMATIC, new.rotate_every.map(|_| Value::Boolean(true)));
    set(Tag::ACTIVATION_DATE, new.activate.then_some(Value::DateTime(now)));
    set(
        Tag::DEACTIVATION_DATE,
        new.deactivate_in.map(|after| Value::DateTime(now.saturating_add(after))),
    );
    set(
        Tag::USAGE_LIMITS,
        new.uses.map(|total| {
            Value::Structure(vec![
                Node::new(Tag::USAGE_LIMITS_TOTAL, Value::LongInteger(total)),
                Node::enumeration(Tag::USAGE_LIMITS_UNIT, UsageLimitsUnit::OBJECT),
            ])
        }),
    );
    if !is_asymmetric(new.algorithm) {
        set(Tag::NAME, new.name.as_deref().map(name));
        set(Tag::CRYPTOGRAPHIC_USAGE_MASK, Some(mask(usage(new))));
        set(Tag::SENSITIVE, new.sensitive.map(Value::Boolean));
        set(Tag::EXTRACTABLE, new.extractable.map(Value::Boolean));
    }
    all
}

/// What a key is for, where nobody says.
fn usage(new: &NewKey) -> u32 {
    use CryptographicAlgorithm as A;
    if let Some(usage) = new.usage {
        return usage;
    }
    match new.algorithm {
        algorithm if algorithm.name().starts_with("HMAC") => M::MAC_GENERATE.0 | M::MAC_VERIFY.0,
        A::ECDH | A::DH => M::KEY_AGREEMENT.0,
        algorithm if algorithm.name().starts_with("ML-KEM") => M::KEY_AGREEMENT.0,
        algorithm if is_asymmetric(algorithm) => M::SIGN.0 | M::VERIFY.0,
        _ => M::ENCRYPT.0 | M::DECRYPT.0,
    }
}

fn mask(bits: u32) -> Value {
    Value::Integer(bits.cast_signed())
}

fn name(text: &str) -> Value {
    Value::Structure(vec![
        Node::text(Tag::NAME_VALUE, text),
        Node::enumeration(Tag::NAME_TYPE, NameType::UNINTERPRETED_TEXT_STRING),
    ])
}

/// A payload, wiped when it is dropped: some hold keys.
type Payload = Zeroizing<Vec<u8>>;

fn built(fill: impl FnOnce(&mut Encoder)) -> Payload {
    let mut e = Encoder::for_version(VERSION);
    e.structure(Tag::REQUEST_PAYLOAD, fill);
    Zeroizing::new(e.into_bytes())
}

fn named(id: &str, fill: impl FnOnce(&mut Encoder)) -> Payload {
    built(|e| {
        e.text(Tag::UNIQUE_IDENTIFIER, id);
        fill(e);
    })
}

/// Create's.
fn payload(attributes: Vec<Attribute>) -> Payload {
    built(|e| {
        e.enumeration(Tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY);
        AttributeSet::Own.write(&attributes, e, VERSION);
    })
}

/// Create Key Pair's: the private half has the name and what is said of its protection.
fn pair_payload(new: &NewKey, common: Vec<Attribute>) -> Payload {
    let uses = usage(new);
    let mut private =
        vec![Attribute::new(Tag::CRYPTOGRAPHIC_USAGE_MASK, mask(uses & PRIVATE_USES))];
    private.extend(new.name.as_deref().map(|n| Attribute::new(Tag::NAME, name(n))));
    for (tag, flag) in [(Tag::SENSITIVE, new.sensitive), (Tag::EXTRACTABLE, new.extractable)] {
        private.extend(flag.map(|flag| Attribute::new(tag, Value::Boolean(flag))));
    }
    // Both halves of an agreement name it.
    let public = (uses & !PRIVATE_USES) | (uses & M::KEY_AGREEMENT.0);
    let public = [Attribute::new(Tag::CRYPTOGRAPHIC_USAGE_MASK, mask(public))];
    built(|e| {
        AttributeSet::Common.write(&common, e, VERSION);
        AttributeSet::PrivateKey.write(&private, e, VERSION);
        AttributeSet::PublicKey.write(&public, e, VERSION);
    })
}

/// Register's.
fn register_payload(key: &KeyToImport, now: i64) -> Payload {
    let attributes = attributes(&key.key, now);
    built(|e| {
        e.enumeration(Tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY);
        AttributeSet::Own.write(&attributes, e, VERSION);
        e.structure(Tag::SYMMETRIC_KEY, |e| {
            e.structure(Tag::KEY_BLOCK, |e| {
                e.enumeration(Tag::KEY_FORMAT_TYPE, KeyFormatType::RAW);
                match &key.wrapped {
                    Some(_) => e.bytes(Tag::KEY_VALUE, key.material.as_slice()),
                    None => e.structure(Tag::KEY_VALUE, |e| {
                        e.bytes(Tag::KEY_MATERIAL, key.material.as_slice());
                    }),
                }
                e.enumeration(Tag::CRYPTOGRAPHIC_ALGORITHM, key.key.algorithm);
                if let Some(length) = key.key.length {
                    e.integer(Tag::CRYPTOGRAPHIC_LENGTH, length);
                }
                if let Some(wrapped) = &key.wrapped {
                    wrapping_data(e, wrapped);
                }
            });
        });
    })
}

fn wrapping_data(e: &mut Encoder, wrapped: &Wrapped) {
    e.structure(Tag::KEY_WRAPPING_DATA, |e| {
        e.enumeration(Tag::WRAPPING_METHOD, WrappingMethod::ENCRYPT);
        e.structure(Tag::ENCRYPTION_KEY_INFORMATION, |e| {
            e.text(Tag::UNIQUE_IDENTIFIER, &wrapped.by);
            e.structure(Tag::CRYPTOGRAPHIC_PARAMETERS, |e| match &wrapped.how {
                WrappedHow::Kw => {
                    e.enumeration(Tag::BLOCK_CIPHER_MODE, BlockCipherMode::NISTKEYWRAP);
                }
                WrappedHow::Kwp => {
                    e.enumeration(Tag::BLOCK_CIPHER_MODE, BlockCipherMode::AESKEYWRAPPADDING);
                }
                WrappedHow::Gcm { .. } => {
                    e.enumeration(Tag::BLOCK_CIPHER_MODE, BlockCipherMode::GCM);
                    e.integer(Tag::TAG_LENGTH, 16);
                }
                WrappedHow::RsaOaep(hash) => {
                    e.enumeration(Tag::PADDING_METHOD, PaddingMethod::OAEP);
                    e.enumeration(Tag::HASHING_ALGORITHM, *hash);
                    e.enumeration(Tag::MASK_GENERATOR_HASHING_ALGORITHM, *hash);
                }
            });
        });
        if let WrappedHow::Gcm { iv } = &wrapped.how {
            e.bytes(Tag::IV_COUNTER_NONCE, iv);
        }
        e.enumeration(Tag::ENCODING_OPTION, EncodingOption::NO_ENCODING);
    });
}

fn view(payload: &Payload) -> Result<View<'_>, Refusal> {
    View::parse(payload, &LIMITS).map_err(|e| Refusal::invalid_message(e.to_string()))
}

fn run(ctx: &mut Ctx<'_, '_>, payload: &Payload) -> Result<(), Refusal> {
    operations::run_on(ctx, view(payload)?)
}

/// The identifiers in the response that was just written.
fn made(ctx: &mut Ctx<'_, '_>, pair: bool) -> Result<MadeKey, Refusal> {
    let written = core::mem::replace(&mut ctx.out, Encoder::for_version(VERSION)).into_bytes();
    let mut e = Encoder::ungated();
    e.structure(Tag::RESPONSE_PAYLOAD, |e| e.raw_items(&written));
    let bytes = e.into_bytes();
    let response = View::parse(&bytes, &LIMITS)
        .map_err(|e| Refusal::new(ResultReason::GENERAL_FAILURE, e.to_string()))?;
    let text = |tag| response.find(tag).and_then(|v| v.as_text()).map(str::to_owned);
    let (id, public) = match pair {
        true => (text(Tag::PRIVATE_KEY_UNIQUE_IDENTIFIER), text(Tag::PUBLIC_KEY_UNIQUE_IDENTIFIER)),
        false => (text(Tag::UNIQUE_IDENTIFIER), None),
    };
    let lost = || Refusal::new(ResultReason::GENERAL_FAILURE, "the new key has no identifier");
    Ok(MadeKey { id: id.ok_or_else(lost)?, public })
}
