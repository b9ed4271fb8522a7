//! What would take a server, or its jobs, from others: connections, uploads, checks, a job that does not stop, one that aborts the process.
//! Each is bounded, ends within seconds, and leaves a job beside it as it was.

use std::io::Write as _;
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use weir_tests::running::{Running, look_for};

use crate::api::digest_of;
use crate::pipelines::{COUNTS, counts};
use crate::rows::Counted;
use crate::server::{Answer, Home, JSON, Server, guest_path};

/// A server that may have so many descriptors, and must raise its soft limit to that.
fn with_descriptors(home: &Home, hard: u32) -> Server {
    let serve = home.command(&[]);
    let mut limited = Command::new("bash");
    let limits = format!("ulimit -Sn 64; ulimit -Hn {hard}; exec \"$0\" \"$@\"");
    limited.args(["-c", &limits]).arg(serve.get_program()).args(serve.get_args());
    Server::of(Running::start(limited.current_dir(weir_tests::running::root())))
}

/// A number of what monitoring reads.
fn metric(server: &Server, name: &str) -> f64 {
    let metrics = server.raw("GET", "/metrics", "", b"").body;
    let name = if name.contains('{') { name.to_owned() } else { format!("{name}{{}}") };
    let line = metrics.as_str().unwrap().lines().find_map(|line| line.strip_prefix(&name));
    line.unwrap_or_else(|| panic!("no {name}: {metrics}")).trim().parse().unwrap()
}

fn descriptors(server: &Server) -> usize {
    std::fs::read_dir(server.proc("fd")).unwrap().count()
}

fn threads(server: &Server) -> usize {
    std::fs::read_dir(server.proc("task")).unwrap().count()
}

#[expect(clippy::disallowed_methods, reason = "how long an answer takes is what is tested")]
fn within(time: Duration, what: impl FnOnce()) {
    let begun = Instant::now();
    what();
    assert!(begun.elapsed() < time, "it took {:?}", begun.elapsed());
}

#[test]
fn idle_connections_take_no_descriptors_from_jobs_and_shut_nobody_out() {
    let home = Home::new();
    let server = with_descriptors(&home, 400);
    server.push_counters();
    server.deploy(&home, COUNTS).well();
    server.until_rows("counts", 500);
    let limits = std::fs::read_to_string(server.proc("limits")).unwrap();
    let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    assert_eq!(files.split_whitespace().filter(|word| *word == "400").count(), 2, "{files}");

    let address = server.address.split_once("://").unwrap().1.to_owned();
    let idle: Vec<_> = (0..600).map(|_| TcpStream::connect(&address).unwrap()).collect();
    // Heads that never end.
    let slow: Vec<_> = (0..100)
        .map(|_| {
            let mut stream = TcpStream::connect(&address).unwrap();
            let _ = stream.write_all(b"GET /v1/jobs HTTP/1.1\r\nhost: local");
            stream
        })
        .collect();
    assert_eq!(metric(&server, "weir_connections_limit"), 100.0);
    assert!(metric(&server, "weir_connections") <= 100.0);
    assert!(metric(&server, "weir_connections_closed_total") >= 500.0);
    assert!(descriptors(&server) < 300, "{} of 400", descriptors(&server));
    // Another job finds descriptors, and so does the one that runs, which makes a file ten times a second.
    let other = counts(&[("name = \"counts\"", "name = \"other\""), ("\"out/\"", "\"other/\"")]);
    server.deploy(&home, &other).well();
    server.until_rows("other", 500);
    let rows = server.show("counts")["rows-out"].as_u64().unwrap();
    server.until_rows("counts", rows + 1000);
    drop((idle, slow));
    for job in ["counts", "other"] {
        server.weir(&["stop", job, "--drain"]).well();
    }
    Counted::read(&home);
}

#[test]
fn a_request_that_does_not_come_holds_no_connection() {
    let home = Home::new();
    let server = home.serve();
    let address = server.address.split_once("://").unwrap().1.to_owned();
    let idle = TcpStream::connect(&address).unwrap();
    // Its own, and that of the question.
    let open = look_for(|| Some(metric(&server, "weir_connections")).filter(|open| *open >= 2.0)).unwrap();
    look_for(|| (metric(&server, "weir_connections") < open).then_some(())).unwrap();
    drop(idle);
}

