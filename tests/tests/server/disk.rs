//! Disks: what dead letters, checkpoints and files may take, and what still works when there is none left.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::pipelines::counts;
use crate::server::{Home, Server, guest_path};

/// Lines that are no rows, in the file that [`letters`] reads.
const BAD: usize = 20_000;

/// A job without an end that has many dead letters.
fn letters(settings: &str) -> String {
    format!(
        r#"name = "letters"
[checkpoint]
interval = "100ms"
{settings}
[sources.rows]
connector = "file"
path = "bad.csv"
schema = {{ value = "int64" }}
on-error = "dead-letter"
[sinks.out]
input = "rows"
connector = "blackhole"
[sources.bids]
connector = "nexmark"
table = "bid"
rate = 100
[sinks.nowhere]
input = "bids"
connector = "blackhole"
"#
    )
}

fn home() -> Home {
    let home = Home::new();
    fs::create_dir_all(home.files()).unwrap();
    let lines: String = (0..BAD).map(|number| format!("no number but {number}\n")).collect();
    fs::write(home.files().join("bad.csv"), format!("value\n{lines}")).unwrap();
    home
}

/// The length of all files below a folder, and how many bytes of a disk they take.
fn size(folder: &Path) -> (u64, u64) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.fold((0, 0), |(length, taken), entry| {
        let Ok(found) = entry.metadata() else { return (length, taken) };
        let (more, room) = if found.is_dir() { size(&entry.path()) } else { (found.len(), found.blocks() * 512) };
        (length + more, taken + room)
    })
}

fn metric(server: &Server, name: &str) -> f64 {
    let answer = server.raw("GET", "/metrics", "", &[]);
    let text = answer.body.as_str().unwrap().to_owned();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name} in {text}"));
    line.rsplit_once(' ').unwrap().1.parse().unwrap()
}

fn waiting(server: &Server) -> u64 {
    let listed = server.json(&["dlq", "letters", "list"]);
    listed.as_array().unwrap().iter().map(|step| step["letters"].as_u64().unwrap()).sum()
}

#[test]
fn dead_letters_have_a_quota_at_which_the_job_fails_or_drops_them() {
    let home = home();
    let server = home.serve();
    let folder = home.data().join("jobs/letters/dead-letters");
    server.deploy(&home, &letters("[dead-letters]\nmax-bytes = \"64KiB\"")).well();
    let shown = server.until("letters", "fails", |shown| shown["reason"].is_string());
    let reason = shown["reason"].as_str().unwrap();
    assert!(reason.contains("may have 65536 (dead-letters.max-bytes"), "{reason}");
    assert!(size(&folder).0 < 128 << 10);
    let _ = server.weir(&["stop", "letters", "--now"]);
    server.weir(&["rm", "letters"]).well();

    server.deploy(&home, &letters("[dead-letters]\nmax-bytes = \"64KiB\"\nwhen-full = \"drop\"")).well();
    let shown = server.until("letters", "has dropped some", |shown| {
        shown.to_string().contains("rows were dropped since the job was started")
            && metric(&server, "weir_dead_letters_dropped_total") > 0.0
    });
    assert_eq!(shown["state"], "running");
    server.until("letters", "has read all", |_| {
        waiting(&server) + metric(&server, "weir_dead_letters_dropped_total") as u64 == BAD as u64
    });
    assert!((1..128 << 10).contains(&size(&folder).0));
    assert_eq!(metric(&server, "weir_job_dead_letter_limit_bytes") as u64, 1 << 30);
    assert!(metric(&server, "weir_job_dead_letter_bytes{") > 0.0);
    server.kill();

    // The server's own limit holds whatever a pipeline says.
    let server = home.serve_with(&["--max-dead-letters", "32KiB"]);
    let _ = server.weir(&["stop", "letters", "--now"]);
    server.weir(&["rm", "letters"]).well();
    server.deploy(&home, &letters("[dead-letters]\nmax-bytes = \"1GiB\"")).well();
    let shown = server.until("letters", "fails", |shown| shown["reason"].is_string());
    assert!(shown["reason"].as_str().unwrap().contains("may have 32768"), "{shown:#}");
    for (settings, says) in [
        ("[dead-letters]\nwhen-full = \"stop\"", "when-full cannot be \"stop\": it can be fail or drop"),
        ("[dead-letters]\nmax-bytes = \"1 GB of\"", "max-bytes"),
        ("[dead-letters]\nmax-byte = \"1KiB\"", "did you mean \"max-bytes\"?"),
    ] {
        server.deploy(&home, &letters(settings)).failed(&[says]);
    }
}

