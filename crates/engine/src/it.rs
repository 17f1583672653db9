//! The engine from outside: frames in, frames out, and what the audit keeps.

mod access;
mod ahead;
mod approval_list;
mod approvals;
mod archive;
mod attacks;
mod backup;
mod batch;
mod ciphers;
mod clock;
mod crypto;
mod dates;
mod disk;
mod duties;
mod forward;
mod heads;
mod keys;
mod kinds;
mod kit;
mod legacy;
mod locate;
mod missing;
mod nonces;
mod old_data;
mod old_wide;
mod periods;
mod query;
mod release;
mod replica;
mod retention;
mod root_key;
mod rotation;
mod trail;
mod unseal;
mod wire;

use std::sync::Arc;
use std::sync::mpsc::channel;

use strongroom_kmip::message::{RequestBuilder, ResponseView};
use strongroom_kmip::{
    Attribute, AttributeSet, BatchErrorContinuationOption, CryptographicAlgorithm,
    CryptographicUsageMask, Encoder, Limits, Node, ObjectType, Operation, ProtocolVersion,
    ResultReason, ResultStatus, RevocationReasonCode, State, Tag, Value,
};
use strongroom_root::RootKey;
use strongroom_secmem::SecretBytes;
use tempfile::TempDir;

use crate::machine::Machine;
use crate::{AuditFilter, Caller, Engine, EngineConfig, Event};

const V: ProtocolVersion = ProtocolVersion::V2_1;

struct Bench {
    engine: Engine,
    dir: TempDir,
    root: SecretBytes,
    alice: Arc<Caller>,
}

fn caller(user: &str) -> Arc<Caller> {
    Arc::new(Caller {
        user: user.to_owned(),
        fingerprint: "00".repeat(32),
        address: "127.0.0.1:1".to_owned(),
        ..Caller::default()
    })
}

impl Bench {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(configure: impl FnOnce(&mut EngineConfig)) -> Self {
        Self::on_machine(Machine::default(), configure)
    }

    fn on_machine(machine: Machine, configure: impl FnOnce(&mut EngineConfig)) -> Self {
        let dir = TempDir::new().unwrap();
        let mut config = EngineConfig::new(dir.path());
        configure(&mut config);
        let engine = Engine::open_at(config, machine).unwrap();
        let root = RootKey::generate().unwrap();
        let kept = root.secret().clone();
        engine.open_with(&Caller::server(), root).unwrap();
        Self { engine, dir, root: kept, alice: caller("alice") }
    }

    /// Stops and starts again over the same directory.
    fn restart(self) -> Self {
        self.engine.stop();
        self.start()
    }

    /// Starts again over the same directory, on the same machine.
    fn start(self) -> Self {
        let config = self.engine.config().clone();
        let machine = self.engine.inner.machine.clone();
        drop(self.engine);
        let engine = Engine::open_at(config, machine).unwrap();
        engine
            .open_with(&Caller::server(), RootKey::from_secret(self.root.clone()).unwrap())
            .unwrap();
        Self { engine, ..self }
    }

    fn send(&self, who: &Arc<Caller>, frame: Vec<u8>) -> Vec<u8> {
        let (sender, receiver) = channel();
        self.engine.handle(
            who,
            frame,
            Box::new(move |reply| {
                let _ = sender.send(reply.bytes);
            }),
        );
        receiver.recv().unwrap()
    }

    fn one(
        &self,
        who: &Arc<Caller>,
        operation: Operation,
        fill: impl FnOnce(&mut Encoder),
    ) -> Result<Value, ResultReason> {
        let frame = RequestBuilder::new(V).item(operation, fill).finish();
        let bytes = self.send(who, frame);
        let view = ResponseView::parse(&bytes, &Limits::default()).unwrap();
        let item = &view.items[0];
        if item.status != ResultStatus::SUCCESS {
            return Err(item.reason.unwrap());
        }
        Ok(item.payload.map_or(Value::Structure(Vec::new()), Value::from))
    }

    fn create(&self, name: &str) -> Result<String, ResultReason> {
        let payload = self.one(&self.alice, Operation::CREATE, |e| create(e, name, &[]))?;
        Ok(text(&payload, Tag::UNIQUE_IDENTIFIER))
    }

    fn by_id(&self, operation: Operation, id: &str) -> Result<Value, ResultReason> {
        self.one(&self.alice, operation, |e| e.text(Tag::UNIQUE_IDENTIFIER, id))
    }

