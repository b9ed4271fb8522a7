//! Requests to a Flink cluster and their answers; jars that are uploaded, run and removed. It knows no job.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, anyhow, ensure};
use reqwest::StatusCode;
use reqwest::blocking::{Body, Client, RequestBuilder};
use serde_json::{Map, Value, json};

use super::reasons::reasons;

const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
/// The time limit of a request. Flink's own time limit for requests between its processes is shorter.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(60);
/// How long a cluster may take to make a job of a jar: it lists what sources have to read, and compiles components.
const RUN_TIME_MAX: Duration = Duration::from_secs(600);
/// A jar that is uploaded more slowly than this is not waited for.
const UPLOAD_BYTES_PER_S_MIN: u64 = 64 << 10;
/// No line of a jar is this: it is compressed, and this has characters of three alphabets.
const BOUNDARY: &str = "weir-submit-7f3a9c51e2d84b06";
/// The oldest Flink that the jar's classes fit.
const FLINK_MAJOR_MIN: u32 = 2;
/// Keys of Flink's configuration that were given for the job, in its parameters; values may be secret.
pub(crate) const SETTINGS: &str = "weir.settings";

/// A cluster that answers, and says no.
#[derive(Debug)]
pub(crate) struct Refusal(StatusCode);

impl Refusal {
    /// Whether there is no such thing.
    pub(crate) fn is_not_found(&self) -> bool {
        self.0 == StatusCode::NOT_FOUND
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Flink refused it ({})", self.0)
    }
}

/// A cluster.
pub(crate) struct Cluster {
    http: Client,
    url: String,
    answer_time_max: Duration,
}

/// How a jar is run.
#[derive(Clone, Copy)]
pub(crate) struct RunOptions<'a> {
    /// The job's id, 32 hexadecimal digits; without one Flink makes one.
    pub(crate) id: Option<&'a str>,
    /// The savepoint or checkpoint that the job resumes from.
    pub(crate) savepoint: Option<&'a str>,
    pub(crate) allow_dropped_state: bool,
    /// Keys of Flink's configuration.
    pub(crate) settings: &'a [(String, String)],
}

impl Cluster {
    /// That with this address; it is not asked yet.
    pub(crate) fn new(url: &str) -> anyhow::Result<Self> {
        // The state's store may have said so before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder().timeout(None).connect_timeout(CONNECT_TIME_MAX).build()?;
        Ok(Self { http, url: url.to_owned(), answer_time_max: ANSWER_TIME_MAX })
    }

    /// Flink's version; an error if Weir's jar does not run on it.
    pub(crate) fn version(&self) -> anyhow::Result<String> {
        let version = self.get("/v1/overview")?["flink-version"].as_str().unwrap_or_default().to_owned();
        let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
        ensure!(
            major.is_none_or(|major| major >= FLINK_MAJOR_MIN),
            "{} runs Flink {version}, and Weir needs Flink {FLINK_MAJOR_MIN}.0 or newer",
            self.url
        );
        Ok(version)
    }

    /// The page that shows a job.
    pub(crate) fn page(&self, job: &str) -> String {
        format!("{}/#/job/{job}", self.url)
    }

