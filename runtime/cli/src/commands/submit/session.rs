//! A cluster that runs already: the jar is uploaded and run through its HTTP API, and removed from there when the job runs.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use reqwest::blocking::{Body, Client, RequestBuilder};
use serde_json::{Map, Value, json};
use weir_embed::Plan;

use super::{Args, jar};
use crate::{json, terminal};

const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
/// No line of a jar is this: it is compressed, and this has characters of three alphabets.
const BOUNDARY: &str = "weir-submit-7f3a9c51e2d84b06";

/// Submits it, and prints the job's id.
pub(super) fn run(args: &Args, url: &str, weir_jar: &Path, bundle: &[u8], plan: &Plan) -> anyhow::Result<()> {
    // The state's store may have said so before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let cluster = Cluster {
        http: Client::builder().timeout(None).connect_timeout(CONNECT_TIME_MAX).build()?,
        url: url.to_owned(),
    };
    let overview = cluster.answer(cluster.http.get(format!("{url}/v1/overview")))?;
    let jar = jar::with_bundle(weir_jar, bundle)?;
    let id = cluster.upload(jar.path(), &format!("weir-{}.jar", plan.name))?;
    let run = cluster.run(args, &id);
    // The job has a copy of its own.
    let removed = cluster.answer(cluster.http.delete(format!("{url}/v1/jars/{id}")));
    let job = run?;
    removed?;
    if args.json {
        return json::print(&json!({
            "ok": true, "engine": "flink", "job": plan.name, "id": job, "url": format!("{url}/#/job/{job}"),
            "flink": overview["flink-version"], "notes": plan.notes,
        }));
    }
    terminal::print_result(&format!("{} runs as {job}\n", terminal::bold(&plan.name)))?;
    terminal::print(&format!("{url}/#/job/{job} shows it\n"));
    Ok(())
}

struct Cluster {
    http: Client,
    url: String,
}

impl Cluster {
    fn upload(&self, jar: &Path, name: &str) -> anyhow::Result<String> {
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
        let answer = self.answer(request.body(Body::sized(body, bytes)))?;
        let path = answer["filename"].as_str().context("Flink did not say under which name it has the jar")?;
        Ok(path.rsplit('/').next().unwrap_or(path).to_owned())
    }

    fn run(&self, args: &Args, jar: &str) -> anyhow::Result<String> {
        let mut body = Map::new();
        if let Some(savepoint) = &args.savepoint {
            body.insert("savepointPath".to_owned(), json!(savepoint));
            body.insert("allowNonRestoredState".to_owned(), json!(args.allow_dropped_state));
        }
        let settings = args.settings.iter().map(|(key, value)| (key.clone(), json!(value))).collect::<Map<_, _>>();
        body.insert("flinkConfiguration".to_owned(), Value::Object(settings));
        let request = self.http.post(format!("{}/v1/jars/{jar}/run", self.url)).json(&body);
        let answer = self.answer(request)?;
        Ok(answer["jobid"].as_str().context("Flink did not name the job")?.to_owned())
    }

    fn answer(&self, request: RequestBuilder) -> anyhow::Result<Value> {
        let no_answer = || format!("no answer from {}: is it the address of Flink's REST API?", self.url);
        let response = request.send().map_err(reqwest::Error::without_url).with_context(no_answer)?;
        let status = response.status();
        let text = response.text().with_context(no_answer)?;
        let value: Value = serde_json::from_str(&text).unwrap_or_default();
        if status.is_success() {
            return Ok(value);
        }
        let errors = value["errors"].as_array().into_iter().flatten().filter_map(Value::as_str);
        Err(anyhow!("{}", reasons(errors)).context(format!("Flink refused it ({status})")))
    }
}

/// What Flink says is a Java stack trace: the messages of its causes, without the frames.
fn reasons<'a>(errors: impl Iterator<Item = &'a str>) -> String {
    let lines = errors.flat_map(str::lines).map(str::trim);
    let is_frame = |line: &&str| line.starts_with("at ") || line.starts_with("... ") || line.is_empty();
    let mut reasons: Vec<&str> = Vec::new();
    for line in lines.filter(|line| !is_frame(line)) {
        let line = line.strip_prefix("Caused by: ").unwrap_or(line);
        if !reasons.contains(&line) {
            reasons.push(line);
        }
    }
    reasons.join("\n")
}

#[cfg(test)]
mod tests {
    use super::reasons;

    #[test]
    fn only_messages_of_a_stack_trace_are_shown() {
        let trace = "Internal error.\n\tat a.B.c(B.java:1)\nCaused by: x.Y: the pipeline\n\tat d\n\t... 3 more\nCaused by: x.Y: the pipeline\n";
        assert_eq!(reasons([trace].into_iter()), "Internal error.\nx.Y: the pipeline");
    }
}