    fn state(&self, id: &str) -> State {
        let payload = self
            .one(&self.alice, Operation::GET_ATTRIBUTES, |e| {
                e.text(Tag::UNIQUE_IDENTIFIER, id);
                e.enumeration(Tag::ATTRIBUTE_REFERENCE, Tag::STATE.0);
            })
            .unwrap();
        let attributes = payload.find(Tag::ATTRIBUTES).unwrap();
        State(attributes.find(Tag::STATE).unwrap().value.as_enumeration().unwrap())
    }

    fn revoke(&self, id: &str) -> Result<Value, ResultReason> {
        self.one(&self.alice, Operation::REVOKE, |e| {
            e.text(Tag::UNIQUE_IDENTIFIER, id);
            e.structure(Tag::REVOCATION_REASON, |e| {
                e.enumeration(
                    Tag::REVOCATION_REASON_CODE,
                    RevocationReasonCode::CESSATION_OF_OPERATION,
                );
            });
        })
    }
}

fn text(value: &Value, tag: Tag) -> String {
    value.find(tag).unwrap().value.as_text().unwrap().to_owned()
}

fn name_value(name: &str) -> Value {
    Value::Structure(vec![
        Node::text(Tag::NAME_VALUE, name),
        Node::enumeration(Tag::NAME_TYPE, strongroom_kmip::NameType::UNINTERPRETED_TEXT_STRING),
    ])
}

fn create(e: &mut Encoder, name: &str, more: &[Attribute]) {
    let mask = CryptographicUsageMask::ENCRYPT.0 | CryptographicUsageMask::DECRYPT.0;
    let mut attributes = vec![
        Attribute::new(
            Tag::CRYPTOGRAPHIC_ALGORITHM,
            Value::Enumeration(CryptographicAlgorithm::AES.0),
        ),
        Attribute::new(Tag::CRYPTOGRAPHIC_LENGTH, Value::Integer(256)),
        Attribute::new(Tag::CRYPTOGRAPHIC_USAGE_MASK, Value::Integer(mask as i32)),
        Attribute::new(Tag::NAME, name_value(name)),
    ];
    attributes.extend_from_slice(more);
    e.enumeration(Tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY);
    AttributeSet::Own.write(&attributes, e, V);
}

#[test]
fn a_key_is_created_got_found_revoked_and_destroyed_and_never_returns() {
    let bench = Bench::new();
    let id = bench.create("first").unwrap();
    assert_eq!(bench.state(&id), State::PRE_ACTIVE);
    let got = bench.by_id(Operation::GET, &id).unwrap();
    let block = got.find(Tag::SYMMETRIC_KEY).unwrap().find(Tag::KEY_BLOCK).unwrap();
    let material = block.find(Tag::KEY_VALUE).unwrap().find(Tag::KEY_MATERIAL).unwrap();
    assert_eq!(material.value.as_bytes().unwrap().len(), 32);

    let located = bench
        .one(&bench.alice, Operation::LOCATE, |e| {
            let name = Attribute::new(Tag::NAME, name_value("first"));
            AttributeSet::Own.write(&[name], e, V);
        })
        .unwrap();
    assert_eq!(text(&located, Tag::UNIQUE_IDENTIFIER), id);

    bench.by_id(Operation::ACTIVATE, &id).unwrap();
    assert_eq!(bench.state(&id), State::ACTIVE);
    assert_eq!(bench.by_id(Operation::DESTROY, &id), Err(ResultReason::WRONG_KEY_LIFECYCLE_STATE));
    bench.revoke(&id).unwrap();
    bench.by_id(Operation::DESTROY, &id).unwrap();
    assert_eq!(bench.by_id(Operation::GET, &id), Err(ResultReason::OBJECT_DESTROYED));

    let bench = bench.restart();
    assert_eq!(bench.state(&id), State::DESTROYED);
    assert_eq!(bench.by_id(Operation::GET, &id), Err(ResultReason::OBJECT_DESTROYED));
    bench.engine.audit_verify().unwrap();
}

#[test]
fn another_user_neither_gets_nor_finds_a_key() {
    let bench = Bench::new();
    let id = bench.create("mine").unwrap();
    let mallory = caller("mallory");
    let got = bench.one(&mallory, Operation::GET, |e| e.text(Tag::UNIQUE_IDENTIFIER, &id));
    assert_eq!(got, Err(ResultReason::OBJECT_NOT_FOUND));
    let found = bench
        .one(&mallory, Operation::LOCATE, |e| {
            let name = Attribute::new(Tag::NAME, name_value("mine"));
            AttributeSet::Own.write(&[name], e, V);
        })
        .unwrap();
    assert_eq!(found.find(Tag::UNIQUE_IDENTIFIER), None);
}

