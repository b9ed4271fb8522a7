//! Files that grow, are renamed, truncated, copied and removed while they are followed, and between two runs.

mod lines;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use tempfile::TempDir;
use weir_core::connector::{Offset, Polled, Source, SourceReader};
use weir_core::graph::Options;
use weir_core::time::{ManualClock, WatermarkStrategy};

/// A run of a source.
struct Run {
    source: Box<dyn Source>,
    reader: Box<dyn SourceReader>,
    clock: Arc<ManualClock>,
    now_us: i64,
}

const JSON: &str = "path = \"PATH\"\nfollow = true\nformat = \"json\"\nschema = { v = \"int64\" }";
const CSV: &str = "path = \"PATH\"\nfollow = true\nformat = \"csv\"\nschema = { v = \"int64\" }";

impl Run {
    fn start(toml: &str, path: &str, base: &Path, offset: Option<&Offset>) -> Self {
        let options = Options::from_toml(&toml.replace("PATH", path), base.to_path_buf());
        let source = super::super::open_source(&options).unwrap();
        let clock = Arc::new(ManualClock::default());
        let split = &source.splits(3).unwrap()[0];
        let reader = source.reader(split, &[0], offset, clock.clone()).unwrap();
        Self { source, reader, clock, now_us: 0 }
    }

    /// What is there by now.
    fn read(&mut self) -> Vec<i64> {
        let mut values = Vec::new();
        // One look finds what has changed, another what follows from it.
        for _ in 0..3 {
            self.now_us += 1_000_000;
            self.clock.set_us(self.now_us);
            while let Some(rows) = self.poll(2) {
                values.extend(rows.column(0).as_primitive::<Int64Type>().values());
            }
        }
        values
    }

    fn poll(&mut self, rows_max: usize) -> Option<RecordBatch> {
        match self.reader.poll(rows_max, Duration::ZERO).unwrap() {
            Polled::Batch { rows, malformed } => {
                assert!(malformed.is_empty(), "{malformed:?}");
                Some(rows)
            }
            Polled::Pending => None,
            Polled::End => panic!("it has no end"),
        }
    }

    fn notices(&self) -> String {
        self.source.take_notices().join("\n")
    }

    fn resume(self, toml: &str, path: &str, base: &Path) -> Self {
        let offset = self.reader.offset();
        drop(self);
        Self::start(toml, path, base, Some(&offset))
    }
}

