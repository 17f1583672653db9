//! Approval rules and requests: changes of them, and the plain reading of their merge rules.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use strongroom_model::{
    ApprovalRequest, ApprovalRule, Approvers, Change, EndedBy, Ending, Given, NewApproval, Role,
    RuleVersions, Seen, ServerState, Stamp,
};

use crate::arb::{self, Item};
use crate::laws::{Verdict, same, views};
use crate::rules::Rules;

fn rule() -> impl Strategy<Value = ApprovalRule> {
    let from = prop_oneof![
        Just(Approvers::Role(Role::CryptoOfficer)),
        Just(Approvers::Group("security".to_owned())),
    ];
    let key_group = proptest::option::of(Just("payroll".to_owned()));
    let name = prop_oneof![Just("a".to_owned()), Just("b".to_owned())];
    (name, vec("[a-z]{1,3}", 0..3), key_group, 1..3u32, from).prop_map(
        |(name, actions, key_group, approvers, from)| ApprovalRule {
            name,
            actions,
            key_group,
            approvers,
            from,
            open_for: 60,
        },
    )
}

/// Requests of two sites, two of one number, and one as earlier builds named them.
const IDS: [&str; 5] = ["r", "1-1-aa", "1-2-bb", "1-2-cc", "2-1-dd"];

fn id() -> impl Strategy<Value = String> + Clone {
    // Much about one, so that there is something to collide with.
    prop_oneof![Just(IDS[1]), proptest::sample::select(&IDS[..])].prop_map(str::to_owned)
}

fn new() -> impl Strategy<Value = NewApproval> {
    let plan = vec(("[a-z]{1,3}", "[a-z]{0,3}"), 0..2);
    (id(), user(), proptest::option::of(Just("o".to_owned())), plan, 0..9i64).prop_map(
        |(id, user, object, plan, expires)| NewApproval {
            id,
            user,
            fingerprint: "aa".to_owned(),
            actions: vec!["Destroy".to_owned()],
            object,
            key_groups: vec!["payroll".to_owned()],
            digest: vec![1; 32],
            plan,
            expires,
        },
    )
}

fn user() -> impl Strategy<Value = String> + Clone {
    prop_oneof![Just("alice".to_owned()), Just("bob".to_owned())]
}

fn ending() -> impl Strategy<Value = Ending> {
    proptest::sample::select(&Ending::ALL[..])
}

/// Any change that approvals make.
pub fn change() -> impl Strategy<Value = Change> {
    let name = prop_oneof![Just("a".to_owned()), Just("b".to_owned())];
    prop_oneof![
        3 => (rule(), arb::seen()).prop_map(|(rule, seen)| Change::ApprovalRequired { rule, seen }),
        2 => (name, arb::seen()).prop_map(|(name, seen)| Change::ApprovalWaived { name, seen }),
        8 => request_change(),
    ]
}

/// Any change of requests and of which are gone.
pub fn request_change() -> impl Strategy<Value = Change> {
    let fingerprint = prop_oneof![Just("aa"), Just("bb")];
    let given = (id(), user(), fingerprint, vec(0..2u8, 0..2), vec(0..2u8, 1..2)).prop_map(
        |(id, user, fingerprint, issuer, digest)| Change::ApprovalGiven {
            id,
            user,
            fingerprint: fingerprint.to_owned(),
            groups: vec!["security".to_owned()],
            serial: if issuer.is_empty() { String::new() } else { "01".to_owned() },
            issuer,
            digest,
        },
    );
    let ended = (id(), ending(), user(), prop_oneof![Just(""), Just("no")]).prop_map(
        |(id, how, user, reason)| Change::ApprovalEnded {
            id,
            how,
            user,
            reason: reason.to_owned(),
        },
    );
    let dropped = (0..3u32, 0..3u64, vec(id(), 0..3))
        .prop_map(|(site, upto, but)| Change::ApprovalsDropped { site, upto, but });
    prop_oneof![
        2 => new().prop_map(|new| Change::ApprovalRequested(Box::new(new))),
        2 => given,
        2 => ended,
        2 => dropped,
    ]
}

