//! From `weir new` to a component: every template passes its test, builds, and is what it says.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, and so do its helpers")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use expect_test::expect;

fn weir(folder: &Path, args: &[&str]) -> Output {
    run(Command::new(env!("CARGO_BIN_EXE_weir")).args(args), folder)
}

fn run(command: &mut Command, folder: &Path) -> Output {
    let command = command.current_dir(folder).env("WEIR_CACHE_DIR", folder.join("cache"));
    command.env("CARGO_TARGET_DIR", target_folder()).output().unwrap()
}

/// That of the project's own operators, which are compiled in the same way: the SDK is built once.
fn target_folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("../guests")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn every_template_builds_and_passes_its_test() {
    let folder = tempfile::tempdir().unwrap();
    for (template, world, input) in [
        ("transform", "transform-operator", "price:int64,auction:int64"),
        ("keyed", "keyed-operator", "sensor:uint32,celsius:float64"),
        ("aggregate", "aggregate-operator", "celsius:float64"),
    ] {
        let name = format!("my-{template}");
        let made = weir(folder.path(), &["new", &name, "--template", template]);
        assert!(made.status.success(), "{}", text(&made.stderr));

        // The versions that the project's own operators are locked to: no registry has to be asked.
        let locked = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../operators/Cargo.lock");
        std::fs::copy(locked, folder.path().join(&name).join("Cargo.lock")).unwrap();

        let tested = run(Command::new("cargo").args(["test", "--quiet"]), &folder.path().join(&name));
        assert!(tested.status.success(), "{template}: {}{}", text(&tested.stdout), text(&tested.stderr));
        assert!(text(&tested.stdout).contains("1 passed"), "{template}: {}", text(&tested.stdout));

        let built = weir(folder.path(), &["build", &name]);
        assert!(built.status.success(), "{template}: {}", text(&built.stderr));
        let component = format!("{name}/{name}.wasm");
        assert!(text(&built.stdout).contains(world), "{}", text(&built.stdout));

        let config = match template {
            "transform" => "{\"price-min\": 100}",
            "keyed" => "{\"degrees\": 1, \"silence-seconds\": 60}",
            _ => "{\"unit\": 0.5}",
        };
        let key: &[&str] = if template == "keyed" { &["--key-by", "sensor"] } else { &[] };
        let args = [&["inspect", &component, "--config", config, "--input", input], key].concat();
        let inspected = weir(folder.path(), &args);
        assert!(inspected.status.success(), "{template}: {}", text(&inspected.stderr));
        let plan: String = text(&inspected.stdout)
            .lines()
            .skip_while(|line| !line.starts_with("reads"))
            .map(|line| format!("{line}\n"))
            .collect();
        match template {
            "transform" => expect![[r#"
                reads     price
                output    main: price:int64, auction:int64, price_with_tax:int64
                          carried over by the host: price, auction
            "#]],
            "keyed" => expect![[r#"
                reads     celsius, event times
                output    main: sensor:uint32, celsius:float64?, degrees:float64
                          carried over by the host: sensor, celsius
                output    silent: sensor:uint32
                          carried over by the host: sensor
                state     version 1: celsius:float64, silent_at:timestamp(us, UTC)
            "#]],
            _ => expect![[r#"
                reads     celsius
                output    main: spread:float64?
                state     version 1: least:float64?, greatest:float64?
            "#]],
        }
        .assert_eq(&plan);
    }
}

/// Somebody who has the command and no checkout, and no folder for what cargo builds.
#[test]
fn the_command_alone_makes_an_operator() {
    let folder = tempfile::tempdir().unwrap();
    let alone = folder.path().join("weir");
    std::fs::copy(env!("CARGO_BIN_EXE_weir"), &alone).unwrap();
    let weir = |args: &[&str]| {
        let mut command = Command::new(&alone);
        command.current_dir(folder.path()).args(args).env_remove("CARGO_TARGET_DIR").env_remove("WEIR_CACHE_DIR");
        command.env("XDG_DATA_HOME", folder.path().join("data")).env("XDG_CACHE_HOME", folder.path().join("cache"));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
        text(&output.stdout)
    };
    let locked = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../operators/Cargo.lock");
    for name in ["first", "second"] {
        weir(&["new", name]);
        let manifest = std::fs::read_to_string(folder.path().join(name).join("Cargo.toml")).unwrap();
        assert!(manifest.contains("path = \"../data/weir/sdk/rust-"), "{manifest}");
        std::fs::copy(&locked, folder.path().join(name).join("Cargo.lock")).unwrap();
        assert!(weir(&["build", name]).contains("transform-operator"));
        assert!(!folder.path().join(name).join("target").exists(), "operators share a folder");
    }
    #[cfg(unix)]
    {
        let data = std::fs::metadata(folder.path().join("data/weir")).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::mode(&data.permissions());
        assert_eq!(mode & 0o077, 0, "`weir serve` keeps its catalog in this folder");
    }
    // Without an input it is asked for what it reads.
    let inspected = weir(&["inspect", "first/first.wasm", "--config", "{\"price-min\": 100}"]);
    for line in ["config    price-min", "reads     price:int64", "output    main: price:int64, price_with_tax:int64"] {
        assert!(inspected.lines().any(|of| of == line), "{line}: {inspected}");
    }
    std::fs::write(folder.path().join("in.csv"), "price,auction\n100,1\n50,2\n").unwrap();
    let pipeline = "[sources.s]\nconnector = \"file\"\npath = \"in.csv\"\n[operators.o]\ninput = \"s\"\ncomponent = \"first/first.wasm\"\n\
                    config = { price-min = 100 }\n[sinks.out]\ninput = \"o\"\nconnector = \"stdout\"\n";
    std::fs::write(folder.path().join("p.toml"), pipeline).unwrap();
    weir(&["check", "p.toml"]);
    let rows = weir(&["run", "p.toml"]);
    assert_eq!(rows.lines().count(), 1, "{rows}");
}

#[test]
fn what_is_there_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("mine")).unwrap();
    let refused = weir(folder.path(), &["new", "mine"]);
    assert!(!refused.status.success());
    expect![[r#"
        error: mine exists already; nothing was changed
    "#]]
    .assert_eq(&text(&refused.stderr));
    assert_eq!(std::fs::read_dir(folder.path().join("mine")).unwrap().count(), 0);
}

#[test]
fn a_folder_without_a_crate_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    let refused = weir(folder.path(), &["build", "empty"]);
    assert!(!refused.status.success());
    expect![[r#"
        error: there is no empty/Cargo.toml; `weir new NAME` makes a crate to start from
          because No such file or directory (os error 2)
    "#]]
    .assert_eq(&text(&refused.stderr));
}

#[test]
fn what_is_no_component_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("no.wasm"), b"\0asm\x01\0\0\0").unwrap();
    let refused = weir(folder.path(), &["inspect", "no.wasm"]);
    assert!(!refused.status.success());
    expect![[r#"
        error: no.wasm is a core WebAssembly module, not a component: make it one with `weir build` or `wasm-tools component new module.wasm -o component.wasm`
    "#]]
    .assert_eq(&text(&refused.stderr));
}
