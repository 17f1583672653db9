//! The life cycle of keys (NIST SP 800-57 part 1 section 7; KMIP 2.1 section 4.57, State).

use strongroom_kmip::Tag;

use crate::object::ManagedObject;

/// The places of the life cycle, in their order: the join of two is the later one. Compromised
/// is a flag beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Lifecycle {
    /// Not yet usable.
    PreActive = 0,
    /// Usable.
    Active = 1,
    /// No longer for protecting; what was protected may still be processed.
    Deactivated = 2,
    /// Material gone for ever.
    Destroyed = 3,
}

impl Lifecycle {
    /// The place with this code.
    pub fn from_code(code: i32) -> Option<Self> {
        Some(match code {
            0 => Self::PreActive,
            1 => Self::Active,
            2 => Self::Deactivated,
            3 => Self::Destroyed,
            _ => return None,
        })
    }
}

/// What a use of a key is for (SP 800-57: "originator usage" and "recipient usage").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Applying protection: encrypt, sign, MAC, wrap, derive.
    Protect,
    /// Processing what was protected: decrypt, verify, unwrap.
    Process,
}

/// Why the life cycle forbids a use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateFault {
    /// The object is Pre-Active.
    NotYetActive,
    /// Deactivated, and the use would protect.
    Deactivated,
    /// Compromised, and the use would protect.
    Compromised,
    /// Destroyed: the material is gone.
    Destroyed,
    /// In archival storage.
    Archived,
    /// Before the Process Start Date.
    BeforeProcessStart,
    /// After the Protect Stop Date.
    AfterProtectStop,
}

/// Whether `object` may be used for `purpose` at `now` (POSIX seconds).
///
/// # Errors
/// The [`StateFault`] that forbids it.
pub fn permits(object: &ManagedObject, purpose: Purpose, now: i64) -> Result<(), StateFault> {
    match object.lifecycle_at(now) {
        Lifecycle::Destroyed => return Err(StateFault::Destroyed),
        _ if object.is_archived() => return Err(StateFault::Archived),
        Lifecycle::PreActive if !object.compromised => return Err(StateFault::NotYetActive),
        // The reason given is the State that the client is shown.
        _ if object.compromised && purpose == Purpose::Protect => {
            return Err(StateFault::Compromised);
        }
        Lifecycle::Deactivated if purpose == Purpose::Protect => {
            return Err(StateFault::Deactivated);
        }
        _ => {}
    }
    match purpose {
        Purpose::Process => {
            if object.date(Tag::PROCESS_START_DATE).is_some_and(|date| date > now) {
                return Err(StateFault::BeforeProcessStart);
            }
        }
        Purpose::Protect => {
            if object.date(Tag::PROTECT_STOP_DATE).is_some_and(|date| date <= now) {
                return Err(StateFault::AfterProtectStop);
            }
        }
    }
    Ok(())
}
