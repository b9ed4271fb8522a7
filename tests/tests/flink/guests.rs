//! Components that trap, run for ever or recurse, in the JVM: their rows become dead letters, or the task fails; the JVM lives.

use serde_json::json;
use weir_tests::pipelines::Pipeline;
use weir_tests::running::root;

use crate::cluster::cluster;

/// Values at which the guest refuses, traps, loops, recurses without end, and takes all memory.
const BAD: [i64; 5] = [7, 13, 17, i64::MIN + 1, i64::MAX];
fn poisoned() -> Pipeline {
    let rows: String = (0..30).chain(BAD).chain(30..40).map(|value| format!("{value}\n")).collect();
    let component = root().join("tests/guests/poison.wasm").canonicalize().unwrap();
    let pipeline = Pipeline::new(
        &format!(
            "name = \"poisoned\"\nbatch-rows = 8\n\n\
             [sources.rows]\nconnector = \"file\"\npath = \"rows.csv\"\nschema = {{ value = \"int64\" }}\n\n\
             [operators.step]\ninput = \"rows\"\ncomponent = \"{}\"\non-error = \"dead-letter\"\nexchange = \"rebalance\"\n\
             limits = {{ call-time = \"250ms\" }}\n\n\
             [sinks.out]\ninput = \"step\"\nconnector = \"file\"\npath = \"out/\"\nformat = \"csv\"\n\n\
             [sinks.bad]\ninput = \"step.dead-letter\"\nconnector = \"file\"\npath = \"bad/\"\nformat = \"csv\"\n",
            component.display()
        ),
        false,
    );
    std::fs::write(pipeline.folder().join("rows.csv"), format!("value\n{rows}")).unwrap();
    pipeline
}

#[test]
fn bad_rows_become_dead_letters() {
    let Some(cluster) = cluster() else { return };
    let pipeline = poisoned();
    for parallelism in [1, 2] {
        let set = |sink: &str| {
            let path = pipeline.folder().join(format!("{sink}-{parallelism}"));
            format!("sinks.{sink}.path={}/", path.display())
        };
        cluster.run(&pipeline.file(), &[format!("parallelism={parallelism}"), set("out"), set("bad")], json!({}));
        let (out, bad) = (pipeline.rows(&format!("out-{parallelism}")), pipeline.rows(&format!("bad-{parallelism}")));
        // 7, 13 and 17 are among the first thirty, too.
        assert_eq!((out.len(), bad.len()), (37, BAD.len() + 3), "{bad:?}");
        for value in BAD {
            assert!(bad.iter().any(|row| row.starts_with(&format!("{value},"))), "{value} is not in {bad:?}");
        }
    }
}

/// A thread with little stack runs the same guests, and one with too little none: either way the JVM lives.
#[test]
fn little_stack_fails_a_job_and_not_the_jvm() {
    let Some(cluster) = cluster() else { return };
    let pipeline = poisoned();
    let set = |name: &str| {
        let path =
            |sink: &str| format!("sinks.{sink}.path={}/", pipeline.folder().join(format!("{sink}-{name}")).display());
        [path("out"), path("bad")]
    };
    let small = cluster.start_with(&["-Xss700k"]);
    small.run(&pipeline.file(), &set("small"), json!({}));
    assert_eq!(pipeline.rows("bad-small").len(), BAD.len() + 3);
    let too_small = cluster.start_with(&["-Xss400k"]);
    for _ in 0..2 {
        let answer = too_small.try_run(&pipeline.file(), &set("too-small"), json!({}));
        assert!(answer["error"].as_str().unwrap().contains("KiB of stack left"), "{answer}");
    }
}
