//! Errors as HTTP answers: RFC 9457 problem bodies with the number of the error table.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::types::Problem;
use crate::errors::{self, Fault};

impl From<&Fault> for Problem {
    fn from(fault: &Fault) -> Self {
        Self {
            kind: format!("urn:strongroom:error:{}", fault.info.name),
            title: fault.info.message.to_owned(),
            status: fault.info.http,
            detail: fault.detail.clone(),
            code: fault.info.number,
            next: fault.info.next.to_owned(),
        }
    }
}

impl From<&Problem> for Fault {
    /// Back from the wire. A number that this build does not know is a fault of the other side's.
    fn from(problem: &Problem) -> Self {
        match errors::by_number(problem.code) {
            Some(info) => Fault::new(info, problem.detail.clone()),
            None => Fault::new(errors::INTERNAL, format!("{} {}", problem.title, problem.detail)),
        }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.info.http).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(Problem::from(&self))).into_response();
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        // For the audit, which records how a request ended.
        response.extensions_mut().insert(self);
        response
    }
}
