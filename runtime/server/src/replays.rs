//! Replays: dead letters that go into their step again, as rows of a file. Until a checkpoint has all of it, a source of its own
//! reads the file in the job's graph; no pipeline's text ever holds one. What is to be of a replay follows from the catalog and the
//! checkpoint that the job resumes from, never from what ran before.

mod source;
pub(crate) mod timers;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::Array as _;
use arrow::datatypes::{Schema, SchemaRef};
use weir_core::connector::{ConnectorError, Connectors as _, Polled};
use weir_core::graph::{EventTimeColumn, Exchange, LogicalGraph, NodeKind, OnError, Options, SourceNode, Spanned};
use weir_core::time::{Clock, WatermarkStrategy};
use weir_engine::Job;
use weir_engine::dataflow::source::EventTimeReader;
use weir_state::checkpoint::{CheckpointStore, Manifest, StoredSplit};

use crate::catalog::{JobRow, ReplayRow};
use crate::dead_letters::DeadLetters;
use crate::pipelines::{Pipeline, Pipelines};
use crate::problem::{Problem, chain};
use source::{CONNECTOR, WithReplays};

/// Rows that are looked at, at a time, before they are replayed.
const CHECKED_ROWS: usize = 4096;

/// What is to be of a replay in a job that resumes from a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It came later: its letters wait there.
    Undone,
    /// Some of it is still to be read.
    Pending,
    /// The checkpoint has all of it.
    Done,
}

/// A job that is about to resume from a checkpoint.
pub(crate) struct Resumed {
    pub(crate) job: Job,
    /// Whose state it gives up.
    pub(crate) allow_dropped: BTreeSet<String>,
    pub(crate) left: Left,
}

/// What a job leaves behind as it resumes from a checkpoint.
pub(crate) struct Left {
    checkpoint: u64,
    /// Replays by number.
    undone: Vec<u64>,
    done: Vec<u64>,
    /// Parts of dead letters that come again.
    superseded: Vec<PathBuf>,
}

impl ReplayRow {
    /// The name of its source: with a dot, which names in a file cannot have.
    pub(crate) fn source(&self) -> String {
        format!("{}.replay-{}", self.step, self.number)
    }

    /// Its file, in the job's folder.
    pub(crate) fn file(&self) -> PathBuf {
        file_of(self.number)
    }

    /// Decides by the checkpoint that the job resumes from; 0 if there is none.
    fn fate(&self, checkpoint: u64, manifest: Option<&Manifest>) -> Fate {
        if checkpoint < self.checkpoint {
            return Fate::Undone;
        }
        let byte = |split: &StoredSplit| split.offset.get("byte").and_then(serde_json::Value::as_u64);
        // In a job that went back it is read a second time: what the checkpoint has of it decides, whatever was known before.
        let is_read = self.splits(manifest).next().map(|split| byte(split) == Some(self.bytes));
        let is_over = self.done == Some(checkpoint)
            || is_read.unwrap_or_else(|| self.done.is_some_and(|done| done <= checkpoint));
        match is_over {
            true => Fate::Done,
            false => Fate::Pending,
        }
    }

    /// How far its source was: one split, if it was there at all.
    fn splits<'a>(&self, manifest: Option<&'a Manifest>) -> impl Iterator<Item = &'a StoredSplit> {
        let sources = manifest.into_iter().flat_map(|manifest| &manifest.subtasks).filter_map(|s| s.splits.as_ref());
        let name = self.source();
        sources.filter(move |(source, _)| *source == name).flat_map(|(_, splits)| splits)
    }
}

