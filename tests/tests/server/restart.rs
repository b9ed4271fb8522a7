//! Servers that are killed, or told to end, and started again on the same folders: what they did continues, what they had not finished is
//! not there.

use std::io::Write as _;
use std::time::Duration;

use serde_json::json;
use weir_tests::running::{Running, look_for};

use crate::api::digest_of;
use crate::pipelines::{COUNTS, counts};
use crate::rows::Counted;
use crate::server::{Answer, Home, Server, guest_path};

#[test]
fn a_job_continues_after_a_kill_and_what_has_ended_does_not() {
    let home = Home::new();
    let server = home.serve();
    server.push_counters();
    let named = |name: &str, changes: &[(&str, &str)]| {
        let text = counts(changes).replace("name = \"counts\"", &format!("name = \"{name}\""));
        text.replace("\"out/\"", &format!("\"{name}/\""))
    };
    server.deploy(&home, COUNTS).well();
    for (name, changes) in [
        ("ended", &[("rate = 20000", "events = 2000")]),
        ("stopped", &[("rate = 20000", "rate = 1000")]),
        ("drained", &[("rate = 20000", "rate = 1000")]),
        ("failed", &[("tag = \"0\"", "tag = \"0\", fails = \"always\"")]),
    ] {
        server.deploy(&home, &named(name, changes)).well();
    }
    server.until_it_is("ended", "finished");
    server.until_it_is("failed", "failed");
    server.weir(&["stop", "stopped"]).well();
    server.weir(&["stop", "drained", "--drain"]).well();
    // Stopping it again changes nothing.
    server.weir(&["stop", "ended"]).failed(&["the job \"ended\" has ended, and reads no more rows"]);
    server.until("counts", "has a checkpoint", |shown| shown["checkpoint"].as_u64() > Some(1));

    let done = |server: &Server, name: &str| {
        let shown = server.show(name);
        let steps = shown["nodes"].as_array().unwrap().iter();
        let steps: Vec<_> = steps.map(|step| json!([step["name"], step["kind"], step["rows-in"]])).collect();
        (shown["rows-in"].clone(), shown["rows-out"].clone(), shown["checkpoint"].clone(), steps)
    };
    let before = ["ended", "stopped", "drained"].map(|name| done(&server, name));
    assert!(before.iter().all(|done| done.0.as_u64() > Some(0) && done.3.len() == 4), "{before:?}");
    assert!(before[1].2.as_u64() > Some(0), "{before:?}");

    let mut since_us = server.show("counts")["since-us"].as_i64();
    let mut server = server;
    for graceful in [false, true, false] {
        let rows = server.show("counts")["rows-in"].as_u64().unwrap();
        let checkpoint = server.show("counts")["checkpoint"].as_u64().unwrap();
        server.until("counts", "has another checkpoint", |shown| shown["checkpoint"].as_u64() > Some(checkpoint + 1));
        if graceful {
            server.terminate().well().saying(&["every job takes a last checkpoint"]);
        } else {
            server.kill();
        }
        server = home.serve();
        let states = [("ended", "finished"), ("stopped", "stopped"), ("drained", "finished"), ("failed", "failed")];
        for (name, state) in states {
            assert_eq!(server.show(name)["state"], state, "{name}");
        }
        assert!(server.show("failed")["reason"].as_str().unwrap().contains("the operator trapped"));
        for (name, before) in ["ended", "stopped", "drained"].iter().zip(&before) {
            assert_eq!(&done(&server, name), before, "{name}");
        }
        let shown = server.until_rows("counts", 1000);
        assert!(shown["rows-in"].as_u64() >= Some(rows), "{rows} rows were read before: {shown:#}");
        assert!(shown["checkpoint"].as_u64() > Some(checkpoint), "{checkpoint}: {shown:#}");
        let lines = server.weir(&["logs", "counts"]).well().told;
        assert!(lines.lines().next().is_some_and(|line| line.contains("the server has started")), "{lines}");
        assert!(lines.contains("resuming from checkpoint"), "{lines}");
        for line in [
            "counts starts: revision 1, parallelism 2",
            "source bids: auction int64, ",
            "sink out: extra utf8, number uint64, tag utf8, value int64",
        ] {
            assert_eq!(lines.matches(line).count(), 1, "{line}: {lines}");
        }
        let before_us = std::mem::replace(&mut since_us, server.show("counts")["since-us"].as_i64());
        assert!(since_us > before_us && before_us.is_some(), "it has started anew");
        assert!(server.weir(&["show", "counts"]).well().told.contains(" rows/s, since 20"));
    }
    server.weir(&["start", "ended"]).failed(&["the job \"ended\" has ended with its input"]);
    server.weir(&["start", "drained"]).failed(&["after `weir rm drained` it can be deployed"]);
    server.weir(&["start", "stopped"]).well();
    server.until_it_is("stopped", "running");
    server.weir(&["stop", "counts", "--drain"]).well();
    Counted::read(&home);
}

