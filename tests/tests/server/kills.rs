//! A server that is killed at many instants of swaps. After each the version that runs and the state that it reads agree, and in the end every
//! row was counted once.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};

use crate::pipelines::{COUNTS, counts};
use crate::rows::Counted;
use crate::server::{Home, JSON};

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
        std::thread::park_timeout(instants.next());
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
        // What was not kept may have run for a while, and the version before it then went on.
        let (of_kept, others): (Vec<u32>, Vec<u32>) = tags.iter().partition(|tag| kept.contains(tag));
        assert!(of_kept.is_sorted() && others.is_sorted(), "{tags:?}, and kept were {kept:?}");
    }
}

/// The engine has kept a version, and its state is in a checkpoint, but the catalog still has it on trial: as after a kill between the two.
#[test]
fn what_the_engine_has_kept_goes_on_if_only_that_reads_the_state() {
    let home = Home::new();
    let server = home.serve();
    server.push_counters();
    assert_eq!(server.push("count_wide", "count"), "3");
    server.deploy(&home, COUNTS).well();
    server.until_rows("counts", 500);
    let swap = ["swap", "counts/count", "count@3", "--set", "config.tag=\"1\"", "--detach"];
    let trial = ["--probation-time", "5s", "--probation-batches", "1000000000"];
    server.weir(&[&swap[..], &trial].concat()).well();
    let files = ["catalog.sqlite", "catalog.sqlite-wal"];
    let copies = files.map(|file| fs::read(home.data().join(file)).unwrap());
    assert_ne!(server.show("counts")["swap"]["phase"], "done", "copied while it is on trial");
    let checkpoint = |shown: &Value| shown["checkpoint"].as_u64();
    let kept = server.until("counts", "has kept the version", |shown| shown["swap"]["phase"] == "done");
    // One that began before may be of the trial still.
    server
        .until("counts", "has a checkpoint of it", |shown| checkpoint(shown) >= checkpoint(&kept).map(|last| last + 2));
    server.kill();
    fs::remove_file(home.data().join("catalog.sqlite-shm")).unwrap();
    files.iter().zip(copies).for_each(|(file, copy)| fs::write(home.data().join(file), copy).unwrap());

    let server = home.serve();
    server.until_rows("counts", 500);
    let shown = server.show("counts");
    assert_eq!((&shown["revision"], &shown["revisions"][1]["state"]), (&json!(2), &json!("kept")), "{shown}");
    let why = shown["revisions"][1]["reason"].as_str().unwrap();
    assert!(why.starts_with("only this revision reads the newest checkpoint: the job cannot be started: "), "{why}");
    assert!(why.contains("the column \"count\" of its state is UInt64, and would be UInt32"), "{why}");
    let logs = server.weir(&["logs", "counts"]).well().told;
    assert!(logs.contains(&format!("revision 2 was on trial when the server ended, and is kept: {why}")), "{logs}");
    server.weir(&["stop", "counts", "--drain"]).well();
    for tags in Counted::read(&home).changes() {
        assert_eq!(tags, [0, 1]);
    }
}

/// The version of a swap; both are run in turn.
fn version(tag: u32) -> &'static str {
    ["count@1", "count@2"][tag as usize % 2]
}
