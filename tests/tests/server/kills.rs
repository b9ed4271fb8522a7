//! A server that is killed at many instants of swaps. After each the version that runs and the state that it reads agree, and in the end every
//! row was counted once.

use std::time::Duration;

use rusqlite::Connection;
use serde_json::json;

use crate::pipelines::{COUNTS, counts};
use crate::rows::Counted;
use crate::server::{Home, JSON, Server};

const KILLS: u32 = 50;
/// From the request of a swap to the kill, milliseconds at most: about twice what one takes until it is kept.
const KILL_AFTER_MS: u64 = 150;
const EVENTS: u64 = 300_000;

/// Instants from a seed: a linear congruential generator.
struct Instants(u64);

impl Instants {
    fn next(&mut self) -> Duration {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Duration::from_micros((self.0 >> 33) % (KILL_AFTER_MS * 1000))
    }
}

#[test]
fn a_kill_at_any_instant_of_a_swap_loses_and_doubles_nothing() {
    let home = Home::new();
    let mut server = home.serve();
    server.push_counters();
    // So slow that it does not end before the last kill.
    let slow = format!("rate = 2000\nevents = {EVENTS}");
    let pipeline = counts(&[("interval = \"100ms\"", "interval = \"30ms\""), ("rate = 20000", &slow)]);
    server.deploy(&home, &pipeline).well();
    let (mut instants, mut kept) = (Instants(5), vec![0]);
    for tag in 1..=KILLS {
        server.until_rows("counts", 1);
        // Every third is kept before it has run, so that the kill may come between.
        let batches = [0, 1, 3][tag as usize % 3];
        let swap = json!({
            "operators": { "count": { "component": version(tag), "set": { "config.tag": format!("\"{tag}\"") } } },
            "probation": { "batches": batches },
        });
        let _unanswered = server.begin("POST", "/v1/jobs/counts/swap", JSON, swap.to_string().as_bytes());
        // Longer and longer until one was not too early, however slow the machine is.
        std::thread::park_timeout(instants.next() * if kept.len() == 1 { 1 + tag / 10 } else { 1 });
        let is_told = tag % 2 == 0 && server.http("GET", "/v1/jobs/counts", &json!({})).body["swap"]["phase"] == "done";
        server.kill();
        server = home.serve();
        let pipeline = server.show("counts")["pipeline"].as_str().unwrap().to_owned();
        if pipeline.contains(&format!("tag = \"{tag}\"")) {
            kept.push(tag);
        }
        assert!(!is_told || kept.last() == Some(&tag), "what is told as done is kept");
        let runs = *kept.last().unwrap();
        assert!(pipeline.contains(&format!("tag = \"{runs}\"")), "{pipeline}");
        assert!(pipeline.contains(&format!("component = \"{}\"", version(runs))), "{pipeline}");
    }
    assert!(kept.len() > 1 && kept.len() <= KILLS as usize, "some are kept, some are not: {kept:?}");

    // The rest at once: what runs is what was kept last.
    let shown = server.until_rows("counts", 1);
    let fast = shown["pipeline"].as_str().unwrap().replace("rate = 2000\n", "");
    server.deploy(&home, &fast).well();
    server.until_it_is("counts", "finished");
    let counted = Counted::read(&home);
    assert_eq!(counted.rows as u64, EVENTS / 50 * 46, "of 50 events 46 are bids");
    for tags in counted.changes() {
        assert_eq!(tags.last(), kept.last(), "the last rows are of the version that runs");
        // What was not kept may have run for a while, and the version before it then continued.
        let (of_kept, others): (Vec<u32>, Vec<u32>) = tags.iter().partition(|tag| kept.contains(tag));
        assert!(of_kept.is_sorted() && others.is_sorted(), "{tags:?}, and kept were {kept:?}");
    }
}

