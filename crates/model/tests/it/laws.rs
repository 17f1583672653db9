//! The laws, and the suite that checks rules against them.
//!
//! Laws about order (commutative, associative, any permutation) say that sites which heard the
//! same agree. Laws about content compare with the plain reading of the rule over the set of
//! changes: what the latest write is, whether anything destroyed the object, and so on. Both kinds
//! are needed: a rule may be wrong in the same way at every site.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestRunner};
use strongroom_kmip::{Tag, Value};
use strongroom_model::{
    AttributeKey, Change, Contest, Creation, Lifecycle, ManagedObject, SealedMaterial, ServerState,
    Stamp,
};

use crate::approvals;
use crate::arb::{self, Item};
use crate::history::{self, Step};
use crate::names;
use crate::rules::{Real, Rules, State};

/// Whether a law held; if not, what was seen.
pub type Verdict = Result<(), String>;

/// One law: its name and how it is checked.
pub struct Law {
    pub name: &'static str,
    pub check: Check,
}

/// A check, by what it is made on.
#[derive(Clone, Copy)]
pub enum Check {
    Objects(fn(&dyn Rules, &[Item]) -> Verdict),
    Servers(fn(&dyn Rules, &[Item]) -> Verdict),
    Requests(fn(&dyn Rules, &[Item]) -> Verdict),
    Contests(fn(&dyn Rules, &[ContestItem]) -> Verdict),
    Histories(fn(&dyn Rules, &[Step]) -> Verdict),
    Names(fn(&dyn Rules, &[names::Holder]) -> Verdict),
}

/// Checks one law on `cases` cases, the same ones in every run.
///
/// # Errors
/// The smallest case found that breaks it.
pub fn check(law: &Law, rules: &dyn Rules, cases: u32, shrink: bool) -> Verdict {
    let mut runner = TestRunner::new(Config {
        cases,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(0x5352_4B4D),
        max_shrink_iters: if shrink { 4096 } else { 0 },
        ..Config::default()
    });
    let fail = TestCaseError::fail;
    match law.check {
        Check::Objects(f) => runner
            .run(&arb::sample(arb::object_change()), |s| f(rules, &s).map_err(fail))
            .map_err(|e| e.to_string()),
        Check::Servers(f) => runner
            .run(&arb::sample(arb::server_change()), |s| f(rules, &s).map_err(fail))
            .map_err(|e| e.to_string()),
        Check::Requests(f) => runner
            .run(&arb::sample(approvals::request_change()), |s| f(rules, &s).map_err(fail))
            .map_err(|e| e.to_string()),
        Check::Contests(f) => {
            runner.run(&contest_sample(), |s| f(rules, &s).map_err(fail)).map_err(|e| e.to_string())
        }
        Check::Histories(f) => {
            runner.run(&history::steps(), |s| f(rules, &s).map_err(fail)).map_err(|e| e.to_string())
        }
        Check::Names(f) => {
            runner.run(&names::holders(), |s| f(rules, &s).map_err(fail)).map_err(|e| e.to_string())
        }
    }
}

/// Checks every law on `cases` cases each.
///
/// # Errors
/// The first law broken, and how.
pub fn suite(rules: &dyn Rules, cases: u32) -> Verdict {
    for law in LAWS {
        check(law, rules, cases, false).map_err(|why| format!("{}: {why}", law.name))?;
    }
    Ok(())
}

macro_rules! laws {
    ($( $test:ident : $name:literal = $check:expr; )*) => {
        /// Every law.
        pub const LAWS: &[Law] = &[$( Law { name: $name, check: $check } ),*];

        mod tests {
            use super::*;
            $(
                #[test]
                fn $test() {
                    let law = Law { name: $name, check: $check };
                    if let Err(why) = check(&law, &Real, 10_000, true) {
                        panic!("broken: {}\n{why}", law.name);
                    }
                }
            )*
        }
    };
}

