//! Operators and their versions.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use utoipa::IntoParams;
use weir_core::limits::COMPONENT_BYTES_MAX;

use super::{Query, Server, acquire, blocking};
use crate::components::{PACE, Upload};
use crate::model::{OperatorVersion, Pushed};
use crate::problem::{Kind, Problem, ProblemDocument};
use crate::service::Service;

/// What is said of an upload.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PushQuery {
    /// The blake3 digest of the component's bytes, hexadecimal.
    digest: String,
    /// The name of the version; by default the next number.
    version: Option<String>,
}

/// All versions of all operators.
#[utoipa::path(get, path = "/v1/operators", responses(
    (status = OK, body = Vec<OperatorVersion>),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
))]
pub(super) async fn list(State(service): Server) -> Result<Json<Vec<OperatorVersion>>, Problem> {
    blocking(service, |service| service.operators(None)).await.map(Json)
}

/// The versions of an operator.
#[utoipa::path(get, path = "/v1/operators/{name}", params(("name" = String, Path, description = "The operator")), responses(
    (status = OK, body = Vec<OperatorVersion>),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
))]
pub(super) async fn show(
    State(service): Server,
    Path(name): Path<String>,
) -> Result<Json<Vec<OperatorVersion>>, Problem> {
    blocking(service, move |service| service.operators(Some(&name))).await.map(Json)
}

/// Makes a version of a component, whose bytes are the body. It is checked and compiled before it becomes visible.
#[utoipa::path(post, path = "/v1/operators/{name}", params(("name" = String, Path, description = "The operator"), PushQuery),
    request_body(content = Vec<u8>, content_type = "application/wasm"), responses(
    (status = CREATED, body = Pushed, description = "It is a new version"),
    (status = OK, body = Pushed, description = "It was there already"),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
))]
pub(super) async fn push(
    State(service): Server,
    Path(name): Path<String>,
    Query(PushQuery { digest, version }): Query<PushQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Pushed>), Problem> {
    service.check_push(&name, version.as_deref(), &digest)?;
    service.check_space()?;
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: u64| length > COMPONENT_BYTES_MAX) {
        let limit = COMPONENT_BYTES_MAX >> 20;
        return Err(Problem::new(Kind::TooLarge, format!("a component may have {limit} MiB")));
    }
    let held = acquire(&service.permits.uploads, "other components are being sent").await?;
    let upload = Upload::receive(body, &digest, &PACE).await?;
    let compiling = acquire(&service.permits.compilers, "other components are being compiled").await?;
    let compiled = service.compiler.compile(&upload.bytes).await?;
    drop(compiling);
    let push = move |service: &Service| {
        let _held = held;
        service.push(&name, version.as_deref(), &upload, compiled)
    };
    let pushed = blocking(service, push).await?;
    Ok((if pushed.is_new { StatusCode::CREATED } else { StatusCode::OK }, Json(pushed)))
}

/// Removes a version that no job uses.
#[utoipa::path(delete, path = "/v1/operators/{name}/{version}", params(
    ("name" = String, Path, description = "The operator"), ("version" = String, Path, description = "The version"),
), responses(
    (status = NO_CONTENT),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
))]
pub(super) async fn remove(
    State(service): Server,
    Path((name, version)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    blocking(service, move |service| service.remove_operator(&name, &version)).await?;
    Ok(StatusCode::NO_CONTENT)
}
