//! Approvals: which actions wait for others to agree, and the duties of those who agree.
//!
//! Rules say *what* waits ([`rules_for`]). What they cannot say is here, in this program's own
//! code, and no rule lifts it:
//!
//! - Who asked never approves: not under the same name, nor with the same certificate.
//! - An approver has what the rule asks for, a role or a group, when the request is carried out and
//!   not only when the approval was given. A certificate that was revoked since does not count, be
//!   it here or by its authority's list: each is judged as a request of it would be now. One that
//!   merely ended since does count, for it was good when it was used.
//! - A certificate that the asker had issued after asking does not count: nobody makes an approver
//!   for the occasion. Nor does the approval of who had a certificate of the asker issued: nobody
//!   makes an asker, either. Among officers that does not hold, for their certificates wait
//!   themselves.
//! - Becoming an approver waits for what the approvers are asked for: a certificate with the group
//!   that a rule names, or for a role that one names. Making an officer waits for every rule.
//! - One person counts once, under whatever name the same certificate came, and with however many
//!   certificates.
//! - An approval is of one digest. Of a request with another digest it says nothing.
//! - Changing the rules about approvals waits for what the strictest rule in force waits for, for
//!   every rule whose approvers are a role's, and for the rule that is changed.
//! - No house is locked out: where too few of a rule's approvers are left, its change and new
//!   approvers for it wait for officers instead, whom custodians can recover.
//!
//! [`Pass`] is how the rest of the program sees that: carrying a request out takes one, and only
//! [`Standing::pass`] makes one.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use strongroom_kmip::Operation;
use strongroom_model::{
    ApprovalRequest, ApprovalRule, Approvers, CertificateInfo, Given, NewApproval, Role,
    RuleVersions, ServerState, Stamp,
};

use crate::admin::AdminAction;
use crate::facts::Action;
use crate::operations::{Class, class_of};

/// Taking a key out of a key group that a rule is about would lift the rule, so it waits for what
/// the rule waits for. It is not an action that a rule can name.
pub const LEAVE_KEY_GROUP: &str = "leave-key-group";

/// The word by which a rule names grants: giving one, and putting a key into a key group, which
/// hands the group's grants out. It is neither an operation nor an administrative action.
pub const GRANT: &str = "grant";

/// Administrative actions by which a house gets out of a lock. What they wait for only officers
/// may approve, for custodians can recover officers and nobody else.
const ONLY_OFFICERS: [AdminAction; 5] = [
    AdminAction::ChangeApprovals,
    AdminAction::ChangeRoles,
    AdminAction::ChangeSlots,
    AdminAction::IssueCertificate,
    AdminAction::VouchSlot,
];

const OFFICERS: Approvers = Approvers::Role(Role::CryptoOfficer);

const ENTER_GROUP: &str = "enter-group:";
const ENTER_ROLE: &str = "enter-role:";
const CHANGE_RULE: &str = "change-rule:";

/// What issuing a certificate with this group (OU) is beside: it makes an approver where a rule
/// names the group, so it waits for that rule. No rule can name it.
pub fn enter_group(group: &str) -> String {
    format!("{ENTER_GROUP}{group}")
}

/// What giving this role, or a certificate to somebody who holds it, is beside.
pub fn enter_role(role: Role) -> String {
    format!("{ENTER_ROLE}{}", role.name())
}

/// What replacing or waiving the rule of this name is beside.
pub fn change_rule(name: &str) -> String {
    format!("{CHANGE_RULE}{name}")
}

/// KMIP operations that a rule can name. Not those that look and not those that programs do many
/// times a second; nobody approves the parts of a stream.
pub const OPERATIONS: &[Operation] = &[
    Operation::ACTIVATE,
    Operation::ADD_ATTRIBUTE,
    Operation::ADJUST_ATTRIBUTE,
    Operation::ARCHIVE,
    Operation::CREATE,
    Operation::DELETE_ATTRIBUTE,
    Operation::DESTROY,
    Operation::EXPORT,
    Operation::GET,
    Operation::IMPORT,
    Operation::MODIFY_ATTRIBUTE,
    Operation::RE_KEY,
    Operation::RE_KEY_KEY_PAIR,
    Operation::RECOVER,
    Operation::REGISTER,
    Operation::REVOKE,
    Operation::SET_ATTRIBUTE,
];

