//! What is refused by the commands, and in which words.

use std::fs;

use weir_tests::running::root;

use crate::pipelines::{COUNTS, counts};
use crate::server::{Home, Server, guest_path};

fn check(server: &Server, cases: &[(&[&str], &str)]) {
    for (arguments, says) in cases {
        let ended = server.weir(arguments);
        assert!(ended.code == Some(1) && ended.said.contains(says), "{arguments:?}: {}", ended.said);
    }
}

#[test]
fn a_version_that_does_not_fit_is_refused_before_anything_changes() {
    let home = Home::new();
    let server = home.serve();
    server.push_counters();
    server.push("count_text", "text");
    server.push("echo", "echo");
    server.push("../../examples/nexmark/convert", "convert");
    server.deploy(&home, COUNTS).well();
    server.until_rows("counts", 500);
    let before = server.show("counts")["revisions"].clone();
    check(
        &server,
        &[
            (
                &["swap", "counts/value", "convert@1"],
                "operator \"value\" cannot run that version: its output \"main\" no longer has the column \"channel\"",
            ),
            (
                &["swap", "counts/count", "text@1"],
                "operator \"count\" cannot run that version: the column \"count\" of its state is uint32, and would be utf8; give \
                 the new layout another version",
            ),
            (
                &["swap", "counts/count", "echo@1"],
                "the new component is a transform-operator, but the running one is a keyed-operator",
            ),
            (&["swap", "counts/count", "count@1"], "operator \"count\" runs that version already"),
            (&["swap", "counts/count", "count@3"], "there is no count@3; the versions of count are 1, 2"),
            (
                &["swap", "counts/count", "cuont@1"],
                "there is no operator \"cuont\" on this server: `weir push FILE --name cuont`",
            ),
            (&["swap", "counts/count", "count"], "\"count\" is not a version of an operator: write NAME@VERSION"),
            (
                &["swap", "counts/cuont", "count@2"],
                "the job \"counts\" has no operator \"cuont\"; did you mean \"count\"?; it has value, count",
            ),
            (
                &["swap", "conuts/count", "count@2"],
                "there is no job \"conuts\" on this server; did you mean \"counts\"?",
            ),
            (&["swap", "counts/count"], "no change given for \"count\": name a version"),
            (&["swap", "counts/count", "--set", "input=value"], "\"input\" cannot be swapped"),
            (&["swap", "counts/count", "--set", "config.tga=3"], "unknown field `tga`"),
            (&["swap", "counts/count", "--unset", "key-by"], "\"key-by\" cannot be swapped"),
            (
                &["swap", "counts/count", "--unset", "config.tga"],
                "\"config.tga\" cannot be unset: operators.count.config has no key \"tga\"; did you mean \"tag\"?; it has tag",
            ),
            (&["swap", "counts/count", "--unset", "config.tag"], "missing field `tag`"),
            (
                &["swap", "counts/count", "--set", "limits.memory=\"64KiB\""],
                "operator \"count\" cannot run that version: the operator failed in describe: the operator needs more than 65536 bytes \
                 of memory; raise limits.memory",
            ),
            (
                &["rollback", "counts/count"],
                "\"count\" runs count@1, and no revision of \"counts\" has run another version of it",
            ),
            (&["rollback", "counts/bids"], "the job \"counts\" has no operator \"bids\"; it has value, count"),
            (
                &["swap", "counts/count", "count@2", "--shadow", "0s"],
                "the shadow duration must be greater than zero, such as 10s",
            ),
        ],
    );
    let after = server.until_rows("counts", 2000);
    assert_eq!((&after["state"], &after["revisions"]), (&"running".into(), &before));
}

#[test]
fn a_column_of_state_is_given_up_only_by_its_name() {
    let home = Home::new();
    let server = home.serve();
    for level in ["level_v1", "level_v2"] {
        server.push(&format!("../../examples/hot-swap/{level}"), "level");
    }
    let of = |level: &str| {
        let pipeline = fs::read_to_string(root().join("examples/hot-swap/pipeline.toml")).unwrap();
        pipeline.replace("level@1", level).replace("interval = \"1s\"", "interval = \"1h\"")
    };
    server.deploy(&home, &of("level@2")).well();
    server.until_rows("bids", 3);
    // There is no checkpoint yet, and so no such state in one.
    let path = home.write("pipeline.toml", of("level@1"));
    let gives_up = |mode| ["deploy", path.to_str().unwrap(), mode, "--allow-dropped-state", "level.bids"];
    server.weir(&gives_up("--dry-run")).well();
    server.deploy(&home, &of("level@1")).failed(&[
        "its state no longer has the column \"bids\", which would be lost; ",
        "or discard what would be lost with --allow-dropped-state level.bids",
        "revision 1 runs again",
    ]);
    server.weir(&gives_up("--yes")).well();
    server.until_it_is("bids", "running");
}

