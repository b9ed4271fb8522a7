//! When checkpoints are made, and what a person is told of them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};

use arrow::datatypes::SchemaRef;
use weir_core::connector::{Committable, Committer, ConnectorError, Guarantee, Sink, SinkWriter, WriterContext};
use weir_core::graph::CheckpointSettings;
use weir_core::time::{Clock, ManualClock};
use weir_engine::Durable;
use weir_engine::local::{Choice, LocalError, LocalJob};
use weir_state::checkpoint::object_store::memory::InMemory;

use crate::pipelines::{WINDOWS, windowed};
use crate::stores::{Operation, Verdict, hooked, plain};
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
