//! Replicas as the admin API has them.

use strongroom_engine::{Engine, Outcome};

use super::Caller;
use super::backup::judged;
use crate::admin::types::{ConfirmRestore, ReplicaReport, ReplicaView, RestoreConfirmed};
use crate::errors::{self, Fault};
use crate::kmip_listener::now;

/// What a replica is of; none where it is none.
pub(super) fn view(engine: &Engine) -> Option<ReplicaView> {
    let replica = engine.replica()?;
    Some(ReplicaView {
        site: engine.config().site,
        of: replica.of,
        primary: replica.primary,
        created: replica.created_ms,
        age_seconds: now().saturating_sub(replica.created_ms.div_euclid(1000)).max(0),
        changes: replica.changes,
    })
}

pub(super) fn report(engine: &Engine) -> Result<ReplicaReport, Fault> {
    let replica = view(engine).ok_or_else(none)?;
    let [pre, active, deactivated, _] = engine.status().objects.unwrap_or_default();
    let at = now();
    let counts = engine.certificates().into_iter().filter(|(_, c)| {
        c.revoked.is_none() && c.info.as_ref().is_some_and(|(_, info)| info.not_after >= at)
    });
    let answered = engine.requests().into_iter().filter(|(_, o, _)| *o == Outcome::Success);
    Ok(ReplicaReport {
        replica,
        objects: Some(pre + active + deactivated),
        certificates: counts.count() as u64,
        answered: answered.map(|(_, _, n)| n).sum(),
    })
}

pub(super) fn promote(
    engine: &Engine,
    caller: &Caller,
    site: u32,
    with: &ConfirmRestore,
) -> Result<RestoreConfirmed, Fault> {
    let own = engine.config().site;
    if !engine.is_replica() {
        return Err(none());
    }
    if site != own {
        let what = format!("This replica is site {own}, and site {site} was to be promoted.");
        return Err(Fault::new(errors::CONFLICT, what));
    }
    judged(with, |with| engine.promote(caller, with))
}

fn none() -> Fault {
    Fault::new(errors::CONFLICT, "This server is no replica.")
}
