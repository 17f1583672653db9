//! Bodies: read whole, within bounds, before anything is answered.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::timeout;

use super::PATIENCE;
use super::routes::BODY;
use crate::errors::{self, Fault};

/// How long a body may take that may be large: a list of anchors over a slow line.
const LARGE_PATIENCE: Duration = Duration::from_secs(60);

/// Reads a body before anything is answered, within its bounds. One that is still on its way when
/// the answer is sent would end the connection, and the client's next request on it with it.
pub(super) async fn whole(body: Body, most: usize) -> Result<Bytes, Fault> {
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
pub(super) fn closing(mut response: Response) -> Response {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}