#[test]
fn slow_uploads_block_no_push() {
    let home = Home::new();
    let server = home.serve();
    let bytes = std::fs::read(guest_path("value")).unwrap();
    let digest = digest_of(&server, &bytes);
    let head = format!(
        "POST /v1/operators/slow?digest={digest} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/wasm\r\ncontent-length: {}\r\n",
        bytes.len()
    );
    let slow: Vec<_> = (0..8)
        .map(|_| {
            let mut upload = server.send(&head);
            upload.write_all(&bytes[..100]).unwrap();
            upload
        })
        .collect();
    let all = "weir_permits_in_use{of=\"uploads\"}";
    look_for(|| (metric(&server, all) == 8.0).then_some(())).unwrap();
    within(Duration::from_secs(20), || assert_eq!(server.push("value", "value"), "1"));
    for upload in slow {
        Answer::read(upload).refused(408, "timeout", "the upload is too slow: 100 bytes have come");
    }
    look_for(|| (metric(&server, all) == 0.0).then_some(())).unwrap();
    server.weir(&["operator", "show", "slow"]).failed(&["there is no operator \"slow\""]);
}

/// Whose source asks a broker that does not answer.
const KAFKA: &str = r#"name = "orders"
[sources.orders]
connector = "kafka"
brokers = "127.0.0.1:1"
topic = "orders"
format = "json"
schema = { id = "int64" }
[sinks.out]
input = "orders"
connector = "blackhole"
"#;

#[test]
fn many_checks_of_pipelines_at_once_take_turns() {
    let home = Home::new();
    let server = home.serve();
    server.push_counters();
    server.deploy(&home, COUNTS).well();
    server.until_rows("counts", 500);
    let before = threads(&server);
    let ask = |pipeline: &str| {
        let request = json!({ "pipeline": pipeline, "dry-run": true }).to_string();
        server.begin("POST", "/v1/jobs", JSON, request.as_bytes())
    };
    let asked: Vec<_> = (0..600).map(|_| ask(KAFKA)).collect();
    let mut most = 0;
    look_for(|| {
        most = most.max(threads(&server));
        (metric(&server, "weir_permits_in_use{of=\"checks\"}") >= 1.0).then_some(())
    });
    let mut answers = std::collections::BTreeMap::new();
    for stream in asked {
        most = most.max(threads(&server));
        let answer = Answer::read(stream);
        if answer.status == 503 {
            answer.refused(503, "busy", "try again");
            assert!(answer.head.contains("retry-after: 5"), "{answer:?}");
        }
        *answers.entry(answer.status).or_insert(0) += 1;
    }
    assert!(answers.keys().all(|status| [422, 503].contains(status)), "{answers:?}");
    // Each check has some threads of librdkafka's, and one that waits for it.
    assert!(most < before + 100, "{most} threads instead of {before}: {answers:?}");
    let rows = server.until_it_is("counts", "running")["rows-out"].as_u64().unwrap();
    server.until_rows("counts", rows + 1000);
    server.deploy(&home, &counts(&[("rate = 20000", "rate = 10000")])).well();
    // One of them is not many either.
    let sinks = (0..64).map(|n| format!("[sinks.out-{n}]\ninput = \"orders\"\nconnector = \"blackhole\"\n"));
    server
        .deploy(&home, &(KAFKA.to_owned() + &sinks.collect::<String>()))
        .failed(&["the pipeline has 66 sources and sinks, and on a server it may have 64"]);
}

/// A job whose operator does not come back from its third row for an hour.
const STUCK: &str = r#"name = "stuck"
[sources.rows]
connector = "collection"
rows = [{ value = 1 }, { value = 17 }, { value = 2 }]
[operators.poison]
input = "rows"
component = "poison@1"
limits = { memory = "16MiB", call-time = "1h" }
[sinks.out]
input = "poison"
connector = "blackhole"
"#;

#[test]
fn a_job_that_does_not_end_is_stopped_at_once_all_the_same() {
    let home = Home::new();
    let server = home.serve();
    server.push("poison", "poison");
    server.deploy(&home, STUCK).well();
    server.until("stuck", "has read its rows", |shown| shown["rows-in"] == 3);
    let waiting = server.begin("POST", "/v1/jobs/stuck/stop", JSON, b"{}");
    server.until_it_is("stuck", "stopping");
    within(Duration::from_secs(2), || {
        _ = server.weir(&["rm", "stuck"]).failed(&["`weir stop stuck` stops it, and with --now waits"])
    });
    within(Duration::from_secs(6), || {
        _ = server.weir(&["stop", "stuck", "--now"]).well().saying(&["stuck is stopped"])
    });
    // Who waited already hears it too.
    assert_eq!(Answer::read(waiting).body["state"], "stopped");
    let shown = server.until_it_is("stuck", "stopped");
    if shown["reason"].as_str().is_some_and(|reason| reason.contains("left behind")) {
        server.weir(&["start", "stuck"]).failed(&["did not stop and is still running"]);
    }
    within(Duration::from_secs(2), || _ = server.weir(&["rm", "stuck"]).well());
    server.weir(&["show", "stuck"]).failed(&["there is no job"]);
    within(Duration::from_secs(40), || _ = server.terminate().well());
}

