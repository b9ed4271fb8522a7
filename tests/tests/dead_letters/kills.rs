//! A server that is killed at many instants of replays: a letter either waits still, or its row comes out, once.

use std::process::Stdio;
use std::time::Duration;

use crate::replays::check_counted;
use crate::server::{Server, counting};

const KILLS: usize = 30;
/// Letters of a replay.
const TAKEN: usize = 2;
const ROWS: i64 = 6000;
/// From the request of a replay to the kill, at most: a replay takes less.
const KILL_AFTER_MS: u64 = 400;

/// Instants from a seed: a linear congruential generator.
struct Instants(u64);

impl Instants {
    fn next(&mut self) -> Duration {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Duration::from_micros((self.0 >> 33) % (KILL_AFTER_MS * 1000))
    }
}

#[test]
fn a_kill_at_any_instant_of_a_replay_loses_and_doubles_nothing() {
    let mut server = Server::start(0..ROWS);
    server.push("count_v1");
    server.deploy(&counting());
    let mut waiting = server.until_letters("job", ROWS as usize / 100).len();
    server.told(&["swap", "job/step", "--set", "config.fails=\"never\"", "--no-probation"]);
    let (mut instants, mut taken, mut kept) = (Instants(5), 0, 0);
    for _ in 0..KILLS {
        let letters = server.letters("job");
        let ids = letters.iter().take(TAKEN).map(|letter| letter["id"].as_str().unwrap());
        let arguments: Vec<_> = ["dlq", "job", "replay"].into_iter().chain(ids).collect();
        let mut asking = server.command(&arguments).stderr(Stdio::null()).spawn().unwrap();
        // Longer and longer until one was not too early, however slow the machine is.
        std::thread::park_timeout(instants.next() * if taken == 0 { 1 + kept / 5 } else { 1 });
        server.kill_and_start();
        asking.wait().unwrap();
        match waiting - server.letters("job").len() {
            0 => kept += 1,
            TAKEN => taken += 1,
            other => panic!("{other} letters of {TAKEN} are taken"),
        }
        waiting = server.letters("job").len();
    }
    assert!(taken > 0 && kept > 0, "some kills come before, some behind: {kept}, {taken}");
    server.told(&["dlq", "job", "replay", "--all"]);
    check_counted(&server.until_rows("out", ROWS as usize), ROWS);
    assert!(server.letters("job").is_empty());
}
