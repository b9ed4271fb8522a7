//! Replays: letters go through the version that runs now, each once, and the job forgets about it in time.

use std::collections::BTreeMap;

use crate::server::{Server, counting, until};

/// Checks that every value but some was counted once, and that the numbers of a key have no gap.
pub(crate) fn check_counted_but(rows: &[String], values: i64, but: &[i64]) {
    let mut seen: Vec<i64> = Vec::new();
    let mut numbers: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for row in rows {
        let [key, number, value, _tag] = row.split(',').collect::<Vec<_>>()[..] else { panic!("{row}") };
        seen.push(value.parse().unwrap());
        numbers.entry(key).or_default().push(number.parse().unwrap());
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..values).filter(|value| !but.contains(value)).collect::<Vec<_>>());
    for (key, mut numbers) in numbers {
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=numbers.len() as i64).collect::<Vec<_>>(), "key {key}");
    }
}

/// Checks that every value was.
pub(crate) fn check_counted(rows: &[String], values: i64) {
    check_counted_but(rows, values, &[]);
}

/// The number of the job's newest checkpoint.
pub(crate) fn checkpoint(server: &Server) -> Option<u64> {
    server.json(&["ps"])[0]["checkpoint"].as_u64()
}

pub(crate) fn names(folder: &std::path::Path) -> Vec<String> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn letters_go_through_the_version_that_runs_now() {
    let server = Server::start(0..2000);
    server.push("count_v1");
    server.deploy(&counting());
    assert_eq!(server.until_letters("job", 20)[0]["error"].as_str().map(|error| error.contains("trap")), Some(true));
    let swap = ["swap", "job/step", "--set", "config.fails=\"never\"", "--set", "config.tag=\"new\"", "--no-probation"];
    server.told(&swap);
    server.told(&["dlq", "job", "replay", "--step", "step"]);
    // While the replay is in the graph, swaps continue as ever.
    server.told(&["swap", "job/step", "--set", "config.tag=\"newer\"", "--no-probation"]);
    let rows = server.until_rows("out", 2000);
    check_counted(&rows, 2000);
    let hundreds = rows.iter().filter(|row| row.contains("00,new") || row.split(',').nth(2) == Some("0"));
    assert_eq!(hundreds.count(), 20, "those that failed before, and no others, are of a new version");
    assert!(server.letters("job").is_empty());

    // A stopped job takes them up when it is started. It has forgotten the first replay by then, and its file.
    server.told(&["swap", "job/step", "--set", "config.fails=\"hundredth\"", "--no-probation"]);
    assert_eq!(names(&server.job("job").join("replays")), ["1.jsonl"]);
    let shown = |server: &Server| server.json(&["show", "job"])["nodes"].to_string();
    assert!(shown(&server).contains("step.replay-1"));
    let before = checkpoint(&server);
    until("three more checkpoints", || checkpoint(&server).filter(|now| *now > before.unwrap() + 3));
    server.told(&["stop", "job"]);
    server.told(&["start", "job"]);
    assert!(!shown(&server).contains("replay"), "{}", shown(&server));
    assert!(names(&server.job("job").join("replays")).is_empty());
    server.told(&["stop", "job"]);
    server.told(&["start", "job"]);
    let before = checkpoint(&server);
    until("another checkpoint", || checkpoint(&server).filter(|now| Some(*now) > before));
    check_counted(&server.rows("out"), 2000);
}

#[test]
fn a_stopped_job_takes_its_letters_when_it_is_started() {
    let mut server = Server::start(0..500);
    server.push("count_v1");
    server.deploy(&counting());
    let letters = server.until_letters("job", 5);
    server.told(&["swap", "job/step", "--set", "config.fails=\"never\"", "--no-probation"]);
    server.told(&["stop", "job"]);
    server.told(&["dlq", "job", "replay", letters[0]["id"].as_str().unwrap(), letters[1]["id"].as_str().unwrap()]);
    server.told(&["dlq", "job", "replay", "--all"]);
    let other =
        counting().replace("[operators.step]", "[operators.other]").replace("input = \"step\"", "input = \"other\"");
    let refused = server.refused_deployment(&other);
    assert!(refused.contains("on their way into it") && refused.contains("step.replay-1"), "{refused}");
    server.kill_and_start();
    assert!(server.letters("job").is_empty());
    assert_eq!(server.json(&["ps"])[0]["state"], "stopped");
    server.told(&["start", "job"]);
    check_counted(&server.until_rows("out", 500), 500);
}

#[test]
fn a_job_that_goes_back_has_the_letters_of_then() {
    goes_back(false);
}

/// Those were replayed, and only so are they taken: a replay is undone.
#[test]
fn a_job_that_goes_back_has_letters_that_were_replayed_before_all_were_dropped() {
    goes_back(true);
}

fn goes_back(drops_all: bool) {
    let server = Server::start(0..500);
    server.push("count_v1");
    // Rows that are out cannot be taken back.
    let pipeline = counting();
    let (head, tail) = pipeline.split_once("[sinks.out]").unwrap();
    let (_, tail) = tail.split_once("[sources.endless]").unwrap();
    let to_nowhere = "[sinks.out]\ninput = \"step\"\nconnector = \"blackhole\"\n[sources.endless]";
    server.deploy(&format!("{head}{to_nowhere}{tail}"));
    let before = server.until_letters("job", 5);
    server.told(&["dlq", "job", "drop", before[4]["id"].as_str().unwrap()]);
    let savepoint = server.json(&["savepoint", "job"])["checkpoint"].to_string();
    // They fail again, and wait as others, which the savepoint does not know.
    server.told(&["dlq", "job", "replay", before[0]["id"].as_str().unwrap(), before[1]["id"].as_str().unwrap()]);
    let known = |letters: &[serde_json::Value]| letters.iter().filter(|letter| before.contains(letter)).count();
    until("they wait again", || {
        let letters = server.letters("job");
        (letters.len() == 4 && known(&letters) == 2).then_some(())
    });
    if drops_all {
        server.told(&["dlq", "job", "drop", "--all"]);
    }
    server.told(&["stop", "job"]);
    server.told(&["start", "job", "--from", &savepoint]);
    let waiting = if drops_all { 2 } else { 4 };
    assert_eq!(server.letters("job"), before[..waiting]);
    server.told(&["swap", "job/step", "--set", "config.fails=\"never\"", "--no-probation"]);
    let counted = |server: &Server| {
        let shown = server.json(&["show", "job"]);
        let nodes = shown["nodes"].as_array().unwrap();
        nodes.iter().find(|node| node["name"] == "step").unwrap()["rows-out"].as_u64()
    };
    server.told(&["dlq", "job", "replay", "--all"]);
    until("they are counted", || counted(&server).filter(|rows| *rows == waiting as u64));
    assert!(server.letters("job").is_empty());
}
