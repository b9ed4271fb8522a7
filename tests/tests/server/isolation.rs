//! Jobs beside each other on one server: what the operators of one do harms no other.

use crate::pipelines::COUNTS;
use crate::rows::Counted;
use crate::server::Home;

/// A job whose operator comes to rows that it cannot process.
fn bad(name: &str, value: i64, on_error: &str) -> String {
    format!(
        r#"name = "{name}"
[sources.rows]
connector = "collection"
rows = [{{ value = 1 }}, {{ value = {value} }}, {{ value = {value} }}, {{ value = 2 }}]
[operators.poison]
input = "rows"
component = "poison@1"
on-error = "{on_error}"
limits = {{ memory = "16MiB", call-time = "1s" }}
[sinks.out]
input = "poison"
connector = "blackhole"
"#
    )
}

#[test]
fn a_job_cannot_take_the_instances_that_others_need() {
    let home = Home::new();
    let server = home.serve();
    server.push_counters();
    server.push("poison", "poison");
    server.deploy(&home, COUNTS).well();
    let large = |parallelism: usize| {
        let step = |number: usize| {
            format!(
                r#"
[operators.value-{number}]
input = "bids"
component = "value@1"
limits = {{ memory = "4MiB" }}
[sinks.out-{number}]
input = "value-{number}"
connector = "blackhole"
"#
            )
        };
        let source = "[sources.bids]\nconnector = \"nexmark\"\ntable = \"bid\"\nrate = 1000\n";
        let steps: String = (0..4).map(step).collect();
        format!("name = \"large\"\nparallelism = {parallelism}\nmax-parallelism = 256\n{source}{steps}")
    };
    server.deploy(&home, &large(250)).failed(&[
        "the server has room for 1000 instances of operators, 4 are taken by other jobs, and this job needs 1000: lower its parallelism",
    ]);
    // All the others are there: swaps can be looked at still, and instances that are lost come back.
    server.deploy(&home, &large(248)).well();
    server.until_rows("large", 1);
    server.weir(&["swap", "counts/count", "count@2", "--dry-run"]).well();
    server.deploy(&home, &bad("traps", 13, "skip")).well();
    let shown = server.until_it_is("traps", "finished");
    assert_eq!((&shown["rows-failed"], &shown["rows-out"]), (&2.into(), &2.into()), "{shown:#}");
    let swap = ["swap", "large/value-0", "value@1", "--set", "limits.memory=\"5MiB\""];
    server.weir(&swap).failed(&["4 are taken by other jobs, and this job needs 1240"]);
    server.weir(&["swap", "counts/count", "count@2", "--probation-batches", "20"]).well();
}

#[test]
fn a_trap_a_loop_and_a_memory_bomb_are_their_own_jobs_problem() {
    let home = Home::new();
    let server = home.serve();
    server.push_counters();
    server.push("poison", "poison");
    server.deploy(&home, COUNTS).well();
    server.until_rows("counts", 1000);
    let values =
        [("traps", 13, " thirteen"), ("loops", 17, "took longer than 1000 ms"), ("grows", i64::MAX, "16777216 bytes")];
    for (name, value, why) in values {
        server.deploy(&home, &bad(name, value, "fail")).well();
        let shown = server.until_it_is(name, "failed");
        assert!(shown["reason"].as_str().unwrap().contains(why), "{shown:#}");
        server.deploy(&home, &bad(name, value, "skip")).well();
        let shown = server.until_it_is(name, "finished");
        assert_eq!((&shown["rows-failed"], &shown["rows-out"]), (&2.into(), &2.into()), "{shown:#}");
    }
    let lines = server.weir(&["logs", "counts"]).well().told;
    let shown = server.until_it_is("counts", "running");
    server.until_rows("counts", shown["rows-out"].as_u64().unwrap() + 1000);
    assert_eq!((&shown["rows-failed"], &shown["troubles"]), (&0.into(), &serde_json::json!([])));
    assert!(
        lines.lines().all(|line| line.contains("  info   ")),
        "it has started, and nothing has happened to it: {lines}"
    );
    assert_eq!(server.weir(&["logs", "counts"]).well().told, lines);
    server.weir(&["stop", "counts", "--drain"]).well();
    assert!(Counted::read(&home).rows > 2000);
}