/// Administrative actions that a rule can name. Not those that take a right away or close the key
/// manager, which must not wait; not those that open it, or give a house without officers a new
/// one, which must always be possible; and not those that read.
pub const ADMIN_ACTIONS: &[AdminAction] = &[
    AdminAction::ChangeApprovals,
    AdminAction::ChangePolicy,
    AdminAction::ChangeRoles,
    AdminAction::ChangeSlots,
    AdminAction::ConfirmRestore,
    AdminAction::Configure,
    AdminAction::IssueCertificate,
    AdminAction::ManageKeys,
    AdminAction::RotateRoot,
    AdminAction::VouchSlot,
];

/// Most approvals that a rule can ask for.
pub const MOST_APPROVERS: u32 = 16;

/// Shortest and longest time that a request can stay open, seconds.
pub const OPEN_FOR: (u32, u32) = (60, 90 * 86_400);

/// The preset: changing who may, opening or replacing the root key, and what loses a key or lets
/// one out over KMIP take a second officer. It does not hold what clients do every day: Get is
/// theirs, and so an officer's who has a certificate issued to one.
pub fn two_officers() -> ApprovalRule {
    let mut actions: Vec<String> = [Operation::DESTROY, Operation::EXPORT, Operation::IMPORT]
        .iter()
        .map(|operation| operation.name().to_owned())
        .collect();
    actions.push(GRANT.to_owned());
    let admin = [
        AdminAction::ChangeApprovals,
        AdminAction::ChangePolicy,
        AdminAction::ChangeRoles,
        AdminAction::ChangeSlots,
        AdminAction::ConfirmRestore,
        AdminAction::IssueCertificate,
        AdminAction::RotateRoot,
        AdminAction::VouchSlot,
    ];
    actions.extend(admin.iter().map(|action| action.name().to_owned()));
    actions.sort_unstable();
    ApprovalRule {
        name: "two-officers".to_owned(),
        actions,
        key_group: None,
        approvers: 1,
        from: Approvers::Role(Role::CryptoOfficer),
        open_for: 86_400,
    }
}

/// The action that a rule means by a word; KMIP operations in any spelling.
pub fn action_named(word: &str) -> Option<Action> {
    let plain = |text: &str| {
        let letters = text.chars().filter(char::is_ascii_alphanumeric);
        letters.map(|c| c.to_ascii_lowercase()).collect::<String>()
    };
    let admin = ADMIN_ACTIONS.iter().find(|action| action.name() == word);
    let kmip = || OPERATIONS.iter().find(|operation| plain(operation.name()) == plain(word));
    admin.map(|a| Action::Admin(*a)).or_else(|| kmip().map(|o| Action::Kmip(*o)))
}

/// The word that stands in a rule for what somebody wrote: [`GRANT`], or an action's.
pub fn word_named(word: &str) -> Option<&'static str> {
    if word == GRANT { Some(GRANT) } else { action_named(word).map(Action::name) }
}

/// Whether a rule about this action can be narrowed to a key group.
pub fn has_key_groups(action: Action) -> bool {
    matches!(action, Action::Kmip(operation) if class_of(operation) == Class::OnObjects)
}

/// Why a rule cannot be one.
///
/// # Errors
/// What is wrong with it, in a sentence.
pub fn check_rule(rule: &ApprovalRule) -> Result<(), String> {
    let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if rule.name.is_empty() || rule.name.len() > 64 || !rule.name.chars().all(letter) {
        return Err("The name of a rule has small letters, digits and hyphens, 64 at most.".into());
    }
    if rule.actions.is_empty() {
        return Err("The rule names no action.".into());
    }
    for word in &rule.actions {
        if word_named(word) != Some(word) {
            return Err(format!("`{word}` is no action that can wait for approval."));
        }
        let action = action_named(word);
        if rule.from != OFFICERS && ONLY_OFFICERS.iter().any(|a| a.name() == word) {
            return Err(format!(
                "`{word}` can wait for role:officer only: custodians can recover officers and \
                 nobody else. Make a rule of its own for it."
            ));
        }
        if rule.key_group.is_some() && !action.is_some_and(has_key_groups) {
            return Err(format!(
                "`{word}` is about no key that is in a key group yet: leave the key group out."
            ));
        }
    }
    if !(1..=MOST_APPROVERS).contains(&rule.approvers) {
        return Err(format!("A rule asks for 1 to {MOST_APPROVERS} approvals."));
    }
    if !(OPEN_FOR.0..=OPEN_FOR.1).contains(&rule.open_for) {
        return Err("A request stays open for a minute at least and for 90 days at most.".into());
    }
    Ok(())
}

/// Every rule in force, by name.
pub fn rules(state: &ServerState) -> impl Iterator<Item = &ApprovalRule> {
    state.approval_rules.values().flat_map(RuleVersions::holding)
}

