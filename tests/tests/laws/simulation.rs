//! Whole jobs in one thread, from a seed: any order of subtasks, checkpoints at any time, rows on which operators fail, a store that
//! fails, is slow, answers twice, loses its answer or what was not synced, commits that fail half-way, crashes at any step, processes
//! that were thought dead and wake up, another parallelism each time. What is visible in the end is what a run without all that
//! gives.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use arrow::datatypes::SchemaRef;
use weir_core::batch::StreamBatch;
use weir_core::connector::{
    Committable, Committer, ConnectorError, Connectors, Cut, Guarantee, Prepare, Prepared, Sink, SinkWriter, Source,
    WriterContext,
};
use weir_core::graph::Options;
use weir_core::key_group::mix;
use weir_core::time::{Clock, ManualClock};
use weir_engine::local::LocalJob;
use weir_engine::{Durable, Job};
use weir_state::CheckpointStore;
use weir_state::checkpoint::object_store::memory::InMemory;

use crate::pipelines;
use crate::stores::{Hooked, Operation, Verdict};
use crate::support::{Memory, Row, durable_in, job, row_texts};

/// Seeds of every test run; `WEIR_SIMULATION_SEEDS=10000` tries more, `WEIR_SIMULATION_SEED=7` one.
const SEEDS: u64 = 200;
/// After so many starts nothing fails any more, so that every seed comes to an end.
const FAULTY_STARTS_MAX: u32 = 12;

#[test]
fn nothing_is_lost_or_doubled_whatever_fails() {
    let set = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let seeds = match set("WEIR_SIMULATION_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..set("WEIR_SIMULATION_SEEDS").unwrap_or(SEEDS),
    };
    let mut starts = 0;
    for seed in seeds {
        starts += simulate(seed);
    }
    println!("{starts} starts");
}

/// Numbers from a seed, shared by all that can fail.
#[derive(Clone)]
struct Dice(Arc<AtomicU64>);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(Arc::new(AtomicU64::new(mix(seed))))
    }

    fn below(&self, n: usize) -> usize {
        (mix(self.0.fetch_add(1, Ordering::Relaxed)) % n as u64) as usize
    }

    /// True once in so many times.
    fn one_in(&self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// True for one in so many names, now: whatever the order in which several are asked for.
    fn one_in_names(&self, n: u64, name: &str) -> bool {
        name.bytes().fold(self.0.load(Ordering::Relaxed), |hash, byte| mix(hash ^ u64::from(byte))) % n == 0
    }
}

/// Another system that takes rows in transactions: what is visible in it outlives every crash.
#[derive(Clone)]
struct Ledger {
    memory: Memory,
    /// By the sink's option `book`.
    books: Arc<Mutex<BTreeMap<String, Book>>>,
    dice: Dice,
    faulty: Arc<Mutex<bool>>,
}

#[derive(Default)]
struct Book {
    visible: Vec<String>,
    /// The last checkpoint whose rows are visible.
    checkpoint: u64,
    generation: u64,
}

impl Connectors for Ledger {
    fn source(&self, _: &str, _: &Options) -> Result<Box<dyn Source>, ConnectorError> {
        Ok(Box::new(self.memory.clone()))
    }

    fn sink(&self, _: &str, options: &Options) -> Result<Box<dyn Sink>, ConnectorError> {
        let book = options.parse::<BTreeMap<String, String>>()?.remove("book").unwrap_or_default();
        Ok(Box::new(LedgerSink { ledger: self.clone(), book }))
    }

    fn source_names(&self) -> Vec<&'static str> {
        vec!["memory"]
    }

    fn sink_names(&self) -> Vec<&'static str> {
        vec!["memory"]
    }
}

struct LedgerSink {
    ledger: Ledger,
    book: String,
}

impl Sink for LedgerSink {
    fn guarantee(&self) -> Guarantee {
        Guarantee::ExactlyOnce
    }

