//! TLS towards receivers (RFC 5425, RFC 9662): 1.2 and 1.3, never 0-RTT.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};

/// Files and names for TLS. The files are read at each connection, so that renewed certificates
/// take effect by themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsOptions {
    /// Certificates of the authorities that the receiver's certificate may come from, PEM.
    pub ca: PathBuf,
    /// Our certificate with its chain, and its key, PEM.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// The name that the receiver's certificate must bear; none means the host of the address.
    pub server_name: Option<String>,
}

impl TlsOptions {
    pub(super) fn config(&self) -> Result<Arc<ClientConfig>, String> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&self.ca)? {
            roots.add(certificate).map_err(|e| format!("{}: {e}", self.ca.display()))?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| e.to_string())?
            .with_root_certificates(roots);
        let mut config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => {
                let der = PrivateKeyDer::from_pem_file(key)
                    .map_err(|e| format!("{}: {e}", key.display()))?;
                builder
                    .with_client_auth_cert(certificates(chain)?, der)
                    .map_err(|e| format!("{}: {e}", chain.display()))?
            }
        };
        // Each connection proves both certificates anew.
        config.resumption = rustls::client::Resumption::disabled();
        Ok(Arc::new(config))
    }

    pub(super) fn server_name(&self, address: &str) -> Result<ServerName<'static>, String> {
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        let name = self.server_name.as_deref().unwrap_or(host).trim_matches(['[', ']']);
        ServerName::try_from(name.to_owned()).map_err(|e| format!("\"{name}\": {e}"))
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let list = read.map_err(|e| format!("{}: {e}", path.display()))?;
    if list.is_empty() {
        return Err(format!("{}: no certificate in it", path.display()));
    }
    Ok(list)
}