#[test]
fn a_name_is_unique_for_its_owner_until_the_object_is_destroyed() {
    let bench = Bench::new();
    let id = bench.create("same").unwrap();
    assert_eq!(bench.create("same"), Err(ResultReason::NON_UNIQUE_NAME_ATTRIBUTE));
    bench.by_id(Operation::DESTROY, &id).unwrap();
    bench.create("same").unwrap();
}

#[test]
fn an_undone_batch_leaves_nothing() {
    let bench = Bench::new();
    let before = bench.engine.inner.store.head();
    let frame = RequestBuilder::new(V)
        .batch_error(BatchErrorContinuationOption::UNDO)
        .item(Operation::CREATE, |e| create(e, "one", &[]))
        .item(Operation::GET, |e| e.text(Tag::UNIQUE_IDENTIFIER, "nobody"))
        .finish();
    let bytes = bench.send(&bench.alice, frame);
    let view = ResponseView::parse(&bytes, &Limits::default()).unwrap();
    assert_eq!(view.items[0].status, ResultStatus::OPERATION_UNDONE);
    assert_eq!(view.items[1].status, ResultStatus::OPERATION_FAILED);
    assert_eq!(bench.engine.inner.store.head(), before);
    bench.create("one").unwrap();
    bench.engine.audit_verify().unwrap();
}

#[test]
fn a_batch_that_stops_keeps_what_came_before_and_says_nothing_of_what_would_follow() {
    let bench = Bench::new();
    let frame = RequestBuilder::new(V)
        .item(Operation::CREATE, |e| create(e, "one", &[]))
        .item(Operation::GET, |e| e.text(Tag::UNIQUE_IDENTIFIER, "nobody"))
        .item(Operation::CREATE, |e| create(e, "two", &[]))
        .finish();
    let bytes = bench.send(&bench.alice, frame);
    let view = ResponseView::parse(&bytes, &Limits::default()).unwrap();
    assert_eq!(view.items.len(), 2);
    assert_eq!(bench.create("one"), Err(ResultReason::NON_UNIQUE_NAME_ATTRIBUTE));
    bench.create("two").unwrap();
}

#[test]
fn the_id_placeholder_carries_a_created_key_to_the_next_item() {
    let bench = Bench::new();
    let frame = RequestBuilder::new(ProtocolVersion::V1_4)
        .item(Operation::CREATE, |e| {
            e.enumeration(Tag::OBJECT_TYPE, ObjectType::SYMMETRIC_KEY);
            let attributes = [
                Attribute::new(
                    Tag::CRYPTOGRAPHIC_ALGORITHM,
                    Value::Enumeration(CryptographicAlgorithm::AES.0),
                ),
                Attribute::new(Tag::CRYPTOGRAPHIC_LENGTH, Value::Integer(128)),
                Attribute::new(Tag::CRYPTOGRAPHIC_USAGE_MASK, Value::Integer(12)),
            ];
            AttributeSet::Own.write(&attributes, e, ProtocolVersion::V1_4);
        })
        .item(Operation::ACTIVATE, |_| {})
        .item(Operation::GET, |_| {})
        .finish();
    let bytes = bench.send(&bench.alice, frame);
    let view = ResponseView::parse(&bytes, &Limits::default()).unwrap();
    assert!(view.items.iter().all(|i| i.status == ResultStatus::SUCCESS));
    assert_eq!(view.items.len(), 3);
}

#[test]
fn every_answer_has_its_audit_record() {
    let bench = Bench::new();
    let id = bench.create("watched").unwrap();
    bench.by_id(Operation::GET, &id).unwrap();
    let _ = bench.by_id(Operation::GET, "nobody");
    let filter = AuditFilter { user: Some("alice".to_owned()), ..AuditFilter::default() };
    let entries = bench.engine.audit_tail(100, &filter).unwrap();
    let seen: Vec<(&str, &str)> =
        entries.iter().map(|e| (e.kind.as_str(), e.action.as_str())).collect();
    assert!(seen.contains(&("created", "Create")), "{seen:?}");
    assert!(seen.contains(&("use", "Get")), "{seen:?}");
    assert!(seen.contains(&("refusal", "Get")), "{seen:?}");
    let report = bench.engine.audit_verify().unwrap();
    assert!(report.changes.1.seq >= 2);
    assert!(report.codes >= 5);
}

