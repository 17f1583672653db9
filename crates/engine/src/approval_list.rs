//! The list of requests for approval: how many there may be, how they are named, and what leaves it.
//!
//! The list is part of the server's state, and a client may open a request whenever a rule makes him
//! wait; so there are bounds on what waits, on what one user opens in an hour, and on what is over.
//! Whoever opens or ends a request tidies in the same transaction, and a sweep does so when nobody
//! does.

use strongroom_model::{Change, Ending, Origin, Reading, RequestId, Role, ServerState, Stamp};
use strongroom_store::{StoreError, WriteTx};

use crate::approvals::{Ask, hex};
use crate::caller::{Caller, SERVER};
use crate::engine::Engine;
use crate::error::EngineError;

/// Most requests of one user that wait at a time.
const MOST_OF_ONE: usize = 32;

/// Most requests that one user opens in an hour, whatever became of them.
const MOST_IN_AN_HOUR: usize = 32;

/// Most requests that wait at a time.
const MOST: usize = 1024;

/// How many of those are kept for users with duties, so that clients cannot keep them from asking.
const FOR_DUTIES: usize = MOST / 4;

/// What the journal calls it when requests leave the list.
const TIDIED: &str = "approvals tidied";

/// Why this user can open no request now.
pub(crate) fn too_many(state: &ServerState, user: &str, time: Reading) -> Option<String> {
    let hour_ago = time.stamp_ms.saturating_sub(3_600_000);
    let now = time.latest();
    let waiting_of_one = state.approvals.open_of(user).filter(|r| r.is_open(now)).count();
    let duty = state.role_of(user).is_some_and(|role| role != Role::KeyUser);
    let most = if duty { MOST } else { MOST - FOR_DUTIES };
    if state.approvals.waiting(now) >= most || waiting_of_one >= MOST_OF_ONE {
        return Some(format!(
            "too many requests wait for approval ({MOST_OF_ONE} of one user at most, {MOST} in \
             all, of which {FOR_DUTIES} are kept for users with duties): let them be answered, or \
             withdraw some"
        ));
    }
    (state.approvals.opened_by(user, hour_ago) >= MOST_IN_AN_HOUR).then(|| {
        format!(
            "too many requests for approval were opened ({MOST_IN_AN_HOUR} of one user in an hour \
             at most, also those that are ended): ask again later"
        )
    })
}

/// The identifier of the next request: short enough to be typed, and with a part that no other
/// history of this store would have.
pub(crate) fn fresh_id(state: &ServerState, ask: &Ask, site: u32, time: Reading) -> RequestId {
    let parts: [&[u8]; 3] = [&ask.digest, ask.user.as_bytes(), &time.stamp_ms.to_be_bytes()];
    let hash = hex(strongroom_crypto::sha256(&parts).first_chunk::<2>().unwrap_or(&[0; 2]));
    state.approvals.next_id(site, &hash)
}

/// Appends a step of a request, and tidies the list.
pub(crate) fn append(
    tx: &mut WriteTx<'_>,
    origin: &Origin,
    change: &Change,
    time: Reading,
) -> Result<Stamp, StoreError> {
    let stamp = tx.append(origin, change, time.stamp_ms)?;
    tidy(tx, time)?;
    Ok(stamp)
}

/// Ends what nobody ended in its time, and lets what is over for long, or too much, leave the list.
pub(crate) fn tidy(tx: &mut WriteTx<'_>, time: Reading) -> Result<(), StoreError> {
    let origin = Caller::server().origin(TIDIED, "");
    // In two steps, since what expired may be what is too much.
    for what in [expired, drops] {
        for change in what(tx.server_state(), time) {
            tx.append(&origin, &change, time.stamp_ms)?;
        }
    }
    Ok(())
}

/// What is over for certain, be the clock right or not.
fn expired(state: &ServerState, time: Reading) -> Vec<Change> {
    let ended = |id: &str| Change::ApprovalEnded {
        id: id.to_owned(),
        how: Ending::Expired,
        user: SERVER.to_owned(),
        reason: String::new(),
    };
    state.approvals.expired(time.earliest()).map(ended).collect()
}

fn drops(state: &ServerState, time: Reading) -> Vec<Change> {
    state.approvals.drops(time.earliest_ms)
}

impl Engine {
    /// Tidies the list of requests for approval, if there is anything to tidy.
    pub(crate) fn tidy_approvals(&self) -> Result<(), EngineError> {
        let time = self.inner.time();
        let state = self.inner.store.server_state();
        if expired(&state, time).is_empty() && drops(&state, time).is_empty() {
            return Ok(());
        }
        self.commit(move |tx| tidy(tx, time))
    }
}
