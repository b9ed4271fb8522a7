//! A Java program whose rows go through a component: the test itself is in Java.

use weir_tests::running::root;

use crate::cluster::cluster;

#[test]
fn rows_of_a_java_program_come_back_once_and_as_they_were() {
    let Some(cluster) = cluster() else { return };
    let mut java = cluster.files.java(&["-Dorg.slf4j.simpleLogger.log.io.weir.operator=error"]);
    let output = java.arg("io.weir.flink.RowsTrial").arg(root().join("tests/guests/poison.wasm")).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && output.stdout.ends_with(b"ok\n"), "{errors}");
    let logged = errors.lines().any(|line| line.contains(" ERROR io.weir.operator.") && line.contains("thirteen"));
    assert!(logged, "{errors}");
}
