//! The list of requests for approval: what leaves it, what it costs, and how requests are numbered.

use proptest::collection::vec;
use proptest::prelude::*;
use strongroom_model::{
    Approvals, Change, ENDED_KEPT_MS, Ending, Gone, MOST_ENDED, NewApproval, RequestId,
    ServerState, Setting, Stamp,
};

const HOUR: i64 = 3_600_000;

fn at(ms: i64) -> Stamp {
    Stamp { hlc: (ms as u64) << 16, site: 1 }
}

fn opened(id: &str, user: &str) -> Change {
    Change::ApprovalRequested(Box::new(NewApproval {
        id: id.to_owned(),
        user: user.to_owned(),
        plan: vec![("Operation".to_owned(), "Destroy".to_owned())],
        expires: i64::MAX,
        ..NewApproval::default()
    }))
}

fn ended(id: &str, how: Ending) -> Change {
    Change::ApprovalEnded { id: id.to_owned(), how, user: "u".to_owned(), reason: String::new() }
}

/// Opens and ends so many requests, one a second from `from_ms` on.
fn end_many(state: &mut ServerState, count: usize, from_ms: i64) {
    for n in 0..count {
        let id = state.approvals.next_id(1, "0000");
        let ms = from_ms + n as i64 * 1000;
        state.apply(at(ms), &opened(id.as_str(), "u"));
        state.apply(at(ms), &ended(id.as_str(), Ending::Executed));
    }
}

fn tidied(state: &ServerState, now_ms: i64) -> ServerState {
    let mut after = state.clone();
    for change in state.approvals.drops(now_ms) {
        after.apply(at(now_ms), &change);
    }
    after
}

#[test]
fn requests_of_a_site_are_numbered_on_also_when_the_last_are_gone() {
    let mut list = Approvals::default();
    assert_eq!(list.next_id(7, "ab").as_str(), "7-1-ab");
    list.drop_of(7, &Gone::new(7, 41, []));
    assert_eq!(list.next_id(7, "ab").as_str(), "7-42-ab");
    assert_eq!(list.next_id(8, "ab").as_str(), "8-1-ab");
    let mut state = ServerState::default();
    for id in ["1-9-x", "1-10-x", "2-99-x"] {
        state.apply(at(1), &opened(id, "u"));
    }
    state.apply(at(2), &ended("1-10-x", Ending::Rejected));
    assert_eq!(state.approvals.next_id(1, "y").as_str(), "1-11-y");
}

#[test]
fn an_identifier_has_one_place_and_one_spelling() {
    assert_eq!(RequestId::read("1-2-ab"), RequestId::new(1, 2, "ab"));
    // What is spelt otherwise is another, without a place.
    for text in ["01-2-ab", "1-+2-ab", "1-0-ab", "1-2", "5b0e9d3c17", "", "x-1-y", "-1-1-a"] {
        let read = RequestId::read(text);
        assert_eq!(read.as_str(), text);
        assert!(read < RequestId::new(0, 1, ""), "{text}");
    }
}

#[test]
fn what_ended_long_ago_leaves_and_what_waits_stays() {
    let mut state = ServerState::default();
    state.apply(at(0), &opened("1-1-a", "u"));
    end_many(&mut state, 3, 1000);
    assert_eq!(tidied(&state, ENDED_KEPT_MS), state, "within the time nothing goes");
    let after = tidied(&state, ENDED_KEPT_MS + 10 * HOUR);
    assert_eq!(after.approvals.ended_len(), 0);
    assert!(after.approvals.contains_key("1-1-a"));
    assert_eq!(after.approvals.gone_of(1).unwrap().but().collect::<Vec<_>>(), ["1-1-a"]);
    // Once over, it goes as well, and needs no naming any more.
    let mut after = after;
    after.apply(at(ENDED_KEPT_MS + 11 * HOUR), &ended("1-1-a", Ending::Expired));
    let end = tidied(&after, 3 * ENDED_KEPT_MS);
    assert_eq!(end.approvals.iter().count(), 0);
    assert_eq!(end.approvals.gone_of(1).unwrap().but().count(), 0);
}

#[test]
fn of_many_that_are_over_the_oldest_leave_in_lots() {
    let mut state = ServerState::default();
    end_many(&mut state, MOST_ENDED, 0);
    let now = 10 * HOUR;
    assert!(state.approvals.drops(now).is_empty());
    end_many(&mut state, 1, 2 * HOUR);
    let after = tidied(&state, now);
    assert_eq!(after.approvals.ended_len(), 900);
    assert!(
        !after.approvals.contains_key("1-1-0000") && after.approvals.contains_key("1-102-0000")
    );
    assert!(after.approvals.drops(now).is_empty(), "once is enough");
}

