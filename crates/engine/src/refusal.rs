//! A request refused: what the client is told and what the audit keeps.

use strongroom_kmip::{AttributeError, ResultReason};
use strongroom_model::{Change, ObjectId};
use strongroom_store::StoreError;

use crate::operations::PairPlan;

/// Why an operation is refused. The reason is in the newest wording; the reply turns it into the
/// nearest that the client's version has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The Result Reason.
    pub reason: ResultReason,
    /// The Result Message: what happened, to what, and what to do next.
    pub message: String,
    /// Not a refusal at all: what the operation turned out to need. Nothing was done, and the
    /// request is run again with it.
    pub(crate) needs: Option<Needs>,
    /// The request for approval that is opened in the place of what was refused.
    pub(crate) opens: Option<Box<Change>>,
}

/// What an operation lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    /// The writer.
    Writer,
    /// A key pair that takes too long to make on the writer.
    Pair(PairPlan),
}

impl Refusal {
    /// A refusal with a reason and a message.
    pub fn new(reason: ResultReason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), needs: None, opens: None }
    }

    /// See [`Refusal::needs`].
    pub(crate) fn needs_writer() -> Self {
        Self::needs(Needs::Writer)
    }

    /// See [`Refusal::needs`].
    pub(crate) fn needs(what: Needs) -> Self {
        let reason = ResultReason::GENERAL_FAILURE;
        Self { reason, message: String::new(), needs: Some(what), opens: None }
    }

    /// A field of the request is missing or wrong.
    pub fn invalid_field(message: impl Into<String>) -> Self {
        Self::new(ResultReason::INVALID_FIELD, message)
    }

    /// The request as a whole makes no sense.
    pub fn invalid_message(message: impl Into<String>) -> Self {
        Self::new(ResultReason::INVALID_MESSAGE, message)
    }

    /// There is no such object, or the caller may not know that there is.
    pub fn not_found(id: &str) -> Self {
        Self::new(
            ResultReason::OBJECT_NOT_FOUND,
            format!(
                "there is no object {id}, or it may not be used by this client: check the \
                 identifier, and which user the certificate names"
            ),
        )
    }

    /// The object is in archival storage.
    pub(crate) fn archived(id: &ObjectId) -> Self {
        Self::new(
            ResultReason::OBJECT_ARCHIVED,
            format!("object {id} is archived: recover it first"),
        )
    }

    /// The policy forbids it.
    pub fn denied(message: impl Into<String>) -> Self {
        Self::new(ResultReason::PERMISSION_DENIED, message)
    }

    /// The life cycle forbids it.
    pub fn wrong_state(message: impl Into<String>) -> Self {
        Self::new(ResultReason::WRONG_KEY_LIFECYCLE_STATE, message)
    }

    /// Built to refuse: an algorithm, a format or an option that is not offered.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ResultReason::FEATURE_NOT_SUPPORTED, message)
    }

    /// The cryptography failed.
    pub fn cryptographic(message: impl Into<String>) -> Self {
        Self::new(ResultReason::CRYPTOGRAPHIC_FAILURE, message)
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        let reason = match error {
            StoreError::Full => strongroom_errors::DISK_FULL.reason,
            _ => ResultReason::GENERAL_FAILURE,
        };
        Self::new(reason, error.to_string())
    }
}

impl From<AttributeError> for Refusal {
    fn from(error: AttributeError) -> Self {
        Self::new(error.reason(), error.to_string())
    }
}

impl From<strongroom_crypto::CryptoError> for Refusal {
    fn from(error: strongroom_crypto::CryptoError) -> Self {
        use strongroom_crypto::CryptoError;
        let reason = match &error {
            CryptoError::Unsupported { .. } => ResultReason::UNSUPPORTED_CRYPTOGRAPHIC_PARAMETERS,
            CryptoError::BadKey { .. } => ResultReason::INVALID_FIELD,
            CryptoError::BadParameter { .. } => ResultReason::GENERAL_FAILURE,
            CryptoError::BadData => ResultReason::CRYPTOGRAPHIC_FAILURE,
            _ => ResultReason::GENERAL_FAILURE,
        };
        Self::new(reason, error.to_string())
    }
}

impl From<strongroom_secmem::SecMemError> for Refusal {
    fn from(error: strongroom_secmem::SecMemError) -> Self {
        Self::new(ResultReason::GENERAL_FAILURE, error.to_string())
    }
}
