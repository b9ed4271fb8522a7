//! Rollbacks of jobs that do not run: they continue with the older version, from states of the newer one.

use rusqlite::Connection;

use crate::pipelines::{COUNTS, counts};
use crate::rows::Counted;
use crate::server::{Home, Server};

const BACK: [&str; 3] = ["rollback", "counts/count", "--yes"];

#[test]
fn a_job_that_does_not_run_goes_back() {
    let home = Home::new();
    let server = counting(&home);
    let wide = ["swap", "counts/count", "count@3", "--set", "config.tag=\"1\"", "--no-probation"];
    server.weir(&wide).well().saying(&["count -> count@3 (config.tag=\"1\") is done"]);

    // One that has failed.
    let fails = [
        ("component = \"count@1\"", "component = \"count@3\""),
        ("tag = \"0\"", "tag = \"2\", fails = 0"),
        ("interval = \"100ms\"", "interval = \"1h\""),
    ];
    server.deploy(&home, &counts(&fails)).well();
    server.until_it_is("counts", "failed");
    server.weir(&BACK).well().saying(&["count -> count@3 is done"]);
    server.until_rows("counts", 1000);

    // One that was stopped; the server is killed before the older version has completed a checkpoint.
    server.weir(&["stop", "counts"]).well();
    let asks = "the job counts does not run, and would be started, and there is no terminal to ask at: use --yes";
    server.weir(&BACK[..2]).failed(&["counts/count returns to revision 1:", "- component = count@3", asks]);
    assert_eq!(server.show("counts")["state"], "stopped");
    server.weir(&BACK).well().saying(&["count -> count@1 is done", "count runs count@1", "as in revision 1"]);
    let revision = server.show("counts")["revision"].clone();
    server.kill();
    let server = home.serve();
    let shown = server.until_rows("counts", 1000);
    assert_eq!(shown["revision"], revision);
    server.weir(&BACK).failed(&[
        "\"count\" runs count@1, and no revision of \"counts\" has run another version of it that was not undone",
    ]);

    // One that waits: what it is to run is not there.
    server.weir(&["swap", "counts/count", "count@3", "--set", "config.tag=\"3\"", "--no-probation"]).well();
    let digest = server.json(&["operator", "show", "count"])[2]["digest"].as_str().unwrap().to_owned();
    server.kill();
    std::fs::remove_file(home.data().join(format!("components/{digest}.wasm"))).unwrap();
    let server = home.serve();
    server.until_it_is("counts", "restarting");
    server.weir(&BACK).well().saying(&["count -> count@1 is done"]);
    server.until_rows("counts", 1000);

    server.weir(&["stop", "counts", "--drain"]).well();
    server.weir(&BACK).failed(&["no revision"]);
    for tags in Counted::read(&home).changes() {
        // What the third had done when the server was killed is done again, if no checkpoint had it.
        assert!(tags == [0, 1, 0] || tags == [0, 1, 0, 3, 0], "{tags:?}");
    }
}

#[test]
fn a_rollback_says_what_it_returns_to_and_a_swap_that_loses_columns_points_at_it() {
    let home = Home::new();
    let server = counting(&home);
    server.weir(&["swap", "counts/count", "count@3", "--no-probation"]).well();
    server.weir(&["swap", "counts/count", "count@1"]).failed(&[
        "of its state",
        "; or go back: `weir rollback counts/count` returns to count@1 of revision 1, and gives up what its state does not have",
    ]);
    // One that it has not run does not come back by a rollback.
    let other = server.weir(&["swap", "counts/count", "count@2"]);
    assert!(!other.said.contains("weir rollback"), "{}", other.said);

    // Only the version changes, and the job runs: nobody is asked.
    let plan = server.json(&["rollback", "counts/count", "--dry-run"]);
    assert_eq!(
        (&plan["revision"], &plan["to"]["component"], &plan["by"]),
        (&1.into(), &"count@1".into(), &"swap".into())
    );
    server.weir(&BACK[..2]).well().saying(&["+ component = count@1", "count runs count@1", "as in revision 1"]);
    server.weir(&["swap", "counts/count", "--set", "config.tag=\"7\"", "--no-probation"]).well();
    server
        .weir(&BACK[..2])
        .failed(&["this changes more than the version of count, and there is no terminal to ask at"]);
    assert_eq!(server.show("counts")["revisions"].as_array().unwrap().len(), 4);
    let told = ["counts/count returns to revision 3:", "- config = { tag = \"7\"", "+ config = { tag = \"0\""];
    server.weir(&BACK).well().saying(&told);
    server.weir(&["stop", "counts", "--drain"]).well();
    Counted::read(&home);
}