laws! {
    joining_objects_commutes: "joining objects commutes" =
        Check::Objects(commutative::<ManagedObject>);
    joining_objects_associates: "joining objects associates" =
        Check::Objects(associative::<ManagedObject>);
    joining_an_object_with_itself_changes_nothing: "joining an object with itself changes nothing" =
        Check::Objects(idempotent::<ManagedObject>);
    objects_fold_alike_in_any_order: "objects fold alike in any order, with duplicates" =
        Check::Objects(any_order::<ManagedObject>);
    sites_that_join_objects_hold_what_one_would: "sites that join objects hold what one would" =
        Check::Objects(split::<ManagedObject>);
    applying_to_an_object_is_a_join: "applying a change to an object is a join" =
        Check::Objects(apply_is_join::<ManagedObject>);
    joining_server_states_commutes: "joining server states commutes" =
        Check::Servers(commutative::<ServerState>);
    joining_server_states_associates: "joining server states associates" =
        Check::Servers(associative::<ServerState>);
    joining_a_server_state_with_itself_changes_nothing:
        "joining a server state with itself changes nothing" =
        Check::Servers(idempotent::<ServerState>);
    server_states_fold_alike_in_any_order: "server states fold alike in any order, with duplicates" =
        Check::Servers(any_order::<ServerState>);
    sites_that_join_server_states_hold_what_one_would:
        "sites that join server states hold what one would" = Check::Servers(split::<ServerState>);
    applying_to_a_server_state_is_a_join: "applying a change to a server state is a join" =
        Check::Servers(apply_is_join::<ServerState>);
    joining_contests_is_a_semilattice: "joining contests commutes, associates, and repeats freely" =
        Check::Contests(contests);
    destroyed_never_returns: "destroyed never returns" = Check::Objects(destroyed);
    the_life_cycle_never_goes_back: "the life cycle never goes back" = Check::Objects(lifecycle);
    compromised_never_returns: "compromised never returns" = Check::Objects(compromised);
    nothing_destroyed_keeps_material: "nothing destroyed keeps material" =
        Check::Objects(no_material);
    the_newest_seal_stands: "the newest seal stands" = Check::Objects(newest_seal);
    the_latest_write_of_an_attribute_stands: "the latest write of an attribute stands" =
        Check::Objects(latest_write);
    the_later_of_archive_and_recover_decides_until_destruction:
        "the later of archive and recover decides, until destruction" = Check::Objects(archived);
    counters_never_go_back: "counters never go back" = Check::Objects(counters);
    the_earliest_creation_stands: "the earliest creation stands" = Check::Objects(creation);
    the_journal_folds_to_all_but_the_sealed_bytes: "the journal folds to all but the sealed bytes" =
        Check::Objects(journalled);
    a_revoked_certificate_stays_revoked: "a revoked certificate stays revoked" =
        Check::Servers(revoked);
    the_newest_description_of_a_certificate_stands: "the newest description of a certificate stands" =
        Check::Servers(description);
    the_latest_write_of_a_setting_stands: "the latest write of a setting stands" =
        Check::Servers(settings);
    an_approval_rule_holds_until_somebody_who_saw_it_ends_it:
        "an approval rule holds until somebody who saw it ends it" =
        Check::Servers(approvals::rules_hold);
    of_each_approver_the_first_word_stands: "of each approver the first word stands" =
        Check::Requests(approvals::requests_stand);
    a_request_is_carried_out_once_where_it_was_opened:
        "a request is carried out once, where it was opened" =
        Check::Requests(approvals::executed_stays);
    a_request_that_left_the_list_never_returns: "a request that left the list never returns" =
        Check::Requests(approvals::gone_stays);
    removing_a_grant_wins_over_granting_at_the_same_time:
        "removing a grant wins over granting at the same time" = Check::Histories(history::grants);
    removing_a_role_wins_over_granting_at_the_same_time:
        "removing a role wins over granting at the same time" = Check::Histories(history::roles);
    nothing_a_site_knows_is_ever_undone: "nothing that a site knows is ever undone" =
        Check::Histories(history::monotone);
    sites_that_heard_all_agree: "sites that heard all agree" = Check::Histories(history::converge);
    names_resolve_alike_in_any_order: "names resolve alike in any order" =
        Check::Names(names::any_order);
    the_earliest_holder_keeps_a_name: "the earliest holder keeps a name" =
        Check::Names(names::earliest);
    aliases_end_every_conflict: "aliases end every conflict" = Check::Names(names::settled);
}

/// Equal, or what is not.
pub fn same<T: PartialEq + std::fmt::Debug>(what: &str, left: T, right: T) -> Verdict {
    if left == right { Ok(()) } else { Err(format!("{what}\n  left: {left:?}\n right: {right:?}")) }
}

fn fold<'a, S: State>(rules: &dyn Rules, items: impl IntoIterator<Item = &'a Item>) -> S {
    let mut state = S::bottom();
    for item in items {
        state.apply_by(rules, item.stamp, &item.change);
    }
    state
}

fn parts<S: State>(rules: &dyn Rules, items: &[Item]) -> [S; 3] {
    [0, 1, 2].map(|part| fold(rules, items.iter().filter(|i| i.part == part)))
}

