//! Requests that wait for approval: opened, approved, rejected, withdrawn, carried out.
//!
//! All of it is decided on the store's writer, on the state that the transaction sees: two attempts
//! to carry out one request meet there, and the second finds it ended. An administrative request is
//! marked as carried out *before* its handler runs, in a transaction of its own: should the machine
//! stop in between, the approval is used up and nothing was done, never the other way round. A KMIP
//! item is marked in the transaction that does it ([`crate::guard`]).

use std::fmt::Write as _;

use strongroom_crypto::hmac256;
use strongroom_model::{
    ApprovalRequest, ApprovalRule, Change, Ending, Given, NewApproval, ServerState, Stamp,
};
use strongroom_policy::approval::{self, Asked, Pass, Standing, rules_for};
use strongroom_policy::{AdminAction, Needs};
use zeroize::Zeroizing;

use crate::approval_list::{self, fresh_id, too_many};
use crate::caller::Caller;
use crate::engine::{Engine, Unsealed};
use crate::error::EngineError;
use crate::judge::Judge;

/// The secret that digests are made with. A request may hold a passphrase or a password, and the
/// digest stands in the journal: without the secret nobody can try words on it.
pub(crate) const DIGEST_KEY: &str = "approval-digest";

/// The number of the error table for a request that waits.
pub const NEEDS_APPROVAL: u16 = 3025;

/// What the journal calls the opening of a request, and that it was carried out.
pub(crate) const REQUESTED: &str = "approval requested";
pub(crate) const EXECUTED: &str = "approval executed";

/// Longest value in a plan, bytes: rules in Cedar's language are shown whole.
const LONGEST_VALUE: usize = 64 << 10;

/// Somebody asks for something that waits for approval.
pub(crate) struct Ask {
    pub(crate) user: String,
    pub(crate) fingerprint: String,
    pub(crate) actions: Vec<String>,
    pub(crate) object: Option<String>,
    pub(crate) key_groups: Vec<String>,
    pub(crate) digest: [u8; 32],
    pub(crate) plan: Vec<(String, String)>,
}

/// What is to become of it.
pub(crate) enum Verdict {
    /// No rule holds for it.
    Free,
    /// Enough have approved.
    Passes(Pass),
    /// It waits. With the change that opens a request, where none is open yet.
    Waits { id: String, opening: Option<Change>, missing: String },
    /// It can never be approved, or too many wait.
    Refused(String),
}

/// Decides about something that is asked, on the state that the transaction sees.
pub(crate) fn decide(state: &ServerState, ask: &Ask, site: u32, judge: &Judge) -> Verdict {
    let time = judge.time;
    // What may have expired by one of two clocks has expired.
    let now = time.latest();
    let (actions, key_groups) = (&ask.actions[..], &ask.key_groups[..]);
    let rules = rules_for(state, Asked { actions, key_groups, user: &ask.user, now });
    if rules.is_empty() {
        return Verdict::Free;
    }
    let mine = |request: &&ApprovalRequest| {
        let new = request.opened.as_ref().map(|(_, new)| new);
        request.is_executable_at(site, now)
            && new.is_some_and(|new| new.user == ask.user && new.digest == ask.digest)
    };
    if let Some(request) = state.approvals.open_of(&ask.user).find(mine)
        && let Some((_, new)) = &request.opened
    {
        let standing = Standing::of(state, request, &|given| judge.listed(given));
        return match standing.pass(request) {
            Some(pass) => Verdict::Passes(pass),
            None => {
                let missing = standing.missing();
                Verdict::Waits { id: new.id.clone(), opening: None, missing }
            }
        };
    }
    for rule in &rules {
        if let Some(others) = approval::too_few(state, rule, &ask.user, now) {
            return Verdict::Refused(format!(
                "this takes {}, and {others} could give it (who had a certificate of a client's \
                 issued does not approve for that client): give more people the role or group, or \
                 let custodians recover an officer",
                approval::asks_for(rule)
            ));
        }
    }
    if let Some(why) = too_many(state, &ask.user, time) {
        return Verdict::Refused(why);
    }
    let open_for = rules.iter().map(|rule| rule.open_for).min().unwrap_or(0);
    let new = NewApproval {
        id: fresh_id(state, ask, site, time).as_str().to_owned(),
        user: ask.user.clone(),
        fingerprint: ask.fingerprint.clone(),
        actions: ask.actions.clone(),
        object: ask.object.clone(),
        key_groups: ask.key_groups.clone(),
        digest: ask.digest.to_vec(),
        plan: ask.plan.iter().map(|(name, value)| (name.clone(), clipped(value))).collect(),
        expires: now.saturating_add(i64::from(open_for)),
    };
    let missing: Vec<String> = rules.iter().map(|rule| approval::asks_for(rule)).collect();
    Verdict::Waits {
        id: new.id.clone(),
        missing: missing.join("; and "),
        opening: Some(Change::ApprovalRequested(Box::new(new))),
    }
}

