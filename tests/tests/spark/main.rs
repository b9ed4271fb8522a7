//! The wheel for Spark, built, installed, and tested with Python's own tests in a real Spark.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use weir_tests::running::root;

/// What the tests need beside the wheel, and what builds it.
const PACKAGES: [&str; 5] =
    ["pyspark==4.3.0", "pyarrow==26.0.1", "pandas==2.3.3", "pytest==9.2.0", "hatchling==1.33.0"];

fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command.output()?;
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "{command:?}: {said}");
    Ok(())
}

/// What is not there.
fn missing() -> Option<&'static str> {
    let runs = |program: &str, argument: &str| {
        let status = Command::new(program).arg(argument).stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    };
    [("python3", "--version"), ("java", "-version")]
        .into_iter()
        .find(|(program, argument)| !runs(program, argument))
        .map(|(program, _)| program)
}

fn pip(folder: &Path) -> Command {
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "--quiet", "--disable-pip-version-check"]).current_dir(folder);
    pip
}

#[test]
fn the_wheel_runs_operators_on_spark() {
    if let Some(program) = missing() {
        assert!(std::env::var_os("WEIR_TEST_LANGUAGES").is_none(), "there is no `{program}`");
        println!("skipped: there is no `{program}`");
        return;
    }
    let kept = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("spark");
    let (packages, wheels) = (kept.join("packages"), tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap());
    if !kept.join("complete").exists() {
        std::fs::create_dir_all(&kept).unwrap();
        run(pip(&kept).args(["install", "--upgrade", "--target"]).arg(&packages).args(PACKAGES)).unwrap();
        std::fs::write(kept.join("complete"), "").unwrap();
    }
    let library = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("libweir_native.so");
    assert!(library.exists(), "there is no {}: `cargo build --workspace --lib` builds it", library.display());
    let (wheel, installed) = (wheels.path().join("wheel"), wheels.path().join("installed"));
    run(pip(&root())
        .args(["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir"])
        .arg(&wheel)
        .arg("./bridge/python")
        .env("PYTHONPATH", &packages)
        .env("WEIR_LIBRARY", &library))
    .unwrap();
    let built: Vec<PathBuf> = std::fs::read_dir(&wheel).unwrap().map(|entry| entry.unwrap().path()).collect();
    let [built] = built.as_slice() else { panic!("not one wheel: {built:?}") };
    assert!(built.to_string_lossy().contains("-py3-none-linux_"), "{}", built.display());
    run(pip(&root()).args(["install", "--no-deps", "--target"]).arg(&installed).arg(built)).unwrap();
    let path = std::env::join_paths([&installed, &packages]).unwrap();
    let tests = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "bridge/python/tests"];
    run(Command::new("python3")
        .args(tests)
        .current_dir(root())
        .env("PYTHONPATH", path)
        .env("PYSPARK_PYTHON", "python3")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("WEIR_ROOT", root()))
    .unwrap();
}
