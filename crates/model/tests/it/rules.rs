//! The rules under test, behind a trait, so that wrong ones can stand in for the real ones.

use strongroom_model::{
    Change, Contest, ManagedObject, NameConflict, ServerState, Stamp, resolve_names,
};

/// How changes are applied and states joined.
pub trait Rules {
    /// Applies a change to an object.
    fn apply_object(&self, object: &mut ManagedObject, stamp: Stamp, change: &Change) {
        object.apply(stamp, change);
    }

    /// Joins two views of an object.
    fn join_object(&self, object: &mut ManagedObject, other: &ManagedObject) {
        object.join(other);
    }

    /// Applies a change to the server's own state.
    fn apply_server(&self, server: &mut ServerState, stamp: Stamp, change: &Change) {
        server.apply(stamp, change);
    }

    /// Joins two views of the server's own state.
    fn join_server(&self, server: &mut ServerState, other: &ServerState) {
        server.join(other);
    }

    /// Joins two views of a contest.
    fn join_contest(&self, contest: &mut Contest, other: &Contest) {
        contest.join(other);
    }

    /// Whether an object is in archival storage.
    fn archived(&self, object: &ManagedObject) -> bool {
        object.is_archived()
    }

    /// Settles who keeps a name.
    fn names(&self, objects: &[&ManagedObject]) -> Vec<NameConflict> {
        resolve_names(objects.iter().copied())
    }
}

/// The model's own rules.
pub struct Real;

impl Rules for Real {}

/// What is folded from changes and joined: objects and the server's own state alike.
pub trait State: Clone + PartialEq + std::fmt::Debug {
    fn bottom() -> Self;
    fn apply_by(&mut self, rules: &dyn Rules, stamp: Stamp, change: &Change);
    fn join_by(&mut self, rules: &dyn Rules, other: &Self);
}

impl State for ManagedObject {
    fn bottom() -> Self {
        ManagedObject::unknown(crate::arb::ID.into())
    }

    fn apply_by(&mut self, rules: &dyn Rules, stamp: Stamp, change: &Change) {
        rules.apply_object(self, stamp, change);
    }

    fn join_by(&mut self, rules: &dyn Rules, other: &Self) {
        rules.join_object(self, other);
    }
}

impl State for ServerState {
    fn bottom() -> Self {
        ServerState::default()
    }

    fn apply_by(&mut self, rules: &dyn Rules, stamp: Stamp, change: &Change) {
        rules.apply_server(self, stamp, change);
    }

    fn join_by(&mut self, rules: &dyn Rules, other: &Self) {
        rules.join_server(self, other);
    }
}
