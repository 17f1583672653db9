//! What is to come of keys by their dates.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;

use strongroom_kmip::Tag;
use strongroom_model::{Lifecycle, ManagedObject};
use strongroom_store::{
    Candidates, Order, StoreError, archival_due, rotation_due, scheduled_destruction,
};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::keys::{KeySummary, summary};

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

impl Comes {
    const ALL: [Self; 6] = [
        Self::Activation,
        Self::ProtectStop,
        Self::Deactivation,
        Self::Rotation,
        Self::Archival,
        Self::Destruction,
    ];
}

/// The place of a date among all dates of all keys: the order in which they come.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExpiringPlace {
    at: i64,
    comes: Comes,
    id: String,
}

impl ExpiringPlace {
    /// Reads a place as it is written; none if it is none.
    pub fn read(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '/');
        let (at, comes, id) = (parts.next()?, parts.next()?, parts.next()?);
        let comes = Comes::ALL.into_iter().find(|known| known.name() == comes)?;
        Some(Self { at: at.parse().ok()?, comes, id: id.to_owned() })
    }
}

impl fmt::Display for ExpiringPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.at, self.comes.name(), self.id)
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

impl Expiring {
    /// Where it stands among all.
    pub fn place(&self) -> ExpiringPlace {
        ExpiringPlace { at: self.at, comes: self.comes, id: self.key.id.clone() }
    }
}

impl Engine {
    /// What comes of keys until `until`, POSIX seconds, the next first: those behind `after`, and at
    /// most `most`.
    ///
    /// # Errors
    /// [`EngineError::Sealed`], or the store's.
    pub fn expiring(
        &self,
        until: i64,
        after: Option<&ExpiringPlace>,
        most: usize,
    ) -> Result<Vec<Expiring>, EngineError> {
        let inner = &self.inner;
        inner.unsealed().ok_or(EngineError::Sealed)?;
        let now = inner.time().earliest();
        let mut found = BTreeMap::new();
        inner.store.read::<_, StoreError>(|tx| {
            // Protect Stop moves nothing, so no index of due dates has it.
            tx.scan(&Candidates::All, Order::Oldest, |object| {
                for (comes, at) in dates(&object, now) {
                    let place = ExpiringPlace { at, comes, id: object.id.0.clone() };
                    if at > until || after.is_some_and(|after| place <= *after) {
                        continue;
                    }
                    found.insert(place, summary(&object, now));
                    // What is kept does not grow with the store.
                    if found.len() > most {
                        found.pop_last();
                    }
                }
                ControlFlow::Continue(())
            })
        })?;
        let told = |(place, key): (ExpiringPlace, KeySummary)| Expiring {
            key,
            comes: place.comes,
            at: place.at,
        };
        Ok(found.into_iter().map(told).collect())
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