/// A job that completes no checkpoint before it is too late.
fn at_once() -> String {
    counts(&[
        ("name = \"counts\"", "name = \"bad\""),
        ("\"out/\"", "\"bad/\""),
        ("interval = \"100ms\"", "interval = \"1h\""),
    ])
}

fn state(server: &Server, job: &str) -> Value {
    server.show(job)["state"].clone()
}

#[test]
fn a_job_that_aborts_the_server_again_and_again_waits_for_somebody() {
    let home = Home::new();
    let mut server = home.serve();
    server.push_counters();
    server.deploy(&home, COUNTS).well();
    server.until("counts", "has a checkpoint", |shown| shown["checkpoint"].is_u64());
    server.deploy(&home, &at_once()).well();
    for _ in 0..3 {
        assert_ne!(state(&server, "bad"), "quarantined");
        server.until_rows("bad", 1);
        server.until("counts", "has a checkpoint", |shown| shown["checkpoint"].is_u64());
        server.abort();
        server = home.serve();
    }
    let shown = server.until_it_is("bad", "quarantined");
    let why = "the server aborted 3 times within 60 minutes before this job had completed a checkpoint: `weir start`";
    assert!(shown["reason"].as_str().unwrap().contains(why), "{shown:#}");
    server.weir(&["ps"]).well().saying(&[&format!("bad: {why}")]);
    assert!(server.weir(&["ps"]).well().told.contains("quarantined"));
    server.weir(&["logs", "bad"]).well();
    assert_eq!(metric(&server, "weir_jobs_quarantined"), 1.0);
    server.until_rows("counts", 500);
    // It stays so, whatever ends the server.
    server.kill();
    let mut server = home.serve();
    server.until_it_is("bad", "quarantined");
    server.weir(&["swap", "bad/count", "count@2"]).failed(&["is in quarantine", "`weir start bad`"]);
    server.weir(&["start", "bad"]).well();
    server.until_rows("bad", 1);
    // It begins anew: one abort is none of its own yet.
    server.abort();
    server = home.serve();
    server.until_rows("bad", 1);
    for job in ["counts", "bad"] {
        server.weir(&["stop", job, "--drain"]).well();
    }
    Counted::read(&home);
}

#[test]
fn kills_of_a_server_mean_no_job() {
    let home = Home::new();
    let mut server = home.serve();
    server.push_counters();
    server.deploy(&home, &at_once()).well();
    for _ in 0..6 {
        server.until_rows("bad", 1);
        server.kill();
        server = home.serve();
    }
    server.until_rows("bad", 1);
}

#[test]
fn a_component_that_was_changed_in_the_store_is_not_loaded() {
    let home = Home::new();
    let server = home.serve();
    server.push_counters();
    let digest = server.json(&["operator", "show", "count"])[0]["digest"].as_str().unwrap().to_owned();
    let path = home.data().join(format!("components/{digest}.wasm"));
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, std::fs::read(guest_path("count_v2")).unwrap()).unwrap();
    server
        .deploy(&home, COUNTS)
        .failed(&[&format!("{digest}.wasm was changed since it was pushed: push the component again")]);
    std::fs::write(&path, bytes).unwrap();
    server.deploy(&home, COUNTS).well();
}

#[test]
fn text_of_others_steers_no_terminal() {
    let home = Home::new();
    let server = home.serve();
    let with = |comment: &str| {
        let rows = r#"rows = [{ "a\u001b[2J" = 1, "b\u202e" = "x" }]"#.replace('x', comment);
        let source = format!("[sources.rows]\nconnector = \"collection\"\n{rows}\n");
        format!("name = \"steers\"\n# {comment}\n{source}[sinks.out]\ninput = \"rows\"\nconnector = \"blackhole\"\n")
    };
    let is_plain = |text: &str| !text.contains(|c: char| (c.is_control() && c != '\n') || c == '\u{202e}');
    let (old, new) = (with("\u{202e}one"), with("\u{202e}two"));
    server.deploy(&home, &old).well();
    let path = home.write("new.toml", &new);
    let path = path.to_str().unwrap();
    let diff = server.weir(&["deploy", path, "--dry-run"]).well();
    assert!(diff.said.contains("- # \\u{202e}one") && is_plain(&diff.said), "{}", diff.said);
    let checked = server.weir(&["check", path]).well();
    assert!(checked.told.contains("a\\u{1b}[2J") && is_plain(&checked.told), "{}", checked.told);
    // JSON is the same document, and a pipeline that goes into a file is the same pipeline.
    let shown = server.weir(&["show", "steers", "--json"]).well();
    assert!(is_plain(&shown.told) && shown.told.contains("\\u202eone"), "{}", shown.told);
    assert_eq!(shown.summary()["pipeline"], old);
    assert_eq!(server.weir(&["show", "steers", "--pipeline"]).well().told, old);
}