impl Pipelines {
    /// A job as it resumes from the checkpoint that the catalog names, or from its last one.
    pub(crate) fn resume(
        &self,
        job: Job,
        pipeline: &Pipeline,
        row: &JobRow,
        store: &CheckpointStore,
    ) -> Result<Resumed, Problem> {
        let replays = self.catalog.replays(&row.name)?;
        let manifest = match row.from_checkpoint {
            Some(number) => Some(store.manifest(number)?),
            // Whether a checkpoint can be read matters to nobody else here.
            None if replays.is_empty() => None,
            None => store.list()?.into_iter().next().map(|listed| listed.manifest).transpose()?,
        };
        let checkpoint = manifest.as_ref().map_or(0, |manifest| manifest.number);
        let mut allow_dropped: BTreeSet<String> = row.allow_dropped.iter().cloned().collect();
        let (mut undone, mut done, mut pending) = (Vec::new(), Vec::new(), Vec::new());
        for replay in &replays {
            let name = replay.source();
            let is_given_up = allow_dropped.remove(&name);
            match replay.fate(checkpoint, manifest.as_ref()) {
                Fate::Undone => undone.push(replay.number),
                Fate::Pending if !is_given_up => pending.push(replay),
                Fate::Pending | Fate::Done => {
                    done.push(replay.number);
                    allow_dropped.extend(replay.splits(manifest.as_ref()).next().map(|_| name));
                }
            }
        }
        // Only somebody who names a checkpoint wants to lose what came after it.
        let superseded = match (row.from_checkpoint, &manifest) {
            (Some(_), Some(manifest)) => {
                let letters = DeadLetters::of(&self.folder(&row.name));
                let newer = letters.newer_than((manifest.generation, manifest.attempt));
                newer.map_err(|error| Problem::internal("the dead letters cannot be listed", &error))?
            }
            _ => Vec::new(),
        };
        let job = self.with_replays(job, pipeline, &pending)?;
        Ok(Resumed { job, allow_dropped, left: Left { checkpoint, undone, done, superseded } })
    }

    /// A job continues: what it has left behind is written down, and removed.
    pub(crate) fn settle(&self, job: &str, left: &Left, store: &CheckpointStore) -> Result<(), Problem> {
        left.superseded.iter().try_for_each(|part| remove(part))?;
        self.catalog.settle_replays(job, &left.undone, &left.done, left.checkpoint)?;
        let mut done = self.catalog.replays(job)?;
        done.retain(|replay| replay.done.is_some());
        if done.is_empty() {
            return Ok(());
        }
        // A checkpoint that is still there, a savepoint above all, may not have all of it.
        let kept = store.list()?;
        let is_needed = |replay: &ReplayRow| {
            kept.iter().any(|listed| match &listed.manifest {
                Ok(manifest) => replay.fate(listed.number, Some(manifest)) == Fate::Pending,
                Err(_) => true,
            })
        };
        done.retain(|replay| !is_needed(replay));
        done.iter().try_for_each(|replay| remove(&self.folder(job).join(replay.file())))
    }

    /// The replays, by number, that each of these checkpoints has all of.
    pub(crate) fn replays_over(&self, job: &str, kept: &[Manifest]) -> Result<Vec<u64>, Problem> {
        let mut over = self.catalog.replays(job)?;
        over.retain(|replay| {
            replay.done.is_some() && kept.iter().all(|kept| replay.fate(kept.number, Some(kept)) == Fate::Done)
        });
        Ok(over.into_iter().map(|replay| replay.number).collect())
    }

    /// Of these replays, which are over, the files are removed, and what the catalog has of those whose letters are no more.
    pub(crate) fn forget_replays(&self, job: &str, over: &[u64]) -> Result<(), Problem> {
        let folder = self.folder(job);
        over.iter().try_for_each(|number| remove(&folder.join(file_of(*number))))?;
        Ok(self.catalog.forget_replays(job, over)?)
    }

