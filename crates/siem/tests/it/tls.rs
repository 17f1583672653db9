//! TLS towards receivers: both certificates, the name, and what happens when one is wrong.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use strongroom_siem::{Destination, TlsOptions, Transport};

use crate::kit::{Authority, Chain, counted, destination, eventually, id_of, start};

const SOON: Duration = Duration::from_secs(10);

/// A receiver that asks for a client certificate.
fn receiver(
    authority: &Authority,
    identity: &(PathBuf, PathBuf),
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority.ca()).unwrap()).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(
            vec![CertificateDer::from_pem_file(&identity.0).unwrap()],
            PrivateKeyDer::from_pem_file(&identity.1).unwrap(),
        )
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let messages: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = messages.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (config, messages) = (config.clone(), kept.clone());
            std::thread::spawn(move || {
                let connection = ServerConnection::new(config).unwrap();
                let mut stream = StreamOwned::new(connection, stream);
                while let Some(message) = counted(&mut stream) {
                    messages.lock().push(message);
                }
            });
        }
    });
    (address, messages)
}

fn tls(
    to: SocketAddr,
    ca: PathBuf,
    identity: Option<(PathBuf, PathBuf)>,
    name: &str,
) -> Destination {
    let options = TlsOptions { ca, identity, server_name: Some(name.to_owned()) };
    Destination { transport: Transport::Tls(options), ..destination("a", to) }
}

#[test]
fn events_travel_over_both_versions_of_tls_with_a_client_certificate() {
    for versions in [&[&rustls::version::TLS12], &[&rustls::version::TLS13]] {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::new(dir.path(), "authority");
        let (address, messages) =
            receiver(&authority, &authority.issue("siem.example.net"), versions);
        let chain = Chain::new("uses");
        chain.push(1500);
        let identity = Some(authority.issue("km1.example.net"));
        let to = tls(address, authority.ca(), identity, "siem.example.net");
        assert_eq!(to.check(), Ok(()));
        let forwarder = start(dir.path(), &[&chain], vec![to]);
        eventually("confirmation", || forwarder.confirmed("uses") == Some(1500));
        assert_eq!(forwarder.states()[0].last_error, None);
        assert!(forwarder.stop(SOON));
        let ids: Vec<String> = messages.lock().iter().map(|m| id_of(m)).collect();
        assert_eq!(ids, chain.ids());
    }
}

#[test]
fn a_wrong_certificate_on_either_side_lets_nothing_through() {
    let dir = tempfile::tempdir().unwrap();
    let (ours, theirs) = (Authority::new(dir.path(), "ours"), Authority::new(dir.path(), "theirs"));
    let server = ours.issue("siem.example.net");
    for versions in [&[&rustls::version::TLS12], &[&rustls::version::TLS13]] {
        let (address, messages) = receiver(&ours, &server, versions);
        let good = || Some(ours.issue("km1.example.net"));
        for (what, to) in [
            ("another authority", tls(address, theirs.ca(), good(), "siem.example.net")),
            ("another name", tls(address, ours.ca(), good(), "other.example.net")),
            ("no client certificate", tls(address, ours.ca(), None, "siem.example.net")),
            ("a stranger's certificate", {
                let stranger = Some(theirs.issue("km1.example.net"));
                tls(address, ours.ca(), stranger, "siem.example.net")
            }),
        ] {
            let chain = Chain::new("uses");
            chain.push(3);
            let cursors = tempfile::tempdir().unwrap();
            let forwarder = start(cursors.path(), &[&chain], vec![to]);
            eventually(what, || {
                let error = forwarder.states().remove(0).last_error;
                error.is_some_and(|(_, why)| why.contains("TLS") || why.contains("broke"))
            });
            std::thread::sleep(Duration::from_millis(150));
            assert_eq!(forwarder.confirmed("uses"), None, "{what}");
            assert!(messages.lock().is_empty(), "{what}");
            assert!(forwarder.stop(Duration::from_millis(200)));
        }
    }
}

#[test]
fn missing_files_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new(dir.path(), "authority");
    let address = "127.0.0.1:6514".parse().unwrap();
    let nowhere = dir.path().join("nowhere.pem");
    let why = tls(address, nowhere.clone(), None, "x").check().unwrap_err();
    assert!(why.contains("nowhere.pem"), "{why}");
    std::fs::write(&nowhere, "no certificate").unwrap();
    let why = tls(address, nowhere, None, "x").check().unwrap_err();
    assert!(why.contains("no certificate in it"), "{why}");
    let (cert, _) = authority.issue("km1");
    let (_, key) = authority.issue("km2");
    let why = tls(address, authority.ca(), Some((cert, key)), "x").check().unwrap_err();
    assert!(why.contains("km1.cert.pem"), "{why}");
}
