//! The private certification authority: ECDSA P-256, server and client certificates, bundles.
//!
//! Time and randomness of keys come from outside or from aws-lc; nothing here reads a clock. The
//! authority's key leaves this module only as bytes for the sealed store.

use std::fs;
use std::io::Write;
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, PublicKeyData, SanType, SerialNumber,
};
use rustls_pki_types::{CertificateSigningRequestDer, PrivatePkcs8KeyDer};
use strongroom_secmem::SecretBytes;
use zeroize::Zeroizing;

use crate::errors::{self, Fault};
use crate::identity::{Unusable, check_user, fingerprint};
use crate::names::deceives;

/// Seconds of a day.
const DAY: i64 = 86_400;

/// How far before its making a certificate begins, seconds: clients' clocks differ.
pub const BACKDATE: i64 = 3600;

/// Days that an authority of our own counts.
pub const AUTHORITY_DAYS: i64 = 3652;

/// Days that the server's and clients' certificates count unless asked otherwise.
pub const LEAF_DAYS: i64 = 730;

/// A certification authority with its key.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate, PEM.
    own: String,
    /// Every certificate that a client has to trust, PEM.
    certificate: String,
}

/// Whom a client certificate names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Common name: the user.
    pub user: String,
    /// Organisational unit: the group.
    pub group: Option<String>,
}

/// A certificate that was revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// Its serial number, hexadecimal.
    pub serial: String,
    /// When, POSIX seconds.
    pub at: i64,
}

/// A certificate just made for somebody else's key.
pub struct Signed {
    /// The certificate, PEM.
    pub certificate: String,
    /// The authorities' certificates, PEM.
    pub authority: String,
    /// SHA-256 of the certificate's DER.
    pub fingerprint: [u8; 32],
    /// Serial number, hexadecimal.
    pub serial: String,
    /// Last second in which it counts, POSIX.
    pub not_after: i64,
}

/// A certificate just made, with its key.
pub struct Issued {
    /// The certificate, PEM.
    pub certificate: String,
    /// Its private key, PKCS#8 PEM. Wiped when dropped.
    pub key: Zeroizing<String>,
    /// The authority's certificate, PEM.
    pub authority: String,
    /// SHA-256 of the certificate's DER.
    pub fingerprint: [u8; 32],
    /// Serial number, hexadecimal.
    pub serial: String,
    /// Last second in which it counts, POSIX.
    pub not_after: i64,
}