/// Whether any rule makes this action wait. Asked with every request: it looks at what is in
/// memory, and at nothing at all while there is no rule.
pub fn any_holds(state: &ServerState, action: &str, key_groups: &[String]) -> bool {
    !state.approval_rules.is_empty() && rules(state).any(|rule| applies(rule, action, key_groups))
}

/// What is asked, as far as it says which rules hold.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The actions, with what they are beside.
    pub actions: &'a [String],
    /// The key groups of the object.
    pub key_groups: &'a [String],
    /// Who asks.
    pub user: &'a str,
    /// When, POSIX seconds.
    pub now: i64,
}

/// The rules that something waits for. Where too few of a rule's approvers are left, what would
/// change that waits for officers in their place.
pub fn rules_for<'s>(state: &'s ServerState, asked: Asked<'_>) -> Vec<Cow<'s, ApprovalRule>> {
    let has = |action: AdminAction| asked.actions.iter().any(|word| word == action.name());
    let (changes, vouches) = (has(AdminAction::ChangeApprovals), has(AdminAction::VouchSlot));
    let strictest = rules(state).map(|rule| rule.approvers).max();
    let held = |rule: &'s ApprovalRule| {
        let named = asked.actions.iter().any(|action| applies(rule, action, asked.key_groups));
        let strict = Some(rule.approvers) == strictest || matches!(rule.from, Approvers::Role(_));
        let touched = asked.actions.iter().any(|action| touches(rule, action));
        if !(named || touched || changes && strict) {
            return None;
        }
        let few = too_few(state, rule, asked.user, asked.now).is_some();
        if few && vouches {
            // Custodians without a slot that counts could recover nobody.
            return None;
        }
        if few && !named && rule.from != OFFICERS {
            return Some(Cow::Owned(ApprovalRule { from: OFFICERS, ..rule.clone() }));
        }
        Some(Cow::Borrowed(rule))
    };
    rules(state).filter_map(held).collect()
}

/// Whether something makes an approver of this rule, or changes it. Officers stand in for the
/// approvers of any rule, so making one touches every rule.
fn touches(rule: &ApprovalRule, action: &str) -> bool {
    if let Some(group) = action.strip_prefix(ENTER_GROUP) {
        return matches!(&rule.from, Approvers::Group(named) if named == group);
    }
    if let Some(role) = action.strip_prefix(ENTER_ROLE) {
        let role = Role::from_name(role);
        return role == Some(Role::CryptoOfficer)
            || matches!(rule.from, Approvers::Role(named) if role == Some(named));
    }
    action.strip_prefix(CHANGE_RULE).is_some_and(|name| name == rule.name)
}

fn applies(rule: &ApprovalRule, action: &str, key_groups: &[String]) -> bool {
    let in_group = rule.key_group.as_ref().is_some_and(|group| key_groups.contains(group));
    if action == LEAVE_KEY_GROUP {
        return in_group;
    }
    (rule.key_group.is_none() || in_group) && rule.actions.iter().any(|a| a == action)
}

/// What a rule asks for, in words.
pub fn asks_for(rule: &ApprovalRule) -> String {
    let number = match rule.approvers {
        1 => "1 approval".to_owned(),
        n => format!("{n} approvals"),
    };
    let from = match &rule.from {
        Approvers::Role(role) => format!("somebody with the role {}", role.name()),
        Approvers::Group(group) => format!("the group {group}"),
    };
    format!("{number} from {from} (rule {})", rule.name)
}

/// Those who could approve now: users with the role, or in the group, and a certificate that is
/// known here, not revoked, and not over at `now`, POSIX seconds. Who comes with a certificate of
/// another authority may approve, but is not counted on.
pub fn people<'s>(state: &'s ServerState, from: &Approvers, now: i64) -> BTreeSet<&'s str> {
    let live = state.certificates.values().filter(|c| c.revoked.is_none());
    let infos = live.filter_map(|c| c.info.as_ref()).map(|(_, info)| info);
    infos
        .filter(|info| info.not_after >= now)
        .filter(|info| match from {
            Approvers::Role(role) => state.role_of(&info.user) == Some(*role),
            Approvers::Group(group) => info.groups.contains(group),
        })
        .map(|info| info.user.as_str())
        .collect()
}

/// How many could approve for `asker`, if that is too few for the rule.
pub fn too_few(state: &ServerState, rule: &ApprovalRule, asker: &str, now: i64) -> Option<usize> {
    let counts = |user: &&str| *user != asker && !made(state, user, asker, None, now);
    let others = people(state, &rule.from, now).into_iter().filter(counts).count();
    (others < rule.approvers as usize).then_some(others)
}

