//! The door: which row a request is, whether it may come in, and its record.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State as Shared};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use strongroom_model::Role;
use strongroom_policy::{AdminAction, Needs};

use super::asked::{Asked, object_of};
use super::body::{closing, whole};
use super::routes::{BODY, ROUTES, RUN_RETENTION, Route, most};
use super::{Admin, guard, types};
use crate::errors::{self, Fault};
use crate::identity::{Identity, Unusable};
use crate::kmip_listener;
use crate::service::{Done, Manager};

/// What a response wants recorded beside what every record has: name and value.
#[derive(Clone, Debug, Default)]
pub(super) struct Particulars(pub(super) Vec<(&'static str, String)>);

/// The door: certificate, state, role. Every request is recorded before it is answered, and a
/// refusal too.
pub(super) async fn admit(
    Shared(admin): Shared<Arc<Admin>>,
    request: Request,
    next: Next,
) -> Response {
    if let Some(unusable) = request.extensions().get::<Unusable>() {
        return Fault::from(*unusable).into_response();
    }
    let Some(identity) = request.extensions().get::<Identity>().cloned() else {
        return Fault::from(errors::CERTIFICATE_REQUIRED).into_response();
    };
    let (parts, body) = request.into_parts();
    let head = Request::from_parts(parts, Body::empty());
    let object = object_of(head.uri().path());
    let visit = Visit { admin, identity, object, begun: Instant::now() };
    let in_by = door(&visit.admin, &visit.identity, &head);
    let body = whole(body, in_by.as_ref().map_or(BODY, |(route, _)| most(route))).await;
    let (route, rule) = match in_by {
        Ok(in_by) => in_by,
        Err(out) => {
            // A refusal it is in either case.
            let recorded = visit.record(out.operation, &out.rule, Err(&out.fault), &[]);
            let response = recorded.err().unwrap_or(out.fault).into_response();
            return if body.is_ok() { response } else { closing(response) };
        }
    };
    let request = match body {
        Ok(bytes) => Request::from_parts(head.into_parts().0, bytes.into()),
        Err(fault) => {
            let recorded = visit.record(route.operation, &rule, Err(&fault), &[]);
            return closing(recorded.err().unwrap_or(fault).into_response());
        }
    };
    // A task of its own: whoever hangs up ends the wait for the answer, and not what is under way,
    // nor its record, nor the turn of those that wait behind it.
    let inside = tokio::spawn(visit.carry_out(route, rule, request, next));
    inside.await.unwrap_or_else(|_| Fault::from(errors::INTERNAL).into_response())
}

/// A request on its way through the door.
struct Visit {
    admin: Arc<Admin>,
    identity: Identity,
    object: Option<String>,
    begun: Instant,
}

impl Visit {
    fn record(
        &self,
        operation: &str,
        rule: &str,
        result: Result<(), &Fault>,
        more: &[(&str, &str)],
    ) -> Result<(), Fault> {
        let micros = i64::try_from(self.begun.elapsed().as_micros()).unwrap_or(i64::MAX);
        // A refusal about a key names it, and the rule that was asked about that key.
        let of = result.err();
        let object = of.and_then(|fault| fault.object.as_deref()).or(self.object.as_deref());
        let rule = of.and_then(|fault| fault.rule.as_deref()).unwrap_or(rule);
        let done = Done { operation, object, rule, result, micros, parameters: more };
        self.admin.manager.record(&self.identity.caller, &done)
    }

    /// What happens behind the door.
    async fn carry_out(
        self,
        route: &'static Route,
        rule: Cow<'static, str>,
        request: Request,
        next: Next,
    ) -> Response {
        let Self { admin, identity, .. } = &self;
        let mut asked = match Asked::of(route, &request) {
            Ok(asked) => asked,
            Err(fault) => {
                let recorded = self.record(route.operation, &rule, Err(&fault), &[]);
                return recorded.err().unwrap_or(fault).into_response();
            }
        };
        let dry_run = asked.dry_run;
        let tried: &[(&str, &str)] = if dry_run { &[("dry-run", "true")] } else { &[] };
        // What was carried out already waits for nobody any more.
        asked.again = asked.came_before(admin, identity);
        let (request, passed) = match asked.again {
            true => (request, guard::Passed::default()),
            false => match guard::pass(admin, identity, route, request).await {
                Ok(passed) => passed,
                Err(waits) => {
                    let recorded = self.record(route.operation, &rule, Err(&waits.fault), tried);
                    return recorded
                        .map_or_else(IntoResponse::into_response, |()| waits.into_response());
                }
            },
        };
        let mut response = match asked.is_plain() {
            true => next.run(request).await,
            false => asked
                .run(admin, identity, route, request)
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
        match self.record(route.operation, &rule, result, &more) {
            // No answer before its record; but whoever looks for the reason must find it.
            Err(fault) if route.action != AdminAction::Status => fault.into_response(),
            _ => response,
        }
    }
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
}