#[test]
fn what_was_opened_within_the_hour_is_still_counted() {
    let mut state = ServerState::default();
    let now = 10 * HOUR;
    end_many(&mut state, MOST_ENDED + 500, now - HOUR / 2);
    let after = tidied(&state, now);
    assert_eq!(after.approvals.opened_by("u", now - HOUR), MOST_ENDED + 500);
    assert_eq!(tidied(&state, now + 2 * HOUR).approvals.ended_len(), 900);
}

#[test]
fn requests_as_earlier_builds_named_them_leave_like_others() {
    let mut state = ServerState::default();
    for id in ["5b0e9d3c17", "ffffffffff"] {
        state.apply(at(0), &opened(id, "u"));
    }
    state.apply(at(1), &ended("5b0e9d3c17", Ending::Executed));
    let mut after = tidied(&state, 2 * ENDED_KEPT_MS);
    let kept: Vec<&str> = after.approvals.iter().map(|(id, _)| id).collect();
    assert_eq!(kept, ["ffffffffff"]);
    after.apply(at(0), &opened("5b0e9d3c17", "u"));
    assert!(!after.approvals.contains_key("5b0e9d3c17"));
}

#[test]
fn a_change_of_something_else_copies_no_request() {
    let mut state = ServerState::default();
    end_many(&mut state, 2000, 0);
    state.apply(at(1), &opened("1-5000-a", "u"));
    let setting = Setting { namespace: "n".into(), key: "k".into(), value: None };
    let mut after = state.clone();
    after.apply(at(9), &Change::Setting(setting));
    assert!(after.approvals.shares_ended_with(&state.approvals));
    assert!(after.approvals.shares_open_with(&state.approvals));
    // Nor does one that opens or answers a request copy those that are over.
    after.apply(at(9), &opened("1-5001-a", "u"));
    assert!(after.approvals.shares_ended_with(&state.approvals));
    after.apply(at(9), &ended("1-5001-a", Ending::Withdrawn));
    assert!(!after.approvals.shares_ended_with(&state.approvals), "or this shows nothing");
}

/// A request: days since it was opened and since it ended, if it did; its user; whether its
/// identifier has a place.
type Past = (i64, Option<i64>, bool, bool);

fn pasts() -> impl Strategy<Value = Vec<Past>> {
    vec((0..90i64, proptest::option::of(0..90i64), any::<bool>(), any::<bool>()), 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn only_what_is_over_for_long_leaves(pasts in pasts()) {
        let day = 24 * HOUR;
        let now = 400 * day;
        let mut state = ServerState::default();
        let mut stays = Vec::new();
        for (n, (since, over, alice, placed)) in pasts.iter().enumerate() {
            let user = if *alice { "alice" } else { "bob" };
            let id = if *placed { format!("1-{}-x", n + 1) } else { format!("old{n:02}") };
            let over = over.map(|over| over.min(*since));
            state.apply(at(now - since * day), &opened(&id, user));
            if let Some(over) = over {
                state.apply(at(now - over * day), &ended(&id, Ending::Withdrawn));
            }
            if over.is_none_or(|over| over * day <= ENDED_KEPT_MS) {
                stays.push(RequestId::read(&id));
            }
        }
        let after = tidied(&state, now);
        let mut found: Vec<_> = after.approvals.iter().map(|(id, _)| RequestId::read(id)).collect();
        found.sort();
        stays.sort();
        prop_assert_eq!(found, stays);
        prop_assert!(after.approvals.drops(now).is_empty());
        // Joined with the view from before, nothing returns.
        let mut joined = state.clone();
        joined.join(&after);
        prop_assert_eq!(joined, after);
    }

    #[test]
    fn what_is_gone_is_read_as_it_was_written(upto in 0..5u64, but in vec("[12]-[1-6]-x", 0..4)) {
        let gone = Gone::new(1, upto, but.iter().map(String::as_str));
        prop_assert_eq!(Gone::decode(1, &gone.encode()), Ok(gone));
    }

    #[test]
    fn a_damaged_row_of_what_is_gone_is_refused_or_read(at in 0..400usize, byte in any::<u8>()) {
        let mut bytes = Gone::new(1, 9, ["1-3-x"]).encode();
        let len = bytes.len();
        bytes[at % len] = byte;
        let _ = Gone::decode(1, &bytes);
    }
}