impl Authority {
    /// Makes an authority named `name`, beginning at `now` (POSIX seconds).
    ///
    /// # Errors
    /// [`errors::INTERNAL`] when no key can be made.
    pub fn create(name: &str, now: i64) -> Result<Self, Fault> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(internal)?;
        let mut params = dated(now, AUTHORITY_DAYS)?;
        params.distinguished_name = distinguished(&[(DnType::CommonName, name)]);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).map_err(internal)?;
        let certificate = certificate.pem();
        Ok(Self { issuer: Issuer::new(params, key), own: certificate.clone(), certificate })
    }

    /// An authority from its key (PKCS#8 DER, from the sealed store) and its certificate, which is
    /// the one among these (PEM) that belongs to the key.
    ///
    /// # Errors
    /// [`errors::TLS_MATERIAL`] when they are not what they should be.
    pub fn load(certificate_pem: &str, key: &SecretBytes) -> Result<Self, Fault> {
        let bad = |e: rcgen::Error| Fault::new(errors::TLS_MATERIAL, format!("The CA: {e}."));
        let pkcs8 = PrivatePkcs8KeyDer::from(key.as_slice());
        let pair =
            KeyPair::from_pkcs8_der_and_sign_algo(&pkcs8, &PKCS_ECDSA_P256_SHA256).map_err(bad)?;
        let mut rest = certificate_pem;
        loop {
            let own = first_pem(rest).map_err(|_| {
                Fault::new(errors::TLS_MATERIAL, "No certificate of the CA belongs to its key.")
            })?;
            let der = first_certificate(&own)?;
            let belongs = x509_parser::parse_x509_certificate(&der)
                .is_ok_and(|(_, c)| c.public_key().raw == pair.subject_public_key_info());
            if belongs {
                let issuer = Issuer::from_ca_cert_der(&der.as_slice().into(), pair).map_err(bad)?;
                return Ok(Self { issuer, own, certificate: certificate_pem.to_owned() });
            }
            let end = rest.find(END).map_or(rest.len(), |at| at + END.len());
            rest = rest.get(end..).unwrap_or_default();
        }
    }

    /// The authority's key, PKCS#8 DER, for the sealed store.
    ///
    /// # Errors
    /// [`errors::INTERNAL`] when no locked memory is left.
    pub fn key(&self) -> Result<SecretBytes, Fault> {
        SecretBytes::from_slice(self.issuer.key().serialized_der())
            .map_err(|e| Fault::new(errors::INTERNAL, format!("{e}.")))
    }

    /// The certificate of the authority that signs, PEM.
    pub fn own(&self) -> &str {
        &self.own
    }

    /// Every authority's certificate that a client has to trust, PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Makes a server certificate for `names`, DNS names and IP addresses.
    ///
    /// # Errors
    /// [`errors::BAD_REQUEST`] when a name cannot be one.
    pub fn issue_server(&self, names: &[String], days: i64, now: i64) -> Result<Issued, Fault> {
        let mut params = dated(now, days)?;
        for name in names {
            params.subject_alt_names.push(match name.parse::<IpAddr>() {
                Ok(ip) => SanType::IpAddress(ip),
                Err(_) => SanType::DnsName(dns_name(name)?),
            });
        }
        // The name that the server has in records stands in no certificate, not even its own.
        let first = names.iter().find(|name| check_user(name).is_ok());
        let first = first.map_or("localhost", String::as_str);
        params.distinguished_name = distinguished(&[(DnType::CommonName, first)]);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.issue(params)
    }

    /// Makes a client certificate.
    ///
    /// # Errors
    /// [`errors::BAD_REQUEST`] when the subject cannot be one.
    pub fn issue_client(&self, subject: &Subject, days: i64, now: i64) -> Result<Issued, Fault> {
        self.issue(client_params(subject, days, now)?)
    }

    /// Signs a client's certificate for the key of a certificate signing request (PKCS #10, RFC
    /// 2986), whose own signature is checked. What else the request asks for is not taken.
    ///
    /// # Errors
    /// [`errors::BAD_REQUEST`] when the request or the subject cannot be one.
    pub fn sign_client(
        &self,
        csr_pem: &str,
        subject: &Subject,
        days: i64,
        now: i64,
    ) -> Result<Signed, Fault> {
        let bad = |e: rcgen::Error| {
            Fault::bad_request(format!("The certificate signing request cannot be taken: {e}."))
        };
        // What was looked at is what is signed: a file may hold more than one thing.
        let der = checked(csr_pem)?;
        let request = CertificateSigningRequestParams::from_der(&der).map_err(bad)?;
        let mut params = client_params(subject, days, now)?;
        let (serial, not_after) = self.finish_params(&mut params)?;
        let certificate = params.signed_by(&request.public_key, &self.issuer).map_err(internal)?;
        Ok(Signed {
            fingerprint: fingerprint(certificate.der()),
            certificate: certificate.pem(),
            authority: self.certificate.clone(),
            serial,
            not_after,
        })
    }

    /// Signs a list of revoked certificates (RFC 5280 section 5), made at `now` and to be renewed
    /// within `days`.
    ///
    /// # Errors
    /// [`errors::BAD_REQUEST`] for days that are too many, or a serial number that is none.
    pub fn sign_list(&self, revoked: &[Revoked], days: i64, now: i64) -> Result<String, Fault> {
        if !(1..=365).contains(&days) {
            return Err(Fault::bad_request(
                "A list of revoked certificates counts for 1 to 365 days.",
            ));
        }
        let certs = revoked.iter().map(|revoked| {
            let serial = unhex(&revoked.serial)
                .ok_or_else(|| Fault::bad_request("A serial number is not hexadecimal."))?;
            Ok(rcgen::RevokedCertParams {
                serial_number: SerialNumber::from_slice(&serial),
                revocation_time: at(revoked.at)?,
                reason_code: None,
                invalidity_date: None,
            })
        });
        let list = rcgen::CertificateRevocationListParams {
            // As for certificates: whoever reads it has another clock.
            this_update: at(now - BACKDATE)?,
            next_update: at(now + days * DAY)?,
            crl_number: SerialNumber::from(now.unsigned_abs()),
            issuing_distribution_point: None,
            revoked_certs: certs.collect::<Result<_, Fault>>()?,
            key_identifier_method: rcgen::KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).and_then(|list| list.pem()).map_err(internal)
    }

    /// A client certificate for whatever name, as a careless authority would make it.
    #[cfg(test)]
    pub(crate) fn issue_unchecked(&self, user: &str, now: i64) -> Result<Issued, Fault> {
        let mut params = dated(now, 5)?;
        params.distinguished_name = distinguished(&[(DnType::CommonName, user)]);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(params)
    }

    fn issue(&self, mut params: CertificateParams) -> Result<Issued, Fault> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(internal)?;
        let (serial, not_after) = self.finish_params(&mut params)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(internal)?;
        Ok(Issued {
            fingerprint: fingerprint(certificate.der()),
            certificate: certificate.pem(),
            key: Zeroizing::new(key.serialize_pem()),
            authority: self.certificate.clone(),
            serial,
            not_after,
        })
    }

    /// Sets what all certificates have, and gives serial number and end.
    fn finish_params(&self, params: &mut CertificateParams) -> Result<(String, i64), Fault> {
        let mut serial = [0; 16];
        aws_lc_rs::rand::fill(&mut serial).map_err(|_| Fault::from(errors::INTERNAL))?;
        // A positive number that keeps its length in DER.
        serial[0] = serial[0] & 0x7F | 0x40;
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        Ok((hex(&serial), params.not_after.unix_timestamp()))
    }
}