    /// Refuses a replay whose rows its step would not take for its own.
    pub(crate) fn check_replay(
        &self,
        pipeline: &Pipeline,
        job: &Job,
        replay: &ReplayRow,
        clock: &Arc<dyn Clock>,
    ) -> Result<(), Problem> {
        let (reader, schema) = replayable(&pipeline.graph, job, &replay.step).map_err(Problem::conflict)?;
        let node = self.source_node(&pipeline.graph, reader, &schema, replay);
        let refuse = |reason: &str| {
            let step = &replay.step;
            Problem::conflict(format!(
                "a dead letter does not fit what {step:?} reads now: {reason}; replay others, or deploy a {step:?} that reads it"
            ))
        };
        let failed = |error: ConnectorError| refuse(&chain(&error));
        let columns: Vec<usize> = (0..schema.fields().len()).collect();
        let event_time = node.event_time.as_ref().and_then(|column| schema.index_of(&column.column.value).ok());
        let mut connectors = WithReplays::new(&*self.connectors);
        connectors.add(self.folder(&pipeline.graph.name).join(replay.file()), schema);
        let source = connectors.source(CONNECTOR, &node.options).map_err(failed)?;
        for split in source.splits(1).map_err(failed)? {
            let mut rows_of = source.reader(&split, &columns, None, Arc::clone(clock)).map_err(failed)?;
            while let Polled::Batch { rows, malformed } = rows_of.poll(CHECKED_ROWS, Duration::ZERO).map_err(failed)? {
                if let Some(bad) = malformed.first() {
                    return Err(refuse(&format!("{} ({})", bad.reason, bad.record)));
                }
                if event_time.is_some_and(|column| rows.column(column).null_count() > 0) {
                    return Err(refuse("it has no event time"));
                }
            }
        }
        Ok(())
    }

    /// A job, with sources for replays.
    fn with_replays(&self, job: Job, pipeline: &Pipeline, replays: &[&ReplayRow]) -> Result<Job, Problem> {
        if replays.is_empty() {
            return Ok(job);
        }
        let mut graph = pipeline.graph.clone();
        let mut connectors = WithReplays::new(&*self.connectors);
        for replay in replays {
            let (reader, schema) = replayable(&graph, &job, &replay.step).map_err(|reason| {
                let name = replay.source();
                Problem::conflict(format!(
                    "{reason}, but dead letters are on their way into it: wait until they are processed, or discard them with \
                     --allow-dropped-state {name}"
                ))
            })?;
            let source = self.source_node(&graph, reader, &schema, replay);
            connectors.add(self.folder(&graph.name).join(replay.file()), schema);
            graph.add_source(replay.source(), source, reader);
        }
        Ok(Job::check(&graph, &connectors, &self.host)?)
    }

    /// A source that reads a replay's file as rows of a step.
    fn source_node(&self, graph: &LogicalGraph, reader: usize, schema: &Schema, replay: &ReplayRow) -> SourceNode {
        let span = graph.nodes[reader].span.clone();
        let spanned = |value: &str| Spanned { value: value.to_owned(), span: span.clone() };
        let mut event_times = graph.event_times_above(reader).into_iter();
        let is_there = |event_time: &&EventTimeColumn| {
            let field = schema.field_with_name(&event_time.column.value);
            field.is_ok_and(|field| EventTimeReader::new(&event_time.form, field.data_type()).is_ok())
        };
        SourceNode {
            connector: spanned(CONNECTOR),
            options: Options::from_toml(&format!("path = {:?}", replay.file()), self.folder(&graph.name)),
            event_time: event_times.find(is_there).map(|event_time| EventTimeColumn {
                column: spanned(&event_time.column.value),
                form: event_time.form.clone(),
            }),
            // Its rows are older than the others anyway: none of them makes another late.
            watermark: Some(WatermarkStrategy::AtEnd),
            punctuation: None,
            idle_after_ms: None,
            max_drift_us: None,
            future_max_us: None,
            on_error: OnError::Fail,
            reads_after_end: true,
            splits: None,
        }
    }
}