#[test]
fn a_server_that_is_told_to_end_takes_a_last_checkpoint_of_every_job() {
    let home = Home::new();
    let server = home.serve();
    server.push_counters();
    // It would be long until the next one.
    server.deploy(&home, &counts(&[("interval = \"100ms\"", "interval = \"1h\"")])).well();
    server.until_rows("counts", 1000);
    server.terminate().well().saying(&["the job is stopped", "ended"]);
    let kept = Counted::read(&home).rows;
    assert!(kept >= 1000, "{kept}");
    let server = home.serve();
    let counted = server.until_it_is("counts", "running")["rows-out"].as_u64().unwrap();
    server.until_rows("counts", counted + 1000);
    server.weir(&["stop", "counts", "--drain"]).well();
    assert!(Counted::read(&home).rows >= kept + 1000);
}

#[test]
fn half_an_upload_is_not_there_after_a_kill() {
    let home = Home::new();
    let server = home.serve();
    let bytes = std::fs::read(guest_path("value")).unwrap();
    let digest = digest_of(&server, &bytes);
    let head = format!(
        "POST /v1/operators/value?digest={digest} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/wasm\r\n\
         content-length: {}\r\n",
        bytes.len()
    );
    let mut upload = server.send(&head);
    upload.write_all(&bytes[..bytes.len() / 2]).unwrap();
    let files = |folder: &str| std::fs::read_dir(home.data().join(folder)).unwrap().count();
    let uploading = |server: &Server| {
        let metrics = server.raw("GET", "/metrics", "", b"").body;
        metrics.as_str().unwrap().contains("weir_permits_in_use{of=\"uploads\"} 1\n")
    };
    look_for(|| uploading(&server).then_some(())).unwrap();
    assert_eq!(files("uploads") + files("components"), 0, "it is in memory, and has no path");
    server.kill();
    // A kill just before it had a name.
    std::fs::write(home.data().join(format!("components/{digest}.wasm")), &bytes).unwrap();
    // And one while the folder of a removed job was being removed.
    std::fs::create_dir_all(home.data().join("jobs/removed/checkpoints")).unwrap();

    let server = home.serve();
    assert_eq!(server.json(&["operator", "list"]), json!([]));
    for folder in ["uploads", "components", "jobs"] {
        assert_eq!(files(folder), 0, "{folder}");
    }
    // Its sender hangs up: nothing stays either.
    let mut upload = server.send(&head);
    upload.write_all(&bytes[..bytes.len() / 2]).unwrap();
    look_for(|| uploading(&server).then_some(())).unwrap();
    drop(upload);
    look_for(|| (!uploading(&server)).then_some(())).unwrap();
    // All of it, in two parts.
    let mut upload = server.send(&head);
    upload.write_all(&bytes[..bytes.len() / 2]).unwrap();
    upload.write_all(&bytes[bytes.len() / 2..]).unwrap();
    assert_eq!(Answer::read(upload).status, 201);
    assert_eq!(server.json(&["operator", "list"])[0]["digest"], digest.as_str());
}

