//! A Flink cluster that runs already, by its REST API.
//!
//! | module | holds |
//! |---|---|
//! | `cluster` | requests and answers, jars |
//! | `reasons` | why it failed, in plain words |
//! | `jobs` | Weir's jobs there: which, how they stand, stopped and started |
//!
//! It decides nothing and prints nothing.

pub(crate) mod cluster;
pub(crate) mod jobs;
pub(crate) mod reasons;

pub(crate) use cluster::Cluster;

/// The address of a cluster's REST API, of `session:URL`.
pub(crate) fn session_url(text: &str) -> Result<String, String> {
    let url = text.strip_prefix("session:").filter(|url| url.starts_with("http://") || url.starts_with("https://"));
    url.map(|url| url.trim_end_matches('/').to_owned()).ok_or_else(|| "write session:http://HOST:PORT".to_owned())
}

/// The halves of `-D KEY=VALUE`.
pub(crate) fn setting(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').map(|(key, value)| (key.trim(), value));
    match pair.filter(|(key, _)| !key.is_empty()) {
        Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
        None => Err(
            "write KEY=VALUE, a key of the engine's configuration, for example execution.checkpointing.interval=10s"
                .to_owned(),
        ),
    }
}
