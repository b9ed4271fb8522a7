//! A Flink cluster in a JVM of its own, with the classes of `bridge/java/flink`: Maven fetches Flink once and builds them.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use serde_json::{Value, json};
use weir_tests::flink_files::{FlinkFiles, VERSIONS};
use weir_tests::needed::can_run;

/// Started once, and used by one job at a time.
static CLUSTER: OnceLock<Option<Cluster>> = OnceLock::new();

/// The cluster.
pub(crate) struct Cluster {
    /// The address of its REST API.
    pub(crate) url: String,
    pub(crate) files: FlinkFiles,
    /// What it is asked and what it answers.
    requests: Mutex<Requests>,
    _java: Child,
}

struct Requests {
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

/// The cluster of these tests; `None`: it cannot be had here, which was said.
pub(crate) fn cluster() -> Option<&'static Cluster> {
    CLUSTER.get_or_init(|| files(VERSIONS[0]).map(|files| Cluster::start(files, &[]))).as_ref()
}

/// One of the oldest Flink, for one test.
pub(crate) fn oldest() -> Option<Cluster> {
    files(VERSIONS[1]).map(|files| Cluster::start(files, &[]))
}

/// Those of a version of Flink; `None`: there is no Java or no Maven, which is said.
fn files(version: &str) -> Option<FlinkFiles> {
    can_run(FlinkFiles::missing()).then(|| FlinkFiles::make(version).unwrap())
}

impl Cluster {
    /// Another one, with other options of Java.
    pub(crate) fn start_with(&self, options: &[&str]) -> Self {
        Self::start(self.files.clone(), options)
    }

    fn start(files: FlinkFiles, options: &[&str]) -> Self {
        let mut java = files.java(options);
        java.arg("io.weir.flink.Trial").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = java.spawn().unwrap();
        let mut from = BufReader::new(child.stdout.take().unwrap());
        let to = child.stdin.take().unwrap();
        let url = answer(&mut from)["rest"].as_str().unwrap().to_owned();
        Self { url, files, requests: Mutex::new(Requests { to, from }), _java: child }
    }

    /// Runs a job, alone; gives the answer.
    pub(crate) fn try_run(&self, pipeline: &Path, set: &[String], more: Value) -> Value {
        let mut request = json!({ "pipeline": pipeline, "set": set });
        let fields = request.as_object_mut().unwrap();
        fields.extend(more.as_object().into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())));
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(requests.to, "{request}").unwrap();
        requests.to.flush().unwrap();
        answer(&mut requests.from)
    }

    /// Runs a job that must not fail.
    pub(crate) fn run(&self, pipeline: &Path, set: &[String], more: Value) -> Value {
        let answer = self.try_run(pipeline, set, more.clone());
        let error = answer["error"].as_str().unwrap_or_default();
        assert_eq!(answer["ok"], true, "{} {set:?} {more} failed on Flink: {error}", pipeline.display());
        answer
    }
}

fn answer(from: &mut BufReader<ChildStdout>) -> Value {
    let mut line = String::new();
    from.read_line(&mut line).unwrap();
    assert!(!line.is_empty(), "the JVM has ended");
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
}
