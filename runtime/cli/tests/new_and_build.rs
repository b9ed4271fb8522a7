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
        ("transform", "transform-operator", "dep_delay:int64,carrier:utf8"),
        ("keyed", "keyed-operator", "carrier:utf8,dep_delay:int64"),
        ("aggregate", "aggregate-operator", "dep_delay:int64"),
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
        let cases = weir(folder.path(), &["dev", &name, "--once"]);
        let said = text(&cases.stdout) + &text(&cases.stderr);
        assert!(cases.status.success() && said.contains("1 passed, 0 failed"), "{template}: {said}");
        let run = weir(folder.path(), &["run", &format!("{name}/pipeline.toml")]);
        assert!(run.status.success(), "{template}: {}", text(&run.stderr));
        let component = format!("{name}/{name}.wasm");
        assert!(text(&built.stdout).contains(world), "{}", text(&built.stdout));

        let config = match template {
            "transform" => "{\"late-after-minutes\": 15}",
            "keyed" => "{\"minutes\": 30, \"silence-minutes\": 60}",
            _ => "{\"unit-minutes\": 20}",
        };
        let key: &[&str] = if template == "keyed" { &["--key-by", "carrier"] } else { &[] };
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
                reads     dep_delay
                output    main: dep_delay:int64, carrier:utf8, late:bool
                          carried over by the host: dep_delay, carrier
            "#]],
            "keyed" => expect![[r#"
                reads     dep_delay, event times
                output    main: carrier:utf8, dep_delay:int64?, jump:int64
                          carried over by the host: carrier, dep_delay
                output    silent: carrier:utf8
                          carried over by the host: carrier
                state     version 1: dep_delay:int64, silent_at:timestamp(us, UTC)
            "#]],
            _ => expect![[r#"
                reads     dep_delay
                output    main: spread:float64?
                state     version 1: least:int64?, greatest:int64?
            "#]],
        }
        .assert_eq(&plan);
    }
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
        error: there is no operator in empty: no Cargo.toml, no pyproject.toml, no package.json, no go.mod, no CMakeLists.txt, no build.zig.zon; `weir new NAME` makes one to start from
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

#[test]
fn cases_that_fail_say_where_and_can_be_updated() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("tests")).unwrap();
    let component = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/flights/classify.wasm");
    let case = "config = { late-after-minutes = 15, very-late-after-minutes = 60 }
columns = { dep_delay = \"int64\", arr_delay = \"int64\", carrier = \"utf8\" }

[[steps]]
rows = [{ dep_delay = 20, carrier = \"UA\" }, { dep_delay = 3, carrier = \"AA\" }]

[expect.outputs]
main = [{ delay_class = \"on-time\" }]
";
    std::fs::write(folder.path().join("tests/late.toml"), case).unwrap();
    let component = component.to_str().unwrap();
    let test = |more: &[&str]| weir(folder.path(), &[&["test", "--component", component], more].concat());
    let failed = test(&["--junit", "report.xml"]);
    assert!(!failed.status.success());
    expect![[r#"
        FAILED   late
                 outputs.main[0]: not expected: {"delay_class":"late"}
        0 passed, 1 failed
    "#]]
    .assert_eq(&text(&failed.stdout));
    assert!(std::fs::read_to_string(folder.path().join("report.xml")).unwrap().contains("failures=\"1\""));

    assert!(test(&["--update"]).status.success());
    let updated = std::fs::read_to_string(folder.path().join("tests/late.toml")).unwrap();
    assert!(updated.starts_with(case.split("[expect").next().unwrap()), "{updated}");
    expect![[r#"
        1 passed, 0 failed
    "#]]
    .assert_eq(&text(&test(&[]).stdout).replace("passed   late\n", ""));

    // What would be lost with the old expectations.
    let (head, steps) = case.split_once("\n[[steps]]\nrows = ").unwrap();
    let steps = steps.split("\n\n").next().unwrap();
    let mixed = format!("{head}\nexpect.outputs.main = []\nsteps = [{{ rows = {steps} }}]\n");
    let file = folder.path().join("tests/mixed.toml");
    std::fs::write(&file, &mixed).unwrap();
    let refused = text(&test(&["--case", "mixed", "--update"]).stdout);
    assert!(refused.contains("[expect] must be the last part of the file"), "{refused}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), mixed);
    // An operator that fails is not what was expected.
    let failing = case.replace("{ late-after-minutes = 15, ", "{ late = 15, ");
    std::fs::write(&file, &failing).unwrap();
    let refused = text(&test(&["--case", "mixed", "--update"]).stdout);
    assert!(refused.contains("the operator failed, and the case expects rows"), "{refused}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), failing);
    std::fs::remove_file(file).unwrap();

    std::fs::write(folder.path().join("tests/wrong.toml"), "column = {}\n").unwrap();
    let wrong = text(&test(&["--case", "wrong"]).stdout);
    assert!(wrong.contains("unknown field `column`") && wrong.contains("1 | column = {}"), "{wrong}");
    let none = text(&test(&["--case", "nothing"]).stderr);
    assert!(none.contains("no case has \"nothing\" in its name; there are late, wrong"), "{none}");
}
