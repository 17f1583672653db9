//! TLS for both ports: 1.2 and 1.3, a client certificate always, hybrid post-quantum key exchange
//! preferred, sessions resumed only with the client certificate that made them.
//!
//! Sessions live in this process's memory, one store for each configuration: rustls keeps the
//! client's chain inside the session, so a resumed connection has the identity of the first one,
//! and a new configuration (another CA, say) forgets all sessions. The dates and the revocation
//! of the certificate are checked again by the listener, since TLS looks at them only in a full
//! handshake.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, RwLock};

use rustls::crypto::CryptoProvider;
use rustls::server::{NoServerSessionStorage, ServerSessionMemoryCache, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::config;
use crate::crl::{Crls, Lists};
use crate::errors::{self, Fault};
use crate::identity::Identity;

/// The cryptography under TLS.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// Builds the server's side.
///
/// # Errors
/// [`errors::TLS_MATERIAL`], naming the file.
pub fn server_config(tls: &config::Tls, alpn: &[&[u8]]) -> Result<ServerConfig, Fault> {
    server_config_with(tls, alpn, &Lists::default())
}

/// As [`server_config`], with lists of revoked certificates. An authority without one is no reason
/// to refuse its clients.
///
/// # Errors
/// [`errors::TLS_MATERIAL`], naming the file.
pub fn server_config_with(
    tls: &config::Tls,
    alpn: &[&[u8]],
    lists: &Lists,
) -> Result<ServerConfig, Fault> {
    let chain = certificates(&tls.certificate)?;
    let key = private_key(&tls.key)?;
    let roots = Arc::new(roots(&tls.client_ca)?);
    let provider = provider();
    let mut verifier = WebPkiClientVerifier::builder_with_provider(roots, provider.clone())
        .with_crls(lists.ders())
        .only_check_end_entity_revocation()
        .allow_unknown_revocation_status();
    if tls.refuse_expired_crl {
        verifier = verifier.enforce_revocation_expiration();
    }
    let verifier = verifier.build().map_err(|e| material(&tls.client_ca, &e))?;
    let versions: &[&rustls::SupportedProtocolVersion] = if tls.only_1_3 {
        &[&rustls::version::TLS13]
    } else {
        &[&rustls::version::TLS13, &rustls::version::TLS12]
    };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(|e| material(&tls.certificate, &e))?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .map_err(|e| material(&tls.certificate, &e))?;
    if tls.sessions == 0 {
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    } else {
        config.session_storage = ServerSessionMemoryCache::new(tls.sessions);
        config.send_tls13_tickets = 1;
    }
    // Early data can be replayed by anybody on the path.
    config.max_early_data_size = 0;
    config.alpn_protocols = alpn.iter().map(|p| p.to_vec()).collect();
    Ok(config)
}

/// A configuration that can be replaced while connections are being accepted, and the lists of
/// revoked certificates that hold for connections that are open.
pub struct Live {
    config: RwLock<Arc<ServerConfig>>,
    lists: Option<Arc<Crls>>,
}

impl Live {
    /// Starts with `config`.
    pub fn new(config: ServerConfig) -> Self {
        Self { config: RwLock::new(Arc::new(config)), lists: None }
    }

    /// Starts with `config`, and with lists of revoked certificates.
    pub fn with(config: ServerConfig, lists: Arc<Crls>) -> Self {
        Self { config: RwLock::new(Arc::new(config)), lists: Some(lists) }
    }

    /// Why an authority's list refuses a certificate, if one does. `now` is POSIX seconds.
    pub fn refuses(&self, identity: &Identity, now: i64) -> Option<&'static str> {
        self.lists.as_ref()?.refuses(identity, now)
    }

    /// The configuration for the next connection.
    pub fn current(&self) -> Arc<ServerConfig> {
        match self.config.read() {
            Ok(guard) => guard.clone(),
            Err(poisoned) => poisoned.into_inner().clone(),
        }
    }

    /// Replaces it; open connections keep theirs.
    pub fn replace(&self, config: ServerConfig) {
        let config = Arc::new(config);
        match self.config.write() {
            Ok(mut guard) => *guard = config,
            Err(poisoned) => *poisoned.into_inner() = config,
        }
    }
}

/// Reads a chain.
///
/// # Errors
/// [`errors::TLS_MATERIAL`], naming the file.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let found: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match found {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        Ok(_) => Err(material(path, &"no certificate in it")),
        Err(e) => Err(material(path, &e)),
    }
}

/// Reads a private key, which others than its owner must not be able to read.
///
/// # Errors
/// [`errors::TLS_MATERIAL`], naming the file.
pub fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, Fault> {
    let mode = fs::metadata(path).map_err(|e| material(path, &e))?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(material(
            path,
            &format!("others may read it; run chmod 600 {}", path.display()),
        ));
    }
    PrivateKeyDer::from_pem_file(path).map_err(|e| material(path, &e))
}

/// Reads authorities.
///
/// # Errors
/// [`errors::TLS_MATERIAL`], naming the file.
pub fn roots(path: &Path) -> Result<RootCertStore, Fault> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|e| material(path, &e))?;
    }
    Ok(roots)
}

fn material(path: &Path, e: &dyn core::fmt::Display) -> Fault {
    Fault::new(errors::TLS_MATERIAL, format!("{}: {e}.", path.display()))
}
