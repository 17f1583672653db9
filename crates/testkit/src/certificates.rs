//! Certificate authorities and certificates for tests, good ones and bad ones.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer,
    DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, RevocationReason, RevokedCertParams, SerialNumber,
    date_time_ymd,
};
use strongroom_client::{Config, Pem};

const DAY: Duration = Duration::from_secs(86_400);

/// A certificate authority.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its key.
#[derive(Clone)]
pub struct Identity {
    /// The certificate, PEM.
    pub cert: String,
    /// Its private key, PKCS#8 PEM.
    pub key: String,
    serial: Vec<u8>,
}

impl Authority {
    /// A new authority with this common name.
    pub fn new(common_name: &str) -> Self {
        let mut params = params(common_name, &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::CrlSign,
            KeyUsagePurpose::DigitalSignature,
        ];
        params.not_after = params.not_before + 3650 * DAY;
        let issuer = CertifiedIssuer::self_signed(params, new_key()).expect("sign the authority");
        Self { issuer }
    }

    /// Its certificate, PEM.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Its certificate, DER.
    pub fn der(&self) -> Vec<u8> {
        self.issuer.der().to_vec()
    }

    /// A server certificate for 127.0.0.1, localhost and the names given.
    pub fn server(&self, more_names: &[&str]) -> Identity {
        let names = ["127.0.0.1", "localhost"].iter().chain(more_names);
        let mut params = params("server", &[]);
        params.subject_alt_names =
            CertificateParams::new(names.map(|n| (*n).to_owned()).collect::<Vec<_>>())
                .expect("names for the server certificate")
                .subject_alt_names;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.issue(params)
    }

    /// A client certificate: user and groups as common name and organizational units.
    pub fn client(&self, user: &str, groups: &[&str]) -> Identity {
        self.issue(client_params(user, groups))
    }

    /// A client certificate that expired yesterday.
    pub fn expired_client(&self, user: &str) -> Identity {
        let mut params = client_params(user, &[]);
        params.not_before -= 20 * DAY;
        params.not_after = params.not_before + 18 * DAY;
        self.issue(params)
    }

    /// A client certificate that is valid from tomorrow on.
    pub fn future_client(&self, user: &str) -> Identity {
        let mut params = client_params(user, &[]);
        params.not_before += 2 * DAY;
        self.issue(params)
    }

    /// A certificate without the extended key usage of a client.
    pub fn client_without_usage(&self, user: &str) -> Identity {
        let mut params = client_params(user, &[]);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.issue(params)
    }

    /// A revocation list, PEM, valid for a week, that names these certificates.
    pub fn revocation_list(&self, revoked: &[&Identity]) -> String {
        let now = date_time_ymd(1970, 1, 1) + since_epoch();
        CertificateRevocationListParams {
            this_update: now - DAY / 24,
            next_update: now + 7 * DAY,
            crl_number: SerialNumber::from(next_number()),
            issuing_distribution_point: None,
            revoked_certs: revoked
                .iter()
                .map(|identity| RevokedCertParams {
                    serial_number: SerialNumber::from_slice(&identity.serial),
                    revocation_time: now - DAY / 24,
                    reason_code: Some(RevocationReason::KeyCompromise),
                    invalidity_date: None,
                })
                .collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        }
        .signed_by(&self.issuer)
        .and_then(|list| list.pem())
        .expect("sign the revocation list")
    }

    /// A client configuration that trusts this authority and presents `identity`.
    pub fn client_config(&self, address: &str, identity: &Identity) -> Config {
        Config::new(
            [address],
            Pem::Bytes(self.pem().into_bytes()),
            Pem::Bytes(identity.cert.clone().into_bytes()),
            Pem::Bytes(identity.key.clone().into_bytes()),
        )
    }

    fn issue(&self, mut params: CertificateParams) -> Identity {
        let serial = next_number().to_be_bytes().to_vec();
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let key = new_key();
        let cert = params.signed_by(&key, &self.issuer).expect("sign the certificate");
        Identity { cert: cert.pem(), key: key.serialize_pem(), serial }
    }
}

impl Identity {
    /// Writes `cert.pem`, `key.pem` and the authority's `ca.pem` into a directory that is made if
    /// need be, in the manner of a quickstart bundle, and returns the directory.
    pub fn write_bundle(&self, authority: &Authority, dir: &Path) -> PathBuf {
        fs::create_dir_all(dir).expect("make the bundle directory");
        for (name, text) in
            [("cert.pem", &self.cert), ("key.pem", &self.key), ("ca.pem", &authority.pem())]
        {
            fs::write(dir.join(name), text).expect("write the bundle");
        }
        dir.to_owned()
    }
}

fn client_params(user: &str, groups: &[&str]) -> CertificateParams {
    let mut params = params(user, groups);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

fn params(common_name: &str, groups: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::default();
    let mut name = DistinguishedName::new();
    name.push(DnType::OrganizationName, "Strongroom tests");
    // The library's distinguished names hold one value of a kind; a second unit goes in under its
    // object identifier.
    let kinds = [DnType::OrganizationalUnitName, DnType::CustomDnType(vec![2, 5, 4, 11])];
    assert!(groups.len() <= kinds.len(), "at most two groups");
    for (kind, group) in kinds.into_iter().zip(groups) {
        name.push(kind, *group);
    }
    name.push(DnType::CommonName, common_name);
    params.distinguished_name = name;
    params.not_before = date_time_ymd(1970, 1, 1) + since_epoch() - DAY;
    params.not_after = params.not_before + 366 * DAY;
    params
}

fn since_epoch() -> Duration {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    Duration::from_secs(since.as_secs())
}

fn new_key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("generate a key")
}

