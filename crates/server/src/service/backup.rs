//! Backups and the quarantine of restored stores as the admin API has them.

use strongroom_engine::{Confirmation, Confirmed, Engine, EngineError};
use strongroom_journal::SignedHead;

use super::Caller;
use crate::admin::types::{
    ConfirmRestore, ReplicaReport, ReplicaView, ReplicasAllowed, RestoreConfirmed,
};
use crate::errors::Fault;

/// Pieces of a backup, one after the other.
pub type Pieces = Box<dyn Iterator<Item = Result<Vec<u8>, Fault>> + Send>;

/// What the admin API needs of a key manager about backups.
pub trait Backups {
    /// Takes a backup; it is recorded when this returns.
    fn backup(&self, caller: &Caller) -> Result<Pieces, Fault>;
    /// The slot file's text.
    fn slots_backup(&self) -> Result<String, Fault>;
    /// Whether the store was restored and is not confirmed yet. Asked for every request.
    fn is_quarantined(&self) -> bool;
    /// Whether this is a replica. Asked for every request.
    fn is_replica(&self) -> bool;
    /// What it is a replica of, if it is one.
    fn replica(&self) -> Option<ReplicaView>;
    /// Sets random IVs aside for replicas.
    fn allow_replicas(&self, caller: &Caller) -> Result<ReplicasAllowed, Fault>;
    /// What hangs on its promotion.
    fn replica_report(&self) -> Result<ReplicaReport, Fault>;
    /// An officer lets the replica, which is this site, take the place of its primary.
    fn promote(
        &self,
        caller: &Caller,
        site: u32,
        with: &ConfirmRestore,
    ) -> Result<RestoreConfirmed, Fault>;
    /// An officer confirms a restored store.
    fn confirm_restore(
        &self,
        caller: &Caller,
        with: &ConfirmRestore,
    ) -> Result<RestoreConfirmed, Fault>;
}

pub(super) fn confirm(
    engine: &Engine,
    caller: &Caller,
    with: &ConfirmRestore,
) -> Result<RestoreConfirmed, Fault> {
    judged(with, |with| engine.confirm_restore(caller, with))
}

/// Judges what an officer gives to confirm a store that came from a backup.
pub(super) fn judged(
    with: &ConfirmRestore,
    judge: impl FnOnce(Confirmation<'_>) -> Result<Confirmed, EngineError>,
) -> Result<RestoreConfirmed, Fault> {
    let anchors: Result<Vec<SignedHead>, _> = with.anchors.iter().map(|l| l.parse()).collect();
    let anchors = anchors.map_err(|e| Fault::bad_request(format!("An anchor is {e}.")))?;
    let confirmed = judge(Confirmation {
        anchors: &anchors,
        destroyed: &with.destroyed,
        without_anchor: with.without_anchor,
    })?;
    Ok(RestoreConfirmed {
        destroyed_since: confirmed.destroyed_since,
        destroyed: confirmed.destroyed,
        absent: confirmed.absent,
    })
}
