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
mod backup;
mod certificates;
pub mod disk;
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
pub mod types;

pub use guard::WOULD_WAIT;

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State as Shared};
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, post, put};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use strongroom_model::Role;
use strongroom_policy::{AdminAction, Needs};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::admission::{Gate, Tally};
use crate::certificates::Certificates;
use crate::errors::{self, Fault};
use crate::identity::{Identity, Unusable};
use crate::kmip_listener::{self, Port, stopped};
use crate::service::{Around, Done, Manager};
use crate::tls::Live;

/// How long a peer may take for the handshake, or for the head of a request.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a body may take that may be large: a list of anchors over a slow line.
const LARGE_PATIENCE: Duration = Duration::from_secs(60);

/// How long requests may take to finish at stop.
const DRAIN: Duration = Duration::from_secs(5);

/// The largest body: a passphrase or a share is small.
const BODY: usize = 64 << 10;

/// The largest body with rules: their text, as JSON may spell it.
const POLICY: usize = 8 * strongroom_policy::MAX_TEXT;

/// The largest batch of keys to be imported.
pub(crate) const IMPORT: usize = 4 << 20;

/// The largest list of anchors.
const ANCHORS: usize = 16 << 20;

/// What the audit calls a round of retention.
const RUN_RETENTION: &str = "Run Retention";

/// One route.
pub struct Route {
    /// The method.
    pub method: &'static str,
    /// The path, in axum's spelling.
    pub path: &'static str,
    /// What it is to the policy, which says who may.
    pub action: AdminAction,
    /// Whether the server must be unsealed. Those that need it not are health and unsealing, and no
    /// others.
    pub unsealed: bool,
    /// What the audit calls it.
    pub operation: &'static str,
    handler: fn() -> MethodRouter<Arc<Admin>>,
}

macro_rules! routes {
    ($( $method:literal $path:literal $action:ident, $unsealed:literal, $operation:expr => $handler:expr; )*) => {
        /// Every route.
        pub const ROUTES: &[Route] = &[ $( Route {
            method: $method, path: $path, action: AdminAction::$action, unsealed: $unsealed, operation: $operation,
            handler: || $handler,
        }, )* ];
    };
}

