//! What can go wrong with the root key.

use std::path::PathBuf;

use strongroom_crypto::CryptoError;
use strongroom_secmem::SecMemError;

use crate::age::AgeError;
use crate::share::{SetId, ShareError};

/// Why the root key or something below it does not open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RootError {
    /// Key bytes of another length.
    #[error("the {what} must have {expected} bytes")]
    WrongLength {
        /// Which key.
        what: &'static str,
        /// Bytes it must have.
        expected: usize,
    },
    /// The epoch keys were wrapped by another root key.
    #[error("the key of epoch {epoch} belongs to another root key")]
    WrongRoot {
        /// Which epoch.
        epoch: u32,
    },
    /// The key of an epoch is not here.
    #[error("the key of epoch {epoch} is gone: it was retired")]
    NoEpoch {
        /// Which epoch.
        epoch: u32,
    },
    /// Sealed bytes do not check.
    #[error("the sealed material of {0} does not check: restore it from a backup")]
    Tampered(String),
    /// A slot does not open or cannot be changed.
    #[error(transparent)]
    Slot(#[from] SlotError),
    /// A share's text is wrong.
    #[error(transparent)]
    Share(#[from] ShareError),
    /// An age recipient, identity or file is wrong.
    #[error(transparent)]
    Age(#[from] AgeError),
    /// The cryptography failed.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// Locked memory is short.
    #[error(transparent)]
    Memory(#[from] SecMemError),
}

impl RootError {
    /// The slot's error, if it is one.
    pub fn slot(&self) -> Option<&SlotError> {
        match self {
            RootError::Slot(error) => Some(error),
            _ => None,
        }
    }
}

/// Why a slot does not open, or the slots cannot be changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SlotError {
    /// The file system failed.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What happened.
        error: std::io::Error,
    },
    /// Others than the owner may read or write a file of keys. The operator's matter.
    #[error("{path} has mode {mode:04o}: others can read or change it; set it to 0600")]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The slot file cannot be read.
    #[error("this is not a slot file: {0}")]
    BadFile(String),
    /// The slot file was written by a later version.
    #[error("a slot file of format {0}; this version reads format 1")]
    UnknownFormat(u32),
    /// The slot file was altered: its slots are not those that were last written with the root
    /// key open.
    #[error("the slot file was altered since it was last written")]
    Altered,
    /// There is no slot of this kind.
    #[error("there is no {0} slot")]
    NoSlotOfKind(&'static str),
    /// There is no slot with this number.
    #[error("there is no slot {0}")]
    NoSlot(u32),
    /// A key file or credential of another length.
    #[error("{path} has {found} bytes; a slot's key has 32")]
    WrongKeySize {
        /// The file.
        path: PathBuf,
        /// Its length in bytes.
        found: u64,
    },
    /// systemd gave no credentials to this process.
    #[error("systemd gave this process no credentials (CREDENTIALS_DIRECTORY is not set)")]
    NoCredentials,
    /// A credential name that is a path.
    #[error("{0:?} is not the name of a credential")]
    BadCredentialName(String),
    /// The key is of another slot.
    #[error("the key does not belong to slot {0}")]
    WrongKey(u32),
    /// No passphrase slot opens.
    #[error("wrong passphrase")]
    WrongPassphrase,
    /// A passphrase that can be guessed.
    #[error("a passphrase needs at least {0} characters")]
    WeakPassphrase(usize),
    /// Argon2 parameters out of range.
    #[error("Argon2 parameters out of range: {0}")]
    BadParameters(&'static str),
    /// The slot's key is right and its content is damaged.
    #[error("slot {0} is damaged: its key is right, what it holds does not check")]
    Damaged(u32),
    /// Fewer shares than needed.
    #[error("{have} of {need} shares: {} more needed", need - have)]
    TooFewShares {
        /// Different shares given.
        have: usize,
        /// Shares needed.
        need: usize,
    },
    /// A share that belongs to no Shamir slot here, or not to the same as the others.
    #[error(
        "share {index} belongs to set {set}, {} {expected}",
        if *.known { "not to" } else { "which opens nothing here; wanted are shares of set" }
    )]
    OtherSet {
        /// The share's number.
        index: u8,
        /// Its set.
        set: SetId,
        /// The set expected.
        expected: SetId,
        /// Whether a slot here opens with the share's set. If not, it is of slots that were replaced
        /// or removed, or of another root key.
        known: bool,
    },
    /// One share given twice.
    #[error("share {0} was given twice")]
    DuplicateShare(u8),
    /// A share with the number of one given before, and another content.
    #[error("another share {0} was given before: one of the two is not what was handed out")]
    RivalShare(u8),
    /// A share that tells another split than its slot has.
    #[error(
        "share {index} is not what was handed out: its set has {shares} shares, of which \
         {threshold} open"
    )]
    OtherSplit {
        /// The share's number.
        index: u8,
        /// Shares that open the slot.
        threshold: u8,
        /// Shares that were handed out.
        shares: u8,
    },
    /// Shares that are sound in themselves and do not give the slot's key together.
    #[error("the shares do not fit together: at least one is not what was handed out")]
    SharesDoNotFit,
    /// This share alone does not fit the others.
    #[error("share {0} does not fit the others: it is not what was handed out")]
    ShareDoesNotFit(u8),
    /// A split that makes no sense.
    #[error("cannot split into {shares} shares with {threshold} needed: 2 to all of at most 255")]
    BadSplit {
        /// Shares needed.
        threshold: u8,
        /// Shares made.
        shares: u8,
    },
    /// The slots open another root key than the one given.
    #[error("the slots belong to another root key")]
    OtherRoot,
    /// The slots would not meet the rule.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// Rotation needs the passphrase or key of a slot.
    #[error("the {kind} of slot {slot} is needed to put the new root key into it")]
    SecretNeeded {
        /// The slot.
        slot: u32,
        /// What is needed.
        kind: &'static str,
    },
}

/// How the slots fall short of the rule: two at least, one of them offline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// If the only slot is lost, everything is.
    #[error("{0} root slot: at least two are needed, so that losing one loses nothing")]
    TooFew(usize),
    /// Every slot lies on this machine.
    #[error("no offline root slot: at least one must be Shamir shares or a passphrase")]
    NoneOffline,
}
