//! What waits is listed and shown; what is dropped waits no longer, whatever becomes of the server.

use serde_json::{Value, json};

use crate::replays::{check_counted_but, checkpoint, names};
use crate::server::{Server, counting, pipeline, until};

fn poison() -> String {
    pipeline("component = \"poison@1\"\nlimits = { call-time = \"250ms\" }", "\"value\", \"doubled\"")
}

/// The same behind a step whose columns are never null: letters come back as exactly such.
fn poison_behind_numbers() -> String {
    let numbers = "[operators.numbers]\ninput = \"rows\"\ncomponent = \"count_v1@1\"\nkey-by = [\"key\"]\n\
                   config = { tag = \"t\" }\n[operators.step]\ninput = \"numbers\"";
    poison().replace("[operators.step]\ninput = \"rows\"", numbers)
}

fn values(letters: &[Value]) -> Vec<i64> {
    let mut values: Vec<_> = letters.iter().map(|letter| letter["row"]["value"].as_i64().unwrap()).collect();
    values.sort_unstable();
    values
}

fn id(letters: &[Value], value: i64) -> String {
    let of = letters.iter().find(|letter| letter["row"]["value"] == value).unwrap();
    of["id"].as_str().unwrap().to_owned()
}

#[test]
fn letters_are_listed_shown_dropped_and_set_aside_again() {
    let mut server = Server::start(0..60);
    server.push("poison");
    server.push("count_v1");
    server.deploy(&poison_behind_numbers());
    let letters = server.until_letters("job", 3);
    assert_eq!(values(&letters), [7, 13, 17]);
    let seven = letters.iter().find(|letter| letter["row"]["value"] == 7).unwrap();
    assert_eq!(seven["error"], "seven is refused");
    assert_eq!(seven["row"], json!({ "value": 7, "key": 1, "at": 1_700_000_000_007_i64, "number": 3, "tag": "t" }));
    let listed = server.json(&["dlq", "job", "list"]);
    assert_eq!((&listed[0]["step"], &listed[0]["letters"]), (&json!("step"), &json!(3)));
    assert_eq!(listed[0]["errors"].as_array().unwrap().len(), 3, "{listed:#}");
    assert!(listed[0]["since-us"].as_i64().unwrap() > 0, "{listed:#}");
    assert!(server.told(&["dlq", "job", "list"]).contains("1 x seven is refused"));
    assert_eq!(server.told(&["dlq", "job", "show", "--step", "step", "--limit", "2"]).lines().count(), 2);

    let seven = id(&letters, 7);
    server.told(&["dlq", "job", "drop", &seven]);
    assert!(server.refused(&["dlq", "job", "replay", &seven]).contains("was replayed or dropped"));
    server.kill_and_start();
    assert_eq!(values(&server.until_letters("job", 2)), [13, 17]);

    // They fail again: what waits then are others.
    server.told(&["dlq", "job", "replay", "--step", "step"]);
    let again = server.until_letters("job", 2);
    assert_eq!(values(&again), [13, 17]);
    assert!(again.iter().all(|letter| !letters.iter().any(|before| before["id"] == letter["id"])), "{again:?}");
    server.told(&["dlq", "job", "drop", "--all"]);
    assert_eq!(server.json(&["dlq", "job", "list"]), json!([]));
    let mut good: Vec<_> = (0..60).filter(|v| ![7, 13, 17].contains(v)).map(|v| format!("{v},{}", 2 * v)).collect();
    good.sort();
    assert_eq!(server.until_rows("out", 57), good);
}

#[test]
fn parts_are_removed_when_all_is_dropped_or_replayed_and_no_checkpoint_needs_them() {
    let mut server = Server::start(0..500);
    server.push("count_v1");
    server.deploy(&counting());
    let letters = server.until_letters("job", 5);
    let dropped = values(&letters[2..]);
    server.told(&["swap", "job/step", "--set", "config.fails=\"never\"", "--no-probation"]);
    server.told(&["dlq", "job", "replay", letters[0]["id"].as_str().unwrap(), letters[1]["id"].as_str().unwrap()]);
    let parts = |server: &Server| names(&server.job("job").join("dead-letters/step"));
    let drop_after_checkpoints = |server: &Server| {
        let before = until("a checkpoint", || checkpoint(server));
        until("three more checkpoints", || checkpoint(server).filter(|now| *now > before + 3));
        server.told(&["dlq", "job", "drop", "--all"]);
    };
    // The checkpoint from before the replay is gone by now, but the catalog knows only when the job has resumed.
    drop_after_checkpoints(&server);
    assert!(!parts(&server).is_empty(), "those of the replay are in them");
    server.kill_and_start();
    drop_after_checkpoints(&server);
    assert!(parts(&server).is_empty(), "{:?}", parts(&server));
    assert!(server.letters("job").is_empty());
    check_counted_but(&server.until_rows("out", 497), 500, &dropped);
}

#[test]
fn letters_of_a_step_that_is_gone_are_shown_and_dropped() {
    let server = Server::start(0..20);
    server.push("poison");
    server.deploy(&poison());
    server.until_letters("job", 3);
    let without = server.file("without.toml");
    let pipeline = poison().replace("operators.step", "operators.other").replace("\"step\"", "\"other\"");
    std::fs::write(&without, pipeline).unwrap();
    let allow = ["--allow-dropped-state", "step.dead-letter"];
    server.told(&[&["deploy", without.to_str().unwrap(), "--yes"], &allow[..]].concat());
    let show = |step: &str| server.told(&["dlq", "job", "show", "--step", step]).lines().count();
    assert_eq!((show("step"), show("other")), (3, 0));
    assert!(
        server
            .refused(&["dlq", "job", "replay", "--step", "step"])
            .contains("no step \"step\" that reads and emits rows")
    );
    server.told(&["dlq", "job", "drop", "--step", "step"]);
    assert_eq!(show("step"), 0);
    assert!(server.refused(&["dlq", "job", "show", "--step", "steps"]).contains("it has endless, other, rows, step"));
}

