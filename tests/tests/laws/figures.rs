//! What a running job tells of itself: where its subtasks spend their time, what its nodes took in and gave out, and what its
//! components may have.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arrow::datatypes::SchemaRef;
use weir_core::batch::StreamBatch;
use weir_core::connector::{
    ConnectorError, Cut, Guarantee, Offset, Polled, Prepare, Sink, SinkWriter, SourceReader, WriterContext,
};
use weir_core::time::{Clock, ManualClock};
use weir_engine::{JobFigures, JobHandle, SubtaskFigures};

use crate::pipelines;
use crate::support::{Memory, Row, job};
use crate::swaps::PIPELINE;
use crate::wrapped::Wrapped;

/// A sink whose writes wait until nobody holds the other end of its channel.
struct Held {
    memory: Memory,
    gate: Arc<Mutex<Receiver<()>>>,
}

impl Sink for Held {
    fn guarantee(&self) -> Guarantee {
        Sink::guarantee(&self.memory)
    }

    fn writer(&self, schema: SchemaRef, context: &WriterContext<'_>) -> Result<Box<dyn SinkWriter>, ConnectorError> {
        let (writer, gate) = (self.memory.writer(schema, context)?, self.gate.clone());
        Ok(Box::new(HeldWriter { writer, gate }))
    }
}

struct HeldWriter {
    writer: Box<dyn SinkWriter>,
    gate: Arc<Mutex<Receiver<()>>>,
}

impl SinkWriter for HeldWriter {
    fn write(&mut self, batch: &StreamBatch) -> Result<(), ConnectorError> {
        let _ = self.gate.lock().unwrap().recv();
        self.writer.write(batch)
    }

    fn prepare(&mut self, cut: Cut) -> Result<Prepare, ConnectorError> {
        self.writer.prepare(cut)
    }
}

/// Lets time pass, a millisecond at a time, until the figures are as they are waited for.
fn pass_until(handle: &mut JobHandle, clock: &ManualClock, mut is_met: impl FnMut(&JobFigures) -> bool) -> JobFigures {
    for _ in 0..60_000 {
        clock.set_us(clock.now_us() + 1_000);
        assert!(handle.wait(Duration::from_millis(1)).is_none(), "it is not over yet");
        let figures = handle.figures();
        let told: BTreeSet<u64> = figures.subtasks.iter().map(|s| s.busy_us + s.backpressured_us + s.idle_us).collect();
        assert!(told.iter().all(|told| *told <= clock.now_us() as u64), "{figures:?}");
        if is_met(&figures) {
            return figures;
        }
    }
    panic!("the figures stay as they are: {:?}", handle.figures());
}

#[test]
fn subtasks_say_what_they_wait_for_and_nodes_what_they_did() {
    const ROWS: usize = 100;
    let rows: Vec<Row> = (0..ROWS as i64).map(|n| (format!("k{}", n % 10), n, n)).collect();
    let memory = Memory::new(vec![rows.clone(), rows], vec![1]);
    let released = memory.released.get_or_init(AtomicUsize::default);
    let (hold, gate) = sync_channel(0);
    let gate = Arc::new(Mutex::new(gate));
    let held = Wrapped::with_sink(memory.clone(), move |memory| Box::new(Held { memory, gate: gate.clone() }));
    let clock = Arc::new(ManualClock::default());
    // Rows that are gathered would not fill a channel.
    let pipeline = format!("batch-rows = 1\n{PIPELINE}");
    let mut handle = job(&held, &pipeline, 2).start(clock.clone()).unwrap();

    let idle = pass_until(&mut handle, &clock, |f| f.subtasks.iter().all(|s| s.idle_us >= 10_000));
    let names: Vec<&str> = idle.subtasks.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["rows/0", "rows/1", "count -> out/0", "count -> out/1"]);
    assert_eq!(idle.subtasks[3].nodes, ["count", "out"]);
    assert!(idle.subtasks.iter().all(|s| s.backpressured_us == 0 && s.watermark_us.is_none()), "{idle:?}");

    released.store(ROWS, Ordering::Relaxed);
    let is_stuck = |figures: &JobFigures| {
        let (sources, counts) = figures.subtasks.split_at(2);
        let is_busy = |(now, before): (&SubtaskFigures, &SubtaskFigures)| now.busy_us >= before.busy_us + 10_000;
        sources.iter().all(|source| source.backpressured_us >= 10_000)
            && counts.iter().zip(&idle.subtasks[2..]).all(is_busy)
    };
    let stuck = pass_until(&mut handle, &clock, is_stuck);
    assert!(stuck.subtasks[2..].iter().all(|s| s.backpressured_us == 0), "{stuck:?}");
    let guests = stuck.nodes[1].guests.as_ref().unwrap();
    assert_eq!(
        (guests.instances, guests.memory_limit_bytes, guests.call_time_limit_us),
        (2, 2 * (64 << 20), 1_000_000)
    );
    assert!((2..=2 * (64 << 20)).contains(&guests.memory_bytes), "{guests:?}");
    assert!(stuck.nodes[0].guests.is_none() && stuck.nodes[2].guests.is_none());

    drop(hold);
    while handle.wait(Duration::from_secs(1)).map(Result::unwrap).is_none() {}
    let ended = handle.figures();
    clock.set_us(clock.now_us() + 1_000_000);
    let later = handle.figures();
    for (subtask, later) in ended.subtasks.iter().zip(&later.subtasks) {
        assert_eq!(subtask.busy_us, later.busy_us, "what has ended does nothing");
        assert_eq!(subtask.idle_us, later.idle_us, "what has ended does not wait");
    }
    let [rows, count, out] = &ended.nodes[..] else { panic!("{ended:?}") };
    let counts = |node: &weir_engine::NodeFigures| (node.counts.rows_in, node.counts.rows_out);
    assert_eq!([counts(rows), counts(count), counts(out)], [(200, 200), (200, 200), (200, 0)]);
    // A key of two letters with its two offsets, and the value; the number, and a tag of one letter with its offsets.
    assert_eq!((count.bytes_in, out.bytes_in, out.bytes_out), (200 * 18, 200 * (18 + 8 + 9), 0));
    let guests = count.guests.as_ref().unwrap();
    assert_eq!(guests.calls.iter().map(|bucket| bucket.calls).sum::<u64>(), 200, "one per batch: {guests:?}");
    assert_eq!((guests.instances, guests.memory_bytes, guests.memory_limit_bytes), (0, 0, 0));
}