/// Each is a job that could not resume from a checkpoint of the other.
#[test]
fn a_kill_at_any_instant_of_a_deployment_leaves_a_job_that_continues() {
    let home = Home::new();
    let mut server = home.serve();
    server.push_counters();
    let fast = ("interval = \"100ms\"", "interval = \"5ms\"");
    let renamed = [("[operators.count]", "[operators.numbers]"), ("input = \"count\"", "input = \"numbers\""), fast];
    let pipelines = [(counts(&[fast]), "numbers"), (counts(&renamed), "count")];
    server.deploy(&home, &pipelines[0].0).well();
    let mut instants = Instants(7);
    for number in 1..=KILLS as usize / 2 {
        server.until_rows("counts", 500);
        let (pipeline, dropped) = &pipelines[number % 2];
        let deploy = json!({ "pipeline": pipeline, "allow-dropped-state": [dropped] });
        let _unanswered = server.begin("POST", "/v1/jobs", JSON, deploy.to_string().as_bytes());
        // It takes longer than a swap.
        std::thread::park_timeout(instants.next() * 4);
        server.kill();
        server = home.serve();
    }
    let shown = server.until_rows("counts", 500);
    let states: Vec<_> = shown["revisions"].as_array().unwrap().iter().map(|revision| &revision["state"]).collect();
    assert!(!states.contains(&&json!("trying")), "none is undecided: {states:?}");
    // What runs can be replaced.
    let is_first = shown["pipeline"] == pipelines[0].0.as_str();
    let (pipeline, dropped) = &pipelines[usize::from(is_first)];
    let path = home.write("pipeline.toml", pipeline);
    server.weir(&["deploy", path.to_str().unwrap(), "--yes", "--allow-dropped-state", dropped]).well();
    server.until_rows("counts", 500);
}

/// The engine has kept a version, and its state is in a checkpoint, but the catalog still has it on trial: as after a kill between the two.
#[test]
fn what_the_engine_has_kept_continues_if_only_that_reads_the_state() {
    let home = Home::new();
    let mut server = home.serve();
    server.push_counters();
    assert_eq!(server.push("count_wide", "count"), "3");
    server.deploy(&home, COUNTS).well();
    server.until_rows("counts", 500);
    let swap = ["swap", "counts/count", "count@3", "--set", "config.tag=\"1\"", "--probation-batches", "1"];
    server.weir(&swap).well().saying(&["is done"]);
    for is_stopped in [false, true] {
        let before = server.until_rows("counts", 500)["checkpoint"].as_u64();
        // One that began before may be of the trial still.
        server.until("counts", "has a checkpoint of it", |shown| {
            shown["checkpoint"].as_u64() >= before.map(|before| before + 2)
        });
        server.kill();
        let catalog = Connection::open(home.data().join("catalog.sqlite")).unwrap();
        let undecided =
            "UPDATE job SET revision = 1; UPDATE revision SET state = 'trying', reason = NULL WHERE number = 2";
        catalog.execute_batch(undecided).unwrap();
        drop(catalog);

        // As long as neither can start, both are needed.
        server = home.serve_with(&["--max-guest-memory", "1"]);
        server.until_it_is("counts", "restarting");
        let state = |server: &Server| server.show("counts")["revisions"][1]["state"].clone();
        assert_eq!(state(&server), "trying");
        server.weir(&["operator", "rm", "count@3"]).failed(&["count@3 is used by counts"]);
        server.weir(&["rollback", "counts/count"]).failed(&["the job \"counts\" does not run yet"]);
        if is_stopped {
            server.weir(&["stop", "counts"]).well();
        }
        server.kill();
        server = home.serve();
        if is_stopped {
            assert_eq!(state(&server), "trying");
            // Nor is it given up for one that cannot start either.
            let other = json!({ "pipeline": counts(&[("rate = 20000", "rate = 10000")]) });
            server.http("POST", "/v1/jobs", &other).refused(422, "unfit", "and would be uint32");
            assert_eq!(state(&server), "trying");
            server.weir(&["start", "counts"]).well();
        }
        server.until_rows("counts", 500);
        let shown = server.show("counts");
        assert_eq!((&shown["revision"], &shown["revisions"][1]["state"]), (&json!(2), &json!("kept")), "{shown}");
        let why = shown["revisions"][1]["reason"].as_str().unwrap();
        assert!(
            why.starts_with("only this revision reads the newest checkpoint: the job cannot be started: "),
            "{why}"
        );
        assert!(why.contains("the column \"count\" of its state is uint64, and would be uint32"), "{why}");
        let logs = server.weir(&["logs", "counts"]).well().told;
        assert!(logs.contains(&format!("revision 2 continues: {why}")), "{logs}");
    }
    server.weir(&["stop", "counts", "--drain"]).well();
    for tags in Counted::read(&home).changes() {
        assert_eq!(tags, [0, 1]);
    }
}

/// The version of a swap; both are run in turn.
fn version(tag: u32) -> &'static str {
    ["count@1", "count@2"][tag as usize % 2]
}
