//! What can go wrong, sorted by who can mend it.

use std::io;

use rustls::{AlertDescription, CertificateError};
use strongroom_kmip::{Operation, ResultReason};

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party {
    /// This side.
    Client,
    /// The other side.
    Server,
}

/// Why a connection or a request failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The configuration cannot be used: whoever wrote it is at fault.
    #[error("configuration: {0}")]
    Config(String),
    /// No TCP connection to the address.
    #[error("cannot connect to {address}: {source}")]
    Connect {
        /// The address that was tried.
        address: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// A certificate was not accepted, by the named party.
    #[error("{}: {reason}", match refused_by {
        Party::Client => "the server's certificate is refused",
        Party::Server => "the server refused this client's certificate",
    })]
    Certificate {
        /// Who refused the other's certificate.
        refused_by: Party,
        /// Why, in words.
        reason: String,
    },
    /// TLS failed for another reason than a certificate.
    #[error("TLS with {address} failed: {reason}")]
    Tls {
        /// The address that was tried.
        address: String,
        /// Why, in words.
        reason: String,
    },
    /// The time allowed has passed.
    #[error("timed out while {doing}")]
    Timeout {
        /// What was being done.
        doing: &'static str,
    },
    /// The server closed the connection where a reply was due.
    #[error("the server closed the connection before it replied")]
    Closed,
    /// Reading or writing failed in another way.
    #[error("connection lost while {doing}: {source}")]
    Lost {
        /// What was being done.
        doing: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
    /// The connection failed earlier and was used again.
    #[error("this connection failed earlier and cannot be used again")]
    Unusable,
    /// The server's bytes are not a reply to the request.
    #[error("bad reply: {0}")]
    BadReply(String),
    /// The server understood and refused. The connection stays usable.
    #[error("{operation} refused: {reason}{}{message}", if message.is_empty() { "" } else { ": " })]
    Refused {
        /// The operation asked for.
        operation: Operation,
        /// Result Reason of the reply.
        reason: ResultReason,
        /// Result Message of the reply; may be empty.
        message: String,
    },
    /// Every address of the list failed; the reasons in the order of the list.
    #[error("no server could be reached: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    NoServer(Vec<Error>),
}

impl Error {
    /// Whether another server of the list may do better: the fault lies with the way to this one,
    /// not with the request or the configuration.
    pub fn is_about_the_server(&self) -> bool {
        !matches!(self, Self::Config(_) | Self::Refused { .. })
    }

    /// Sorts what rustls or the socket reported into the variants above.
    pub(crate) fn from_io(source: io::Error, address: &str, doing: &'static str) -> Self {
        if matches!(source.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock) {
            return Self::Timeout { doing };
        }
        match source.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>()) {
            Some(tls) => Self::from_tls(tls, address),
            None if source.kind() == io::ErrorKind::UnexpectedEof => Self::Closed,
            None => Self::Lost { doing, source },
        }
    }

    pub(crate) fn from_tls(error: &rustls::Error, address: &str) -> Self {
        match error {
            rustls::Error::InvalidCertificate(why) => {
                Self::Certificate { refused_by: Party::Client, reason: certificate_words(why) }
            }
            rustls::Error::AlertReceived(alert) => match refusal_words(*alert) {
                Some(reason) => {
                    Self::Certificate { refused_by: Party::Server, reason: reason.to_owned() }
                }
                None => Self::Tls {
                    address: address.to_owned(),
                    reason: format!("the server sent the alert {alert:?}"),
                },
            },
            other => Self::Tls { address: address.to_owned(), reason: other.to_string() },
        }
    }
}

fn certificate_words(error: &CertificateError) -> String {
    match error {
        CertificateError::UnknownIssuer => {
            "it is not issued by the configured certificate authority".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it does not name the server that was asked for".to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "it has expired".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet".to_owned()
        }
        CertificateError::Revoked => "it is revoked".to_owned(),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "it is not meant for a server (extended key usage)".to_owned()
        }
        other => other.to_string(),
    }
}

fn refusal_words(alert: AlertDescription) -> Option<&'static str> {
    Some(match alert {
        AlertDescription::UnknownCA => "it does not know the authority that issued it",
        AlertDescription::CertificateExpired => "it has expired",
        AlertDescription::CertificateRevoked => "it is revoked",
        AlertDescription::CertificateRequired => "it demands one and none was sent",
        AlertDescription::AccessDenied => "it grants this certificate no access",
        AlertDescription::BadCertificate => "it is malformed or wrongly signed",
        AlertDescription::UnsupportedCertificate => "it is of a kind that it does not accept",
        AlertDescription::CertificateUnknown => "it did not say why",
        _ => return None,
    })
}