#[test]
fn dropped_dead_letters_give_their_room_back_and_the_job_continues_after_a_kill() {
    let home = home();
    let server = home.serve();
    let folder = home.data().join("jobs/letters/dead-letters");
    server.deploy(&home, &letters("")).well();
    server.until("letters", "has its letters", |_| waiting(&server) == BAD as u64);
    let before = size(&folder);
    assert!(before.1 > 1 << 20, "{before:?}");
    // One by one, none of the file's is free before the last.
    let id = |number: usize| {
        let lines = server.weir(&["dlq", "letters", "show", "--limit", "1"]).well().told;
        assert!(number > 0);
        serde_json::from_str::<serde_json::Value>(lines.lines().next().unwrap()).unwrap()["id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    server.weir(&["dlq", "letters", "drop", &id(1)]).well();
    assert_eq!(waiting(&server), BAD as u64 - 1);
    server.weir(&["dlq", "letters", "drop", "--all"]).well();
    assert_eq!(waiting(&server), 0);
    // Checkpoints count on the length, until others come.
    let after = size(&folder);
    assert!(after.0 <= before.0 && after.1 == 0, "{after:?} of {before:?}");
    server.kill();
    let server = home.serve();
    server.until_it_is("letters", "running");
    server.until_rows("letters", 20);
    assert_eq!(waiting(&server), 0);
    server.weir(&["stop", "letters"]).well();
    server.weir(&["start", "letters"]).well();
    server.until_it_is("letters", "running");
}

#[test]
fn a_job_that_takes_too_much_disk_fails_alone() {
    let home = Home::new();
    let server = home.serve_with(&["--max-disk", "4MiB"]);
    server.push_counters();
    server.deploy(&home, &counts(&[])).well();
    // It makes nothing visible before it ends.
    let fills = r#"name = "fills"
[checkpoint]
interval = "100ms"
[sources.bids]
connector = "nexmark"
table = "bid"
rate = 100000
[sinks.out]
input = "bids"
connector = "file"
path = "fills.csv"
"#;
    server.deploy(&home, fills).well();
    let shown = server.until_it_is("fills", "failed");
    let reason = shown["reason"].as_str().unwrap();
    assert!(reason.contains("and may have 4194304 (--max-disk of the server)"), "{reason}");
    let shown = server.show("counts");
    server.until_rows("counts", shown["rows-out"].as_u64().unwrap() + 1000);
    assert_eq!(metric(&server, "weir_job_disk_limit_bytes") as u64, 4 << 20);
    assert!(metric(&server, "weir_job_disk_bytes{job=\"counts\"}") > 0.0);
}

#[test]
fn jobs_leave_a_reserve_of_the_disk_with_which_they_are_stopped_and_removed() {
    let home = home();
    let server = home.serve();
    server.push_counters();
    server.deploy(&home, &letters("")).well();
    server.deploy(&home, &counts(&[])).well();
    server.until("letters", "has its letters", |_| waiting(&server) == BAD as u64);
    server.until_rows("counts", 100);
    server.kill();
    // More than any disk has.
    let server = home.serve_with(&["--disk-reserve", "1000000GiB"]);
    let kept = "--disk-reserve";
    server.until("counts", "says why it cannot continue", |shown| shown.to_string().contains(kept));
    let push = server.weir(&["push", guest_path("poison").to_str().unwrap(), "--name", "poison"]);
    push.failed(&[kept]);
    let (digest, body) = ("0".repeat(64), b"x");
    server
        .raw("POST", &format!("/v1/operators/x?digest={digest}"), "content-type: application/wasm\r\n", body)
        .refused(507, "limit", kept);
    let folder = home.data().join("jobs/letters/dead-letters");
    server.weir(&["dlq", "letters", "drop", "--all"]).well();
    assert_eq!(size(&folder).1, 0);
    for job in ["letters", "counts"] {
        let _ = server.weir(&["stop", job]);
        server.until(job, "is stopped", |shown| {
            !["running", "restarting", "stopping"].contains(&shown["state"].as_str().unwrap())
        });
        server.weir(&["rm", job]).well();
    }
    assert_eq!(server.json(&["ps"]), serde_json::json!([]));
    assert_eq!(size(&home.data().join("jobs")).0, 0);
}
