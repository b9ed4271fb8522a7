//! The server itself.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;

use super::{Server, blocking};
use crate::model::Health;
use crate::problem::{Problem, ProblemDocument};

/// Content type of what monitoring reads.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Whether the server answers, and what it is.
#[utoipa::path(get, path = "/v1/health", responses(
    (status = OK, body = Health),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
))]
pub(super) async fn health(State(service): Server) -> Json<Health> {
    Json(service.health())
}

/// Metrics of the server and of every running job, in the text format of OpenMetrics.
#[utoipa::path(get, path = "/metrics", responses(
    (status = OK, body = String, content_type = "application/openmetrics-text"),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
))]
pub(super) async fn metrics(State(service): Server) -> Result<impl IntoResponse, Problem> {
    let text = blocking(service, |service| service.metrics()).await?;
    Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], text))
}