    /// Uploads a jar; its name there.
    pub(crate) fn upload(&self, jar: &Path, name: &str) -> anyhow::Result<String> {
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"jarfile\"; filename=\"{name}\"\r\n\
             Content-Type: application/x-java-archive\r\n\r\n"
        );
        let tail = format!("\r\n--{BOUNDARY}--\r\n");
        let file = File::open(jar)?;
        let bytes = file.metadata()?.len() + (head.len() + tail.len()) as u64;
        let body = std::io::Cursor::new(head).chain(file).chain(std::io::Cursor::new(tail));
        let request = self.http.post(format!("{}/v1/jars/upload", self.url));
        let request = request.header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"));
        let limit = self.answer_time_max + Duration::from_secs(bytes / UPLOAD_BYTES_PER_S_MIN);
        let answer = self.answer(request.body(Body::sized(body, bytes)), limit)?;
        let path = answer["filename"].as_str().context("Flink did not say under which name it has the jar")?;
        Ok(path.rsplit('/').next().unwrap_or(path).to_owned())
    }

    /// Removes an uploaded jar: a job has a copy of its own.
    pub(crate) fn remove_jar(&self, jar: &str) -> anyhow::Result<()> {
        let request = self.http.delete(format!("{}/v1/jars/{jar}", self.url));
        self.answer(request, self.answer_time_max).map(drop)
    }

    /// Has the cluster make a job of an uploaded jar, and not run it.
    pub(crate) fn try_jar(&self, jar: &str, options: RunOptions<'_>) -> anyhow::Result<()> {
        let request = self.http.post(format!("{}/v1/jars/{jar}/plan", self.url)).json(&body(options, false));
        self.answer(request, RUN_TIME_MAX).map(drop)
    }

    /// Runs an uploaded jar; the job's id.
    pub(crate) fn run_jar(&self, jar: &str, options: RunOptions<'_>) -> anyhow::Result<String> {
        let request = self.http.post(format!("{}/v1/jars/{jar}/run", self.url)).json(&body(options, true));
        let answer = self.answer(request, RUN_TIME_MAX)?;
        Ok(answer["jobid"].as_str().context("Flink did not name the job")?.to_owned())
    }

    /// Asks for something.
    pub(crate) fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.answer(self.http.get(format!("{}{path}", self.url)), self.answer_time_max)
    }

    /// Asks for a change.
    pub(crate) fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.answer(self.http.post(format!("{}{path}", self.url)).json(body), self.answer_time_max)
    }

    /// Asks for a change that has no body.
    pub(crate) fn patch(&self, path: &str) -> anyhow::Result<Value> {
        self.answer(self.http.patch(format!("{}{path}", self.url)), self.answer_time_max)
    }

    fn answer(&self, request: RequestBuilder, limit: Duration) -> anyhow::Result<Value> {
        let no_answer = || format!("no answer from {}: is it the address of Flink's REST API?", self.url);
        let timed = |error: reqwest::Error| match error.is_timeout() && !error.is_connect() {
            true => anyhow!("it took more than {} s", limit.as_secs_f64()),
            false => error.without_url().into(),
        };
        let response = request.timeout(limit).send().map_err(timed).with_context(no_answer)?;
        let status = response.status();
        let text = response.text().map_err(timed).with_context(no_answer)?;
        let value: Value = serde_json::from_str(&text).unwrap_or_default();
        if status.is_success() {
            return Ok(value);
        }
        // What is between here and Flink says no without them.
        let Some(errors) = value["errors"].as_array() else { return Err(anyhow!("{status}")).with_context(no_answer) };
        Err(anyhow!("{}", reasons(errors.iter().filter_map(Value::as_str))).context(Refusal(status)))
    }
}

fn body(options: RunOptions<'_>, runs: bool) -> Value {
    let mut body = Map::new();
    if let Some(savepoint) = options.savepoint.filter(|_| runs) {
        body.insert("savepointPath".to_owned(), json!(savepoint));
        body.insert("allowNonRestoredState".to_owned(), json!(options.allow_dropped_state));
    }
    if let Some(id) = options.id {
        body.insert("jobId".to_owned(), json!(id));
    }
    let mut settings: Map<_, _> = options.settings.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
    let keys: Vec<_> = options.settings.iter().map(|(key, _)| key.as_str()).collect();
    settings.insert(SETTINGS.to_owned(), json!(keys.join(",")));
    body.insert("flinkConfiguration".to_owned(), Value::Object(settings));
    Value::Object(body)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn an_address_that_never_answers_is_given_up() {
        // Connections are accepted by the system, and not read.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let cluster = Cluster { answer_time_max: Duration::from_millis(100), ..Cluster::new(&url).unwrap() };
        let jar = tempfile::NamedTempFile::new().unwrap();
        for error in [cluster.version().unwrap_err(), cluster.upload(jar.path(), "a.jar").unwrap_err()] {
            let error = format!("{error:#}");
            assert!(
                error.starts_with("no answer from http://") && error.ends_with("it took more than 0.1 s"),
                "{error}"
            );
        }
    }
}