#[test]
fn a_pipeline_that_cannot_run_is_refused_with_its_places() {
    let home = Home::new();
    let server = home.serve();
    server.push_counters();
    let cases: [(&[(&str, &str)], &str); 12] = [
        (&[("count@1", "count@9")], "there is no count@9; the versions of count are 1, 2\n  --> "),
        (&[("value@1", "valu@1")], "there is no operator \"valu\" on this server"),
        (&[("count@1", "count.wasm")], "\"count.wasm\" is not a version of an operator"),
        (&[("\"out/\"", "\"../out/\"")], "../out/ leads out of the folder of files"),
        (&[("\"out/\"", "\"/etc/passwd\"")], "/etc/passwd leads out of the folder of files"),
        (&[("name = \"counts\"", "name = \"../counts\"")], "\"../counts\" cannot be the name of a job"),
        (&[("name = \"counts\"", "name = \"\"")], "name"),
        (
            &[("connector = \"file\"", "connector = \"stdout\"")],
            "a server has no terminal, so there is no stdout on it",
        ),
        (
            &[("connector = \"file\"", "connector = \"console\"")],
            "a server has no terminal, so there is no console on it",
        ),
        (
            &[("connector = \"nexmark\"\ntable = \"bid\"\nrate = 20000", "connector = \"stdin\"")],
            "there is no stdin on it",
        ),
        (
            &[(
                "connector = \"nexmark\"\ntable = \"bid\"\nrate = 20000",
                "connector = \"file\"\npath = \"/etc/passwd\"",
            )],
            "/etc/passwd leads out of the folder of files",
        ),
        (&[("key-by = [\"extra\"]", "key-by = [\"extar\"]")], "extar"),
    ];
    for (changes, says) in cases {
        server.deploy(&home, &counts(changes)).failed(&[says]);
    }
    // All at once, each at its place; as a document too.
    let many = counts(&[("value@1", "valu@1"), ("count@1", "count@9"), ("\"out/\"", "\"../out/\"")]);
    let path = home.write("many.toml", &many);
    let deploy = ["deploy", path.to_str().unwrap(), "--json"];
    let places = ["there is no operator \"valu\"", "there is no count@9", "../out/ leads out of the folder of files"];
    let told = server.weir(&deploy).failed(&places).summary();
    let lines: Vec<_> = told["problems"].as_array().unwrap().iter().map(|problem| problem["line"].clone()).collect();
    let line_of = |text: &str| many.lines().position(|line| line.contains(text)).unwrap() + 1;
    assert_eq!(
        (&told["ok"], lines),
        (&false.into(), ["valu@1", "count@9", "../out/"].map(|t| line_of(t).into()).to_vec())
    );
    server.weir(&["check", path.to_str().unwrap()]).failed(&["count@9", "`weir deploy --dry-run` checks it there"]);
    let component = guest_path("value");
    server.weir(&["deploy", component.to_str().unwrap()]).failed(&["is a component, and no pipeline: `weir push "]);
    assert_eq!(server.json(&["ps"]), serde_json::json!([]));
    assert!(!home.files().join("out").exists());

    // Nobody is asked who is not there.
    server.deploy(&home, COUNTS).well();
    server.until_rows("counts", 500);
    let path = home.write("other.toml", counts(&[("rate = 20000", "rate = 30000")]));
    let changes = ["- rate = 20000", "+ rate = 30000"];
    let nobody = "counts exists already and would be replaced, and there is no terminal to ask at: use --yes";
    server.weir(&["deploy", path.to_str().unwrap()]).failed(&[nobody]).saying(&changes);
    server.weir(&["deploy", path.to_str().unwrap(), "--dry-run"]).well().saying(&changes);
}

#[test]
fn what_is_no_operator_is_refused() {
    let home = Home::new();
    let server = home.serve();
    let bytes = std::fs::read(guest_path("value")).unwrap();
    let files = [
        ("text.wasm", b"(component)".to_vec(), "error: the component is WebAssembly text"),
        ("none.wasm", b"no".to_vec(), "error: the component is not WebAssembly"),
        ("empty.wasm", Vec::new(), "error: the component is not WebAssembly"),
        ("half.wasm", bytes[..bytes.len() / 2].to_vec(), "error: the component is damaged or truncated"),
        ("module.wasm", b"\0asm\x01\0\0\0".to_vec(), "error: the component is a core WebAssembly module"),
        ("other.wasm", b"\0asm\x0d\0\x01\0".to_vec(), "error: the component implements a different WIT world"),
        ("native.wasm", b"\x7fELF".to_vec(), "error: the component is precompiled native code"),
    ];
    for (name, bytes, says) in files {
        let path = home.write(name, bytes);
        let ended = server.weir(&["push", path.to_str().unwrap()]).failed(&[says]);
        assert!(ended.said.starts_with(says), "{}", ended.said);
    }
    let value = guest_path("value");
    let value = value.to_str().unwrap();
    check(
        &server,
        &[
            (&["push", value, "--name", "../value"], "\"../value\" cannot be the name of an operator"),
            (&["push", value, "--version", "a/b"], "\"a/b\" cannot be the name of a version"),
            (&["push", "missing.wasm"], "cannot read missing.wasm"),
            (&["operator", "rm", "value"], "write NAME@VERSION, for example count@2"),
            (&["operator", "rm", "value@7"], "there is no value@7 on this server"),
            (&["show", "none"], "there is no job \"none\" on this server"),
            (&["logs", "none"], "there is no job \"none\" on this server"),
            (&["stop", "none"], "there is no job \"none\" on this server"),
            (&["start", "none"], "there is no job \"none\" on this server"),
            (&["savepoint", "none"], "there is no job \"none\" on this server"),
            (&["rm", "none"], "there is no job \"none\" on this server"),
        ],
    );
    assert_eq!(server.json(&["operator", "list"]), serde_json::json!([]));
    let left = std::fs::read_dir(home.data().join("components")).unwrap().count();
    let uploads = std::fs::read_dir(home.data().join("uploads")).unwrap().count();
    assert_eq!((left, uploads), (0, 0), "nothing of them is kept");
}