fn joined<S: State>(rules: &dyn Rules, left: &S, right: &S) -> S {
    let mut joined = left.clone();
    joined.join_by(rules, right);
    joined
}

fn commutative<S: State>(rules: &dyn Rules, items: &[Item]) -> Verdict {
    let [a, b, _] = parts::<S>(rules, items);
    same("a ∨ b, b ∨ a", joined(rules, &a, &b), joined(rules, &b, &a))
}

fn associative<S: State>(rules: &dyn Rules, items: &[Item]) -> Verdict {
    let [a, b, c] = parts::<S>(rules, items);
    let left = joined(rules, &joined(rules, &a, &b), &c);
    same("(a ∨ b) ∨ c, a ∨ (b ∨ c)", left, joined(rules, &a, &joined(rules, &b, &c)))
}

fn idempotent<S: State>(rules: &dyn Rules, items: &[Item]) -> Verdict {
    let [a, b, _] = parts::<S>(rules, items);
    same("a ∨ a, a", joined(rules, &a, &a), a.clone())?;
    let both = joined(rules, &a, &b);
    same("(a ∨ b) ∨ b, a ∨ b", joined(rules, &both, &b), both)
}

fn any_order<S: State>(rules: &dyn Rules, items: &[Item]) -> Verdict {
    let mut other: Vec<&Item> =
        items.iter().flat_map(|i| std::iter::repeat_n(i, 1 + usize::from(i.twice))).collect();
    other.sort_by_key(|i| i.order);
    same("in order, in another", fold::<S>(rules, items), fold::<S>(rules, other))
}

fn split<S: State>(rules: &dyn Rules, items: &[Item]) -> Verdict {
    let [a, b, c] = parts::<S>(rules, items);
    let sites = joined(rules, &joined(rules, &c, &a), &b);
    same("one site, three joined", fold::<S>(rules, items), sites)
}

fn apply_is_join<S: State>(rules: &dyn Rules, items: &[Item]) -> Verdict {
    let Some((item, rest)) = items.split_last() else { return Ok(()) };
    let [a, b, _] = parts::<S>(rules, rest);
    let mut after = joined(rules, &a, &b);
    after.apply_by(rules, item.stamp, &item.change);
    let mut a = a;
    a.apply_by(rules, item.stamp, &item.change);
    same("(a ∨ b) + e, (a + e) ∨ b", after.clone(), joined(rules, &a, &b))?;
    let once = after.clone();
    after.apply_by(rules, item.stamp, &item.change);
    same("e twice, e once", after, once)
}

/// Every view that sites could come to hold: each step of one, the parts, and their joins.
pub fn views<S: State>(rules: &dyn Rules, items: &[Item]) -> Vec<(Vec<Item>, S)> {
    let mut views = Vec::new();
    let mut state = S::bottom();
    for (at, item) in items.iter().enumerate() {
        state.apply_by(rules, item.stamp, &item.change);
        views.push((items[..=at].to_vec(), state.clone()));
    }
    let [a, b, c] = parts::<S>(rules, items);
    let of = |wanted: &[usize]| -> Vec<Item> {
        items.iter().filter(|i| wanted.contains(&i.part)).cloned().collect()
    };
    let ab = joined(rules, &a, &b);
    views.push((items.to_vec(), joined(rules, &ab, &c)));
    views.push((of(&[0, 1]), ab));
    views.push((of(&[0]), a));
    views.push((of(&[1]), b));
    views
}

/// What each change says of the life cycle.
fn places(items: &[Item]) -> impl Iterator<Item = Lifecycle> {
    items.iter().filter_map(|i| match &i.change {
        Change::Created(new) => Some(new.lifecycle),
        Change::Changed { lifecycle, .. } => *lifecycle,
        _ => None,
    })
}

fn destroyed(rules: &dyn Rules, items: &[Item]) -> Verdict {
    for (heard, object) in views::<ManagedObject>(rules, items) {
        let ever = places(&heard).any(|p| p == Lifecycle::Destroyed);
        same("ever destroyed, destroyed", ever, object.lifecycle == Lifecycle::Destroyed)?;
    }
    Ok(())
}

fn lifecycle(rules: &dyn Rules, items: &[Item]) -> Verdict {
    for (heard, object) in views::<ManagedObject>(rules, items) {
        let furthest = places(&heard).max().unwrap_or(Lifecycle::PreActive);
        same("furthest place, place", furthest, object.lifecycle)?;
    }
    Ok(())
}