routes! {
    "GET" "/health" Health, false, "Health" => get(handlers::health);
    "GET" "/v1/status" Status, true, "Status" => get(handlers::status);
    "POST" "/v1/root/unseal" Unseal, false, "Unseal" => post(handlers::unseal);
    "POST" "/v1/root/seal" Seal, true, "Seal" => post(handlers::seal);
    "GET" "/v1/root/slots" ListSlots, true, "List Slots" => get(handlers::slots);
    "POST" "/v1/root/slots" ChangeSlots, true, "Add Slot" => post(handlers::slot_add);
    "DELETE" "/v1/root/slots/{id}" ChangeSlots, true, "Remove Slot" => delete(handlers::slot_remove);
    "POST" "/v1/root/slots/{id}/vouch" VouchSlot, true, "Vouch Slot" => post(handlers::slot_vouch);
    "POST" "/v1/root/verify-shares" VerifyShares, true, "Verify Shares" => post(handlers::verify_shares);
    "POST" "/v1/root/recover-officer" RecoverOfficer, true, "Recover Officer" => post(certificates::recover_officer);
    "POST" "/v1/root/rotate" RotateRoot, true, "Rotate Root" => post(handlers::rotate);
    "GET" "/v1/root/rotate" RotateRoot, true, "Rotation Status" => get(handlers::rotation);
    "POST" "/v1/root/key" RotateRoot, true, "Prepare Root Key" => post(handlers::prepare_root_key);
    "PUT" "/v1/root/key" RotateRoot, true, "Replace Root Key" => put(handlers::replace_root_key);
    "POST" "/v1/clock/confirm" ConfirmClock, true, "Confirm Clock" => post(handlers::confirm_clock);
    "GET" "/v1/audit" ReadAudit, true, "Read Audit" => get(handlers::audit);
    "GET" "/v1/audit/{chain}/{seq}" ReadAudit, true, "Read Audit" => get(handlers::audit_record);
    "GET" "/v1/keys" ListKeys, true, "List Keys" => get(handlers::keys);
    "POST" "/v1/keys" ManageKeys, true, "Create Key" => post(keys::create);
    "GET" "/v1/keys/{id}" ListKeys, true, "Show Key" => get(keys::show);
    "POST" "/v1/keys/{id}/activate" ManageKeys, true, "Activate Key" => post(keys::activate);
    "POST" "/v1/keys/{id}/revoke" ManageKeys, true, "Revoke Key" => post(keys::revoke);
    "POST" "/v1/keys/{id}/destroy" ManageKeys, true, "Destroy Key" => post(keys::destroy);
    "GET" "/v1/expiring" ListKeys, true, "List Expiring" => get(keys::expiring);
    "GET" "/v1/uses" ListKeys, true, "Show Uses" => get(keys::uses);
    "POST" "/v1/import" ManageKeys, true, "Import Keys" => post(keys::import).layer(DefaultBodyLimit::max(IMPORT));
    "POST" "/v1/keys/{id}/rotate" ManageKeys, true, "Rotate Key" => post(handlers::rotate_key);
    "POST" "/v1/keys/{id}/recall" ManageKeys, true, "Recall Destruction" => post(handlers::recall_key);
    "POST" "/v1/keys/{id}/archive" ManageKeys, true, "Archive Key" => post(handlers::archive_key);
    "POST" "/v1/keys/{id}/recover" ManageKeys, true, "Recover Key" => post(handlers::recover_key);
    "GET" "/v1/policy" ReadPolicy, true, "Read Policy" => get(access::policy);
    "PUT" "/v1/policy" ChangePolicy, true, "Change Policy" => put(access::policy_set).layer(DefaultBodyLimit::max(POLICY));
    "POST" "/v1/policy/test" ReadPolicy, true, "Test Policy" => post(access::policy_test);
    "POST" "/v1/policy/diff" ReadPolicy, true, "Compare Policy" => post(access::policy_diff).layer(DefaultBodyLimit::max(POLICY));
    "GET" "/v1/grants" ListKeys, true, "List Grants" => get(access::grants);
    "POST" "/v1/grants" ManageKeys, true, "Grant" => post(access::grant);
    "POST" "/v1/grants/withdraw" ManageKeys, true, "Withdraw Grant" => post(access::withdraw);
    "GET" "/v1/key-groups" ListKeys, true, "List Key Groups" => get(access::key_groups);
    "PUT" "/v1/key-groups/{group}/keys/{id}" ManageKeys, true, "Join Key Group" => put(access::join);
    "DELETE" "/v1/key-groups/{group}/keys/{id}" ManageKeys, true, "Leave Key Group" => delete(access::leave);
    "GET" "/v1/roles" ListUsers, true, "List Roles" => get(access::roles);
    "PUT" "/v1/roles/{user}" ChangeRoles, true, "Grant Role" => put(access::role_set);
    "DELETE" "/v1/roles/{user}" ChangeRoles, true, "Revoke Role" => delete(access::role_revoke);
    "GET" "/v1/clients" ListUsers, true, "List Certificates" => get(certificates::clients);
    "POST" "/v1/clients" IssueCertificate, true, "Issue Certificate" => post(certificates::issue);
    "POST" "/v1/clients/{fingerprint}/revoke" RevokeCertificate, true, "Revoke Certificate" => post(certificates::revoke);
    "GET" "/v1/clients/crl" RevokeCertificate, true, "Sign Revocation List" => get(certificates::sign_list);
    "GET" "/v1/certificates" Status, true, "Show Certificates" => get(certificates::view);
    "POST" "/v1/certificates/server/renew" Configure, true, "Renew Server Certificate" => post(certificates::renew_server);
    "POST" "/v1/certificates/ca/renew" IssueCertificate, true, "Renew Authority" => post(certificates::renew_authority);
    "POST" "/v1/certificates/ca/retire" IssueCertificate, true, "Retire Authority" => post(certificates::retire_authorities);
    "GET" "/v1/backup" Backup, true, "Create Backup" => get(backup::create);
    "GET" "/v1/backup/slots" Backup, true, "Save Slots" => get(backup::slots);
    "POST" "/v1/backup/confirm" ConfirmRestore, true, "Confirm Restore" => post(backup::confirm).layer(DefaultBodyLimit::max(ANCHORS));
    "GET" "/v1/replica" Status, true, "Show Replica" => get(replica::show);
    "POST" "/v1/replica/allow" Backup, true, "Allow Replicas" => post(replica::allow);
    "POST" "/v1/replica/promote" ConfirmRestore, true, "Promote Replica" => post(replica::promote).layer(DefaultBodyLimit::max(ANCHORS));
    "GET" "/v1/approvals" ListApprovals, true, "List Approvals" => get(approvals::list);
    "GET" "/v1/approvals/{id}" ListApprovals, true, "Show Approval" => get(approvals::show);
    "POST" "/v1/approvals/{id}/approve" Approve, true, "Approve" => post(approvals::approve);
    "POST" "/v1/approvals/{id}/reject" Approve, true, "Reject Approval" => post(approvals::reject);
    "POST" "/v1/approvals/{id}/withdraw" Approve, true, "Withdraw Approval" => post(approvals::withdraw);
    "GET" "/v1/approval-rules" ListApprovals, true, "List Approval Rules" => get(approvals::rules);
    "PUT" "/v1/approval-rules/{name}" ChangeApprovals, true, "Require Approval" => put(approvals::require);
    "DELETE" "/v1/approval-rules/{name}" ChangeApprovals, true, "Waive Approval" => delete(approvals::waive);
    "GET" "/v1/audit/retention" Status, true, "Show Retention" => get(retention::show);
    "POST" "/v1/audit/retention" Configure, true, RUN_RETENTION => post(retention::run);
    "GET" "/v1/audit/export" ReadAudit, true, "Export Audit" => get(export::export);
    "GET" "/v1/audit/key" VerifyAudit, true, "Read Audit" => get(handlers::audit_key);
    "POST" "/v1/audit/verify" VerifyAudit, true, "Verify Audit" => post(handlers::audit_verify_against).layer(DefaultBodyLimit::max(ANCHORS));
    "GET" "/v1/audit/verify" VerifyAudit, true, "Verify Audit" => get(handlers::audit_verify);
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

/// The door: certificate, state, role. Every request is recorded before it is answered, and a
/// refusal too.
async fn admit(Shared(admin): Shared<Arc<Admin>>, request: Request, next: Next) -> Response {
    if let Some(unusable) = request.extensions().get::<Unusable>() {
        return Fault::from(*unusable).into_response();
    }
    let Some(identity) = request.extensions().get::<Identity>().cloned() else {
        return Fault::from(errors::CERTIFICATE_REQUIRED).into_response();
    };
    let begun = Instant::now();
    let (parts, body) = request.into_parts();
    let head = Request::from_parts(parts, Body::empty());
    let object = object_of(head.uri().path());
    let record =
        |operation: &str, rule: &str, result: Result<(), &Fault>, more: &[(&str, &str)]| {
            let micros = i64::try_from(begun.elapsed().as_micros()).unwrap_or(i64::MAX);
            // A refusal about a key names it, and the rule that was asked about that key.
            let of = result.err();
            let object = of.and_then(|fault| fault.object.as_deref()).or(object.as_deref());
            let rule = of.and_then(|fault| fault.rule.as_deref()).unwrap_or(rule);
            let done = Done { operation, object, rule, result, micros, parameters: more };
            admin.manager.record(&identity.caller, &done)
        };
    let in_by = door(&admin, &identity, &head);
    let body = whole(body, in_by.as_ref().map_or(BODY, |(route, _)| most(route))).await;
    let (route, rule) = match in_by {
        Ok(in_by) => in_by,
        Err(out) => {
            // A refusal it is in either case.
            let recorded = record(out.operation, &out.rule, Err(&out.fault), &[]);
            let response = recorded.err().unwrap_or(out.fault).into_response();
            return if body.is_ok() { response } else { closing(response) };
        }
    };
    let request = match body {
        Ok(bytes) => Request::from_parts(head.into_parts().0, bytes.into()),
        Err(fault) => {
            let recorded = record(route.operation, &rule, Err(&fault), &[]);
            return closing(recorded.err().unwrap_or(fault).into_response());
        }
    };
    let asked = match Asked::of(route, &request) {
        Ok(asked) => asked,
        Err(fault) => {
            let recorded = record(route.operation, &rule, Err(&fault), &[]);
            return recorded.err().unwrap_or(fault).into_response();
        }
    };
    let dry_run = asked.dry_run;
    let tried: &[(&str, &str)] = if dry_run { &[("dry-run", "true")] } else { &[] };
    // What was carried out already waits for nobody any more.
    let again = asked.came_before(&admin, &identity);
    let (request, passed) = match again {
        true => (request, guard::Passed::default()),
        false => match guard::pass(&admin, &identity, route, request).await {
            Ok(passed) => passed,
            Err(waits) => {
                let recorded = record(route.operation, &rule, Err(&waits.fault), tried);
                return recorded
                    .map_or_else(IntoResponse::into_response, |()| waits.into_response());
            }
        },
    };
    let mut response = match asked.is_plain() {
        true => next.run(request).await,
        false => asked
            .run(&admin, &identity, route, request)
            .await
            .unwrap_or_else(IntoResponse::into_response),
    };
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
    passed.told(&mut response);
    let failed = response.extensions().get::<Fault>().cloned();
    // Looking at the health is asked for every few seconds and changes nothing.
    if route.action == AdminAction::Health {
        return response;
    }
    let result = failed.as_ref().map_or(Ok(()), Err);
    let particulars = response.extensions().get::<Particulars>().cloned().unwrap_or_default();
    let mut more: Vec<_> = particulars.0.iter().map(|(n, v)| (*n, v.as_str())).collect();
    if dry_run {
        more.push(("dry-run", "true"));
    }
    match record(route.operation, &rule, result, &more) {
        // No answer before its record; but whoever looks for the reason must find it.
        Err(fault) if route.action != AdminAction::Status => fault.into_response(),
        _ => response,
    }
}

/// The most bytes that the body of a request may have.
fn most(route: &Route) -> usize {
    match route.action {
        AdminAction::ChangePolicy | AdminAction::ReadPolicy => POLICY,
        AdminAction::ConfirmRestore | AdminAction::VerifyAudit => ANCHORS,
        AdminAction::ManageKeys if route.operation == "Import Keys" => IMPORT,
        _ => BODY,
    }
}

/// Reads a body before anything is answered, within its bounds. One that is still on its way when
/// the answer is sent would end the connection, and the client's next request on it with it.
async fn whole(body: Body, most: usize) -> Result<Bytes, Fault> {
    let patience = if most > BODY { LARGE_PATIENCE } else { PATIENCE };
    let read = Limited::new(body, most).collect();
    match timeout(patience, read).await {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(e)) if e.is::<LengthLimitError>() => Err(errors::TOO_LARGE.into()),
        Ok(Err(_)) => Err(Fault::bad_request("The body ended before its length.")),
        Err(_) => Err(Fault::bad_request(format!(
            "The body did not come within {} s.",
            patience.as_secs()
        ))),
    }
}

