//! What the API refuses, whatever the role of the caller: each with a problem document that says what was wrong.

use std::io::Write as _;

use crate::pipelines::{COUNTS, counts};
use crate::server::{Answer, Home, JSON, Server, guest_path, run};
use serde_json::{Value, json};

const WASM: &str = "content-type: application/wasm\r\n";

/// An upload of these bytes under a digest.
fn push(server: &Server, name: &str, digest: &str, bytes: &[u8]) -> Answer {
    server.raw("POST", &format!("/v1/operators/{name}?digest={digest}"), WASM, bytes)
}

/// The digest of a component, as a server finds it that was told another.
pub(crate) fn digest_of(server: &Server, bytes: &[u8]) -> String {
    let answer = push(server, "value", &"0".repeat(64), bytes);
    answer.refused(400, "invalid", "but its sender announced \"0000");
    answer.body["detail"].as_str().unwrap().split(' ').find(|word| word.len() == 65).unwrap()[..64].to_owned()
}

#[test]
fn who_may_not_ask_gets_no_answer() {
    let home = Home::new();
    let tokens = ["read", "deploy", "admin"].map(|role| home.token(role));
    let server = home.serve();
    let asks = |token: &str, method: &str, path: &str| {
        server.raw(method, path, &format!("{JSON}authorization: Bearer {token}\r\n"), b"{}")
    };
    let none = server.raw("GET", "/v1/jobs", "", b"");
    none.refused(401, "unauthorized", "this server needs a token: set WEIR_TOKEN");
    assert!(none.head.contains("www-authenticate: bearer"), "{none:?}");
    // Also who still sends.
    push(&server, "value", &"0".repeat(64), &vec![0; 24 << 20]).refused(
        401,
        "unauthorized",
        "this server needs a token",
    );
    server.raw("GET", "/v1/nothing", "", b"").refused(401, "unauthorized", "this server needs a token");
    server.raw("GET", "/v1/jobs", "authorization: Basic YTpi\r\n", b"").refused(
        401,
        "unauthorized",
        "not a bearer token",
    );
    asks("weir_00", "GET", "/v1/jobs").refused(401, "unauthorized", "this server does not know the token");
    let needs = [("GET", "/v1/jobs"), ("POST", "/v1/jobs/none/start"), ("DELETE", "/v1/jobs/none")];
    for (role, token) in tokens.iter().enumerate() {
        for (needed, (method, path)) in needs.into_iter().enumerate() {
            let answer = asks(token, method, path);
            match (needed == 0, role < needed) {
                (true, _) => assert_eq!(answer.status, 200),
                (_, true) => answer.refused(403, "forbidden", "that needs the role"),
                (_, false) => answer.refused(404, "not-found", "there is no job \"none\""),
            }
        }
    }
    // Who sends much hears it too.
    let component = guest_path("count_v1");
    let push = ["push", component.to_str().unwrap()];
    server.weir(&push).failed(&["this server needs a token: set WEIR_TOKEN"]);
    let server = server.with_token(&tokens[0]);
    server.weir(&push).failed(&["that needs the role deploy, and the token has read"]);
    let server = server.with_token(&tokens[1]);
    server.push("count_v1", "count");
    server.weir(&["operator", "rm", "count@1"]).failed(&["that needs the role admin, and the token has deploy"]);
    let server = server.with_token(&tokens[2]);
    server.weir(&["operator", "rm", "count@1"]).well();
    // A token that is taken back is of no use from then on.
    run(weir_tests::running::weir().args(["token", "rm", "admin", "--data-dir"]).arg(home.data())).well();
    server.weir(&["ps"]).failed(&["this server does not know the token"]);
    let listed = run(weir_tests::running::weir().args(["token", "list", "--data-dir"]).arg(home.data())).well().told;
    assert!(listed.contains("read") && tokens.iter().all(|token| !listed.contains(token)), "{listed}");
}

