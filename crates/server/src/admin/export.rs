//! `GET /v1/audit/export`: the audit as lines, sent while they are read.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use hyper::body::Frame;
use schemars::JsonSchema;
use serde::Deserialize;
use strongroom_siem::{Format, Style};
use tokio::sync::mpsc;

use super::Admin;
use crate::errors::{self, Fault};
use crate::service::{AuditQuery, Lines};

/// Bytes collected before they are sent.
const CHUNK: usize = 64 << 10;

/// The formats of an export.
pub const FORMATS: [&str; 5] = ["json", "ocsf", "cef", "leef", "rfc5424"];

/// The query.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Parameters {
    /// json, ocsf, cef, leef or rfc5424; json if it is left out.
    format: Option<String>,
    /// Only what this user did.
    user: Option<String>,
    /// Only this operation.
    operation: Option<String>,
    /// Only what was done to this object.
    object: Option<String>,
    /// Not before, POSIX milliseconds.
    since: Option<i64>,
    /// Before, POSIX milliseconds.
    until: Option<i64>,
}

/// Chunks from a thread that reads the disk.
pub(super) struct Channel(pub(super) mpsc::Receiver<io::Result<Bytes>>);

impl hyper::body::Body for Channel {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.0.poll_recv(cx).map(|chunk| chunk.map(|bytes| bytes.map(Frame::data)))
    }
}

pub(super) async fn export(
    State(admin): State<Arc<Admin>>,
    parameters: Result<Query<Parameters>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Fault> {
    let Ok(Query(p)) = parameters else {
        return Err(Fault::bad_request(
            "The parameters are format, user, operation, object, since and until.",
        ));
    };
    let name = p.format.as_deref().unwrap_or("json");
    let format = FORMATS.contains(&name).then(|| Format::by_name(name)).flatten();
    let Some(format) = format else {
        return Err(Fault::bad_request(format!("format is one of {}.", FORMATS.join(", "))));
    };
    let style = Style::new(format).without_header();
    let query = AuditQuery {
        actor: p.user,
        operation: p.operation,
        object: p.object,
        since: p.since,
        until: p.until,
        ..AuditQuery::default()
    };
    let (sender, receiver) = mpsc::channel(4);
    let manager = admin.manager.clone();
    let open = tokio::task::spawn_blocking(move || manager.audit_export(&query, style));
    let lines = open.await.unwrap_or_else(|_| Err(errors::INTERNAL.into()))?;
    tokio::task::spawn_blocking(move || send(lines, &sender));
    let kind = match name {
        "json" | "ocsf" => "application/x-ndjson",
        _ => "text/plain; charset=utf-8",
    };
    Ok(([(header::CONTENT_TYPE, kind)], Body::new(Channel(receiver))).into_response())
}

/// Sends the lines as fast as they are taken. An error breaks the answer off, so that nobody takes
/// a part for the whole.
fn send(lines: Lines, sender: &mpsc::Sender<io::Result<Bytes>>) {
    let mut chunk = String::new();
    for line in lines {
        match line {
            Ok(line) => {
                chunk.push_str(&line);
                chunk.push('\n');
            }
            Err(fault) => {
                tracing::error!("an export of the audit broke off: {fault}");
                let _ = sender.blocking_send(Err(io::Error::other("the audit cannot be read")));
                return;
            }
        }
        if chunk.len() >= CHUNK
            && sender.blocking_send(Ok(Bytes::from(std::mem::take(&mut chunk)))).is_err()
        {
            return;
        }
    }
    if !chunk.is_empty() {
        let _ = sender.blocking_send(Ok(Bytes::from(chunk)));
    }
}
