//! The HTTP API: one file per resource, each a thin layer over the service. Whatever is refused, by whomever, is answered as a problem
//! document; the caller is authenticated before anything is read.

mod dead_letters;
mod jobs;
mod logs;
mod operators;
mod server;
mod swaps;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, BodyDataStream, Bytes, to_bytes};
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{ConnectInfo, FromRequest, FromRequestParts, Request, State};
use axum::http::{Method, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;
use futures_util::stream::poll_fn;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Description;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use weir_core::limits::COMPONENT_BYTES_MAX;

use crate::auth;
use crate::connections::{ActiveRequest, Connections};
use crate::problem::{Kind, Problem, ProblemDocument};
use crate::service::Service;

/// Bytes of the body of a request that is refused that are read at most: as many again as the largest that is not.
const UNREAD_BYTES_MAX: u64 = COMPONENT_BYTES_MAX;
/// How long they are read at most.
const UNREAD_TIME_MAX: Duration = Duration::from_secs(10);

/// How long a request of JSON may take to come: it has 2 MiB at most.
const BODY_TIME_MAX: Duration = Duration::from_secs(30);
/// How long a request waits for others of its kind before it is told to come again.
const PERMIT_TIME_MAX: Duration = Duration::from_secs(20);

/// What every handler has.
type Server = State<Arc<Service>>;

#[derive(OpenApi)]
#[openapi(
    info(title = "Weir", description = "Operators, jobs and swaps of a Weir server.", license(name = "Apache-2.0")),
    components(schemas(ProblemDocument))
)]
struct Document;

/// The routes, and what they are in the words of OpenAPI.
pub(crate) fn router() -> (Router<Arc<Service>>, Description) {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(server::health))
        .routes(routes!(server::metrics))
        .routes(routes!(operators::list))
        .routes(routes!(operators::show, operators::push))
        .routes(routes!(operators::remove))
        .routes(routes!(jobs::list, jobs::deploy))
        .routes(routes!(jobs::show, jobs::remove))
        .routes(routes!(jobs::start))
        .routes(routes!(jobs::stop))
        .routes(routes!(jobs::savepoint))
        .routes(routes!(jobs::remove_savepoint))
        .routes(routes!(swaps::swap))
        .routes(routes!(swaps::rollback_plan, swaps::roll_back))
        .routes(routes!(swaps::shadow_status, swaps::shadow))
        .routes(routes!(logs::lines))
        .routes(routes!(dead_letters::list))
        .routes(routes!(dead_letters::show))
        .routes(routes!(dead_letters::replay))
        .routes(routes!(dead_letters::drop_letters))
        .split_for_parts()
}

/// All that listens: the routes behind their checks.
pub(crate) fn application(service: Arc<Service>, connections: Arc<Connections>) -> Router {
    let (router, description) = router();
    let description = description.to_pretty_json().unwrap_or_default();
    let describe = move || {
        let answer = ([(header::CONTENT_TYPE, "application/json")], description.clone());
        async move { answer }
    };
    let open = Router::new().route("/openapi.json", axum::routing::get(describe));
    router
        .fallback(|| async { Problem::not_found("there is nothing at this address: see /openapi.json") })
        .layer(from_fn_with_state(Arc::clone(&service), authorize))
        .merge(open)
        .layer(from_fn(as_problem))
        .layer(from_fn_with_state(connections, keep_connection))
        // Outside of it: who is refused has the answer, and what is read then keeps no connection open.
        .layer(from_fn(hear_out))
        .layer(from_fn(trace))
        .with_state(service)
}

/// An answer that lasts as long as somebody follows it: marks a response.
#[derive(Clone, Copy)]
struct IsFollowed;

/// A connection stays open while its request is answered, and while its answer is followed.
async fn keep_connection(State(connections): State<Arc<Connections>>, request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
    let active = peer.and_then(|peer| connections.begin_request(peer));
    let response = next.run(request).await;
    let is_followed = response.extensions().get::<IsFollowed>().is_some();
    match active.filter(|_| is_followed).and_then(ActiveRequest::followed) {
        None => response,
        Some(active) => response.map(|body| {
            Body::from_stream(body.into_data_stream().map(move |chunk| {
                let _held = &active;
                chunk
            }))
        }),
    }
}

