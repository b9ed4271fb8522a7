//! How a sink ends: nothing left behind where nothing is to be kept, and clear words where it cannot continue.

use super::recovery::{Attempt, Checkpoint, numbers};
use super::*;

const WHOLE: &str = "path = \"out.csv\"";
const PARTS: &str = "path = \"out/\"\nformat = \"csv\"";

/// Names in the folder that the sink writes into.
fn written(toml: &str, base: &Path) -> Vec<String> {
    if toml == WHOLE { names(base) } else { names(&base.join("out")) }
}

fn start(toml: &str, base: &Path, generation: u64, from: Option<&Checkpoint>) -> Result<Attempt, ConnectorError> {
    Attempt::start(toml, base, (generation, 2, true), from)
}

fn refusal<T>(result: Result<T, ConnectorError>) -> String {
    result.err().unwrap().to_string()
}

#[test]
fn a_job_without_checkpoints_that_fails_leaves_nothing() {
    for toml in [WHOLE, PARTS] {
        for cuts in [vec![], vec![false], vec![true], vec![false, true]] {
            let folder = TempDir::new().unwrap();
            let mut attempt = Attempt::start(toml, folder.path(), (0, 2, false), None).unwrap();
            attempt.write(5).unwrap();
            for last in cuts {
                attempt.write(0).unwrap();
                attempt.cut(last).unwrap();
            }
            drop(attempt);
            assert_eq!(written(toml, folder.path()), [""; 0]);

            // What was prepared is dropped without a wait for the disk.
            let mut attempt = Attempt::start(toml, folder.path(), (0, 1, false), None).unwrap();
            attempt.write(5).unwrap();
            let prepare = attempt.writers[0].prepare(weir_core::connector::Cut { attempt: 1, last: true }).unwrap();
            drop(attempt);
            assert_eq!(written(toml, folder.path()).len(), 1);
            drop(prepare);
            assert_eq!(written(toml, folder.path()), [""; 0]);
        }
    }
}

#[test]
fn a_job_with_checkpoints_keeps_its_rows_until_they_are_not_needed() {
    let temporary = |toml: &str, base: &Path| {
        let names = written(toml, base).into_iter().filter(|name| name.ends_with(".tmp"));
        names.map(|name| name.split_once("-").unwrap().0.to_owned() + "-").collect::<Vec<_>>()
    };
    let folder = TempDir::new().unwrap();
    let base = folder.path();
    let mut first = start(WHOLE, base, 1, None).unwrap();
    first.write(5).unwrap();
    let checkpoint = first.cut(false).unwrap();
    first.commit(&checkpoint).unwrap();
    drop(first);
    assert_eq!(temporary(WHOLE, base), [".out.csv.000001-"]);
    drop(start(WHOLE, base, 2, Some(&checkpoint)).unwrap());
    let mut third = start(WHOLE, base, 3, Some(&checkpoint)).unwrap();
    let next = third.cut(false).unwrap();
    assert_eq!(temporary(WHOLE, base), [".out.csv.000001-", ".out.csv.000003-"], "the second had no checkpoint");
    third.commit(&next).unwrap();
    assert_eq!(temporary(WHOLE, base), [".out.csv.000003-"]);
    // It was replaced, and is as late as this to notice.
    let mut second = start(WHOLE, base, 2, Some(&next)).unwrap();
    second.cut(false).unwrap();
    drop(second);
    assert_eq!(temporary(WHOLE, base), [".out.csv.000002-", ".out.csv.000003-"]);
    let last = third.cut(true).unwrap();
    third.commit(&last).unwrap();
    assert_eq!(names(base), ["out.csv"]);

    let mut first = start(PARTS, base, 1, None).unwrap();
    first.write(5).unwrap();
    let checkpoint = first.cut(false).unwrap();
    first.write(5).unwrap();
    drop(first);
    assert_eq!(temporary(PARTS, base).len(), 1, "of the second no checkpoint knew");
    drop(start(PARTS, base, 2, Some(&checkpoint)).unwrap());
    assert_eq!(written(PARTS, base), ["part-00000-000001-00000001.csv"]);
    assert_eq!(fs::read_to_string(base.join("out/part-00000-000001-00000001.csv")).unwrap(), "n\n0\n1\n2\n3\n4\n");
}

