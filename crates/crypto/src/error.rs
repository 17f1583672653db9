//! The one error of the crate.

use std::borrow::Cow;

use strongroom_secmem::SecMemError;

/// Why an operation was not done. Says what the caller did wrong, never what a secret is.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CryptoError {
    /// The algorithm, or this combination of parameters, is not offered. The caller's choice.
    #[error("{what} is not supported")]
    Unsupported {
        /// The algorithm or combination, in words.
        what: Cow<'static, str>,
    },
    /// The key does not fit the algorithm or is not a key. The fault of whoever made it.
    #[error("the key cannot be used: {why}")]
    BadKey {
        /// What is wrong with it.
        why: Cow<'static, str>,
    },
    /// A parameter of the request is missing or out of range. The caller's fault.
    #[error("bad parameter: {what}")]
    BadParameter {
        /// Which one, and its range.
        what: Cow<'static, str>,
    },
    /// A tag, padding, signature encoding or wrapped key failed its check. One variant for all, so
    /// that an attacker who feeds altered data learns one bit.
    #[error("the data failed its check")]
    BadData,
    /// The random generator failed.
    #[error("the random generator failed")]
    Rng,
    /// No locked memory for the result.
    #[error(transparent)]
    Memory(#[from] SecMemError),
    /// The library failed for no fault of the caller's, such as memory exhausted.
    #[error("internal failure of the cryptographic library: {0}")]
    Internal(&'static str),
}

impl CryptoError {
    pub(crate) fn unsupported(what: impl Into<Cow<'static, str>>) -> Self {
        Self::Unsupported { what: what.into() }
    }

    pub(crate) fn key(why: impl Into<Cow<'static, str>>) -> Self {
        Self::BadKey { why: why.into() }
    }

    pub(crate) fn parameter(what: impl Into<Cow<'static, str>>) -> Self {
        Self::BadParameter { what: what.into() }
    }
}

impl From<strongroom_awslc::Error> for CryptoError {
    fn from(error: strongroom_awslc::Error) -> Self {
        use strongroom_awslc::Error;
        match error {
            Error::Unsupported(what) => Self::unsupported(what),
            Error::BadKey(why) => Self::key(why),
            Error::BadParameter(what) => Self::parameter(what),
            Error::BadData => Self::BadData,
            Error::Internal(what) => Self::Internal(what),
            _ => Self::Internal("awslc"),
        }
    }
}