/// What marks a request as carried out. It takes leave to do so.
pub(crate) fn executed(pass: &Pass, by: &str) -> Change {
    Change::ApprovalEnded {
        id: pass.id().to_owned(),
        how: Ending::Executed,
        user: by.to_owned(),
        reason: format!("approved by {}", pass.approvers().join(", ")),
    }
}

/// What a client is told: whom to ask for what.
pub(crate) fn waits(id: &str, missing: &str) -> String {
    format!(
        "this waits for approval {id} (error {NEEDS_APPROVAL}): {missing}; they look at it with \
         `strongroom approval show {id}` and agree with `strongroom approval approve {id}`, then \
         send the same request again"
    )
}

fn clipped(value: &str) -> String {
    let mut end = value.len().min(LONGEST_VALUE);
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    let (kept, rest) = value.split_at(end);
    if rest.is_empty() {
        kept.to_owned()
    } else {
        format!("{kept} … ({} bytes more)", rest.len())
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// A request in canonical form: parts with their lengths, so that no two requests are alike in it.
pub(crate) struct Canonical(Zeroizing<Vec<u8>>);

impl Canonical {
    pub(crate) fn new(kind: &str, user: &str) -> Self {
        let mut canonical = Self(Zeroizing::new(Vec::new()));
        canonical.part(b"strongroom approval 1").part(kind.as_bytes()).part(user.as_bytes());
        canonical
    }

    pub(crate) fn part(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
        self.0.extend_from_slice(bytes);
        self
    }

    pub(crate) fn digest(
        &self,
        unsealed: &Unsealed,
        state: &ServerState,
    ) -> Result<[u8; 32], EngineError> {
        let sealed = state.setting("secret", DIGEST_KEY).ok_or_else(|| {
            EngineError::Damaged("the secret that digests of requests are made with is gone".into())
        })?;
        let key = hmac256::Key::new(&unsealed.open_secret(DIGEST_KEY, sealed)?)?;
        Ok(key.sign(&[&self.0]))
    }
}

/// An administrative request, for approval.
#[derive(Clone, Debug, Default)]
pub struct AdminAsk {
    /// The actions: that of the request, and what it brings with it.
    pub actions: Vec<String>,
    /// The object, if it is about one.
    pub object: Option<String>,
    /// The key groups that it is about.
    pub key_groups: Vec<String>,
    /// The request: method, path, condition, body.
    pub parts: Vec<Zeroizing<Vec<u8>>>,
    /// What is asked for, for people; nothing secret.
    pub plan: Vec<(String, String)>,
}

/// How a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApprovalState {
    /// Somebody has yet to approve.
    Waiting,
    /// Enough have approved: who asked may have it carried out.
    Approved,
    /// No rule holds for it any more: it needs no approval.
    Moot,
    /// Its time is over.
    Expired,
    /// It was ended.
    Ended(Ending),
}

impl ApprovalState {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Approved => "approved",
            Self::Moot => "not needed",
            Self::Expired => "expired",
            Self::Ended(ending) => ending.name(),
        }
    }
}

/// A request for approval, as it is shown.
#[derive(Clone, Debug)]
pub struct Approval {
    /// What was asked.
    pub new: NewApproval,
    /// When, milliseconds since the Unix epoch.
    pub opened_ms: i64,
    /// How it stands.
    pub state: ApprovalState,
    /// What each rule that holds asks for, and whose approval counts for it.
    pub needs: Vec<(String, Vec<String>)>,
    /// Approvals that do not count, and why.
    pub discounted: Vec<(String, String)>,
    /// Who ended it, why, and when (milliseconds since the Unix epoch).
    pub ended: Option<(String, String, i64)>,
}

