//! Processing-time timers of keyed operators, on a clock that the test owns.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use weir_core::graph::RestartSettings;
use weir_core::time::ManualClock;
use weir_engine::local::{Choice, LocalJob};
use weir_engine::{Durable, Supervisor};
use weir_state::checkpoint::object_store::memory::InMemory;

use crate::stores::plain;
use crate::support::{Memory, Row, checkpoint, durable_in};

const PIPELINE: &str = r#"
name = "reminders"
[sources.rows]
connector = "memory"
event-time = "ts"
[operators.step]
input = "rows"
component = "tests/guests/reminder.wasm"
key-by = ["key"]
[sinks.out]
input = "step"
connector = "memory"
columns = ["key", "at", "now"]
"#;

const RESTART: RestartSettings = RestartSettings { delay_ms: 0, delay_max_ms: 0, failures_max: 0, period_ms: 1 };

fn row(key: &str, value: i64) -> Row {
    (key.to_owned(), value, 0)
}

/// Rows, of which the first `released` are read.
fn memory(rows: Vec<Row>, released: usize) -> Memory {
    let memory = Memory::new(vec![rows], vec![4_096]);
    memory.released.set(AtomicUsize::new(released)).unwrap();
    memory
}

fn release(memory: &Memory, rows: usize) {
    memory.released.get().unwrap().store(rows, Ordering::Relaxed);
}

/// Reads what is released and lets it get to where it goes.
fn settle(local: &mut LocalJob) {
    for _ in 0..100 {
        let choices = local.choices();
        let moves = choices.iter().find(|choice| !reads(choice));
        local.step(*moves.or(choices.first()).unwrap()).unwrap();
    }
}

fn reads(choice: &Choice) -> bool {
    matches!(choice, Choice::Poll(_) | Choice::Trigger(_))
}

fn resume(memory: &Memory, clock: &Arc<ManualClock>, durable: &Durable, parallelism: usize) -> LocalJob {
    LocalJob::resume(&memory.job(PIPELINE, parallelism), clock.clone(), durable).unwrap()
}

#[test]
fn timers_fire_when_the_clock_reaches_them_unless_they_were_deleted() {
    let rows = vec![
        row("a", 50),
        row("a", 20),
        row("b", 30),
        row("b", 40),
        row("b", -40),
        row("a", -50),
        row("a", 60),
        row("never", 0),
    ];
    let memory = memory(rows, 4);
    let (clock, durable) = (Arc::new(ManualClock::default()), durable_in(plain(&Arc::new(InMemory::new()))));
    let mut local = resume(&memory, &clock, &durable, 2);
    settle(&mut local);
    assert!(memory.take_written().is_empty(), "no time has passed");
    clock.set_us(20);
    settle(&mut local);
    assert_eq!(memory.take_written(), ["a,20,20"]);
    release(&memory, 7);
    settle(&mut local);
    clock.set_us(55);
    settle(&mut local);
    assert_eq!(memory.take_written(), ["b,30,55"]);
    clock.set_us(60);
    settle(&mut local);
    assert_eq!(memory.take_written(), ["a,60,60"]);
}

#[test]
fn timers_that_are_past_fire_at_once_after_a_restart() {
    let memory = memory(vec![row("a", 20), row("b", 30), row("c", 1_000), row("a", 70), row("never", 0)], 3);
    let (clock, durable) = (Arc::new(ManualClock::default()), durable_in(plain(&Arc::new(InMemory::new()))));
    let mut local = resume(&memory, &clock, &durable, 1);
    settle(&mut local);
    checkpoint(&mut local, |_| 0);
    drop(local);
    clock.set_us(100);
    let mut local = resume(&memory, &clock, &durable, 3);
    while let Some(choice) = local.choices().into_iter().find(|choice| !reads(choice)) {
        local.step(choice).unwrap();
    }
    assert_eq!(memory.take_written(), ["a,20,100", "b,30,100"], "before a row is read");
    release(&memory, 4);
    settle(&mut local);
    assert_eq!(memory.take_written(), ["a,70,100"], "one that is past when it is registered fires at once too");
}