/// A step that takes dead letters again: its index, and the columns of its rows. Or why it does not.
pub(crate) fn replayable(graph: &LogicalGraph, job: &Job, step: &str) -> Result<(usize, SchemaRef), String> {
    let index = graph.nodes.iter().position(|node| node.name == step);
    let node = index.and_then(|index| graph.nodes.get(index));
    let is_broadcast = match node.map(|node| &node.kind) {
        Some(NodeKind::Operator(operator)) => {
            operator.exchange.as_ref().is_some_and(|e| e.value == Exchange::Broadcast)
        }
        Some(
            NodeKind::Filter(_)
            | NodeKind::Select(_)
            | NodeKind::Window(_)
            | NodeKind::Join(_)
            | NodeKind::Changelog(_)
            | NodeKind::Aggregate(_)
            | NodeKind::Dedup(_)
            | NodeKind::Top(_)
            | NodeKind::Rolling(_)
            | NodeKind::Other(_),
        ) => false,
        Some(NodeKind::Source(_)) => {
            return Err(format!(
                "what the source {step:?} has set aside never became rows: correct the records where they come from"
            ));
        }
        Some(NodeKind::Sink(_)) | None => {
            return Err(format!("the pipeline has no step {step:?} that reads and emits rows"));
        }
    };
    if is_broadcast && graph.parallelism > 1 {
        return Err(format!(
            "every subtask of {step:?} gets every row (exchange = \"broadcast\"), and each would get it again"
        ));
    }
    match (index, job.columns_into(step)) {
        (Some(_), Some(schema)) if schema.field_with_name("error").is_ok() => {
            Err(format!("{step:?} reads a column \"error\", and in a dead letter that is the reason"))
        }
        (Some(index), Some(schema)) => Ok((index, schema)),
        _ => Err(format!("the pipeline has no step {step:?}")),
    }
}

fn file_of(number: u64) -> PathBuf {
    PathBuf::from(format!("replays/{number}.jsonl"))
}

fn remove(path: &Path) -> Result<(), Problem> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Problem::internal(&format!("{} cannot be removed", path.display()), &error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use weir_state::checkpoint::StoredPart;

    use super::*;

    /// A checkpoint, and how far in it the source of the replay was.
    fn manifest(number: u64, byte: Option<u64>) -> Manifest {
        let split = |byte| StoredSplit {
            split: "replays/3.jsonl".to_owned(),
            index: 0,
            offset: serde_json::json!({ "byte": byte, "line": 1 }),
            max_event_time: 0,
            event_time: None,
            ended: false,
        };
        let part = |name: &str, splits| StoredPart {
            subtask: format!("{name}/0"),
            watermark: 0,
            splits: Some((name.to_owned(), splits)),
            operators: Vec::new(),
        };
        let replay = byte.map(|byte| part("a.replay-3", vec![split(byte)]));
        Manifest {
            number,
            job: "job".to_owned(),
            generation: 1,
            attempt: 1,
            created_us: 0,
            weir: String::new(),
            key_groups: 128,
            finished: false,
            // Another source at the same byte.
            subtasks: [part("rows", vec![split(90)])].into_iter().chain(replay).collect(),
        }
    }

    #[test]
    fn replay_is_continued_until_a_checkpoint_has_all_of_it() {
        let replay = |done| ReplayRow { number: 3, step: "a".to_owned(), bytes: 90, checkpoint: 5, done };
        let fate = |done, number, byte| replay(done).fate(number, Some(&manifest(number, byte)));
        assert_eq!(fate(None, 5, None), Fate::Pending, "it was written at this one");
        assert_eq!(fate(None, 6, Some(89)), Fate::Pending);
        assert_eq!(fate(None, 7, Some(90)), Fate::Done);
        assert_eq!(fate(Some(7), 7, Some(90)), Fate::Done);
        assert_eq!(fate(Some(7), 8, None), Fate::Done, "its source is out of the graph");
        assert_eq!(fate(Some(7), 6, Some(89)), Fate::Pending, "back to a savepoint amid it");
        assert_eq!(fate(Some(7), 8, Some(89)), Fate::Pending, "and read from there a second time");
        assert_eq!(fate(Some(7), 7, Some(89)), Fate::Done, "it was given up there");
        assert_eq!(fate(Some(7), 5, None), Fate::Pending, "back to where it began");
        assert_eq!(fate(Some(7), 4, None), Fate::Undone, "back behind it");
        assert_eq!(ReplayRow { checkpoint: 0, ..replay(None) }.fate(0, None), Fate::Pending, "no checkpoint yet");
    }
}
