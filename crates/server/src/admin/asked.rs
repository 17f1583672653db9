//! What a request wants to go around it, and which key it is about.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::response::Response;

use super::routes::Route;
use super::{Admin, dry_run, idempotency};
use crate::errors::Fault;
use crate::identity::Identity;
use crate::service::Around;

/// Requests whose handler looks at If-Match itself, and wants it.
const OWN_CONDITION: [&str; 3] = ["Change Policy", "Require Approval", "Waive Approval"];

/// What a request wants to go around it.
pub(super) struct Asked {
    pub(super) dry_run: bool,
    /// Its idempotency key.
    key: Option<String>,
    /// Whether it was let in because its answer is kept: then it gets that, or nothing.
    pub(super) again: bool,
    /// The key that it is about, and the version that it is of.
    only_if: Option<(String, String)>,
}

impl Asked {
    /// # Errors
    /// [`errors::BAD_REQUEST`]: a parameter that is not known must not be taken for nothing, or who
    /// misspells `dry_run` gets the real thing.
    pub(super) fn of(route: &'static Route, request: &Request) -> Result<Self, Fault> {
        if route.method == "GET" {
            // What only reads has parameters of its own.
            return Ok(Self { dry_run: false, key: None, again: false, only_if: None });
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
        let tag = request.headers().get(header::IF_MATCH).map(HeaderValue::to_str);
        let Ok(tag) = tag.transpose() else {
            return Err(Fault::bad_request("If-Match is not an ETag."));
        };
        let tag = tag.map(|tag| tag.trim_matches('"').to_owned());
        let only_if = match (object_of(request.uri().path()), tag) {
            (_, None) => None,
            (Some(id), Some(tag)) => (tag != "*").then_some((id, tag)),
            (None, Some(_)) if OWN_CONDITION.contains(&route.operation) => None,
            // Who sends one relies on it.
            (None, Some(_)) => {
                return Err(Fault::bad_request(format!(
                    "\"{}\" takes no If-Match: what it changes has no ETag.",
                    route.operation
                )));
            }
        };
        Ok(Self { dry_run, key, again: false, only_if })
    }

    /// Whether its answer is kept, so that nothing is carried out.
    pub(super) fn came_before(&self, admin: &Admin, identity: &Identity) -> bool {
        let name = self.key.as_deref().map(|key| idempotency::name(identity, key));
        name.is_some_and(|name| matches!(admin.manager.answered(&name), Ok(Some(_))))
    }

    pub(super) fn is_plain(&self) -> bool {
        !self.dry_run && self.key.is_none() && self.only_if.is_none()
    }

    pub(super) async fn run(
        self,
        admin: &Arc<Admin>,
        identity: &Identity,
        route: &'static Route,
        request: Request,
    ) -> Result<Response, Fault> {
        let around = Around { rehearse: self.dry_run, mark: None, only_if: self.only_if };
        if let Some(key) = &self.key {
            let ask = idempotency::Ask { route, key, again: self.again };
            return idempotency::once(admin, identity, ask, around, request).await;
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
pub(super) fn object_of(path: &str) -> Option<String> {
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
pub(super) fn decoded(part: &str) -> String {
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
