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
    ApprovalRequest, ApprovalRule, Change, Ending, Given, NewApproval, Reading, Role, ServerState,
    Stamp,
};
use strongroom_policy::approval::{self, Asked, Pass, Standing, rules_for};
use strongroom_policy::{AdminAction, Needs};
use zeroize::Zeroizing;

use crate::caller::Caller;
use crate::engine::{Engine, Unsealed};
use crate::error::EngineError;

/// The secret that digests are made with. A request may hold a passphrase or a password, and the
/// digest stands in the journal: without the secret nobody can try words on it.
pub(crate) const DIGEST_KEY: &str = "approval-digest";

/// The number of the error table for a request that waits.
pub const NEEDS_APPROVAL: u16 = 3025;

/// What the journal calls the opening of a request, and that it was carried out.
pub(crate) const REQUESTED: &str = "approval requested";
pub(crate) const EXECUTED: &str = "approval executed";

/// Most requests of one user that wait at a time.
const MOST_OF_ONE: usize = 32;

/// Most requests that one user opens in an hour, whatever became of them: each stays in the store.
const MOST_IN_AN_HOUR: usize = 32;

/// Most requests that wait at a time.
const MOST: usize = 1024;

/// How many of those are kept for users with duties, so that clients cannot keep them from asking.
const FOR_DUTIES: usize = MOST / 4;

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
pub(crate) fn decide(state: &ServerState, ask: &Ask, site: u32, time: Reading) -> Verdict {
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
    if let Some(request) = state.approvals.values().find(mine)
        && let Some((_, new)) = &request.opened
    {
        let standing = Standing::of(state, request);
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
        id: fresh_id(state, ask, time),
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

/// Why this user can open no request now.
fn too_many(state: &ServerState, user: &str, time: Reading) -> Option<String> {
    let hour_ago = time.stamp_ms.saturating_sub(3_600_000);
    let (mut waiting, mut waiting_of_one, mut recent) = (0, 0, 0);
    for request in state.approvals.values() {
        let Some((stamp, new)) = &request.opened else { continue };
        let his = new.user == user;
        if request.is_open(time.latest()) {
            waiting += 1;
            waiting_of_one += usize::from(his);
        }
        recent += usize::from(his && stamp.millis() > hour_ago);
    }
    let duty = state.role_of(user).is_some_and(|role| role != Role::KeyUser);
    let most = if duty { MOST } else { MOST - FOR_DUTIES };
    if waiting >= most || waiting_of_one >= MOST_OF_ONE {
        return Some(format!(
            "too many requests wait for approval ({MOST_OF_ONE} of one user at most, {MOST} in \
             all, of which {FOR_DUTIES} are kept for users with duties): let them be answered, or \
             withdraw some"
        ));
    }
    (recent >= MOST_IN_AN_HOUR).then(|| {
        format!(
            "too many requests for approval were opened ({MOST_IN_AN_HOUR} of one user in an hour \
             at most, also those that are ended): ask again later"
        )
    })
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

/// Ten hexadecimal digits that no request has yet.
fn fresh_id(state: &ServerState, ask: &Ask, time: Reading) -> String {
    (0u64..)
        .map(|n| {
            let parts: [&[u8]; 4] =
                [&ask.digest, ask.user.as_bytes(), &time.stamp_ms.to_be_bytes(), &n.to_be_bytes()];
            hex(strongroom_crypto::sha256(&parts).first_chunk::<5>().unwrap_or(&[0; 5]))
        })
        .find(|id| !state.approvals.contains_key(id))
        .unwrap_or_default()
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
    fn of(state: &ServerState, request: &ApprovalRequest, now: i64) -> Option<Self> {
        let (stamp, new) = request.opened.as_ref()?;
        let standing = Standing::of(state, request);
        let stands = match request.ended() {
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
            plan: ask.plan.clone(),
        };
        let by = by.clone();
        let (site, time) = (self.inner.config.site, self.inner.time());
        let verdict = self.commit(move |tx| {
            let verdict = decide(tx.server_state(), &ask, site, time);
            let change = match &verdict {
                Verdict::Passes(pass) => Some((EXECUTED, executed(pass, &ask.user))),
                Verdict::Waits { opening, .. } => opening.clone().map(|new| (REQUESTED, new)),
                Verdict::Free | Verdict::Refused(_) => None,
            };
            if let Some((operation, change)) = &change {
                tx.append(&by.origin(operation, ""), change, time.stamp_ms)?;
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
        let now = self.inner.time().latest();
        let mut seen: Vec<Approval> = state
            .approvals
            .values()
            .filter(|request| may_see(&state, request, by))
            .filter_map(|request| Approval::of(&state, request, now))
            .collect();
        seen.sort_by(|a, b| (b.opened_ms, &b.new.id).cmp(&(a.opened_ms, &a.new.id)));
        seen
    }

    /// One request.
    ///
    /// # Errors
    /// [`EngineError::NoApproval`]: there is none, or the caller may not see it.
    pub fn approval(&self, by: &Caller, id: &str) -> Result<Approval, EngineError> {
        let state = self.inner.store.server_state();
        state
            .approvals
            .get(id)
            .filter(|request| may_see(&state, request, by))
            .and_then(|request| Approval::of(&state, request, self.inner.time().latest()))
            .ok_or_else(|| EngineError::NoApproval(id.to_owned()))
    }

    /// How many requests wait, and since when the oldest does, milliseconds since the Unix epoch.
    pub fn approvals_waiting(&self) -> (u64, Option<i64>) {
        let state = self.inner.store.server_state();
        let now = self.inner.time().latest();
        let open = state.approvals.values().filter(|request| request.is_open(now));
        let opened = open.filter_map(|r| r.opened.as_ref().map(|(stamp, _)| stamp.millis()));
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
        self.commit(move |tx| {
            let state = tx.server_state().clone();
            let known = state.approvals.get(&wanted).filter(|r| may_see(&state, r, &caller));
            let shown = known.and_then(|r| Some((r, Approval::of(&state, r, time.latest())?)));
            let Some((request, shown)) = shown else {
                return Ok(Err(EngineError::NoApproval(wanted)));
            };
            if !shown.is_open() {
                let why = format!("approval {wanted} is {}", shown.state.name());
                return Ok(Err(EngineError::WrongState(why)));
            }
            match decide(&state, request) {
                Err(refused) => return Ok(Err(refused)),
                Ok(Some(change)) => drop(tx.append(&origin, &change, time.stamp_ms)?),
                Ok(None) => {}
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
        let open = state.approvals.iter().filter(|(_, request)| request.is_open(now));
        open.map(|(id, _)| ended(id, Ending::Withdrawn, by, "the store was restored")).collect()
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
