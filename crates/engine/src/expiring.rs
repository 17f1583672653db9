//! What is to come of keys by their dates.

use std::ops::ControlFlow;

use strongroom_kmip::Tag;
use strongroom_model::{Lifecycle, ManagedObject};
use strongroom_store::{
    Candidates, Order, StoreError, archival_due, rotation_due, scheduled_destruction,
};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::keys::{KeySummary, summary};

/// Most that are told.
const MOST: usize = 10_000;

/// What comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Comes {
    /// It is activated.
    Activation,
    /// It protects no more: it only decrypts and verifies.
    ProtectStop,
    /// It is deactivated.
    Deactivation,
    /// It replaces itself.
    Rotation,
    /// It goes to archival storage.
    Archival,
    /// It is destroyed.
    Destruction,
}

impl Comes {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Activation => "activation",
            Self::ProtectStop => "protect stop",
            Self::Deactivation => "deactivation",
            Self::Rotation => "rotation",
            Self::Archival => "archival",
            Self::Destruction => "destruction",
        }
    }
}

/// A date of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expiring {
    /// The key.
    pub key: KeySummary,
    /// What comes.
    pub comes: Comes,
    /// When, POSIX seconds. What is past waits: for a replacement that was refused, say.
    pub at: i64,
}

impl Engine {
    /// What comes of keys until `until`, POSIX seconds, the next first; at most some thousands.
    ///
    /// # Errors
    /// [`EngineError::Sealed`], or the store's.
    pub fn expiring(&self, until: i64) -> Result<Vec<Expiring>, EngineError> {
        let inner = &self.inner;
        inner.unsealed().ok_or(EngineError::Sealed)?;
        let now = inner.time().earliest();
        let mut found = Vec::new();
        inner.store.read::<_, StoreError>(|tx| {
            // Protect Stop moves nothing, so no index of due dates has it.
            tx.scan(&Candidates::All, Order::Oldest, |object| {
                let dates = dates(&object, now).into_iter().filter(|(_, at)| *at <= until);
                found.extend(dates.map(|(comes, at)| Expiring {
                    key: summary(&object, now),
                    comes,
                    at,
                }));
                if found.len() < MOST { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })
        })?;
        found.sort_by(|a, b| (a.at, a.comes, &a.key.id).cmp(&(b.at, b.comes, &b.key.id)));
        found.truncate(MOST);
        Ok(found)
    }
}

/// The dates of an object that have still to come, or that came and wait.
fn dates(object: &ManagedObject, now: i64) -> Vec<(Comes, i64)> {
    let place = object.lifecycle_at(now);
    let mut dates = Vec::new();
    let mut add = |comes, at: Option<i64>| dates.extend(at.map(|at| (comes, at)));
    if place == Lifecycle::PreActive {
        add(Comes::Activation, object.date(Tag::ACTIVATION_DATE));
    }
    if place < Lifecycle::Deactivated && !object.compromised {
        add(Comes::ProtectStop, object.date(Tag::PROTECT_STOP_DATE).filter(|at| *at > now));
        add(Comes::Deactivation, object.date(Tag::DEACTIVATION_DATE));
        add(Comes::Rotation, rotation_due(object));
    }
    if place < Lifecycle::Destroyed {
        add(Comes::Archival, archival_due(object));
        let at = object.value_of(&scheduled_destruction()).and_then(|at| at.as_date_time());
        add(Comes::Destruction, at);
    }
    dates
}
