//! Operators in other languages than Rust: the tools are fetched, every template passes its own test, becomes a component, passes the
//! test cases that the templates of all languages share, and runs in its pipeline. The samples of every language, Rust among them, pass the
//! cases of tests/conformance.
//!
//! Without the language a test is skipped, and says so; with `WEIR_TEST_LANGUAGES=all` it fails instead.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, and so do its helpers")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;

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
}

/// Its templates are tested in `new_and_build`.
const RUST: Language =
    Language { name: "rust", compiler: None, needs: &[["cargo", "--version"]], test_sdk: &[], test: &[], passed: "" };

const PYTEST_RUN: &[&str] = &["python3", "-m", "pytest", "-q", "-p", "no:cacheprovider"];
const PYTHON: Language = Language {
    name: "python",
    compiler: None,
    needs: &[["python3", "--version"]],
    test_sdk: &[PYTEST_RUN],
    test: &[PYTEST_RUN],
    passed: " passed",
};

const NPM_INSTALL: &[&str] = &["npm", "install", "--no-audit", "--no-fund"];
const JAVASCRIPT: Language = Language {
    name: "javascript",
    compiler: None,
    needs: &[["node", "--version"], ["npm", "--version"]],
    test_sdk: &[NPM_INSTALL, &["npm", "test"]],
    test: &[NPM_INSTALL, &["npm", "test"]],
    passed: "# fail 0",
};

const GO: Language = Language {
    name: "go",
    compiler: Some("go/bin"),
    needs: &[["python3", "--version"]],
    test_sdk: &[&["go", "test", "./tests"]],
    test: &[&["go", "test"]],
    passed: "ok  ",
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
    // Go would fetch another version of itself; Zig and CMake would compile in folders of the user's.
    command.env("GOTOOLCHAIN", "local").env("ZIG_GLOBAL_CACHE_DIR", kept("languages-cache").join("zig"));
    command.env("WEIR_TOOLCHAIN_DIR", kept("toolchains")).env("WEIR_CACHE_DIR", kept("languages-cache"));
    command.env("XDG_DATA_HOME", kept("languages-data"));
    command.output().unwrap()
}

fn text(output: &Output) -> String {
    let [said, told] = [&output.stderr, &output.stdout].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    format!("{said}{told}")
}

/// Runs it; it must succeed.
fn well(command: &mut Command, folder: &Path) -> String {
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
        let Some([program, _]) = missing else { return true };
        let must = std::env::var("WEIR_TEST_LANGUAGES").is_ok_and(|languages| languages == "all");
        assert!(!must, "there is no {program}");
        println!("skipped: there is no {program}");
        false
    }

    fn test_in(&self, folder: &Path, commands: &[&[&str]]) {
        let mut said = String::new();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let own = self.compiler.map(|folder| self.toolchain().join(folder));
        let path = std::env::join_paths(own.into_iter().chain(std::env::split_paths(&path))).unwrap();
        for command in commands {
            // A program is looked for in the path that it gets.
            let mut shell = Command::new("sh");
            said = well(shell.env("PATH", &path).args(["-c", &command.join(" ")]), folder);
        }
        assert!(said.contains(self.passed), "{}: {said}", folder.display());
    }

    /// Where `weir toolchain install` has put it.
    fn toolchain(&self) -> PathBuf {
        let folders = std::fs::read_dir(kept("toolchains")).unwrap().map(|entry| entry.unwrap().path());
        let is_own = |path: &PathBuf| path.join(self.compiler.unwrap_or(".")).is_dir();
        let mut own: Vec<PathBuf> = folders.filter(is_own).collect();
        own.sort_by_key(|path| path.metadata().unwrap().modified().unwrap());
        own.pop().unwrap()
    }

    /// From `weir toolchain install` to a pipeline that runs, with every template.
    fn every_template(&self) {
        let _alone = ONE_AT_A_TIME.lock();
        if !self.is_here() {
            return;
        }
        if self.name == "python" && !kept("pytest").join("pytest").exists() {
            let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", PYTEST, "--target"];
            well(Command::new("python3").args(pip).arg(kept("pytest")), &root());
        }
        let folder = tempfile::tempdir().unwrap();
        well(&mut weir(&["toolchain", "install", self.name]), folder.path());
        self.test_in(&root().join("sdk").join(self.name), self.test_sdk);

        for (template, world, rows) in [
            ("transform", "transform-operator", ["UA", "B6"]),
            ("keyed", "keyed-operator", ["UA", "AA"]),
            ("aggregate", "aggregate-operator", ["EWR", "LGA"]),
        ] {
            let name = format!("my-{template}");
            well(&mut weir(&["new", &name, "--lang", self.name, "--template", template]), folder.path());
            self.test_in(&folder.path().join(&name), self.test);
            let built = well(&mut weir(&["build", &name]), folder.path());
            assert!(built.contains(world), "{built}");
            let component = format!("{name}/{name}.wasm");
            let cases = well(&mut weir(&["test", &name, "--component", &component]), folder.path());
            assert!(cases.contains("1 passed, 0 failed"), "{cases}");
            let table = well(&mut weir(&["run", &format!("{name}/pipeline.toml")]), folder.path());
            assert!(rows.iter().all(|row| table.contains(row)), "{table}");
        }
        self.every_sample(folder.path());
    }

    /// What the samples mean is the same in every language; see tests/conformance/README.md.
    fn every_sample(&self, folder: &Path) {
        for name in ["types", "counter", "average"] {
            let sample = root().join("sdk").join(self.name).join("samples").join(name).display().to_string();
            well(&mut weir(&["build", &sample, "-o", &format!("{name}.wasm")]), folder);
        }
        let said = well(&mut weir(&["conformance", "."]), folder);
        assert!(said.contains(" passed, 0 failed"), "{said}");
    }
}

#[test]
fn rust_samples() {
    RUST.every_sample(tempfile::tempdir().unwrap().path());
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
fn go() {
    GO.every_template();
}

/// A toolchain that is not there is named, with what to do.
#[test]
fn a_missing_toolchain_says_what_to_do() {
    for language in [PYTHON, JAVASCRIPT, GO].iter().filter(|language| language.is_here()) {
        let folder = tempfile::tempdir().unwrap();
        well(&mut weir(&["new", "mine", "--lang", language.name]), folder.path());
        let mut build = weir(&["build", "mine"]);
        let output = build.current_dir(folder.path()).env("WEIR_TOOLCHAIN_DIR", folder.path()).output().unwrap();
        let said = text(&output);
        assert!(
            !output.status.success() && said.contains(&format!("weir toolchain install {}", language.name)),
            "{said}"
        );
    }
}