/// A timer is no row: its letter is shown and dropped, and stays when the others of its step are replayed.
#[test]
fn letters_of_timers_wait_until_they_are_dropped() {
    let server = Server::start(0..20);
    server.push("reminder");
    server.deploy(&pipeline("component = \"reminder@1\"\nkey-by = [\"key\"]", "\"key\", \"at\", \"now\""));
    let letter = &server.until_letters("job", 1)[0];
    assert_eq!(letter["row"], json!({ "value": null, "key": 1, "at": null }));
    assert_eq!(letter["error"], "timer of processing time at 1970-01-01T00:00:00.000013Z: thirteen is refused");
    let id = letter["id"].as_str().unwrap();
    let waits = "1 letter of \"step\" is about timers, which are no rows and cannot be replayed";
    let refused = server.refused(&["dlq", "job", "replay", id]);
    assert!(refused.contains(waits), "{refused}");
    let replayed = server.json(&["dlq", "job", "replay", "--step", "step"]);
    assert_eq!(replayed["letters"], 0, "{replayed}");
    assert!(replayed["notes"][0].as_str().unwrap().contains(waits), "{replayed}");
    assert_eq!(server.letters("job").len(), 1);
    server.told(&["dlq", "job", "drop", id]);
    assert!(server.letters("job").is_empty());
}

#[test]
fn what_cannot_be_replayed_is_refused_with_the_reason() {
    let server = Server::start(0..20);
    let path = server.file("rows.csv");
    let malformed = std::fs::read_to_string(&path).unwrap().replace("\n5,", "\nfive,");
    std::fs::write(&path, malformed).unwrap();
    server.push("poison");
    // The columns must not be inferred: they would be text.
    let schema = "path = \"rows.csv\"\nschema = { value = \"int64\", key = \"int64\", at = \"int64\" }";
    server.deploy(&poison().replace("path = \"rows.csv\"", schema));
    let letters = server.until_letters("job", 4);
    let malformed = letters.iter().find(|letter| letter["id"].as_str().unwrap().starts_with("rows:")).unwrap();
    assert_eq!(malformed["row"], json!({ "at": "rows.csv:7", "record": "five,2,1700000000005" }));
    let refused = server.refused(&["dlq", "job", "replay", "--step", "rows"]);
    assert!(refused.contains("never became rows"), "{refused}");
    for (arguments, reason) in [
        (["dlq", "job", "replay", "step:1-2:3"].as_slice(), "not the id of a dead letter"),
        (&["dlq", "job", "drop", "step:900-1-0:1"], "no waiting dead letter step:900-1-0:1"),
        (&["dlq", "job", "replay", "step:900-1-0:1"], "no waiting dead letter step:900-1-0:1"),
        (&["dlq", "job", "drop", "--step", "stepp"], "did you mean \"step\"?; it has endless, rows, step"),
        (&["dlq", "job", "show", "--step", "stepp"], "no step \"stepp\" that can have dead letters; did you mean"),
        (
            &["dlq", "job", "replay", "--step", "out"],
            "no step \"out\" that can have dead letters; it has endless, rows, step",
        ),
        (&["dlq", "job", "drop", "--step", "../../job"], "no step \"../../job\""),
        (&["dlq", "job", "drop", "../../job:1-1-0:1"], "no step \"../../job\""),
        (&["dlq", "job", "drop"], "required"),
        (&["dlq", "job", "drop", "--all", "--step", "step"], "cannot be used with"),
        (&["dlq", "jobs", "list"], "no job \"jobs\""),
    ] {
        let refused = server.refused(arguments);
        assert!(refused.contains(reason), "{arguments:?}: {refused}");
    }
    assert_eq!(server.letters("job").len(), 4, "nothing has changed");
    assert_eq!(std::fs::read_dir(server.job("job").join("replays")).unwrap().count(), 0);

    // All that can be: the malformed record stays.
    server.told(&["dlq", "job", "replay", "--all"]);
    let is_of_source = |letter: &&Value| letters.contains(letter);
    assert_eq!(server.until_letters("job", 4).iter().filter(is_of_source).count(), 1);

    // A letter is refused that is no row of the step any more.
    let as_bool = schema.replace("key = \"int64\"", "key = \"bool\"");
    server.deploy(&poison().replace("path = \"rows.csv\"", &as_bool));
    let refused = server.refused(&["dlq", "job", "replay", "--step", "step"]);
    assert!(refused.contains("does not fit what \"step\" reads now") && refused.contains("bool"), "{refused}");
    server.deploy(&poison().replace("path = \"rows.csv\"", schema));

    // What is on its way can be given up, once and for all.
    server.told(&["stop", "job"]);
    server.told(&["dlq", "job", "replay", "--step", "step"]);
    server.told(&["start", "job", "--allow-dropped-state", "step.replay-2"]);
    server.told(&["savepoint", "job"]);
    server.told(&["stop", "job"]);
    server.told(&["start", "job"]);
    server.told(&["savepoint", "job"]);
    assert_eq!(server.letters("job").iter().filter(is_of_source).count(), server.letters("job").len());

    server.told(&["stop", "job", "--drain"]);
    let refused = server.refused(&["dlq", "job", "replay", "--step", "step"]);
    assert!(refused.contains("has finished"), "{refused}");
}
