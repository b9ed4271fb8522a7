//! How a server begins: where it must not listen, what it must not share, TLS; and what a hostile component does to its compiler.

use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Command;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::Value;
use weir_tests::running::Running;

use crate::pipelines::counts;
use crate::server::{Home, Server, run};

#[test]
fn it_listens_for_others_only_with_tls_and_tokens() {
    let home = Home::new();
    let open = |arguments: &[&str]| run(&mut home.command(&[&["--listen", "0.0.0.0:0"], arguments].concat()));
    let needs_tls = "other machines can reach 0.0.0.0:0: give --tls-cert and --tls-key, or --allow-plain-http";
    let needs_token =
        "other machines can reach 0.0.0.0:0: create a token first, with `weir token create NAME --role admin`";
    open(&[]).failed(&[needs_tls]);
    open(&["--allow-plain-http"]).failed(&[needs_token]);
    open(&["--tls-cert", "cert.pem", "--tls-key", "key.pem"]).failed(&[needs_token]);
    home.token("read");
    open(&[]).failed(&[needs_tls]);
}

#[test]
fn it_shares_neither_its_folder_nor_its_port() {
    let (home, other) = (Home::new(), Home::new());
    let server = home.serve();
    run(&mut home.command(&[])).failed(&["another server uses", "give each its own --data-dir"]);
    let address = server.address.split_once("://").unwrap().1;
    run(&mut other.command(&["--listen", address])).failed(&[&format!("cannot listen at {address}")]);
    // A token is made beside a server that runs, and holds at once.
    let token = home.token("admin");
    server.weir(&["ps"]).failed(&["this server needs a token"]);
    server.with_token(&token).weir(&["ps"]).well();
}

#[test]
fn pipelines_cannot_write_what_it_keeps() {
    let home = Home::without_cache();
    let (data, link) = (home.data(), home.data().with_file_name("link"));
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(data.join("jobs")).unwrap();
    std::os::unix::fs::symlink(data.join("jobs"), &link).unwrap();
    let serve = |files: &Path| {
        let mut command = weir_tests::running::weir();
        command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(&data).arg("--files").arg(files);
        command
    };
    for files in [data.as_path(), data.parent().unwrap(), &data.join("cache"), &data.join("files/../jobs"), &link] {
        run(&mut serve(files)).failed(&["must not contain one another", "name another with --files or --data-dir"]);
    }
    Server::of(Running::start(&mut serve(&data.join("files")))).terminate().well();
}

#[test]
fn what_others_can_read_of_it_is_refused() {
    let home = Home::new();
    let token = home.write("token", home.token("admin"));
    for (path, open, own) in [(home.data(), 0o755, 0o700), (home.data().join("catalog.sqlite"), 0o644, 0o600)] {
        let set = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        set(open);
        let advice = format!("(mode {open:o}): `chmod {own:o} {}`", path.display());
        run(&mut home.command(&[])).failed(&[&advice]);
        let list = ["token", "list", "--data-dir"];
        run(weir_tests::running::weir().args(list).arg(home.data())).failed(&[&advice]);
        set(own);
    }
    let server = home.serve();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for entry in std::fs::read_dir(home.data()).unwrap().map(Result::unwrap) {
        let (name, mode) = (entry.file_name(), mode(&entry.path()));
        let is_catalog = name.to_str().unwrap().starts_with("catalog");
        assert!(!is_catalog || mode == 0o600, "{name:?}: {mode:o}");
    }
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o640)).unwrap();
    let ask = ["ps", "--token-file", token.to_str().unwrap()];
    server.weir(&ask).failed(&[&format!("`chmod 600 {}`", token.display())]);
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o600)).unwrap();
    server.weir(&ask).well();
}

#[test]
fn it_speaks_tls() {
    let home = Home::new();
    let made = generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]);
    let CertifiedKey { cert, signing_key } = made.unwrap();
    let (cert, key) = (home.write("cert.pem", cert.pem()), home.write("key.pem", signing_key.serialize_pem()));
    let (cert, key) = (cert.to_str().unwrap(), key.to_str().unwrap());
    let server = home.serve_with(&["--tls-cert", cert, "--tls-key", key]);
    assert!(server.address.starts_with("https://127.0.0.1:"), "{}", server.address);
    let push = ["push", "tests/guests/value.wasm"];
    for command in [&["ps"][..], &push] {
        server.weir(command).failed(&[
            "no answer from https://127.0.0.1:",
            "its certificate is not trusted here",
            "--ca FILE",
        ]);
    }
    let plain = server.address.replace("https", "http");
    server.weir(&["ps", "--server", &plain]).failed(&["it may speak TLS: write https://"]);
    let other = Home::new().serve();
    let secure = other.address.replace("http", "https");
    server.weir(&["ps", "--server", &secure]).failed(&["it does not speak TLS: write http://"]);
    server.weir(&["ps", "--ca", cert]).well();
    run(server.command(&push).env("WEIR_CA", cert)).well().saying(&["pushed value@1: "]);
    server.terminate().well();
    run(&mut home.command(&["--tls-cert", key, "--tls-key", key])).failed(&["are not a certificate and its key"]);
    assert_eq!(run(&mut home.command(&["--tls-cert", cert])).code, Some(2), "it needs the key");
}

