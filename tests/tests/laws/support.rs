//! A source and a sink in memory, and a job over them that a test drives step by step.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, OnceLock};
use std::time::Duration;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use proptest::prelude::*;
use weir_core::batch::StreamBatch;
use weir_core::connector::{
    ConnectorError, Connectors, Cut, Guarantee, Offset, Polled, Prepare, Prepared, Sink, SinkWriter, Source,
    SourceReader, Split, WriterContext,
};
use weir_core::graph::{CheckpointSettings, Options};
use weir_core::time::{Clock, ManualClock};
use weir_engine::local::{Choice, LocalJob};
use weir_engine::{Durable, Job, ResumeFrom};
use weir_host::{Host, HostConfig};
use weir_state::checkpoint::CheckpointStore;
use weir_state::checkpoint::object_store::memory::InMemory;

use crate::stores::plain;

/// So many cases of a property, or as many as the environment asks for: `WEIR_LAWS_CASES=1000`.
pub(crate) fn cases(usual: u32) -> ProptestConfig {
    let asked = std::env::var("WEIR_LAWS_CASES").ok().map(|cases| cases.parse().unwrap());
    ProptestConfig { cases: asked.unwrap_or(usual), ..ProptestConfig::default() }
}

/// key, value, event time in milliseconds.
pub(crate) type Row = (String, i64, i64);

/// Rows whose event time is at most 40 ms behind, so that none is late, in so many splits.
pub(crate) fn splits() -> impl Strategy<Value = Vec<Vec<Row>>> {
    let row = (0..5_u8, -50..50_i64, 0..40_i64, 0..25_i64);
    let split = prop::collection::vec(row, 0..60).prop_map(|rows| {
        let mut now = 1_000;
        let step = |(key, value, behind, step): (u8, i64, i64, i64)| {
            now += step;
            (format!("k{key}"), value, now - behind)
        };
        rows.into_iter().map(step).collect::<Vec<Row>>()
    });
    prop::collection::vec(split, 1..4)
}

/// Splits of rows, how they come in batches, and what came out.
#[derive(Clone, Default)]
pub(crate) struct Memory {
    pub(crate) splits: Arc<Vec<Vec<Row>>>,
    /// Sizes of batches, taken in turn by every split.
    pub(crate) batch_sizes: Arc<Vec<usize>>,
    /// The values of the rows that were read.
    pub(crate) read: Arc<Mutex<BTreeSet<i64>>>,
    pub(crate) written: Arc<Mutex<Vec<String>>>,
    /// How many rows of each split may be read so far; all, if this is not set.
    pub(crate) released: Arc<OnceLock<AtomicUsize>>,
}

impl Memory {
    pub(crate) fn new(splits: Vec<Vec<Row>>, batch_sizes: Vec<usize>) -> Self {
        Self { splits: Arc::new(splits), batch_sizes: Arc::new(batch_sizes), ..Self::default() }
    }

    /// What was written since the last call, sorted.
    pub(crate) fn take_written(&self) -> Vec<String> {
        let mut rows = std::mem::take(&mut *self.written.lock().unwrap());
        rows.sort();
        rows
    }

    pub(crate) fn job(&self, pipeline: &str, parallelism: usize) -> Job {
        job(self, pipeline, parallelism)
    }

    /// Runs a job to its end, `choose` picking what happens next.
    pub(crate) fn run(&self, job: &Job, choose: impl FnMut(usize) -> usize) -> Vec<String> {
        LocalJob::new(job, clock()).unwrap().run(choose).unwrap();
        self.take_written()
    }

    /// Runs `job` for some steps, takes a snapshot, forgets the job, continues with `next`, and gives all that was written.
    pub(crate) fn run_with_restore(
        &self,
        job: &Job,
        next: &Job,
        steps: usize,
        mut choose: impl FnMut(usize) -> usize,
    ) -> Vec<String> {
        let durable = durable_in(plain(&Arc::new(InMemory::new())));
        let mut local = LocalJob::resume(job, clock(), &durable).unwrap();
        for _ in 0..steps {
            let choices = local.choices();
            let Some(choice) = choices.get(choose(choices.len().max(1))) else { break };
            local.step(*choice).unwrap();
        }
        checkpoint(&mut local, &mut choose);
        drop(local);
        LocalJob::resume(next, clock(), &durable).unwrap().run(choose).unwrap();
        self.take_written()
    }
}

/// Takes a checkpoint now.
pub(crate) fn checkpoint(local: &mut LocalJob, mut choose: impl FnMut(usize) -> usize) {
    local.ask().unwrap();
    // No source reads on: what still moves was before the barrier.
    while !local.has_answered() && !local.is_over() {
        let choices = local.choices();
        let moving: Vec<Choice> = choices.into_iter().filter(|c| !matches!(c, Choice::Poll(_))).collect();
        local.step(moving[choose(moving.len())]).unwrap();
    }
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(ManualClock::default())
}

/// The project's folder, to which components are relative.
pub(crate) fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// One for all tests, so that a component is compiled once.
pub(crate) static HOST: LazyLock<Host> = LazyLock::new(|| {
    let cache_dir = Some(Path::new(env!("CARGO_TARGET_TMPDIR")).join("components"));
    Host::new(HostConfig { cache_dir, ..HostConfig::default() }).unwrap()
});

pub(crate) fn job(connectors: &dyn Connectors, pipeline: &str, parallelism: usize) -> Job {
    let set = [("parallelism".to_owned(), parallelism.to_string())];
    let graph = weir_core::pipeline::parse(pipeline, root(), &set).unwrap();
    Job::check(&graph, connectors, &HOST).unwrap()
}

