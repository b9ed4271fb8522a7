//! `weir run` into files and pipes: what is replaced and what is not, and how a job ends that can write no more.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, and so do its helpers")]
#![cfg(unix)]

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::{FileTypeExt as _, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    command.current_dir(folder).env("WEIR_CACHE_DIR", folder.join("cache")).args(args);
    command
}

/// Whether a command succeeds, and what it says.
fn weir(folder: &Path, args: &[&str]) -> (bool, String) {
    let output = command(folder, args).output().unwrap();
    (output.status.success(), String::from_utf8(output.stderr).unwrap())
}

/// A folder with a pipeline that copies three rows into `path`, with these lines for its sink.
fn copying(path: &str, more: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("in.csv"), "k\n1\n2\n3\n").unwrap();
    write_pipeline(folder.path(), "copy", path, more);
    folder
}

fn write_pipeline(folder: &Path, name: &str, path: &str, more: &str) {
    let pipeline = format!(
        "name = {name:?}\n[sources.s]\nconnector = \"file\"\npath = \"in.csv\"\n\
         [sinks.out]\ninput = \"s\"\nconnector = \"file\"\npath = {path:?}\n{more}\n"
    );
    std::fs::write(folder.join("p.toml"), pipeline).unwrap();
}

fn read(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap()
}

const COPIED: &str = "k\n1\n2\n3\n";

#[test]
fn what_is_no_file_is_refused_and_stays_as_it_is() {
    let folder = copying("out.csv", "");
    let out = folder.path().join("out.csv");
    let made = Command::new("mkfifo").arg(&out).status().unwrap();
    assert!(made.success());
    for args in [["check", "p.toml"], ["run", "p.toml"]] {
        let (passed, said) = weir(folder.path(), &args);
        assert!(!passed && said.contains("out.csv is a FIFO, and a file sink writes files only"), "{said}");
        assert!(said.contains("p.toml:8:8"), "{said}");
        assert!(out.symlink_metadata().unwrap().file_type().is_fifo());
    }
    std::fs::remove_file(&out).unwrap();
    let socket = std::os::unix::net::UnixListener::bind(&out).unwrap();
    let (passed, said) = weir(folder.path(), &["run", "p.toml"]);
    assert!(!passed && said.contains("out.csv is a socket"), "{said}");
    drop(socket);
    std::fs::remove_file(&out).unwrap();
    std::fs::create_dir(&out).unwrap();
    let (passed, said) = weir(folder.path(), &["run", "p.toml"]);
    assert!(!passed && said.contains("out.csv is a folder"), "{said}");
}

#[test]
fn a_link_is_followed_and_stays_a_link() {
    let folder = copying("link.csv", "mode = \"overwrite\"");
    std::fs::create_dir(folder.path().join("far")).unwrap();
    std::fs::write(folder.path().join("far/target.csv"), "old\n").unwrap();
    symlink("far/target.csv", folder.path().join("link.csv")).unwrap();
    let (passed, said) = weir(folder.path(), &["run", "p.toml"]);
    assert!(passed, "{said}");
    assert!(folder.path().join("link.csv").symlink_metadata().unwrap().is_symlink());
    assert_eq!(read(folder.path(), "far/target.csv"), COPIED);
    assert_eq!(std::fs::read_dir(folder.path().join("far")).unwrap().count(), 1);

    std::fs::remove_file(folder.path().join("far/target.csv")).unwrap();
    let (passed, said) = weir(folder.path(), &["run", "p.toml"]);
    assert!(!passed && said.contains("link.csv is a link to far/target.csv, which cannot be followed"), "{said}");

    write_pipeline(folder.path(), "copy", "link.csv/", "format = \"csv\"");
    let (passed, said) = weir(folder.path(), &["run", "p.toml"]);
    assert!(!passed && said.contains("link.csv/ is a link to far/target.csv, which cannot be followed"), "{said}");

    std::fs::remove_file(folder.path().join("link.csv")).unwrap();
    symlink("p.toml", folder.path().join("link.csv")).unwrap();
    write_pipeline(folder.path(), "copy", "link.csv", "");
    let (passed, said) = weir(folder.path(), &["run", "p.toml"]);
    assert!(!passed && said.contains("link.csv exists, and no run of the pipeline \"copy\" has written it"), "{said}");
}

#[test]
fn a_link_to_a_folder_gets_parts() {
    let folder = copying("link", "format = \"csv\"");
    std::fs::create_dir(folder.path().join("parts")).unwrap();
    symlink("parts", folder.path().join("link")).unwrap();
    let (passed, said) = weir(folder.path(), &["run", "p.toml"]);
    assert!(passed, "{said}");
    assert!(folder.path().join("link").symlink_metadata().unwrap().is_symlink());
    assert_eq!(std::fs::read_dir(folder.path().join("parts")).unwrap().count(), 1);
}