#[test]
fn a_component_that_was_being_compiled_is_not_there_after_a_kill() {
    let home = Home::without_cache();
    let mut server = home.serve();
    // At several instants: before the compiler's process begins, while it runs, when it is nearly done.
    for delay_ms in [20, 60, 150, 250, 350] {
        let name = format!("after-{delay_ms}");
        let component = guest_path("count_v1");
        let push = Running::start(&mut server.command(&["push", component.to_str().unwrap(), "--name", &name]));
        std::thread::park_timeout(Duration::from_millis(delay_ms));
        server.kill();
        let pushed = push.end().code == Some(0);
        server = home.serve();
        let listed = server.json(&["operator", "list"]);
        let is_there = listed.as_array().unwrap().iter().any(|row| row["name"] == name.as_str());
        // Killed between the catalog and the answer it is there, and nobody was told.
        assert!(is_there || !pushed, "{name}");
        assert_eq!(std::fs::read_dir(home.data().join("uploads")).unwrap().count(), 0);
        assert_eq!(server.push("count_v1", &name), "1");
    }
    server.push_counters();
    server.deploy(&home, COUNTS).well();
    server.until_rows("counts", 1000);
}

#[test]
fn a_job_that_cannot_continue_tries_again_until_it_can_or_is_stopped() {
    let home = Home::new();
    let server = home.serve();
    server.push_counters();
    server.deploy(&home, COUNTS).well();
    server.until_rows("counts", 1000);
    let digest = server.json(&["operator", "show", "count"])[0]["digest"].as_str().unwrap().to_owned();
    let [there, away] = ["wasm", "away"].map(|end| home.data().join(format!("components/{digest}.{end}")));
    server.kill();
    std::fs::rename(&there, &away).unwrap();
    let server = home.serve();
    let shown = server.until_it_is("counts", "restarting");
    assert!(shown["reason"].as_str().is_some_and(|reason| reason.contains("there is no component")), "{shown:#}");
    server
        .weir(&["swap", "counts/count", "count@2"])
        .failed(&["the job \"counts\" does not run yet: `weir show counts`"]);
    std::fs::rename(&away, &there).unwrap();
    server.until_it_is("counts", "running");
    server.until_rows("counts", 1000);

    server.kill();
    std::fs::rename(&there, &away).unwrap();
    let server = home.serve();
    server.until_it_is("counts", "restarting");
    server.weir(&["stop", "counts"]).well().saying(&["counts is stopped"]);
    std::fs::rename(&away, &there).unwrap();
    server.weir(&["start", "counts"]).well();
    server.until_rows("counts", 1000);
    server.weir(&["stop", "counts", "--drain"]).well();
    Counted::read(&home);
}

#[test]
fn a_job_for_which_there_is_no_room_any_more_waits_for_it() {
    let home = Home::new();
    let mut server = home.serve();
    server.push_counters();
    server.deploy(&home, COUNTS).well();
    let other = counts(&[("name = \"counts\"", "name = \"other\""), ("\"out/\"", "\"other/\"")]);
    server.deploy(&home, &other).well();
    for limit in [["--max-jobs", "1"], ["--max-guest-memory", "150"]] {
        for job in ["counts", "other"] {
            server.until_rows(job, 500);
        }
        server.kill();
        let small = home.serve_with(&limit);
        // Whichever comes first.
        let waits = look_for(|| ["counts", "other"].into_iter().find(|job| small.show(job)["state"] == "restarting"));
        let waits = waits.unwrap();
        let runs = if waits == "counts" { "other" } else { "counts" };
        small.until_rows(runs, 500);
        let shown = small.until_it_is(waits, "restarting");
        assert!(shown["reason"].as_str().is_some_and(|reason| reason.contains(limit[0])), "{shown:#}");
        small.weir(&["ps"]).well().saying(&[&format!("{waits}: "), limit[0]]);
        small.weir(&["stop", runs]).well();
        small.until_rows(waits, 500);
        small.weir(&["start", runs]).failed(&[limit[0]]);
        small.kill();
        server = home.serve();
        server.weir(&["start", runs]).well();
    }
    for job in ["counts", "other"] {
        server.weir(&["stop", job, "--drain"]).well();
    }
    Counted::read(&home);
}