/// Whether `issuer` had a certificate issued that `asker` could come with: one of his that counts
/// at `now`, POSIX seconds, or the one that he came with. Officers' certificates wait for approval
/// themselves, so for officers it is no reason; else of two officers only one could ever ask.
fn made(state: &ServerState, issuer: &str, asker: &str, came_with: Option<&str>, now: i64) -> bool {
    if state.role_of(asker) == Some(Role::CryptoOfficer) {
        return false;
    }
    state.certificates.iter().any(|(fingerprint, certificate)| {
        let counts = |info: &CertificateInfo| {
            info.user == asker && certificate.revoked.is_none() && info.not_after >= now
        };
        let info = certificate.info.as_ref().map(|(_, info)| info);
        info.is_some_and(|info| {
            info.issued_by == issuer && (came_with == Some(fingerprint) || counts(info))
        })
    })
}

/// The rule that could not be met any more without this user in this role, or only by somebody who
/// asked. Officers are counted once more than the rule says: one of them has to ask for its end.
pub fn needing<'s>(
    state: &'s ServerState,
    user: &str,
    role: Role,
    now: i64,
) -> Option<&'s ApprovalRule> {
    rules(state).filter(|rule| rule.from == Approvers::Role(role)).find(|rule| {
        let held = people(state, &rule.from, now);
        let asks = usize::from(role == Role::CryptoOfficer);
        held.contains(user) && held.len() - 1 < rule.approvers as usize + asks
    })
}

/// Why somebody cannot approve, or an approval does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WhyNot {
    /// The approver is who asked.
    Asker,
    /// The approver comes with the asker's certificate.
    AskersCertificate,
    /// The certificate is one that another approver came with.
    SameCertificate,
    /// The asker had the certificate issued after asking.
    MadeByAsker,
    /// The approver had a certificate of the asker issued.
    MadeTheAsker,
    /// The certificate was revoked.
    Revoked,
    /// Its authority's list refuses it, for this reason.
    Listed(&'static str),
    /// The approver has none of the roles and groups that the rules name.
    Lacks,
    /// What was approved is not what is asked.
    OtherDigest,
}

impl fmt::Display for WhyNot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Listed(why) = self {
            return write!(f, "it was given with {why}");
        }
        f.write_str(match self {
            Self::Asker => "who asks never approves",
            Self::AskersCertificate => "this is the certificate that asked",
            Self::SameCertificate => "this certificate has approved under another name",
            Self::MadeByAsker => "who asked had this certificate issued after asking",
            Self::MadeTheAsker => "this approver had a certificate of the asker's issued",
            Self::Revoked | Self::Listed(_) => "the certificate is revoked",
            Self::Lacks => "no rule asks for this role or group",
            Self::OtherDigest => "something else was approved",
        })
    }
}

/// How a request stands.
#[derive(Clone, Debug)]
pub struct Standing<'s> {
    /// Each rule that holds for it now, with the users whose approval counts for it.
    pub needs: Vec<(Cow<'s, ApprovalRule>, Vec<&'s str>)>,
    /// Approvals that were given and do not count.
    pub discounted: Vec<(&'s str, WhyNot)>,
}

/// Leave to carry one request out.
#[derive(Debug)]
#[must_use = "leave that is not used lets nothing through"]
pub struct Pass {
    id: String,
    approvers: Vec<String>,
}

impl Pass {
    /// The request.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whose approval it took.
    pub fn approvers(&self) -> &[String] {
        &self.approvers
    }
}

impl<'s> Standing<'s> {
    /// How the request stands by the rules, roles and certificates that are known now. `listed` says
    /// why an authority's list would refuse the certificate of an approval now, if it would.
    pub fn of(
        state: &'s ServerState,
        request: &'s ApprovalRequest,
        listed: &dyn Fn(&Given) -> Option<&'static str>,
    ) -> Self {
        let Some((opened, new)) = &request.opened else {
            return Self { needs: Vec::new(), discounted: Vec::new() };
        };
        let rules = rules_for(state, asked(*opened, new));
        let mut needs: Vec<_> = rules.into_iter().map(|rule| (rule, Vec::new())).collect();
        let mut discounted = Vec::new();
        let mut certificates: BTreeMap<&str, &str> = BTreeMap::new();
        for (user, given) in &request.given {
            let by = By { state, opened: *opened, user, given };
            let mut fits = by.fits(new);
            if let (Ok(()), Some(why)) = (fits, listed(given)) {
                fits = Err(WhyNot::Listed(why));
            }
            if fits.is_ok() && certificates.contains_key(given.fingerprint.as_str()) {
                fits = Err(WhyNot::SameCertificate);
            }
            if fits.is_ok() {
                let mut counted = false;
                for (rule, users) in &mut needs {
                    if has(state, &rule.from, user, &given.groups) {
                        users.push(user.as_str());
                        counted = true;
                    }
                }
                fits = if counted { Ok(()) } else { Err(WhyNot::Lacks) };
            }
            match fits {
                Ok(()) => drop(certificates.insert(&given.fingerprint, user)),
                Err(why) => discounted.push((user.as_str(), why)),
            }
        }
        Self { needs, discounted }
    }

