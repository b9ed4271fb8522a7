//! The command alone, in a folder with nothing else: from `weir new` to an operator that is replaced while its stream runs.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use weir_tests::running::{Ended, Running, look_for, root, weir};

use crate::server::run;

/// Flights that are appended to a file, on a server.
const LIVE: &str = r#"name = "live"

[checkpoint]
dir = "the server's own"
interval = "100ms"

[sources.flights]
connector = "file"
path = "flights.csv"
follow = true
schema = { carrier = "utf8", dep_delay = "int64" }

[operators.classify]
input = "flights"
component = "first@1"
config = { late-after-minutes = 15 }

[sinks.out]
input = "classify"
connector = "file"
path = "out/"
format = "csv"
"#;

/// Somebody who has the command and no checkout, and no folder for what cargo builds.
#[test]
fn the_command_alone_makes_an_operator_and_replaces_it_in_its_stream() {
    let folder = tempfile::tempdir().unwrap();
    let at = |path: &str| folder.path().join(path);
    let alone = at("weir");
    std::fs::copy(weir().get_program(), &alone).unwrap();
    let command = |args: &[&str]| {
        let mut command = Command::new(&alone);
        command.current_dir(folder.path()).args(args).env_remove("CARGO_TARGET_DIR").env_remove("WEIR_CACHE_DIR");
        command.env("NO_COLOR", "1").env("XDG_DATA_HOME", at("data")).env("XDG_CACHE_HOME", at("cache"));
        command
    };
    let weir = |args: &[&str]| -> Ended { run(&mut command(args)).well() };

    for name in ["first", "second"] {
        weir(&["new", name]);
        let manifest = std::fs::read_to_string(at(name).join("Cargo.toml")).unwrap();
        assert!(manifest.contains("path = \"../data/weir/sdk/rust-"), "{manifest}");
        // The versions that the project's own operators are locked to: no registry has to be asked.
        std::fs::copy(root().join("operators/Cargo.lock"), at(name).join("Cargo.lock")).unwrap();
        assert!(weir(&["build", name]).told.contains("transform-operator"));
        assert!(!at(name).join("target").exists(), "operators share a folder");
    }
    let mode = std::fs::metadata(at("data/weir")).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "`weir serve` keeps its catalog in this folder");

    // Without an input it is asked for what it reads.
    let inspected = weir(&["inspect", "first/first.wasm", "--config", "{\"late-after-minutes\": 15}"]).told;
    for line in
        ["config    late-after-minutes", "reads     dep_delay:int64", "output    main: dep_delay:int64, late:bool"]
    {
        assert!(inspected.lines().any(|of| of == line), "{line}: {inspected}");
    }
    assert!(weir(&["test", "first"]).told.ends_with("1 passed, 0 failed\n"));
    weir(&["check", "first/pipeline.toml"]);
    let table = weir(&["run", "first/pipeline.toml"]).told;
    assert!(table.contains("B6") && !table.contains("AA"), "{table}");

    std::fs::create_dir(at("files")).unwrap();
    std::fs::write(at("files/flights.csv"), "carrier,dep_delay\nUA,15\n").unwrap();
    std::fs::write(at("live.toml"), LIVE).unwrap();
    let serve = ["serve", "--listen", "127.0.0.1:0", "--files", "files"];
    let mut server = Running::start(&mut command(&serve));
    server.until("it listens", |running| running.told().ends_with('\n'));
    let address = server.told().trim().to_owned();
    let ask = |args: &[&str]| -> Ended { run(command(args).env("WEIR_SERVER", &address)).well() };

    ask(&["push", "first/first.wasm"]);
    ask(&["deploy", "live.toml"]);
    await_row(&at("files/out"), "UA,15,false");

    let source = std::fs::read_to_string(at("first/src/lib.rs")).unwrap();
    let changed = source.replace("delay > self.late_after_minutes", "delay >= self.late_after_minutes");
    assert_ne!(changed, source);
    std::fs::write(at("first/src/lib.rs"), changed).unwrap();
    weir(&["build", "first"]);
    assert!(ask(&["push", "first/first.wasm"]).said.contains("first@2"));
    ask(&["swap", "live/classify", "first@2", "--no-probation"]);
    let mut flights = std::fs::OpenOptions::new().append(true).open(at("files/flights.csv")).unwrap();
    flights.write_all(b"AA,15\n").unwrap();
    await_row(&at("files/out"), "AA,15,true");
    let rows: usize = parts(&at("files/out")).iter().map(|part| part.lines().count() - 1).sum();
    assert_eq!(rows, 2, "no row is lost or doubled");
}

/// The parts of a folder that a sink writes.
fn parts(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let files = entries.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "csv"));
    files.map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

fn await_row(folder: &Path, row: &str) {
    let found = look_for(|| parts(folder).iter().any(|part| part.lines().any(|line| line == row)).then_some(()));
    found.unwrap_or_else(|| panic!("{row} never came: {:?}", parts(folder)));
}
