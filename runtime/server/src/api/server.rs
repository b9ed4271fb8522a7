//! The server itself.

use axum::Json;
use axum::extract::State;

use super::Server;
use crate::model::Health;
use crate::problem::ProblemDocument;

/// Whether the server answers, and what it is.
#[utoipa::path(get, path = "/v1/health", responses(
    (status = OK, body = Health),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
))]
pub(super) async fn health(State(service): Server) -> Json<Health> {
    Json(service.health())
}
