//! A table in a file that is written anew, well or badly, while a job that looks rows up in it runs, is killed, and resumes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, and so do its helpers")]

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

const PIPELINE: &str = r#"
name = "lookup"
batch-rows = 7

[checkpoint]
dir = "state"
interval = "100ms"

[sources.clicks]
connector = "file"
path = "clicks.jsonl"
follow = true
schema = { id = "int64", page = "int64" }

[sources.pages]
connector = "file"
path = "pages.csv"
reload = "20ms"
schema = { page = "int64", title = "utf8" }

[joins.named]
inputs = { clicks = "clicks", pages = "pages" }
on = ["clicks.page = pages.page"]
as-of = "now"
type = "left"
columns = ["clicks.id", "pages.title"]

[sinks.out]
input = "named"
connector = "file"
path = "out/"
format = "json"
"#;

const PAGES: i64 = 100;

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

/// Titles of all pages, all the same; `rest` follows in the file.
fn write_pages(folder: &Path, title: &str, rest: &str) {
    let lines: String = (0..PAGES).map(|page| format!("{page},{title}\n")).collect();
    fs::write(folder.join("new.csv"), format!("page,title\n{lines}{rest}")).unwrap();
    fs::rename(folder.join("new.csv"), folder.join("pages.csv")).unwrap();
}

fn click(folder: &Path, ids: std::ops::Range<i64>) {
    let mut file = OpenOptions::new().append(true).create(true).open(folder.join("clicks.jsonl")).unwrap();
    let lines: String = ids.map(|id| format!("{{\"id\":{id},\"page\":{}}}\n", id % PAGES)).collect();
    file.write_all(lines.as_bytes()).unwrap();
}

/// The titles that came out, by click; each click is there once.
fn titles(folder: &Path) -> BTreeMap<i64, Option<String>> {
    let parts = fs::read_dir(folder.join("out")).into_iter().flatten().flatten().map(|part| part.path());
    let parts = parts.filter(|path| path.extension().is_some_and(|ending| ending == "jsonl"));
    let text: String = parts.map(|path| fs::read_to_string(path).unwrap()).collect();
    let mut titles = BTreeMap::new();
    for line in text.lines() {
        let row = serde_json::from_str::<Value>(line).unwrap();
        let title = row["title"].as_str().map(str::to_owned);
        assert!(titles.insert(row["id"].as_i64().unwrap(), title).is_none(), "{line} came out twice");
    }
    titles
}

/// What came out when so many clicks have.
fn wait_for(folder: &Path, count: i64) -> BTreeMap<i64, Option<String>> {
    let begun = begin();
    loop {
        let titles = titles(folder);
        if titles.len() as i64 >= count {
            assert_eq!(titles.keys().copied().collect::<Vec<_>>(), (0..count).collect::<Vec<_>>());
            return titles;
        }
        let said = fs::read_to_string(folder.join("said.txt")).unwrap_or_default();
        assert!(begun.elapsed() < Duration::from_secs(60), "{:?} of {count}\n{said}", titles.len());
        std::thread::park_timeout(Duration::from_millis(30));
    }
}

#[expect(clippy::disallowed_methods, reason = "a test waits for another process")]
fn begin() -> Instant {
    Instant::now()
}

#[test]
fn rows_find_the_table_as_it_is_over_kills() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path();
    fs::write(base.join("p.toml"), PIPELINE).unwrap();
    write_pages(base, "0", "");
    // They are there before the table is.
    click(base, 0..300);
    let mut next = 300;
    for round in 0..5_usize {
        let title = round.to_string();
        let job = Job::start(base, 1 + round % 3);
        if round == 0 {
            assert!(wait_for(base, next).values().all(|found| found.as_deref() == Some("0")));
        }
        // Until a click finds what was written while the job was down.
        loop {
            click(base, next..next + 1);
            next += 1;
            let found = wait_for(base, next).remove(&(next - 1)).unwrap();
            if found.as_deref() == Some(title.as_str()) {
                break;
            }
            assert!(found.is_some_and(|found| found == (round - 1).to_string()), "neither the old row nor the new one");
        }
        write_pages(base, "bad", "what is this\n");
        std::thread::park_timeout(Duration::from_millis(150));
        click(base, next..next + 200);
        next += 200;
        let titles = wait_for(base, next);
        assert!(titles.values().rev().take(200).all(|found| found.as_deref() == Some(title.as_str())));
        drop(job);
        write_pages(base, &(round + 1).to_string(), "");
    }
    let said = fs::read_to_string(base.join("said.txt")).unwrap();
    assert!(said.contains("pages.csv:102"), "{said}");
}

#[test]
fn a_table_that_is_never_read_to_its_end_is_noted() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path();
    write_pages(base, "0", "");
    click(base, 0..1);
    let check = |pipeline: &str| {
        fs::write(base.join("p.toml"), pipeline).unwrap();
        let checked = Command::new(env!("CARGO_BIN_EXE_weir")).current_dir(base).args(["check", "p.toml"]).output();
        String::from_utf8(checked.unwrap().stderr).unwrap()
    };
    assert!(!check(PIPELINE).contains("event-time"), "nothing goes by the time of rows");
    let follow = PIPELINE.replace("reload = \"20ms\"", "follow = true");
    let note = "named: rows wait until pages was read once, and it never ends: set idle-after on it";
    assert!(check(&follow).contains(note), "{}", check(&follow));
    assert!(
        !check(
            &follow.replace("follow = true\nschema = { page", "follow = true\nidle-after = \"1s\"\nschema = { page")
        )
        .contains(note)
    );
    let timed = PIPELINE.replace("reload = \"20ms\"", "reload = \"20ms\"\nevent-time = \"page\"");
    assert!(check(&timed).contains("\"pages\" makes updates that take rows back"), "{}", check(&timed));
}
