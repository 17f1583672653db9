//! From a client certificate to the caller that the engine knows: user is the common name, groups
//! are the organisational units.

use std::net::SocketAddr;
use std::sync::Arc;

use x509_parser::prelude::*;

use crate::errors::{self, Fault};
use crate::pki::hex;
use crate::service::Caller;

/// Longest name taken from a certificate, in characters: enough for every real one, short enough
/// for every audit record.
const LONGEST_NAME: usize = 256;

/// Most groups or alternative names taken from one certificate.
const MOST_NAMES: usize = 32;

/// Who stands behind a connection, and until when the certificate says so.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The caller.
    pub caller: Arc<Caller>,
    /// First second, POSIX, in which the certificate counts.
    pub not_before: i64,
    /// Last second, POSIX, in which it counts.
    pub not_after: i64,
}

impl Identity {
    /// Reads the end-entity certificate that TLS has verified already.
    ///
    /// Without a common name the first DNS or mail name stands in for it.
    ///
    /// # Errors
    /// [`errors::CERTIFICATE_UNUSABLE`] when it names nobody, or two, or has control characters
    /// in a name (they would forge lines in somebody's log).
    pub fn of_certificate(der: &[u8], peer: SocketAddr) -> Result<Self, Fault> {
        let unusable = |why: &str| Fault::new(errors::CERTIFICATE_UNUSABLE, why.to_owned());
        let (_, cert) = X509Certificate::from_der(der)
            .map_err(|_| unusable("It is not an X.509 certificate."))?;
        let subject = cert.subject();
        let mut names = subject.iter_common_name();
        let common = match (names.next(), names.next()) {
            (Some(name), None) => {
                Some(name.as_str().map_err(|_| unusable("Its CN is not text."))?.to_owned())
            }
            (None, _) => None,
            (Some(_), Some(_)) => return Err(unusable("It has two common names.")),
        };
        let mut groups = Vec::new();
        for unit in subject.iter_organizational_unit().take(MOST_NAMES) {
            let unit = unit.as_str().map_err(|_| unusable("An OU is not text."))?;
            groups.push(unit.to_owned());
        }
        let mut sans = Vec::new();
        let mut stand_in = None;
        if let Ok(Some(extension)) = cert.subject_alternative_name() {
            for name in extension.value.general_names.iter().take(MOST_NAMES) {
                let text = match name {
                    GeneralName::DNSName(n) | GeneralName::RFC822Name(n) => {
                        stand_in.get_or_insert((*n).to_owned());
                        (*n).to_owned()
                    }
                    GeneralName::URI(n) => (*n).to_owned(),
                    GeneralName::IPAddress(bytes) => match address(bytes) {
                        Some(ip) => ip,
                        None => continue,
                    },
                    _ => continue,
                };
                sans.push(text);
            }
        }
        let user = common.or(stand_in).ok_or_else(|| unusable("It has no common name."))?;
        for name in core::iter::once(&user).chain(&groups).chain(&sans) {
            if name.trim().is_empty()
                || name.chars().count() > LONGEST_NAME
                || name.chars().any(char::is_control)
            {
                return Err(unusable("A name in it is empty, too long or has control characters."));
            }
        }
        Ok(Self {
            caller: Arc::new(Caller {
                user,
                groups,
                sans,
                fingerprint: hex(&fingerprint(der)),
                address: peer.to_string(),
            }),
            not_before: cert.validity().not_before.timestamp(),
            not_after: cert.validity().not_after.timestamp(),
        })
    }

    /// Whether the certificate counts at `now`, POSIX seconds. TLS checks this at a full
    /// handshake only; a resumed session and an open connection outlive it.
    pub fn counts_at(&self, now: i64) -> bool {
        (self.not_before..=self.not_after).contains(&now)
    }
}

/// SHA-256 of a certificate's DER.
pub fn fingerprint(der: &[u8]) -> [u8; 32] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, der);
    // SHA-256 always gives 32 bytes.
    digest.as_ref().first_chunk().copied().unwrap_or_default()
}

fn address(bytes: &[u8]) -> Option<String> {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Some(std::net::Ipv4Addr::from(v4).to_string());
    }
    let v6 = <[u8; 16]>::try_from(bytes).ok()?;
    Some(std::net::Ipv6Addr::from(v6).to_string())
}