fn compromised(rules: &dyn Rules, items: &[Item]) -> Verdict {
    for (heard, object) in views::<ManagedObject>(rules, items) {
        let ever =
            heard.iter().any(|i| matches!(i.change, Change::Changed { compromised: true, .. }));
        same("ever compromised, compromised", ever, object.compromised)?;
    }
    Ok(())
}

fn no_material(rules: &dyn Rules, items: &[Item]) -> Verdict {
    for (_, object) in views::<ManagedObject>(rules, items) {
        if object.lifecycle == Lifecycle::Destroyed {
            same("material of a destroyed object", &object.material, &None)?;
        }
    }
    Ok(())
}

fn newest_seal(rules: &dyn Rules, items: &[Item]) -> Verdict {
    for (heard, object) in views::<ManagedObject>(rules, items) {
        if object.lifecycle != Lifecycle::Destroyed {
            let newest: Option<&SealedMaterial> = heard
                .iter()
                .filter_map(|i| match &i.change {
                    Change::Created(new) => new.material.as_ref(),
                    Change::Rewrapped { material, .. } => Some(material),
                    _ => None,
                })
                .max();
            same("newest seal, seal", newest, object.material.as_ref())?;
        }
    }
    Ok(())
}

fn latest_write(rules: &dyn Rules, items: &[Item]) -> Verdict {
    for (heard, object) in views::<ManagedObject>(rules, items) {
        let mut latest = BTreeMap::new();
        let mut write = |key, stamp: Stamp, value| {
            let entry = latest.entry(key).or_insert((stamp, value));
            *entry = (*entry).max((stamp, value));
        };
        for item in &heard {
            match &item.change {
                Change::Created(new) => {
                    for (key, value) in &new.attributes {
                        write(key, item.stamp, Some(value));
                    }
                }
                Change::Changed { sets, .. } => {
                    for (key, value) in sets {
                        write(key, item.stamp, value.as_ref());
                    }
                }
                _ => {}
            }
        }
        let expected: BTreeMap<_, _> =
            latest.into_iter().filter_map(|(key, (_, value))| Some((key, value?))).collect();
        let found: BTreeMap<_, _> = object
            .registers
            .iter()
            .filter_map(|(key, register)| Some((key, register.value.as_ref()?)))
            .collect();
        same("latest writes, attributes", expected, found)?;
    }
    Ok(())
}

fn archived(rules: &dyn Rules, items: &[Item]) -> Verdict {
    let archive_date = AttributeKey::single(Tag::ARCHIVE_DATE);
    for (heard, object) in views::<ManagedObject>(rules, items) {
        let mut last: Option<(Stamp, Option<&Value>)> = None;
        for item in &heard {
            let written: Vec<Option<&Value>> = match &item.change {
                Change::Created(new) => new
                    .attributes
                    .iter()
                    .filter(|(key, _)| *key == archive_date)
                    .map(|(_, value)| Some(value))
                    .collect(),
                Change::Changed { sets, .. } => sets
                    .iter()
                    .filter(|(key, _)| *key == archive_date)
                    .map(|(_, value)| value.as_ref())
                    .collect(),
                _ => Vec::new(),
            };
            last = written.into_iter().map(|value| (item.stamp, value)).chain(last).max();
        }
        let destroyed = places(&heard).any(|p| p == Lifecycle::Destroyed);
        let dated = last.and_then(|(_, value)| value?.as_date_time()).is_some();
        same("archived last and never destroyed, archived", dated && !destroyed, {
            rules.archived(&object)
        })?;
    }
    Ok(())
}

fn counters(rules: &dyn Rules, items: &[Item]) -> Verdict {
    for (heard, object) in views::<ManagedObject>(rules, items) {
        let mut greatest = BTreeMap::new();
        for item in &heard {
            if let Change::Reserved { counter, upto, .. } = &item.change {
                let entry = greatest.entry((*counter as u8, item.stamp.site)).or_insert(*upto);
                *entry = (*entry).max(*upto);
            }
        }
        same("greatest reservations, counters", &greatest, &object.counters)?;
    }
    Ok(())
}

fn creation(rules: &dyn Rules, items: &[Item]) -> Verdict {
    for (heard, object) in views::<ManagedObject>(rules, items) {
        let earliest = heard
            .iter()
            .filter_map(|i| match &i.change {
                Change::Created(new) => Some(Creation {
                    stamp: i.stamp,
                    object_type: new.object_type,
                    owner: new.owner.clone(),
                    fields: new.fields.clone(),
                    block: new.block.clone(),
                }),
                _ => None,
            })
            .min();
        same("earliest creation, creation", &earliest, &object.creation)?;
    }
    Ok(())
}

