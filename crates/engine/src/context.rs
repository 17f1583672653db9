//! What an operation works with: the caller, the version, the time, the objects it may see, and
//! the transaction it may change them in.

use std::borrow::Cow;
use std::sync::Arc;

use strongroom_kmip::{
    Encoder, Operation, ProtocolVersion, ResultReason, Tag, UniqueIdentifierEnum, View,
};
use strongroom_model::{
    Change, Counter, ManagedObject, ObjectId, Origin, Purpose, Reading, ServerState, StateFault,
    permits,
};
use strongroom_policy as policy;
use strongroom_secmem::SecretBytes;
use strongroom_store::WriteTx;

use crate::access::{Granted, key_groups};
use crate::allowance::{Reservation, Spent, site_limit};
use crate::cache::Cached;
use crate::caller::Caller;
use crate::engine::{Inner, Unsealed};
use crate::guard::Guard;
use crate::operations::{self, Prepared};
use crate::refusal::Refusal;

/// Identifiers that earlier items of the batch left behind (KMIP 2.1 section 6, ID Placeholder).
#[derive(Clone, Debug, Default)]
pub(crate) struct Placeholders {
    last: Option<ObjectId>,
    by_operation: Vec<(UniqueIdentifierEnum, ObjectId)>,
}

/// What the audit is to know of an item.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trail {
    /// The object, or the first of several.
    pub(crate) object: Option<String>,
    /// The rule that decided.
    pub(crate) rule: Cow<'static, str>,
    /// Parameters that matter: name and value.
    pub(crate) parameters: Vec<(&'static str, String)>,
    /// Whether the item changed something, and so is in the journal of changes.
    pub(crate) changed: bool,
    /// Who stands in the journal, where that is not the caller: an officer who replaces a key
    /// works in the name of its owner.
    pub(crate) recorded_as: Option<Box<Caller>>,
}

pub(crate) struct Ctx<'a, 'tx> {
    pub(crate) engine: &'a Inner,
    pub(crate) unsealed: &'a Unsealed,
    pub(crate) caller: &'a Caller,
    /// The server's own state as the request found it: roles and grants on key groups.
    pub(crate) server: &'a ServerState,
    /// Who asks, as the policy knows them.
    pub(crate) who: policy::Who<'a>,
    /// Who owns what is made, where that is not the caller: a replacement belongs to the owner of
    /// what it replaces, or the grant of a Re-key would be one of everything.
    pub(crate) owner: Option<String>,
    pub(crate) operation: Operation,
    /// Whether the request has no other item. A use that cannot be repeated must not run before
    /// another item may find that it needs the writer.
    pub(crate) alone: bool,
    pub(crate) version: ProtocolVersion,
    /// What time it is.
    pub(crate) time: Reading,
    pub(crate) tx: Option<&'a mut WriteTx<'tx>>,
    pub(crate) placeholders: &'a mut Placeholders,
    pub(crate) out: Encoder,
    pub(crate) trail: Trail,
    /// Reservations of the batch so far, whose rest becomes usable for others when the commit is
    /// durable; the batch itself, which is durable with it, may use it before.
    pub(crate) reservations: Vec<Reservation>,
    /// What this item took from memory.
    pub(crate) spent: Vec<Spent>,
    /// Key material made before the transaction began.
    pub(crate) prepared: Option<Prepared>,
    /// What of the item waits for approval, if anything does.
    pub(crate) guard: Option<Guard>,
    /// In whose place the caller acts, if it is an officer who does.
    pub(crate) in_place_of: Option<InPlaceOf>,
}

/// An officer works on keys in the place of their owner. The policy then decides as it would about
/// the officer, if the keys were the officer's own: what it forbids an officer stays forbidden.
#[derive(Clone, Debug)]
pub(crate) struct InPlaceOf {
    /// The owner.
    pub(crate) owner: String,
    /// The rule that lets the officer.
    pub(crate) rule: Cow<'static, str>,
}

