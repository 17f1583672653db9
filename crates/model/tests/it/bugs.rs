//! Wrong rules, planted one by one: the laws must catch each.

use strongroom_kmip::Tag;
use strongroom_model::{
    ApprovalRequest, Approvals, AttributeKey, Change, Contest, Ending, Gone, Lifecycle,
    ManagedObject, NameConflict, Register, Seen, ServerState, Stamp, resolve_names,
};

use crate::laws::{LAWS, check, suite};
use crate::rules::Rules;

/// A wrong rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    DestroyedLosesToALaterActivate,
    LifeCycleTakesTheLastWord,
    CompromisedIsLastWriterWins,
    AnOlderWriteOverwritesANewerOne,
    DeletionIsForgotten,
    EqualStampsKeepTheLeftValue,
    DestroyedKeepsItsMaterial,
    ArchivedOutlivesDestruction,
    RecoverLosesToAnEarlierArchive,
    MaterialTakesTheLastSeal,
    CounterTakesTheLastValue,
    OfTwoCreationsTheLaterStands,
    GrantWinsOverConcurrentRemoval,
    JoinDropsTheOthersGrants,
    RoleContestForgetsWhatWasSeen,
    RoleGrantPretendsToHaveSeenAll,
    ContestKeepsTheLeftWhenItHolds,
    RevocationIsUndoneByALaterIssue,
    RevocationTakesTheLastReason,
    CertificateKeepsItsFirstDescription,
    SettingTakesTheSmallerStamp,
    NameGoesToTheLastToArrive,
    NameOfADestroyedObjectStaysTaken,
    WaiverEndsWhatItDidNotSee,
    ApprovalTakesTheLastWord,
    RejectionUndoesAnExecution,
    DroppedRequestReturnsWithALateAnswer,
    OfTwoDropsTheLastIsBelieved,
    DroppedRequestReturnsWhenOneDropNamesIt,
    DropForgetsWhatItNames,
}

/// The model's rules with one bug in them.
pub struct Planted(pub Bug);

impl Rules for Planted {
    fn apply_object(&self, object: &mut ManagedObject, stamp: Stamp, change: &Change) {
        let before = object.clone();
        match change {
            Change::Granted { id, subject, operation, .. }
                if self.0 == Bug::GrantWinsOverConcurrentRemoval =>
            {
                let change = Change::Granted {
                    id: id.clone(),
                    subject: subject.clone(),
                    operation: *operation,
                    seen: everything(),
                };
                object.apply(stamp, &change);
            }
            _ => object.apply(stamp, change),
        }
        let mut said = ManagedObject::unknown(object.id.clone());
        said.apply(stamp, change);
        match (self.0, change) {
            (
                Bug::DestroyedLosesToALaterActivate,
                Change::Changed { lifecycle: Some(Lifecycle::Active), .. },
            ) => object.lifecycle = Lifecycle::Active,
            (
                Bug::LifeCycleTakesTheLastWord,
                Change::Changed { lifecycle: Some(lifecycle), .. },
            ) if before.lifecycle != Lifecycle::Destroyed => object.lifecycle = *lifecycle,
            (Bug::CompromisedIsLastWriterWins, Change::Changed { compromised, .. }) => {
                object.compromised = *compromised;
            }
            (Bug::CounterTakesTheLastValue, Change::Reserved { counter, upto, .. }) => {
                object.counters.insert((*counter as u8, stamp.site), *upto);
            }
            (Bug::MaterialTakesTheLastSeal, Change::Rewrapped { material, .. })
                if object.lifecycle != Lifecycle::Destroyed =>
            {
                object.material = Some(material.clone());
            }
            _ => self.spoil_object(object, &before, &said),
        }
    }

    fn join_object(&self, object: &mut ManagedObject, other: &ManagedObject) {
        let before = object.clone();
        object.join(other);
        match self.0 {
            Bug::DestroyedLosesToALaterActivate
                if [before.lifecycle, other.lifecycle].contains(&Lifecycle::Active) =>
            {
                object.lifecycle = Lifecycle::Active;
            }
            Bug::LifeCycleTakesTheLastWord if object.lifecycle != Lifecycle::Destroyed => {
                object.lifecycle = other.lifecycle;
            }
            Bug::CompromisedIsLastWriterWins => object.compromised = other.compromised,
            Bug::CounterTakesTheLastValue => {
                object.counters.extend(other.counters.iter().map(|(key, upto)| (*key, *upto)));
            }
            Bug::MaterialTakesTheLastSeal if object.lifecycle != Lifecycle::Destroyed => {
                object.material = other.material.clone().or(before.material);
            }
            Bug::JoinDropsTheOthersGrants => object.grants = before.grants,
            _ => self.spoil_object(object, &before, other),
        }
    }

