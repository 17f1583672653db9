//! The command line as a client of the admin API.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

use super::Reach;
use super::output::complain;
use crate::admin::WOULD_WAIT;
use crate::admin::types::{Page, Problem};
use crate::errors::{self, Fault};
use crate::pki::hex;
use crate::setup::ADMIN_ADDRESS;
use crate::tls;

/// Where the bundles are unless somebody says otherwise: beside a quickstart.
const DEFAULT_BUNDLES: &str = "strongroom-data/bundles";

/// Where the admin port is unless somebody says otherwise.
const DEFAULT_SERVER: &str = "127.0.0.1:8443";

/// How long to wait for a connection. Answers have no bound: a rotation takes its time.
const CONNECT: Duration = Duration::from_secs(10);

/// Room for the body of a request, bytes.
const ROOM: usize = 1 << 20;

/// The largest answer taken.
const LARGEST: usize = 64 << 20;

/// A client with a bundle's identity. Every request makes a connection of its own.
pub struct Client {
    tls: Arc<ClientConfig>,
    server: String,
    bundle: PathBuf,
    runtime: tokio::runtime::Runtime,
}

impl Client {
    /// A client as `reach` says; from a directory of bundles it takes the one of the first of
    /// `roles` that is there.
    ///
    /// # Errors
    /// [`errors::NO_BUNDLE`] or [`errors::TLS_MATERIAL`].
    pub fn new(reach: &Reach, roles: &[&str]) -> Result<Self, Fault> {
        let base = reach.bundle.clone().unwrap_or_else(|| DEFAULT_BUNDLES.into());
        let bundle = find_bundle(&base, roles)?;
        let server = match &reach.server {
            Some(server) => server.clone(),
            None => std::fs::read_to_string(bundle.join(ADMIN_ADDRESS))
                .map_or_else(|_| DEFAULT_SERVER.into(), |s| s.trim().to_owned()),
        };
        let tls = ClientConfig::builder_with_provider(tls::provider())
            .with_safe_default_protocol_versions()
            .map_err(|e| Fault::new(errors::INTERNAL, format!("{e}.")))?
            .with_root_certificates(tls::roots(&bundle.join("ca.pem"))?)
            .with_client_auth_cert(
                tls::certificates(&bundle.join("cert.pem"))?,
                tls::private_key(&bundle.join("key.pem"))?,
            )
            .map_err(|e| Fault::new(errors::TLS_MATERIAL, format!("{}: {e}.", bundle.display())))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| Fault::new(errors::INTERNAL, format!("{e}.")))?;
        Ok(Self { tls: Arc::new(tls), server, bundle, runtime })
    }

    /// Whether its bundle's ca.pem has the authority with this fingerprint (SHA-256, hexadecimal).
    ///
    /// # Errors
    /// [`errors::TLS_MATERIAL`] if the file cannot be read.
    pub fn trusts(&self, fingerprint: &str) -> Result<bool, Fault> {
        let known = tls::certificates(&self.bundle.join("ca.pem"))?;
        Ok(known.iter().any(|der| hex(&crate::identity::fingerprint(der)) == fingerprint))
    }

    /// The admin port that it talks to.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Asks for something.
    ///
    /// # Errors
    /// What the server answered, or why it could not be asked.
    pub fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Fault> {
        self.call("GET", path, Vec::new())
    }

    /// Asks for a list, page by page. `path` may have a query.
    ///
    /// # Errors
    /// What the server answered, or why it could not be asked.
    pub fn all<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, Fault> {
        let mut rows = Vec::new();
        let mut after = String::new();
        let mark = if path.contains('?') { '&' } else { '?' };
        loop {
            let mut page: Page<T> = self.get(&format!("{path}{mark}limit=1000{after}"))?;
            rows.append(&mut page.rows);
            match page.after {
                Some(last) => after = format!("&after={}", encode(&last)),
                None => return Ok(rows),
            }
        }
    }

    /// Sends something.
    ///
    /// # Errors
    /// What the server answered, or why it could not be asked.
    pub fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Fault> {
        let body =
            serde_json::to_vec(body).map_err(|e| Fault::new(errors::INTERNAL, format!("{e}.")))?;
        self.call("POST", path, body)
    }

    /// Sends something with these headers.
    ///
    /// # Errors
    /// What the server answered, or why it could not be asked.
    pub fn send_json<T: DeserializeOwned>(
        &self,
        method: &str,
        path: &str,
        body: &impl Serialize,
        headers: &[(&str, &str)],
    ) -> Result<T, Fault> {
        // Room enough that it does not move: what it moved from would not be wiped.
        let mut text = Vec::with_capacity(ROOM);
        serde_json::to_writer(&mut text, body)
            .map_err(|e| Fault::new(errors::INTERNAL, format!("{e}.")))?;
        self.answer(self.runtime.block_on(self.exchange(method, path, text, headers))?)
    }

    /// Puts something in its place.
    ///
    /// # Errors
    /// What the server answered, or why it could not be asked.
    pub fn put<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Fault> {
        let body =
            serde_json::to_vec(body).map_err(|e| Fault::new(errors::INTERNAL, format!("{e}.")))?;
        self.call("PUT", path, body)
    }

    /// Removes something.
    ///
    /// # Errors
    /// What the server answered, or why it could not be asked.
    pub fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, Fault> {
        self.call("DELETE", path, Vec::new())
    }

    fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        path: &str,
        body: Vec<u8>,
    ) -> Result<T, Fault> {
        self.answer(self.runtime.block_on(self.exchange(method, path, body, &[]))?)
    }

    fn answer<T: DeserializeOwned>(&self, (status, bytes): (u16, Bytes)) -> Result<T, Fault> {
        let strange = || {
            Fault::new(errors::UNREACHABLE, format!("{} answered {status} strangely.", self.server))
        };
        // Accepted, and not done: it waits for approval.
        if status >= 400 || status == errors::NEEDS_APPROVAL.http {
            let problem: Problem = serde_json::from_slice(&bytes).map_err(|_| strange())?;
            return Err(Fault::from(&problem));
        }
        serde_json::from_slice(&bytes).map_err(|_| strange())
    }

    /// Asks for something long and hands its pieces to `sink` as they come.
    ///
    /// # Errors
    /// What the server answered, why it could not be asked, or what `sink` says. An answer that
    /// breaks off is an error too.
    pub fn download(
        &self,
        path: &str,
        mut sink: impl FnMut(&[u8]) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let broken = |e: &dyn core::fmt::Display| {
            Fault::new(errors::UNREACHABLE, format!("{}: the answer broke off: {e}.", self.server))
        };
        self.runtime.block_on(async {
            let (status, mut response, driver) = self.send("GET", path, Vec::new(), &[]).await?;
            if status >= 400 {
                let body = Limited::new(response.into_body(), LARGEST).collect().await;
                let bytes = body.map_err(|e| broken(&e))?.to_bytes();
                let problem: Problem =
                    serde_json::from_slice(&bytes).map_err(|_| broken(&"no problem in it"))?;
                return Err(Fault::from(&problem));
            }
            while let Some(frame) = response.body_mut().frame().await {
                if let Some(bytes) = frame.map_err(|e| broken(&e))?.data_ref() {
                    sink(bytes)?;
                }
            }
            driver.abort();
            Ok(())
        })
    }

    async fn exchange(
        &self,
        method: &str,
        path: &str,
        body: Vec<u8>,
        headers: &[(&str, &str)],
    ) -> Result<(u16, Bytes), Fault> {
        let (status, response, driver) = self.send(method, path, body, headers).await?;
        if let Some(would) = response.headers().get(WOULD_WAIT).and_then(|v| v.to_str().ok()) {
            complain(&format!("It would wait for approval: {would}."));
        }
        let body = Limited::new(response.into_body(), LARGEST).collect().await;
        let unreachable = |e: &dyn core::fmt::Display| {
            Fault::new(errors::UNREACHABLE, format!("{}: {e}.", self.server))
        };
        let bytes = body.map_err(|e| unreachable(&e))?.to_bytes();
        driver.abort();
        Ok((status, bytes))
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        body: Vec<u8>,
        headers: &[(&str, &str)],
    ) -> Result<(u16, Response<Incoming>, JoinHandle<hyper::Result<()>>), Fault> {
        let unreachable = |e: &dyn core::fmt::Display| {
            Fault::new(errors::UNREACHABLE, format!("{}: {e}.", self.server))
        };
        let host = self.server.rsplit_once(':').map_or(self.server.as_str(), |(host, _)| host);
        let host = host.trim_matches(['[', ']']);
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| Fault::new(errors::INPUT, format!("`{host}` is not a host.")))?;
        let tls = async {
            let tcp = TcpStream::connect(&self.server).await?;
            tcp.set_nodelay(true)?;
            TlsConnector::from(self.tls.clone()).connect(name, tcp).await
        };
        let stream = match timeout(CONNECT, tls).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(e)) => return Err(self.why(&e)),
            Err(_) => return Err(unreachable(&"no answer in 10 seconds")),
        };
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|e| unreachable(&e))?;
        let driver = tokio::spawn(connection);
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", &self.server)
            .header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request
            // It may hold secrets.
            .body(Full::new(Bytes::from_owner(Zeroizing::new(body))))
            .map_err(|e| Fault::new(errors::INPUT, format!("{e}.")))?;
        let answer = async {
            let response = sender.send_request(request).await?;
            let status = response.status().as_u16();
            Ok::<_, hyper::Error>((status, response))
        };
        match answer.await {
            Ok((status, response)) => Ok((status, response, driver)),
            // With TLS 1.3 a refused client certificate shows only now.
            Err(e) => Err(self.why_hyper(&e)),
        }
    }

    fn why_hyper(&self, e: &hyper::Error) -> Fault {
        let mut source = core::error::Error::source(e);
        while let Some(inner) = source {
            if let Some(io) = inner.downcast_ref::<std::io::Error>() {
                return self.why(io);
            }
            source = inner.source();
        }
        Fault::new(errors::UNREACHABLE, format!("{}: {e}.", self.server))
    }

    fn why(&self, e: &std::io::Error) -> Fault {
        use rustls::Error;
        match e.get_ref().and_then(|e| e.downcast_ref::<Error>()) {
            Some(Error::InvalidCertificate(why)) => {
                Fault::new(errors::SERVER_UNTRUSTED, format!("{}: {why}.", self.server))
            }
            Some(Error::AlertReceived(alert)) => Fault::new(
                errors::CERTIFICATE_REVOKED,
                format!(
                    "{} refuses the certificate of {} ({alert:?}).",
                    self.server,
                    self.bundle.display()
                ),
            ),
            _ => Fault::new(errors::UNREACHABLE, format!("{}: {e}.", self.server)),
        }
    }
}

fn find_bundle(base: &Path, roles: &[&str]) -> Result<PathBuf, Fault> {
    if base.join("cert.pem").is_file() {
        return Ok(base.to_owned());
    }
    roles.iter().map(|role| base.join(role)).find(|dir| dir.join("cert.pem").is_file()).ok_or_else(
        || {
            let looked = format!("Looked in {} for {}.", base.display(), roles.join(", "));
            let others = match others(base).as_slice() {
                [] => String::new(),
                [one] => format!(" There is the one of {one}: is it meant?"),
                several => format!(" There are those of {}: name one.", several.join(", ")),
            };
            Fault::new(errors::NO_BUNDLE, looked + &others)
        },
    )
}

/// Bundles in a directory that are under people's names, as `init` makes them; the first ones.
fn others(base: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(base).into_iter().flatten().flatten();
    let bundles = entries.filter(|entry| entry.path().join("cert.pem").is_file());
    let mut names: Vec<String> = bundles.map(|entry| entry.path().display().to_string()).collect();
    names.sort_unstable();
    names.truncate(5);
    names
}

/// A value for a query, percent-encoded.
pub fn encode(value: &str) -> String {
    let mut out = String::new();
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
