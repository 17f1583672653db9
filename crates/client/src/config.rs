//! Who to talk to, as whom, and for how long to wait.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use strongroom_kmip::{Limits, ProtocolVersion};

use crate::connection::Connection;
use crate::error::Error;
use crate::stream::Stream;

/// PEM text, in a file or in memory.
#[derive(Clone, PartialEq, Eq)]
pub enum Pem {
    /// A path that is read when a [`Connector`] is made.
    File(PathBuf),
    /// The text itself.
    Bytes(Vec<u8>),
}

impl Pem {
    /// A file.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::File(path.into())
    }

    fn read(&self, what: &str) -> Result<Vec<u8>, Error> {
        match self {
            Self::Bytes(bytes) => Ok(bytes.clone()),
            Self::File(path) => {
                fs::read(path).map_err(|e| Error::Config(format!("{what} {}: {e}", path.display())))
            }
        }
    }
}

// The text may be a private key.
impl std::fmt::Debug for Pem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "Pem::File({})", path.display()),
            Self::Bytes(bytes) => write!(f, "Pem::Bytes({} bytes)", bytes.len()),
        }
    }
}

/// Everything that a client needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// Servers as `host:port`, the most wanted first.
    pub addresses: Vec<String>,
    /// The name that the server's certificate must carry; by default the host of the address.
    pub server_name: Option<String>,
    /// The authorities that may have issued the server's certificate.
    pub ca: Pem,
    /// This client's certificate, followed by intermediate ones if there are any.
    pub cert: Pem,
    /// The certificate's private key.
    pub key: Pem,
    /// The version that requests are written in.
    pub version: ProtocolVersion,
    /// For TCP and the TLS handshake together, for each address.
    pub connect_timeout: Duration,
    /// For a request and its reply together.
    pub request_timeout: Duration,
    /// Limits on replies.
    pub limits: Limits,
}

impl Config {
    /// A configuration with the defaults: KMIP 1.4, five seconds to connect, thirty for a request.
    pub fn new<A: Into<String>>(
        addresses: impl IntoIterator<Item = A>,
        ca: Pem,
        cert: Pem,
        key: Pem,
    ) -> Self {
        Self {
            addresses: addresses.into_iter().map(Into::into).collect(),
            server_name: None,
            ca,
            cert,
            key,
            version: ProtocolVersion::V1_4,
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(30),
            limits: Limits::default(),
        }
    }
}

/// Opens connections. Cheap to clone; connections of one connector share resumed TLS sessions.
#[derive(Clone)]
pub struct Connector {
    pub(crate) config: Arc<Config>,
    tls: Arc<ClientConfig>,
}

impl Connector {
    /// Reads and checks certificates and key.
    ///
    /// # Errors
    /// [`Error::Config`] when a file cannot be read, holds nothing of use, or certificate and key
    /// do not belong together.
    pub fn new(config: &Config) -> Result<Self, Error> {
        if config.addresses.is_empty() {
            return Err(Error::Config("no server address".to_owned()));
        }
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&config.ca, "certificate authority")? {
            roots.add(certificate).map_err(|e| {
                Error::Config(format!("a certificate authority cannot be used: {e}"))
            })?;
        }
        let chain = certificates(&config.cert, "certificate")?;
        let key = PrivateKeyDer::from_pem_slice(&config.key.read("private key")?)
            .map_err(|e| Error::Config(format!("private key: {e}")))?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| Error::Config(e.to_string()))?
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key)
            .map_err(|e| Error::Config(format!("certificate and private key: {e}")))?;
        Ok(Self { config: Arc::new(config.clone()), tls: Arc::new(tls) })
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The TLS side alone, for tools that speak over a stream of their own.
    pub fn tls(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.tls)
    }

    /// A connection to the first address that accepts one.
    ///
    /// # Errors
    /// The one reason when there is one address, otherwise [`Error::NoServer`].
    pub fn open(&self) -> Result<Connection, Error> {
        let mut reasons = Vec::new();
        for address in &self.config.addresses {
            match self.open_to(address) {
                Ok(connection) => return Ok(connection),
                Err(e) => reasons.push(e),
            }
        }
        match reasons.len() {
            1 => Err(reasons.remove(0)),
            _ => Err(Error::NoServer(reasons)),
        }
    }

    /// A connection to this address, whether it is in the configured list or not.
    ///
    /// # Errors
    /// [`Error::Connect`], [`Error::Certificate`], [`Error::Tls`], [`Error::Timeout`],
    /// [`Error::Config`] for an address that is none. A server that speaks TLS 1.3 refuses a
    /// client's certificate only after the handshake: then the first request fails.
    pub fn open_to(&self, address: &str) -> Result<Connection, Error> {
        let deadline = Instant::now() + self.config.connect_timeout;
        let name = match &self.config.server_name {
            Some(name) => name.as_str(),
            None => address.rsplit_once(':').map_or(address, |(host, _)| host),
        };
        let name = ServerName::try_from(name.trim_matches(['[', ']']).to_owned())
            .map_err(|_| Error::Config(format!("'{name}' is no server name")))?;
        let stream = Stream::connect(address, name, Arc::clone(&self.tls), deadline)?;
        Ok(Connection::new(stream, Arc::clone(&self.config)))
    }
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector").field("config", &self.config).finish_non_exhaustive()
    }
}

fn certificates(pem: &Pem, what: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let found = CertificateDer::pem_slice_iter(&pem.read(what)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| Error::Config(format!("{what}: {e}")))?;
    if found.is_empty() {
        return Err(Error::Config(format!("{what}: no certificate in it")));
    }
    Ok(found)
}