    fn apply_server(&self, server: &mut ServerState, stamp: Stamp, change: &Change) {
        let before = server.clone();
        let seen = match self.0 {
            Bug::RoleContestForgetsWhatWasSeen => Some(Seen::default()),
            Bug::RoleGrantPretendsToHaveSeenAll => Some(everything()),
            _ => None,
        };
        match (change, seen) {
            (Change::RoleGranted { user, role, .. }, Some(seen)) => {
                let change = Change::RoleGranted { user: user.clone(), role: *role, seen };
                server.apply(stamp, &change);
            }
            _ => match change {
                Change::ApprovalWaived { name, .. } if self.0 == Bug::WaiverEndsWhatItDidNotSee => {
                    let change = Change::ApprovalWaived { name: name.clone(), seen: everything() };
                    server.apply(stamp, &change);
                }
                _ => server.apply(stamp, change),
            },
        }
        let mut said = ServerState::default();
        said.apply(stamp, change);
        self.spoil_server(server, &before, &said);
    }

    fn join_server(&self, server: &mut ServerState, other: &ServerState) {
        let before = server.clone();
        server.join(other);
        self.spoil_server(server, &before, other);
    }

    fn join_contest(&self, contest: &mut Contest, other: &Contest) {
        let keep = self.0 == Bug::ContestKeepsTheLeftWhenItHolds && contest.weak_holds();
        if !keep {
            contest.join(other);
        }
    }

    fn archived(&self, object: &ManagedObject) -> bool {
        match self.0 {
            Bug::ArchivedOutlivesDestruction => object.date(Tag::ARCHIVE_DATE).is_some(),
            _ => object.is_archived(),
        }
    }

    fn names(&self, objects: &[&ManagedObject]) -> Vec<NameConflict> {
        match self.0 {
            Bug::NameGoesToTheLastToArrive => {
                let place = |id| objects.iter().position(|o| o.id == id);
                let mut conflicts = resolve_names(objects.iter().copied());
                for conflict in &mut conflicts {
                    if place(conflict.winner.clone()) < place(conflict.loser.clone()) {
                        std::mem::swap(&mut conflict.winner, &mut conflict.loser);
                        conflict.alias = format!("{}~{}", conflict.name, conflict.loser);
                    }
                }
                conflicts
            }
            Bug::NameOfADestroyedObjectStaysTaken => {
                let risen: Vec<ManagedObject> = objects
                    .iter()
                    .map(|o| ManagedObject { lifecycle: Lifecycle::Active, ..(*o).clone() })
                    .collect();
                resolve_names(&risen)
            }
            _ => resolve_names(objects.iter().copied()),
        }
    }
}

impl Planted {
    /// Bugs that are the same whether `other` is a change or another view.
    fn spoil_object(
        &self,
        object: &mut ManagedObject,
        before: &ManagedObject,
        other: &ManagedObject,
    ) {
        match self.0 {
            Bug::AnOlderWriteOverwritesANewerOne => {
                object
                    .registers
                    .extend(other.registers.iter().map(|(key, r)| (key.clone(), r.clone())));
            }
            Bug::DeletionIsForgotten => object.registers.retain(|_, r| r.value.is_some()),
            Bug::EqualStampsKeepTheLeftValue => {
                for (key, left) in &before.registers {
                    if other.registers.get(key).is_some_and(|right| right.stamp == left.stamp) {
                        let Register { value, stamp } = left;
                        let kept = Register { value: value.clone(), stamp: *stamp };
                        object.registers.insert(key.clone(), kept);
                    }
                }
            }
            Bug::RecoverLosesToAnEarlierArchive => {
                let key = AttributeKey::single(Tag::ARCHIVE_DATE);
                let ever = [before, other].map(|o| o.registers.get(&key).cloned());
                let archive = ever.into_iter().flatten().filter(|r| r.value.is_some());
                if let Some(archive) = archive.max_by_key(|r| (r.stamp, r.value.clone())) {
                    object.registers.insert(key, archive);
                }
            }
            Bug::DestroyedKeepsItsMaterial if object.lifecycle == Lifecycle::Destroyed => {
                object.material = before.material.clone().max(other.material.clone());
            }
            Bug::OfTwoCreationsTheLaterStands => {
                object.creation = before.creation.clone().max(other.creation.clone());
            }
            _ => {}
        }
    }

