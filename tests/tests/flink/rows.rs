//! Java programs whose rows go through a component: the tests themselves are in Java.

use weir_tests::running::root;

use crate::cluster::cluster;

/// Runs a program with the component that fails in many ways; its standard error.
fn run(class: &str, options: &[&str]) -> Option<String> {
    let mut java = cluster()?.files.java(options);
    let output = java.arg(class).arg(root().join("tests/guests/poison.wasm")).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && output.stdout.ends_with(b"ok\n"), "{errors}");
    Some(errors)
}

#[test]
fn rows_of_a_java_program_come_back_once_and_as_they_were() {
    let Some(errors) = run("io.weir.flink.RowsTrial", &["-Dorg.slf4j.simpleLogger.log.io.weir.operator=error"]) else {
        return;
    };
    let logged = errors.lines().any(|line| line.contains(" ERROR io.weir.operator.") && line.contains("thirteen"));
    assert!(logged, "{errors}");
}

#[test]
fn operators_that_are_closed_leave_nothing_behind() {
    run("io.weir.flink.OpensTrial", &["-Xmx64m", "-Xms64m", "-XX:+AlwaysPreTouch"]);
}
