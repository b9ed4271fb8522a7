//! Savepoints: what a person goes back to, and what is in the way then.

use serde_json::Value;

use crate::pipelines::{COUNTS, counts};
use crate::rows::Counted;
use crate::server::Home;

#[test]
fn start_from_an_older_checkpoint_holds_before_there_is_another_one() {
    let home = Home::new();
    let server = home.serve();
    server.push_counters();
    let nowhere = ("connector = \"file\"\npath = \"out/\"\nformat = \"csv\"", "connector = \"blackhole\"");
    server.deploy(&home, &counts(&[nowhere, ("interval = \"100ms\"", "interval = \"1h\"")])).well();
    server.until_rows("counts", 500);
    let savepoint = server.json(&["savepoint", "counts"])["checkpoint"].to_string();
    server.weir(&["stop", "counts"]).well();
    server.weir(&["start", "counts", "--from", &savepoint]).well();
    server.until_rows("counts", 500);
    server.weir(&["stop", "counts", "--now"]).well();
    // There is a newer one, from before it went back.
    server.weir(&["start", "counts"]).well();
    server.until_rows("counts", 500);
    let lines = server.weir(&["logs", "counts"]).well().told;
    assert_eq!(lines.matches(&format!("resuming from checkpoint {savepoint}")).count(), 2, "{lines}");
}

#[test]
fn start_from_a_savepoint_names_the_parts_to_remove() {
    let home = Home::new();
    let server = home.serve();
    server.push_counters();
    server.deploy(&home, COUNTS).well();
    server.until_rows("counts", 500);
    let savepoint = server.json(&["savepoint", "counts"])["checkpoint"].to_string();
    let rows = server.show("counts")["rows-out"].as_u64().unwrap();
    server.until_rows("counts", rows + 2000);
    server.weir(&["stop", "counts"]).well();
    // Another run.
    server.weir(&["start", "counts"]).well();
    server.until_rows("counts", 2000);
    server.weir(&["stop", "counts"]).well();
    let from = ["start", "counts", "--from", &savepoint];
    let said = server.weir(&from).failed(&["\"out\" could not be opened: out/ has ", "newer than the checkpoint"]).said;
    assert_eq!(server.show("counts")["state"], "stopped");

    // As it says.
    let out = home.files().canonicalize().unwrap().join("out/");
    assert!(said.contains(&format!("remove from {} those with a RUN above", out.display())), "{said}");
    let above = |what: &str| -> u64 {
        let digits = said.split_once(what).unwrap().1;
        digits[..digits.find(|c: char| !c.is_ascii_digit()).unwrap()].parse().unwrap()
    };
    let (run, number) = (above("a RUN above "), above("a NUMBER above "));
    let mut removed = 0;
    for entry in std::fs::read_dir(&out).unwrap() {
        let path = entry.unwrap().path();
        let numbers: Vec<u64> = path.file_stem().unwrap().to_str().unwrap().split('-').flat_map(str::parse).collect();
        if matches!(numbers[..], [_, of, at] if of > run || (of == run && at > number)) {
            std::fs::remove_file(path).unwrap();
            removed += 1;
        }
    }
    let parts = if removed == 1 { "1 part that is".to_owned() } else { format!("{removed} parts that are") };
    assert!(said.contains(&format!("out/ has {parts} newer")), "{said}");
    server.weir(&from).well();
    server.until_rows("counts", 500);
    server.weir(&["stop", "counts", "--drain"]).well();
    Counted::read(&home);
}

#[test]
fn a_savepoint_stays_where_checkpoints_hardly_do() {
    let home = Home::new();
    let server = home.serve();
    server.push_counters();
    server.deploy(&home, &counts(&[("interval = \"100ms\"", "interval = \"1ms\"\nkeep = 1")])).well();
    server.until_rows("counts", 500);
    let take = |_| server.http("POST", "/v1/jobs/counts/savepoints", &Value::Null);
    let mut taken: Vec<Value> = (0..20)
        .map(take)
        .inspect(|answer| assert_eq!(answer.status, 201, "{answer:?}"))
        .map(|answer| answer.body)
        .collect();
    server.weir(&["stop", "counts"]).well();
    // Of a job that does not run it is the last checkpoint.
    taken.push(take(20).body);
    let kept = server.show("counts")["savepoints"].as_array().unwrap().clone();
    assert_eq!(kept, taken);
    server.weir(&["savepoint", "none"]).failed(&["there is no job \"none\""]);
}

#[test]
fn a_savepoint_that_is_damaged_is_told_until_it_is_removed() {
    let home = Home::new();
    let server = home.serve();
    server.push_counters();
    server.deploy(&home, COUNTS).well();
    server.until_rows("counts", 500);
    let number = server.json(&["savepoint", "counts"])["checkpoint"].as_u64().unwrap();
    let manifest = home.data().join(format!("jobs/counts/checkpoints/manifests/{number:020}"));
    assert!(manifest.exists());
    std::fs::write(&manifest, "torn").unwrap();
    let says = |shown: &Value, what: &str| {
        shown["troubles"].as_array().unwrap().iter().any(|trouble| trouble.as_str().unwrap().contains(what))
    };
    let shown = server.until("counts", "says so", |shown| says(shown, "older checkpoints could not be removed"));
    let remove = format!("`weir savepoint counts --rm {number}`");
    assert!(says(&shown, &format!("savepoint {number}: ")) && says(&shown, &remove), "{shown:#}");
    assert_eq!(shown["savepoints"], serde_json::json!([]));

    server.weir(&["stop", "counts"]).well();
    assert!(says(&server.show("counts"), &remove), "of a job that does not run too");
    server.weir(&["savepoint", "counts", "--rm", &number.to_string()]).well();
    assert!(!says(&server.show("counts"), &remove));
    server.weir(&["start", "counts"]).well();
    let is_over = |shown: &Value| !manifest.exists() && shown["troubles"] == serde_json::json!([]);
    server.until("counts", "has removed it", is_over);
}