/// Requests without permission get no answer.
async fn authorize(State(service): Server, request: Request, next: Next) -> Response {
    match auth::check(&service.catalog, service.is_local, request.method(), request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// Reads what is left of the body of a request that is refused, within limits: who is still sending it would not hear the answer.
async fn hear_out(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let length = parts.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    // Who asks first whether to send gets the answer instead.
    let asks_first = parts.headers.contains_key(header::EXPECT);
    let unread = Arc::new(Mutex::new(Unread { chunks: body.into_data_stream(), is_begun: !asks_first }));
    let shared = Arc::clone(&unread);
    let body = Body::from_stream(poll_fn(move |cx| poll_chunk(&shared, cx)));
    let response = next.run(Request::from_parts(parts, body)).await;
    let is_refused = response.status().is_client_error() || response.status().is_server_error();
    let is_begun = unread.lock().unwrap_or_else(PoisonError::into_inner).is_begun;
    if is_refused && is_begun && length.is_none_or(|length| length <= 2 * UNREAD_BYTES_MAX) {
        let mut rest = poll_fn(|cx| poll_chunk(&unread, cx));
        let read = async {
            let mut left = UNREAD_BYTES_MAX;
            while let Some(Ok(chunk)) = rest.next().await
                && left > 0
            {
                left = left.saturating_sub(chunk.len() as u64);
            }
        };
        let _ = tokio::time::timeout(UNREAD_TIME_MAX, read).await;
    }
    response
}

/// The body of a request, which its handler reads as far as it likes.
struct Unread {
    chunks: BodyDataStream,
    is_begun: bool,
}

fn poll_chunk(unread: &Mutex<Unread>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, axum::Error>>> {
    let mut unread = unread.lock().unwrap_or_else(PoisonError::into_inner);
    unread.is_begun = true;
    unread.chunks.poll_next_unpin(cx)
}

/// What the libraries refuse by themselves becomes a problem document too.
async fn as_problem(request: Request, next: Next) -> Response {
    const SAID_BYTES_MAX: usize = 4096;
    let response = next.run(request).await;
    let is_problem =
        response.headers().get(header::CONTENT_TYPE).is_some_and(|value| value == "application/problem+json");
    let status = response.status();
    if is_problem || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let kind = match status.as_u16() {
        404 => Kind::NotFound,
        413 => Kind::TooLarge,
        500.. => Kind::Internal,
        _ => Kind::Invalid,
    };
    let said = to_bytes(response.into_body(), SAID_BYTES_MAX).await.unwrap_or_default();
    let said = String::from_utf8_lossy(&said).into_owned();
    let detail = if said.is_empty() { status.to_string() } else { said };
    Problem::new(kind, detail).into_response_of(status)
}

/// A line a request.
async fn trace(request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = next.run(request).await;
    let status = response.status().as_u16();
    match method {
        Method::GET | Method::HEAD => tracing::debug!(%method, path, status, "request"),
        _ => tracing::info!(%method, path, status, "request"),
    }
    response
}

/// Waits for a permit, without a thread, and not for ever.
async fn acquire(of: &Arc<Semaphore>, what: &str) -> Result<OwnedSemaphorePermit, Problem> {
    let permit = tokio::time::timeout(PERMIT_TIME_MAX, Arc::clone(of).acquire_owned()).await;
    let waited = format!("{what}, and this one waited {} s: try again later", PERMIT_TIME_MAX.as_secs());
    let ended = |_| Problem::new(Kind::Unavailable, "the server is shutting down");
    permit.map_err(|_| Problem::new(Kind::Busy, waited))?.map_err(ended)
}

/// Work that waits, on a thread that may.
async fn blocking<T: Send + 'static>(
    service: Arc<Service>,
    work: impl FnOnce(&Service) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let done = tokio::task::spawn_blocking(move || work(&service)).await;
    done.unwrap_or_else(|error| Err(Problem::internal("this is a bug in weir", &error)))
}

/// As [`blocking`], on a thread of its own: those that may wait can all be waiting.
async fn at_once<T: Send + 'static>(
    service: Arc<Service>,
    work: impl FnOnce(&Service) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let (reply, done) = tokio::sync::oneshot::channel();
    let run = move || {
        // Who has asked may be gone.
        let _ = reply.send(work(&service));
    };
    let spawned = std::thread::Builder::new().name("at once".to_owned()).spawn(run);
    spawned.map_err(|error| Problem::internal("failed to spawn a thread", &error))?;
    done.await.unwrap_or_else(|error| Err(Problem::internal("this is a bug in weir", &error)))
}

/// A body of JSON.
struct Json<T>(T);

impl<T: serde::de::DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request<Body>, state: &S) -> Result<Self, Problem> {
        let read = tokio::time::timeout(BODY_TIME_MAX, axum::Json::from_request(request, state)).await;
        let read = read.map_err(|_| {
            Problem::new(Kind::Timeout, format!("the request did not come within {} s", BODY_TIME_MAX.as_secs()))
        })?;
        let axum::Json(value) = read.map_err(|rejection: JsonRejection| {
            let kind = if rejection.status().as_u16() == 413 { Kind::TooLarge } else { Kind::Invalid };
            Problem::new(kind, rejection.body_text())
        })?;
        Ok(Self(value))
    }
}

/// What stands behind the `?`.
struct Query<T>(T);

impl<T: serde::de::DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut axum::http::request::Parts, state: &S) -> Result<Self, Problem> {
        let read = axum::extract::Query::from_request_parts(parts, state).await;
        let axum::extract::Query(value) =
            read.map_err(|rejection: QueryRejection| Problem::new(Kind::Invalid, rejection.body_text()))?;
        Ok(Self(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_says_what_it_refuses() {
        let (_, description) = router();
        let document = serde_json::to_value(&description).unwrap();
        let paths = document["paths"].as_object().unwrap();
        let operations = paths.iter().flat_map(|(path, item)| {
            item.as_object().unwrap().iter().map(move |(method, operation)| (path, method, operation))
        });
        let mut count = 0;
        for (path, method, operation) in operations {
            count += 1;
            assert!(operation["summary"].is_string() || operation["description"].is_string(), "{method} {path}");
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.contains_key("default"), "{method} {path} says nothing of problems");
            assert!(responses.keys().any(|status| status.starts_with('2')), "{method} {path} never succeeds");
        }
        assert!(count >= 15, "{count}");
    }
}
