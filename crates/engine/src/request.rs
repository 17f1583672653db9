//! One request's way: decode, identity, policy, operation, journal, reply.

use std::sync::Arc;
use std::time::Instant;

use strongroom_journal::kind;
use strongroom_kmip::message::{
    BatchItem, MessageError, MessageFault, Request, ResponseHeader, ResponseItem, ResponseWriter,
    peek_version,
};
use strongroom_kmip::{
    AsynchronousIndicator, BatchErrorContinuationOption, Encoder, Operation, ProtocolVersion,
    ResultReason, ResultStatus, Tag,
};
use strongroom_model::{Reading, ServerState};
use strongroom_policy as policy;
use strongroom_store::{Done, StoreError, WriteTx};
use zeroize::Zeroizing;

use crate::access::who;
use crate::allowance::{Reservation, Spent};
use crate::approval_list;
use crate::approvals;
use crate::audit::{Action, BodyRef, encode};
use crate::caller::Caller;
use crate::context::{Ctx, Placeholders, Trail};
use crate::engine::{Inner, Unsealed};
use crate::guard;
use crate::operations::{self, Kind, MadePair, PairPlan, Prepared};
use crate::refusal::{Needs, Refusal};

/// A reply, and whether the connection is to be closed after it: when the frame could not be
/// decoded, nothing after it can be trusted to begin where it seems to.
#[derive(Debug)]
pub struct Reply {
    /// The encoded response message.
    pub bytes: Vec<u8>,
    /// Whether to close the connection.
    pub close: bool,
}

/// Takes the reply. Called before [`Engine::handle`](crate::Engine::handle) returns for uses, and
/// from the writer thread, after the flush, for changes.
pub type ReplyFn = Box<dyn FnOnce(Reply) + Send>;

/// Most bytes that the items of one response give together: a batch that asks for the same large
/// object again and again must not fill the memory.
const MAX_REPLY: usize = 64 << 20;

/// At most so many items of a batch may be of the kind that takes long: it holds up others of that
/// kind, and some of it runs on the writer, where it holds up every other change.
const MAX_LONG: usize = 8;

/// How often a request is run again because a key pair was lacking. Each time gives it one; more
/// would mean that what it works on changes all the time.
const MOST_TRIES: usize = 2 * MAX_LONG;

/// What became of one batch item.
struct Outcome {
    operation: Operation,
    unique_batch_item_id: Option<Vec<u8>>,
    status: ResultStatus,
    refusal: Option<Refusal>,
    payload: Option<Zeroizing<Vec<u8>>>,
    trail: Trail,
    micros: i64,
}

/// What became of a request: the reply, and what is to be done once it is durable.
struct Ran {
    bytes: Vec<u8>,
    outcomes: Vec<Outcome>,
    reservations: Vec<Reservation>,
    /// What the items took from memory.
    spent: Vec<Spent>,
}

/// What the items of a batch leave to those behind them.
#[derive(Default)]
struct Batch {
    placeholders: Placeholders,
    reservations: Vec<Reservation>,
    spent: Vec<Spent>,
}