#[test]
fn names_lead_nowhere() {
    let home = Home::new();
    let server = home.serve();
    let outside = home.write("outside.wasm", "");
    let digest = "0".repeat(64);
    for name in ["%2e%2e%2foutside", "..%2foutside", "a%2f..%2fb", "%2Fetc%2Fpasswd", "a%00b", "%2e", "-a", "%ff"] {
        push(&server, name, &digest, b"").refused(400, "invalid", "");
    }
    push(&server, "a", &format!("{digest}&version=..%2f1"), b"").refused(
        400,
        "invalid",
        "cannot be the name of a version",
    );
    for path in
        ["/v1/operators/..", "/v1/operators/../../../etc/passwd", "/../../etc/passwd", "/v1/jobs/%2e%2e%2f%2e%2e"]
    {
        server.raw("GET", path, "", b"").refused(404, "not-found", "");
    }
    for path in ["/v1/operators/..%2f..%2foutside/1", "/v1/operators/a/..%2foutside", "/v1/jobs/..%2f..%2fdata"] {
        server.raw("DELETE", path, "", b"").refused(404, "not-found", "there is no");
    }
    assert!(outside.exists() && home.data().join("catalog.sqlite").exists());
}

#[test]
fn an_upload_must_be_what_its_sender_says_and_have_a_size() {
    let home = Home::new();
    let server = home.serve();
    let bytes = std::fs::read(guest_path("value")).unwrap();
    let digest = digest_of(&server, &bytes);
    push(&server, "value", "abc", &bytes).refused(400, "invalid", "is not a blake3 digest");
    push(&server, "value", &"g".repeat(64), &bytes).refused(400, "invalid", "is not a blake3 digest");
    server.raw("POST", "/v1/operators/value", WASM, &bytes).refused(400, "invalid", "missing field `digest`");
    push(&server, "value", &format!("{digest}&name=x"), &bytes).refused(400, "invalid", "unknown field `name`");
    push(&server, "value", &digest, &bytes[1..]).refused(400, "invalid", "send it again");

    // A GiB that is announced, and one that is not.
    let head = format!("POST /v1/operators/value?digest={digest} HTTP/1.1\r\nhost: localhost\r\n{WASM}");
    let announced = server.send(&format!("{head}content-length: 1073741824\r\n"));
    Answer::read(announced).refused(413, "too-large", "a component may have 64 MiB");
    let mut chunked = server.send(&format!("{head}transfer-encoding: chunked\r\n"));
    let chunk = [b"100000\r\n".to_vec(), vec![0; 1 << 20], b"\r\n".to_vec()].concat();
    let sent = (0..1024).take_while(|_| chunked.write_all(&chunk).is_ok()).count();
    assert!((64..256).contains(&sent), "it reads no further than it must: {sent} MiB");
    Answer::read(chunked).refused(413, "too-large", "a component may have 64 MiB");
    assert_eq!(std::fs::read_dir(home.data().join("uploads")).unwrap().count(), 0);

    let answer = push(&server, "value", &digest, &bytes);
    assert_eq!((answer.status, &answer.body["is-new"]), (201, &true.into()), "{answer:?}");
    let again = push(&server, "value", &digest, &bytes);
    assert_eq!((again.status, &again.body["is-new"]), (200, &false.into()), "{again:?}");
}

#[test]
fn a_refusal_is_heard_by_who_still_sends() {
    let home = Home::new();
    let server = home.serve();
    let bytes = vec![b'x'; 24 << 20];
    let file = home.write("large.wasm", &bytes);
    for _ in 0..5 {
        let said = server.weir(&["push", file.to_str().unwrap(), "--name", "../large"]).failed(&[]).said;
        assert!(said.contains("\"../large\" cannot be the name of an operator"), "{said}");
    }
    push(&server, "large", "short", &bytes).refused(400, "invalid", "is not a blake3 digest");
    server.raw("POST", "/v1/jobs", JSON, &vec![b' '; 24 << 20]).refused(413, "too-large", "");
    assert_eq!(server.raw("GET", "/v1/health", "", b"").status, 200);
}

