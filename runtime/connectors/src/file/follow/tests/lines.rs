//! Lines, and records of several lines, of files that grow.

use super::*;

const TEXT: &str = "path = \"PATH\"\nfollow = true\nformat = \"text\"";
const RECORDS: &str = "path = \"PATH\"\nfollow = true\nformat = \"text\"\nrecord-start = '^\\S'";

/// What is there after so many seconds, looked at every second.
fn read(run: &mut Run, seconds: i64) -> Vec<String> {
    let mut values = Vec::new();
    for _ in 0..seconds {
        run.now_us += 1_000_000;
        run.clock.set_us(run.now_us);
        while let Some(rows) = run.poll(2) {
            values.extend(rows.column(0).as_string::<i32>().iter().flatten().map(str::to_owned));
        }
    }
    values
}

#[test]
fn a_line_is_read_when_it_has_its_end() {
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("a.log");
    let mut run = Run::start(TEXT, "a.log", folder.path(), None);
    append(&log, "a\n\nb");
    assert_eq!(read(&mut run, 10), ["a", ""]);
    let mut run = run.resume(TEXT, "a.log", folder.path());
    append(&log, "c\n");
    assert_eq!(read(&mut run, 3), ["bc"]);
}

#[test]
fn a_record_is_read_when_the_next_begins_or_nothing_comes() {
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("a.log");
    append(&log, "a\n 1\n");
    let mut run = Run::start(RECORDS, "a.log", folder.path(), None);
    assert_eq!(read(&mut run, 3), [""; 0]);
    append(&log, " 2\nb\n");
    // What has come meanwhile begins the time anew.
    assert_eq!(read(&mut run, 4), ["a\n 1\n 2"]);
    let mut run = run.resume(RECORDS, "a.log", folder.path());
    append(&log, " 1\n");
    assert_eq!(read(&mut run, 4), [""; 0]);
    assert_eq!(read(&mut run, 4), ["b\n 1"]);
    append(&log, "c\n un");
    assert_eq!(read(&mut run, 20), [""; 0], "a line without an end is awaited");
    append(&log, "finished\n");
    assert_eq!(read(&mut run, 10), ["c\n unfinished"]);
}

#[test]
fn the_last_record_of_a_rotated_file_comes_before_those_of_the_new_one() {
    for (renamed, removed) in [("a.log.1", false), ("b", false), ("b", true)] {
        let folder = TempDir::new().unwrap();
        let log = folder.path().join("a.log");
        append(&log, "a\n 1\n");
        let mut run = Run::start(RECORDS, "a.log*", folder.path(), None);
        assert_eq!(read(&mut run, 2), [""; 0]);
        fs::rename(&log, folder.path().join(renamed)).unwrap();
        if removed {
            fs::remove_file(folder.path().join(renamed)).unwrap();
        }
        append(&log, "b\n");
        assert_eq!(read(&mut run, 20), ["a\n 1", "b"], "{renamed} {removed}");
    }
}
