//! The admin API: HTTPS with client certificates, JSON, RFC 9457 problems.
//!
//! One table ([`ROUTES`]) says who may do what; a request that no row allows is refused before
//! its handler runs, so that a forgotten row closes a door instead of opening one.

mod handlers;
mod problem;
pub mod types;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State as Shared};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, post};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use strongroom_model::Role;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::admission::{Gate, Tally};
use crate::errors::{self, Fault};
use crate::identity::{Identity, Unusable};
use crate::kmip_listener::{self, Port, stopped};
use crate::service::Manager;
use crate::tls::Live;

/// How long a peer may take for the handshake, or for the head of a request.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long requests may take to finish at stop.
const DRAIN: Duration = Duration::from_secs(5);

/// The largest body: a passphrase or a share is small.
const BODY: usize = 64 << 10;

/// Who may use a route.
#[derive(Clone, Copy, Debug)]
pub enum Who {
    /// Whoever has a certificate of ours that counts.
    Certificate,
    /// Users with one of these roles.
    Roles(&'static [Role]),
}

/// One route.
pub struct Route {
    /// The method.
    pub method: &'static str,
    /// The path, in axum's spelling.
    pub path: &'static str,
    /// Who may.
    pub who: Who,
    /// Whether the server must be unsealed.
    pub unsealed: bool,
    /// What the audit calls it.
    pub operation: &'static str,
    handler: fn() -> MethodRouter<Arc<Admin>>,
}

const STAFF: Who = Who::Roles(&[Role::SystemAdministrator, Role::CryptoOfficer, Role::Auditor]);
const SYSADMIN: Who = Who::Roles(&[Role::SystemAdministrator]);
const AUDITOR: Who = Who::Roles(&[Role::Auditor]);

macro_rules! routes {
    ($( $method:literal $path:literal $who:expr, $unsealed:literal, $operation:literal => $handler:expr; )*) => {
        /// Every route.
        pub const ROUTES: &[Route] = &[ $( Route {
            method: $method, path: $path, who: $who, unsealed: $unsealed, operation: $operation,
            handler: || $handler,
        }, )* ];
    };
}

// Unsealing asks for no role: what counts is the share, custodians need not be administrators,
// and while the store is sealed nobody can say who has which role.
routes! {
    "GET" "/health" Who::Certificate, false, "Health" => get(handlers::health);
    "GET" "/v1/status" STAFF, false, "Status" => get(handlers::status);
    "POST" "/v1/root/unseal" Who::Certificate, false, "Unseal" => post(handlers::unseal);
    "POST" "/v1/root/seal" SYSADMIN, true, "Seal" => post(handlers::seal);
    "GET" "/v1/root/slots" STAFF, false, "List Slots" => get(handlers::slots);
    "POST" "/v1/root/slots" SYSADMIN, true, "Add Slot" => post(handlers::slot_add);
    "DELETE" "/v1/root/slots/{id}" SYSADMIN, true, "Remove Slot" => delete(handlers::slot_remove);
    "POST" "/v1/root/verify-shares" Who::Certificate, false, "Verify Shares" => post(handlers::verify_shares);
    "POST" "/v1/root/rotate" SYSADMIN, true, "Rotate Root" => post(handlers::rotate);
    "GET" "/v1/root/rotate" SYSADMIN, true, "Rotation Status" => get(handlers::rotation);
    "POST" "/v1/clock/confirm" SYSADMIN, true, "Confirm Clock" => post(handlers::confirm_clock);
    "GET" "/v1/audit" AUDITOR, true, "Read Audit" => get(handlers::audit);
    "GET" "/v1/audit/{chain}/{seq}" AUDITOR, true, "Read Audit" => get(handlers::audit_record);
    "GET" "/v1/audit/verify" AUDITOR, true, "Verify Audit" => get(handlers::audit_verify);
}

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
    /// When the server's certificate ends, POSIX seconds.
    pub certificate_ends: Option<i64>,
}

