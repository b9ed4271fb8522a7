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
    let shown = server.until_it_is("counts", "running");
    server.until_rows("counts", shown["rows-out"].as_u64().unwrap() + 1000);
    assert_eq!((&shown["rows-failed"], &shown["troubles"]), (&0.into(), &serde_json::json!([])));
    assert_eq!(server.weir(&["logs", "counts"]).well().told, "", "nothing has happened to it");
    server.weir(&["stop", "counts", "--drain"]).well();
    assert!(Counted::read(&home).rows > 2000);
}