fn append(path: &Path, text: &str) {
    let mut file = fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// Lines of rows in both formats.
fn lines(values: &[i64], toml: &str) -> String {
    let line = |v: &i64| if toml == CSV { format!("{v}\n") } else { format!("{{\"v\":{v}}}\n") };
    values.iter().map(line).collect()
}

/// A whole file.
fn file(values: &[i64], toml: &str) -> String {
    if toml == CSV { format!("v\n{}", lines(values, toml)) } else { lines(values, toml) }
}

#[test]
fn whole_lines_are_read_as_they_come() {
    for toml in [JSON, CSV] {
        let folder = TempDir::new().unwrap();
        let log = folder.path().join("a.log");
        let mut run = Run::start(toml, "a.log", folder.path(), None);
        assert_eq!(run.read(), [0; 0]);
        assert!(run.source.trouble().unwrap().contains("there is no file a.log"));
        let text = file(&[1, 2, 3], toml);
        for (at, _) in text.char_indices() {
            append(&log, &text[at..=at]);
            let whole = text[..=at].matches('\n').count() as i64 - i64::from(toml == CSV);
            let new = if text[..=at].ends_with('\n') && whole > 0 { vec![whole] } else { vec![] };
            assert_eq!(run.read(), new, "{:?}", &text[..=at]);
        }
        assert_eq!(run.source.trouble(), None);
        append(&log, &lines(&[4], toml));
        append(&log, "5");
        let mut run = run.resume(toml, "a.log", folder.path());
        assert_eq!(run.read(), [4]);
        assert_eq!(run.notices(), "");
        assert_eq!(run.source.default_watermark(), WatermarkStrategy::Monotonic);
    }
}

#[test]
fn a_rotated_file_is_read_to_its_end_and_then_the_new_one() {
    for (toml, path) in [(JSON, "a.log"), (CSV, "a.log"), (JSON, "a.log*"), (CSV, "*")] {
        for restarts in [false, true] {
            let folder = TempDir::new().unwrap();
            let (log, old) = (folder.path().join("a.log"), folder.path().join("a.log.1"));
            append(&log, &file(&[1], toml));
            let mut run = Run::start(toml, path, folder.path(), None);
            assert_eq!(run.read(), [1]);
            append(&log, &lines(&[2], toml));
            if restarts {
                run = run.resume(toml, path, folder.path());
            }
            fs::rename(&log, &old).unwrap();
            append(&old, &lines(&[3], toml));
            append(&log, &file(&[10, 11], toml));
            append(&old, &lines(&[4], toml));
            let values = run.read();
            let notices = run.notices();
            match (restarts, path) {
                // The handle is closed, and no pattern has the old file.
                (true, "a.log") => {
                    assert_eq!(values, [10, 11]);
                    assert!(notices.contains("a.log: the file that was read up to byte"), "{notices}");
                }
                _ => {
                    assert_eq!(values, [2, 3, 4, 10, 11], "{path}");
                    assert!(notices.contains("a.log: it was rotated"), "{notices}");
                }
            }
            assert_eq!(run.read(), [0; 0]);
            append(&log, &lines(&[12], toml));
            let mut run = run.resume(toml, path, folder.path());
            assert_eq!(run.read(), [12]);
        }
    }
}

#[test]
fn a_truncated_file_is_read_from_its_start_and_its_copy_once() {
    for (toml, path) in [(JSON, "a.log"), (CSV, "a.log"), (JSON, "a*"), (CSV, "**")] {
        for restarts in 0..4 {
            let folder = TempDir::new().unwrap();
            let (log, copy) = (folder.path().join("a.log"), folder.path().join("a.log.1"));
            append(&log, &file(&[1, 2], toml));
            let mut run = Run::start(toml, path, folder.path(), None);
            assert_eq!(run.read(), [1, 2]);
            append(&log, &lines(&[3], toml));
            let restart = |run: Run, at: i32| match restarts == at {
                true => run.resume(toml, path, folder.path()),
                false => run,
            };
            run = restart(run, 1);
            let text = fs::read_to_string(&log).unwrap();
            let (mut values, mut written) = (Vec::new(), 0);
            for upto in [text.len() - 3, text.len()] {
                append(&copy, &text[written..upto]);
                written = upto;
                values.extend(run.read());
            }
            assert_eq!(values, [3]);
            run = restart(run, 2);
            std::thread::park_timeout(Duration::from_millis(20));
            fs::write(&log, "").unwrap();
            append(&log, &file(&[20, 21], toml));
            run = restart(run, 3);
            assert_eq!(run.read(), [20, 21], "{path} {restarts}");
            let notices = run.notices();
            assert!(notices.contains("a.log: it was truncated or written anew"), "{notices}");
            append(&log, &lines(&[22], toml));
            append(&copy, &lines(&[4], toml));
            let mut values = run.resume(toml, path, folder.path()).read();
            values.sort_unstable();
            assert_eq!(values, if path == "a.log" { vec![22] } else { vec![4, 22] });
        }
    }
}

#[test]
fn a_file_that_was_truncated_and_is_longer_again_is_known_by_its_first_bytes() {
    for toml in [JSON, CSV] {
        for restarts in [false, true] {
            let folder = TempDir::new().unwrap();
            let log = folder.path().join("a.log");
            append(&log, &file(&[1, 2], toml));
            let mut run = Run::start(toml, "a.log", folder.path(), None);
            assert_eq!(run.read(), [1, 2]);
            fs::write(&log, file(&[7, 8, 9], toml)).unwrap();
            if restarts {
                run = run.resume(toml, "a.log", folder.path());
            }
            assert_eq!(run.read(), [7, 8, 9]);
            assert!(run.notices().contains("it was truncated or written anew after it was read up to byte"));
        }
    }
}

#[test]
fn new_files_of_a_folder_are_read_the_oldest_first() {
    let folder = TempDir::new().unwrap();
    let base = folder.path();
    let write = |name: &str, value: i64, age: u64| {
        append(&base.join(name), &file(&[value, value + 1, value + 2], CSV));
        let changed = std::time::UNIX_EPOCH + Duration::from_secs(1_000_000 - age);
        fs::File::options().append(true).open(base.join(name)).unwrap().set_modified(changed).unwrap();
    };
    write("c.csv", 1, 30);
    write("b.csv", 4, 20);
    write("_hidden.csv", 100, 5);
    let mut run = Run::start(CSV, "*.csv", base, None);
    assert_eq!(run.read(), [1, 2, 3, 4, 5, 6]);
    write("d.csv", 10, 10);
    write("a.csv", 7, 11);
    append(&base.join("empty.csv"), "");
    fs::write(base.join("z.csv"), b"\x1f\x8b zipped").unwrap();
    assert_eq!(run.read(), [7, 8, 9, 10, 11, 12]);
    let notices = run.notices();
    assert!(
        notices.contains("it is not read: z.csv is compressed with gzip") && notices.lines().count() == 1,
        "{notices}"
    );
    fs::remove_file(base.join("c.csv")).unwrap();
    let mut run = run.resume(CSV, "*.csv", base);
    write("e.csv", 13, 1);
    assert_eq!(run.read(), [13, 14, 15]);
    assert!(run.notices().contains("c.csv: the file that was read up to byte"));
    assert!(run.reader.offset().to_string().contains("e.csv"));
}

#[test]
fn a_file_that_is_removed_is_read_to_its_end_and_forgotten() {
    let folder = TempDir::new().unwrap();
    let (log, other) = (folder.path().join("a.log"), folder.path().join("b.log"));
    append(&log, &file(&[1], JSON));
    append(&other, &file(&[5], JSON));
    let mut run = Run::start(JSON, "*.log", folder.path(), None);
    assert_eq!(run.read(), [1, 5]);
    append(&log, &lines(&[2, 3], JSON));
    append(&log, "{\"v\":");
    fs::remove_file(&log).unwrap();
    assert_eq!(run.read(), [2, 3]);
    assert!(run.notices().contains("a.log: its last line has no line end, and is not read; the file is gone"));
    assert!(!run.reader.offset().to_string().contains("a.log"));
}

#[test]
fn more_files_are_followed_than_are_kept_open() {
    let folder = TempDir::new().unwrap();
    let files: Vec<_> = (0..200).map(|n| folder.path().join(format!("{n}.jsonl"))).collect();
    for (n, path) in files.iter().enumerate() {
        append(path, &lines(&[n as i64], JSON));
    }
    let mut run = Run::start(JSON, ".", folder.path(), None);
    let mut values = run.read();
    values.sort_unstable();
    assert_eq!(values, (0..200).collect::<Vec<_>>());
    let open = fs::read_dir("/proc/self/fd").unwrap().flatten().filter_map(|fd| fs::read_link(fd.path()).ok());
    assert!(open.filter(|path| path.starts_with(folder.path())).count() <= 64);
    for (n, path) in files.iter().enumerate() {
        append(path, &lines(&[1000 + n as i64], JSON));
    }
    let mut values = run.resume(JSON, "./", folder.path()).read();
    values.sort_unstable();
    assert_eq!(values, (1000..1200).collect::<Vec<_>>());
}

#[test]
fn an_offset_of_another_path_or_without_follow_is_refused() {
    let folder = TempDir::new().unwrap();
    append(&folder.path().join("a.jsonl"), &lines(&[1], JSON));
    let source = |toml: &str| {
        let options = Options::from_toml(toml, folder.path().to_path_buf());
        super::super::open_source(&options).unwrap()
    };
    let refusal = |source: &dyn Source, split, offset: Option<Offset>| {
        let read = source.reader(&split, &[0], offset.as_ref(), Arc::new(ManualClock::default()));
        read.err().unwrap().to_string()
    };
    let followed = source(&JSON.replace("PATH", "a.jsonl"));
    let split = followed.splits(1).unwrap().remove(0);
    let refused = refusal(&*followed, split.clone(), Some(serde_json::json!({ "byte": 8, "line": 2 })));
    assert!(refused.starts_with("a.jsonl: the checkpoint is of a source without `follow = true`"), "{refused}");
    let other = source(&JSON.replace("PATH", "*.jsonl"));
    let refused = refusal(&*other, split.clone(), None);
    assert!(refused.starts_with("the checkpoint has read \"a.jsonl\", and `path` names \"*.jsonl\" now"), "{refused}");
    let bounded = source("path = \"a.jsonl\"");
    let refused = refusal(&*bounded, split, Some(serde_json::json!({ "files": [] })));
    assert!(
        refused.starts_with("a.jsonl: the checkpoint is of a source with `follow = true`: set it again"),
        "{refused}"
    );
}

#[test]
fn files_that_are_gone_at_a_restart_are_known_when_they_come_again_however_many() {
    for toml in [JSON, CSV] {
        let (folder, elsewhere) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let names: Vec<_> = (1..=40).map(|n| format!("{n}.log")).collect();
        for (name, n) in names.iter().zip(1..) {
            append(&folder.path().join(name), &file(&[n], toml));
        }
        let mut run = Run::start(toml, "*.log", folder.path(), None);
        assert_eq!(run.read().len(), 40);
        let rename = |from: &TempDir, to: &TempDir| {
            names.iter().for_each(|name| fs::rename(from.path().join(name), to.path().join(name)).unwrap());
        };
        rename(&folder, &elsewhere);
        let mut run = run.resume(toml, "*.log", folder.path());
        assert_eq!(run.read(), [0; 0]);
        assert_eq!(run.notices().matches("is not among those of `path` now").count(), 40);
        rename(&elsewhere, &folder);
        append(&folder.path().join("7.log"), &lines(&[70], toml));
        assert_eq!(run.read(), [70]);
    }
}

#[test]
fn files_that_begin_alike_are_read_each() {
    for toml in [JSON, CSV] {
        let folder = TempDir::new().unwrap();
        append(&folder.path().join("1.log"), &file(&[1, 2], toml));
        let mut run = Run::start(toml, "*.log", folder.path(), None);
        assert_eq!(run.read(), [1, 2]);
        append(&folder.path().join("10.log"), &file(&[1], toml));
        assert_eq!(run.read(), [1], "{}", run.notices());
    }
}
