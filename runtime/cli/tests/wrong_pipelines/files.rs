//! Files that are not there, or that two parts of a job would use at once.

use expect_test::expect;

use crate::{RIGHT, weir};

#[test]
fn files_that_are_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let (passed, stderr) = weir(folder.path(), &["check", "nowhere.toml"]);
    assert!(!passed);
    expect![[r#"
        error: cannot read nowhere.toml
          because No such file or directory (os error 2)
    "#]]
    .assert_eq(&stderr);
}

#[test]
fn a_sink_does_not_write_what_the_same_job_reads() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("in")).unwrap();
    std::fs::write(folder.path().join("in/a.jsonl"), "{\"n\":1}\n").unwrap();
    for (source, sink, is_right) in [
        ("in/", "in/", false),
        ("in/", "in/a.jsonl", false),
        ("in/", "in/b.jsonl", false),
        ("in/a.jsonl", "in/a.jsonl", false),
        ("in/a.jsonl", "in/b.jsonl", true),
        ("in/", "out/", true),
    ] {
        let pipeline = format!(
            "name = \"copy\"\n[sources.s]\nconnector = \"file\"\npath = {source:?}\nformat = \"json\"\n\
             [sinks.o]\ninput = \"s\"\nconnector = \"file\"\npath = {sink:?}\nformat = \"json\"\n"
        );
        std::fs::write(folder.path().join("p.toml"), pipeline).unwrap();
        let (passed, stderr) = weir(folder.path(), &["check", "p.toml"]);
        assert_eq!(passed, is_right, "from {source} into {sink}: {stderr}");
        assert!(passed || stderr.contains("\"s\" reads"), "{stderr}");
    }
}

#[test]
fn two_sinks_are_not_known_by_one_id() {
    let folder = tempfile::tempdir().unwrap();
    let keeps = "[checkpoint]\ndir = \"state\"\n";
    for (second, checkpoints, is_right) in [
        ("topic = \"t\"", keeps, false),
        ("topic = \"t\"", "", true),
        ("topic = \"u\"\ntransactional-id = \"weir-prices-t\"", keeps, false),
        ("topic = \"u\"", keeps, true),
        ("topic = \"t\"\ndelivery = \"at-least-once\"", keeps, true),
    ] {
        let kafka = "connector = \"kafka\"\nbrokers = \"localhost:1\"\n";
        let again =
            format!("{kafka}topic = \"t\"\n[sinks.again]\ninput = \"per-minute\"\n{kafka}{second}\n{checkpoints}");
        std::fs::write(folder.path().join("p.toml"), RIGHT.replace("connector = \"blackhole\"\n", &again)).unwrap();
        let (passed, stderr) = weir(folder.path(), &["check", "p.toml"]);
        assert_eq!(passed, is_right, "{second}: {stderr}");
        let reason = "\"out\" has the `transactional-id` \"weir-prices-t\" at localhost:1, and so has \"again\"";
        assert!(passed || stderr.contains(reason), "{stderr}");
    }
}

/// What is said of a file with this text, as the only source of a pipeline.
fn told_of(file: &str, step: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("in.csv"), file).unwrap();
    let pipeline = format!(
        "[sources.s]\nconnector = \"file\"\npath = \"in.csv\"\n{step}\n[sinks.o]\ninput = \"s\"\nconnector = \"blackhole\"\n"
    );
    std::fs::write(folder.path().join("p.toml"), pipeline).unwrap();
    let (passed, stderr) = weir(folder.path(), &["check", "p.toml"]);
    assert!(!passed, "{file:?} {step:?} passed: {stderr}");
    stderr
}

#[test]
fn a_file_without_rows_is_told_with_the_reason() {
    let files = ["", "\n\n", "a,b\n", "a,b\n1,\"x\n2,y\n", "a,\"b\n1,2\n"];
    let told: String = files.iter().map(|file| told_of(file, "") + "\n").collect();
    expect![[r#"
        error: in.csv: there are no rows to infer the columns from: it is empty; give them with `schema = { column = "type" }`
         --> p.toml:3:8
          |
        3 | path = "in.csv"
          |        ^^^^^^^^

        error: in.csv: there are no rows to infer the columns from: it is empty; give them with `schema = { column = "type" }`
         --> p.toml:3:8
          |
        3 | path = "in.csv"
          |        ^^^^^^^^

        error: in.csv: there are no rows to infer the columns from: it has only a header; give them with `schema = { column = "type" }`
         --> p.toml:3:8
          |
        3 | path = "in.csv"
          |        ^^^^^^^^

        error: in.csv: there are no rows to infer the columns from: in.csv:2: a quote is opened and never closed
         --> p.toml:3:8
          |
        3 | path = "in.csv"
          |        ^^^^^^^^

        error: in.csv: there are no rows to infer the columns from: in.csv:1: a quote is opened and never closed
         --> p.toml:3:8
          |
        3 | path = "in.csv"
          |        ^^^^^^^^

    "#]].assert_eq(&told);
}

#[test]
fn that_types_are_inferred_is_told_where_one_does_not_fit() {
    let file = "id,name,at\n1,x,today\n2,y,later\n";
    let filter = |condition: &str| format!("[filters.f]\ninput = \"s\"\nwhere = \"{condition}\"\n");
    let steps = [
        filter("name > 1"),
        filter("name"),
        filter("nam > 1"),
        "event-time = \"at\"".to_owned(),
        "event-time = { column = \"at\", format = \"%Y\" }\nwatermark = { column = \"name\" }".to_owned(),
        filter("name + id > 1"),
        "schema = { id = \"int64\", name = \"utf8\", at = \"utf8\" }\n".to_owned() + &filter("name > 1"),
    ];
    let told: String = steps.iter().map(|step| told_of(file, step) + "\n").collect();
    expect![[r#"
        error: comparing utf8 and int64 is not possible: cast one of them; the types of "s" are inferred, and a `schema` in [sources.s] sets them
         --> p.toml:6:10
          |
        6 | where = "name > 1"
          |          ^^^^^^^^

        error: a condition is a bool, but this is utf8: compare it with something; the types of "s" are inferred, and a `schema` in [sources.s] sets them
         --> p.toml:6:10
          |
        6 | where = "name"
          |          ^^^^

        error: there is no column "nam"; did you mean "name"?; the columns are id, name, at
         --> p.toml:6:10
          |
        6 | where = "nam > 1"
          |          ^^^

        error: column "at" is utf8; give the format of its times with `event-time = { column = "..", format = "%Y-%m-%d %H:%M:%S" }`, or give the column the type timestamp in `schema`
         --> p.toml:4:14
          |
        4 | event-time = "at"
          |              ^^^^

        error: "name" cannot say watermarks: a timestamp, a date or an int64 of milliseconds can; the types of "s" are inferred, and a `schema` in [sources.s] sets them
         --> p.toml:5:24
          |
        5 | watermark = { column = "name" }
          |                        ^^^^^^

        error: there is no utf8 + int64: || puts texts together; the types of "s" are inferred, and a `schema` in [sources.s] sets them
         --> p.toml:6:10
          |
        6 | where = "name + id > 1"
          |          ^^^^^^^^^

        error: comparing utf8 and int64 is not possible: cast one of them
         --> p.toml:7:10
          |
        7 | where = "name > 1"
          |          ^^^^^^^^

    "#]].assert_eq(&told);
}