/// An answer behind which nothing can follow on the same connection.
fn closing(mut response: Response) -> Response {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// What a response wants recorded beside what every record has: name and value.
#[derive(Clone, Debug, Default)]
struct Particulars(Vec<(&'static str, String)>);

/// What a request wants to go around it.
struct Asked {
    dry_run: bool,
    /// Its idempotency key.
    key: Option<String>,
    /// The key that it is about, and the version that it is of.
    only_if: Option<(String, String)>,
}

impl Asked {
    /// # Errors
    /// [`errors::BAD_REQUEST`]: a parameter that is not known must not be taken for nothing, or who
    /// misspells `dry_run` gets the real thing.
    fn of(route: &'static Route, request: &Request) -> Result<Self, Fault> {
        if route.method == "GET" {
            // What only reads has parameters of its own.
            return Ok(Self { dry_run: false, key: None, only_if: None });
        }
        let dry_run = match request.uri().query() {
            None | Some("" | "dry_run=false") => false,
            Some("dry_run=true") => true,
            Some(_) => {
                return Err(Fault::bad_request(
                    "The only parameter of a change is dry_run, true or false.",
                ));
            }
        };
        if dry_run {
            dry_run::check(route)?;
        }
        let key = idempotency::key(route, request)?.filter(|_| !dry_run);
        // Rules have a condition of their own.
        let about = request.uri().path().starts_with("/v1/keys/");
        let tag = request.headers().get(axum::http::header::IF_MATCH).filter(|_| about);
        let tag = tag.map(|tag| tag.to_str().map(|tag| tag.trim_matches('"').to_owned()));
        let only_if = match (object_of(request.uri().path()), tag.transpose()) {
            (Some(id), Ok(Some(tag))) if tag != "*" => Some((id, tag)),
            (_, Ok(_)) => None,
            (_, Err(_)) => return Err(Fault::bad_request("If-Match is not an ETag.")),
        };
        Ok(Self { dry_run, key, only_if })
    }

    /// Whether its answer is kept, so that nothing is carried out.
    fn came_before(&self, admin: &Admin, identity: &Identity) -> bool {
        let name = self.key.as_deref().map(|key| idempotency::name(identity, key));
        name.is_some_and(|name| matches!(admin.manager.answered(&name), Ok(Some(_))))
    }

    fn is_plain(&self) -> bool {
        !self.dry_run && self.key.is_none() && self.only_if.is_none()
    }

    async fn run(
        self,
        admin: &Arc<Admin>,
        identity: &Identity,
        route: &'static Route,
        request: Request,
    ) -> Result<Response, Fault> {
        let around = Around { rehearse: self.dry_run, mark: None, only_if: self.only_if };
        if let Some(key) = &self.key {
            return idempotency::once(admin, identity, route, key, around, request).await;
        }
        let manager = admin.manager.around(&around)?;
        let response = admin.with(manager.clone()).answer(request).await;
        Ok(match self.dry_run {
            true => dry_run::answer(manager.as_ref(), route, response),
            false => response,
        })
    }
}

/// The key that a path is about.
fn object_of(path: &str) -> Option<String> {
    let id = match path.strip_prefix("/v1/keys/") {
        Some(rest) => rest.split('/').next()?,
        None => {
            let mut parts = path.strip_prefix("/v1/key-groups/")?.split('/').skip(1);
            parts.next().filter(|part| *part == "keys")?;
            parts.next()?
        }
    };
    (!id.is_empty()).then(|| decoded(id))
}

/// A part of a path without its percent-encoding (RFC 3986 section 2.1).
fn decoded(part: &str) -> String {
    let mut rest = part.as_bytes();
    let mut out = Vec::with_capacity(part.len());
    while let Some((byte, after)) = rest.split_first() {
        let pair = after.first_chunk::<2>().filter(|_| *byte == b'%');
        let pair = pair.and_then(|pair| core::str::from_utf8(pair).ok());
        match pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(value) => {
                out.push(value);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                out.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// A request that the door kept out.
struct KeptOut {
    operation: &'static str,
    rule: Cow<'static, str>,
    fault: Fault,
}

/// The row that lets a request in and the rule that did, or why it is refused.
fn door(
    admin: &Admin,
    identity: &Identity,
    request: &Request,
) -> Result<(&'static Route, Cow<'static, str>), KeptOut> {
    let manager = admin.manager.as_ref();
    let out = |operation, fault| KeptOut { operation, rule: "".into(), fault };
    current(admin, identity).map_err(|fault| out("Connect", fault))?;
    let row = row(request);
    let operation = row.as_ref().map_or("Unknown", |route| route.operation);
    // Before the role is asked for: while the store is locked, the rows that say who has which are
    // not yet known to be sound. And whoever comes is told what stands in the way of all.
    if row.as_ref().map_or(true, |route| route.unsealed)
        && let Some(closed) = closed(manager.state())
    {
        return Err(out(operation, closed.into()));
    }
    let route = row.map_err(|fault| out(operation, fault))?;
    if manager.is_quarantined() && !in_quarantine(route) {
        return Err(out(operation, errors::QUARANTINED.into()));
    }
    if manager.is_replica() && !in_quarantine(route) {
        let of = manager.replica().map(|r| format!("It is a {}.", r.text())).unwrap_or_default();
        return Err(out(operation, Fault::new(errors::REPLICA, of)));
    }
    let rule = may(manager, identity, route)?;
    // Last: who may not is told so, and not how the disk is doing.
    if !on_full_disk(route)
        && let Some(fault) = manager.disk_full()
    {
        return Err(KeptOut { operation: route.operation, rule, fault });
    }
    Ok((route, rule))
}

/// Whether a request is answered on a full disk: what reads, what frees space, and what opens and
/// closes the root key.
fn on_full_disk(route: &Route) -> bool {
    use AdminAction as A;
    match route.action {
        A::Unseal | A::Seal | A::VerifyAudit | A::ReadPolicy => true,
        // It keeps a record of itself in the store.
        A::Backup => false,
        A::Configure if route.operation == RUN_RETENTION => true,
        _ => route.method == "GET",
    }
}

/// Whether a request is answered while a restored store waits for its confirmation, and by a replica:
/// what reads, and what it takes to come to a confirmation or a promotion: an open root key, an
/// officer, a certificate for the server, a clock; and taking rights away.
fn in_quarantine(route: &Route) -> bool {
    use AdminAction as A;
    let towards = matches!(
        route.action,
        A::Unseal
            | A::Seal
            | A::VerifyShares
            | A::RecoverOfficer
            | A::Configure
            | A::ConfirmClock
            | A::ConfirmRestore
            | A::Approve
            | A::RevokeCertificate
            | A::VerifyAudit
            | A::ReadPolicy
    );
    route.method == "GET" || (towards && route.operation != RUN_RETENTION)
}

/// The row of a request.
fn row(request: &Request) -> Result<&'static Route, Fault> {
    let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    // HEAD runs the handler of GET, so it needs the row of GET.
    let method = match request.method().as_str() {
        "HEAD" => "GET",
        other => other,
    };
    let mut rows = ROUTES.iter().filter(|r| Some(r.path) == path).peekable();
    if rows.peek().is_none() {
        return Err(Fault::new(errors::NOT_FOUND, "The API has no such path."));
    }
    rows.find(|r| r.method == method).ok_or_else(|| errors::METHOD_NOT_ALLOWED.into())
}

/// Why nothing but health and unsealing is answered, if so.
fn closed(state: types::State) -> Option<&'static errors::ErrorInfo> {
    match state {
        types::State::Uninitialised => Some(errors::NOT_INITIALISED),
        types::State::Sealed => Some(errors::SEALED),
        types::State::Serving => None,
    }
}

fn current(admin: &Admin, identity: &Identity) -> Result<(), Fault> {
    let listed = admin.certificates.as_ref().map(|c| &c.admin);
    if let Some(why) = listed.and_then(|tls| tls.refuses(identity, kmip_listener::now())) {
        return Err(Fault::new(errors::CERTIFICATE_REVOKED, format!("It is {why}.")));
    }
    if admin.manager.is_revoked(&identity.caller.fingerprint) {
        return Err(errors::CERTIFICATE_REVOKED.into());
    }
    if !identity.counts_at(kmip_listener::now()) {
        return Err(errors::CERTIFICATE_EXPIRED.into());
    }
    Ok(())
}

fn may(
    manager: &dyn Manager,
    identity: &Identity,
    route: &'static Route,
) -> Result<Cow<'static, str>, KeptOut> {
    let user = &identity.caller.user;
    let role = manager.role_of(user);
    let decision = manager.decide(&identity.caller, route.action);
    let rule = decision.rule_text();
    let out = |fault| KeptOut { operation: route.operation, rule: rule.clone(), fault };
    if !decision.allowed {
        let wanted: Vec<_> = match route.action.needs() {
            Needs::Roles(roles) => roles.iter().map(|r| r.name()).collect(),
            Needs::Certificate => Vec::new(),
        };
        let has = role.map_or("no role", Role::name);
        let detail = if rule == strongroom_policy::rule::ROLE_LACKS {
            let wanted = wanted.join(" or ");
            format!("\"{}\" needs the role {wanted}; {user} has {has}.", route.operation)
        } else {
            format!("\"{}\" is denied to {user} by rule {rule}.", route.operation)
        };
        return Err(out(Fault::new(errors::DENIED, detail)));
    }
    Ok(rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarantined_store_answers_what_reads_and_what_leads_to_its_confirmation() {
        let mut answered: Vec<_> = ROUTES
            .iter()
            .filter(|route| route.method != "GET" && in_quarantine(route))
            .map(|route| route.operation)
            .collect();
        answered.sort_unstable();
        let expected = [
            "Approve",
            "Compare Policy",
            "Confirm Clock",
            "Confirm Restore",
            "Promote Replica",
            "Recover Officer",
            "Reject Approval",
            "Renew Server Certificate",
            "Revoke Certificate",
            "Seal",
            "Test Policy",
            "Unseal",
            "Verify Audit",
            "Verify Shares",
            "Withdraw Approval",
        ];
        assert_eq!(answered, expected);
    }

    #[test]
    fn a_full_disk_lets_through_what_reads_and_what_opens_and_closes_the_root_key() {
        let mut answered: Vec<_> = ROUTES
            .iter()
            .filter(|route| route.method != "GET" && on_full_disk(route))
            .map(|route| route.operation)
            .collect();
        answered.sort_unstable();
        let expected =
            ["Compare Policy", "Run Retention", "Seal", "Test Policy", "Unseal", "Verify Audit"];
        assert_eq!(answered, expected);
    }

    #[test]
    fn collectors_have_a_class_for_every_request() {
        for route in ROUTES {
            let class = strongroom_siem::catalog::class(route.operation, "");
            assert!(class.number < 9000, "{} has no class in the catalogue", route.operation);
        }
    }
}