pub(crate) fn handle(inner: &Arc<Inner>, caller: &Arc<Caller>, frame: Vec<u8>, reply: ReplyFn) {
    let started = Instant::now();
    // Requests carry keys and plaintext as replies do.
    let frame = Zeroizing::new(frame);
    let request = match Request::parse(&frame, &inner.config.limits) {
        Ok(request) => request,
        Err(error) => return reply(refuse_frame(inner, caller, &error, started)),
    };
    let version = request.header.version;
    let Some(unsealed) = inner.unsealed() else {
        let refusal = Refusal::new(
            ResultReason::GENERAL_FAILURE,
            "the key manager is sealed: unseal it with `strongroom root unseal`",
        );
        let bytes = refuse_all(inner, &request, &refusal);
        let item = request.items.iter().next().map(|i| i.operation);
        record_refusal(inner, caller, item, Some(version), &refusal, started);
        return reply(Reply { bytes, close: false });
    };
    if let Some(refusal) = refuse_header(&request) {
        let bytes = refuse_all(inner, &request, &refusal);
        let item = request.items.iter().next().map(|i| i.operation);
        record_refusal(inner, caller, item, Some(version), &refusal, started);
        return reply(Reply { bytes, close: false });
    }
    if inner.disk.is_full() {
        return reply(refuse_on_full_disk(inner, caller, &request, started));
    }
    if inner.quarantines(request.items.iter().map(|item| item.operation)) {
        let refusal = Refusal::new(
            ResultReason::GENERAL_FAILURE,
            "the store was restored from a backup and is quarantined until an officer confirms it \
             with `strongroom backup confirm`",
        );
        let bytes = refuse_all(inner, &request, &refusal);
        let item = request.items.iter().next().map(|i| i.operation);
        record_refusal(inner, caller, item, Some(version), &refusal, started);
        return reply(Reply { bytes, close: false });
    }
    if let Some(refusal) = inner.refuse_on_replica()
        && request.items.iter().any(|item| operations::kind_of(item.operation) == Kind::Change)
    {
        let bytes = refuse_all(inner, &request, &refusal);
        let change = |i: &&BatchItem<'_>| operations::kind_of(i.operation) == Kind::Change;
        let item = request.items.iter().find(change).map(|i| i.operation);
        record_refusal(inner, caller, item, Some(version), &refusal, started);
        return reply(Reply { bytes, close: false });
    }
    let needs_writer =
        request.items.iter().any(|item| operations::kind_of(item.operation) == Kind::Change);
    let mut prepared: Vec<Option<Prepared>> = request.items.iter().map(|_| None).collect();
    if !needs_writer && let Ok(ran) = run(inner, &unsealed, caller, &request, None, &mut prepared) {
        let bytes = match record(inner, &unsealed, caller, version, &ran.outcomes) {
            Ok(()) => ran.bytes,
            Err(refusal) => refuse_all(inner, &request, &refusal),
        };
        return reply(Reply { bytes, close: false });
    }
    let server = inner.store.server_state();
    for (item, slot) in request.items.iter().zip(&mut prepared) {
        // Nothing is computed for whom the operation is refused anyway.
        if slot.is_none() && may(inner, caller, &server, item.operation) {
            *slot = operations::prepare(item.operation, item.payload, version);
        }
    }
    let change = Changing { unsealed, caller: caller.clone(), frame, prepared, tries: 0, reply };
    change.run(inner);
}

/// A request on its way through the writer.
struct Changing {
    unsealed: Arc<Unsealed>,
    caller: Arc<Caller>,
    frame: Zeroizing<Vec<u8>>,
    prepared: Vec<Option<Prepared>>,
    /// How often it was run again.
    tries: usize,
    reply: ReplyFn,
}

impl Changing {
    /// Runs the request on the writer.
    fn run(self, inner: &Arc<Inner>) {
        let engine = inner.clone();
        inner.store.submit(Box::new(move |tx| {
            let mut this = self;
            let ran = tx.and_then(|tx| {
                let request = Request::parse(&this.frame, &engine.config.limits)
                    .map_err(|e| StoreError::Damaged("the request".to_owned(), e.to_string()))?;
                let (unsealed, caller) = (&this.unsealed, &this.caller);
                match run(&engine, unsealed, caller, &request, Some(tx), &mut this.prepared) {
                    Err(Stop::Pair { item, plan }) if this.tries < MOST_TRIES => {
                        Ok(Err((item, plan)))
                    }
                    Err(_) => Err(StoreError::Locked),
                    Ok(ran) => Ok(Ok(ran)),
                }
            });
            let done: Done = Box::new(move |committed| match committed.and(ran) {
                Ok(Err((item, plan))) => this.again_with(engine, item, plan),
                Ok(Ok(ran)) => {
                    let (unsealed, caller) = (&this.unsealed, &this.caller);
                    let bytes = finish_change(&engine, unsealed, caller, &this.frame, ran);
                    (this.reply)(Reply { bytes, close: false });
                }
                Err(error) => {
                    let refusal = engine.refusal_of(error);
                    let bytes = refuse_again(&engine, &this.caller, &this.frame, &refusal);
                    (this.reply)(Reply { bytes, close: false });
                }
            });
            done
        }));
    }

    /// Makes the pair that an item lacks, off the writer, and runs the request again.
    fn again_with(mut self, engine: Arc<Inner>, item: usize, plan: PairPlan) {
        let later = engine.clone();
        later.maker.later(Box::new(move || {
            if let Some(slot) = self.prepared.get_mut(item) {
                *slot = Some(Prepared::Pair(MadePair::make(plan)));
            }
            self.tries += 1;
            self.run(&engine);
        }));
    }
}

