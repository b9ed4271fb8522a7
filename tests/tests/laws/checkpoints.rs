//! When checkpoints are made, and what a person is told of them.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};

use arrow::datatypes::SchemaRef;
use weir_core::connector::{Committable, Committer, ConnectorError, Guarantee, Sink, SinkWriter, WriterContext};
use weir_core::graph::CheckpointSettings;
use weir_core::memory::MemoryBudget;
use weir_core::time::{Clock, ManualClock};
use weir_engine::local::{Choice, LocalError, LocalJob};
use weir_engine::{Durable, Job};
use weir_state::checkpoint::object_store::memory::InMemory;

use crate::pipelines::{WINDOWS, windowed};
use crate::stores::{Operation, Verdict, hooked, paths, plain};
use crate::support::{Memory, checkpoint, durable_in, job};
use crate::wrapped::Wrapped;

/// A part takes so long to be written, and a manifest.
const PART_US: i64 = 5_000;
const MANIFEST_US: i64 = 300_000;
const MIN_PAUSE_MS: u64 = 1_000;

fn memory() -> Memory {
    let rows = (0..100).map(|i| (format!("k{i}"), i, 10 * i)).collect();
    Memory::new(vec![rows], vec![10])
}

#[test]
fn the_time_that_storage_takes_is_part_of_a_checkpoint() {
    let clock = Arc::new(ManualClock::default());
    let slow = clock.clone();
    let store = hooked(&Arc::new(InMemory::new()), move |operation| {
        let takes_us = match operation {
            Operation::Put(_) => PART_US,
            Operation::Create(_) => MANIFEST_US,
            _ => 0,
        };
        slow.set_us(slow.now_us() + takes_us);
        Verdict::Go
    });
    let durable = durable_in(store);
    let settings = CheckpointSettings { interval_ms: 1, min_pause_ms: MIN_PAUSE_MS, ..durable.settings };
    let durable = Durable { settings, ..durable };
    let memory = memory();
    let job = memory.job(&windowed(WINDOWS[0]), 1);
    let mut local = LocalJob::resume(&job, clock.clone(), &durable).unwrap();
    local.step(Choice::Poll(0)).unwrap();

    let begun_us = clock.now_us();
    checkpoint(&mut local, |_| 0);
    let took_us = clock.now_us() - begun_us;
    assert!(took_us > MANIFEST_US && (took_us - MANIFEST_US) % PART_US == 0, "{took_us}");
    assert_eq!(local.checkpoints().took_us, took_us);

    let pause_us = 1_000 * i64::try_from(MIN_PAUSE_MS).unwrap();
    for (passed_us, expected) in [(pause_us - 1, false), (1, true)] {
        clock.set_us(clock.now_us() + passed_us);
        local.tick().unwrap();
        let begins = local.choices().iter().any(|choice| matches!(choice, Choice::Trigger(_)));
        assert_eq!(begins, expected, "{passed_us} microseconds later");
    }
}

#[test]
fn windows_that_still_fire_when_their_sources_have_ended_take_checkpoints() {
    let (memory, pipeline) = (memory(), windowed("{ sliding = \"1s\", slide = \"1ms\" }"));
    let expected = memory.run(&memory.job(&pipeline, 1), |_| 0);
    let durable = durable_in(plain(&Arc::new(InMemory::new())));
    let start = |parallelism| {
        let job = memory.job(&pipeline, parallelism);
        LocalJob::resume(&job, Arc::new(ManualClock::default()), &durable).unwrap()
    };
    let mut local = start(2);
    let is_of_source = |choice: &Choice| matches!(choice, Choice::Poll(0 | 1) | Choice::More(0 | 1));
    let is_more = |choice: &Choice| matches!(choice, Choice::More(_));
    while let Some(choice) = local.choices().into_iter().find(|choice| is_of_source(choice) || !is_more(choice)) {
        local.step(choice).unwrap();
    }
    assert!(!local.choices().is_empty(), "the windows have results left");
    local.ask().unwrap();
    while !local.has_answered() {
        let choices = local.choices();
        let choice = choices.iter().find(|choice| !is_more(choice)).or(choices.first());
        local.step(*choice.unwrap()).unwrap();
    }
    assert!(!local.is_over());
    drop(local);
    start(3).run(|_| 0).unwrap();
    // The sink shows rows at once: what came between the barrier and the end comes again.
    let mut written = memory.take_written();
    written.dedup();
    assert_eq!(written, expected);
}

