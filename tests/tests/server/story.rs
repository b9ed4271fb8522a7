//! What a person does with a server, by the commands: operators brought, a job deployed, swapped, stopped, started, removed.

use std::process::Stdio;

use serde_json::{Value, json};
use weir_tests::running::{Running, look_for};

use crate::pipelines::{COUNTS, counts};
use crate::rows::Counted;
use crate::server::{Home, guest_path, lines};

/// Another step of the pipeline, a window with a component.
const SUMS: &str = r#"
[windows.sums]
input = "value"
window = { tumbling = "1s" }
aggregates.total = { component = "total@1", columns = ["value"], config = { times = 1 } }

[sinks.sums-out]
input = "sums"
connector = "blackhole"
"#;

/// The version of an operator that a job runs.
fn runs(shown: &Value, operator: &str) -> String {
    let nodes = shown["nodes"].as_array().unwrap();
    let node = nodes.iter().find(|node| node["name"] == operator).unwrap();
    node["component"].as_str().unwrap().to_owned()
}

#[test]
fn operators_are_brought_listed_and_removed() {
    let home = Home::new();
    let server = home.serve();
    let [v1, v2] = ["count_v1", "count_v2"].map(|guest| guest_path(guest).to_str().unwrap().to_owned());
    server.weir(&["push", &v1, "--name", "count"]).well().saying(&["pushed count@1: keyed"]);
    let same = "count@1 already has this component: nothing has changed";
    server.weir(&["push", &v1, "--name", "count"]).well().saying(&[same]);
    server.weir(&["push", &v1, "--name", "count", "--version", "1"]).well().saying(&[same]);
    server
        .weir(&["push", &v2, "--name", "count", "--version", "1"])
        .failed(&["count@1 is already the name of another component"]);
    server.weir(&["push", &v2, "--name", "count", "--version", "two"]).well().saying(&["pushed count@two: "]);
    server.weir(&["push", &v2]).well().saying(&["pushed count_v2@1: "]);

    let listed = server.json(&["operator", "list"]);
    let names: Vec<_> = listed.as_array().unwrap().iter().map(|row| (&row["name"], &row["version"])).collect();
    let expected = [("count", "1"), ("count", "two"), ("count_v2", "1")].map(|(name, version)| json!([name, version]));
    assert_eq!(json!(names), json!(expected));
    let bytes = std::fs::read(&v2).unwrap();
    let digests: Vec<_> = listed.as_array().unwrap().iter().map(|row| row["digest"].clone()).collect();
    assert_eq!(digests[1], digests[2], "the same component");
    assert_eq!(listed[1]["bytes"], bytes.len());

    // A component is there as long as a version of it is.
    let component = home.data().join(format!("components/{}.wasm", digests[1].as_str().unwrap()));
    server.weir(&["operator", "rm", "count@two"]).well();
    assert_eq!(std::fs::read(&component).unwrap(), bytes);
    server.weir(&["operator", "rm", "count_v2@1"]).well();
    assert!(!component.exists());
    assert_eq!(server.json(&["operator", "show", "count"]).as_array().unwrap().len(), 1);
    server.weir(&["operator", "show", "count_v2"]).failed(&["there is no operator \"count_v2\" on this server"]);

    // What was removed comes back as what it was, and as nothing else.
    let two = ["push", "--name", "count", "--version", "two"];
    server
        .weir(&[&two[..], &[&v1]].concat())
        .failed(&["count@two is already the name of another component (perhaps a removed one)"]);
    server.weir(&[&two[..], &[&v2]].concat()).well().saying(&["pushed count@two: "]);
    assert_eq!(std::fs::read(&component).unwrap(), bytes);
}

