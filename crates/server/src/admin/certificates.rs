//! Certificates over the admin API.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::{Extension, Json};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strongroom_model::Role;
use strongroom_policy::AdminAction;

use super::Admin;
use super::handlers::{Answer, body};
use super::pages::{self, Page};
use super::types::SecretText;
use crate::certificates::Certificates;
use crate::crl::ListRow;
use crate::errors::{self, Fault};
use crate::identity::Identity;
use crate::service::{Caller, Manager};

/// A row of `GET /v1/clients`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClientRow {
    /// The user: the common name.
    pub user: String,
    /// The groups: the organisational units.
    pub groups: Vec<String>,
    /// `client` or `server`.
    pub purpose: String,
    /// SHA-256 of the certificate, hexadecimal.
    pub fingerprint: String,
    /// Serial number, hexadecimal.
    pub serial: String,
    /// Last second in which it counts, POSIX.
    pub not_after: i64,
    /// When it became known, POSIX seconds; 0 if that is not known.
    #[serde(default)]
    pub issued: i64,
    /// How its authority stands: `current` (the one that signs), `older` (accepted until it is
    /// retired), `retired` (refused); empty where the authority is not this server's own.
    #[serde(default)]
    pub authority: String,
    /// Why it was revoked, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<String>,
    /// When it was revoked, POSIX seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<i64>,
}

/// `GET /v1/clients/crl`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListParameters {
    /// Days until a newer list is due; 7 if nothing is said.
    pub days: Option<u16>,
}

/// A list of revoked certificates, just signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SignedList {
    /// The list (CRL), PEM.
    pub list: String,
    /// How many certificates it names.
    pub revoked: u64,
    /// Revoked certificates that it does not name: of an older authority, or of another's.
    pub left_out: u64,
    /// When a newer list is due, POSIX seconds.
    pub next_update: i64,
}

/// `POST /v1/clients`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewClient {
    /// The user: the certificate's common name, whatever the request says.
    pub user: String,
    /// The group: its organisational unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The role that the user gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Days that it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<u16>,
    /// The certificate signing request (PKCS #10), PEM. Only its key is taken.
    pub csr: String,
}

/// The answer to `POST /v1/clients`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClientIssued {
    /// The certificate, PEM.
    pub certificate: String,
    /// The authorities that a client has to trust, PEM.
    pub authority: String,
    /// SHA-256 of the certificate, hexadecimal.
    pub fingerprint: String,
    /// Serial number, hexadecimal.
    pub serial: String,
    /// Last second in which it counts, POSIX.
    pub not_after: i64,
    /// The port that KMIP is served on, at the address of this one; 0 if that is not known.
    #[serde(default)]
    pub kmip_port: u16,
}

/// `POST /v1/clients/{fingerprint}/revoke`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeClient {
    /// Why, in words.
    pub reason: String,
}

/// `POST /v1/root/recover-officer`.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecoverOfficer {
    /// The new officer: the certificate's common name.
    pub user: String,
    /// The certificate signing request (PKCS #10), PEM. Only its key is taken.
    pub csr: String,
    /// A quorum of custodians' shares.
    pub shares: Vec<SecretText>,
}

/// The server's own certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServerCertificate {
    /// The names and addresses that it bears.
    pub names: Vec<String>,
    /// SHA-256 of the certificate, hexadecimal.
    pub fingerprint: String,
    /// Last second in which it counts, POSIX.
    pub not_after: i64,
}

/// An authority whose clients are accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuthorityRow {
    /// Its subject.
    pub name: String,
    /// SHA-256 of its certificate, hexadecimal.
    pub fingerprint: String,
    /// Last second in which it counts, POSIX.
    pub not_after: i64,
    /// Whether it is the one that signs.
    pub signs: bool,
}

/// `GET /v1/certificates`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CertificatesView {
    /// The server's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerCertificate>,
    /// The authorities, newest first.
    pub authorities: Vec<AuthorityRow>,
    /// The lists of revoked certificates in force.
    #[serde(default)]
    pub lists: Vec<ListRow>,
}

/// `POST /v1/certificates/server/renew`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RenewServer {
    /// DNS names and IP addresses; those of the certificate before if none is given.
    #[serde(default)]
    pub names: Vec<String>,
    /// Days that it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<u16>,
}