    fn spoil_server(&self, server: &mut ServerState, before: &ServerState, other: &ServerState) {
        match self.0 {
            Bug::RevocationIsUndoneByALaterIssue => {
                for state in server.certificates.values_mut() {
                    let issued = state.info.as_ref().map(|(stamp, _)| *stamp);
                    if issued > state.revoked.as_ref().map(|(stamp, _)| *stamp) {
                        state.revoked = None;
                    }
                }
            }
            Bug::RevocationTakesTheLastReason => {
                for (fingerprint, theirs) in &other.certificates {
                    if let Some(mine) = server.certificates.get_mut(fingerprint)
                        && theirs.revoked.is_some()
                    {
                        mine.revoked.clone_from(&theirs.revoked);
                    }
                }
            }
            Bug::CertificateKeepsItsFirstDescription => {
                for (fingerprint, ours) in &before.certificates {
                    if let Some(now) = server.certificates.get_mut(fingerprint)
                        && ours.info.is_some()
                    {
                        now.info.clone_from(&ours.info);
                    }
                }
            }
            Bug::SettingTakesTheSmallerStamp => {
                for (key, ours) in &before.settings {
                    let theirs = other.settings.get(key).unwrap_or(ours);
                    server.settings.insert(key.clone(), ours.min(theirs).clone());
                }
            }
            Bug::ApprovalTakesTheLastWord => {
                server.approvals = altered(&server.approvals, |id, request| {
                    if let Some(theirs) = other.approvals.get(id) {
                        request.given.extend(theirs.given.clone());
                    }
                });
            }
            Bug::RejectionUndoesAnExecution => {
                server.approvals = altered(&server.approvals, |_, request| {
                    if request.ends.contains_key(&Ending::Rejected) {
                        request.ends.remove(&Ending::Executed);
                    }
                });
            }
            Bug::DroppedRequestReturnsWithALateAnswer
                if other.approvals.iter().any(|(id, _)| !server.approvals.contains_key(id)) =>
            {
                let all = server.approvals.iter().chain(other.approvals.iter());
                server.approvals = rebuilt(all, []);
            }
            Bug::OfTwoDropsTheLastIsBelieved => {
                let mine = before.approvals.gone();
                let theirs: Vec<_> = other.approvals.gone().collect();
                let kept = mine.filter(|(site, _)| theirs.iter().all(|(s, _)| s != site));
                let gone: Vec<_> = kept.chain(theirs.iter().copied()).collect();
                server.approvals = rebuilt(server.approvals.iter(), gone);
            }
            Bug::DroppedRequestReturnsWhenOneDropNamesIt => {
                let named = |of: &ServerState, site| -> Vec<String> {
                    let gone = of.approvals.gone_of(site);
                    gone.into_iter().flat_map(Gone::but).map(str::to_owned).collect()
                };
                let joined: Vec<(u32, Gone)> = server
                    .approvals
                    .gone()
                    .map(|(site, gone)| {
                        let but = [named(before, site), named(other, site)].concat();
                        (site, Gone::new(site, gone.upto(), but.iter().map(String::as_str)))
                    })
                    .collect();
                let gone = joined.iter().map(|(site, gone)| (*site, gone));
                server.approvals = rebuilt(server.approvals.iter(), gone);
            }
            Bug::DropForgetsWhatItNames => {
                let all: Vec<(u32, Gone)> = server
                    .approvals
                    .gone()
                    .map(|(site, gone)| (site, Gone::new(site, gone.upto(), [])))
                    .collect();
                let gone = all.iter().map(|(site, gone)| (*site, gone));
                server.approvals = rebuilt(server.approvals.iter(), gone);
            }
            _ => {}
        }
    }
}

/// A list with these requests, of which these are gone.
fn rebuilt<'a>(
    requests: impl IntoIterator<Item = (&'a str, &'a ApprovalRequest)>,
    gone: impl IntoIterator<Item = (u32, &'a Gone)>,
) -> Approvals {
    let mut list = Approvals::default();
    gone.into_iter().for_each(|(site, gone)| list.drop_of(site, gone));
    requests.into_iter().for_each(|(id, request)| list.insert(id, request));
    list
}

fn altered(list: &Approvals, mut by: impl FnMut(&str, &mut ApprovalRequest)) -> Approvals {
    let mut requests: Vec<(&str, ApprovalRequest)> =
        list.iter().map(|(id, request)| (id, request.clone())).collect();
    requests.iter_mut().for_each(|(id, request)| by(id, request));
    rebuilt(requests.iter().map(|(id, request)| (*id, request)), list.gone())
}

/// More than anybody can have seen.
fn everything() -> Seen {
    Seen((1..4).map(|site| (site, u64::MAX)).collect())
}

