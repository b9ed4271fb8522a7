//! What the service refuses, and why: an error that says what to do, sent as `application/problem+json` (RFC 9457).

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
pub(crate) use weir_core::error::chain;
use weir_core::pipeline::{Diagnostic, PipelineError, Severity};
use weir_engine::{CheckErrors, StartError, SwapError};
use weir_host::LoadError;
use weir_state::checkpoint::CheckpointError;

use crate::catalog::CatalogError;

/// When somebody may ask again for whom the server had no time, seconds.
const RETRY_AFTER_S: &str = "5";

/// Something that is refused, or has failed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{detail}")]
pub struct Problem {
    /// What kind of a problem it is.
    pub kind: Kind,
    /// What was wrong, where, and what to do.
    pub detail: String,
    /// What is wrong with a pipeline, with its places.
    pub diagnostics: Vec<PipelineProblem>,
}

/// What kinds of problems there are; each is a status of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The request makes no sense.
    Invalid,
    /// Nobody known asks.
    Unauthorized,
    /// Who asks may not do that.
    Forbidden,
    /// There is no such thing.
    NotFound,
    /// It does not fit what is there now.
    Conflict,
    /// It is larger than the server takes.
    TooLarge,
    /// A pipeline, a component or a swap that cannot work.
    Unfit,
    /// A version that does not read the state that there is. To the caller it is unfit.
    Unreadable,
    /// The server's limits are reached.
    Limit,
    /// The server has a problem of its own.
    Internal,
    /// The server is about to end.
    Unavailable,
    /// Others come first: it can be asked again.
    Busy,
    /// The request took too long to come.
    Timeout,
}

/// One mistake of a pipeline.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PipelineProblem {
    /// What is wrong.
    pub message: String,
    /// What may help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Bytes of the pipeline's text that it is about: from, and up to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub span: Option<(usize, usize)>,
}

/// A problem as it is sent.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ProblemDocument {
    /// `urn:weir:` and the kind of the problem.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status of HTTP in words.
    pub title: String,
    /// The status of HTTP.
    pub status: u16,
    /// What was wrong, where, and what to do.
    pub detail: String,
    /// What is wrong with a pipeline.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<PipelineProblem>,
}

/// How the detail of a problem of a pipeline begins.
const CANNOT_RUN: &str = "the pipeline cannot run: ";

impl Problem {
    /// A problem of a kind.
    #[must_use]
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), diagnostics: Vec::new() }
    }

    /// There is no such thing.
    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(Kind::NotFound, detail)
    }

    /// It does not fit what is there now.
    pub(crate) fn conflict(detail: impl Into<String>) -> Self {
        Self::new(Kind::Conflict, detail)
    }

    /// The server cannot do its own work; on a full disk that is a limit of its machine, and no fault of its own.
    pub(crate) fn internal(what: &str, error: &(dyn std::error::Error + 'static)) -> Self {
        let kind = if is_of_full_disk(error) { Kind::Limit } else { Kind::Internal };
        Self::new(kind, format!("{what}: {}", chain(error)))
    }

    /// A pipeline that cannot run.
    pub(crate) fn pipeline(problems: &[Diagnostic]) -> Self {
        let errors = problems.iter().filter(|problem| problem.severity == Severity::Error);
        let diagnostics: Vec<_> = errors.map(PipelineProblem::of).collect();
        let first = diagnostics.first().map_or_else(String::new, |problem| problem.message.clone());
        let more = match diagnostics.len() {
            0 | 1 => String::new(),
            n => format!(" (and {} more)", n - 1),
        };
        Self { kind: Kind::Unfit, detail: format!("{CANNOT_RUN}{first}{more}"), diagnostics }
    }

    /// The same of a swap, which was refused while the job runs as it did.
    pub(crate) fn of_swap(self) -> Self {
        match self.detail.strip_prefix(CANNOT_RUN) {
            Some(why) => Self { detail: format!("the swap was refused: {why}"), ..self },
            None => self,
        }
    }
}

