//! Swaps and rollbacks. How far one is, is shown with its job.

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{Query, Server, blocking};
use crate::model::{ReturnsTo, ShadowRequest, ShadowStatus, SwapRequest, SwapStatus};
use crate::problem::{Problem, ProblemDocument};

/// Begins a swap of one or several operators at one barrier, or only checks whether it would fit.
#[utoipa::path(post, path = "/v1/jobs/{job}/swap", params(("job" = String, Path, description = "The job")),
    request_body = SwapRequest, responses(
    (status = OK, body = SwapStatus),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
))]
pub(super) async fn swap(
    State(service): Server,
    Path(job): Path<String>,
    super::Json(request): super::Json<SwapRequest>,
) -> Result<Json<SwapStatus>, Problem> {
    blocking(service, move |service| service.swap(&job, &request)).await.map(Json)
}

/// Restores the version and the configuration that an operator had before.
#[utoipa::path(post, path = "/v1/jobs/{job}/operators/{operator}/rollback", params(
    ("job" = String, Path, description = "The job"), ("operator" = String, Path, description = "The operator of the job"),
    RollbackQuery,
), responses(
    (status = OK, body = SwapStatus),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
))]
pub(super) async fn roll_back(
    State(service): Server,
    Path((job, operator)): Path<(String, String)>,
    Query(RollbackQuery { revision }): Query<RollbackQuery>,
) -> Result<Json<SwapStatus>, Problem> {
    blocking(service, move |service| service.roll_back(&job, &operator, revision)).await.map(Json)
}

/// How.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct RollbackQuery {
    /// The revision that it is to return to; refused, if it would return to another.
    revision: Option<u64>,
}

/// What a rollback of an operator would return to now; nothing changes.
#[utoipa::path(get, path = "/v1/jobs/{job}/operators/{operator}/rollback", params(
    ("job" = String, Path, description = "The job"), ("operator" = String, Path, description = "The operator of the job"),
), responses(
    (status = OK, body = ReturnsTo),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
))]
pub(super) async fn rollback_plan(
    State(service): Server,
    Path((job, operator)): Path<(String, String)>,
) -> Result<Json<ReturnsTo>, Problem> {
    blocking(service, move |service| service.rollback_plan(&job, &operator)).await.map(Json)
}

/// Runs other versions beside the running ones for some time, and compares their results.
#[utoipa::path(post, path = "/v1/jobs/{job}/shadow", params(("job" = String, Path, description = "The job")),
    request_body = ShadowRequest, responses(
    (status = OK, body = ShadowStatus),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
))]
pub(super) async fn shadow(
    State(service): Server,
    Path(job): Path<String>,
    super::Json(request): super::Json<ShadowRequest>,
) -> Result<Json<ShadowStatus>, Problem> {
    blocking(service, move |service| service.shadow(&job, &request)).await.map(Json)
}

/// What the last shadow run of a job has found so far.
#[utoipa::path(get, path = "/v1/jobs/{job}/shadow", params(("job" = String, Path, description = "The job")), responses(
    (status = OK, body = ShadowStatus),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
))]
pub(super) async fn shadow_status(
    State(service): Server,
    Path(job): Path<String>,
) -> Result<Json<ShadowStatus>, Problem> {
    blocking(service, move |service| service.shadow_status(&job)).await.map(Json)
}
