//! A job that fills its quota of dead letters again and again, on a server that is killed and aborts meanwhile: every row is in the output or among
//! the letters, once.

use std::time::Duration;

use serde_json::Value;

use crate::server::{Server, counting, until};

/// Every second one traps.
const ROWS: i64 = 3000;
const LIVES: usize = 24;
/// How long the server lives, at most.
const LIFE_MS: u64 = 400;
/// Aborts that come too soon for the job to be stable: a few more than lead to quarantine.
const EARLY_ABORTS_MAX: usize = 12;

/// What has happened.
#[derive(Debug, Default)]
struct Seen {
    full: usize,
    quarantined: usize,
    letters: Vec<i64>,
}

#[test]
fn quotas_quarantine_and_kills_together_lose_and_double_nothing() {
    let mut server = Server::start(0..0);
    let lines = (0..ROWS).map(|row| format!("{},{row},{}\n", row * 50, 1_700_000_000_000 + row));
    std::fs::write(server.file("rows.csv"), "value,key,at\n".to_owned() + &lines.collect::<String>()).unwrap();
    server.push("count_v1");
    // Several times what comes between two checkpoints, and a fraction of all.
    let quota = "[dead-letters]\nmax-bytes = \"64KiB\"\n[sources.rows]";
    server.deploy(&counting().replace("[sources.rows]", quota));
    let mut seen = Seen::default();
    for life in 0..LIVES {
        // Lives of any length, and one in four so short that the job is not stable.
        let life_ms = (life as u64 * 7919) % if life % 4 == 0 { 40 } else { LIFE_MS };
        std::thread::park_timeout(Duration::from_millis(life_ms));
        server.end_by(if life % 3 == 0 { "KILL" } else { "ABRT" });
        let_continue(&server, &mut seen);
    }
    for _ in 0..EARLY_ABORTS_MAX {
        if seen.quarantined > 0 {
            break;
        }
        server.end_by("ABRT");
        let_continue(&server, &mut seen);
    }
    let rows = until("every row is somewhere", || {
        let_continue(&server, &mut seen);
        let rows = server.rows("out");
        (rows.len() + seen.letters.len() + server.letters("job").len() >= ROWS as usize).then_some(rows)
    });
    take_letters(&server, &mut seen);
    assert!(seen.full > 0 && seen.quarantined > 0, "{} {}", seen.full, seen.quarantined);
    let out = rows.iter().map(|row| row.split(',').nth(2).unwrap().parse().unwrap());
    let mut values: Vec<i64> = out.chain(seen.letters.iter().copied()).collect();
    values.sort_unstable();
    assert!(values == (0..ROWS).map(|row| row * 50).collect::<Vec<_>>(), "{} values: {seen:?}", values.len());
}

/// Does what a person does about a job that no longer runs.
fn let_continue(server: &Server, seen: &mut Seen) {
    let shown = server.json(&["show", "job"]);
    match shown["state"].as_str().unwrap() {
        "quarantined" => seen.quarantined += 1,
        "failed" => {
            let reason = shown["reason"].as_str().unwrap();
            assert!(reason.contains("dead-letters.max-bytes"), "{reason}");
            seen.full += 1;
            take_letters(server, seen);
        }
        _ => return,
    }
    server.told(&["start", "job"]);
}

/// Notes the letters that wait, and drops these and no others.
fn take_letters(server: &Server, seen: &mut Seen) {
    let letters = server.letters("job");
    let ids: Vec<_> = letters.iter().map(|letter| letter["id"].as_str().unwrap()).collect();
    for ids in ids.chunks(500) {
        server.told(&[&["dlq", "job", "drop"], ids].concat());
    }
    seen.letters.extend(letters.iter().map(|letter: &Value| letter["row"]["value"].as_i64().unwrap()));
}