/// The suite finds the bug, and the law that names what is wrong is broken.
fn caught(bug: Bug, law: &str) {
    assert!(suite(&Planted(bug), CASES).is_err(), "the suite passes {bug:?}");
    let Some(law) = LAWS.iter().find(|l| l.name == law) else { panic!("no law \"{law}\"") };
    assert!(check(law, &Planted(bug), CASES, false).is_err(), "{bug:?} keeps \"{}\"", law.name);
}

/// Enough to find every bug; the real rules are tried ten times as often.
const CASES: u32 = 1_000;

macro_rules! bugs {
    ($( $test:ident : $bug:ident breaks $law:literal; )*) => {
        $(
            #[test]
            fn $test() {
                caught(Bug::$bug, $law);
            }
        )*
    };
}

bugs! {
    caught_destroyed_loses_to_a_later_activate:
        DestroyedLosesToALaterActivate breaks "destroyed never returns";
    caught_life_cycle_takes_the_last_word:
        LifeCycleTakesTheLastWord breaks "the life cycle never goes back";
    caught_compromised_is_last_writer_wins:
        CompromisedIsLastWriterWins breaks "compromised never returns";
    caught_an_older_write_overwrites_a_newer_one:
        AnOlderWriteOverwritesANewerOne breaks "the latest write of an attribute stands";
    caught_deletion_is_forgotten:
        DeletionIsForgotten breaks "the latest write of an attribute stands";
    caught_equal_stamps_keep_the_left_value:
        EqualStampsKeepTheLeftValue breaks "joining objects commutes";
    caught_destroyed_keeps_its_material:
        DestroyedKeepsItsMaterial breaks "nothing destroyed keeps material";
    caught_archived_outlives_destruction:
        ArchivedOutlivesDestruction breaks
        "the later of archive and recover decides, until destruction";
    caught_recover_loses_to_an_earlier_archive:
        RecoverLosesToAnEarlierArchive breaks
        "the later of archive and recover decides, until destruction";
    caught_material_takes_the_last_seal:
        MaterialTakesTheLastSeal breaks "the newest seal stands";
    caught_counter_takes_the_last_value:
        CounterTakesTheLastValue breaks "counters never go back";
    caught_of_two_creations_the_later_stands:
        OfTwoCreationsTheLaterStands breaks "the earliest creation stands";
    caught_grant_wins_over_concurrent_removal:
        GrantWinsOverConcurrentRemoval breaks
        "removing a grant wins over granting at the same time";
    caught_join_drops_the_others_grants:
        JoinDropsTheOthersGrants breaks "sites that heard all agree";
    caught_role_contest_forgets_what_was_seen:
        RoleContestForgetsWhatWasSeen breaks "removing a role wins over granting at the same time";
    caught_role_grant_pretends_to_have_seen_all:
        RoleGrantPretendsToHaveSeenAll breaks "removing a role wins over granting at the same time";
    caught_contest_keeps_the_left_when_it_holds:
        ContestKeepsTheLeftWhenItHolds breaks
        "joining contests commutes, associates, and repeats freely";
    caught_revocation_is_undone_by_a_later_issue:
        RevocationIsUndoneByALaterIssue breaks "a revoked certificate stays revoked";
    caught_revocation_takes_the_last_reason:
        RevocationTakesTheLastReason breaks "joining server states commutes";
    caught_certificate_keeps_its_first_description:
        CertificateKeepsItsFirstDescription breaks "the newest description of a certificate stands";
    caught_setting_takes_the_smaller_stamp:
        SettingTakesTheSmallerStamp breaks "the latest write of a setting stands";
    caught_name_goes_to_the_last_to_arrive:
        NameGoesToTheLastToArrive breaks "names resolve alike in any order";
    caught_name_of_a_destroyed_object_stays_taken:
        NameOfADestroyedObjectStaysTaken breaks "the earliest holder keeps a name";
    caught_waiver_ends_what_it_did_not_see:
        WaiverEndsWhatItDidNotSee breaks
        "an approval rule holds until somebody who saw it ends it";
    caught_approval_takes_the_last_word:
        ApprovalTakesTheLastWord breaks "of each approver the first word stands";
    caught_rejection_undoes_an_execution:
        RejectionUndoesAnExecution breaks "a request is carried out once, where it was opened";
    caught_dropped_request_returns_with_a_late_answer:
        DroppedRequestReturnsWithALateAnswer breaks "a request that left the list never returns";
    caught_of_two_drops_the_last_is_believed:
        OfTwoDropsTheLastIsBelieved breaks "a request that left the list never returns";
    caught_dropped_request_returns_when_one_drop_names_it:
        DroppedRequestReturnsWhenOneDropNamesIt breaks
        "a request that left the list never returns";
    caught_drop_forgets_what_it_names:
        DropForgetsWhatItNames breaks "a request that left the list never returns";
}