/// After the flush: allowances become usable, uses and refusals of the batch are recorded, and
/// the reply may leave.
fn finish_change(
    engine: &Arc<Inner>,
    unsealed: &Unsealed,
    caller: &Caller,
    frame: &[u8],
    ran: Ran,
) -> Vec<u8> {
    for reservation in &ran.reservations {
        engine.allowances.grant(reservation);
    }
    let version = peek_version(frame).unwrap_or(ProtocolVersion::V1_0);
    match record(engine, unsealed, caller, version, &ran.outcomes) {
        Ok(()) => ran.bytes,
        Err(refusal) => refuse_again(engine, caller, frame, &refusal),
    }
}

/// Why a request was not run to its end. Nothing of it was done.
enum Stop {
    /// An item needs the writer.
    Writer,
    /// An item needs a key pair that is to be made first.
    Pair { item: usize, plan: PairPlan },
}

/// Runs every item of a request.
fn run(
    inner: &Inner,
    unsealed: &Unsealed,
    caller: &Caller,
    request: &Request<'_>,
    tx: Option<&mut WriteTx<'_>>,
    prepared: &mut [Option<Prepared>],
) -> Result<Ran, Stop> {
    let time = inner.time();
    // On the writer as the transaction has it: a role that was taken right before, in the same commit,
    // counts no more.
    let server = match &tx {
        Some(tx) => tx.server_state().clone(),
        None => inner.store.server_state(),
    };
    let who = who(caller, &server);
    let runner = Runner { inner, unsealed, caller, request, server: &server, who, time };
    let Some(tx) = tx else { return runner.all(None, prepared) };
    let undo = undoes(request);
    if !undo && !request.items.iter().any(|item| operations::makes_pair(item.operation)) {
        return runner.all(Some(tx), prepared);
    }
    // The whole batch is one savepoint: what stops it takes everything with it.
    let mut stopped = None;
    let kept = tx.nested(|tx| {
        let ran = match runner.all(Some(tx), prepared) {
            Ok(ran) => ran,
            Err(stop) => {
                stopped = Some(Err(stop));
                return Err(Refusal::needs_writer());
            }
        };
        if undo && ran.outcomes.iter().any(|o| o.status == ResultStatus::OPERATION_FAILED) {
            stopped = Some(Ok(runner.undone(ran)));
            return Err(Refusal::needs_writer());
        }
        Ok(ran)
    });
    kept.or_else(|_| stopped.unwrap_or(Err(Stop::Writer)))
}

/// Whether the items of a request stand or fall together.
fn undoes(request: &Request<'_>) -> bool {
    request.header.batch_error == BatchErrorContinuationOption::UNDO && request.items.len() > 1
}

struct Runner<'a> {
    inner: &'a Inner,
    unsealed: &'a Unsealed,
    caller: &'a Caller,
    request: &'a Request<'a>,
    server: &'a ServerState,
    who: policy::Who<'a>,
    time: Reading,
}

