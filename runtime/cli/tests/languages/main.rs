//! Operators in other languages than Rust: the tools are fetched, every template passes its own test, becomes a component, passes the
//! test cases that the templates of all languages share, and runs in its pipeline. The samples of every language, Rust among them, pass the
//! cases of tests/conformance.
//!
//! Without the language a test is skipped, and says so; with `WEIR_TEST_LANGUAGES=all` it fails instead.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, and so do its helpers")]

mod bad_input;
#[path = "../../../../tests/src/needed.rs"]
#[expect(unreachable_pub, reason = "it is public in the crate of the end-to-end tests, which the command cannot see")]
mod needed;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;

use bad_input::Mistakes;

/// What a test needs of a language.
struct Language {
    /// As `--lang` takes it; its templates and samples are in `sdk/NAME`.
    name: &'static str,
    /// The folder of its compiler in its toolchain, if the tests of a project need that.
    compiler: Option<&'static str>,
    /// Programs that must run, each with an argument that makes it say its version.
    needs: &'static [[&'static str; 2]],
    /// Runs the SDK's own tests, in its folder.
    test_sdk: &'static [&'static [&'static str]],
    /// Runs the tests of a project, in its folder.
    test: &'static [&'static [&'static str]],
    /// What that says if all is well.
    passed: &'static str,
    /// What its author may get wrong.
    mistakes: &'static Mistakes,
}

/// Its templates are tested in `new_and_build`.
const RUST: Language = Language {
    name: "rust",
    compiler: None,
    needs: &[["cargo", "--version"]],
    test_sdk: &[],
    test: &[],
    passed: "",
    mistakes: &bad_input::RUST,
};

const PYTEST_RUN: &[&str] = &["python3", "-m", "pytest", "-q", "-p", "no:cacheprovider"];
const PYTHON: Language = Language {
    name: "python",
    compiler: None,
    needs: &[["python3", "--version"]],
    test_sdk: &[PYTEST_RUN],
    test: &[PYTEST_RUN],
    passed: " passed",
    mistakes: &bad_input::PYTHON,
};

const NPM_INSTALL: &[&str] = &["npm", "install", "--no-audit", "--no-fund"];
const JAVASCRIPT: Language = Language {
    name: "javascript",
    compiler: None,
    needs: &[["node", "--version"], ["npm", "--version"]],
    test_sdk: &[NPM_INSTALL, &["npm", "test"]],
    test: &[NPM_INSTALL, &["npm", "test"]],
    passed: "# fail 0",
    mistakes: &bad_input::JAVASCRIPT,
};

/// With the SDK of JavaScript, whose tests are that one's, and so are the samples.
const TYPESCRIPT: Language =
    Language { name: "typescript", test_sdk: &[], mistakes: &bad_input::TYPESCRIPT, ..JAVASCRIPT };

const GO: Language = Language {
    name: "go",
    compiler: Some("go/bin"),
    needs: &[["python3", "--version"]],
    test_sdk: &[&["go", "test", "./tests"]],
    test: &[&["go", "test"]],
    passed: "ok  ",
    mistakes: &bad_input::GO,
};

const CMAKE: &[&str] = &["cmake -B \"$BUILD\" && cmake --build \"$BUILD\" && ctest --test-dir \"$BUILD\""];
const C: Language = Language {
    name: "c",
    compiler: None,
    needs: &[["python3", "--version"], ["cmake", "--version"], ["c++", "--version"]],
    test_sdk: &[CMAKE],
    test: &[CMAKE],
    passed: "100% tests passed",
    mistakes: &bad_input::C,
};

/// Its headers are tested with those of C.
const CPP: Language = Language { name: "cpp", test_sdk: &[], mistakes: &bad_input::CPP, ..C };

const ZIG_TEST: &[&str] = &["zig", "build", "test", "--summary", "all"];
const ZIG: Language = Language {
    name: "zig",
    compiler: Some("ziglang"),
    needs: &[["python3", "--version"]],
    test_sdk: &[ZIG_TEST],
    test: &[ZIG_TEST],
    passed: " steps succeeded",
    mistakes: &bad_input::ZIG,
};

/// The version that was there when this was written.
const PYTEST: &str = "pytest==9.0.1";

/// Two large components at once would need the machine for themselves.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn kept(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn run(command: &mut Command, folder: &Path) -> Output {
    command
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHONPATH", kept("pytest"));
    // Go would fetch another version of itself; Zig would compile in a folder of the user's, and into that of the project.
    let zig = kept("languages-cache").join("zig");
    command.env("GOTOOLCHAIN", "local").env("ZIG_GLOBAL_CACHE_DIR", &zig).env("ZIG_LOCAL_CACHE_DIR", zig);
    command.env("WEIR_TOOLCHAIN_DIR", kept("toolchains")).env("WEIR_CACHE_DIR", kept("languages-cache"));
    command.env("XDG_DATA_HOME", kept("languages-data"));
    command.output().unwrap()
}