    fn writer(&self, _: SchemaRef, _: &WriterContext<'_>) -> Result<Box<dyn SinkWriter>, ConnectorError> {
        Ok(Box::new(LedgerWriter(Vec::new())))
    }

    fn committer(&self, _: &str, generation: u64) -> Result<Option<Box<dyn Committer>>, ConnectorError> {
        let (ledger, name) = (self.ledger.clone(), self.book.clone());
        let mut books = self.ledger.books.lock().unwrap();
        let book = books.entry(name.clone()).or_default();
        assert!(generation > book.generation, "generations ascend");
        book.generation = generation;
        Ok(Some(Box::new(LedgerCommitter { ledger, name, generation })))
    }
}

struct LedgerWriter(Vec<String>);

impl SinkWriter for LedgerWriter {
    fn write(&mut self, batch: &StreamBatch) -> Result<(), ConnectorError> {
        self.0.extend(row_texts(batch));
        Ok(())
    }

    fn prepare(&mut self, _: Cut) -> Result<Prepare, ConnectorError> {
        let rows = std::mem::take(&mut self.0);
        Ok(Box::new(move || {
            let commit = Committable { value: rows.into(), rows: None };
            Ok(Prepared { commit: vec![commit], ..Prepared::default() })
        }))
    }
}

struct LedgerCommitter {
    ledger: Ledger,
    /// The book's.
    name: String,
    generation: u64,
}

impl Committer for LedgerCommitter {
    fn commit(&mut self, checkpoint: u64, parts: Vec<Committable>) -> Result<(), ConnectorError> {
        let fails = |n| *self.ledger.faulty.lock().unwrap() && self.ledger.dice.one_in(n);
        if fails(15) {
            return Err(ConnectorError::Data("the ledger is away".to_owned()));
        }
        let mut books = self.ledger.books.lock().unwrap();
        let book = books.get_mut(&self.name).unwrap();
        if self.generation < book.generation {
            return Err(ConnectorError::Fenced("a newer generation writes the ledger".to_owned()));
        }
        if checkpoint > book.checkpoint {
            let rows = parts.iter().flat_map(|part| part.value.as_array().unwrap().clone());
            book.visible.extend(rows.map(|row| row.as_str().unwrap().to_owned()));
            book.checkpoint = checkpoint;
        }
        if fails(15) {
            return Err(ConnectorError::Data("the ledger's answer is lost".to_owned()));
        }
        Ok(())
    }
}

/// Rows that are at most 40 ms behind, in up to four splits. Some values make operators refuse their row (7) or trap (13); none
/// makes one loop (17).
fn splits(dice: &Dice) -> Vec<Vec<Row>> {
    let split = |_| {
        let mut now = 1_000;
        let row = |_| {
            now += dice.below(25) as i64;
            (format!("k{}", dice.below(5)), dice.below(67) as i64 - 50, now - dice.below(40) as i64)
        };
        (0..dice.below(120)).map(row).collect()
    };
    (0..1 + dice.below(4)).map(split).collect()
}

/// Runs one seed to its end; returns how often the job was started.
fn simulate(seed: u64) -> u32 {
    let dice = Dice::new(seed);
    let pipelines = pipelines::all();
    let pipeline = &pipelines[dice.below(pipelines.len())];
    let splits = splits(&dice);
    let whole = Memory::new(splits.clone(), vec![usize::MAX]);
    let expected = whole.run(&whole.job(pipeline, 1), |_| 0);

    let faulty = Arc::new(Mutex::new(true));
    let memory = Memory::new(splits, vec![1 + dice.below(7), 1 + dice.below(20)]);
    let ledger = Ledger { memory, books: Arc::default(), dice: dice.clone(), faulty: faulty.clone() };
    let jobs: Vec<Job> = (1..=3).map(|parallelism| job(&ledger, pipeline, parallelism)).collect();
    let clock = Arc::new(ManualClock::default());
    let (disk, store) = store(&dice, &faulty, &clock);
    let durable = Durable { settings: settings(&dice), ..durable_in(store) };
    let mut zombies: Vec<LocalJob> = Vec::new();
    for start in 1.. {
        assert!(start < 1_000, "seed {seed} does not end");
        *faulty.lock().unwrap() = start <= FAULTY_STARTS_MAX;
        let job = &jobs[dice.below(jobs.len())];
        let Ok(mut local) = LocalJob::resume(job, clock.clone() as Arc<dyn Clock>, &durable) else { continue };
        if live(&mut local, &mut zombies, &dice, &clock, start <= FAULTY_STARTS_MAX) {
            let books = std::mem::take(&mut *ledger.books.lock().unwrap());
            let mut visible: Vec<String> = books.into_values().flat_map(|book| book.visible).collect();
            visible.sort();
            assert_eq!(visible, expected, "seed {seed}, after {start} starts, of {pipeline}");
            return start;
        }
        match dice.below(4) {
            // The whole machine fails.
            0 => {
                zombies.clear();
                disk.lose_power();
            }
            1 => zombies.push(local),
            _ => {}
        }
    }
    unreachable!()
}