impl Runner<'_> {
    fn all(
        &self,
        mut tx: Option<&mut WriteTx<'_>>,
        prepared: &mut [Option<Prepared>],
    ) -> Result<Ran, Stop> {
        let mut prepared = prepared.iter_mut();
        let mut batch = Batch::default();
        let mut outcomes = Vec::with_capacity(1);
        let mut bytes_given = 0;
        for (at, item) in self.request.items.iter().enumerate() {
            let run = self.one(item, tx.as_deref_mut(), &mut batch, prepared.next());
            let mut outcome = match run {
                Ok(outcome) => outcome,
                Err(needs) => {
                    // All of it is run again.
                    self.inner.allowances.put_back(batch.spent);
                    return Err(match needs {
                        Needs::Writer => Stop::Writer,
                        Needs::Pair(plan) => Stop::Pair { item: at, plan },
                    });
                }
            };
            bytes_given += outcome.payload.as_ref().map_or(0, |payload| payload.len());
            if bytes_given > MAX_REPLY && !outcome.trail.changed {
                bytes_given -= outcome.payload.take().map_or(0, |payload| payload.len());
                outcome.status = ResultStatus::OPERATION_FAILED;
                outcome.refusal = Some(Refusal::new(
                    ResultReason::RESPONSE_TOO_LARGE,
                    format!("the response would exceed {MAX_REPLY} bytes: ask for less at once"),
                ));
            }
            let failed = outcome.status == ResultStatus::OPERATION_FAILED;
            outcomes.push(outcome);
            if failed && self.request.header.batch_error != BatchErrorContinuationOption::CONTINUE {
                break;
            }
        }
        let bytes = self.encode(&mut outcomes);
        let Batch { reservations, spent, .. } = batch;
        Ok(Ran { bytes, outcomes, reservations, spent })
    }

    fn one(
        &self,
        item: &BatchItem<'_>,
        mut tx: Option<&mut WriteTx<'_>>,
        batch: &mut Batch,
        prepared: Option<&mut Option<Prepared>>,
    ) -> Result<Outcome, Needs> {
        let started = Instant::now();
        let mut trail = Trail::default();
        let mut none = None;
        let slot = prepared.unwrap_or(&mut none);
        let mut work = |batch: &mut Batch, tx: Option<&mut WriteTx<'_>>| {
            let mut ctx = Ctx {
                engine: self.inner,
                unsealed: self.unsealed,
                caller: self.caller,
                server: self.server,
                who: self.who,
                owner: None,
                operation: item.operation,
                alone: self.request.items.len() == 1,
                version: self.request.header.version,
                time: self.time,
                tx,
                placeholders: &mut batch.placeholders,
                out: Encoder::for_version(self.request.header.version),
                trail: Trail::default(),
                reservations: batch.reservations.clone(),
                spent: Vec::new(),
                prepared: slot.take(),
                guard: None,
                in_place_of: None,
            };
            let result = operations::run(&mut ctx, item).and_then(|()| ctx.settle(item));
            *slot = ctx.prepared.take();
            trail = ctx.trail;
            if let Some(value) = self.request.header.client_correlation_value {
                // As much as the audit keeps, and not the whole once for each item.
                let kept = crate::audit::clip(value).to_owned();
                trail.parameters.push(("client-correlation", kept));
            }
            if result.is_ok() {
                batch.reservations = ctx.reservations;
                batch.spent.append(&mut ctx.spent);
            } else {
                self.inner.allowances.put_back(ctx.spent);
            }
            result.map(|()| Zeroizing::new(ctx.out.into_bytes()))
        };
        // An item that waits for approval leaves nothing to those behind it.
        let waits = !self.server.approval_rules.is_empty();
        let before = waits.then(|| batch.placeholders.clone());
        let result = match tx.as_deref_mut() {
            Some(tx) => tx.nested(|tx| work(batch, Some(tx))),
            None => work(batch, None),
        };
        let result = result.map_err(|refusal| {
            if let Some(before) = before {
                batch.placeholders = before;
            }
            self.open(refusal, tx)
        });
        let (status, refusal, payload) = match result {
            Ok(payload) => (ResultStatus::SUCCESS, None, Some(payload)),
            Err(refusal) => {
                if let Some(needs) = refusal.needs {
                    return Err(needs);
                }
                trail.changed = false;
                (ResultStatus::OPERATION_FAILED, Some(refusal), None)
            }
        };
        Ok(Outcome {
            operation: item.operation,
            unique_batch_item_id: item.unique_batch_item_id.map(<[u8]>::to_vec),
            status,
            refusal,
            payload,
            trail,
            micros: started.elapsed().as_micros() as i64,
        })
    }

    /// Opens the request for approval that a refused item leaves, unless the whole batch is undone.
    fn open(&self, mut refusal: Refusal, tx: Option<&mut WriteTx<'_>>) -> Refusal {
        let Some(opening) = guard::opening(&mut refusal) else { return refusal };
        if undoes(self.request) {
            return guard::not_in_this_batch();
        }
        let Some(tx) = tx else { return Refusal::needs_writer() };
        let origin = self.caller.origin(approvals::REQUESTED, "");
        match approval_list::append(tx, &origin, &opening, self.time) {
            Ok(_) => refusal,
            Err(error) => Refusal::from(error),
        }
    }

    /// A batch that is undone: what succeeded is told to be undone.
    fn undone(&self, ran: Ran) -> Ran {
        self.inner.allowances.put_back(ran.spent);
        let mut outcomes = ran.outcomes;
        for outcome in &mut outcomes {
            if outcome.status == ResultStatus::SUCCESS {
                outcome.status = ResultStatus::OPERATION_UNDONE;
                // What a use gave goes back too: its share of a usage limit was rolled back with
                // it. Changes and Check give identifiers, which are to stay (BL-M-2-21).
                let gives = outcome.operation != Operation::CHECK
                    && operations::kind_of(outcome.operation) == Kind::Use;
                if gives {
                    outcome.payload = None;
                }
            }
            outcome.trail.changed = false;
        }
        let bytes = self.encode(&mut outcomes);
        Ran { bytes, outcomes, reservations: Vec::new(), spent: Vec::new() }
    }

    /// The response message. Where it would be larger than the client takes, the items are
    /// refused instead.
    fn encode(&self, outcomes: &mut [Outcome]) -> Vec<u8> {
        let header = header_for(self.request, self.time.stamp_ms);
        let bytes = encode_outcomes(&header, outcomes);
        let limit = self.request.header.maximum_response_size.unwrap_or(u32::MAX) as usize;
        if bytes.len() <= limit {
            return bytes;
        }
        for outcome in outcomes.iter_mut().filter(|o| o.status == ResultStatus::SUCCESS) {
            if outcome.trail.changed {
                continue;
            }
            outcome.status = ResultStatus::OPERATION_FAILED;
            outcome.payload = None;
            outcome.refusal = Some(Refusal::new(
                ResultReason::RESPONSE_TOO_LARGE,
                format!(
                    "the response has {} bytes, the client takes {limit}: raise Maximum Response \
                     Size or ask for less",
                    bytes.len()
                ),
            ));
        }
        encode_outcomes(&header, outcomes)
    }
}

