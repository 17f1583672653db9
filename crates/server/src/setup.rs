//! First set-up: the private CA, the server's certificate, people and their bundles. Quickstart
//! and `init` are two ways to ask for the same things.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;

use strongroom_model::{CertificateInfo, Role};

use crate::config;
use crate::errors::{self, Fault};
use crate::pki::{self, Authority, Issued, LEAF_DAYS, Signed, Subject};
use crate::service::{Manager, console};

/// The name under which the store keeps the CA's key.
pub const CA_KEY: &str = "ca-key";

/// Somebody, or some program, that gets a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The user name: the certificate's CN.
    pub name: String,
    /// The group: the certificate's OU.
    pub group: Option<String>,
    /// The role.
    pub role: Role,
}

/// Makes the private CA: its key goes into the sealed store, its certificate to `tls/ca.pem`.
///
/// # Errors
/// As the store and the filesystem have them.
pub fn make_authority(
    manager: &dyn Manager,
    tls: &config::Tls,
    name: &str,
    now: i64,
) -> Result<Authority, Fault> {
    let authority = Authority::create(name, now)?;
    keep_authority(manager, &authority)?;
    if let Some(dir) = tls.client_ca.parent() {
        pki::private_dir(dir)?;
    }
    pki::write_private(&tls.client_ca, authority.certificate().as_bytes())?;
    Ok(authority)
}

/// Keeps the key of the CA that signs from now on.
///
/// # Errors
/// As the store has them.
pub fn keep_authority(manager: &dyn Manager, authority: &Authority) -> Result<(), Fault> {
    manager.secret_put(CA_KEY, &authority.key()?)
}

/// The private CA that [`make_authority`] made, or the newest that replaced it.
///
/// # Errors
/// [`errors::TLS_MATERIAL`] when there is none.
pub fn load_authority(manager: &dyn Manager, tls: &config::Tls) -> Result<Authority, Fault> {
    let missing = |what: String| Fault::new(errors::TLS_MATERIAL, what);
    let certificate = std::fs::read_to_string(&tls.client_ca)
        .map_err(|e| missing(format!("{}: {e}.", tls.client_ca.display())))?;
    let key = manager
        .secret_get(CA_KEY)?
        .ok_or_else(|| missing("This server has no CA of its own.".into()))?;
    Authority::load(&certificate, &key)
}

/// The names of the server's certificate: those asked for, then the loopback's, then the addresses
/// that are listened on. `0.0.0.0` and `::` are no addresses to reach anybody at.
pub fn certificate_names(asked: &[String], listen: &[SocketAddr]) -> Vec<String> {
    let mut names = asked.to_vec();
    names.extend(["localhost", "127.0.0.1", "::1"].map(str::to_owned));
    names.extend(
        listen.iter().map(|a| a.ip()).filter(|ip| !ip.is_unspecified()).map(|ip| ip.to_string()),
    );
    let mut seen = BTreeSet::new();
    names.retain(|name| seen.insert(name.to_ascii_lowercase()));
    names
}

/// Makes the server's certificate and writes it where the configuration says.
///
/// The key is a file, not a sealed secret: a sealed server has to answer `unseal`, over TLS.
///
/// # Errors
/// As the store and the filesystem have them.
pub fn make_server_certificate(
    manager: &dyn Manager,
    authority: &Authority,
    tls: &config::Tls,
    names: &[String],
    now: i64,
) -> Result<(), Fault> {
    let issued = authority.issue_server(names, LEAF_DAYS, now)?;
    for path in [&tls.certificate, &tls.key] {
        if let Some(dir) = path.parent() {
            pki::private_dir(dir)?;
        }
    }
    let subject = Subject { user: names.first().cloned().unwrap_or_default(), group: None };
    manager.certificate_register(&console(), info(&issued, &subject, "server"))?;
    let chain = format!("{}{}", issued.certificate, issued.authority);
    pki::write_private(&tls.key, issued.key.as_bytes())?;
    pki::write_private(&tls.certificate, chain.as_bytes())
}

/// Makes somebody known: certificate, role, and the bundle in `dir`. `admin` and `kmip` are where
/// the bundle's owner finds the two ports.
///
/// # Errors
/// As the store and the filesystem have them.
pub fn enrol(
    manager: &dyn Manager,
    authority: &Authority,
    person: &Person,
    dir: &Path,
    [admin, kmip]: [&str; 2],
    now: i64,
) -> Result<(), Fault> {
    let subject = Subject { user: person.name.clone(), group: person.group.clone() };
    let issued = authority.issue_client(&subject, LEAF_DAYS, now)?;
    let caller = console();
    manager.certificate_register(&caller, info(&issued, &subject, "client"))?;
    manager.role_grant(&caller, &person.name, person.role)?;
    issued.write_bundle(dir)?;
    pki::write_private(&dir.join(ADMIN_ADDRESS), format!("{admin}\n").as_bytes())?;
    pki::write_private(&dir.join(KMIP_ADDRESS), format!("{kmip}\n").as_bytes())
}

/// The file of a bundle that says where the admin port is.
pub const ADMIN_ADDRESS: &str = "admin-address";

/// The file of a bundle that says where KMIP is served.
pub const KMIP_ADDRESS: &str = "kmip-address";

/// What is kept of a certificate.
pub fn info<'a>(made: impl Into<Made<'a>>, subject: &Subject, purpose: &str) -> CertificateInfo {
    let made = made.into();
    CertificateInfo {
        fingerprint: pki::hex(made.fingerprint),
        user: subject.user.clone(),
        groups: subject.group.iter().cloned().collect(),
        serial: made.serial.to_owned(),
        not_after: made.not_after,
        purpose: purpose.into(),
        issued_by: String::new(),
    }
}

/// What a certificate is known by, whoever made its key.
pub struct Made<'a> {
    fingerprint: &'a [u8; 32],
    serial: &'a str,
    not_after: i64,
}

impl<'a> From<&'a Issued> for Made<'a> {
    fn from(made: &'a Issued) -> Self {
        Self { fingerprint: &made.fingerprint, serial: &made.serial, not_after: made.not_after }
    }
}

impl<'a> From<&'a Signed> for Made<'a> {
    fn from(made: &'a Signed) -> Self {
        Self { fingerprint: &made.fingerprint, serial: &made.serial, not_after: made.not_after }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_names_are_those_asked_for_the_loopback_and_real_addresses() {
        let asked = ["kms.example".to_owned(), "LOCALHOST".into()];
        let listen = ["0.0.0.0:1", "10.0.0.5:2", "[::]:3"].map(|a| a.parse().unwrap());
        let names = certificate_names(&asked, &listen);
        assert_eq!(names, ["kms.example", "LOCALHOST", "127.0.0.1", "::1", "10.0.0.5"]);
    }
}