#[test]
fn a_temporary_file_that_is_lost_is_missed() {
    let folder = TempDir::new().unwrap();
    let mut first = start(WHOLE, folder.path(), 1, None).unwrap();
    first.write(5).unwrap();
    let checkpoint = first.cut(false).unwrap();
    let path = folder.path().join(&written(WHOLE, folder.path())[0]);
    fs::write(&path, "n\n0\n").unwrap();
    let begin = format!("cannot resume out.csv: the checkpoint counts on 12 bytes in {}, which ", path.display());
    let error = refusal(start(WHOLE, folder.path(), 2, Some(&checkpoint)));
    assert!(error.starts_with(&format!("{begin}has only 4; put that file back")), "{error}");
    assert_eq!(written(WHOLE, folder.path()).len(), 1);
    fs::remove_file(&path).unwrap();
    let error = refusal(start(WHOLE, folder.path(), 2, Some(&checkpoint)));
    assert!(error.starts_with(&format!("{begin}is gone; put that file back")), "{error}");

    let mut second = start(WHOLE, folder.path(), 2, None).unwrap();
    let next = second.cut(false).unwrap();
    second.commit(&next).unwrap();
    let error = refusal(start(WHOLE, folder.path(), 3, Some(&checkpoint)));
    assert!(
        error.starts_with("cannot resume out.csv from the checkpoint: a later run of the job has begun"),
        "{error}"
    );
    assert!(error.contains(" and has removed .out.csv.000001-"), "{error}");
}

#[test]
fn a_finished_file_that_is_lost_is_missed() {
    for (toml, target) in [(WHOLE, "out.csv"), (PARTS, "out/part-00000-000001-00000001.csv")] {
        let folder = TempDir::new().unwrap();
        let mut first = start(toml, folder.path(), 1, None).unwrap();
        first.write(5).unwrap();
        let checkpoint = first.cut(true).unwrap();
        let temporary = folder.path().join(target).with_file_name(&written(toml, folder.path())[0]);
        let staged = fs::read(&temporary).unwrap();
        fs::write(&temporary, "n\n").unwrap();
        let error = refusal(first.commit(&checkpoint));
        assert!(
            error.contains("the checkpoint has 12 bytes for ") && error.contains(".tmp has 2 bytes; put"),
            "{error}"
        );
        fs::write(&temporary, staged).unwrap();
        first.commit(&checkpoint).unwrap();
        first.commit(&checkpoint).unwrap();
        fs::write(folder.path().join(target), "other").unwrap();
        let error = refusal(first.commit(&checkpoint));
        assert!(error.contains("is gone, and ") && error.contains(".csv has 5 bytes; put"), "{error}");
        fs::remove_file(folder.path().join(target)).unwrap();
        let error = refusal(first.commit(&checkpoint));
        assert!(error.contains("but neither ") && error.contains("is there; put"), "{error}");
    }
}

#[test]
fn a_file_that_is_finished_takes_no_rows() {
    let folder = TempDir::new().unwrap();
    let mut first = start(WHOLE, folder.path(), 1, None).unwrap();
    first.write(5).unwrap();
    let checkpoint = first.cut(true).unwrap();
    let mut second = start(WHOLE, folder.path(), 2, Some(&checkpoint)).unwrap();
    assert!(second.cut(true).unwrap().parts.is_empty());
    assert_eq!(names(folder.path()), ["out.csv"]);
    second.writers[0].write(&numbers(0, 0)).unwrap();
    let error = refusal(second.writers[0].write(&numbers(5, 1)));
    assert!(error.starts_with("there are rows for out.csv, which was finished when the stream ended"), "{error}");
}