/// The response's header. The Client Correlation Value is for the server's own records (KMIP 2.1
/// section 9.6) and is not repeated.
fn header_for(request: &Request<'_>, now_ms: i64) -> ResponseHeader<'static> {
    ResponseHeader::new(request.header.version, now_ms.div_euclid(1000))
}

fn encode_outcomes(header: &ResponseHeader<'_>, outcomes: &[Outcome]) -> Vec<u8> {
    let mut writer = ResponseWriter::new(header);
    for outcome in outcomes {
        writer.item(&ResponseItem {
            operation: Some(outcome.operation),
            unique_batch_item_id: outcome.unique_batch_item_id.as_deref(),
            status: outcome.status,
            reason: outcome.refusal.as_ref().map(|r| r.reason),
            message: outcome.refusal.as_ref().map(|r| r.message.as_str()),
            asynchronous_correlation_value: None,
            payload: outcome.payload.as_deref().map(Vec::as_slice),
        });
    }
    writer.finish()
}

/// Whether the caller may do the operation at all.
fn may(inner: &Inner, caller: &Caller, server: &ServerState, operation: Operation) -> bool {
    let action = policy::Action::Kmip(operation);
    inner.policy.decide(&policy::Request { who: who(caller, server), action, object: None }).allowed
}

/// What the header alone rules out.
fn refuse_header(request: &Request<'_>) -> Option<Refusal> {
    if request.header.asynchronous == AsynchronousIndicator::MANDATORY {
        return Some(Refusal::new(
            ResultReason::OPERATION_NOT_SUPPORTED,
            "this server answers at once: asynchronous operations are not offered",
        ));
    }
    let long = request.items.iter().filter(|i| operations::may_take_long(i.operation)).count();
    if long > MAX_LONG {
        return Some(Refusal::new(
            ResultReason::SERVER_LIMIT_EXCEEDED,
            format!(
                "at most {MAX_LONG} items of a batch may make key pairs or derive keys: send \
                 several requests"
            ),
        ));
    }
    let makes_pairs = request.items.iter().any(|i| operations::makes_pair(i.operation));
    let has_parts = request.items.iter().any(|i| {
        i.payload.find(Tag::INIT_INDICATOR).is_some()
            || i.payload.find(Tag::CORRELATION_VALUE).is_some()
    });
    if makes_pairs && has_parts {
        // It may have to be run again when a pair was made, and a part cannot be taken in twice.
        return Some(Refusal::new(
            ResultReason::OPERATION_NOT_SUPPORTED,
            "a batch that makes key pairs cannot hold parts of a longer operation: send them by \
             themselves",
        ));
    }
    if let Some(extension) = request.critical_extension() {
        return Some(Refusal::new(
            ResultReason::FEATURE_NOT_SUPPORTED,
            format!(
                "the critical message extension of {} is not known here",
                extension.vendor.unwrap_or("an unnamed vendor")
            ),
        ));
    }
    None
}

/// No answer leaves unrecorded, and nothing can be recorded.
fn refuse_on_full_disk(
    inner: &Inner,
    caller: &Caller,
    request: &Request<'_>,
    started: Instant,
) -> Reply {
    let refusal = inner.disk.refusal();
    for item in request.items.iter() {
        inner.counters.count(item.operation, ResultStatus::OPERATION_FAILED, Some(refusal.reason));
    }
    let item = request.items.iter().next().map(|i| i.operation);
    record_refusal(inner, caller, item, Some(request.header.version), &refusal, started);
    Reply { bytes: refuse_all(inner, request, &refusal), close: false }
}

/// A reply that refuses every item.
fn refuse_all(inner: &Inner, request: &Request<'_>, refusal: &Refusal) -> Vec<u8> {
    let header = header_for(request, inner.stamp_ms());
    let mut writer = ResponseWriter::new(&header);
    for item in request.items.iter() {
        writer.item(&ResponseItem {
            operation: Some(item.operation),
            unique_batch_item_id: item.unique_batch_item_id,
            status: ResultStatus::OPERATION_FAILED,
            reason: Some(refusal.reason),
            message: Some(&refusal.message),
            ..ResponseItem::default()
        });
    }
    writer.finish()
}

/// As [`refuse_all`], from the frame, with a record of it.
fn refuse_again(inner: &Inner, caller: &Caller, frame: &[u8], refusal: &Refusal) -> Vec<u8> {
    match Request::parse(frame, &inner.config.limits) {
        Ok(request) => {
            let operation = request.items.iter().next().map(|i| i.operation);
            let version = Some(request.header.version);
            record_refusal(inner, caller, operation, version, refusal, Instant::now());
            refuse_all(inner, &request, refusal)
        }
        Err(error) => error.reply(inner.stamp_ms().div_euclid(1000)),
    }
}

fn refuse_frame(inner: &Inner, caller: &Caller, error: &MessageError, started: Instant) -> Reply {
    let refusal = Refusal::new(error.reason(), error.to_string());
    record_refusal(inner, caller, None, error.version, &refusal, started);
    Reply { bytes: error.reply(inner.stamp_ms().div_euclid(1000)), close: is_undecodable(error) }
}

/// Whether the bytes were no frame at all, so that the next frame's beginning is not known.
fn is_undecodable(error: &MessageError) -> bool {
    matches!(error.fault, MessageFault::Decode(_) | MessageFault::NotAMessage { .. })
}

fn record_refusal(
    inner: &Inner,
    caller: &Caller,
    operation: Option<Operation>,
    version: Option<ProtocolVersion>,
    refusal: &Refusal,
    started: Instant,
) {
    let body = encode(&BodyRef {
        fingerprint: &caller.fingerprint,
        address: &caller.address,
        action: operation.map_or(Action::Event("Message"), Action::Operation),
        protocol: version.map(|v| (v.major, v.minor)),
        object: None,
        rule: "",
        status: Some(ResultStatus::OPERATION_FAILED),
        reason: Some(refusal.reason),
        message: &refusal.message,
        micros: started.elapsed().as_micros() as i64,
        parameters: std::iter::empty(),
    });
    // The reply is a refusal already; should the audit fail too, the journal says so itself.
    let _ = inner.record(&caller.user, kind::REFUSAL, body);
}

/// "No answer before its audit record is written": every item that is not in the journal of
/// changes goes into the chain of uses.
fn record(
    inner: &Inner,
    unsealed: &Unsealed,
    caller: &Caller,
    version: ProtocolVersion,
    outcomes: &[Outcome],
) -> Result<(), Refusal> {
    for outcome in outcomes {
        let reason = outcome.refusal.as_ref().map(|r| r.reason);
        inner.counters.count(outcome.operation, outcome.status, reason);
        if outcome.trail.changed {
            continue;
        }
        let body = encode(&BodyRef {
            fingerprint: &caller.fingerprint,
            address: &caller.address,
            action: Action::Operation(outcome.operation),
            protocol: Some((version.major, version.minor)),
            object: outcome.trail.object.as_deref(),
            rule: &outcome.trail.rule,
            status: Some(outcome.status),
            reason,
            message: outcome.refusal.as_ref().map_or("", |r| r.message.as_str()),
            micros: outcome.micros,
            parameters: outcome.trail.parameters.iter().map(|(n, v)| (*n, v.as_str())),
        });
        let kind = match outcome.status {
            ResultStatus::SUCCESS => kind::USE,
            _ => kind::REFUSAL,
        };
        unsealed.append_use(inner.stamp_ms(), &caller.user, kind, body)?;
    }
    Ok(())
}
