//! What jobs and their operators say, a line of JSON each.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{IsFollowed, Query, Server, blocking};
use crate::model::LogLine;
use crate::problem::{Problem, ProblemDocument};
use crate::service::Service;

/// How often it is looked for new lines.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Which lines.
#[derive(Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct LinesQuery {
    /// Only of this operator, or of this window's aggregates.
    operator: Option<String>,
    /// Only those after this number.
    #[serde(default)]
    after: u64,
    /// Follow the log: print new lines as they come.
    #[serde(default)]
    follow: bool,
}

/// The last lines of a job, and those that come if it is followed.
#[utoipa::path(get, path = "/v1/jobs/{job}/logs", params(("job" = String, Path, description = "The job"), LinesQuery), responses(
    (status = OK, body = LogLine, content_type = "application/x-ndjson", description = "Any number of lines"),
    (status = "default", body = ProblemDocument, content_type = "application/problem+json"),
))]
pub(super) async fn lines(
    State(service): Server,
    Path(job): Path<String>,
    Query(query): Query<LinesQuery>,
) -> Result<Response, Problem> {
    let (of, asked) = (job.clone(), query.clone());
    let first =
        blocking(Arc::clone(&service), move |service| service.lines(&of, asked.after, asked.operator.as_deref()));
    let first = first.await?;
    let kind = [(header::CONTENT_TYPE, "application/x-ndjson")];
    if !query.follow {
        return Ok((kind, text(&first)).into_response());
    }
    let from = Follower {
        service,
        job,
        after: last(&first).unwrap_or(query.after),
        operator: query.operator,
        first: Some(first),
    };
    let stream = unfold(from, |mut follower| async move {
        let lines = follower.next().await?;
        Some((Ok::<_, Infallible>(text(&lines)), follower))
    });
    Ok((Extension(IsFollowed), kind, Body::from_stream(stream)).into_response())
}

struct Follower {
    service: Arc<Service>,
    job: String,
    after: u64,
    operator: Option<String>,
    first: Option<Vec<Arc<LogLine>>>,
}

impl Follower {
    /// The next lines; `None`: the job is gone, or the server ends.
    async fn next(&mut self) -> Option<Vec<Arc<LogLine>>> {
        if let Some(first) = self.first.take().filter(|first| !first.is_empty()) {
            return Some(first);
        }
        loop {
            if self.service.is_ending() {
                return None;
            }
            tokio::time::sleep(LOOK_EVERY).await;
            let lines = self.service.lines(&self.job, self.after, self.operator.as_deref()).ok()?;
            if let Some(last) = last(&lines) {
                self.after = last;
                return Some(lines);
            }
        }
    }
}

fn last(lines: &[Arc<LogLine>]) -> Option<u64> {
    lines.last().map(|line| line.number)
}

fn text(lines: &[Arc<LogLine>]) -> String {
    let line = |line: &Arc<LogLine>| serde_json::to_string(&**line).map(|line| line + "\n").unwrap_or_default();
    lines.iter().map(line).collect()
}