#[test]
fn requests_that_make_no_sense_are_told_why() {
    let home = Home::new();
    let server = home.serve();
    let bodies: [(&str, &[u8], &str); 8] = [
        (JSON, b"{\"pipeline\": 5}", "invalid type: integer `5`, expected a string"),
        (JSON, b"{}", "missing field `pipeline`"),
        (JSON, b"[]", "invalid length 0"),
        (JSON, b"{\"pipeline\": \"\", \"dryrun\": true}", "unknown field `dryrun`"),
        (JSON, b"{\"pipeline\": ", "EOF"),
        (JSON, b"{\"pipeline\": \"\xff\"}", ""),
        (JSON, b"", "EOF"),
        ("content-type: text/plain\r\n", b"{\"pipeline\": \"\"}", "application/json"),
    ];
    for (headers, body, says) in bodies {
        server.raw("POST", "/v1/jobs", headers, body).refused(400, "invalid", says);
    }
    server.raw("POST", "/v1/jobs", JSON, "[".repeat(100_000).as_bytes()).refused(400, "invalid", "");
    server.raw("POST", "/v1/jobs", JSON, &vec![b' '; 3 << 20]).refused(413, "too-large", "");
    server.http("POST", "/v1/jobs", &json!({ "pipeline": "name =" })).refused(422, "unfit", "the pipeline cannot run");
    let deploy = json!({ "pipeline": COUNTS });
    let unknown = server.http("POST", "/v1/jobs", &deploy);
    unknown.refused(422, "unfit", "there is no operator \"value\" on this server");
    let place = unknown.body["problems"][0]["span"].as_array().unwrap();
    let place = place[0].as_u64().unwrap() as usize..place[1].as_u64().unwrap() as usize;
    assert_eq!(&COUNTS[place], "\"value@1\"");

    server.raw("GET", "/v1/jobs/none/savepoints", "", b"").refused(405, "invalid", "");
    server.raw("PUT", "/v1/jobs", JSON, b"{}").refused(405, "invalid", "");
    server.raw("DELETE", "/v1/jobs/none/savepoints/one", "", b"").refused(400, "invalid", "one");
    server.raw("GET", "/v1/jobs/none/logs?after=x", "", b"").refused(400, "invalid", "");
    for path in ["/", "/v1", "/v2/jobs", "/v1/jobs/", "/v1/jobs/a/b/c/d", "/%ff"] {
        server.raw("GET", path, "", b"").refused(
            404,
            "not-found",
            "there is nothing at this address: see /openapi.json",
        );
    }
    // A page of elsewhere, in a browser of this machine.
    for host in ["weir.example", "127.0.0.1.example:80", ""] {
        server.raw("GET", "/v1/jobs", &format!("host: {host}\r\n"), b"").refused(
            403,
            "forbidden",
            "only on this machine",
        );
    }
}

#[test]
fn a_server_has_room_for_so_many_jobs_and_so_much_memory() {
    let home = Home::new();
    let server = home.serve_with(&["--max-jobs", "1", "--max-guest-memory", "150"]);
    server.push_counters();
    let full = counts(&[("memory = \"8MiB\"", "memory = \"12MiB\"")]);
    server.deploy(&home, &full).failed(&[
        "the operators of all jobs could use 152 MiB, and this server gives them 150 MiB (--max-guest-memory): lower",
    ]);
    server.deploy(&home, COUNTS).well();
    let other = counts(&[("name = \"counts\"", "name = \"other\""), ("\"out/\"", "\"other/\"")]);
    let too_many = "this server runs 1 jobs at most (--max-jobs), and that many are running: stop one";
    server.deploy(&home, &other).failed(&[too_many]);
    let request = json!({ "pipeline": other });
    server.http("POST", "/v1/jobs", &request).refused(507, "limit", "--max-jobs");
    server.weir(&["swap", "counts/count", "--set", "limits.memory=\"1GiB\""]).failed(&["--max-guest-memory"]);
    server.until_rows("counts", 1000);
    // Another revision takes the place of the one before.
    server.deploy(&home, &counts(&[("rate = 20000", "rate = 10000")])).well().saying(&["revision 2"]);
    server.weir(&["stop", "counts"]).well();
    server.deploy(&home, &other).well();
    server.weir(&["start", "counts"]).failed(&[too_many]);
}

