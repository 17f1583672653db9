//! Which row of the error table says what the engine refused.

use strongroom_engine::EngineError;
use strongroom_root::{RootError, SlotError};
use strongroom_store::StoreError;

use crate::errors::{self, Fault};

impl From<EngineError> for Fault {
    fn from(error: EngineError) -> Self {
        let info = match &error {
            EngineError::AlreadyInitialised => errors::ALREADY_INITIALISED,
            EngineError::NotInitialised => errors::NOT_INITIALISED,
            EngineError::Sealed => errors::SEALED,
            EngineError::NotSealed => errors::NOT_SEALED,
            EngineError::RoleExcluded { .. } => errors::ROLE_EXCLUDED,
            EngineError::Audit(_) => errors::AUDIT_FAILED,
            EngineError::Io { .. } => errors::DATA_UNUSABLE,
            EngineError::Refused(_) => errors::BAD_REQUEST,
            EngineError::Denied { .. } => errors::DENIED,
            EngineError::NoApprovers(_) => errors::NO_APPROVERS,
            EngineError::NoApproval(_) | EngineError::ApprovalGone(_) => errors::NOT_FOUND,
            EngineError::MayNotApprove { .. } => errors::MAY_NOT_APPROVE,
            EngineError::NotVouched(_) => errors::NOT_VOUCHED,
            EngineError::NoObject(_) => errors::NOT_FOUND,
            EngineError::WrongState(_) | EngineError::LastOfficer(_) => errors::CONFLICT,
            EngineError::NeedsApproval { .. } => errors::NEEDS_APPROVAL,
            EngineError::Changed(_) => errors::PRECONDITION_FAILED,
            EngineError::Backup(_) => errors::BACKUP_BROKEN,
            EngineError::OtherRoot => errors::BACKUP_OTHER_ROOT,
            EngineError::Occupied(_) => errors::FILE_EXISTS,
            EngineError::Limit(_) => errors::LIMIT_REACHED,
            EngineError::OtherSite { .. } => errors::OTHER_SITE,
            EngineError::Replica(_) => errors::REPLICA_UNFIT,
            EngineError::Unconfirmed(_) => errors::RESTORE_UNCONFIRMED,
            EngineError::SharesForgotten { .. } => errors::SHARES_FORGOTTEN,
            EngineError::Root(error) => root_row(error),
            EngineError::Store(StoreError::Full) | EngineError::DiskFull(_) => errors::DISK_FULL,
            EngineError::Store(
                StoreError::InUse(_)
                | StoreError::Newer { .. }
                | StoreError::Tampered(_)
                | StoreError::Damaged(_, _)
                | StoreError::Incomplete(_),
            ) => errors::DATA_UNUSABLE,
            EngineError::Store(StoreError::Stopping) => errors::STOPPING,
            EngineError::Store(StoreError::Locked) => errors::SEALED,
            EngineError::Store(StoreError::Failed) => errors::STORE_FAILED,
            _ => errors::INTERNAL,
        };
        let detail = match &error {
            // The row says it all.
            EngineError::AlreadyInitialised
            | EngineError::NotInitialised
            | EngineError::Sealed
            | EngineError::NotSealed => String::new(),
            EngineError::NeedsApproval { id, missing } => format!(
                "It is approval {id}: {missing}. They look at it with `strongroom approval show \
                 {id}` and agree with `strongroom approval approve {id}`."
            ),
            // They begin with a user's name.
            EngineError::MayNotApprove { .. }
            | EngineError::LastOfficer(_)
            | EngineError::RoleExcluded { .. } => format!("{error}."),
            other => sentence(&other.to_string()),
        };
        let (rule, object) = match error {
            EngineError::Denied { rule, object, .. } => (Some(rule), Some(object)),
            EngineError::NoObject(object) | EngineError::Changed(object) => (None, Some(object)),
            _ => (None, None),
        };
        Self { rule, object, ..Self::new(info, detail) }
    }
}

/// A library's message as a sentence.
fn sentence(message: &str) -> String {
    let mut rest = message.chars();
    let first = rest.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", rest.as_str())
}

/// The row for what the root key's slots refuse.
fn root_row(error: &RootError) -> &'static errors::ErrorInfo {
    use SlotError as S;
    match error {
        RootError::Slot(S::OtherSet { known: false, .. }) => errors::OLD_SHARE,
        RootError::Share(_)
        | RootError::Slot(
            S::OtherSet { .. }
            | S::OtherSplit { .. }
            | S::RivalShare(_)
            | S::SharesDoNotFit
            | S::ShareDoesNotFit(_),
        ) => errors::WRONG_SHARE,
        RootError::Slot(S::TooFewShares { .. } | S::DuplicateShare(_)) => errors::TOO_FEW_SHARES,
        RootError::Slot(S::WrongPassphrase | S::WrongKey(_)) => errors::WRONG_PASSPHRASE,
        RootError::Slot(S::Rule(_)) => errors::LAST_SLOT,
        RootError::Slot(S::NoSlot(_) | S::NoSlotOfKind(_)) => errors::NOT_FOUND,
        // A second file slot, whose key would lie where the first one's does.
        RootError::Slot(S::Io { error, .. })
            if error.kind() == std::io::ErrorKind::AlreadyExists =>
        {
            errors::FILE_EXISTS
        }
        RootError::Age(_)
        | RootError::Slot(
            S::WeakPassphrase(_)
            | S::BadSplit { .. }
            | S::BadCredentialName(_)
            | S::NoCredentials
            | S::WrongKeySize { .. }
            | S::BadParameters(_),
        ) => errors::SLOT_UNUSABLE,
        RootError::Slot(_) | RootError::Tampered(_) | RootError::WrongRoot { .. } => {
            errors::DATA_UNUSABLE
        }
        _ => errors::INTERNAL,
    }
}