#[test]
fn only_what_the_same_pipeline_has_written_is_replaced() {
    let folder = copying("out.csv", "");
    for _ in 0..2 {
        let (passed, said) = weir(folder.path(), &["run", "p.toml"]);
        assert!(passed, "{said}");
    }
    let refused = |reason: &str| {
        for args in [["check", "p.toml"], ["run", "p.toml"]] {
            let (passed, said) = weir(folder.path(), &args);
            assert!(!passed && said.contains(&format!("out.csv exists, and {reason}")), "{said}");
            assert!(said.contains("`mode = \"overwrite\"`"), "{said}");
        }
    };
    write_pipeline(folder.path(), "another", "out.csv", "");
    refused("the pipeline \"copy\" has written it");
    write_pipeline(folder.path(), "copy", "out.csv", "");
    std::fs::write(folder.path().join("out.csv"), format!("{COPIED}4\n")).unwrap();
    refused("it was changed since this pipeline has written it");
    std::fs::remove_file(folder.path().join("out.csv")).unwrap();
    std::fs::write(folder.path().join("out.csv"), "precious\n").unwrap();
    refused("no run of the pipeline \"copy\" has written it");
    assert_eq!(read(folder.path(), "out.csv"), "precious\n");

    write_pipeline(folder.path(), "copy", "out.csv", "mode = \"overwrite\"");
    let (passed, said) = weir(folder.path(), &["run", "p.toml"]);
    assert!(passed, "{said}");
    assert_eq!(read(folder.path(), "out.csv"), COPIED);
}

#[test]
fn rows_are_appended_to_rows_of_the_same_columns() {
    let folder = copying("out.csv", "mode = \"append\"");
    std::fs::write(folder.path().join("out.csv"), "k\n0\n").unwrap();
    for expected in ["k\n0\n1\n2\n3\n", "k\n0\n1\n2\n3\n1\n2\n3\n"] {
        let (passed, said) = weir(folder.path(), &["run", "p.toml"]);
        assert!(passed, "{said}");
        assert_eq!(read(folder.path(), "out.csv"), expected);
    }
    for (text, reason) in [("j\n0\n", "its first line is not \"k\""), ("k\n0", "its last line has no end")] {
        std::fs::write(folder.path().join("out.csv"), text).unwrap();
        let (passed, said) = weir(folder.path(), &["run", "p.toml"]);
        assert!(!passed && said.contains(&format!("cannot append to out.csv: {reason}")), "{said}");
        assert_eq!(read(folder.path(), "out.csv"), text);
    }
    let folder = copying("out.jsonl", "mode = \"append\"");
    for expected in [1, 2].map(|times| "{\"k\":1}\n{\"k\":2}\n{\"k\":3}\n".repeat(times)) {
        let (passed, said) =
            weir(folder.path(), &["run", "p.toml", "--checkpoint-dir", "state", "--set", "name=\"copy\""]);
        assert!(passed, "{said}");
        assert_eq!(read(folder.path(), "out.jsonl"), expected);
        std::fs::remove_dir_all(folder.path().join("state")).unwrap();
    }
    std::fs::write(folder.path().join("out.jsonl"), "precious\n").unwrap();
    let (passed, said) = weir(folder.path(), &["run", "p.toml"]);
    assert!(!passed && said.contains("cannot append to out.jsonl: it does not begin with a JSON object"), "{said}");
    let folder = copying("out/", "format = \"csv\"\nmode = \"append\"");
    let (passed, said) = weir(folder.path(), &["check", "p.toml"]);
    assert!(!passed && said.contains("`mode` is an option of a sink that writes one file"), "{said}");
}

#[test]
fn one_missing_folder_is_made_and_said_and_no_more() {
    for (path, more, folder_made) in [("new/out.csv", "", "new"), ("new/", "format = \"csv\"", "new/")] {
        let folder = copying(path, more);
        let (passed, said) = weir(folder.path(), &["run", "p.toml"]);
        let note = format!("note: {path}: the folder {folder_made} does not exist, and will be created");
        assert!(passed && said.contains(&note), "{said}");
        assert!(folder.path().join("new").is_dir());
    }
    for (path, more) in [("a/b/out.csv", ""), ("a/b/", "format = \"csv\"")] {
        let folder = copying(path, more);
        for args in [["check", "p.toml"], ["run", "p.toml"]] {
            let (passed, said) = weir(folder.path(), &args);
            assert!(!passed && said.contains("does not exist, nor does the one above it"), "{said}");
            assert!(!folder.path().join("a").exists());
        }
    }
}

#[test]
fn dead_letters_replace_nothing_of_others() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("in.jsonl"), "{\"a\": 1}\n{\"a\": \"one\"}\n").unwrap();
    let pipeline = "[sources.s]\nconnector = \"file\"\npath = \"in.jsonl\"\nschema = { a = \"int64\" }\n\
                    on-error = \"dead-letter\"\n[sinks.out]\ninput = \"s\"\nconnector = \"blackhole\"\n";
    std::fs::write(folder.path().join("p.toml"), pipeline).unwrap();
    for _ in 0..2 {
        let (passed, said) = weir(folder.path(), &["run", "p.toml"]);
        assert!(passed, "{said}");
    }
    std::fs::write(folder.path().join("dead-letters/s.jsonl"), "precious\n").unwrap();
    let (passed, said) = weir(folder.path(), &["run", "p.toml"]);
    assert!(!passed && said.contains("dead-letters/s.jsonl exists, and it was changed since"), "{said}");
    assert!(said.contains(": move it away, or give") && said.contains("p.toml:1:10\n"), "{said}");
    assert_eq!(read(folder.path(), "dead-letters/s.jsonl"), "precious\n");
}