impl Approval {
    fn of(state: &ServerState, request: &ApprovalRequest, judge: &Judge) -> Option<Self> {
        let (stamp, new) = request.opened.as_ref()?;
        let now = judge.time.latest();
        let standing = Standing::of(state, request, &|given| judge.listed(given));
        let stands = match request.ended() {
            // Whether anybody has noted it yet makes no difference.
            Some((Ending::Expired, _)) => ApprovalState::Expired,
            Some((ending, _)) => ApprovalState::Ended(ending),
            None if !request.is_open(now) => ApprovalState::Expired,
            None if standing.needs.is_empty() => ApprovalState::Moot,
            None if standing.pass(request).is_some() => ApprovalState::Approved,
            None => ApprovalState::Waiting,
        };
        let names = |users: &Vec<&str>| users.iter().map(|user| (*user).to_owned()).collect();
        Some(Self {
            new: new.clone(),
            opened_ms: stamp.millis(),
            state: stands,
            needs: standing
                .needs
                .iter()
                .map(|(rule, users)| (approval::asks_for(rule), names(users)))
                .collect(),
            discounted: standing
                .discounted
                .iter()
                .map(|(user, why)| ((*user).to_owned(), why.to_string()))
                .collect(),
            ended: request
                .ended()
                .filter(|(how, _)| *how != Ending::Expired)
                .map(|(_, by)| (by.user.clone(), by.reason.clone(), by.stamp.millis())),
        })
    }

    fn is_open(&self) -> bool {
        matches!(self.state, ApprovalState::Waiting | ApprovalState::Approved | ApprovalState::Moot)
    }
}

impl Engine {
    /// Lets an administrative request through, or has it wait. Gives the approval that it used up;
    /// none if it needed none.
    ///
    /// # Errors
    /// [`EngineError::NeedsApproval`]; [`EngineError::NoApprovers`] where nobody could give it;
    /// [`EngineError::Sealed`], or the store's.
    pub fn pass(&self, by: &Caller, ask: &AdminAsk) -> Result<Option<String>, EngineError> {
        let state = self.inner.store.server_state();
        let (actions, key_groups) = (&ask.actions[..], &ask.key_groups[..]);
        let now = self.inner.time().latest();
        if rules_for(&state, Asked { actions, key_groups, user: &by.user, now }).is_empty() {
            return Ok(None);
        }
        let unsealed = self.inner.unsealed().ok_or(EngineError::Sealed)?;
        let mut canonical = Canonical::new("admin", &by.user);
        for part in &ask.parts {
            canonical.part(part);
        }
        let ask = Ask {
            user: by.user.clone(),
            fingerprint: by.fingerprint.clone(),
            actions: ask.actions.clone(),
            object: ask.object.clone(),
            key_groups: ask.key_groups.clone(),
            digest: canonical.digest(&unsealed, &state)?,
            // As for KMIP, approvers are shown from where it came, and it is no part of the request.
            plan: ask
                .plan
                .iter()
                .cloned()
                .chain([("From".to_owned(), by.address.clone())])
                .collect(),
        };
        let by = by.clone();
        let (site, time) = (self.inner.config.site, self.inner.time());
        let judge = self.inner.judge(time);
        let verdict = self.commit(move |tx| {
            let verdict = decide(tx.server_state(), &ask, site, &judge);
            let change = match &verdict {
                Verdict::Passes(pass) => Some((EXECUTED, executed(pass, &ask.user))),
                Verdict::Waits { opening, .. } => opening.clone().map(|new| (REQUESTED, new)),
                Verdict::Free | Verdict::Refused(_) => None,
            };
            if let Some((operation, change)) = &change {
                approval_list::append(tx, &by.origin(operation, ""), change, time)?;
            }
            Ok(verdict)
        })?;
        match verdict {
            Verdict::Free => Ok(None),
            Verdict::Passes(pass) => Ok(Some(pass.id().to_owned())),
            Verdict::Waits { id, missing, .. } => Err(EngineError::NeedsApproval { id, missing }),
            Verdict::Refused(why) => Err(EngineError::NoApprovers(why)),
        }
    }