#[test]
fn a_checkpoint_of_another_sink_is_refused() {
    let folder = TempDir::new().unwrap();
    let state = |toml: &str| {
        let mut attempt = start(toml, folder.path(), 1, None).unwrap();
        Checkpoint { parts: Vec::new(), ..attempt.cut(false).unwrap() }
    };
    let (whole, parts) = (state(WHOLE), state(PARTS));
    let mut other_columns = whole.clone();
    other_columns.states[0]["columns"] = "csv: m utf8".into();
    let mut one_part = parts.clone();
    one_part.states.truncate(1);
    for (toml, checkpoint, reason) in [
        (WHOLE, &parts, "it has 2 writers, but a file has one"),
        (WHOLE, &one_part, "it is not of a sink that writes one file: missing field `columns`"),
        (PARTS, &whole, "it is not of a sink that writes parts: missing field `cut`"),
        (WHOLE, &other_columns, "it holds csv: m utf8, but the columns are now csv: n int64"),
    ] {
        let error = refusal(start(toml, folder.path(), 2, Some(checkpoint)));
        assert!(error.contains(&format!(" from the checkpoint: {reason}")), "{error}");
    }
    let mut attempt = start(WHOLE, folder.path(), 2, None).unwrap();
    let part = weir_core::connector::Committable { value: serde_json::json!({ "topic": "x" }), rows: None };
    let error = refusal(attempt.committer.commit(1, vec![part]));
    assert!(error.starts_with("the checkpoint's part of out.csv is not of a file sink of this version"), "{error}");
}

#[test]
fn parts_that_the_job_does_not_resume_from_are_refused() {
    let folder = TempDir::new().unwrap();
    let mut first = start(PARTS, folder.path(), 1, None).unwrap();
    let mut cut = || {
        first.write(5).unwrap();
        let cut = first.cut(false).unwrap();
        first.commit(&cut).unwrap();
        cut
    };
    let (older, newer) = (cut(), cut());
    fs::write(folder.path().join("out/part-of-something.csv"), "").unwrap();
    start(PARTS, folder.path(), 2, Some(&newer)).unwrap();
    let error = refusal(start(PARTS, folder.path(), 2, Some(&older)));
    assert!(error.starts_with("out/ has 1 part that is newer than the checkpoint, such as part-0000"), "{error}");
    let out = folder.path().join("out/");
    let these = format!("remove from {} those with a RUN above 000001, and of part-*-000001-* those", out.display());
    assert!(error.contains(&these) && error.contains(" with a NUMBER above 00000001;"), "{error}");
    let error = refusal(start(PARTS, folder.path(), 2, None));
    assert!(error.starts_with("out/ has 2 parts of another run, such as part-0000"), "{error}");
    assert!(error.contains(&format!("; else remove every part-*-*-* from {},", out.display())), "{error}");
    let allowing = format!("{PARTS}\nallow-newer = true");
    start(&allowing, folder.path(), 2, Some(&older)).unwrap();
    start(&allowing, folder.path(), 3, None).unwrap();
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("occupied"), "").unwrap();
    for (toml, name) in [
        ("path = \"occupied/a/out.csv\"", "occupied/a/out.csv"),
        ("path = \"occupied/\"\nformat = \"csv\"", "occupied/"),
    ] {
        let error = refusal(start(toml, folder.path(), 1, None));
        assert!(error.starts_with(&format!("cannot make {name}: ")), "{error}");
    }
}