/// A key of somebody's own, and a certificate signing request for it.
pub struct Wish {
    /// The private key, PKCS#8 PEM. Wiped when dropped.
    pub key: Zeroizing<String>,
    /// The request, PEM.
    pub csr: String,
}

impl Wish {
    /// Makes a P-256 key and a request for it.
    ///
    /// # Errors
    /// [`errors::INTERNAL`] when no key can be made.
    pub fn create() -> Result<Self, Fault> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(internal)?;
        let request = CertificateParams::default().serialize_request(&key).map_err(internal)?;
        let csr = request.pem().map_err(internal)?;
        Ok(Self { key: Zeroizing::new(key.serialize_pem()), csr })
    }
}

fn client_params(subject: &Subject, days: i64, now: i64) -> Result<CertificateParams, Fault> {
    check_user(&subject.user).map_err(|Unusable(why)| {
        Fault::bad_request(format!("\"{}\" would make {why}.", subject.user.escape_debug()))
    })?;
    core::iter::once(&subject.user).chain(&subject.group).try_for_each(|n| check_subject(n))?;
    let mut params = dated(now, days)?;
    let mut parts = vec![(DnType::CommonName, subject.user.as_str())];
    if let Some(group) = &subject.group {
        parts.push((DnType::OrganizationalUnitName, group));
    }
    params.distinguished_name = distinguished(&parts);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    Ok(params)
}

/// The certificate signing request in a text, if its key is strong enough and it asks for no name
/// that deceives.
fn checked(csr_pem: &str) -> Result<CertificateSigningRequestDer<'static>, Fault> {
    use rustls_pki_types::pem::PemObject;
    use x509_parser::prelude::FromDer;
    let unreadable = || Fault::bad_request("The certificate signing request cannot be read.");
    let der = CertificateSigningRequestDer::from_pem_slice(csr_pem.as_bytes())
        .map_err(|_| unreadable())?;
    let (rest, request) =
        x509_parser::certification_request::X509CertificationRequest::from_der(&der)
            .map_err(|_| unreadable())?;
    if !rest.is_empty() {
        return Err(unreadable());
    }
    // The name is not taken; who asks for such a one is not served by mistake all the same.
    for part in request.certification_request_info.subject.iter_attributes() {
        if let Some(why) = part.as_str().ok().and_then(deceives) {
            return Err(Fault::bad_request(format!(
                "The certificate signing request asks for a name that has {why}."
            )));
        }
    }
    let key = request.certification_request_info.subject_pki.parsed().map_err(|_| unreadable())?;
    match key {
        x509_parser::public_key::PublicKey::RSA(rsa) if rsa.key_size() < 2048 => {
            Err(Fault::bad_request(format!(
                "The key of the certificate signing request has {} bits; an RSA key needs 2048.",
                rsa.key_size()
            )))
        }
        _ => Ok(der),
    }
}