impl Admin {
    /// The router, without TLS: requests carry an [`Identity`] as an extension.
    pub fn router(self: &Arc<Self>) -> Router {
        let mut router = Router::new();
        for route in ROUTES {
            router = router.route(route.path, (route.handler)());
        }
        router
            .method_not_allowed_fallback(async || Fault::from(errors::METHOD_NOT_ALLOWED))
            .fallback(async || Fault::new(errors::NOT_FOUND, "The API has no such path."))
            .layer(from_fn_with_state(self.clone(), admit))
            .layer(DefaultBodyLimit::max(BODY))
            .with_state(self.clone())
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
                                self.manager.event("connections-refused", &line);
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
                self.manager.event("handshakes-failed", &format!("admin port: {line}"));
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

/// The door: certificate, state, role. Every request is recorded before it is answered, and a
/// refusal too.
async fn admit(Shared(admin): Shared<Arc<Admin>>, request: Request, next: Next) -> Response {
    if let Some(unusable) = request.extensions().get::<Unusable>() {
        return Fault::from(*unusable).into_response();
    }
    let Some(identity) = request.extensions().get::<Identity>().cloned() else {
        return Fault::from(errors::CERTIFICATE_REQUIRED).into_response();
    };
    let allowed = door(admin.manager.as_ref(), &identity, &request);
    let route = match allowed {
        Ok(route) => route,
        Err((operation, fault)) => {
            admin.manager.record(&identity.caller, operation, Err(&fault));
            return fault.into_response();
        }
    };
    let mut response = next.run(request).await;
    // What the framework refuses by itself (a body over the limit) speaks plain text.
    let status = response.status().as_u16();
    if status >= 400 && response.extensions().get::<Fault>().is_none() {
        let info = match status {
            413 => errors::TOO_LARGE,
            400..500 => errors::BAD_REQUEST,
            _ => errors::INTERNAL,
        };
        response = Fault::from(info).into_response();
    }
    let failed = response.extensions().get::<Fault>().cloned();
    // Looking at the health is asked for every few seconds and changes nothing.
    if route.path != "/health" {
        let result = match &failed {
            Some(fault) => Err(fault),
            None => Ok(()),
        };
        admin.manager.record(&identity.caller, route.operation, result);
    }
    response
}

/// The row that lets a request in, or what it asked for and why it is refused.
fn door(
    manager: &dyn Manager,
    identity: &Identity,
    request: &Request,
) -> Result<&'static Route, (&'static str, Fault)> {
    current(manager, identity).map_err(|fault| ("Connect", fault))?;
    let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    // HEAD runs the handler of GET, so it needs the row of GET.
    let method = match request.method().as_str() {
        "HEAD" => "GET",
        other => other,
    };
    let mut rows = ROUTES.iter().filter(|r| Some(r.path) == path).peekable();
    if rows.peek().is_none() {
        return Err(("Unknown", Fault::new(errors::NOT_FOUND, "The API has no such path.")));
    }
    let Some(route) = rows.find(|r| r.method == method) else {
        return Err(("Unknown", errors::METHOD_NOT_ALLOWED.into()));
    };
    may(manager, identity, route).map_err(|fault| (route.operation, fault))?;
    Ok(route)
}

fn current(manager: &dyn Manager, identity: &Identity) -> Result<(), Fault> {
    if manager.is_revoked(&identity.caller.fingerprint) {
        return Err(errors::CERTIFICATE_REVOKED.into());
    }
    if !identity.counts_at(kmip_listener::now()) {
        return Err(errors::CERTIFICATE_EXPIRED.into());
    }
    Ok(())
}

fn may(manager: &dyn Manager, identity: &Identity, route: &Route) -> Result<(), Fault> {
    if let Who::Roles(roles) = route.who {
        let role = manager.role_of(&identity.caller.user);
        if !role.is_some_and(|role| roles.contains(&role)) {
            let wanted: Vec<_> = roles.iter().map(|r| r.name()).collect();
            let has = role.map_or("no role", Role::name);
            return Err(Fault::new(
                errors::DENIED,
                format!(
                    "\"{}\" needs the role {}; {} has {has}.",
                    route.operation,
                    wanted.join(" or "),
                    identity.caller.user
                ),
            ));
        }
    }
    if route.unsealed {
        match manager.state() {
            types::State::Uninitialised => return Err(errors::NOT_INITIALISED.into()),
            types::State::Sealed => return Err(errors::SEALED.into()),
            types::State::Serving => {}
        }
    }
    Ok(())
}
