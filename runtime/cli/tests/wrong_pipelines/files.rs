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