#[test]
fn a_sealed_key_manager_answers_nothing_and_opens_again() {
    let bench = Bench::new();
    let id = bench.create("sealed").unwrap();
    bench.engine.seal(&Caller::server()).unwrap();
    assert_eq!(bench.by_id(Operation::GET, &id), Err(ResultReason::GENERAL_FAILURE));
    bench
        .engine
        .open_with(&Caller::server(), RootKey::from_secret(bench.root.clone()).unwrap())
        .unwrap();
    bench.by_id(Operation::GET, &id).unwrap();
}

#[test]
fn another_root_key_opens_nothing() {
    let bench = Bench::new();
    bench.engine.seal(&Caller::server()).unwrap();
    assert!(bench.engine.open_with(&Caller::server(), RootKey::generate().unwrap()).is_err());
    assert!(bench.engine.is_sealed());
}

#[test]
fn a_failed_commit_acknowledges_nothing_and_stops_changes_until_a_restart() {
    let bench = Bench::new();
    let id = bench.create("before").unwrap();
    bench.engine.inner.store.faults().fail_commits(1);
    assert_eq!(bench.create("lost"), Err(ResultReason::GENERAL_FAILURE));
    assert_eq!(bench.create("refused"), Err(ResultReason::GENERAL_FAILURE));
    assert!(bench.engine.status().store_failed);
    // Uses go on.
    bench.by_id(Operation::GET, &id).unwrap();
    let bench = bench.restart();
    bench.create("lost").unwrap();
    bench.engine.audit_verify().unwrap();
}

#[test]
fn a_reply_larger_than_the_client_takes_is_refused() {
    let bench = Bench::new();
    let frame = RequestBuilder::new(V)
        .maximum_response_size(256)
        .item(Operation::QUERY, |e| {
            e.enumeration(Tag::QUERY_FUNCTION, strongroom_kmip::QueryFunction::QUERY_OPERATIONS);
        })
        .finish();
    let bytes = bench.send(&bench.alice, frame);
    let view = ResponseView::parse(&bytes, &Limits::default()).unwrap();
    assert_eq!(view.items[0].reason, Some(ResultReason::RESPONSE_TOO_LARGE));
}

#[test]
fn what_happens_while_sealed_is_recorded_at_the_next_unsealing() {
    let bench = Bench::new();
    bench.engine.seal(&Caller::server()).unwrap();
    assert_eq!(bench.by_id(Operation::GET, "x"), Err(ResultReason::GENERAL_FAILURE));
    let refused = Event {
        outcome: Err((ResultReason::PERMISSION_DENIED, "3024 denied")),
        rule: "role-lacks",
        ..Event::new("Add Slot")
    };
    bench.engine.record(&bench.alice, &refused).unwrap();
    for _ in 0..1500 {
        bench.engine.record(&caller("mallory"), &Event::new("Status")).unwrap();
    }
    let before = bench.engine.inner.stamp_ms();
    while bench.engine.inner.stamp_ms() < before + 5 {
        std::thread::park_timeout(std::time::Duration::from_millis(1));
    }
    bench
        .engine
        .open_with(&Caller::server(), RootKey::from_secret(bench.root.clone()).unwrap())
        .unwrap();
    let mut entries = bench.engine.audit_tail(1100, &AuditFilter::default()).unwrap();
    entries.retain(|e| e.chain == "uses");
    let seal = entries.iter().position(|e| e.action == "seal").unwrap();
    let after: Vec<_> = entries[seal + 1..]
        .iter()
        .filter(|e| e.user != "mallory")
        .map(|e| (e.user.as_str(), e.action.as_str(), e.kind.as_str(), e.result.as_str()))
        .collect();
    assert_eq!(
        after,
        [
            ("server", "anchor", "signed-head", "success"),
            ("server", "anchor", "signed-head", "success"),
            ("alice", "Get", "refusal", "General Failure"),
            ("alice", "Add Slot", "refusal", "Permission Denied"),
            ("server", "not-recorded-while-sealed", "event", "success"),
            ("server", "unseal", "event", "success"),
        ]
    );
    let denied = &entries[seal + 4];
    assert_eq!((denied.rule.as_str(), denied.detail.as_str()), ("role-lacks", "3024 denied"));
    // They keep the time at which they happened.
    assert!(denied.time_ms <= before && entries.last().unwrap().time_ms > before);
    let lost = entries.iter().find(|e| e.action == "not-recorded-while-sealed").unwrap();
    assert_eq!(lost.detail, "count=478");
    bench.engine.audit_verify().unwrap();
}