    /// Every request, the newest first, as far as the caller may see it: who has a part in running
    /// the house sees all, everybody else what is his own to ask or to answer.
    pub fn approvals(&self, by: &Caller) -> Vec<Approval> {
        let state = self.inner.store.server_state();
        let judge = self.inner.judge(self.inner.time());
        let mut seen: Vec<Approval> = state
            .approvals
            .iter()
            .filter(|(_, request)| may_see(&state, request, by))
            .filter_map(|(_, request)| Approval::of(&state, request, &judge))
            .collect();
        seen.sort_by(|a, b| (b.opened_ms, &b.new.id).cmp(&(a.opened_ms, &a.new.id)));
        seen
    }

    /// One request.
    ///
    /// # Errors
    /// [`EngineError::NoApproval`]: there is none, or the caller may not see it;
    /// [`EngineError::ApprovalGone`].
    pub fn approval(&self, by: &Caller, id: &str) -> Result<Approval, EngineError> {
        let state = self.inner.store.server_state();
        state
            .approvals
            .get(id)
            .filter(|request| may_see(&state, request, by))
            .and_then(|r| Approval::of(&state, r, &self.inner.judge(self.inner.time())))
            .ok_or_else(|| missing(&state, id))
    }

    /// How many requests wait, and since when the oldest does, milliseconds since the Unix epoch.
    pub fn approvals_waiting(&self) -> (u64, Option<i64>) {
        let state = self.inner.store.server_state();
        let now = self.inner.time().latest();
        let open = state.approvals.open().filter(|(_, request)| request.is_open(now));
        let opened = open.filter_map(|(_, r)| r.opened.as_ref().map(|(stamp, _)| stamp.millis()));
        opened.fold((0, None), |(count, oldest), at| {
            (count + 1, Some(oldest.map_or(at, |oldest: i64| oldest.min(at))))
        })
    }

    /// Approves what has this digest. Approving twice is approving once.
    ///
    /// # Errors
    /// [`EngineError::NoApproval`]; [`EngineError::MayNotApprove`], with the duty that stands
    /// against it; [`EngineError::WrongState`] when it is not open any more; or the store's.
    pub fn approve(&self, by: &Caller, id: &str, digest: &[u8]) -> Result<Approval, EngineError> {
        let given = Change::ApprovalGiven {
            id: id.to_owned(),
            user: by.user.clone(),
            fingerprint: by.fingerprint.clone(),
            groups: by.groups.clone(),
            issuer: by.issuer.clone(),
            serial: by.serial.clone(),
            digest: digest.to_vec(),
        };
        let (caller, digest) = (by.clone(), digest.to_vec());
        self.answer(by, id, "Approve", move |state, request| {
            may_answer(state, request, &caller, &digest)?;
            Ok((!request.given.contains_key(&caller.user)).then_some(given))
        })
    }

    /// Rejects a request: whoever may approve it may.
    ///
    /// # Errors
    /// As [`Engine::approve`].
    pub fn reject(&self, by: &Caller, id: &str, reason: &str) -> Result<Approval, EngineError> {
        let ended = ended(id, Ending::Rejected, by, reason);
        let caller = by.clone();
        self.answer(by, id, "Reject Approval", move |state, request| {
            let digest = request.opened.as_ref().map(|(_, new)| new.digest.clone());
            may_answer(state, request, &caller, &digest.unwrap_or_default())?;
            Ok(Some(ended))
        })
    }

    /// Takes a request back: who asked may.
    ///
    /// # Errors
    /// As [`Engine::approve`].
    pub fn withdraw(&self, by: &Caller, id: &str, reason: &str) -> Result<Approval, EngineError> {
        let ended = ended(id, Ending::Withdrawn, by, reason);
        let user = by.user.clone();
        self.answer(by, id, "Withdraw Approval", move |_, request| {
            match request.opened.as_ref().is_some_and(|(_, new)| new.user == user) {
                true => Ok(Some(ended)),
                false => Err(EngineError::MayNotApprove {
                    user,
                    why: "only who asked can withdraw; who may approve can reject".to_owned(),
                }),
            }
        })
    }