impl Issued {
    /// Writes `cert.pem`, `key.pem` and `ca.pem` into `dir` (mode 0700, files 0600). Files that
    /// are there already are not overwritten.
    ///
    /// # Errors
    /// [`errors::FILE_EXISTS`] or [`errors::DATA_UNUSABLE`].
    pub fn write_bundle(&self, dir: &Path) -> Result<(), Fault> {
        private_dir(dir)?;
        write_private(&dir.join("cert.pem"), self.certificate.as_bytes())?;
        write_private(&dir.join("key.pem"), self.key.as_bytes())?;
        write_private(&dir.join("ca.pem"), self.authority.as_bytes())
    }
}

/// Makes a directory, and its parents, that only the user may enter.
///
/// # Errors
/// [`errors::DATA_UNUSABLE`].
pub fn private_dir(dir: &Path) -> Result<(), Fault> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|e| unusable(dir, &e))
}

/// Writes a new file that only the user may read, and flushes it.
///
/// # Errors
/// [`errors::FILE_EXISTS`] when it is there already, else [`errors::DATA_UNUSABLE`].
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    let opened = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = opened.map_err(|e| match e.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Fault::new(errors::FILE_EXISTS, format!("It is {}.", path.display()))
        }
        _ => unusable(path, &e),
    })?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|e| unusable(path, &e))
}

/// The first certificate of a PEM text, DER.
///
/// # Errors
/// [`errors::TLS_MATERIAL`] when there is none.
pub fn first_certificate(text: &str) -> Result<Vec<u8>, Fault> {
    use rustls_pki_types::pem::PemObject;
    rustls_pki_types::CertificateDer::from_pem_slice(text.as_bytes())
        .map(|c| c.to_vec())
        .map_err(|_| Fault::new(errors::TLS_MATERIAL, "There is no certificate in the PEM text."))
}

const END: &str = "-----END CERTIFICATE-----";

/// The first certificate of a PEM text, as PEM.
///
/// # Errors
/// [`errors::TLS_MATERIAL`] when there is none.
fn first_pem(text: &str) -> Result<String, Fault> {
    let missing = || Fault::new(errors::TLS_MATERIAL, "There is no certificate in the PEM text.");
    let begin = text.find("-----BEGIN CERTIFICATE-----").ok_or_else(missing)?;
    let rest = text.get(begin..).unwrap_or_default();
    let end = rest.find(END).ok_or_else(missing)? + END.len();
    Ok(format!("{}\n", rest.get(..end).unwrap_or_default()))
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn dated(now: i64, days: i64) -> Result<CertificateParams, Fault> {
    if !(1..=7305).contains(&days) {
        return Err(Fault::bad_request("A certificate counts for 1 to 7305 days."));
    }
    let mut params = CertificateParams::default();
    params.not_before = at(now - BACKDATE)?;
    params.not_after = at(now + days * DAY)?;
    Ok(params)
}

fn at(seconds: i64) -> Result<time::OffsetDateTime, Fault> {
    time::OffsetDateTime::from_unix_timestamp(seconds)
        .map_err(|_| Fault::bad_request("The clock is out of range."))
}

/// Octets from their hexadecimal form.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |b: &u8| char::from(*b).to_digit(16);
    let digits = text.as_bytes().iter().map(digit).collect::<Option<Vec<u32>>>()?;
    let pairs = digits.chunks_exact(2);
    pairs
        .remainder()
        .is_empty()
        .then(|| pairs.map(|two| two.iter().fold(0, |n, d| (n << 4) | *d as u8)).collect())
}

fn distinguished(parts: &[(DnType, &str)]) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    for (kind, value) in parts {
        name.push(kind.clone(), *value);
    }
    name
}

/// Checks that a certificate's subject can have a user's or a group's name.
///
/// # Errors
/// [`errors::BAD_REQUEST`].
pub fn check_subject(name: &str) -> Result<(), Fault> {
    if name.trim().is_empty() || name.chars().count() > 64 || name.chars().any(char::is_control) {
        return Err(Fault::bad_request(format!(
            "\"{}\": a name has 1 to 64 characters and no control characters.",
            name.escape_debug()
        )));
    }
    match deceives(name) {
        None => Ok(()),
        Some(why) => Err(Fault::bad_request(format!(
            "\"{}\" has {why}: give a name that reads as what it is.",
            name.escape_unicode()
        ))),
    }
}

/// Checks that a server's certificate can bear a name or an address.
///
/// # Errors
/// [`errors::BAD_REQUEST`].
pub fn check_server_name(name: &str) -> Result<(), Fault> {
    if name.parse::<IpAddr>().is_ok() { Ok(()) } else { dns_name(name).map(drop) }
}