#[test]
fn dates_move_a_key_on_and_the_sweep_journals_it() {
    let bench = Bench::new();
    let payload = bench
        .one(&bench.alice, Operation::CREATE, |e| {
            let now = bench.engine.inner.time().earliest();
            let date = Attribute::new(Tag::ACTIVATION_DATE, Value::DateTime(now + 1));
            create(e, "dated", &[date]);
        })
        .unwrap();
    let id = text(&payload, Tag::UNIQUE_IDENTIFIER);
    assert_eq!(bench.state(&id), State::PRE_ACTIVE);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while bench.state(&id) != State::ACTIVE {
        assert!(std::time::Instant::now() < deadline, "the date never came");
        std::thread::park_timeout(std::time::Duration::from_millis(50));
    }
    assert_eq!(bench.engine.sweep().unwrap(), 1);
    assert_eq!(bench.engine.sweep().unwrap(), 0);
    let entries = bench.engine.audit_tail(10, &AuditFilter::default()).unwrap();
    assert!(entries.iter().any(|e| e.kind == "activated" && e.user == "server"));
}

#[test]
fn a_key_with_a_crypto_period_replaces_itself_and_its_name_moves() {
    let bench = Bench::new();
    let payload = bench
        .one(&bench.alice, Operation::CREATE, |e| {
            let now = bench.engine.inner.time().earliest();
            let more = [
                Attribute::new(Tag::ACTIVATION_DATE, Value::DateTime(now)),
                Attribute::new(Tag::ROTATE_AUTOMATIC, Value::Boolean(true)),
                Attribute::new(Tag::ROTATE_INTERVAL, Value::Interval(1)),
            ];
            create(e, "periodic", &more);
        })
        .unwrap();
    let old = text(&payload, Tag::UNIQUE_IDENTIFIER);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while bench.engine.sweep().unwrap() == 0 {
        assert!(std::time::Instant::now() < deadline, "the interval never passed");
        std::thread::park_timeout(std::time::Duration::from_millis(50));
    }
    assert_eq!(bench.state(&old), State::DEACTIVATED);
    let located = bench
        .one(&bench.alice, Operation::LOCATE, |e| {
            let name = Attribute::new(Tag::NAME, name_value("periodic"));
            AttributeSet::Own.write(&[name], e, V);
        })
        .unwrap();
    let new = text(&located, Tag::UNIQUE_IDENTIFIER);
    assert_ne!(new, old);
    assert_eq!(bench.state(&new), State::ACTIVE);
    let third = bench.engine.rotate_key(&bench.alice, &new).unwrap();
    assert_eq!(bench.state(&third), State::ACTIVE);
    bench.engine.audit_verify().unwrap();
}

#[test]
fn a_delayed_destruction_can_be_called_back_and_otherwise_comes() {
    let bench = Bench::with(|config| config.destroy_delay = 1);
    let id = bench.create("doomed").unwrap();
    bench.by_id(Operation::DESTROY, &id).unwrap();
    assert_eq!(bench.state(&id), State::PRE_ACTIVE);
    bench.engine.recall_destruction(&bench.alice, &id).unwrap();
    assert!(bench.engine.recall_destruction(&bench.alice, &id).is_err());
    bench.by_id(Operation::DESTROY, &id).unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while bench.state(&id) != State::DESTROYED {
        assert!(std::time::Instant::now() < deadline, "the destruction never came");
        bench.engine.sweep().unwrap();
        std::thread::park_timeout(std::time::Duration::from_millis(50));
    }
    assert!(bench.engine.recall_destruction(&bench.alice, &id).is_err());
}

#[test]
fn a_rotation_of_the_epoch_keeps_every_key_readable_and_shredding_ends_the_old_one() {
    let bench = Bench::new();
    let kept = bench.create("kept").unwrap();
    let before = bench.by_id(Operation::GET, &kept).unwrap();
    let mut steps = Vec::new();
    let epoch = bench
        .engine
        .rotate(&Caller::server(), true, |done, total| steps.push((done, total)))
        .unwrap();
    assert_eq!(epoch, 2);
    assert_eq!(steps, [(1, 1)]);
    assert_eq!(bench.by_id(Operation::GET, &kept).unwrap(), before);
    let bench = bench.restart();
    assert_eq!(bench.by_id(Operation::GET, &kept).unwrap(), before);
    assert_eq!(bench.engine.wrapped_epochs("epoch/").unwrap().len(), 1);
    bench.engine.audit_verify().unwrap();
}

#[test]
fn two_engines_cannot_share_a_directory() {
    let bench = Bench::new();
    assert!(Engine::open(EngineConfig::new(bench.dir.path())).is_err());
}
