//! Dead letters of jobs: what waits, and what is to become of it.

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{Query, Server, blocking};
use crate::model::{Letter, LetterChoice, LettersTaken, StepLetters};
use crate::problem::{Problem, ProblemDocument};

/// Letters in an answer, if nobody says how many.
const LIMIT_DEFAULT: usize = 100;

/// Which letters.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct LettersQuery {
    /// Only of this step.
    step: Option<String>,
    /// Only those after the one with this id.
    after: Option<String>,
    /// The greatest number of letters; an answer has at most 1000, and fewer if they are long.
    #[serde(default = "LettersQuery::limit_default")]
    limit: usize,
}

impl LettersQuery {
    fn limit_default() -> usize {
        LIMIT_DEFAULT
    }
}

/// The dead letters of a job that wait, by step: how many, since when, and why.
#[utoipa::path(get, path = "/v1/jobs/{job}/dead-letters", params(("job" = String, Path, description = "The job")), responses(
    (status = OK, body = Vec<StepLetters>),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
))]
pub(super) async fn list(State(service): Server, Path(job): Path<String>) -> Result<Json<Vec<StepLetters>>, Problem> {
    blocking(service, move |service| service.dead_letters(&job)).await.map(Json)
}

/// The first dead letters of a job that wait.
#[utoipa::path(get, path = "/v1/jobs/{job}/dead-letters/letters",
    params(("job" = String, Path, description = "The job"), LettersQuery), responses(
    (status = OK, body = Vec<Letter>),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
))]
pub(super) async fn show(
    State(service): Server,
    Path(job): Path<String>,
    Query(LettersQuery { step, after, limit }): Query<LettersQuery>,
) -> Result<Json<Vec<Letter>>, Problem> {
    blocking(service, move |service| service.letters(&job, step.as_deref(), after.as_deref(), limit)).await.map(Json)
}

/// Replays dead letters in their steps, each once; answers when the replay is recorded.
#[utoipa::path(post, path = "/v1/jobs/{job}/dead-letters/replay", params(("job" = String, Path, description = "The job")),
    request_body = LetterChoice, responses(
    (status = OK, body = LettersTaken),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
))]
pub(super) async fn replay(
    State(service): Server,
    Path(job): Path<String>,
    super::Json(choice): super::Json<LetterChoice>,
) -> Result<Json<LettersTaken>, Problem> {
    blocking(service, move |service| service.replay(&job, &choice)).await.map(Json)
}

/// Drops dead letters.
#[utoipa::path(post, path = "/v1/jobs/{job}/dead-letters/drop", params(("job" = String, Path, description = "The job")),
    request_body = LetterChoice, responses(
    (status = OK, body = LettersTaken),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
))]
pub(super) async fn drop_letters(
    State(service): Server,
    Path(job): Path<String>,
    super::Json(choice): super::Json<LetterChoice>,
) -> Result<Json<LettersTaken>, Problem> {
    blocking(service, move |service| service.drop_letters(&job, &choice)).await.map(Json)
}