#[test]
fn a_job_is_deployed_swapped_and_rolled_back() {
    let home = Home::new();
    let server = home.serve();
    server.push_counters();
    server.deploy(&home, COUNTS).well().saying(&["counts runs as revision 1"]);
    for same in [COUNTS.to_owned(), format!("# What it does.\n{COUNTS}")] {
        server.deploy(&home, &same).well().saying(&["counts runs this already as revision 1: nothing has changed"]);
    }
    server.until_rows("counts", 1000);
    assert_eq!(server.json(&["ps"])[0]["state"], "running");
    server.weir(&["ps"]).well();

    // The default would be 30 s: batches are slow here.
    let trial = ["--probation-batches", "20"];
    let to_two = [&["swap", "counts/count", "count@2", "--set", "config.tag=\"1\""][..], &trial].concat();
    let fits = "count -> count@2 (config.tag=\"1\") would fit; nothing has changed";
    server.weir(&[&to_two[..], &["--dry-run"]].concat()).well().saying(&[fits]);
    assert_eq!(server.show("counts")["revision"], 1);
    server.weir(&to_two).well().saying(&["count -> count@2 (config.tag=\"1\") is done"]);
    let shown = server.show("counts");
    assert_eq!((runs(&shown, "count"), &shown["revision"]), ("count@2".to_owned(), &json!(2)));
    server
        .weir(&["operator", "rm", "count@2"])
        .failed(&["count@2 is used by counts: swap it there, or remove the job"]);

    // The configuration alone; back to the one before; and while a swap is on trial.
    let has = |line: &str| {
        let pipeline = server.weir(&["show", "counts", "--pipeline"]).well().told;
        assert!(pipeline.lines().any(|of| of == line), "{pipeline}");
    };
    server
        .weir(
            &[&["swap", "counts/count", "--set", "config.tag=\"2\"", "--unset", "limits.call-time"][..], &trial]
                .concat(),
        )
        .well()
        .saying(&["count -> count@2 (config.tag=\"2\", limits.call-time unset) is done"]);
    has("limits = { memory = \"8MiB\" }");
    server.weir(&["rollback", "counts/count", "--yes"]).well().saying(&["count -> count@2 is done"]);
    has("config = { tag = \"1\" }");
    has("limits = { call-time = \"1s\", memory = \"8MiB\" }");
    let long = ["--probation-batches", "1000000000", "--probation-time", "1h"];
    let swap = ["swap", "counts/count", "count@1", "--set", "config.tag=\"3\""];
    let mut waits = Running::start(&mut server.command(&[&swap[..], &long].concat()));
    waits.until_it_hears_interrupts();
    waits.signal("INT");
    let interrupted = waits.end();
    assert_eq!(interrupted.code, Some(130));
    assert!(interrupted.said.contains("the swap continues: `weir show counts`"), "{}", interrupted.said);
    server.weir(&swap).failed(&["another swap of this job is not over yet"]);
    server.until("counts", "is on trial", |shown| shown["swap"]["phase"] == "probation");
    server.weir(&["operator", "rm", "count@1"]).failed(&["count@1 is used by counts"]);
    server
        .weir(&["rollback", "counts/count"])
        .well()
        .saying(&["the swap count -> count@1 is rolled back", "as in revision 4"]);
    let shown = server.show("counts");
    let states = shown["revisions"].as_array().unwrap().iter().map(|r| (r["cause"].clone(), r["state"].clone()));
    assert_eq!(
        states.collect::<Vec<_>>(),
        [("deploy", "kept"), ("swap", "kept"), ("swap", "kept"), ("rollback", "kept"), ("swap", "rolled-back")]
            .map(|(cause, state)| (json!(cause), json!(state)))
    );
    let changes = [
        "swap count -> count@2, other config ",
        "swap count -> other config, other limits ",
        "rollback count -> other config, other limits ",
    ];
    let told = server.weir(&["show", "counts"]).well().told;
    assert!(changes.iter().all(|change| told.contains(change)), "{told}");

    server.weir(&["stop", "counts", "--drain"]).well().saying(&["counts is finished"]);
    server.weir(&["operator", "rm", "count@1"]).well();
    for tags in Counted::read(&home).changes() {
        assert!(tags == [0, 1, 2, 1] || tags == [0, 1, 2, 1, 3, 1], "{tags:?}");
    }
}

