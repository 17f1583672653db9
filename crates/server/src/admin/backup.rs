//! `/v1/backup`: a backup as a stream, the slot file, and the confirmation of a restored store.

use std::io;
use std::sync::Arc;

use axum::Extension;
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use tokio::sync::mpsc;

use super::Admin;
use super::export::Channel;
use super::handlers::{Answer, blocking, body};
use super::types::{ConfirmRestore, RestoreConfirmed};
use crate::errors::Fault;
use crate::identity::Identity;
use crate::service::Pieces;

pub(super) async fn create(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
) -> Result<Response, Fault> {
    let pieces = blocking(admin, identity, |m, caller| m.backup(caller)).await?;
    let (sender, receiver) = mpsc::channel(4);
    tokio::task::spawn_blocking(move || send(pieces, &sender));
    let kind = [(header::CONTENT_TYPE, "application/octet-stream")];
    Ok((kind, Body::new(Channel(receiver))).into_response())
}

/// Sends the pieces as fast as they are taken. An error breaks the answer off.
fn send(pieces: Pieces, sender: &mpsc::Sender<io::Result<Bytes>>) {
    for piece in pieces {
        let piece = piece.map(Bytes::from).map_err(|fault| {
            tracing::error!("a backup broke off: {fault}");
            io::Error::other("the backup cannot be read")
        });
        let failed = piece.is_err();
        if sender.blocking_send(piece).is_err() || failed {
            return;
        }
    }
}

pub(super) async fn slots(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
) -> Result<Response, Fault> {
    let text = blocking(admin, identity, |m, _| m.slots_backup()).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}

pub(super) async fn confirm(
    State(admin): State<Arc<Admin>>,
    Extension(identity): Extension<Identity>,
    bytes: Bytes,
) -> Answer<RestoreConfirmed> {
    let with: ConfirmRestore = body(&bytes)?;
    Ok(Json(blocking(admin, identity, move |m, caller| m.confirm_restore(caller, &with)).await?))
}
