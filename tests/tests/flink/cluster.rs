//! A Flink cluster in a JVM of its own, with the classes of `bridge/java`: Maven fetches Flink once and builds them.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use serde_json::{Value, json};
use weir_tests::running::root;

/// The newest Flink, which `bridge/java` is compiled for, and the oldest that it runs on.
const VERSIONS: [&str; 2] = ["2.3.0", "2.0.0"];
/// Bounds what the tests take, and compiles little: jobs here run for seconds.
const JVM: [&str; 4] =
    ["-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "--add-opens=java.base/java.util=ALL-UNNAMED"];
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

/// What Maven has made.
pub(crate) struct FlinkFiles {
    pub(crate) jar: PathBuf,
    pub(crate) libs: PathBuf,
    pub(crate) library: PathBuf,
    test_classes: PathBuf,
}

/// The cluster of these tests; `None`: it cannot be had here, which was said.
pub(crate) fn cluster() -> Option<&'static Cluster> {
    CLUSTER.get_or_init(|| FlinkFiles::make(VERSIONS[0]).map(|files| Cluster::start(files, &[]))).as_ref()
}

/// One of the oldest Flink, for one test.
pub(crate) fn oldest() -> Option<Cluster> {
    FlinkFiles::make(VERSIONS[1]).map(|files| Cluster::start(files, &[]))
}

impl FlinkFiles {
    fn make(version: &str) -> Option<Self> {
        let runs = |program: &str| {
            let status = Command::new(program).arg("-version").stdout(Stdio::null()).stderr(Stdio::null()).status();
            status.is_ok_and(|status| status.success())
        };
        if let Some(program) = ["java", "mvn"].into_iter().find(|program| !runs(program)) {
            let all = std::env::var("WEIR_TEST_LANGUAGES").as_deref() == Ok("all");
            assert!(!all, "tests with Flink cannot run: there is no `{program}`");
            eprintln!("skipped, since there is no `{program}`");
            return None;
        }
        let tests = std::env::current_exe().unwrap();
        let profile = tests.ancestors().nth(2).unwrap();
        let library = profile.join("libweir_native.so");
        assert!(library.exists(), "{} is missing: build it with `cargo build --workspace --lib`", library.display());
        let folder = profile.parent().unwrap().join("flink").join(version);
        std::fs::create_dir_all(&folder).unwrap();
        // Other test binaries may be at it.
        let lock = File::create(folder.join("lock")).unwrap();
        lock.lock().unwrap();
        let (build, libs) = (folder.join("build"), folder.join("libs"));
        let mut maven = Command::new("mvn");
        maven.args(["-q", "-B", "-f"]).arg(root().join("bridge/java/pom.xml"));
        maven.arg(format!("-Dflink.version={version}")).arg(format!("-Dweir.build={}", build.display())).arg("package");
        if !libs.join("complete").exists() {
            maven.arg("dependency:copy-dependencies").arg(format!("-DoutputDirectory={}", libs.display()));
        }
        let output = maven.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "Maven cannot build bridge/java:\n{said}");
        File::create(libs.join("complete")).unwrap();
        Some(Self { jar: build.join("weir-flink.jar"), test_classes: build.join("test-classes"), libs, library })
    }

    /// `java`, which has Flink, the jar and the native library.
    pub(crate) fn java(&self, options: &[&str]) -> Command {
        let paths = [self.jar.clone(), self.test_classes.clone(), self.libs.join("*")];
        let mut java = Command::new("java");
        java.args(JVM).args(options).arg(format!("-Dweir.library={}", self.library.display()));
        java.arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=off").arg("-cp").arg(std::env::join_paths(paths).unwrap());
        java
    }
}

impl Cluster {
    /// Another one, with other options of Java.
    pub(crate) fn start_with(&self, options: &[&str]) -> Self {
        let FlinkFiles { jar, libs, library, test_classes } = &self.files;
        let (jar, libs) = (jar.clone(), libs.clone());
        let files = FlinkFiles { jar, libs, library: library.clone(), test_classes: test_classes.clone() };
        Self::start(files, options)
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