fn journalled(rules: &dyn Rules, items: &[Item]) -> Verdict {
    let kept: Vec<Item> =
        items.iter().map(|i| Item { change: i.change.as_journalled(), ..i.clone() }).collect();
    let from_journal: ManagedObject = fold(rules, &kept);
    let mut object: ManagedObject = fold(rules, items);
    object.material = object.material.map(|m| m.as_journalled());
    same("of the journal, of the changes", from_journal, object)
}

fn revoked(rules: &dyn Rules, items: &[Item]) -> Verdict {
    for (heard, server) in views::<ServerState>(rules, items) {
        for fingerprint in ["aa", "bb"] {
            let first = heard
                .iter()
                .filter_map(|i| match &i.change {
                    Change::CertificateRevoked { fingerprint: f, reason } if f == fingerprint => {
                        Some((i.stamp, reason.clone()))
                    }
                    _ => None,
                })
                .min();
            same("ever revoked, revoked", first.is_some(), server.is_revoked(fingerprint))?;
            let found = server.certificates.get(fingerprint).and_then(|c| c.revoked.clone());
            same("first revocation, revocation", first, found)?;
        }
    }
    Ok(())
}

fn description(rules: &dyn Rules, items: &[Item]) -> Verdict {
    for (heard, server) in views::<ServerState>(rules, items) {
        for fingerprint in ["aa", "bb"] {
            let newest = heard
                .iter()
                .filter_map(|i| match &i.change {
                    Change::CertificateIssued(info) if info.fingerprint == fingerprint => {
                        Some((i.stamp, info.clone()))
                    }
                    _ => None,
                })
                .max();
            let found = server.certificates.get(fingerprint).and_then(|c| c.info.clone());
            same("newest description, description", newest, found)?;
        }
    }
    Ok(())
}

fn settings(rules: &dyn Rules, items: &[Item]) -> Verdict {
    for (heard, server) in views::<ServerState>(rules, items) {
        let mut latest: BTreeMap<_, (Stamp, Option<&[u8]>)> = BTreeMap::new();
        for item in &heard {
            if let Change::Setting(setting) = &item.change {
                let theirs = (item.stamp, setting.value.as_deref());
                let entry = latest
                    .entry((setting.namespace.as_str(), setting.key.as_str()))
                    .or_insert(theirs);
                *entry = (*entry).max(theirs);
            }
        }
        for namespace in ["epoch", "config"] {
            for key in ["1", "2"] {
                let expected = latest.get(&(namespace, key)).and_then(|(_, value)| *value);
                same("latest setting, setting", expected, server.setting(namespace, key))?;
            }
        }
    }
    Ok(())
}

/// One step of a contest, at one of three sites.
#[derive(Clone, Debug)]
pub struct ContestItem {
    part: usize,
    stamp: Stamp,
    /// What a weak action had seen; none makes the action a strong one.
    seen: Option<strongroom_model::Seen>,
}

fn contest_sample() -> impl Strategy<Value = Vec<ContestItem>> {
    let item = (0..3usize, arb::stamp(), proptest::option::of(arb::seen()))
        .prop_map(|(part, stamp, seen)| ContestItem { part, stamp, seen });
    proptest::collection::vec(item, 0..10)
}

fn contests(rules: &dyn Rules, items: &[ContestItem]) -> Verdict {
    let contest = |wanted: &[usize]| {
        let mut contest = Contest::default();
        for item in items.iter().filter(|i| wanted.contains(&i.part)) {
            match &item.seen {
                Some(seen) => contest.weak(seen.clone()),
                None => contest.strong(item.stamp.site, item.stamp.hlc),
            }
        }
        contest
    };
    let join = |left: &Contest, right: &Contest| {
        let mut joined = left.clone();
        rules.join_contest(&mut joined, right);
        joined
    };
    let (a, b, c) = (contest(&[0]), contest(&[1]), contest(&[2]));
    let ab = join(&a, &b);
    same("a ∨ b, b ∨ a", &ab, &join(&b, &a))?;
    same("(a ∨ b) ∨ c, a ∨ (b ∨ c)", join(&ab, &c), join(&a, &join(&b, &c)))?;
    same("a ∨ a, a", &join(&a, &a), &a)?;
    same("(a ∨ b) ∨ b, a ∨ b", &join(&ab, &b), &ab)?;
    same("joined, of one site", join(&ab, &c), contest(&[0, 1, 2]))
}
