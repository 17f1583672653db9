//! What went wrong, in a sentence for the one who started the measurement.

use core::fmt;

/// A sentence.
#[derive(Debug)]
pub struct Failure(pub String);

/// The usual result.
pub type Outcome<T> = Result<T, Failure>;

impl Failure {
    /// A sentence with what it was about in front.
    pub fn about(what: impl fmt::Display) -> impl FnOnce(std::io::Error) -> Self {
        move |error| Self(format!("{what}: {error}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<strongroom_client::Error> for Failure {
    fn from(error: strongroom_client::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<rustls::Error> for Failure {
    fn from(error: rustls::Error) -> Self {
        Self(format!("TLS: {error}"))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}