fn dns_name(name: &str) -> Result<rcgen::string::Ia5String, Fault> {
    let ok = !name.is_empty()
        && name.len() <= 253
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'*'));
    let bad = || Fault::bad_request(format!("`{name}` is neither a DNS name nor an IP address."));
    if !ok {
        return Err(bad());
    }
    name.try_into().map_err(|_| bad())
}

fn internal(e: rcgen::Error) -> Fault {
    Fault::new(errors::INTERNAL, format!("{e}."))
}

fn unusable(path: &Path, e: &std::io::Error) -> Fault {
    Fault::new(errors::DATA_UNUSABLE, format!("{}: {e}.", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::identity::Identity;

    const NOW: i64 = 1_800_000_000;

    fn der(pem: &str) -> Vec<u8> {
        first_certificate(pem).unwrap()
    }

    #[test]
    fn an_authority_comes_back_from_its_certificate_and_sealed_key() {
        let first = Authority::create("Test CA", NOW).unwrap();
        let again = Authority::load(first.certificate(), &first.key().unwrap()).unwrap();
        let subject = Subject { user: "db-07".into(), group: Some("databases".into()) };
        let issued = again.issue_client(&subject, LEAF_DAYS, NOW).unwrap();
        assert_eq!(issued.authority, first.certificate());
        let (_, ca) = x509_parser::parse_x509_certificate(&der(first.certificate()))
            .map(|(r, c)| (r.len(), c.tbs_certificate.subject_pki.raw.to_vec()))
            .unwrap();
        let leaf = der(&issued.certificate);
        let (_, leaf) = x509_parser::parse_x509_certificate(&leaf).unwrap();
        let (_, spki) = <x509_parser::x509::SubjectPublicKeyInfo<'_> as
            x509_parser::prelude::FromDer<_>>::from_der(&ca).unwrap();
        leaf.verify_signature(Some(&spki)).unwrap();
        assert!(leaf.extended_key_usage().unwrap().unwrap().value.client_auth);
    }

    #[test]
    fn a_client_certificate_names_its_user_and_group() {
        let ca = Authority::create("Test CA", NOW).unwrap();
        let subject = Subject { user: "Zoë".into(), group: Some("officers".into()) };
        let issued = ca.issue_client(&subject, 10, NOW).unwrap();
        let peer = "192.0.2.1:40000".parse().unwrap();
        let id = Identity::of_certificate(&der(&issued.certificate), peer).unwrap();
        assert_eq!(
            (id.caller.user.as_str(), id.caller.groups.as_slice()),
            ("Zoë", &["officers".to_owned()][..])
        );
        assert_eq!(id.caller.fingerprint, hex(&issued.fingerprint));
        assert_eq!(id.caller.address, "192.0.2.1:40000");
        assert!(id.counts_at(NOW) && !id.counts_at(issued.not_after + 1));
        assert!(!id.counts_at(NOW - 2 * BACKDATE));
    }

    #[test]
    fn a_certificate_without_a_common_name_goes_by_its_first_dns_name() {
        let ca = Authority::create("Test CA", NOW).unwrap();
        let mut params = dated(NOW, 5).unwrap();
        params.distinguished_name = DistinguishedName::new();
        params.subject_alt_names = vec![
            SanType::IpAddress("::1".parse().unwrap()),
            SanType::DnsName(dns_name("a.example").unwrap()),
        ];
        let issued = ca.issue(params).unwrap();
        let id = Identity::of_certificate(&der(&issued.certificate), "[::1]:1".parse().unwrap())
            .unwrap();
        assert_eq!(id.caller.user, "a.example");
        assert_eq!(id.caller.sans, ["::1", "a.example"]);
    }

    #[test]
    fn a_certificate_that_names_nobody_or_forges_lines_is_unusable() {
        let ca = Authority::create("Test CA", NOW).unwrap();
        let long = "é".repeat(129);
        for (name, why) in [
            ("", "an empty name"),
            ("  ", "an empty name"),
            ("two\nlines", "control characters"),
            ("\u{85}", "control characters"),
            (long.as_str(), "256 bytes"),
            ("server", "reserved"),
            ("Server", "reserved"),
            ("STRONGROOM", "reserved"),
            ("console ", "reserved"),
        ] {
            let issued = ca.issue_unchecked(name, NOW).unwrap();
            let e = Identity::of_certificate(&der(&issued.certificate), "[::1]:1".parse().unwrap())
                .unwrap_err();
            assert!(e.0.contains(why), "{name:?}: {e:?}");
            assert_eq!(Fault::from(e).info.number, errors::CERTIFICATE_UNUSABLE.number);
            let subject = Subject { user: name.into(), group: None };
            assert!(ca.issue_client(&subject, 5, NOW).is_err(), "{name:?}");
        }
        let servers = Subject { user: "servers".into(), group: Some("server".into()) };
        assert!(ca.issue_client(&servers, 5, NOW).is_ok());
        // A host may be called so; the certificate's own name is another.
        let issued = ca.issue_server(&["strongroom".into(), "kms".into()], 5, NOW).unwrap();
        let leaf = der(&issued.certificate);
        let (_, leaf) = x509_parser::parse_x509_certificate(&leaf).unwrap();
        assert_eq!(leaf.subject().iter_common_name().next().unwrap().as_str().unwrap(), "kms");
    }

    #[test]
    fn what_was_looked_at_of_a_request_is_what_is_signed() {
        let ca = Authority::create("Test CA", NOW).unwrap();
        let subject = Subject { user: "app".into(), group: None };
        let request = |name: &str| {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::default();
            params.distinguished_name = distinguished(&[(DnType::CommonName, name)]);
            let csr = params.serialize_request(&key).unwrap();
            (key.subject_public_key_info(), csr.pem().unwrap(), csr.der().to_vec())
        };
        let (_, deceiving, _) = request("app\u{202E}x");
        let (key, honest, der) = request("app");
        // Behind another label, which one reader passes over and another does not.
        let hidden = deceiving.replace("CERTIFICATE REQUEST", "X509 CRL");
        let signed = ca.sign_client(&format!("{hidden}{honest}"), &subject, 5, NOW).unwrap();
        let leaf = self::der(&signed.certificate);
        let (_, leaf) = x509_parser::parse_x509_certificate(&leaf).unwrap();
        assert_eq!(leaf.public_key().raw, key);
        assert!(ca.sign_client(&format!("{deceiving}{honest}"), &subject, 5, NOW).is_err());
        // Nothing hides behind its end.
        let long = pem(&[&der[..], &[0; 16]].concat());
        assert!(ca.sign_client(&pem(&der), &subject, 5, NOW).is_ok());
        assert!(ca.sign_client(&long, &subject, 5, NOW).is_err());
    }

    fn pem(der: &[u8]) -> String {
        use base64::Engine as _;
        let text = base64::engine::general_purpose::STANDARD.encode(der);
        let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
        let label = "CERTIFICATE REQUEST-----";
        format!("-----BEGIN {label}\n{}\n-----END {label}\n", lines.join("\n"))
    }

    #[test]
    fn a_server_certificate_carries_names_and_addresses() {
        let ca = Authority::create("Test CA", NOW).unwrap();
        let names = ["kms.example".to_owned(), "127.0.0.1".into(), "::1".into()];
        let issued = ca.issue_server(&names, LEAF_DAYS, NOW).unwrap();
        let leaf = der(&issued.certificate);
        let (_, leaf) = x509_parser::parse_x509_certificate(&leaf).unwrap();
        assert!(leaf.extended_key_usage().unwrap().unwrap().value.server_auth);
        assert_eq!(leaf.subject_alternative_name().unwrap().unwrap().value.general_names.len(), 3);
        assert!(ca.issue_server(&["no spaces".into()], LEAF_DAYS, NOW).is_err());
    }

    #[test]
    fn a_bundle_is_private_and_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let ca = Authority::create("Test CA", NOW).unwrap();
        let subject = Subject { user: "u".into(), group: None };
        let bundle = dir.path().join("b/u");
        let issued = ca.issue_client(&subject, 5, NOW).unwrap();
        issued.write_bundle(&bundle).unwrap();
        let mode = |p: &Path| fs::metadata(p).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&bundle), 0o700);
        for file in ["cert.pem", "key.pem", "ca.pem"] {
            assert_eq!(mode(&bundle.join(file)), 0o600);
        }
        let e = issued.write_bundle(&bundle).unwrap_err();
        assert_eq!(e.info.number, errors::FILE_EXISTS.number);
    }
}
