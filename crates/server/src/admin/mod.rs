//! The admin API: HTTPS with client certificates, JSON, RFC 9457 problems.
//!
//! One table ([`ROUTES`]) says which action of the policy a request is, and the policy says who has
//! it; a request that no row allows is refused before its handler runs, so that a forgotten row
//! closes a door instead of opening one.
//!
//! What may go around a request is no handler's business: whether it is only tried ([`dry_run`]),
//! whether it came before ([`idempotency`]), and whether its key is still what somebody saw
//! (`If-Match`). The door looks for these, and hands the handler a key manager that heeds them.

mod access;
pub mod approvals;
mod asked;
mod backup;
mod body;
mod certificates;
pub mod disk;
mod door;
pub mod dry_run;
mod export;
mod guard;
mod handlers;
pub mod idempotency;
pub mod keys;
pub mod openapi;
mod pages;
mod problem;
mod replica;
pub mod retention;
mod routes;
pub mod types;

pub use guard::WOULD_WAIT;
pub(crate) use routes::IMPORT;
pub use routes::{ROUTES, Route};

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use self::door::admit;
use self::routes::BODY;
use crate::admission::{Gate, Tally};
use crate::certificates::Certificates;
use crate::errors::{self, Fault};
use crate::identity::Identity;
use crate::kmip_listener::{self, Port, stopped};
use crate::service::Manager;
use crate::tls::Live;

/// How long a peer may take for the handshake, or for the head of a request.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long requests may take to finish at stop.
const DRAIN: Duration = Duration::from_secs(5);

/// What the handlers share.
pub struct Admin {
    /// The key manager.
    pub manager: Arc<dyn Manager>,
    /// The KMIP port, for its numbers.
    pub kmip: Option<(String, Arc<Port>)>,
    /// Where this port listens.
    pub listen: String,
    /// The cap on its connections.
    pub gate: Arc<Gate>,
    /// Its failed handshakes.
    pub strangers: Tally,
    /// Its refused connections.
    pub refused: Tally,
    /// The certificates in use.
    pub certificates: Option<Arc<Certificates>>,
    /// Held while a request with an idempotency key is carried out.
    pub creating: Arc<tokio::sync::Mutex<()>>,
}

impl Admin {
    /// The router, without TLS: requests carry an [`Identity`] as an extension.
    pub fn router(self: &Arc<Self>) -> Router {
        Self::routes()
            .layer(from_fn_with_state(self.clone(), admit))
            .layer(DefaultBodyLimit::max(BODY))
            .with_state(self.clone())
    }

    /// What is behind the door.
    fn routes() -> Router<Arc<Self>> {
        let mut router = Router::new();
        for route in ROUTES {
            router = router.route(route.path, (route.handler)());
        }
        router
            .method_not_allowed_fallback(async || Fault::from(errors::METHOD_NOT_ALLOWED))
            .fallback(async || Fault::new(errors::NOT_FOUND, "The API has no such path."))
    }

    /// The same, over another key manager.
    fn with(&self, manager: Arc<dyn Manager>) -> Arc<Self> {
        Arc::new(Self {
            manager,
            kmip: self.kmip.clone(),
            listen: self.listen.clone(),
            gate: self.gate.clone(),
            // Strangers never come as far as this.
            strangers: Tally::new(PATIENCE),
            refused: Tally::new(PATIENCE),
            certificates: self.certificates.clone(),
            creating: self.creating.clone(),
        })
    }

    /// Answers one request that was let in.
    async fn answer(self: Arc<Self>, mut request: Request) -> Response {
        // What the routes of the door found in the path would be found once more.
        let identity = request.extensions_mut().remove::<Identity>();
        request.extensions_mut().clear();
        identity.map(|identity| request.extensions_mut().insert(identity));
        let router = Self::routes().layer(DefaultBodyLimit::max(BODY)).with_state(self);
        let service = TowerToHyperService::new(router);
        match hyper::service::Service::call(&service, request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }

    /// Accepts until `stop` says true.
    pub async fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        tls: Arc<Live>,
        mut stop: watch::Receiver<bool>,
    ) {
        let router = self.router();
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((tcp, peer)) => {
                        let Some(place) = self.gate.enter(peer.ip()) else {
                            if let Some(line) = self.refused.count(Instant::now(), "refused by the cap", &peer.to_string()) {
                                self.manager.refused("connections-refused", &line);
                            }
                            continue;
                        };
                        let (admin, router, tls, stop) =
                            (self.clone(), router.clone(), tls.clone(), stop.clone());
                        connections.spawn(async move {
                            admin.connection(tcp, peer, &tls, router, stop).await;
                            drop(place);
                        });
                    }
                    Err(e) => {
                        tracing::warn!(error = %e, "accepting an admin connection failed");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                },
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
                () = stopped(&mut stop) => break,
            }
        }
        drop(listener);
        let drained = timeout(DRAIN, async { while connections.join_next().await.is_some() {} });
        if drained.await.is_err() {
            connections.shutdown().await;
        }
    }

    async fn connection(
        &self,
        tcp: TcpStream,
        peer: SocketAddr,
        tls: &Live,
        router: Router,
        mut stop: watch::Receiver<bool>,
    ) {
        let stranger = |reason: &'static str| {
            if let Some(line) = self.strangers.count(Instant::now(), reason, &peer.to_string()) {
                self.manager.refused("handshakes-failed", &format!("admin port: {line}"));
            }
        };
        if tcp.set_nodelay(true).is_err() {
            return;
        }
        let stream = match timeout(PATIENCE, TlsAcceptor::from(tls.current()).accept(tcp)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(e)) => return stranger(kmip_listener::handshake_failure(&e)),
            Err(_) => return stranger("the handshake took too long"),
        };
        let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let router = match certificate.map(|c| Identity::of_certificate(c, peer)) {
            Some(Ok(identity)) => router.layer(axum::Extension(identity)),
            // Whoever holds it has a certificate of ours: it is told why it does not do.
            Some(Err(unusable)) => {
                stranger(unusable.0);
                router.layer(axum::Extension(unusable))
            }
            None => return stranger("no client certificate"),
        };
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(PATIENCE)
            .max_headers(64)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
        let mut connection = core::pin::pin!(connection);
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(e) = ended {
                    tracing::debug!(%peer, error = %e, "admin connection ended");
                }
                return;
            }
            () = stopped(&mut stop) => connection.as_mut().graceful_shutdown(),
        }
        let _ = connection.await;
    }
}