/// Asks for a savepoint; where its number is told.
fn savepoint(local: &mut LocalJob) -> Receiver<u64> {
    let (tell, told) = sync_channel(1);
    local.savepoint(tell).unwrap();
    told
}

/// Lets what is under way get on until the answer is there; no source reads, or begins another checkpoint.
fn answer(local: &mut LocalJob, told: &Receiver<u64>) -> Result<u64, LocalError> {
    loop {
        match told.try_recv() {
            Ok(number) => return Ok(number),
            Err(error) => assert_eq!(error, TryRecvError::Empty),
        }
        let moves = |choice: &Choice| !matches!(choice, Choice::Poll(_) | Choice::Trigger(_));
        let choice = local.choices().into_iter().find(moves).unwrap();
        local.step(choice)?;
    }
}

#[test]
fn savepoints_that_overlap_are_each_answered_by_the_first_checkpoint_that_holds_what_was_asked_for() {
    let (memory, durable) = (memory(), durable_in(plain(&Arc::new(InMemory::new()))));
    let job = memory.job(&windowed(WINDOWS[0]), 1);
    let mut local = LocalJob::resume(&job, Arc::new(ManualClock::default()), &durable).unwrap();
    let mut waiting = VecDeque::from([savepoint(&mut local)]);
    let mut told = Vec::new();
    for _ in 0..4 {
        local.step(Choice::Trigger(0)).unwrap();
        local.step(Choice::Poll(0)).unwrap();
        waiting.push_back(savepoint(&mut local));
        local.ask().unwrap();
        told.push(answer(&mut local, &waiting.pop_front().unwrap()).unwrap());
        assert_eq!(waiting[0].try_recv(), Err(TryRecvError::Empty), "what was read since is not in it");
    }
    assert_eq!(told, [2, 3, 4, 5]);
    assert!(durable.store.pins().unwrap().into_iter().eq(told));
    local.run(|_| 0).unwrap();
    assert_eq!(waiting[0].try_recv(), Ok(6));
}

/// A sink that commits no rows.
#[derive(Clone)]
struct Uncommitted(Memory);

impl Sink for Uncommitted {
    fn guarantee(&self) -> Guarantee {
        Guarantee::ExactlyOnce
    }

    fn writer(&self, schema: SchemaRef, context: &WriterContext<'_>) -> Result<Box<dyn SinkWriter>, ConnectorError> {
        self.0.writer(schema, context)
    }

    fn committer(&self, _: &str, _: u64) -> Result<Option<Box<dyn Committer>>, ConnectorError> {
        Ok(Some(Box::new(self.clone())))
    }
}

impl Committer for Uncommitted {
    fn commit(&mut self, _: u64, _: Vec<Committable>) -> Result<(), ConnectorError> {
        Err(ConnectorError::Data("the other system is away".to_owned()))
    }
}

#[test]
fn a_savepoint_is_told_of_though_a_sink_does_not_commit_it() {
    let durable = durable_in(plain(&Arc::new(InMemory::new())));
    let uncommitted = Wrapped::with_sink(memory(), |memory| Box::new(Uncommitted(memory)));
    let job = job(&uncommitted, &windowed(WINDOWS[0]), 1);
    let mut local = LocalJob::resume(&job, Arc::new(ManualClock::default()), &durable).unwrap();
    let told = savepoint(&mut local);
    local.step(Choice::Trigger(0)).unwrap();
    let error = answer(&mut local, &told).unwrap_err();
    assert!(error.to_string().contains("could not commit checkpoint 2"), "{error}");
    assert_eq!(told.try_recv(), Ok(2));
    assert!(durable.store.pins().unwrap().contains(&2));
}

/// The attempts of which a disk has parts.
fn attempts(disk: &Arc<InMemory>) -> BTreeSet<String> {
    let attempt = |path: String| path.strip_prefix("parts/")?.split_once('/').map(|(attempt, _)| attempt.to_owned());
    // The store asks, which has a runtime on its own thread.
    let all = std::thread::scope(|scope| scope.spawn(|| paths(disk)).join().unwrap());
    all.into_iter().filter_map(attempt).collect()
}