/// A definition holds until somebody who had seen it replaces or waives it.
pub fn rules_hold(rules: &dyn Rules, items: &[Item]) -> Verdict {
    for (heard, server) in views::<ServerState>(rules, items) {
        for name in ["a", "b"] {
            let mut made: BTreeMap<Stamp, &ApprovalRule> = BTreeMap::new();
            let mut seen: Vec<&Seen> = Vec::new();
            for item in &heard {
                match &item.change {
                    Change::ApprovalRequired { rule, seen: s } if rule.name == name => {
                        let mine = made.entry(item.stamp).or_insert(rule);
                        *mine = (*mine).max(rule);
                        seen.push(s);
                    }
                    Change::ApprovalWaived { name: n, seen: s } if n == name => seen.push(s),
                    _ => {}
                }
            }
            let dead = |stamp: &Stamp| {
                seen.iter().any(|s| s.0.get(&stamp.site).is_some_and(|hlc| *hlc >= stamp.hlc))
            };
            let holding: Vec<_> =
                made.into_iter().filter(|(stamp, _)| !dead(stamp)).map(|(_, rule)| rule).collect();
            let found: Vec<_> = server
                .approval_rules
                .get(name)
                .into_iter()
                .flat_map(RuleVersions::holding)
                .collect();
            same("definitions nobody who saw them ended, definitions", holding, found)?;
        }
    }
    Ok(())
}

/// The request that a change is about.
fn about(change: &Change) -> Option<&str> {
    match change {
        Change::ApprovalRequested(new) => Some(&new.id),
        Change::ApprovalGiven { id, .. } | Change::ApprovalEnded { id, .. } => Some(id),
        _ => None,
    }
}

/// Whether any of these says that the request left the list.
fn is_gone(heard: &[Item], id: &str) -> bool {
    let place = match id.split('-').collect::<Vec<_>>()[..] {
        [site, number, _] => (site.parse().unwrap_or(0), number.parse().unwrap_or(0)),
        _ => (0, 0),
    };
    heard.iter().any(|item| match &item.change {
        Change::ApprovalsDropped { site, upto, but } => {
            *site == place.0 && place.1 <= *upto && !but.iter().any(|kept| kept == id)
        }
        _ => false,
    })
}

/// A request is what was asked first; of each user the first approval stands; and nothing takes an
/// ending back.
pub fn requests_stand(rules: &dyn Rules, items: &[Item]) -> Verdict {
    for (heard, server) in views::<ServerState>(rules, items) {
        for id in IDS.into_iter().filter(|id| !is_gone(&heard, id)) {
            let of_it: Vec<&Item> =
                heard.iter().filter(|item| about(&item.change) == Some(id)).collect();
            let mut expected = ApprovalRequest::default();
            for item in &of_it {
                say(&mut expected, item);
            }
            let found = server.approvals.get(id).cloned();
            same("what was heard first, request", (!of_it.is_empty()).then_some(expected), found)?;
        }
    }
    Ok(())
}

fn say(expected: &mut ApprovalRequest, item: &Item) {
    let stamp = item.stamp;
    match &item.change {
        Change::ApprovalRequested(new) => {
            let theirs = (stamp, (**new).clone());
            let mine = expected.opened.take();
            expected.opened = Some(mine.map_or(theirs.clone(), |mine| mine.min(theirs)));
        }
        Change::ApprovalGiven { user, fingerprint, groups, issuer, serial, digest, .. } => {
            let theirs = Given {
                stamp,
                fingerprint: fingerprint.clone(),
                groups: groups.clone(),
                issuer: issuer.clone(),
                serial: serial.clone(),
                digest: digest.clone(),
            };
            let entry = expected.given.entry(user.clone()).or_insert(theirs.clone());
            *entry = entry.clone().min(theirs);
        }
        Change::ApprovalEnded { how, user, reason, .. } => {
            let theirs = EndedBy { stamp, user: user.clone(), reason: reason.clone() };
            let entry = expected.ends.entry(*how).or_insert(theirs.clone());
            *entry = entry.clone().min(theirs);
        }
        _ => {}
    }
}

/// What was carried out anywhere is never carried out again, whatever else arrives.
pub fn executed_stays(rules: &dyn Rules, items: &[Item]) -> Verdict {
    for (heard, server) in views::<ServerState>(rules, items) {
        for id in IDS {
            let done = heard.iter().any(|i| {
                about(&i.change) == Some(id)
                    && matches!(i.change, Change::ApprovalEnded { how: Ending::Executed, .. })
            });
            let Some(request) = server.approvals.get(id) else { continue };
            let ending = request.ended().map(|(ending, _)| ending);
            same("ever executed, executed", done, ending == Some(Ending::Executed))?;
            for site in 1..4 {
                let may = request.is_executable_at(site, 0);
                let here = request.opened.as_ref().is_some_and(|(stamp, _)| stamp.site == site);
                if may && (done || !here) {
                    return Err(format!("site {site} would carry out {request:?}"));
                }
            }
        }
    }
    Ok(())
}

