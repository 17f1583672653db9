//! Objects as administration sees them.

use strongroom_kmip::{LinkType, Operation, State, Tag};

use super::{Bench, caller};
use crate::{AuditFilter, EngineError, KeyFilter};

#[test]
fn keys_are_listed_in_pages_and_found_by_name_and_state() {
    let bench = Bench::new();
    let ids: Vec<String> = (0..5).map(|n| bench.create(&format!("key {n}")).unwrap()).collect();
    bench.by_id(Operation::ACTIVATE, &ids[3]).unwrap();
    let all = KeyFilter::default();
    let list = |filter: &KeyFilter, after: Option<&str>, limit| -> Vec<String> {
        let keys = bench.engine.keys(filter, after, limit).unwrap();
        keys.into_iter().map(|key| key.id).collect()
    };
    assert_eq!(list(&all, None, 2), ids[..2]);
    assert_eq!(list(&all, Some(&ids[1]), 2), ids[2..4]);
    assert_eq!(list(&all, Some(&ids[3]), 2), ids[4..]);
    assert!(list(&all, Some(&ids[4]), 2).is_empty());
    let named = KeyFilter { name: Some("key 2".into()), ..KeyFilter::default() };
    assert_eq!(list(&named, None, 9), ids[2..3]);
    assert!(list(&named, Some(&ids[2]), 9).is_empty());
    let active = KeyFilter { state: Some(State::ACTIVE), ..KeyFilter::default() };
    assert_eq!(list(&active, None, 9), ids[3..4]);
    let unknown = bench.engine.keys(&all, Some("nobody"), 9);
    assert!(matches!(unknown, Err(EngineError::NoObject(id)) if id == "nobody"));
    let first = &bench.engine.keys(&all, None, 1).unwrap()[0];
    assert_eq!(
        (first.name.as_str(), first.object_type, first.algorithm, first.length, first.state),
        ("key 0", "Symmetric Key", "AES", Some(256), "Pre-Active")
    );
    assert_eq!(first.owner, "alice");
}

#[test]
fn a_key_is_shown_with_attributes_links_and_last_use_but_without_material() {
    let bench = Bench::new();
    let id = bench.create("shown").unwrap();
    bench.by_id(Operation::ACTIVATE, &id).unwrap();
    bench.by_id(Operation::GET, &id).unwrap();
    let officer = caller("olga");
    let new = bench.engine.rotate_key(&officer, &id).unwrap();
    let old = bench.engine.key(&id).unwrap();
    assert_eq!(old.links, [(LinkType::REPLACEMENT_OBJECT_LINK.name(), new.clone())]);
    let last = old.last_use.unwrap();
    assert_eq!((last.user.as_str(), last.action.as_str()), ("alice", "Get"));
    assert!(old.attributes.iter().any(|a| a.name == Tag::STATE.into()));
    assert!(old.attributes.iter().all(|a| a.name.tag() != Some(Tag::KEY_MATERIAL)));
    // The replacement is the owner's; whoever asked for it stands in the journal.
    let replacement = bench.engine.key(&new).unwrap();
    assert_eq!(
        (replacement.summary.owner.as_str(), replacement.summary.state),
        ("alice", "Active")
    );
    let filter = AuditFilter { object: Some(new.clone()), ..AuditFilter::default() };
    let entries = bench.engine.audit_tail(9, &filter).unwrap();
    assert!(entries.iter().any(|e| e.kind == "created" && e.user == "olga"), "{entries:?}");
    assert!(matches!(bench.engine.key("nobody"), Err(EngineError::NoObject(_))));
    assert!(matches!(bench.engine.rotate_key(&officer, &id), Err(EngineError::WrongState(_))));
    assert!(matches!(
        bench.engine.recall_destruction(&officer, &id),
        Err(EngineError::WrongState(_))
    ));
    assert!(matches!(
        bench.engine.recall_destruction(&officer, "x"),
        Err(EngineError::NoObject(_))
    ));
}