fn text(output: &Output) -> String {
    let [said, told] = [&output.stderr, &output.stdout].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    format!("{said}{told}")
}

/// Runs it; it must succeed.
fn run_ok(command: &mut Command, folder: &Path) -> String {
    let output = run(command, folder);
    assert!(output.status.success(), "{command:?}: {}", text(&output));
    text(&output)
}

fn weir(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    command.args(args);
    command
}

impl Language {
    /// Whether the machine has the language.
    fn is_here(&self) -> bool {
        let missing = self.needs.iter().find(|[program, version]| {
            !Command::new(program).arg(version).output().is_ok_and(|output| output.status.success())
        });
        needed::can_run(missing.map(|[program, _]| *program))
    }

    fn test_in(&self, folder: &Path, commands: &[&[&str]]) {
        let mut said = String::new();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let own = self.compiler.map(|folder| self.toolchain().join(folder));
        let path = std::env::join_paths(own.into_iter().chain(std::env::split_paths(&path))).unwrap();
        let build = tempfile::tempdir().unwrap();
        for command in commands {
            // A program is looked for in the path that it gets.
            let mut shell = Command::new("sh");
            // The tests of the SDK for JavaScript make components, if they know how.
            shell.env("PATH", &path).env("BUILD", build.path()).env("WEIR_JAVASCRIPT_TOOLCHAIN", self.toolchain());
            said = run_ok(shell.args(["-c", &command.join(" ")]), folder);
        }
        assert!(commands.is_empty() || said.contains(self.passed), "{}: {said}", folder.display());
    }

    /// Where `weir toolchain install` has put it.
    fn toolchain(&self) -> PathBuf {
        let folders = std::fs::read_dir(kept("toolchains")).unwrap().map(|entry| entry.unwrap().path());
        let is_own = |path: &PathBuf| path.join(self.compiler.unwrap_or("node_modules")).is_dir();
        let mut own: Vec<PathBuf> = folders.filter(is_own).collect();
        own.sort_by_key(|path| path.metadata().unwrap().modified().unwrap());
        own.pop().unwrap_or_default()
    }

    /// From `weir toolchain install` to a pipeline that runs, with every template.
    fn every_template(&self) {
        let _alone = ONE_AT_A_TIME.lock();
        if !self.is_here() {
            return;
        }
        if self.name == "python" && !kept("pytest").join("pytest").exists() {
            let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", PYTEST, "--target"];
            run_ok(Command::new("python3").args(pip).arg(kept("pytest")), &root());
        }
        let folder = tempfile::tempdir().unwrap();
        run_ok(&mut weir(&["toolchain", "install", self.name]), folder.path());
        self.test_in(&root().join("sdk").join(self.name), self.test_sdk);

        for (template, world, rows) in [
            ("transform", "transform-operator", ["UA", "B6"]),
            ("keyed", "keyed-operator", ["UA", "AA"]),
            ("aggregate", "aggregate-operator", ["EWR", "LGA"]),
        ] {
            let name = format!("my-{template}");
            run_ok(&mut weir(&["new", &name, "--lang", self.name, "--template", template]), folder.path());
            self.test_in(&folder.path().join(&name), self.test);
            let built = run_ok(&mut weir(&["build", &name]), folder.path());
            assert!(built.contains(world), "{built}");
            let component = format!("{name}/{name}.wasm");
            let cases = run_ok(&mut weir(&["test", &name, "--component", &component]), folder.path());
            assert!(cases.contains("1 passed, 0 failed"), "{cases}");
            let table = run_ok(&mut weir(&["run", &format!("{name}/pipeline.toml")]), folder.path());
            assert!(rows.iter().all(|row| table.contains(row)), "{table}");
        }
        self.bad_input(folder.path());
        self.every_sample(folder.path());
    }

    /// What the samples mean is the same in every language; see tests/conformance/README.md.
    fn every_sample(&self, folder: &Path) {
        if !root().join("sdk").join(self.name).join("samples").is_dir() {
            return;
        }
        for name in ["types", "counter", "average"] {
            let sample = root().join("sdk").join(self.name).join("samples").join(name).display().to_string();
            run_ok(&mut weir(&["build", &sample, "-o", &format!("{name}.wasm")]), folder);
        }
        let said = run_ok(&mut weir(&["conformance", "."]), folder);
        assert!(said.contains(" passed, 0 failed"), "{said}");
    }
}

#[test]
fn rust_samples() {
    let folder = tempfile::tempdir().unwrap();
    RUST.bad_input(folder.path());
    RUST.every_sample(folder.path());
}

