//! Weir's jobs on Spark, by the pages of a driver, of a history server, or of a standalone master. They are known by the names of their
//! applications, since that is all of a job that a master tells. It prints nothing.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use reqwest::StatusCode;
use reqwest::blocking::Client;
use serde_json::Value;

use crate::engine_job::EngineJob;

const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
/// A history server may have to read logs before it answers.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(60);
/// What pages of Spark are asked for.
const PAGES: &str = "the page of a driver (http://HOST:4040), of a standalone master (http://HOST:8080) or of a history server \
                     (http://HOST:18080)";
const SUFFIX: &str = " (Weir ";

/// The name that a job's application has on Spark.
pub(crate) fn application_name(pipeline: &str) -> String {
    format!("{pipeline}{SUFFIX}{})", env!("CARGO_PKG_VERSION"))
}

/// The pipeline and the version of Weir of an application; `None`: it is of another program.
fn pipeline_and_version(application: &str) -> Option<(&str, &str)> {
    application.strip_suffix(')')?.rsplit_once(SUFFIX)
}

/// The address of a page of Spark.
pub(crate) fn page_url(text: &str) -> Result<String, String> {
    match text.starts_with("http://") || text.starts_with("https://") {
        true => Ok(text.trim_end_matches('/').to_owned()),
        false => Err(format!("name {PAGES}")),
    }
}

/// Weir's jobs that a page of Spark shows, the newest first.
pub(crate) fn jobs(url: &str) -> anyhow::Result<Vec<EngineJob>> {
    // Another client may have set it before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = Client::builder().timeout(ANSWER_TIME_MAX).connect_timeout(CONNECT_TIME_MAX).build()?;
    let applications = ask(&http, url, "/api/v1/applications")?;
    let mut jobs: Vec<_> = match applications.as_ref().and_then(Value::as_array) {
        Some(applications) => applications.iter().filter_map(of_driver).collect(),
        None => of_master(&ask(&http, url, "/json/")?.unwrap_or_default())
            .with_context(|| format!("what answers at {url} is not Spark, or no page with its jobs: name {PAGES}"))?,
    };
    jobs.sort_by_key(|job| std::cmp::Reverse(job.started_us));
    Ok(jobs)
}

/// What a page answers, if it has this path and answers in JSON.
fn ask(http: &Client, url: &str, path: &str) -> anyhow::Result<Option<Value>> {
    let answer = http.get(format!("{url}{path}")).send().and_then(|response| Ok((response.status(), response.text()?)));
    let (status, text) = answer.map_err(reqwest::Error::without_url).with_context(|| {
        format!(
            "no answer from {url}: name {PAGES}. A driver's ends with its job, and one on this machine alone has none"
        )
    })?;
    if status == StatusCode::NOT_FOUND {
        return Ok(None);
    }
    ensure!(status.is_success(), "{url} refused to list its jobs ({status})");
    Ok(serde_json::from_str(&text).ok())
}

/// A job that a driver or a history server shows.
fn of_driver(application: &Value) -> Option<EngineJob> {
    // The newest attempt is the first.
    let attempt = &application["attempts"][0];
    let state = if attempt["completed"] == true { "finished" } else { "running" };
    job(application, state.to_owned(), &attempt["startTimeEpoch"])
}

/// Those that a standalone master shows; an error: it is none.
fn of_master(answer: &Value) -> anyhow::Result<Vec<EngineJob>> {
    let lists = ["activeapps", "completedapps"].map(|list| answer[list].as_array());
    let [Some(active), Some(completed)] = lists else { bail!("it does not list applications") };
    let of = |application: &Value| {
        let state = application["state"].as_str().unwrap_or_default().to_lowercase();
        job(application, state, &application["starttime"])
    };
    Ok(active.iter().chain(completed).filter_map(of).collect())
}

fn job(application: &Value, state: String, started_ms: &Value) -> Option<EngineJob> {
    let (pipeline, version) = pipeline_and_version(application["name"].as_str()?)?;
    Some(EngineJob {
        engine: "spark",
        name: pipeline.to_owned(),
        id: application["id"].as_str()?.to_owned(),
        state,
        started_us: started_ms.as_i64().unwrap_or_default().saturating_mul(1000),
        parallelism: None,
        weir: version.to_owned(),
        parameters: std::collections::BTreeMap::new(),
    })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use serde_json::json;

    use super::*;
    use crate::fake_server;

    /// A page with these paths.
    fn serve(pages: &'static [(&str, &str)]) -> String {
        fake_server::serve(|request| {
            let page = pages.iter().find(|(path, _)| request.strip_prefix("GET ") == Some(path));
            page.map(|(_, text)| (*text).to_owned())
        })
    }

    fn listed(url: &str) -> Value {
        serde_json::to_value(jobs(url).unwrap()).unwrap()
    }

    #[test]
    fn a_driver_lists_its_job() {
        let url = serve(&[(
            "/api/v1/applications",
            r#"[{"id": "app-1", "name": "another (program)", "attempts": [{"completed": false, "startTimeEpoch": 1}]},
                {"id": "app-2", "name": "a (Weir 0.0.9)", "attempts": [{"completed": true, "startTimeEpoch": 2}]},
                {"id": "app-3", "name": "b (Weir 0.1.0)", "attempts": [{"completed": false, "startTimeEpoch": 3}]}]"#,
        )]);
        let job = |name: &str, id: &str, state: &str, started_us: i64, weir: &str| json!({ "engine": "spark", "name": name, "id": id, "state": state, "started_us": started_us, "weir": weir });
        let expected = [job("b", "app-3", "running", 3000, "0.1.0"), job("a", "app-2", "finished", 2000, "0.0.9")];
        assert_eq!(listed(&url), json!(expected));
    }

    #[test]
    fn a_master_lists_jobs_that_run_and_that_are_over() {
        // It answers any path with its page.
        let url = serve(&[
            ("/api/v1/applications", "<html>"),
            (
                "/json/",
                r#"{"activeapps": [{"id": "app-1", "name": "a (Weir 0.1.0)", "starttime": 1, "state": "WAITING"}],
                    "completedapps": [{"id": "app-2", "name": "b (Weir 0.1.0)", "starttime": 2, "state": "KILLED"}]}"#,
            ),
        ]);
        let jobs = jobs(&url).unwrap();
        let states: Vec<_> = jobs.iter().map(|job| (job.name.as_str(), job.state.as_str())).collect();
        assert_eq!(states, [("b", "killed"), ("a", "waiting")]);
    }

    #[test]
    fn what_is_not_spark_is_said() {
        for pages in [&[][..], &[("/json/", r#"{"id": "worker-1"}"#)]] {
            let error = format!("{:#}", jobs(&serve(pages)).unwrap_err());
            assert!(error.contains("is not Spark, or no page with its jobs"), "{error}");
        }
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let error = format!("{:#}", jobs(&format!("http://{free}")).unwrap_err());
        assert!(error.starts_with(&format!("no answer from http://{free}: name the page of a driver")), "{error}");
        assert!(page_url("spark://host:7077").unwrap_err().contains("http://HOST:8080"));
    }

    #[test]
    fn the_name_of_an_application_says_what_it_is() {
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(pipeline_and_version(&application_name("orders")), Some(("orders", version)));
        assert_eq!(pipeline_and_version("orders"), None);
    }
}