    /// Leave to carry it out, if enough have approved under every rule. A request that no rule
    /// holds for any more has none: it needs none.
    pub fn pass(&self, request: &ApprovalRequest) -> Option<Pass> {
        let (_, new) = request.opened.as_ref()?;
        let met = |(rule, users): &(Cow<'_, ApprovalRule>, Vec<&str>)| {
            users.len() >= rule.approvers as usize
        };
        if self.needs.is_empty() || !self.needs.iter().all(met) {
            return None;
        }
        let users: BTreeSet<&str> =
            self.needs.iter().flat_map(|(_, u)| u.iter().copied()).collect();
        Some(Pass { id: new.id.clone(), approvers: users.into_iter().map(str::to_owned).collect() })
    }

    /// What is still missing, in words.
    pub fn missing(&self) -> String {
        let open = self.needs.iter().filter(|(rule, users)| users.len() < rule.approvers as usize);
        let words: Vec<String> = open
            .map(|(rule, users)| match users.len() {
                0 => asks_for(rule),
                n => format!("{}, of which {n} was given", asks_for(rule)),
            })
            .collect();
        words.join("; and ")
    }
}

/// Whether somebody may approve a request, or reject it.
///
/// # Errors
/// Why not.
pub fn may_approve(
    state: &ServerState,
    request: &ApprovalRequest,
    user: &str,
    given: &Given,
) -> Result<(), WhyNot> {
    let Some((opened, new)) = &request.opened else { return Err(WhyNot::OtherDigest) };
    By { state, opened: *opened, user, given }.fits(new)?;
    let other = |(name, other): (&String, &Given)| {
        name != user && !given.fingerprint.is_empty() && other.fingerprint == given.fingerprint
    };
    if request.given.iter().any(other) {
        return Err(WhyNot::SameCertificate);
    }
    let rules = rules_for(state, asked(*opened, new));
    let asked = rules.iter().any(|rule| has(state, &rule.from, user, &given.groups));
    if asked { Ok(()) } else { Err(WhyNot::Lacks) }
}

/// What a request asks, as of when it was opened: who has left since by revocation is known anyway.
fn asked(opened: Stamp, new: &NewApproval) -> Asked<'_> {
    Asked {
        actions: &new.actions,
        key_groups: &new.key_groups,
        user: &new.user,
        now: opened.millis().div_euclid(1000),
    }
}

/// Somebody who approves.
struct By<'a> {
    state: &'a ServerState,
    opened: Stamp,
    user: &'a str,
    given: &'a Given,
}

impl By<'_> {
    /// The duties that hold whatever a rule asks for.
    fn fits(&self, new: &NewApproval) -> Result<(), WhyNot> {
        let (asker, askers_certificate) = (new.user.as_str(), new.fingerprint.as_str());
        let fingerprint = self.given.fingerprint.as_str();
        if self.user == asker {
            return Err(WhyNot::Asker);
        }
        if fingerprint == askers_certificate {
            return Err(WhyNot::AskersCertificate);
        }
        if self.given.digest != new.digest {
            return Err(WhyNot::OtherDigest);
        }
        if let Some(known) = self.state.certificates.get(fingerprint) {
            if known.revoked.is_some() {
                return Err(WhyNot::Revoked);
            }
            let made = |(stamp, info): &(Stamp, CertificateInfo)| {
                info.issued_by == asker && *stamp > self.opened
            };
            if known.info.as_ref().is_some_and(made) {
                return Err(WhyNot::MadeByAsker);
            }
        }
        let now = self.opened.millis().div_euclid(1000);
        if made(self.state, self.user, asker, Some(askers_certificate), now) {
            return Err(WhyNot::MadeTheAsker);
        }
        Ok(())
    }
}

fn has(state: &ServerState, from: &Approvers, user: &str, groups: &[String]) -> bool {
    match from {
        Approvers::Role(role) => state.role_of(user) == Some(*role),
        Approvers::Group(group) => groups.contains(group),
    }
}