/// On a disk with room for two checkpoints a run is killed while it writes the second, or has no room for its manifest.
#[test]
fn what_an_earlier_run_has_left_takes_no_room_from_the_next_checkpoint() {
    for is_killed in [true, false] {
        let disk = Arc::new(InMemory::new());
        let (full, fails, manifest) = (disk.clone(), AtomicBool::new(!is_killed), format!("manifests/{:020}", 3));
        let store = hooked(&disk, move |operation| {
            let is_full = match operation {
                Operation::Put(path) => {
                    attempts(&full).iter().filter(|of| !path.starts_with(&format!("parts/{of}/"))).count() == 2
                }
                // Claims are small.
                Operation::Create(path) => *path == manifest && fails.swap(false, Ordering::Relaxed),
                _ => false,
            };
            if is_full { Verdict::Fail } else { Verdict::Go }
        });
        let durable = durable_in(store);
        let memory = memory();
        let job = memory.job(&windowed(WINDOWS[0]), 2);
        let resume = || LocalJob::resume(&job, Arc::new(ManualClock::default()), &durable).unwrap();
        let mut local = resume();
        local.step(Choice::Poll(0)).unwrap();
        checkpoint(&mut local, |_| 0);
        local.ask().unwrap();
        let ended = loop {
            let moves = |choice: &Choice| !matches!(choice, Choice::Poll(_));
            let stepped = local.step(local.choices().into_iter().find(moves).unwrap());
            if stepped.is_err() || (is_killed && attempts(&disk).len() == 2) {
                break stepped;
            }
        };
        assert_eq!(ended.is_ok(), is_killed, "{ended:?}");
        drop(local);
        assert_eq!(attempts(&disk), ["1-1", "1-2"].map(str::to_owned).into());

        let mut local = resume();
        assert_eq!(attempts(&disk), ["1-1".to_owned()].into(), "what it resumes from");
        checkpoint(&mut local, |_| 0);
        assert_eq!((local.checkpoints().failed, local.checkpoints().trouble), (0, None));
        assert_eq!(attempts(&disk), ["3-1".to_owned()].into());
    }
}

/// State that does not fit into memory is not even read, and the limit is named.
#[test]
fn memory_for_a_checkpoint_is_leased_before_it_is_read() {
    let disk = Arc::new(InMemory::new());
    let reads = Arc::new(AtomicBool::new(false));
    let seen = reads.clone();
    let store = hooked(&disk, move |operation| {
        if matches!(operation, Operation::Get(path) if path.starts_with("parts/")) {
            seen.store(true, Ordering::Relaxed);
        }
        Verdict::Go
    });
    let (durable, memory) = (durable_in(store), memory());
    let job = memory.job(&windowed(WINDOWS[0]), 1);
    let resume = |job: &Job| LocalJob::resume(job, Arc::new(ManualClock::default()), &durable);
    let mut local = resume(&job).unwrap();
    local.step(Choice::Poll(0)).unwrap();
    checkpoint(&mut local, |_| 0);
    drop(local);
    for (limit, job_limit, names) in [(100, u64::MAX, "raise --max-memory"), (u64::MAX, 100, "raise --max-job-memory")]
    {
        let budget = MemoryBudget::new("all jobs", "--max-memory", limit);
        let Err(error) = resume(&job.clone().with_memory(budget.clone(), job_limit)) else { panic!("it is read") };
        let error = weir_core::error::chain(&error);
        assert!(error.contains("checkpoint 2 cannot be read") && error.contains(names), "{error}");
        assert_eq!((budget.used(), reads.load(Ordering::Relaxed)), (0, false));
    }
    let budget = MemoryBudget::new("all jobs", "--max-memory", 1 << 20);
    let local = resume(&job.clone().with_memory(budget.clone(), u64::MAX)).unwrap();
    assert!(reads.load(Ordering::Relaxed) && (1..1 << 19).contains(&budget.used()), "{}", budget.used());
    drop(local);
    assert_eq!(budget.used(), 0);
}
