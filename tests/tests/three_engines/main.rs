//! The example `three-engines`, with few messages: the results of Weir, Flink and Spark are equal.

use std::process::Command;

use weir_tests::flink_files::FlinkFiles;
use weir_tests::needed::can_run;
use weir_tests::spark_files;

/// A few of each airport and class per minute.
const DEPARTURES: &str = "6000";
/// Compiles little: the JVMs run for seconds.
const JVM: &str = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC";

#[test]
fn three_engines_give_equal_results() {
    if !can_run(FlinkFiles::missing().or_else(spark_files::missing)) {
        return;
    }
    let mut example = Command::new(env!("CARGO_BIN_EXE_three_engines"));
    let output = example.args([DEPARTURES, "--no-latency"]).env("JDK_JAVA_OPTIONS", JVM).output().unwrap();
    let [told, said] = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(output.status.success(), "{told}\n{said}");
    assert!(told.contains("results, equal in all; they count 6000 departures"), "{told}");
}