fn next_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_micros() as u64);
    // Serial numbers are positive: the top bit stays clear until the year 294,000.
    since.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::sync::Arc;
    use std::thread;

    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
    use rustls::server::WebPkiClientVerifier;
    use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
    use strongroom_client::{Connector, Error, Party};

    use super::*;

    /// A TLS server that demands a client certificate, answers one request with `reply` and hangs
    /// up.
    fn serve_once(authority: &Authority, server: &Identity, crl: &str, reply: Vec<u8>) -> String {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let crl = CertificateRevocationListDer::from_pem_slice(crl.as_bytes()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone())
            .with_crls([crl])
            .build()
            .unwrap();
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(
                vec![CertificateDer::from_pem_slice(server.cert.as_bytes()).unwrap()],
                PrivateKeyDer::from_pem_slice(server.key.as_bytes()).unwrap(),
            )
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        thread::spawn(move || {
            let (tcp, _) = listener.accept().unwrap();
            let session = ServerConnection::new(Arc::new(config)).unwrap();
            let mut tls = StreamOwned::new(session, tcp);
            let mut request = [0; 4096];
            if tls.read(&mut request).is_ok() {
                let _ = tls.write_all(&reply);
                let _ = tls.flush();
                // Hanging up early would reset the connection before the reply is read.
                let _ = tls.read(&mut request);
            }
        });
        address
    }

    fn ask(config: &Config) -> Result<Vec<u8>, Error> {
        Connector::new(config)?.open()?.roundtrip(b"request")
    }

    fn reply() -> Vec<u8> {
        vec![0x42, 0x00, 0x7B, 0x01, 0, 0, 0, 0]
    }

    fn refused_by(error: &Error) -> Option<Party> {
        match error {
            Error::Certificate { refused_by, .. } => Some(*refused_by),
            _ => None,
        }
    }

    #[test]
    fn a_good_certificate_is_served() {
        let authority = Authority::new("ca");
        let (server, alice) = (authority.server(&[]), authority.client("alice", &["a", "b"]));
        let crl = authority.revocation_list(&[]);
        let address = serve_once(&authority, &server, &crl, reply());
        assert_eq!(ask(&authority.client_config(&address, &alice)).unwrap(), reply());
    }

    #[test]
    fn the_server_refuses_bad_certificates_and_the_client_says_why() {
        let authority = Authority::new("ca");
        let server = authority.server(&[]);
        let revoked = authority.client("revoked", &[]);
        let other = Authority::new("another");
        for (identity, words) in [
            (authority.expired_client("old"), "expired"),
            (revoked.clone(), "revoked"),
            (other.client("stranger", &[]), "authority"),
        ] {
            let crl = authority.revocation_list(&[&revoked]);
            let address = serve_once(&authority, &server, &crl, reply());
            let error = ask(&authority.client_config(&address, &identity)).unwrap_err();
            assert_eq!(refused_by(&error), Some(Party::Server), "{error}");
            assert!(error.to_string().contains(words), "{error}");
        }
    }

    #[test]
    fn the_client_refuses_a_server_of_another_authority_or_name() {
        let (authority, other) = (Authority::new("ca"), Authority::new("another"));
        let (server, alice) = (authority.server(&[]), authority.client("alice", &[]));
        let crl = authority.revocation_list(&[]);

        let address = serve_once(&authority, &server, &crl, reply());
        let error = ask(&other.client_config(&address, &alice)).unwrap_err();
        assert_eq!(refused_by(&error), Some(Party::Client), "{error}");

        let address = serve_once(&authority, &server, &crl, reply());
        let mut config = authority.client_config(&address, &alice);
        config.server_name = Some("elsewhere.example".to_owned());
        let error = ask(&config).unwrap_err();
        assert!(error.to_string().contains("does not name the server"), "{error}");
    }

    #[test]
    fn a_reply_over_the_limit_is_refused_before_it_is_read() {
        let authority = Authority::new("ca");
        let (server, alice) = (authority.server(&[]), authority.client("alice", &[]));
        let crl = authority.revocation_list(&[]);
        let huge = vec![0x42, 0x00, 0x7B, 0x01, 0x7F, 0, 0, 0];
        let address = serve_once(&authority, &server, &crl, huge);
        let error = ask(&authority.client_config(&address, &alice)).unwrap_err();
        assert!(matches!(error, Error::BadReply(_)), "{error}");
    }

    #[test]
    fn a_server_that_says_nothing_is_given_up_at_the_deadline() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let authority = Authority::new("ca");
        let address = listener.local_addr().unwrap().to_string();
        let mut config = authority.client_config(&address, &authority.client("alice", &[]));
        config.connect_timeout = Duration::from_millis(100);
        let error = Connector::new(&config).unwrap().open().unwrap_err();
        assert!(matches!(error, Error::Timeout { .. }), "{error}");
    }

    #[test]
    fn the_next_address_is_tried_when_the_first_is_dead() {
        let authority = Authority::new("ca");
        let (server, alice) = (authority.server(&[]), authority.client("alice", &[]));
        let crl = authority.revocation_list(&[]);
        let address = serve_once(&authority, &server, &crl, reply());
        let mut config = authority.client_config(&address, &alice);
        let dead = format!("127.0.0.1:{}", crate::free_port());
        config.addresses = vec![dead.clone(), address.clone()];
        assert_eq!(Connector::new(&config).unwrap().open().unwrap().address(), address);

        config.addresses = vec![dead.clone(), dead];
        let error = Connector::new(&config).unwrap().open().unwrap_err();
        assert!(matches!(error, Error::NoServer(reasons) if reasons.len() == 2));
    }
}
