//! Idempotency keys: a request that makes something may come again and is carried out once.
//!
//! A client that got no answer does not know whether its request was carried out. With the header
//! `Idempotency-Key` it may just ask again, for a day: it gets the answer of the first time. The key
//! is the caller's own; the same key with another request is refused. What is known of a request
//! lies in the store and is written in the transaction of the change itself, so that it holds over
//! crashes too.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use strongroom_crypto::sha256;

use super::door::Particulars;
use super::{Admin, IMPORT, Route};
use crate::errors::{self, Fault};
use crate::identity::Identity;
use crate::pki::hex;
use crate::service::Around;

/// The requests that take a key: those that make something. A slot's answer holds shares, which are
/// kept nowhere.
pub const TAKE_A_KEY: &[&str] = &["Create Key", "Import Keys", "Issue Certificate"];

/// The largest answer that is kept.
const LARGEST: usize = 1 << 20;

/// The key of a request, if it has one.
///
/// # Errors
/// [`errors::BAD_REQUEST`] for one that cannot be, or on a request that takes none: who sends one
/// relies on it.
pub(super) fn key(route: &Route, request: &Request) -> Result<Option<String>, Fault> {
    let key = match request.headers().get("idempotency-key").map(HeaderValue::to_str) {
        None => return Ok(None),
        Some(Ok(key)) if (1..=255).contains(&key.len()) => key.to_owned(),
        Some(_) => {
            return Err(Fault::bad_request("An idempotency key has 1 to 255 visible characters."));
        }
    };
    if TAKE_A_KEY.contains(&route.operation) {
        return Ok(Some(key));
    }
    Err(Fault::bad_request(format!(
        "\"{}\" takes no idempotency key: it makes nothing that could be there twice.",
        route.operation
    )))
}

/// What a request is kept under: the key is the caller's own.
pub(super) fn name(identity: &Identity, key: &str) -> String {
    hex(&sha256(&[identity.caller.user.as_bytes(), b"\0", key.as_bytes()]))
}

/// A request with a key.
#[derive(Clone, Copy)]
pub(super) struct Ask<'a> {
    pub(super) route: &'static Route,
    pub(super) key: &'a str,
    /// Whether it waited for no approval because its answer was there. By the time that it is its
    /// turn that may be gone, and then it must not be carried out.
    pub(super) again: bool,
}

/// Carries a request out, unless that was done already.
pub(super) async fn once(
    admin: &Admin,
    identity: &Identity,
    Ask { route, key, again: repeats }: Ask<'_>,
    around: Around,
    request: Request,
) -> Result<Response, Fault> {
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, IMPORT).await.map_err(|_| Fault::from(errors::TOO_LARGE))?;
    let name = name(identity, key);
    let path = parts.uri.path().as_bytes();
    let asked = sha256(&[route.operation.as_bytes(), b"\0", path, b"\0", &bytes]).to_vec();
    // The same request twice at once is one, too.
    let _one_at_a_time = admin.creating.lock().await;
    if let Some(known) = admin.manager.answered(&name)? {
        if known.request != asked {
            let what = "This idempotency key came with another request.";
            return Err(Fault::new(errors::CONFLICT, what));
        }
        let Some(answer) = known.answer else {
            let what =
                "This request was carried out, and its answer is lost: look for what it made.";
            return Err(Fault::new(errors::CONFLICT, what));
        };
        return Ok(again(answer));
    }
    if repeats {
        let what = "The answer to this request was kept for a day, and that is over by now: send it \
                    again under another key if it is to be carried out once more.";
        return Err(Fault::new(errors::CONFLICT, what));
    }
    let mark = admin.manager.answer_mark(&name, &asked)?;
    let manager = admin.manager.around(&Around { mark: Some(mark.clone()), ..around })?;
    let request = Request::from_parts(parts, Body::from(bytes));
    let response = admin.with(manager).answer(request).await;
    if !mark.is_kept() || !response.status().is_success() {
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let answer = to_bytes(body, LARGEST).await.map_err(|_| Fault::from(errors::INTERNAL))?;
    // The change is made and its mark is there: that is what counts.
    if let Err(fault) = admin.manager.keep_answer(&name, &asked, &answer) {
        tracing::warn!("the answer to a request with an idempotency key was not kept: {fault}");
    }
    Ok(Response::from_parts(parts, Body::from(answer)))
}

/// The answer of the first time.
fn again(answer: Vec<u8>) -> Response {
    let mut response = Body::from(Bytes::from(answer)).into_response();
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response.extensions_mut().insert(Particulars(vec![("repeated", "true".to_owned())]));
    response
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::admin::ROUTES;
    use crate::it::{Memory, admin_over, officer};

    /// Somebody may send a request whose key is about to be forgotten: what let it past the
    /// approvals is gone when its turn comes.
    #[tokio::test]
    async fn what_waited_for_no_approval_because_it_came_before_is_never_carried_out() {
        let memory = Arc::new(Memory::default());
        let admin = admin_over(memory);
        let route = ROUTES.iter().find(|route| route.operation == "Create Key").unwrap();
        for (again, words) in [(true, "over by now"), (false, "not in this test")] {
            let ask = Ask { route, key: "k", again };
            let body = Body::from("{\"algorithm\":\"AES\"}");
            let request = Request::builder().uri("/v1/keys").method("POST").body(body).unwrap();
            let done = once(&admin, &officer(), ask, Around::default(), request).await;
            let fault = done.unwrap_err();
            assert!(fault.detail.contains(words), "{again}: {fault}");
        }
    }
}
