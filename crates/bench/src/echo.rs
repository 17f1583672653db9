//! The physical limit: a bare mutual-TLS server that answers every frame with the same bytes. A
//! thread for each connection, no decoding, no keys, no audit.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::server::{ServerSessionMemoryCache, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig, ServerConnection};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use strongroom_client::Config;
use strongroom_testkit::{Authority, Identity};

use crate::failure::{Failure, Outcome};
use crate::wire::{Frame, send};

/// Name of the threads that serve connections: their processor time is the echo's.
pub const THREAD: &str = "bench-echo";

/// The certificates of an echo server and its client.
pub struct Papers {
    /// Who signed both.
    pub authority: Authority,
    /// The server's.
    pub server: Identity,
    /// The client's.
    pub client: Identity,
}

impl Papers {
    /// New ones, ECDSA P-256 as Strongroom's.
    pub fn new() -> Self {
        let authority = Authority::new("strongroom-bench");
        let (server, client) = (authority.server(&[]), authority.client("bench", &["bench"]));
        Self { authority, server, client }
    }

    /// TLS as Strongroom has it: 1.3 and 1.2, client certificates required, one ticket.
    fn server_config(&self) -> Outcome<ServerConfig> {
        let unusable = |e: &dyn core::fmt::Display| Failure(format!("the echo's certificate: {e}"));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(self.authority.der()))?;
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
                .build()
                .map_err(|e| unusable(&e))?;
        let chain = CertificateDer::pem_slice_iter(self.server.cert.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| unusable(&e))?;
        let key =
            PrivateKeyDer::from_pem_slice(self.server.key.as_bytes()).map_err(|e| unusable(&e))?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)?;
        config.session_storage = ServerSessionMemoryCache::new(1024);
        config.send_tls13_tickets = 1;
        Ok(config)
    }
}

/// A running echo server. Stops when dropped.
pub struct Echo {
    address: SocketAddr,
    papers: Papers,
    stop: Arc<AtomicBool>,
}

impl Echo {
    /// Listens on `address` and answers with `reply`.
    pub fn start(address: &str, papers: Papers, reply: Vec<u8>) -> Outcome<Self> {
        let tls = Arc::new(papers.server_config()?);
        let listener = TcpListener::bind(address).map_err(Failure::about(address))?;
        let address = listener.local_addr()?;
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, reply) = (stop.clone(), Arc::<[u8]>::from(reply));
        std::thread::Builder::new().name(THREAD.to_owned()).spawn(move || {
            for tcp in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let (tls, reply) = (tls.clone(), reply.clone());
                let serve = move || {
                    // What a client did wrong, the client reports.
                    let _ = tcp.map_err(Failure::from).and_then(|tcp| serve(tcp, tls, &reply));
                };
                let _ = std::thread::Builder::new().name(THREAD.to_owned()).spawn(serve);
            }
        })?;
        Ok(Self { address, papers, stop })
    }

    /// How to reach it.
    pub fn client_config(&self) -> Config {
        self.papers.authority.client_config(&self.address.to_string(), &self.papers.client)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(mut tcp: TcpStream, tls: Arc<ServerConfig>, reply: &[u8]) -> Outcome<()> {
    tcp.set_nodelay(true)?;
    let mut tls = ServerConnection::new(tls)?;
    let mut frame = Frame::default();
    while frame.receive(&mut tls, &mut tcp)? {
        send(&mut tls, &mut tcp, reply)?;
    }
    tls.send_close_notify();
    let _ = tls.write_tls(&mut tcp);
    Ok(())
}
