//! Finding objects: by index, in order, by date, by epoch.

use std::ops::ControlFlow;

use strongroom_kmip::{AttributeName, Node, Tag, Value};
use strongroom_model::{AttributeKey, Change, Lifecycle, ObjectId};
use strongroom_store::{Candidates, Order, Store, StoreError, scheduled_destruction};

use crate::support::{
    NOW, Place, apply, create, material, move_to, name_key, name_value, new_object, origin, run,
    set,
};

fn scan(store: &Store, candidates: &Candidates, order: Order, limit: usize) -> Vec<String> {
    let mut found = Vec::new();
    store
        .read(|tx| {
            tx.scan(candidates, order, |object| {
                found.push(object.id.to_string());
                if found.len() == limit {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            })
        })
        .unwrap_or_else(|e: StoreError| panic!("{e}"));
    found
}

fn with_value(store: &Store, name: &AttributeName, value: &Value) -> Vec<String> {
    let candidates = Candidates::WithValue(name.clone(), value.clone());
    scan(store, &candidates, Order::Oldest, usize::MAX)
}

fn due(store: &Store, at: i64, limit: u32) -> Vec<String> {
    let ids = store.read(|tx| tx.due(at, limit)).unwrap_or_else(|e: StoreError| panic!("{e}"));
    ids.into_iter().map(|id| id.0).collect()
}

fn date(tag: Tag, at: i64) -> (AttributeKey, Option<Value>) {
    (AttributeKey::single(tag), Some(Value::DateTime(at)))
}

#[test]
fn scans_go_by_age_whatever_the_ids_and_stop_when_told() {
    let place = Place::new();
    let store = place.open();
    // Ids against the order of creation, the last two within one millisecond.
    for (id, now) in [("z", NOW), ("m", NOW + 5), ("a", NOW + 9), ("b", NOW + 9)] {
        run(&store, move |tx| tx.append(&origin(), &create(id), now)).unwrap();
    }
    let all = Candidates::All;
    assert_eq!(scan(&store, &all, Order::Oldest, 9), ["z", "m", "a", "b"]);
    assert_eq!(scan(&store, &all, Order::Newest, 9), ["b", "a", "m", "z"]);
    assert_eq!(scan(&store, &all, Order::Oldest, 2), ["z", "m"]);
    let after = |id: Option<&str>| {
        let mut found = Vec::new();
        let id = id.map(ObjectId::from);
        let visit = |object: strongroom_model::ManagedObject| {
            found.push(object.id.to_string());
            ControlFlow::Continue(())
        };
        store
            .read(|tx| tx.scan_after(id.as_ref(), visit))
            .unwrap_or_else(|e: StoreError| panic!("{e}"));
        found
    };
    assert_eq!(after(None), ["z", "m", "a", "b"]);
    assert_eq!(after(Some("m")), ["a", "b"]);
    assert_eq!(after(Some("a")), ["b"]);
    assert!(after(Some("b")).is_empty() && after(Some("nobody")).is_empty());
    let ids = ["b", "nobody", "z", "a", "z"].map(ObjectId::from).to_vec();
    let ids = Candidates::Ids(ids);
    assert_eq!(scan(&store, &ids, Order::Oldest, 9), ["z", "a", "b"]);
    assert_eq!(scan(&store, &ids, Order::Newest, 9), ["b", "a", "z"]);
    assert_eq!(scan(&store, &ids, Order::Newest, 1), ["b"]);
}

#[test]
fn changing_an_object_does_not_change_its_place() {
    let place = Place::new();
    let store = place.open();
    apply(&store, vec![create("a"), create("b")]).unwrap();
    apply(&store, vec![move_to("a", Lifecycle::Active)]).unwrap();
    assert_eq!(scan(&store, &Candidates::All, Order::Oldest, 9), ["a", "b"]);
}

#[test]
fn names_are_found_whatever_their_type_and_follow_every_change() {
    let place = Place::new();
    let store = place.open();
    apply(&store, vec![create("a"), create("b")]).unwrap();
    let name = name_key().name;
    assert_eq!(with_value(&store, &name, &name_value("a")), ["a"]);
    let uri = Value::Structure(vec![
        Node::text(Tag::NAME_VALUE, "a"),
        Node::enumeration(Tag::NAME_TYPE, 2u32),
    ]);
    assert_eq!(with_value(&store, &name, &uri), ["a"]);
    assert!(with_value(&store, &name, &name_value("c")).is_empty());

    apply(&store, vec![set("b", name_key(), Some(name_value("a")))]).unwrap();
    assert_eq!(with_value(&store, &name, &name_value("a")), ["a", "b"]);
    assert!(with_value(&store, &name, &name_value("b")).is_empty());
    apply(&store, vec![set("a", name_key(), None)]).unwrap();
    assert_eq!(with_value(&store, &name, &name_value("a")), ["b"]);
}

#[test]
fn other_indexed_attributes_are_found_and_long_values_too() {
    let place = Place::new();
    let store = place.open();
    let vendor = AttributeName::Vendor { vendor: "x".to_owned(), name: "team".to_owned() };
    let long = Value::TextString("t".repeat(1000));
    let longer = Value::TextString("t".repeat(1001));
    let key = |name: &AttributeName, index| AttributeKey { name: name.clone(), index, site: 1 };
    let group = AttributeName::Standard(Tag::OBJECT_GROUP);
    let app = AttributeName::Standard(Tag::APPLICATION_SPECIFIC_INFORMATION);
    let info = Value::Structure(vec![
        Node::text(Tag::APPLICATION_NAMESPACE, "ssl"),
        Node::text(Tag::APPLICATION_DATA, "www.example.com"),
    ]);
    apply(&store, vec![create("a"), create("b")]).unwrap();
    let changes = vec![
        set("a", key(&vendor, 0), Some(long.clone())),
        set("a", key(&group, 0), Some(Value::TextString("g1".into()))),
        set("a", key(&group, 1), Some(Value::TextString("g2".into()))),
        set("b", key(&group, 0), Some(Value::TextString("g2".into()))),
        set("b", key(&app, 0), Some(info.clone())),
    ];
    apply(&store, changes).unwrap();
    for name in [&vendor, &group, &app] {
        assert!(Candidates::indexed(name));
    }
    assert_eq!(with_value(&store, &vendor, &long), ["a"]);
    assert!(with_value(&store, &vendor, &longer).is_empty());
    assert_eq!(with_value(&store, &group, &Value::TextString("g2".into())), ["a", "b"]);
    assert_eq!(with_value(&store, &app, &info), ["b"]);

    let length = AttributeName::Standard(Tag::CRYPTOGRAPHIC_LENGTH);
    assert!(!Candidates::indexed(&length));
    // Not indexed: every object is a candidate, and the caller filters.
    assert_eq!(with_value(&store, &length, &Value::Integer(1)), ["a", "b"]);
}

#[test]
fn a_name_is_held_within_its_owner_until_its_object_is_destroyed() {
    let place = Place::new();
    let store = place.open();
    let named = |id: &str, owner: &str| {
        let mut new = new_object(id, owner);
        new.attributes[0].1 = name_value("n");
        Change::Created(Box::new(new))
    };
    apply(&store, vec![named("a", "alice"), named("b", "bob")]).unwrap();
    let holders = |owner: &str| -> Vec<String> {
        let held = store.read(|tx| tx.holders_of_name(owner, &name_value("n"))).unwrap();
        held.into_iter().map(|o| o.id.0).collect()
    };
    assert_eq!((holders("alice"), holders("bob")), (vec!["a".into()], vec!["b".into()]));
    apply(&store, vec![move_to("a", Lifecycle::Destroyed)]).unwrap();
    assert!(holders("alice").is_empty() && holders("carol").is_empty());
}

#[test]
fn dates_come_due_in_their_order_and_once_for_each_object() {
    let place = Place::new();
    let store = place.open();
    let dated = |id: &str, dates: Vec<(AttributeKey, Option<Value>)>| {
        let mut new = new_object(id, "alice");
        new.attributes.extend(dates.into_iter().filter_map(|(k, v)| Some((k, v?))));
        Change::Created(Box::new(new))
    };
    apply(
        &store,
        vec![
            dated("late", vec![date(Tag::ACTIVATION_DATE, 300)]),
            dated("both", vec![date(Tag::ACTIVATION_DATE, 100), date(Tag::DEACTIVATION_DATE, 200)]),
            dated("never", vec![]),
        ],
    )
    .unwrap();
    assert!(due(&store, 99, 9).is_empty());
    assert_eq!(due(&store, 100, 9), ["both"]);
    assert_eq!(due(&store, 250, 9), ["both"]);
    assert_eq!(due(&store, 300, 9), ["both", "late"]);
    assert_eq!(due(&store, 300, 1), ["both"]);

    // An activation that was made waits no longer; a deactivation does.
    apply(&store, vec![move_to("both", Lifecycle::Active)]).unwrap();
    assert!(due(&store, 150, 9).is_empty());
    assert_eq!(due(&store, 200, 9), ["both"]);
    apply(&store, vec![move_to("both", Lifecycle::Deactivated)]).unwrap();
    assert_eq!(due(&store, 400, 9), ["late"]);
    let (key, value) = date(Tag::ACTIVATION_DATE, 500);
    apply(&store, vec![set("late", key, value)]).unwrap();
    assert!(due(&store, 400, 9).is_empty());
    assert_eq!(due(&store, 500, 9), ["late"]);
}

#[test]
fn a_date_that_moves_nothing_is_not_due_and_in_nobodys_way() {
    let place = Place::new();
    let store = place.open();
    apply(&store, vec![create("k")]).unwrap();
    let (key, value) = date(Tag::DEACTIVATION_DATE, 100);
    apply(&store, vec![set("k", key, value)]).unwrap();
    assert!(due(&store, 900, 9).is_empty(), "what is not active is not deactivated");
    let (key, value) = date(Tag::ACTIVATION_DATE, 50);
    apply(&store, vec![set("k", key, value)]).unwrap();
    assert_eq!(due(&store, 50, 9), ["k"]);
    apply(&store, vec![move_to("k", Lifecycle::Active)]).unwrap();
    assert_eq!(due(&store, 100, 9), ["k"]);
}

#[test]
fn due_dates_that_an_earlier_version_wrote_are_written_anew() {
    let place = Place::new();
    let store = place.open();
    apply(&store, vec![create("ends"), create("begins"), create("damaged")]).unwrap();
    let (key, value) = date(Tag::DEACTIVATION_DATE, 100);
    apply(&store, vec![set("ends", key, value)]).unwrap();
    for id in ["begins", "damaged"] {
        let (key, value) = date(Tag::ACTIVATION_DATE, 200);
        apply(&store, vec![set(id, key, value)]).unwrap();
    }
    store.stop();
    let earlier = place.intruder();
    earlier.execute("DELETE FROM meta WHERE key = 'due-rules'", []).unwrap();
    earlier.execute("DELETE FROM due", []).unwrap();
    earlier.execute("INSERT INTO due (at, id) VALUES (100, 'ends')", []).unwrap();
    earlier.execute("UPDATE objects SET mac = x'00' WHERE id = 'damaged'", []).unwrap();
    drop((store, earlier));
    let store = place.open();
    assert_eq!(due(&store, 900, 9), ["begins"]);
    // Once only.
    store.stop();
    drop(store);
    place.intruder().execute("DELETE FROM due", []).unwrap();
    let store = place.open();
    assert!(due(&store, 900, 9).is_empty());
}

#[test]
fn a_delayed_destruction_comes_due_unless_it_is_called_back() {
    let place = Place::new();
    let store = place.open();
    apply(&store, vec![create("k"), move_to("k", Lifecycle::Deactivated)]).unwrap();
    let key = AttributeKey { name: scheduled_destruction(), index: 0, site: 0 };
    apply(&store, vec![set("k", key.clone(), Some(Value::DateTime(700)))]).unwrap();
    assert_eq!(due(&store, 700, 9), ["k"]);
    apply(&store, vec![set("k", key.clone(), None)]).unwrap();
    assert!(due(&store, 700, 9).is_empty());
    apply(&store, vec![set("k", key, Some(Value::DateTime(800)))]).unwrap();
    apply(&store, vec![move_to("k", Lifecycle::Destroyed)]).unwrap();
    assert!(due(&store, 900, 9).is_empty());
}

#[test]
fn objects_are_counted_by_their_place_in_the_life_cycle() {
    let place = Place::new();
    let store = place.open();
    apply(&store, ["a", "b", "c", "d"].map(create).to_vec()).unwrap();
    apply(&store, vec![move_to("a", Lifecycle::Active), move_to("b", Lifecycle::Destroyed)])
        .unwrap();
    assert_eq!(store.read(|tx| tx.counts()).unwrap(), [(0, 2), (1, 1), (3, 1)]);
}

#[test]
fn what_is_sealed_under_another_epoch_is_found_until_it_is_sealed_anew() {
    let place = Place::new();
    let store = place.open();
    apply(&store, ["a", "b", "c"].map(create).to_vec()).unwrap();
    let other = |epoch| -> Vec<String> {
        let mut ids: Vec<String> = store
            .read(|tx| tx.not_in_epoch(epoch, 9))
            .unwrap()
            .into_iter()
            .map(|id: ObjectId| id.0)
            .collect();
        ids.sort();
        ids
    };
    assert!(other(1).is_empty());
    assert_eq!(other(2), ["a", "b", "c"]);
    let material = material(2, &[8; 60]);
    apply(&store, vec![Change::Rewrapped { id: "a".into(), material }]).unwrap();
    // What is destroyed has nothing to seal.
    apply(&store, vec![move_to("b", Lifecycle::Destroyed)]).unwrap();
    assert_eq!(other(2), ["c"]);
    assert_eq!(store.read(|tx| tx.not_in_epoch(2, 0)).unwrap(), []);
}

#[test]
fn the_journal_is_read_in_pieces() {
    let place = Place::new();
    let store = place.open();
    apply(&store, ["a", "b", "c", "d", "e"].map(create).to_vec()).unwrap();
    let piece = |from, limit| -> Vec<u64> {
        let records = store.read(|tx| tx.journal(1, from, limit)).unwrap();
        records.iter().map(|r| r.seq).collect()
    };
    assert_eq!(piece(1, 2), [1, 2]);
    assert_eq!(piece(3, 9), [3, 4, 5]);
    assert!(piece(6, 9).is_empty());
    assert!(store.read(|tx| tx.journal(2, 1, 9)).unwrap().is_empty());
}