/// Writes rows without end to the standard output; the test reads the first line only.
fn unread(sink: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = format!(
        "name = \"endless\"\n[sources.s]\nconnector = \"nexmark\"\ntable = \"bid\"\n[sinks.out]\ninput = \"s\"\n{sink}\n"
    );
    std::fs::write(folder.path().join("p.toml"), pipeline).unwrap();
    let mut child =
        command(folder.path(), &["run", "p.toml"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut rows = BufReader::new(child.stdout.take().unwrap());
    rows.read_line(&mut String::new()).unwrap();
    drop(rows);
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    (child.wait().unwrap().code(), said)
}

#[test]
fn a_reader_that_has_gone_ends_the_job_without_a_word() {
    for sink in ["connector = \"stdout\"", "connector = \"console\"\nrows-max = 1000000000"] {
        let (code, said) = unread(sink);
        assert_eq!((code, said.contains("error")), (Some(141), false), "{said}");
    }
    let (code, said) = unread("connector = \"stdout\"\n[sinks.other]\ninput = \"s\"\nconnector = \"blackhole\"");
    assert!(code == Some(141) && said.contains("its other sinks do not finish"), "{said}");
}

#[test]
fn a_job_fails_at_the_limit_of_a_files_size() {
    let folder = copying("out.csv", "");
    let rows: String = (0..200_000).map(|n| format!("{n}\n")).collect();
    std::fs::write(folder.path().join("in.csv"), format!("k\n{rows}")).unwrap();
    let script = format!("ulimit -f 300; exec {} run p.toml", env!("CARGO_BIN_EXE_weir"));
    let output = Command::new("bash").arg("-c").arg(script).current_dir(folder.path()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot write out.csv: File too large"), "{said}");
    let mut left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["in.csv", "p.toml"]);
}

#[test]
fn a_file_that_is_replaced_or_appended_to_keeps_its_mode() {
    use std::os::unix::fs::PermissionsExt as _;
    for mode in ["overwrite", "append"] {
        for bits in [0o600, 0o640, 0o755] {
            let folder = copying("out.csv", &format!("mode = {mode:?}"));
            let out = folder.path().join("out.csv");
            std::fs::write(&out, "k\n0\n").unwrap();
            std::fs::set_permissions(&out, std::fs::Permissions::from_mode(bits)).unwrap();
            let (passed, said) = weir(folder.path(), &["run", "p.toml"]);
            assert!(passed, "{said}");
            assert_eq!(out.metadata().unwrap().permissions().mode() & 0o777, bits, "{mode}");
            assert!(read(folder.path(), "out.csv").ends_with("1\n2\n3\n"));
        }
    }
}

/// Runs a pipeline with checkpoints until there is another one, and interrupts it: by then it listens to that.
fn run_until_checkpoint(folder: &Path) {
    let run = ["run", "p.toml", "--checkpoint-dir", "kept", "--checkpoint-interval", "50ms"];
    let list = || {
        let listed = command(folder, &["checkpoint", "list", "kept", "--json"]).output().unwrap();
        String::from_utf8_lossy(&listed.stdout).into_owned()
    };
    let before = list();
    let mut child = command(folder, &run).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut waits = std::iter::repeat_with(list).take(200);
    let is_new = |listed: String| listed.contains("\"checkpoint\"") && listed != before;
    assert!(waits.any(is_new), "there is no new checkpoint");
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let mut said = String::new();
    lines.read_to_string(&mut said).unwrap();
    child.wait().unwrap();
    assert!(said.contains("is complete: the same command resumes from there"), "{said}");
}

#[test]
fn a_path_is_the_same_however_it_is_written_and_another_one_of_a_sink_is_refused() {
    let folder = copying("out.csv", "");
    let endless = "[sources.e]\nconnector = \"nexmark\"\ntable = \"bid\"\nrate = 100\n[sinks.n]\ninput = \"e\"\nconnector = \"blackhole\"";
    let pipeline = std::fs::read_to_string(folder.path().join("p.toml")).unwrap() + endless;
    std::fs::write(folder.path().join("p.toml"), &pipeline).unwrap();
    run_until_checkpoint(folder.path());
    // Were it another file, the checkpoint would have a split that is gone.
    std::fs::write(folder.path().join("p.toml"), pipeline.replace("\"in.csv\"", "\"././in.csv\"")).unwrap();
    run_until_checkpoint(folder.path());
    std::fs::write(folder.path().join("p.toml"), pipeline.replace("\"out.csv\"", "\"other.csv\"")).unwrap();
    let (passed, said) = weir(folder.path(), &["run", "p.toml", "--checkpoint-dir", "kept"]);
    assert!(!passed && said.contains("it is of a sink that writes out.csv, and not other.csv"), "{said}");
    let names =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(!names.into_iter().any(|name| name.starts_with(".other.csv")), "no temporary files of it");
}