#[test]
fn two_operators_change_at_one_barrier() {
    let home = Home::new();
    let server = home.serve();
    server.push_counters();
    server.deploy(&home, COUNTS).well();
    server.until_rows("counts", 1000);
    server
        .weir(&["swap", "counts/value", "value@1", "--and", "count=count@2"])
        .failed(&["operator \"value\" runs that version already"]);
    assert_eq!(server.show("counts")["revision"], 1);
    let both = json!({ "operators": {
        "value": { "set": { "config.add": "1000000000" } },
        "count": { "component": "count@2", "set": { "config.tag": "\"1\"" } },
    }, "probation": { "batches": 20 } });
    assert_eq!(server.http("POST", "/v1/jobs/counts/swap", &both).status, 200);
    server.until("counts", "has swapped", |shown| shown["swap"]["phase"] == "done");
    server.weir(&["stop", "counts", "--drain"]).well();
    assert!(Counted::read(&home).changes().all(|tags| tags == [0, 1]));
    for line in lines(&home.files().join("out")) {
        let [_, _, tag, value] = line.split(',').collect::<Vec<_>>().try_into().unwrap();
        assert_eq!(tag == "1", value.parse::<i64>().unwrap() >= 1_000_000_000, "{line}");
    }
}

#[test]
fn a_job_stops_and_resumes_from_a_savepoint() {
    let home = Home::new();
    let server = home.serve();
    server.push_counters();
    // Rows go nowhere: a folder that has rows of later checkpoints is not gone back in.
    let pipeline = counts(&[("connector = \"file\"\npath = \"out/\"\nformat = \"csv\"", "connector = \"blackhole\"")]);
    server.deploy(&home, &pipeline).well();
    server.until_rows("counts", 500);
    let savepoint = server.json(&["savepoint", "counts"])["checkpoint"].to_string();
    server.weir(&["rm", "counts"]).failed(&["the job \"counts\" runs: `weir stop counts` stops it"]);
    server.weir(&["start", "counts"]).failed(&["the job \"counts\" runs already"]);
    let rows = server.show("counts")["rows-out"].as_u64().unwrap();
    server.until_rows("counts", rows + 2000);
    const GUESTS: &str = "weir_guest_memory_bytes{";
    const LAG: &str = "weir_job_watermark_lag_seconds{";
    let metrics = || server.raw("GET", "/metrics", "", b"").body.as_str().unwrap().to_owned();
    server.until("counts", "has a watermark", |shown| shown["lag-us"].is_number());
    assert!(metrics().contains(GUESTS) && metrics().contains(LAG), "{}", metrics());
    server.weir(&["stop", "counts"]).well().saying(&["counts is stopped at checkpoint"]);
    assert_eq!(server.json(&["ps"])[0]["state"], "stopped");
    // What its state was stays to be seen, and is monitored no more.
    let nodes = server.show("counts")["nodes"].clone();
    assert!(nodes.as_array().unwrap().iter().any(|node| node["state-bytes"].as_u64() > Some(0)), "{nodes}");
    let metrics = metrics();
    assert!(metrics.contains("weir_job_up") && !metrics.contains(GUESTS) && !metrics.contains(LAG), "{metrics}");
    assert!(server.show("counts")["lag-us"].is_null(), "what does not run is not behind");
    server.weir(&["stop", "counts"]).failed(&["the job \"counts\" does not run: `weir start counts` starts it"]);
    server.weir(&["swap", "counts/count", "count@2"]).failed(&["the job \"counts\" does not run: `weir start counts`"]);

    server.weir(&["start", "counts", "--from", "1000000"]).failed(&[&format!(
        "the job \"counts\" has no checkpoint 1000000; its savepoints: {savepoint}; its other checkpoints: "
    )]);
    server.weir(&["start", "counts", "--from", &savepoint]).well();
    let said = format!("resuming from checkpoint {savepoint}");
    assert!(look_for(|| server.weir(&["logs", "counts"]).well().told.contains(&said).then_some(())).is_some());
    // It is one only as long as nobody removes it.
    server.weir(&["savepoint", "counts", "--rm", &savepoint]).well();
    server.weir(&["savepoint", "counts", "--rm", &savepoint]).failed(&["has no savepoint"]);
    assert_eq!(server.json(&["stop", "counts"])["state"], "stopped");
    assert_eq!(server.json(&["start", "counts"])["name"], "counts");
    server.until_rows("counts", 1);
    server.weir(&["stop", "counts", "--drain"]).well().saying(&["counts is finished"]);
    assert_eq!(server.until_it_is("counts", "finished")["troubles"], json!([]));
    let refused = server.weir(&["rm", "other", "--json"]).failed(&["there is no job \"other\""]).summary();
    assert_eq!((&refused["ok"], &refused["status"]), (&json!(false), &json!(404)), "{refused}");
    assert_eq!(server.json(&["rm", "counts"]), json!({ "ok": true }));
    assert_eq!(server.json(&["ps"]), json!([]));
    assert!(!home.data().join("jobs/counts").exists());
}

