//! Swaps under a steady load: no row is lost or doubled, and versions that fail are put back by themselves.

use serde_json::json;

use crate::pipelines::{COUNTS, counts};
use crate::rows::Counted;
use crate::server::{Home, lines};

const SWAPS: u32 = 20;
/// Of 50 events 46 are bids.
const EVENTS: &str = "rate = 217400";
/// Tags of versions that fail begin here.
const FAILING: u32 = 100;

#[test]
fn twenty_swaps_at_two_hundred_thousand_rows_a_second() {
    let home = Home::new();
    let server = home.serve();
    server.push_counters();
    let input = "\n[sinks.read]\ninput = \"bids\"\nconnector = \"file\"\npath = \"in/\"\nformat = \"csv\"\ncolumns = [\"extra\", \"price\"]\n";
    let pipeline = counts(&[("rate = 20000", EVENTS), ("interval = \"100ms\"", "interval = \"1s\"")]) + input;
    server.deploy(&home, &pipeline).well();
    server.until_rows("counts", 10_000);
    for tag in 1..=SWAPS {
        let (version, set) = (["count@1", "count@2"][tag as usize % 2], format!("config.tag=\"{tag}\""));
        let swap = ["swap", "counts/count", version, "--set", &set, "--probation-batches", "20"];
        server.weir(&swap).well().saying(&[&format!("count -> {version} ({set}) is done")]);
    }
    let revision = server.show("counts")["revision"].clone();
    for (index, fails) in ["always", "hundredth", "loops"].into_iter().enumerate() {
        for version in ["count@1", "count@2"] {
            let set = [format!("config.tag=\"{}\"", FAILING + index as u32), format!("config.fails=\"{fails}\"")];
            server
                .weir(&["swap", "counts/count", version, "--set", &set[0], "--set", &set[1]])
                .failed(&["the swap of counts was rolled back: it failed where the old version does not"]);
        }
    }
    let shown = server.until_it_is("counts", "running");
    assert_eq!((&shown["revision"], &shown["rows-failed"]), (&revision, &0.into()));
    server.weir(&["stop", "counts", "--drain"]).well();

    let counted = Counted::read(&home);
    for tags in counted.changes() {
        // Those that fail may have had rows before they came to one that they fail at.
        let mut sound: Vec<u32> = tags.iter().copied().filter(|tag| *tag < FAILING).collect();
        sound.dedup();
        assert!(sound.iter().copied().eq(0..=SWAPS), "every swap once: {tags:?}");
        assert!(!tags.contains(&FAILING), "one that fails always has no row: {tags:?}");
    }
    let [read, out] = ["in", "out"].map(|folder| lines(&home.files().join(folder)));
    assert!(bids(&read) == bids(&out), "{} rows were read, and {} came out", read.len(), out.len());
}

#[test]
fn what_cannot_go_back_is_kept_at_once_and_says_why() {
    let home = Home::new();
    let server = home.serve();
    server.push_counters();
    assert_eq!(server.push("count_wide", "count"), "3");
    server.deploy(&home, COUNTS).well();
    server.until_rows("counts", 1000);
    let long = ["--probation-batches", "1000000000", "--probation-time", "1h"];
    let swap = ["swap", "counts/count", "count@3", "--set", "config.outgrows=0"];
    let why = "the old version could not hold a state that the new one has made: the column \"count\" of its state cannot be uint32";
    server
        .weir(&[&swap[..], &long].concat())
        .well()
        .saying(&[&format!("count -> count@3 (config.outgrows=0) is done, and cannot go back: {why}")]);
    let revision = server.show("counts")["revisions"][1].clone();
    assert_eq!(revision["state"], "kept");
    assert!(revision["reason"].as_str().unwrap().starts_with(why), "{revision}");
    server.weir(&["rollback", "counts/count", "--yes"]).failed(&[
        "the swap of counts back to count -> count@1 was rolled back: it could not take over the state",
        "the column \"count\" of its state cannot be uint32",
    ]);
    server.weir(&["stop", "counts", "--drain"]).well();
    for tags in Counted::read(&home).changes() {
        assert_eq!(tags, [0], "the tag was not changed, and no row is missing");
    }
}

#[test]
fn a_swap_needs_nothing_of_what_the_job_reads() {
    let home = Home::new();
    let server = home.serve();
    server.push_counters();
    let names = home.files().join("names.csv");
    std::fs::write(&names, "name\nada\n").unwrap();
    let more = "[sources.names]\nconnector = \"file\"\npath = \"names.csv\"\n\n[sinks.read]\ninput = \"names\"\nconnector = \"blackhole\"\n";
    server.deploy(&home, &format!("{COUNTS}\n{more}")).well();
    server.until_rows("counts", 1000);
    std::fs::remove_file(&names).unwrap();

    let swap = ["swap", "counts/count", "count@2", "--set", "config.tag=\"1\"", "--probation-batches", "20"];
    let dry_run = [&swap[..], &["--dry-run"]].concat();
    server.weir(&dry_run).well();
    server.weir(&swap).well().saying(&["count -> count@2 (config.tag=\"1\") is done"]);
    // What it is compared with is what runs now.
    server.weir(&swap).failed(&["operator \"count\" runs that version already"]);
    server.weir(&["rollback", "counts/count", "--yes"]).well().saying(&["count -> count@1 is done"]);
    let request = json!({ "operators": { "count": { "component": "count@2" } }, "duration-ms": 1 });
    assert_eq!(server.http("POST", "/v1/jobs/counts/shadow", &request).status, 200);

    // One that does not run would have to open it.
    server.weir(&["stop", "counts"]).well();
    server.weir(&dry_run).failed(&["there is no file"]);
    std::fs::write(&names, "name\nada\n").unwrap();
    server.weir(&dry_run).well();
    server.weir(&["start", "counts"]).well();
    server.weir(&["stop", "counts", "--drain"]).well();
    for tags in Counted::read(&home).changes() {
        assert_eq!(tags, [0, 1, 0]);
    }
}

/// Key and value of rows, in order: their first and their last field.
fn bids(lines: &[String]) -> Vec<(&str, &str)> {
    let mut bids: Vec<_> =
        lines.iter().map(|line| (line.split_once(',').unwrap().0, line.rsplit_once(',').unwrap().1)).collect();
    bids.sort_unstable();
    bids
}