/// Runs what needs the certificates, on a thread of its own.
async fn with<T: Send + 'static>(
    admin: Arc<Admin>,
    identity: Identity,
    work: impl FnOnce(&Certificates, &dyn Manager, &Caller) -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    let Some(certificates) = admin.certificates.clone() else {
        return Err(Fault::new(errors::CONFLICT, "This server keeps no certificates."));
    };
    super::handlers::blocking(admin, identity, move |m, caller| work(&certificates, m, caller))
        .await
}

pub(super) async fn clients(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    asked: pages::Asked,
) -> Answer<Page<ClientRow>> {
    let which = pages::which(asked)?;
    let certificates = admin.certificates.clone();
    let rows = super::handlers::blocking(admin, identity, move |m, _| {
        let mut rows = m.certificates()?;
        if let Some(certificates) = certificates {
            certificates.mark(m, &mut rows);
        }
        Ok(rows)
    });
    let rows = rows.await?;
    Ok(Json(which.page(rows, |row| format!("{}/{}", row.user, row.fingerprint))?))
}

pub(super) async fn sign_list(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    query: Result<Query<ListParameters>, QueryRejection>,
) -> Answer<SignedList> {
    let Query(asked) = query.map_err(|e| Fault::bad_request(e.body_text()))?;
    Ok(Json(with(admin, identity, move |c, m, _| c.sign_list(m, asked.days)).await?))
}

pub(super) async fn issue(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    bytes: Bytes,
) -> Answer<ClientIssued> {
    let new: NewClient = body(&bytes)?;
    let issued = with(admin, identity, move |c, m, who| {
        // A role with the certificate is a role all the same.
        if new.role.is_some() {
            let decision = m.decide(who, AdminAction::ChangeRoles);
            if !decision.allowed {
                let detail =
                    format!("Giving a role is denied to {} by rule {}.", who.user, decision.rule());
                return Err(Fault::new(errors::DENIED, detail));
            }
        }
        c.issue(m, who, &new)
    });
    Ok(Json(issued.await?))
}

pub(super) async fn recover_officer(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    bytes: Bytes,
) -> Answer<ClientIssued> {
    let given: RecoverOfficer = body(&bytes)?;
    let issued = with(admin, identity, move |c, m, who| {
        let new = NewClient {
            user: given.user,
            group: None,
            role: Some(Role::CryptoOfficer.name().to_owned()),
            days: None,
            csr: given.csr,
        };
        // Who has which role is not for those to hear who have no shares.
        m.prove_quorum(who, &given.shares, &format!("officer {}", new.user))?;
        let issued = c.issue(m, who, &new)?;
        m.event("officer-recovered", &new.user);
        Ok(issued)
    });
    Ok(Json(issued.await?))
}

pub(super) async fn revoke(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    Path(fingerprint): Path<String>,
    bytes: Bytes,
) -> Answer<serde_json::Value> {
    let given: RevokeClient = body(&bytes)?;
    let revoked = fingerprint.clone();
    super::handlers::blocking(admin, identity, move |m, caller| {
        m.certificate_revoke(caller, &fingerprint, &given.reason)
    })
    .await?;
    Ok(Json(serde_json::json!({ "revoked": revoked })))
}

pub(super) async fn view(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
) -> Answer<CertificatesView> {
    Ok(Json(with(admin, identity, |c, m, _| c.view(m)).await?))
}

pub(super) async fn renew_server(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    bytes: Bytes,
) -> Answer<ServerCertificate> {
    let how: RenewServer = if bytes.is_empty() { RenewServer::default() } else { body(&bytes)? };
    let renewed =
        with(admin, identity, move |c, m, who| c.renew_server(m, who, &how.names, how.days));
    Ok(Json(renewed.await?))
}

pub(super) async fn renew_authority(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
) -> Answer<AuthorityRow> {
    Ok(Json(with(admin, identity, |c, m, _| c.renew_authority(m)).await?))
}

pub(super) async fn retire_authorities(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
) -> Answer<Vec<AuthorityRow>> {
    let issuer = identity.issuer.clone();
    Ok(Json(with(admin, identity, move |c, m, _| c.retire_authorities(m, &issuer)).await?))
}
