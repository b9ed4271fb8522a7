//! Revisions that pile up: the newest hundred stay, and those that a rollback goes to.

use serde_json::{Value, json};
use weir_tests::running::look_for;

use crate::pipelines::COUNTS;
use crate::server::Home;

#[test]
fn a_hundred_revisions_are_kept_and_those_that_a_rollback_goes_to() {
    let home = Home::new();
    let server = home.serve();
    server.push_counters();
    server.deploy(&home, COUNTS).well();
    let swap = |operator: &str, key: &str, value: &str| {
        let set = json!({ format!("config.{key}"): value });
        let swap = json!({ "operators": { operator: { "set": set } }, "probation": { "batches": 0 } });
        let begun = server.http("POST", "/v1/jobs/counts/swap", &swap);
        assert_eq!(begun.status, 200, "{begun:?}");
        let shown = || server.http("GET", "/v1/jobs/counts", &Value::Null).body;
        look_for(|| Some(shown()).filter(|shown| shown["swap"]["phase"] == "done")).unwrap()
    };
    // What `value` runs from the third revision on, it has run since; before, it was as in the second.
    swap("count", "tag", "'2'");
    swap("value", "add", "1000000000");
    let mut shown = Value::Null;
    for number in 4..=105 {
        shown = swap("count", "tag", &format!("'{number}'"));
    }
    let numbers: Vec<u64> =
        shown["revisions"].as_array().unwrap().iter().map(|revision| revision["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, std::iter::once(2).chain(6..=105).collect::<Vec<_>>());
    server.weir(&["rollback", "counts/value", "--yes"]).well();
    let pipeline = server.weir(&["show", "counts", "--pipeline"]).well().told;
    assert!(!pipeline.contains("add =") && pipeline.contains("'105'"), "{pipeline}");
}