/// A store that is as bad as one can be while `faulty`.
fn store(dice: &Dice, faulty: &Arc<Mutex<bool>>, clock: &Arc<ManualClock>) -> (Arc<Hooked>, CheckpointStore) {
    let (dice, faulty, clock) = (dice.clone(), faulty.clone(), clock.clone());
    Hooked::new(&Arc::new(InMemory::new()), move |operation| {
        if !*faulty.lock().unwrap() {
            return Verdict::Go;
        }
        // Parts are read on several threads.
        if let Operation::Get(path) = operation {
            return if dice.one_in_names(30, path) { Verdict::Fail } else { Verdict::Go };
        }
        // Often at once, now and then for longer than an attempt may take.
        let takes_us = if dice.one_in(50) { 1_000_000 } else { 1_000 };
        clock.set_us(clock.now_us() + dice.below(takes_us) as i64);
        match operation {
            Operation::Arrive if dice.one_in(10) => Verdict::Go,
            Operation::Arrive => Verdict::Fail,
            _ if !dice.one_in(30) => Verdict::Go,
            // A name is made at once or not at all; a file can be half there.
            Operation::Put(_) if dice.one_in(3) => Verdict::Torn,
            _ => {
                let faults = [Verdict::Fail, Verdict::Lost, Verdict::Twice, Verdict::Late, Verdict::Unsynced];
                faults[dice.below(faults.len())]
            }
        }
    })
}

fn settings(dice: &Dice) -> weir_core::graph::CheckpointSettings {
    weir_core::graph::CheckpointSettings {
        location: "memory".to_owned(),
        interval_ms: 1 + dice.below(40) as u64,
        min_pause_ms: dice.below(5) as u64,
        timeout_ms: 20 + dice.below(500) as u64,
        keep: 1 + dice.below(3),
    }
}

/// Steps a job until it is over (`true`), fails, or crashes.
fn live(local: &mut LocalJob, zombies: &mut Vec<LocalJob>, dice: &Dice, clock: &ManualClock, crashes: bool) -> bool {
    while !local.is_over() {
        clock.set_us(clock.now_us() + dice.below(2_000) as i64);
        if crashes && dice.one_in(250) {
            return false;
        }
        if let Some(zombie) = zombies.last_mut().filter(|_| dice.one_in(5)) {
            let choices = zombie.choices();
            let stepped = choices.get(dice.below(choices.len().max(1))).map(|choice| zombie.step(*choice));
            // It has found out, or has nothing more to do.
            if !matches!(stepped, Some(Ok(()))) {
                zombies.pop();
            }
        }
        let choices = local.choices();
        let stepped = match choices.get(dice.below(choices.len().max(1))) {
            Some(choice) => local.step(*choice),
            // A last checkpoint that failed is tried again when its time has come.
            None => {
                clock.set_us(clock.now_us() + 1_000_000);
                local.tick()
            }
        };
        if stepped.is_err() {
            return false;
        }
    }
    true
}
