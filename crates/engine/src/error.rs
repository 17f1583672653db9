//! What can go wrong outside a KMIP request.

use std::path::Path;

use strongroom_store::StoreError;

use crate::disk::is_of_full_disk;
use crate::refusal::Refusal;

/// Why the engine did not do what the server asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// A file or directory.
    #[error("{path}: {error}")]
    Io {
        /// Which.
        path: String,
        /// What the operating system said.
        error: String,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The audit of uses.
    #[error("the audit cannot be written: {0}")]
    Audit(String),
    /// A disk that the store or the audit writes to is full.
    #[error("{0}")]
    DiskFull(String),
    /// The root key or its slots.
    #[error(transparent)]
    Root(#[from] strongroom_root::RootError),
    /// Enough shares were given, and together they do not open.
    #[error("{error}; all {count} shares given are forgotten")]
    SharesForgotten {
        /// How many they were.
        count: usize,
        /// Why they do not open.
        error: strongroom_root::RootError,
    },
    /// The cryptography failed.
    #[error(transparent)]
    Crypto(#[from] strongroom_crypto::CryptoError),
    /// There is a root key already.
    #[error("the key manager is initialised already")]
    AlreadyInitialised,
    /// There is no root key yet.
    #[error("the key manager has no root key yet: run `strongroom init`")]
    NotInitialised,
    /// The key manager is sealed.
    #[error("the key manager is sealed: unseal it with `strongroom root unseal`")]
    Sealed,
    /// The key manager is not sealed.
    #[error("the key manager is not sealed")]
    NotSealed,
    /// A role that would break the separation of duties.
    #[error("{user} is {held} already, and one person cannot be {wanted} too")]
    RoleExcluded {
        /// The user.
        user: String,
        /// The role held.
        held: &'static str,
        /// The role asked for.
        wanted: &'static str,
    },
    /// Without this user nobody would be officer.
    #[error("{0} is the last officer: give another the role first")]
    LastOfficer(String),
    /// There is no such managed object.
    #[error("there is no object {0}")]
    NoObject(String),
    /// The object is in a state in which that cannot be done.
    #[error("{0}")]
    WrongState(String),
    /// The object is not what it was when it was looked at.
    #[error("object {0} was changed since it was read")]
    Changed(String),
    /// The shares open the slot, but nobody vouched that custodians hold them.
    #[error(
        "the shares of slot {0} were dealt after the first set-up, and no officer has vouched that custodians hold them"
    )]
    NotVouched(u32),
    /// It waits for others to approve.
    #[error("this waits for approval {id}: {missing}")]
    NeedsApproval {
        /// The request for approval.
        id: String,
        /// Whose approval it waits for.
        missing: String,
    },
    /// Too few could approve it, or too much waits already.
    #[error("{0}")]
    NoApprovers(String),
    /// There is no such request for approval, or approval rule, or it is not the caller's to see.
    #[error("there is no approval {0}, or it is not yours to see")]
    NoApproval(String),
    /// This request for approval is over and has left the list, or its number never was given.
    #[error(
        "approval {0} is not in the list any more: it is over, and the audit has what became of it"
    )]
    ApprovalGone(String),
    /// A duty stands against this approval.
    #[error("{user} may not do that: {why}")]
    MayNotApprove {
        /// Who wanted to.
        user: String,
        /// Why not.
        why: String,
    },
    /// The policy denies it on this object.
    #[error("{user} may not do that with object {object} (rule {rule})")]
    Denied {
        /// Who asked.
        user: String,
        /// The object.
        object: String,
        /// The rule that decided.
        rule: String,
    },
    /// The engine's own rules refuse it.
    #[error("{0}")]
    Refused(String),
    /// A backup that is not whole.
    #[error("the backup does not check: {0}")]
    Backup(String),
    /// Slots of another root key than a backup's.
    #[error("the slots are of another root key than the one that the backup was sealed under")]
    OtherRoot,
    /// A directory that is to be empty and is not.
    #[error("{0} is not empty")]
    Occupied(String),
    /// A restored store that cannot be confirmed like that.
    #[error("{0}")]
    Unconfirmed(String),
    /// The store was made for another site than the configuration names.
    #[error("the store is of site {store}, and the configuration says data.site = {configured}")]
    OtherSite {
        /// The store's.
        store: u32,
        /// The configuration's.
        configured: u32,
    },
    /// There are as many of something as there may be.
    #[error("{0}")]
    Limit(String),
    /// What a replica cannot be made or refreshed with.
    #[error("{0}")]
    Replica(String),
    /// Stored data does not check.
    #[error("{0}")]
    Damaged(String),
}

impl EngineError {
    /// Something could not be recorded.
    pub(crate) fn unrecorded(refusal: Refusal) -> Self {
        match is_of_full_disk(refusal.reason) {
            true => Self::DiskFull(refusal.message),
            false => Self::Audit(refusal.message),
        }
    }

    pub(crate) fn io(path: &Path, error: &std::io::Error) -> Self {
        Self::Io { path: path.display().to_string(), error: error.to_string() }
    }
}