#[test]
fn python() {
    PYTHON.every_template();
}

#[test]
fn javascript() {
    JAVASCRIPT.every_template();
}

#[test]
fn typescript() {
    TYPESCRIPT.every_template();
}

#[test]
fn go() {
    GO.every_template();
}

#[test]
fn c() {
    C.every_template();
}

#[test]
fn cpp() {
    CPP.every_template();
}

#[test]
fn zig() {
    ZIG.every_template();
}

/// The example with a step in each of them gives what a script computes of the whole file, however it is run.
#[test]
fn languages_example() {
    let _alone = ONE_AT_A_TIME.lock();
    let all = [PYTHON, JAVASCRIPT, GO, C, ZIG];
    if !all.iter().all(Language::is_here) {
        return;
    }
    let folder = root().join("examples/languages");
    for language in &all {
        run_ok(&mut weir(&["toolchain", "install", language.name]), &folder);
    }
    for name in ["airline", "part-of-day", "delay-class", "board", "knock-on", "knock-on-typescript", "punctual"] {
        let component = format!("{name}.wasm");
        run_ok(&mut weir(&["build", name, "-o", &component]), &folder);
        let cases = format!("{}/tests", name.trim_end_matches("-typescript"));
        run_ok(&mut weir(&["test", name, "--component", &component, "--cases", &cases]), &folder);
    }
    let out = tempfile::tempdir().unwrap();
    for (parallelism, batch_rows) in [(1, 8_192), (2, 64), (3, 8_192)] {
        let outputs = [
            ("when-to-fly-out", "when-to-fly"),
            ("board-out", "board"),
            ("knock-on-out", "knock-on"),
            ("refused", "refused"),
        ];
        let at = |name: &str| out.path().join(format!("{name}-{parallelism}.csv"));
        let mut run = weir(&["run", "pipeline.toml", "--set", &format!("parallelism={parallelism}")]);
        run.args(["--set", &format!("batch-rows={batch_rows}")]);
        for (sink, name) in outputs {
            run.args(["--set", &format!("sinks.{sink}.path={}", at(name).display())]);
        }
        run_ok(&mut run, &folder);
        for (_, name) in outputs {
            let rows = |path: &Path| {
                let mut lines: Vec<String> =
                    std::fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect();
                lines.sort();
                lines
            };
            let expected = rows(&folder.join(format!("expected/{name}.csv")));
            assert_eq!(rows(&at(name)), expected, "{name}, parallelism {parallelism}, batches of {batch_rows}");
        }
    }
}

/// The operator of the Kafka example means the same in three languages.
#[test]
fn prices_of_the_kafka_example() {
    let _alone = ONE_AT_A_TIME.lock();
    if ![PYTHON, JAVASCRIPT].iter().all(Language::is_here) {
        return;
    }
    let folder = root().join("examples/kafka-orders");
    for language in [PYTHON, JAVASCRIPT] {
        run_ok(&mut weir(&["toolchain", "install", language.name]), &folder);
    }
    for name in ["price", "price-python", "price-typescript"] {
        let component = format!("{name}.wasm");
        if name != "price" {
            run_ok(&mut weir(&["build", name, "-o", &component]), &folder);
        }
        let said = run_ok(&mut weir(&["test", name, "--component", &component, "--cases", "cases"]), &folder);
        assert!(said.contains(" passed, 0 failed"), "{name}: {said}");
    }
}

/// A toolchain that is not there, or has lost its files, is named, with what to do.
#[test]
fn a_toolchain_that_is_missing_or_broken_says_what_to_do() {
    let _alone = ONE_AT_A_TIME.lock();
    for language in [PYTHON, JAVASCRIPT, TYPESCRIPT, GO, C, CPP, ZIG].iter().filter(|language| language.is_here()) {
        let folder = tempfile::tempdir().unwrap();
        run_ok(&mut weir(&["toolchain", "install", language.name]), folder.path());
        run_ok(&mut weir(&["new", "mine", "--lang", language.name]), folder.path());
        let says = |what: &str| {
            let mut build = weir(&["build", "mine"]);
            let output = build.current_dir(folder.path()).env("WEIR_TOOLCHAIN_DIR", folder.path()).output().unwrap();
            let (said, install) = (text(&output), format!("weir toolchain install {}", language.name));
            let is_said =
                said.contains(&install) || language.name == "typescript" && said.contains("install javascript");
            assert!(!output.status.success() && is_said, "{what}: {said}");
            assert_eq!(said.contains(" C++ "), language.name == "cpp", "{said}");
        };
        says("missing");
        for kept in std::fs::read_dir(kept("toolchains")).unwrap() {
            std::fs::create_dir(folder.path().join(kept.unwrap().file_name())).unwrap();
        }
        says("broken");
    }
}