#[test]
fn guests_of_a_shadow_run_take_room_while_it_is_open() {
    let home = Home::new();
    let server = home.serve_with(&["--max-guest-memory", "300"]);
    server.push_counters();
    server.deploy(&home, COUNTS).well();
    let shadow = |memory: &str, duration_ms: u64| {
        let count = json!({ "component": "count@2", "set": { "limits.memory": format!("\"{memory}\"") } });
        let request = json!({ "operators": { "count": count }, "duration-ms": duration_ms });
        server.http("POST", "/v1/jobs/counts/shadow", &request)
    };
    shadow("1GiB", 1).refused(507, "limit", "the operators of all jobs could use 2192 MiB");
    assert_eq!(shadow("8MiB", 3_600_000).status, 200);
    let other = counts(&[("name = \"counts\"", "name = \"other\""), ("\"out/\"", "\"other/\"")]);
    server.deploy(&home, &other).failed(&["could use 304 MiB, and this server gives them 300 MiB"]);
    // Another takes its place, and is over at once.
    assert_eq!(shadow("8MiB", 1).status, 200);
    server.deploy(&home, &other).well();
}

#[test]
fn guests_of_both_versions_take_room_while_a_swap_is_on_trial() {
    let home = Home::new();
    let server = home.serve_with(&["--max-guest-memory", "300"]);
    server.push_counters();
    server.deploy(&home, COUNTS).well();
    server.until_rows("counts", 500);
    let swap = |memory: &str| {
        let set = format!("limits.memory=\"{memory}\"");
        let trial = ["--probation-batches", "1000000000", "--probation-time", "1h", "--detach"];
        server.weir(&[&["swap", "counts/count", "count@2", "--set", &set], &trial[..]].concat())
    };
    swap("79MiB").failed(&["could use 302 MiB, and this server gives them 300 MiB"]);
    swap("8MiB").well();
    let other = counts(&[("name = \"counts\"", "name = \"other\""), ("\"out/\"", "\"other/\"")]);
    server.deploy(&home, &other).failed(&["could use 304 MiB, and this server gives them 300 MiB"]);
    server.weir(&["rollback", "counts/count"]).well();
    server.deploy(&home, &other).well();
}

#[test]
fn every_operation_of_the_description_is_there() {
    let home = Home::new();
    let server = home.serve();
    let served = server.raw("GET", "/openapi.json", "", b"");
    assert_eq!(served.status, 200);
    let kept = weir_tests::running::root().join("docs/openapi.json");
    let kept: Value = serde_json::from_slice(&std::fs::read(kept).unwrap()).unwrap();
    assert!(
        kept == served.body,
        "docs/openapi.json is not what the server says of itself: start `weir serve`, and \
         `curl http://127.0.0.1:7474/openapi.json > docs/openapi.json`"
    );
    let mut operations = 0;
    for (path, methods) in served.body["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let path = path.replace("{checkpoint}", "1").replace(['{', '}'], "");
            let answer = server.raw(&method.to_uppercase(), &path, JSON, b"{}");
            let detail = answer.body["detail"].as_str().unwrap_or_default();
            let is_there = answer.status != 405 && !detail.contains("there is nothing at this address");
            assert!(is_there && answer.status != 500, "{method} {path}: {answer:?}");
            operations += 1;
        }
    }
    assert!(operations >= 15, "{operations}");
}