#[test]
fn what_a_job_and_its_operators_say_is_kept_and_followed() {
    let home = Home::new();
    let server = home.serve();
    server.push_counters();
    server.push("total", "total");
    server.deploy(&home, &(COUNTS.to_owned() + SUMS)).well();
    let mut follower = Running::start(&mut server.command(&["logs", "counts", "-f"]));
    server.until_rows("counts", 500);
    server.weir(&["swap", "counts/count", "--set", "config.fails=\"always\""]).failed(&[
        "the swap of counts was rolled back: it failed where the old version does not: the operator trapped",
        "; last log line: panicked at ",
        " told to",
    ]);
    follower.until("it is rolled back", |follower| follower.told().contains("was rolled back"));
    let of_operator = server.weir(&["logs", "counts/count"]).well().told;
    assert!(of_operator.lines().count() > 0 && of_operator.lines().all(|line| line.contains("  [count] ")));
    assert!(of_operator.contains("told to"), "{of_operator}");
    assert!(follower.told().contains("[count]") && follower.told().contains("the swap count -> count@1 begins"));
    // An aggregate has said nothing yet, and may be asked.
    for target in ["counts/sums.total", "counts/sums"] {
        assert_eq!(server.weir(&["logs", target]).well().told, "");
    }
    server.weir(&["logs", "counts/sums.n"]).failed(&["the job \"counts\" has no step \"sums.n\""]);
    // A follower that writes to a pipe ends with the reader: `weir logs -f | head`.
    let mut unread = server.command(&["logs", "counts", "-f"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(unread.stdout.take());
    let status = look_for(|| unread.try_wait().unwrap()).expect("it follows for nobody");
    assert_eq!(status.code(), Some(0));
    server.weir(&["logs", "counts/cuont"]).failed(&["the job \"counts\" has no step \"cuont\""]);
    server.terminate().well();
    follower.end().well();
}

#[test]
fn an_aggregate_is_swapped_and_rolled_back_in_every_kind_of_step() {
    let home = Home::new();
    let server = home.serve();
    server.push_counters();
    server.push("total", "total");
    let steps = [
        ("windows", "window = { tumbling = \"1s\" }"),
        ("aggregates", "key-by = [\"extra\"]"),
        ("rolling", "rows = 3"),
    ];
    let sections = steps.map(|(section, key)| {
        format!(
            "[{section}.{section}]\ninput = \"value\"\n{key}\n\
             aggregates.total = {{ component = \"total@1\", columns = [\"value\"], config = {{ times = 1 }} }}\n\
             [sinks.{section}-out]\ninput = \"{section}\"\nconnector = \"blackhole\"\n"
        )
    });
    server.deploy(&home, &(COUNTS.to_owned() + &sections.concat())).well();
    server.until_rows("counts", 100);
    let times = |times: u32| {
        let pipeline = server.weir(&["show", "counts", "--pipeline"]).well().told;
        pipeline.matches(&format!("config = {{ times = {times} }}")).count()
    };
    for (index, (section, _)) in steps.into_iter().enumerate() {
        let target = format!("counts/{section}.total");
        let done = format!("{section}.total -> total@1 (config.times=2) is done");
        server.weir(&["swap", &target, "--set", "config.times=2", "--no-probation"]).well().saying(&[&done]);
        assert_eq!((times(1), times(2)), (2 - index, 1 + index));
    }
    let last = "rolling.total -> other config";
    assert!(server.weir(&["show", "counts"]).well().told.contains(last));
    server.weir(&["rollback", "counts/rolling.total", "--yes"]).well();
    assert_eq!((times(1), times(2)), (1, 2));
}
