//! The wheel for Spark, built, installed, and tested with Python's own tests in a real Spark.

use std::path::PathBuf;
use std::process::Command;

use weir_tests::maven::{native_library, run};
use weir_tests::needed::can_run;
use weir_tests::running::root;
use weir_tests::spark_files::{missing, packages, pip};

#[test]
fn the_wheel_runs_operators_on_spark() {
    if !can_run(missing()) {
        return;
    }
    let (packages, library) = (packages().unwrap(), native_library().unwrap());
    let wheels = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (wheel, installed) = (wheels.path().join("wheel"), wheels.path().join("installed"));
    run(pip(&root())
        .args(["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir"])
        .arg(&wheel)
        .arg("./bridge/python")
        .env("PYTHONPATH", &packages)
        .env("WEIR_LIBRARY", &library))
    .unwrap();
    let built: Vec<PathBuf> = std::fs::read_dir(&wheel).unwrap().map(|entry| entry.unwrap().path()).collect();
    let [wheel] = built.as_slice() else { panic!("not one wheel: {built:?}") };
    assert!(wheel.to_string_lossy().contains("-py3-none-linux_"), "{}", wheel.display());
    run(pip(&root()).args(["install", "--no-deps", "--target"]).arg(&installed).arg(wheel)).unwrap();
    let path = std::env::join_paths([&installed, &packages]).unwrap();
    let tests = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "bridge/python/tests"];
    run(Command::new("python3")
        .args(tests)
        .current_dir(root())
        .env("PYTHONPATH", path)
        .env("PYSPARK_PYTHON", "python3")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("WEIR_COMMAND", library.with_file_name("weir"))
        .env("WEIR_ROOT", root()))
    .unwrap();
}
