//! Jobs: deployed, shown, started, stopped, removed; their savepoints.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;

use super::{Server, acquire, at_once, blocking};
use crate::model::{Deploy, Deployed, JobDetail, JobSummary, Savepoint, Start, Stop};
use crate::problem::{Kind, Problem, ProblemDocument};
use crate::service::Service;

/// How long the check of a pipeline is waited for: a broker that does not answer takes some of it.
const CHECK_TIME_MAX: Duration = Duration::from_secs(60);

/// All jobs, by name.
#[utoipa::path(get, path = "/v1/jobs", responses(
    (status = OK, body = Vec<JobSummary>),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
))]
pub(super) async fn list(State(service): Server) -> Result<Json<Vec<JobSummary>>, Problem> {
    blocking(service, |service| service.list()).await.map(Json)
}

/// Deploys a pipeline, or only checks it. If there is a job with its name, the pipeline becomes its next revision.
#[utoipa::path(post, path = "/v1/jobs", request_body = Deploy, responses(
    (status = OK, body = Deployed),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
))]
pub(super) async fn deploy(
    State(service): Server,
    super::Json(request): super::Json<Deploy>,
) -> Result<Json<Deployed>, Problem> {
    let permit = acquire(&service.permits.checks, "other pipelines are being checked").await?;
    let request = Arc::new(request);
    let asked = Arc::clone(&request);
    let check = blocking(Arc::clone(&service), move |service| {
        // Held as long as it is checked, whether somebody still waits for that or not.
        let _permit = permit;
        service.check(&asked)
    });
    let late = |_| {
        let time = CHECK_TIME_MAX.as_secs();
        Problem::new(
            Kind::Busy,
            format!("the pipeline could not be checked within {time} s: what its sources and sinks connect to is slow"),
        )
    };
    let checked = tokio::time::timeout(CHECK_TIME_MAX, check).await.map_err(late)??;
    blocking(service, move |service| service.deploy(&request, checked)).await.map(Json)
}

/// Everything that the server knows about a job.
#[utoipa::path(get, path = "/v1/jobs/{job}", params(("job" = String, Path, description = "The job")), responses(
    (status = OK, body = JobDetail),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
))]
pub(super) async fn show(State(service): Server, Path(job): Path<String>) -> Result<Json<JobDetail>, Problem> {
    blocking(service, move |service| service.show(&job)).await.map(Json)
}

/// Removes a job that is not running, with its checkpoints.
#[utoipa::path(delete, path = "/v1/jobs/{job}", params(("job" = String, Path, description = "The job")), responses(
    (status = NO_CONTENT),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
))]
pub(super) async fn remove(State(service): Server, Path(job): Path<String>) -> Result<StatusCode, Problem> {
    blocking(service, move |service| service.remove(&job)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Starts a job that does not run.
#[utoipa::path(post, path = "/v1/jobs/{job}/start", params(("job" = String, Path, description = "The job")),
    request_body = Start, responses(
    (status = OK, body = JobSummary),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
))]
pub(super) async fn start(
    State(service): Server,
    Path(job): Path<String>,
    super::Json(request): super::Json<Start>,
) -> Result<Json<JobSummary>, Problem> {
    blocking(service, move |service| service.start(&job, &request)).await.map(Json)
}

/// Stops a job, and answers when it has stopped.
#[utoipa::path(post, path = "/v1/jobs/{job}/stop", params(("job" = String, Path, description = "The job")),
    request_body = Stop, responses(
    (status = OK, body = JobSummary),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
))]
pub(super) async fn stop(
    State(service): Server,
    Path(job): Path<String>,
    super::Json(how): super::Json<Stop>,
) -> Result<Json<JobSummary>, Problem> {
    let stop = move |service: &Service| service.stop(&job, how);
    // Whatever all others wait for.
    if how.now { at_once(service, stop).await.map(Json) } else { blocking(service, stop).await.map(Json) }
}

/// Makes a checkpoint that is kept until it is removed, and answers when it is complete.
#[utoipa::path(post, path = "/v1/jobs/{job}/savepoints", params(("job" = String, Path, description = "The job")), responses(
    (status = CREATED, body = Savepoint),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
))]
pub(super) async fn savepoint(
    State(service): Server,
    Path(job): Path<String>,
) -> Result<(StatusCode, Json<Savepoint>), Problem> {
    let savepoint = blocking(service, move |service| service.savepoint(&job)).await?;
    Ok((StatusCode::CREATED, Json(savepoint)))
}

/// Removes a savepoint.
#[utoipa::path(delete, path = "/v1/jobs/{job}/savepoints/{checkpoint}", params(
    ("job" = String, Path, description = "The job"), ("checkpoint" = u64, Path, description = "Its number"),
), responses(
    (status = NO_CONTENT),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
))]
pub(super) async fn remove_savepoint(
    State(service): Server,
    Path((job, checkpoint)): Path<(String, u64)>,
) -> Result<StatusCode, Problem> {
    blocking(service, move |service| service.remove_savepoint(&job, checkpoint)).await?;
    Ok(StatusCode::NO_CONTENT)
}