/// Whether something could not be written because there is no room for it.
fn is_of_full_disk(error: &(dyn std::error::Error + 'static)) -> bool {
    use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    let of =
        |error: &(dyn std::error::Error + 'static)| error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
    std::iter::successors(Some(error), |error| error.source())
        .any(|error| matches!(of(error), Some(StorageFull | QuotaExceeded | FileTooLarge)))
}

impl PipelineProblem {
    fn of(problem: &Diagnostic) -> Self {
        Self {
            message: problem.message.clone(),
            hint: problem.hint.clone(),
            span: problem.span.clone().map(|span| (span.start, span.end)),
        }
    }

    /// As the parser of pipelines tells it.
    #[must_use]
    pub fn diagnostic(&self) -> Diagnostic {
        let problem = Diagnostic::error(self.message.clone(), self.span.map(|(from, to)| from..to));
        match &self.hint {
            Some(hint) => problem.with_hint(hint.clone()),
            None => problem,
        }
    }
}

impl Kind {
    fn status(self) -> StatusCode {
        match self {
            Self::Invalid => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Conflict => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unfit | Self::Unreadable => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Limit => StatusCode::INSUFFICIENT_STORAGE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable | Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not-found",
            Self::Conflict => "conflict",
            Self::TooLarge => "too-large",
            Self::Unfit | Self::Unreadable => "unfit",
            Self::Limit => "limit",
            Self::Internal => "internal",
            Self::Unavailable => "unavailable",
            Self::Busy => "busy",
            Self::Timeout => "timeout",
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.kind.status();
        self.into_response_of(status)
    }
}

impl Problem {
    /// The response, with a status that says more than its kind does.
    pub(crate) fn into_response_of(self, status: StatusCode) -> Response {
        let document = ProblemDocument {
            kind: format!("urn:weir:{}", self.kind.name()),
            title: status.canonical_reason().unwrap_or_default().to_owned(),
            status: status.as_u16(),
            detail: self.detail,
            problems: self.diagnostics,
        };
        let body = serde_json::to_vec(&document).unwrap_or_default();
        let mut response = (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
        if self.kind == Kind::Unauthorized {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
        }
        if self.kind == Kind::Busy {
            response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static(RETRY_AFTER_S));
        }
        response
    }
}

impl From<PipelineError> for Problem {
    fn from(error: PipelineError) -> Self {
        Self::pipeline(&error.problems)
    }
}

impl From<CheckErrors> for Problem {
    fn from(CheckErrors(errors): CheckErrors) -> Self {
        let problems: Vec<_> = errors.into_iter().map(|error| Diagnostic::error(error.message, error.span)).collect();
        Self::pipeline(&problems)
    }
}

impl From<StartError> for Problem {
    fn from(error: StartError) -> Self {
        let kind = if error.is_of_state() { Kind::Unreadable } else { Kind::Unfit };
        Self::new(kind, format!("the job cannot be started: {}", chain(&error)))
    }
}

impl From<LoadError> for Problem {
    fn from(error: LoadError) -> Self {
        let kind = if matches!(error, LoadError::TooLarge { .. }) { Kind::TooLarge } else { Kind::Unfit };
        Self::new(kind, chain(&error))
    }
}

impl From<SwapError> for Problem {
    fn from(error: SwapError) -> Self {
        let kind = match &error {
            SwapError::Unknown { .. } => Kind::NotFound,
            SwapError::Same(_) | SwapError::UnderWay | SwapError::NotRunning => Kind::Conflict,
            _ => Kind::Unfit,
        };
        Self::new(kind, chain(&error))
    }
}

impl From<CatalogError> for Problem {
    fn from(error: CatalogError) -> Self {
        Self::new(Kind::Internal, chain(&error))
    }
}

impl From<CheckpointError> for Problem {
    fn from(error: CheckpointError) -> Self {
        let kind = if matches!(error, CheckpointError::Missing { .. }) { Kind::NotFound } else { Kind::Internal };
        Self::new(kind, chain(&error))
    }
}
