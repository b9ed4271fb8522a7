//! Spark in a JVM of its own, with the classes of `bridge/java/spark`.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use serde_json::{Value, json};
use weir_tests::maven::native_library;
use weir_tests::needed::can_run;
use weir_tests::pipelines::Pipeline;
use weir_tests::running::weir;
use weir_tests::spark_files::{jar, missing_for_pipelines, packages};

/// Bounds what the tests take, and compiles little: jobs here run for seconds.
const JVM: [&str; 3] = ["-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];
/// What `spark-submit` opens to Spark.
const OPENED: [&str; 7] = [
    "java.lang",
    "java.lang.invoke",
    "java.nio",
    "java.util",
    "java.util.concurrent",
    "sun.nio.ch",
    "sun.util.calendar",
];

/// Started once, and used by one job at a time.
static SPARK: OnceLock<Option<Spark>> = OnceLock::new();
static FILES: OnceLock<Option<Files>> = OnceLock::new();

/// A Spark of these tests.
pub(crate) struct Spark {
    /// What it is asked and what it answers.
    requests: Mutex<Requests>,
    _java: Child,
}

/// What runs pipelines.
pub(crate) struct Files {
    /// Spark's folder.
    pub(crate) home: PathBuf,
    /// Weir's jar, without the native library.
    pub(crate) jar: PathBuf,
    pub(crate) library: PathBuf,
}

struct Requests {
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

/// The Spark of these tests; `None`: it cannot be had here, which was said.
pub(crate) fn spark() -> Option<&'static Spark> {
    SPARK.get_or_init(|| files().map(Spark::start)).as_ref()
}

/// The same without a JVM that waits for jobs.
pub(crate) fn files() -> Option<&'static Files> {
    FILES.get_or_init(|| can_run(missing_for_pipelines()).then(Files::make)).as_ref()
}

impl Files {
    fn make() -> Self {
        let (home, library) = (packages().unwrap().join("pyspark"), native_library().unwrap());
        Self { home, jar: jar().unwrap(), library }
    }

    /// `weir submit` of a pipeline, which starts a Spark of its own.
    pub(crate) fn submit(&self, pipeline: &Pipeline) -> Command {
        let mut command = weir();
        command.arg("submit").arg(pipeline.file()).args(["--engine", "spark"]);
        command.arg("--jar").arg(&self.jar).args(["-D", "spark.driver.memory=512m"]);
        command.env("SPARK_HOME", &self.home).env("JAVA_TOOL_OPTIONS", self.java_options());
        command
    }

    /// For processes that live for seconds.
    pub(crate) fn java_options(&self) -> String {
        format!("-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dweir.library={}", self.library.display())
    }
}

impl Spark {
    fn start(files: &'static Files) -> Self {
        let mut class_path = OsString::from(&files.jar);
        for more in [files.jar.with_file_name("test-classes"), files.home.join("jars/*")] {
            class_path.push(":");
            class_path.push(more);
        }
        let mut java = Command::new("java");
        java.args(JVM).args(OPENED.map(|package| format!("--add-opens=java.base/{package}=ALL-UNNAMED")));
        for (key, value) in [
            ("weir.library", files.library.display().to_string().as_str()),
            ("spark.master", "local[2]"),
            ("spark.app.name", "trial"),
            ("spark.ui.enabled", "false"),
            ("spark.log.level", "ERROR"),
            ("spark.driver.bindAddress", "127.0.0.1"),
            ("spark.driver.host", "127.0.0.1"),
        ] {
            java.arg(format!("-D{key}={value}"));
        }
        java.arg("-cp").arg(class_path).arg("io.weir.spark.Trial").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = java.spawn().unwrap();
        let mut from = BufReader::new(child.stdout.take().unwrap());
        let to = child.stdin.take().unwrap();
        assert_eq!(answer(&mut from)["ok"], true);
        Self { requests: Mutex::new(Requests { to, from }), _java: child }
    }

    /// Runs a job, alone; gives the answer.
    pub(crate) fn try_run(&self, pipeline: &Path, set: &[String], more: Value) -> Value {
        let mut request = json!({ "pipeline": pipeline, "set": set });
        let fields = request.as_object_mut().unwrap();
        fields.extend(more.as_object().into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())));
        self.ask(&request)
    }

    /// One request, and its answer.
    pub(crate) fn ask(&self, request: &Value) -> Value {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(requests.to, "{request}").unwrap();
        requests.to.flush().unwrap();
        answer(&mut requests.from)
    }

    /// Runs a job that must not fail.
    pub(crate) fn run(&self, pipeline: &Path, set: &[String], more: Value) -> Value {
        let answer = self.try_run(pipeline, set, more.clone());
        let error = answer["error"].as_str().unwrap_or_default();
        assert_eq!(answer["ok"], true, "{} {set:?} {more} failed on Spark: {error}", pipeline.display());
        answer
    }
}

fn answer(from: &mut BufReader<ChildStdout>) -> Value {
    let mut line = String::new();
    from.read_line(&mut line).unwrap();
    assert!(!line.is_empty(), "the JVM has ended");
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
}