#[test]
fn timers_do_not_fire_at_the_end_of_the_input() {
    let memory = Memory::new(vec![vec![row("a", 20)]], vec![10]);
    let clock = Arc::new(ManualClock::default());
    let mut local = LocalJob::new(&memory.job(PIPELINE, 1), clock.clone()).unwrap();
    local.run(|_| 0).unwrap();
    clock.set_us(100);
    local.run(|_| 0).unwrap();
    assert!(local.is_over() && memory.take_written().is_empty());
}

/// Their letters have the columns of the key; those that are never null in a row are null in them.
#[test]
fn refused_timers_are_dead_letters() {
    let step = PIPELINE.replace("key-by", "on-error = \"dead-letter\"\nkey-by");
    let pipeline = step + "[sinks.bad]\ninput = \"step.dead-letter\"\nconnector = \"memory\"\n";
    let of = "timer of processing time at 1970-01-01T00:00:00.000013Z: thirteen is refused";
    for (before, after) in [(1, 1), (2, 3), (3, 2)] {
        let memory = memory(vec![row("a", 13), row("b", 13), row("c", 20), row("never", 0)], 3);
        let (clock, durable) = (Arc::new(ManualClock::default()), durable_in(plain(&Arc::new(InMemory::new()))));
        let mut local = LocalJob::resume(&memory.job(&pipeline, before), clock.clone(), &durable).unwrap();
        settle(&mut local);
        checkpoint(&mut local, |_| 0);
        drop(local);
        clock.set_us(100);
        settle(&mut LocalJob::resume(&memory.job(&pipeline, after), clock.clone(), &durable).unwrap());
        let letters = ["a", "b"].map(|key| format!("{key},null,null,null,{of}"));
        assert_eq!(memory.take_written(), [&letters[0], &letters[1], "c,20,100"], "from {before} to {after} subtasks");
    }
}

/// As many as are more than one call's.
#[test]
fn many_timers_fire_in_parts() {
    let rows: Vec<Row> = (0..20_000).map(|n| row(&format!("k{n}"), 10)).collect();
    let memory = memory([rows, vec![row("last", 1 << 40)]].concat(), 20_000);
    let clock = Arc::new(ManualClock::default());
    let mut local = LocalJob::new(&memory.job(PIPELINE, 1), clock.clone()).unwrap();
    settle(&mut local);
    clock.set_us(10);
    let (mut calls, mut written) = (0, 0);
    while written < 20_000 {
        let choices = local.choices();
        let fires = |choice: &&Choice| matches!(choice, Choice::Time(_) | Choice::More(_));
        calls += usize::from(choices.iter().any(|choice| fires(&choice)));
        let next = choices.iter().find(fires).or(choices.iter().find(|choice| !matches!(choice, Choice::Poll(_))));
        local.step(*next.unwrap()).unwrap();
        written += memory.take_written().len();
    }
    assert!(calls >= 2, "{calls}");
}

#[test]
fn a_job_on_threads_wakes_for_a_timer() {
    let memory = memory(vec![row("a", 20), row("never", 1)], 1);
    let clock = Arc::new(ManualClock::default());
    let job = Arc::new(memory.job(PIPELINE, 2));
    let mut running = Supervisor::start(job, clock.clone(), None, RESTART).unwrap();
    let wait = |done: &dyn Fn() -> bool| {
        let looks = (0..60_000).find(|_| {
            std::thread::park_timeout(Duration::from_millis(1));
            done()
        });
        assert!(looks.is_some(), "the timer did not fire");
    };
    wait(&|| memory.read.lock().unwrap().contains(&20));
    assert!(memory.take_written().is_empty());
    clock.set_us(30);
    wait(&|| !memory.written.lock().unwrap().is_empty());
    assert_eq!(memory.take_written(), ["a,20,30"]);
    running.stop();
}