#[test]
fn it_logs_for_machines() {
    let home = Home::new();
    let server = home.serve_with(&["--log-format", "json", "--verbose"]);
    server.weir(&["ps"]).well();
    let said = server.terminate().well().said;
    let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let messages: Vec<_> = lines.iter().map(|line| line["message"].as_str().unwrap()).collect();
    // A path that is mistyped must not become an empty folder without a word.
    assert!(messages[0].ends_with("/files does not exist, and is created: --files names it"), "{messages:?}");
    assert_eq!(messages[1..], ["listening", "request", "ending: every job takes a last checkpoint", "ended"]);
    assert_eq!((&lines[2]["path"], &lines[2]["status"]), (&"/v1/jobs".into(), &200.into()));
}

#[test]
fn a_component_that_takes_the_compiler_too_much_is_refused_and_harms_no_job() {
    let home = Home::new();
    // Its processes get so little that the bomb need not be large.
    let mut limited = Command::new("sh");
    let serve = home.command(&[]);
    limited.args(["-c", "ulimit -t 10; exec \"$0\" \"$@\""]).arg(serve.get_program()).args(serve.get_args());
    let server = Server::of(Running::start(limited.current_dir(weir_tests::running::root())));
    server.push_counters();
    server
        .deploy(&home, &counts(&[("rate = 20000", "rate = 1000"), ("interval = \"100ms\"", "interval = \"1h\"")]))
        .well();
    server.until_rows("counts", 100);
    let bomb = home.write("bomb.wasm", bomb());
    let mut pushing = Running::start(&mut server.command(&["push", bomb.to_str().unwrap()]));
    pushing.until("it is compiled", |_| {
        let metrics = server.raw("GET", "/metrics", "", b"").body;
        metrics.as_str().unwrap().contains("weir_permits_in_use{of=\"compilers\"} 1\n")
    });
    assert_eq!(server.push("count_v2", "other"), "1", "it holds up no other");
    pushing.end().failed(&["compiling the component needs more time or memory than a component may"]);
    assert_eq!(server.json(&["operator", "show", "value"]).as_array().unwrap().len(), 1);
    let rows = server.until_it_is("counts", "running")["rows-out"].as_u64().unwrap();
    server.until_rows("counts", rows + 100);
    server.weir(&["operator", "show", "bomb"]).failed(&["there is no operator \"bomb\""]);
}

/// An operator with a module beside it of so many functions that compiling them takes many times what is given.
fn bomb() -> Vec<u8> {
    const FUNCTIONS: usize = 50_000;
    let sized = |bytes: Vec<u8>| [leb128(bytes.len()), bytes].concat();
    let section = |id: u8, contents: Vec<u8>| [vec![id], sized(contents)].concat();
    // local.get 0, local.get 0, i32.mul, local.get 0, i32.add, local.set 0
    let step = [0x20, 0, 0x20, 0, 0x6c, 0x20, 0, 0x6a, 0x21, 0];
    // Each multiplies by another number, or one would be compiled for all: local.get 0, i32.const, i32.mul, local.set 0
    let own = |n: usize| [0x20, 0, 0x41, n as u8 | 0x80, (n >> 7) as u8 | 0x80, (n >> 14) as u8, 0x6c, 0x21, 0];
    // No further locals; ...; local.get 0, end
    let body = |n: usize| sized([vec![0], own(n).to_vec(), step.repeat(100), vec![0x20, 0, 0x0b]].concat());
    let module = [
        b"\0asm\x01\0\0\0".to_vec(),
        // One type: i32 to i32.
        section(1, vec![1, 0x60, 1, 0x7f, 1, 0x7f]),
        section(3, [leb128(FUNCTIONS), vec![0; FUNCTIONS]].concat()),
        section(10, [leb128(FUNCTIONS), (0..FUNCTIONS).flat_map(body).collect()].concat()),
    ];
    let operator = std::fs::read(crate::server::guest_path("value")).unwrap();
    [operator, section(1, module.concat())].concat()
}

/// As WebAssembly writes numbers.
fn leb128(mut n: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while n >= 0x80 {
        bytes.push((n & 0x7f) as u8 | 0x80);
        n >>= 7;
    }
    bytes.push(n as u8);
    bytes
}