/// A request that left the list is in no view of who heard of that, whatever else arrives; and every
/// other is in it.
pub fn gone_stays(rules: &dyn Rules, items: &[Item]) -> Verdict {
    for (heard, server) in views::<ServerState>(rules, items) {
        for id in IDS {
            let asked = heard.iter().any(|item| about(&item.change) == Some(id));
            let there = server.approvals.contains_key(id);
            same(&format!("{id} known and not gone, there"), asked && !is_gone(&heard, id), there)?;
            let listed = server.approvals.iter().filter(|(known, _)| *known == id).count();
            same(&format!("{id} there, listed"), usize::from(there), listed)?;
        }
        // What finds requests finds those that are there.
        let all: Vec<&ApprovalRequest> = server.approvals.iter().map(|(_, r)| r).collect();
        for name in ["alice", "bob"] {
            let his =
                |r: &&&ApprovalRequest| r.opened.as_ref().is_some_and(|(_, new)| new.user == name);
            let (count, open) = (
                all.iter().filter(his).count(),
                all.iter().filter(his).filter(|r| r.ends.is_empty()).count(),
            );
            same("a user's, found", count, server.approvals.opened_by(name, -1))?;
            same("a user's open, found", open, server.approvals.open_of(name).count())?;
        }
        let waiting = all.iter().filter(|r| r.is_open(4)).count();
        same("waiting, counted", waiting, server.approvals.waiting(4))?;
    }
    Ok(())
}

fn stored_rules() -> impl Strategy<Value = RuleVersions> {
    arb::sample(change()).prop_map(|items| {
        let mut server = ServerState::default();
        items.iter().for_each(|i| server.apply(i.stamp, &i.change));
        server.approval_rules.remove("a").unwrap_or_default()
    })
}

fn stored_request() -> impl Strategy<Value = ApprovalRequest> {
    arb::sample(change()).prop_map(|items| {
        let mut server = ServerState::default();
        items.iter().for_each(|i| server.apply(i.stamp, &i.change));
        let known = server.approvals.iter().next();
        known.map(|(_, request)| request.clone()).unwrap_or_default()
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 4_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn approval_rules_are_read_as_they_were_written(rules in stored_rules()) {
        prop_assert_eq!(RuleVersions::decode(&rules.encode()), Ok(rules));
    }

    #[test]
    fn requests_for_approval_are_read_as_they_were_written(request in stored_request()) {
        prop_assert_eq!(ApprovalRequest::decode(&request.encode()), Ok(request));
    }

    #[test]
    fn damaged_rows_of_approvals_are_refused_or_read_but_never_panic(
        rules in stored_rules(), request in stored_request(), at in 0..4096usize, byte in any::<u8>(),
    ) {
        for mut bytes in [rules.encode(), request.encode()] {
            let len = bytes.len();
            bytes[at % len] = byte;
            let _ = RuleVersions::decode(&bytes);
            let _ = ApprovalRequest::decode(&bytes);
        }
    }
}

#[test]
fn a_rule_that_was_waived_can_be_required_again() {
    let rule = ApprovalRule {
        name: "a".to_owned(),
        actions: vec!["Destroy".to_owned()],
        key_group: None,
        approvers: 1,
        from: Approvers::Role(Role::CryptoOfficer),
        open_for: 60,
    };
    let mut state = ServerState::default();
    let holds =
        |s: &ServerState| s.approval_rules.get("a").is_some_and(|r| r.holding().count() == 1);
    let seen =
        |s: &ServerState| s.approval_rules.get("a").map(RuleVersions::seen).unwrap_or_default();
    let at = |hlc| Stamp { hlc, site: 1 };
    let require = |s: &mut ServerState, hlc| {
        let seen = seen(s);
        s.apply(at(hlc), &Change::ApprovalRequired { rule: rule.clone(), seen });
    };
    require(&mut state, 1);
    assert!(holds(&state));
    let waive = Change::ApprovalWaived { name: "a".to_owned(), seen: seen(&state) };
    state.apply(at(2), &waive);
    assert!(!holds(&state));
    require(&mut state, 3);
    assert!(holds(&state));
    // The waiver, heard once more, does not reach what came after it.
    state.apply(at(2), &waive);
    assert!(holds(&state));
}