impl Ctx<'_, '_> {
    /// The time that is certain, POSIX seconds: for what moves on for good, for what is shown, and
    /// for dates that are set to now.
    pub(crate) fn now(&self) -> i64 {
        self.time.earliest()
    }

    /// The object that the payload names, or the ID Placeholder where it names none.
    pub(crate) fn target(&mut self, payload: View<'_>) -> Result<ObjectId, Refusal> {
        self.target_in(payload, Tag::UNIQUE_IDENTIFIER)
    }

    /// The object that a field of the payload names.
    pub(crate) fn target_in(&mut self, payload: View<'_>, tag: Tag) -> Result<ObjectId, Refusal> {
        let id = match payload.find(tag) {
            None => self.placeholders.last.clone(),
            Some(view) => match view.as_text() {
                Some(text) => Some(ObjectId::from(text)),
                None => view.as_enumeration().and_then(|code| self.placeholder(code)),
            },
        };
        let id = id.ok_or_else(|| {
            // After a Locate that found nothing, say.
            let reason = match self.alone {
                true => ResultReason::INVALID_FIELD,
                false => ResultReason::OBJECT_NOT_FOUND,
            };
            Refusal::new(
                reason,
                "the request names no Unique Identifier, and no earlier item of the batch left one",
            )
        })?;
        if self.trail.object.is_none() {
            self.trail.object = Some(id.as_str().to_owned());
        }
        Ok(id)
    }

    fn placeholder(&self, code: u32) -> Option<ObjectId> {
        let wanted = UniqueIdentifierEnum(code);
        if wanted == UniqueIdentifierEnum::ID_PLACEHOLDER {
            return self.placeholders.last.clone();
        }
        self.placeholders
            .by_operation
            .iter()
            .rev()
            .find(|(kind, _)| *kind == wanted)
            .map(|(_, id)| id.clone())
    }

    /// Leaves an identifier for later items of the batch.
    pub(crate) fn leave(&mut self, kind: Option<UniqueIdentifierEnum>, id: &ObjectId) {
        self.placeholders.last = Some(id.clone());
        if let Some(kind) = kind {
            self.placeholders.by_operation.push((kind, id.clone()));
        }
    }

    /// Takes away what earlier items left: a later one that names no object finds none.
    pub(crate) fn leave_nothing(&mut self) {
        self.placeholders.last = None;
    }

    /// Loads an object that the caller may use for this operation.
    pub(crate) fn load(&mut self, id: &ObjectId) -> Result<Arc<Cached>, Refusal> {
        let operation = self.operation;
        self.load_for(id, operation)
    }

    /// Loads an object that the caller may use for `operation`.
    pub(crate) fn load_for(
        &mut self,
        id: &ObjectId,
        operation: Operation,
    ) -> Result<Arc<Cached>, Refusal> {
        let cached = self
            .fetch(id)?
            .filter(|cached| operations::is_visible(&cached.object, self.version))
            .ok_or_else(|| Refusal::not_found(id.as_str()))?;
        let decision = self.decide(operation, Some((&cached.object, &cached.key_groups)));
        self.trail.rule = self.rule_of(&decision);
        if !decision.allowed {
            return Err(Refusal::not_found(id.as_str()));
        }
        if cached.object.is_archived() && !operations::reaches_archived(operation, self.version) {
            return Err(Refusal::archived(id));
        }
        self.guard(operation, Some((&cached.object, &cached.key_groups)))?;
        Ok(cached)
    }

    /// Whether the caller may see `object` with `operation`, without a word to the audit: for
    /// lists.
    pub(crate) fn may(&self, operation: Operation, object: &ManagedObject) -> bool {
        operations::is_visible(object, self.version)
            && self.decide(operation, Some((object, &key_groups(object)))).allowed
    }