#[test]
fn long_parts_are_ended_between_checkpoints_and_committed_with_them() {
    let toml = format!("{PARTS}\nroll-bytes = \"64KiB\"");
    for durable in [true, false] {
        let folder = TempDir::new().unwrap();
        let base = folder.path();
        let mut attempt = Attempt::start(&toml, base, (u64::from(durable), 1, durable), None).unwrap();
        let rows = 40_000;
        (0..rows / 1000).for_each(|_| attempt.write(1000).unwrap());
        let parts = |base: &Path| -> Vec<String> {
            names(&base.join("out")).into_iter().filter(|name| !name.starts_with('.')).collect()
        };
        assert!(parts(base).is_empty());
        let checkpoint = attempt.cut(!durable).unwrap();
        attempt.commit(&checkpoint).unwrap();
        let generation = u64::from(durable);
        let name = |number: &str| format!("part-00000-{generation:06}-00000001{number}.csv");
        assert_eq!(parts(base), [name("-0001"), name("-0002"), name("-0003"), name("")], "{durable}");
        let text: String =
            parts(base).iter().map(|part| fs::read_to_string(base.join("out").join(part)).unwrap()).collect();
        assert_eq!(text.lines().filter(|line| *line != "n").count() as i64, rows);
        attempt.write(5).unwrap();
        drop(attempt);
        if durable {
            let again = refusal(Attempt::start(&toml, base, (2, 1, true), None));
            assert!(again.contains("has 4 parts of another run"), "{again}");
            let mut again = Attempt::start(&toml, base, (2, 3, true), Some(&checkpoint)).unwrap();
            again.write(5).unwrap();
            let checkpoint = again.cut(true).unwrap();
            again.commit(&checkpoint).unwrap();
            assert_eq!(parts(base).len(), 5);
        }
    }
    for (toml, expected) in [
        (format!("{PARTS}\nroll-bytes = 1000"), "`roll-bytes` is out of range: it must be at least \"64KiB\""),
        (format!("{PARTS}\nroll-bytes = \"1XB\""), "\"1XB\" has no unit of size"),
        (format!("{WHOLE}\nroll-bytes = 100000"), "`roll-bytes` is an option of a sink that fills a folder"),
    ] {
        let error = FileSink::open(&options(&toml, TempDir::new().unwrap().path())).err().unwrap();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn what_a_writer_would_refuse_is_refused_before_a_job_begins() {
    let folder = TempDir::new().unwrap();
    let base = folder.path();
    let open = |toml: &str| FileSink::open(&options(toml, base)).unwrap();
    let schema =
        arrow::datatypes::Schema::new(vec![arrow::datatypes::Field::new("n", arrow::datatypes::DataType::Int64, true)]);
    let parts = "path = \"out/\"\nformat = \"csv\"";
    assert!(open(parts).check_fresh(&schema).is_ok());
    fs::create_dir(base.join("out")).unwrap();
    fs::write(base.join("out/part-00000-000001-00000001.csv"), "n\n1\n").unwrap();
    let error = open(parts).check_fresh(&schema).unwrap_err().to_string();
    assert!(error.contains("has 1 part of another run"), "{error}");
    assert!(open(&format!("{parts}\nallow-newer = true")).check_fresh(&schema).is_ok());

    for (name, text, refused) in [
        ("none.csv", None, None),
        ("a.csv", Some(""), None),
        ("b.csv", Some("n\n1\n"), None),
        ("c.csv", Some("m\n1\n"), Some("its first line is not \"n\"")),
        ("d.csv", Some("n\n1"), Some("its last line has no end")),
        ("e.jsonl", Some("{\"n\":1}\n"), None),
        ("f.jsonl", Some("n\n"), Some("it does not begin with a JSON object")),
    ] {
        if let Some(text) = text {
            fs::write(base.join(name), text).unwrap();
        }
        let checked = open(&format!("path = {name:?}\nmode = \"append\"")).check_fresh(&schema);
        let error = checked.map_err(|error| error.to_string());
        assert_eq!(error.is_ok(), refused.is_none(), "{name}: {error:?}");
        assert!(refused.is_none_or(|why| error.is_err_and(|error| error.contains(why))), "{name}");
    }
}

#[test]
fn unfinished_files_of_a_removed_job_go_and_no_others() {
    let folder = TempDir::new().unwrap();
    let names = [".a.csv.000001-aB3.tmp", ".a.csv.000012-aB4.tmp", ".b.csv.000001-aB3.tmp", "a.csv", ".a.csv.mine"];
    names.iter().for_each(|name| fs::write(folder.path().join(name), "").unwrap());
    let remove = FileSink::open(&options("path = \"a.csv\"", folder.path())).unwrap().unfinished().unwrap();
    // Another job begins to write there.
    fs::write(folder.path().join(".a.csv.000001-new.tmp"), "").unwrap();
    remove();
    assert!(folder.path().join(".a.csv.000001-new.tmp").exists());
    let left = names.iter().filter(|name| folder.path().join(name).exists()).collect::<Vec<_>>();
    assert_eq!(left, [&".b.csv.000001-aB3.tmp", &"a.csv", &".a.csv.mine"]);
}
