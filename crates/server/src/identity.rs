//! From a client certificate to the caller that the engine knows: user is the common name, groups
//! are the organisational units.

use std::net::SocketAddr;
use std::sync::Arc;

use x509_parser::prelude::*;

use crate::errors::{self, Fault};
use crate::pki::hex;
use crate::service::Caller;

/// Longest name taken from a certificate, in bytes: enough for every real one, short enough for
/// every audit record.
const LONGEST_NAME: usize = 256;

/// Users that the server itself is in the records. A certificate with such a name, in whatever
/// case, would make its owner look like the server.
const RESERVED: [&str; 3] = ["server", "strongroom", "console"];

/// Most groups of a user, and most alternative names taken from one certificate.
pub const MOST_NAMES: usize = 32;

/// Who stands behind a connection, and until when the certificate says so.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The caller.
    pub caller: Arc<Caller>,
    /// First second, POSIX, in which the certificate counts.
    pub not_before: i64,
    /// Last second, POSIX, in which it counts.
    pub not_after: i64,
    /// Who signed it: the issuer's name.
    pub issuer: String,
    /// The same as the certificate has it, DER.
    pub issuer_der: Vec<u8>,
    /// Its serial number as the certificate has it, big-endian.
    pub serial: Vec<u8>,
}

impl Identity {
    /// Reads the end-entity certificate that TLS has verified already.
    ///
    /// Without a common name the first DNS or mail name stands in for it.
    ///
    /// # Errors
    /// [`Unusable`] when it names nobody, or two, or a user that only the server is, or has
    /// control characters in a name (they would forge lines in somebody's log).
    pub fn of_certificate(der: &[u8], peer: SocketAddr) -> Result<Self, Unusable> {
        let (_, cert) = X509Certificate::from_der(der)
            .map_err(|_| Unusable("a certificate that is not X.509"))?;
        let subject = cert.subject();
        let mut names = subject.iter_common_name();
        let common = match (names.next(), names.next()) {
            (Some(name), None) => {
                let name = name.as_str();
                Some(name.map_err(|_| Unusable("a certificate whose CN is not text"))?.to_owned())
            }
            (None, _) => None,
            (Some(_), Some(_)) => return Err(Unusable("a certificate with two common names")),
        };
        let mut groups = Vec::new();
        for unit in subject.iter_organizational_unit() {
            // Left out, one would be missing where a rule forbids something to it.
            if groups.len() >= MOST_NAMES {
                return Err(Unusable("a certificate with more than 32 groups"));
            }
            let unit = unit.as_str();
            let unit = unit.map_err(|_| Unusable("a certificate with an OU that is not text"))?;
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
        let user = common.or(stand_in).ok_or(Unusable("a certificate that names nobody"))?;
        check_user(&user)?;
        for name in groups.iter().chain(&sans) {
            check_name(name)?;
        }
        Ok(Self {
            caller: Arc::new(Caller {
                user,
                groups,
                sans,
                fingerprint: hex(&fingerprint(der)),
                issuer: cert.issuer().as_raw().to_vec(),
                serial: hex(cert.raw_serial()),
                address: peer.to_string(),
            }),
            not_before: cert.validity().not_before.timestamp(),
            not_after: cert.validity().not_after.timestamp(),
            issuer: cert.issuer().to_string(),
            issuer_der: cert.issuer().as_raw().to_vec(),
            serial: cert.raw_serial().to_vec(),
        })
    }

    /// Whether the certificate counts at `now`, POSIX seconds. TLS checks this at a full
    /// handshake only; a resumed session and an open connection outlive it.
    pub fn counts_at(&self, now: i64) -> bool {
        (self.not_before..=self.not_after).contains(&now)
    }
}

/// Why a certificate cannot stand for a user: a few words for the audit, never the peer's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unusable(pub &'static str);

impl From<Unusable> for Fault {
    fn from(Unusable(why): Unusable) -> Self {
        Self::new(errors::CERTIFICATE_UNUSABLE, format!("It is {why}."))
    }
}

/// Whether a name can be a user's.
///
/// # Errors
/// [`Unusable`] when it is empty, too long, reserved, or has control characters.
pub fn check_user(name: &str) -> Result<(), Unusable> {
    check_name(name)?;
    if RESERVED.iter().any(|reserved| name.trim().eq_ignore_ascii_case(reserved)) {
        return Err(Unusable("a certificate whose name is reserved for the server itself"));
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), Unusable> {
    if name.chars().any(char::is_control) {
        return Err(Unusable("a certificate with control characters in a name"));
    }
    if name.trim().is_empty() {
        return Err(Unusable("a certificate with an empty name"));
    }
    if name.len() > LONGEST_NAME {
        return Err(Unusable("a certificate with a name of more than 256 bytes"));
    }
    Ok(())
}

/// SHA-256 of a certificate's DER.
pub fn fingerprint(der: &[u8]) -> [u8; 32] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, der);
    // SHA-256 always gives 32 bytes.
    digest.as_ref().first_chunk().copied().unwrap_or_default()
}

/// An IP address as certificates have it.
pub fn address(bytes: &[u8]) -> Option<String> {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Some(std::net::Ipv4Addr::from(v4).to_string());
    }
    let v6 = <[u8; 16]>::try_from(bytes).ok()?;
    Some(std::net::Ipv6Addr::from(v6).to_string())
}