    /// Checks that the caller may do this operation at all.
    pub(crate) fn authorise(&mut self) -> Result<(), Refusal> {
        let decision = self.decide(self.operation, None);
        self.trail.rule = self.rule_of(&decision);
        if decision.allowed {
            return self.guard(self.operation, None);
        }
        Err(Refusal::denied(format!(
            "{} may not be done by {} (rule {})",
            self.operation, self.caller.user, self.trail.rule
        )))
    }

    /// The rule to be recorded: what lets an officer act, where one does in an owner's place.
    fn rule_of(&self, decision: &policy::Decision) -> Cow<'static, str> {
        match &self.in_place_of {
            Some(in_place_of) if decision.allowed => in_place_of.rule.clone(),
            _ => decision.rule_text(),
        }
    }

    fn decide(
        &self,
        operation: Operation,
        object: Option<(&ManagedObject, &[String])>,
    ) -> policy::Decision {
        let who = self.who;
        let granted = Granted(self.server);
        let facts = object.map(|(object, key_groups)| {
            let mut facts = policy::Facts::of(&who, operation, object, key_groups, &granted);
            facts.owned |= self.in_place_of.as_ref().is_some_and(|o| o.owner == object.owner());
            facts
        });
        let action = policy::Action::Kmip(operation);
        self.engine.policy.decide(&policy::Request { who, action, object: facts })
    }

    /// An object as this request sees it, whoever may use it.
    pub(crate) fn fetch(&self, id: &ObjectId) -> Result<Option<Arc<Cached>>, Refusal> {
        if let Some(tx) = &self.tx {
            return Ok(tx.object(id)?.map(|o| Arc::new(Cached::new(o))));
        }
        let cache = &self.engine.cache;
        if let Some(cached) = cache.get(id) {
            return Ok(Some(cached));
        }
        let sight = cache.sight();
        let Some(object) = self.engine.store.read(|tx| tx.object(id))? else { return Ok(None) };
        let cached = Arc::new(Cached::new(object));
        cache.put(sight, &cached);
        Ok(Some(cached))
    }

    /// The object's material, opened.
    pub(crate) fn material<'c>(&self, cached: &'c Cached) -> Result<&'c SecretBytes, Refusal> {
        let object = &cached.object;
        let gone = cached.is_gone(self.now());
        if !gone && let Some(material) = cached.material.get() {
            return Ok(material);
        }
        if gone {
            return Err(Refusal::new(
                ResultReason::OBJECT_DESTROYED,
                format!("object {} is destroyed", object.id),
            ));
        }
        let sealed = object.material.as_ref().ok_or_else(|| {
            Refusal::new(
                ResultReason::KEY_VALUE_NOT_PRESENT,
                format!("object {} has no key value here", object.id),
            )
        })?;
        let opened = self.unsealed.open_material(&object.id, sealed)?;
        Ok(cached.material.get_or_init(|| opened))
    }

    /// Checks the life cycle for a use.
    pub(crate) fn check_state(
        &self,
        object: &ManagedObject,
        purpose: Purpose,
    ) -> Result<(), Refusal> {
        let id = &object.id;
        let permitted = |at| permits(object, purpose, at).map_err(|fault| (at, fault));
        self.time.both(permitted).map_err(|(at, fault)| {
            if at != self.now() {
                return self.unsure(object);
            }
            match fault {
                StateFault::NotYetActive => {
                    Refusal::wrong_state(format!("object {id} is not active: activate it first"))
                }
                StateFault::Deactivated => Refusal::wrong_state(format!(
                    "object {id} is deactivated: it may decrypt and verify only"
                )),
                StateFault::Compromised => Refusal::wrong_state(format!(
                    "object {id} is compromised: it may decrypt and verify only"
                )),
                StateFault::Destroyed => Refusal::new(
                    ResultReason::OBJECT_DESTROYED,
                    format!("object {id} is destroyed"),
                ),
                StateFault::Archived => Refusal::archived(id),
                StateFault::BeforeProcessStart => Refusal::wrong_state(format!(
                    "object {id} may not be used before its Process Start Date"
                )),
                StateFault::AfterProtectStop => Refusal::wrong_state(format!(
                    "object {id} may not protect after its Protect Stop Date"
                )),
            }
        })
    }

    /// The refusal of what would be right by one of two clocks only.
    pub(crate) fn unsure(&self, object: &ManagedObject) -> Refusal {
        Refusal::wrong_state(format!(
            "a date of object {} may have come or not: the server's clock jumped, and nobody has \
             confirmed it yet",
            object.id
        ))
    }

    /// Journals a change and applies it. Outside the writer this is where an operation finds out
    /// that it needs it.
    pub(crate) fn change(&mut self, change: &Change) -> Result<(), Refusal> {
        let origin = self.origin();
        let now_ms = self.engine.stamp_ms();
        let (after, now) = (self.engine.config.archive_after, self.now());
        // Whatever an operation comes to: a replica writes down how many IVs it made, and no more.
        let counts = matches!(change, Change::Reserved { counter: Counter::RandomIv, .. });
        if !counts && let Some(refusal) = self.engine.refuse_on_replica() {
            return Err(refusal);
        }
        let Some(tx) = &mut self.tx else { return Err(Refusal::needs_writer()) };
        let change = operations::archive_when_ended(change, after, now);
        tx.append(&origin, &change, now_ms)?;
        self.trail.changed = true;
        Ok(())
    }

    fn origin(&self) -> Origin {
        let who = self.trail.recorded_as.as_deref().unwrap_or(self.caller);
        who.origin(self.operation.name(), &self.trail.rule)
    }

    /// Takes `amount` of a counter, reserving a durable block when the last one is used up.
    pub(crate) fn spend(
        &mut self,
        object: &ManagedObject,
        counter: Counter,
        amount: u64,
        limit: u64,
    ) -> Result<(), Refusal> {
        let site = self.engine.config.site;
        if counter == Counter::Usage && amount > 0 && self.engine.is_replica() {
            return Err(Refusal::denied(format!(
                "object {} has a usage limit, and a replica has nothing of what is left of it: \
                 use it at the primary",
                object.id
            )));
        }
        let (of_all, divided) = (limit, self.engine.allows_replicas());
        let limit = site_limit(object, site, counter, of_all, divided);
        if let Some(spent) = self.engine.allowances.take(object, counter, amount, limit) {
            self.spent.push(spent);
            return Ok(());
        }
        if self.tx.is_none() {
            return Err(Refusal::needs_writer());
        }
        let own = |r: &&mut Reservation| r.id == object.id && r.counter == counter;
        if let Some(reserved) = self.reservations.iter_mut().filter(own).find(|r| r.left >= amount)
        {
            reserved.left -= amount;
            return Ok(());
        }
        // The row as this transaction sees it: an earlier item may have reserved already.
        let current =
            self.fetch(&object.id)?.ok_or_else(|| Refusal::not_found(object.id.as_str()))?;
        let limit = site_limit(&current.object, site, counter, of_all, divided);
        let planned = self.engine.allowances.reserve(&current.object, site, counter, amount, limit);
        let (reservation, spent) = planned.ok_or_else(|| {
            Refusal::denied(match counter {
                Counter::Usage => format!("the usage limit of object {} is used up", object.id),
                Counter::RandomIv => format!(
                    "object {} has made all random IVs that this site may make of its 2^32: \
                     rotate it",
                    object.id
                ),
            })
        })?;
        self.spent.push(spent);
        // The reservation is a change; the use that needs it stays a use, and belongs into that
        // chain.
        let changed = self.trail.changed;
        self.change(&Change::Reserved { id: object.id.clone(), counter, upto: reservation.upto })?;
        self.trail.changed = changed;
        self.reservations.push(reservation);
        Ok(())
    }

    /// Notes a parameter for the audit.
    pub(crate) fn note(&mut self, name: &'static str, value: impl Into<String>) {
        self.trail.parameters.push((name, value.into()));
    }
}