    /// Answers an open request, on the writer.
    fn answer(
        &self,
        by: &Caller,
        id: &str,
        operation: &str,
        decide: impl FnOnce(&ServerState, &ApprovalRequest) -> Result<Option<Change>, EngineError>
        + Send
        + 'static,
    ) -> Result<Approval, EngineError> {
        self.inner.unsealed().ok_or(EngineError::Sealed)?;
        let (origin, time) = (by.origin(operation, ""), self.inner.time());
        let (wanted, caller) = (id.to_owned(), by.clone());
        let judge = self.inner.judge(time);
        self.commit(move |tx| {
            let state = tx.server_state().clone();
            let known = state.approvals.get(&wanted).filter(|r| may_see(&state, r, &caller));
            let shown = known.and_then(|r| Some((r, Approval::of(&state, r, &judge)?)));
            let Some((request, shown)) = shown else {
                return Ok(Err(missing(&state, &wanted)));
            };
            if !shown.is_open() {
                let why = format!("approval {wanted} is {}", shown.state.name());
                return Ok(Err(EngineError::WrongState(why)));
            }
            let change = match decide(&state, request) {
                Err(refused) => return Ok(Err(refused)),
                Ok(change) => change,
            };
            // Held on to, it would be copied for the change.
            drop(state);
            if let Some(change) = change {
                approval_list::append(tx, &origin, &change, time)?;
            }
            Ok(Ok(()))
        })??;
        self.approval(by, id)
    }

    /// What ends every request that is open, because the store was restored: one of them may have
    /// been carried out after the backup.
    pub(crate) fn end_all_open(&self, by: &Caller) -> Vec<Change> {
        let state = self.inner.store.server_state();
        let now = self.inner.time().earliest();
        let open = state.approvals.open().filter(|(_, request)| request.is_open(now));
        open.map(|(id, _)| ended(id, Ending::Withdrawn, by, "the store was restored")).collect()
    }
}

fn missing(state: &ServerState, id: &str) -> EngineError {
    let id = id.to_owned();
    // By the number alone, which tells nothing to whom it is no matter.
    if state.approvals.is_gone(&id) {
        EngineError::ApprovalGone(id)
    } else {
        EngineError::NoApproval(id)
    }
}

fn ended(id: &str, how: Ending, by: &Caller, reason: &str) -> Change {
    let (user, reason) = (by.user.clone(), clipped(reason));
    Change::ApprovalEnded { id: id.to_owned(), how, user, reason }
}

fn may_answer(
    state: &ServerState,
    request: &ApprovalRequest,
    by: &Caller,
    digest: &[u8],
) -> Result<(), EngineError> {
    approval::may_approve(state, request, &by.user, &given(by, digest))
        .map_err(|why| EngineError::MayNotApprove { user: by.user.clone(), why: why.to_string() })
}

fn given(by: &Caller, digest: &[u8]) -> Given {
    Given {
        stamp: Stamp::default(),
        fingerprint: by.fingerprint.clone(),
        groups: by.groups.clone(),
        issuer: by.issuer.clone(),
        serial: by.serial.clone(),
        digest: digest.to_vec(),
    }
}

fn may_see(state: &ServerState, request: &ApprovalRequest, by: &Caller) -> bool {
    let Some((_, new)) = &request.opened else { return false };
    let staff = match AdminAction::Status.needs() {
        Needs::Roles(roles) => state.role_of(&by.user).is_some_and(|role| roles.contains(&role)),
        Needs::Certificate => false,
    };
    staff
        || new.user == by.user
        || request.given.contains_key(&by.user)
        || approval::may_approve(state, request, &by.user, &given(by, &new.digest)).is_ok()
}

/// A rule, for the audit.
pub(crate) fn rule_in_words(rule: &ApprovalRule) -> String {
    let group = rule.key_group.as_ref().map(|g| format!(" in key group {g}")).unwrap_or_default();
    let asks = approval::asks_for(rule);
    format!("{}{group}: {asks}, open for {} s", rule.actions.join(", "), rule.open_for)
}

/// A request, for the audit.
pub(crate) fn request_in_words(new: &NewApproval) -> String {
    let (user, actions) = (&new.user, new.actions.join(", "));
    format!("approval {} of {actions} for {user}, digest {}", new.id, hex(&new.digest))
}