#[test]
fn a_state_that_does_not_fit_leaves_the_job_as_it_was() {
    let home = Home::new();
    let server = counting(&home);
    server.weir(&["swap", "counts/count", "count@3", "--set", "config.outgrows=0", "--no-probation"]).well();
    let before = server.show("counts")["checkpoint"].as_u64();
    server.until("counts", "has another checkpoint", |shown| shown["checkpoint"].as_u64() > before);
    server.weir(&["stop", "counts"]).well();
    server.weir(&BACK).failed(&["the job cannot be started", "the column \"count\" of its state cannot be uint32"]);
    let shown = server.show("counts");
    assert_eq!((&shown["state"], &shown["revision"]), (&"stopped".into(), &2.into()));
    server.weir(&["start", "counts"]).well();

    // One that waits continues to wait.
    let digest = server.json(&["operator", "show", "count"])[2]["digest"].as_str().unwrap().to_owned();
    let [there, away] = ["wasm", "away"].map(|end| home.data().join(format!("components/{digest}.{end}")));
    server.kill();
    std::fs::rename(&there, &away).unwrap();
    let server = home.serve();
    server.until_it_is("counts", "restarting");
    server.weir(&BACK).failed(&["its state cannot be uint32", "; and revision 2 does not run yet: "]);
    std::fs::rename(&away, &there).unwrap();
    server.until_rows("counts", 1000);

    // Killed before it was refused.
    server.kill();
    let catalog = Connection::open(home.data().join("catalog.sqlite")).unwrap();
    let asked =
        "INSERT INTO revision SELECT job, 3, 'rollback', pipeline, 'trying', NULL, 0 FROM revision WHERE number = 1;
        UPDATE job SET revision = 3, goes_back = '[\"count\"]', newest = 1000000";
    catalog.execute_batch(asked).unwrap();
    drop(catalog);
    let server = home.serve();
    let shown = server.until_rows("counts", 1000);
    assert_eq!((&shown["revision"], &shown["revisions"][2]["state"]), (&2.into(), &"rolled-back".into()));

    server.weir(&["stop", "counts", "--drain"]).well();
    server.weir(&BACK).failed(&["the job \"counts\" has ended"]);
    Counted::read(&home);
}

/// It is kept from its beginning on: what the job is to run is no longer what ran before.
#[test]
fn a_rollback_of_a_swap_without_a_trial_returns_to_what_ran_before() {
    let home = Home::new();
    let server = home.serve();
    server.push_counters();
    // Its calls do not end, so no barrier passes.
    let stuck = [("tag = \"0\"", "tag = \"0\", fails = \"loops\""), ("call-time = \"1s\"", "call-time = \"1m\"")];
    server.deploy(&home, &counts(&stuck)).well();
    server.until_it_is("counts", "running");
    std::thread::park_timeout(std::time::Duration::from_secs(2));
    server.weir(&["swap", "counts/count", "count@2", "--no-probation", "--detach"]).well();
    assert_eq!(server.show("counts")["swap"]["phase"], "cutting-over");
    let plan = server.json(&["rollback", "counts/count", "--dry-run"]);
    assert_eq!((&plan["revision"], &plan["to"]["component"]), (&1.into(), &"count@1".into()), "{plan:#}");
    server.weir(&["stop", "counts", "--now"]).well();
}

/// A job that counts; `count@3` does in states of a wider type, with a column more.
fn counting(home: &Home) -> Server {
    let server = home.serve();
    server.push_counters();
    assert_eq!(server.push("count_wide", "count"), "3");
    server.deploy(home, COUNTS).well();
    server.until_rows("counts", 1000);
    server
}
