//! `follow = true`: files that grow, are rotated, truncated and added while a job is killed again and again.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, and so do its helpers")]

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

const PIPELINE: &str = r#"
name = "followed"

[checkpoint]
dir = "state"
interval = "100ms"

[sources.log]
connector = "file"
path = "PATH"
format = "json"
follow = true
schema = { id = "int64" }

[sinks.out]
input = "log"
connector = "file"
path = "out/"
format = "json"
"#;

/// A job that is killed when it is dropped.
struct Job(Child);

impl Job {
    fn start(folder: &Path, parallelism: usize) -> Self {
        let said = OpenOptions::new().append(true).create(true).open(folder.join("said.txt")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
        command.current_dir(folder).env("WEIR_CACHE_DIR", folder.join("cache"));
        command.args(["run", "p.toml", "--parallelism", &parallelism.to_string()]);
        Self(command.stdout(Stdio::null()).stderr(said).spawn().unwrap())
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        // kill -9
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn append(path: &Path, ids: std::ops::Range<i64>) {
    let mut file = OpenOptions::new().append(true).create(true).open(path).unwrap();
    for id in ids {
        // A line that is half written now and then.
        let line = format!("{{\"id\":{id}}}\n");
        let (begin, rest) = line.split_at(if id % 7 == 0 { 5 } else { 0 });
        file.write_all(begin.as_bytes()).unwrap();
        if id % 7 == 0 {
            std::thread::park_timeout(Duration::from_millis(3));
        }
        file.write_all(rest.as_bytes()).unwrap();
    }
}

/// The ids that are in the parts, sorted.
fn ids(folder: &Path) -> Vec<i64> {
    let parts = fs::read_dir(folder.join("out")).into_iter().flatten().flatten().map(|part| part.path());
    let parts = parts.filter(|path| path.extension().is_some_and(|ending| ending == "jsonl"));
    let text: String = parts.map(|path| fs::read_to_string(path).unwrap()).collect();
    let id = |line: &str| serde_json::from_str::<Value>(line).unwrap()["id"].as_i64().unwrap();
    let mut ids: Vec<i64> = text.lines().map(id).collect();
    ids.sort_unstable();
    ids
}

fn wait_for(folder: &Path, count: i64) {
    let begun = begin();
    while (ids(folder).len() as i64) < count {
        let said = fs::read_to_string(folder.join("said.txt")).unwrap_or_default();
        assert!(begun.elapsed() < Duration::from_secs(60), "{:?} of {count}\n{said}", ids(folder).len());
        std::thread::park_timeout(Duration::from_millis(50));
    }
    // If there are more, they come with the next checkpoint.
    std::thread::park_timeout(Duration::from_millis(300));
    assert_eq!(ids(folder), (0..count).collect::<Vec<_>>());
}

#[expect(clippy::disallowed_methods, reason = "a test waits for another process")]
fn begin() -> Instant {
    Instant::now()
}

fn folder(path: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("p.toml"), PIPELINE.replace("PATH", path)).unwrap();
    fs::create_dir(folder.path().join("in")).unwrap();
    folder
}

#[test]
fn rotation_truncation_and_new_files_lose_and_double_nothing_over_kills() {
    let folder = folder("in/*.log*");
    let (base, log) = (folder.path(), folder.path().join("in/app.log"));
    let mut next = 0;
    for round in 0..9_i64 {
        let job = Job::start(base, 1 + round as usize % 3);
        append(&log, next..next + 40);
        next += 40;
        std::thread::park_timeout(Duration::from_millis(60 * round.unsigned_abs() % 250));
        if round % 4 == 3 {
            drop(job);
        } else {
            append(&base.join(format!("in/other-{}.log", round % 2)), next..next + 10);
            next += 10;
            std::thread::park_timeout(Duration::from_millis(150));
            drop(job);
        }
        // While the job does not run, or just before it looks for files.
        match round % 3 {
            0 => fs::rename(&log, base.join(format!("in/app.log.{round}"))).unwrap(),
            1 => append(&log, next..next + 5),
            _ => {
                fs::copy(&log, base.join(format!("in/app.log.{round}"))).unwrap();
                fs::write(&log, "").unwrap();
            }
        }
        next += if round % 3 == 1 { 5 } else { 0 };
    }
    let job = Job::start(base, 2);
    wait_for(base, next);
    // Also while it runs.
    append(&log, next..next + 20);
    fs::rename(&log, base.join("in/app.log.9")).unwrap();
    append(&log, next + 20..next + 40);
    append(&base.join("in/app.log.9"), next + 40..next + 50);
    next += 50;
    wait_for(base, next);
    fs::copy(&log, base.join("in/app.log.10")).unwrap();
    fs::write(&log, "").unwrap();
    append(&log, next..next + 20);
    next += 20;
    wait_for(base, next);
    drop(job);
    let said = fs::read_to_string(base.join("said.txt")).unwrap();
    assert!(said.contains("log: in/app.log: it was rotated; the file that had this name (now in/app.log.9)"), "{said}");
    assert!(said.contains("log: in/app.log: it was truncated or written anew"), "{said}");
}

#[test]
fn a_file_that_is_not_there_yet_is_waited_for_and_a_rotated_one_that_no_pattern_has_is_said() {
    let folder = folder("in/app.log");
    let (base, log) = (folder.path(), folder.path().join("in/app.log"));
    let job = Job::start(base, 1);
    std::thread::park_timeout(Duration::from_millis(500));
    append(&log, 0..10);
    wait_for(base, 10);
    fs::rename(&log, base.join("in/app.log.1")).unwrap();
    append(&base.join("in/app.log.1"), 10..12);
    append(&log, 12..20);
    wait_for(base, 20);
    drop(job);
    fs::rename(&log, base.join("in/app.log.2")).unwrap();
    append(&log, 20..30);
    let job = Job::start(base, 3);
    wait_for(base, 30);
    drop(job);
    let said = fs::read_to_string(base.join("said.txt")).unwrap();
    assert!(said.contains("log: waiting for files: there is no file in/app.log"), "{said}");
    assert!(said.contains("log: in/app.log: the file that was read up to byte"), "{said}");
}