const ROW_US: u64 = 1_000;
const WAITED_US: u64 = 700;

/// Rows in memory, each of which takes a millisecond of the clock, and has been waited for most of it.
struct RatedReader {
    reader: Box<dyn SourceReader>,
    clock: Arc<ManualClock>,
    waited_us: u64,
}

impl SourceReader for RatedReader {
    fn poll(&mut self, rows_max: usize, wait: Duration) -> Result<Polled, ConnectorError> {
        let polled = self.reader.poll(rows_max, wait)?;
        let has_rows = matches!(polled, Polled::Batch { .. });
        self.waited_us = if has_rows { WAITED_US } else { 0 };
        self.clock.set_us(self.clock.now_us() + if has_rows { ROW_US as i64 } else { 0 });
        Ok(polled)
    }

    fn waited_us(&self) -> u64 {
        self.waited_us
    }

    fn offset(&self) -> Offset {
        self.reader.offset()
    }
}

#[test]
fn a_source_that_keeps_to_a_rate_waits() {
    const ROWS: u64 = 50;
    const RATED: &str =
        "[sources.rows]\nconnector = \"memory\"\n[sinks.out]\ninput = \"rows\"\nconnector = \"memory\"\n";
    let rows = (0..ROWS as i64).map(|n| ("k".to_owned(), n, n)).collect();
    let clock = Arc::new(ManualClock::default());
    let of_clock = clock.clone();
    let rated = Wrapped::new(Memory::new(vec![rows], vec![1]), move |reader| {
        Box::new(RatedReader { reader, clock: of_clock.clone(), waited_us: 0 })
    });
    let mut handle = job(&rated, RATED, 1).start(clock).unwrap();
    while handle.wait(Duration::from_secs(1)).map(Result::unwrap).is_none() {}
    let source = &handle.figures().subtasks[0];
    assert_eq!((source.idle_us, source.busy_us), (ROWS * WAITED_US, ROWS * (ROW_US - WAITED_US)));
}

#[test]
fn what_a_job_says_it_may_take_is_what_its_instances_may_have() {
    for (pipeline, parallelism) in pipelines::all().iter().zip([1, 2, 3].into_iter().cycle()) {
        let memory = Memory::new(vec![vec![("k".to_owned(), 1, 1)]; 3], vec![1]);
        memory.released.get_or_init(AtomicUsize::default);
        let job = memory.job(pipeline, parallelism);
        let handle = job.start(Arc::new(ManualClock::default())).unwrap();
        let figures = handle.figures();
        let limits = figures.nodes.iter().filter_map(|node| node.guests.as_ref()).map(|g| g.memory_limit_bytes);
        assert_eq!(limits.sum::<u64>(), job.guest_resources().memory_bytes, "{pipeline}");
    }
}