/// Checkpoints that are made when they are asked for.
pub(crate) fn durable_in(store: CheckpointStore) -> Durable {
    let settings = CheckpointSettings {
        location: "memory".to_owned(),
        interval_ms: u64::MAX,
        min_pause_ms: 0,
        timeout_ms: u64::MAX,
        keep: 1,
    };
    Durable { store, settings, from: ResumeFrom::Last, allow_dropped: BTreeSet::new() }
}

/// Every row as text.
pub(crate) fn row_texts(batch: &StreamBatch) -> Vec<String> {
    let options = FormatOptions::default().with_null("null");
    let columns = batch.rows.columns().iter().map(|c| ArrayFormatter::try_new(c.as_ref(), &options).unwrap());
    let columns: Vec<ArrayFormatter<'_>> = columns.collect();
    let row = |i: usize| columns.iter().map(|c| c.value(i).to_string()).collect::<Vec<_>>().join(",");
    (0..batch.len()).map(row).collect()
}

/// A sequence that looks random and is the same every time.
pub(crate) fn chooser(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed;
    move |n| {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        (weir_core::key_group::mix(state) % n as u64) as usize
    }
}

impl Connectors for Memory {
    fn source(&self, _: &str, _: &Options) -> Result<Box<dyn Source>, ConnectorError> {
        Ok(Box::new(self.clone()))
    }

    fn sink(&self, _: &str, _: &Options) -> Result<Box<dyn Sink>, ConnectorError> {
        Ok(Box::new(self.clone()))
    }

    fn source_names(&self) -> Vec<&'static str> {
        vec!["memory"]
    }

    fn sink_names(&self) -> Vec<&'static str> {
        vec!["memory"]
    }
}

impl Source for Memory {
    fn schema(&self) -> SchemaRef {
        Arc::new(Schema::new(vec![
            Field::new("key", DataType::Utf8, false),
            Field::new("unread", DataType::Int64, false),
            Field::new("value", DataType::Int64, false),
            Field::new("ts", DataType::Int64, false),
        ]))
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::ExactlyOnce
    }

    fn splits(&self, _: usize) -> Result<Vec<Split>, ConnectorError> {
        Ok((0..self.splits.len()).map(|i| Split { id: i.to_string() }).collect())
    }

    fn reader(
        &self,
        split: &Split,
        projection: &[usize],
        offset: Option<&Offset>,
        _: Arc<dyn Clock>,
    ) -> Result<Box<dyn SourceReader>, ConnectorError> {
        let at = offset.and_then(Offset::as_u64).unwrap_or(0) as usize;
        let (rows, projection) = (self.splits[split.id.parse::<usize>().unwrap()].clone(), projection.to_vec());
        Ok(Box::new(MemoryReader {
            rows,
            schema: self.schema(),
            projection,
            at,
            polls: 0,
            sizes: self.batch_sizes.clone(),
            read: self.read.clone(),
            released: self.released.clone(),
        }))
    }
}

struct MemoryReader {
    rows: Vec<Row>,
    schema: SchemaRef,
    projection: Vec<usize>,
    at: usize,
    polls: usize,
    sizes: Arc<Vec<usize>>,
    read: Arc<Mutex<BTreeSet<i64>>>,
    released: Arc<OnceLock<AtomicUsize>>,
}

impl SourceReader for MemoryReader {
    fn poll(&mut self, _: usize, _: Duration) -> Result<Polled, ConnectorError> {
        if self.at == self.rows.len() {
            return Ok(Polled::End);
        }
        let released = self.released.get().map_or(usize::MAX, |released| released.load(Ordering::Relaxed));
        let left = self.rows.len().min(released).saturating_sub(self.at);
        if left == 0 {
            return Ok(Polled::Pending);
        }
        let size = self.sizes[self.polls % self.sizes.len()].max(1).min(left);
        self.polls += 1;
        let rows = &self.rows[self.at..self.at + size];
        self.at += size;
        self.read.lock().unwrap().extend(rows.iter().map(|row| row.1));
        let ints = |of: fn(&Row) -> i64| -> ArrayRef { Arc::new(Int64Array::from_iter_values(rows.iter().map(of))) };
        let columns = vec![
            Arc::new(StringArray::from_iter_values(rows.iter().map(|r| &r.0))) as ArrayRef,
            ints(|_| 0),
            ints(|r| r.1),
            ints(|r| r.2),
        ];
        let rows = RecordBatch::try_new(self.schema.clone(), columns).unwrap().project(&self.projection).unwrap();
        Ok(Polled::Batch { rows, malformed: Vec::new() })
    }

    fn offset(&self) -> Offset {
        self.at.into()
    }
}

impl Sink for Memory {
    fn guarantee(&self) -> Guarantee {
        Guarantee::AtLeastOnce("it shows rows at once".to_owned())
    }

    fn writer(&self, _: SchemaRef, _: &WriterContext<'_>) -> Result<Box<dyn SinkWriter>, ConnectorError> {
        Ok(Box::new(MemoryWriter(self.clone())))
    }
}

struct MemoryWriter(Memory);

impl SinkWriter for MemoryWriter {
    fn write(&mut self, batch: &StreamBatch) -> Result<(), ConnectorError> {
        self.0.written.lock().unwrap().extend(row_texts(batch));
        Ok(())
    }

    fn prepare(&mut self, _: Cut) -> Result<Prepare, ConnectorError> {
        Ok(Box::new(|| Ok(Prepared::default())))
    }
}
