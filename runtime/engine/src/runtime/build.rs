//! From a checked job to its subtasks: opens splits and writers, instantiates components, numbers channels. The thread around a
//! subtask, or the test that drives it, comes later.

use std::panic::resume_unwind;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use weir_core::connector::{ConnectorError, Offset, Sink, SinkReport, Split};
use weir_core::time::{Clock, WATERMARK_MIN};
use weir_state::{JobSnapshot, SplitSnapshot};

use crate::checkpoint::checkpointer::CheckpointedSink;
use crate::checkpoint::origin::{Origin, in_their_places, part_of, splits_of, without_gaps, writer_states};
use crate::checkpoint::recovery::prepared;
use crate::checkpoint::recovery_error::RecoveryError;
use crate::dataflow::chain::Chain;
use crate::dataflow::exchange::Exchange;
use crate::dataflow::gate::InputGate;
use crate::dataflow::latency::LatencyHistogram;
use crate::dataflow::metrics::{Metrics, OperatorMetrics};
use crate::dataflow::operator::OperatorError;
use crate::dataflow::source::{Alignment, Assignment, EventTimeReader, SourceHead, SourceSettings, Timing};
use crate::dataflow::split_times::SplitTimes;
use crate::dataflow::step::{Counts, Step};
use crate::dataflow::subtask::{Subtask, SubtaskError};
use crate::plan::job::Job;
use crate::plan::node::{MakeError, Role, WriterStart};
use crate::plan::physical::{ChainPlan, StepPart, StepPlan};
use crate::plan::resolved::ResolvedNode;
use crate::plan::source::SourcePlan;

/// The subtasks of a job, not yet running.
pub(crate) struct Built {
    pub(crate) subtasks: Vec<BuiltSubtask>,
    /// How many channels there are; channel numbers are below it.
    pub(crate) channels: usize,
    /// Counts, a node.
    pub(crate) metrics: Vec<Metrics>,
    /// What sinks did as far as it is committed, a node.
    pub(crate) reports: Vec<Arc<Mutex<SinkReport>>>,
    pub(crate) sinks: Vec<CheckpointedSink>,
    pub(crate) latency: Arc<LatencyHistogram>,
    alignment: Alignment,
}

pub(crate) struct BuiltSubtask {
    pub(crate) subtask: Subtask,
    /// The names of the nodes in it.
    pub(crate) nodes: Vec<String>,
    /// Its place in its chain's subtasks.
    pub(crate) number: usize,
    /// The channels that it reads, in the order of its gate.
    pub(crate) inputs: Vec<usize>,
    /// By edge and target: the channel that it writes, if there is one.
    pub(crate) outputs: Vec<Vec<Option<usize>>>,
}

/// Why a job could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A split or a writer could not be opened.
    #[error("{node:?} could not be opened")]
    Connector {
        /// The source or sink.
        node: String,
        /// Why.
        #[source]
        error: ConnectorError,
    },
    /// An operator could not be made.
    #[error("operator {node:?} could not be started")]
    Operator {
        /// Its name.
        node: String,
        /// Why.
        #[source]
        error: OperatorError,
    },
    /// A snapshot of a job with another number of key groups: its keys would be looked for in the wrong subtasks.
    #[error("the snapshot has {snapshot} key groups, and the job {job}; set max-parallelism = {snapshot}")]
    KeyGroups {
        /// Of the snapshot.
        snapshot: u32,
        /// Of the job.
        job: u32,
    },
    /// A snapshot does not fit.
    #[error(transparent)]
    Restore(#[from] SubtaskError),
    /// There is no checkpoint that the job can resume from.
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
    /// The system gave no thread.
    #[error("failed to spawn a thread for subtask {subtask:?}")]
    Thread {
        /// Its name.
        subtask: String,
        /// What the system said.
        #[source]
        error: std::io::Error,
    },
}

impl Built {
    pub(crate) fn new(job: &Job, clock: &Arc<dyn Clock>, origin: Origin<'_>) -> Result<Self, StartError> {
        let mut built = Self::begun(job, origin)?;
        built.sinks = built.committers(job, origin)?;
        let edges = channel_numbers(job, &mut built.channels);
        for (chain_index, plan) in job.physical.chains.iter().enumerate() {
            for number in 0..plan.parallelism {
                let subtask = built.subtask(job, chain_index, number, clock, origin)?;
                let inputs =
                    plan.inputs.iter().flat_map(|e| edges[*e].iter().filter_map(|from| from[number])).collect();
                let outputs = plan.outputs.iter().map(|e| edges[*e][number].clone()).collect();
                let nodes = job.nodes_of(plan).map(str::to_owned).collect();
                built.subtasks.push(BuiltSubtask { subtask, nodes, number, inputs, outputs });
            }
        }
        if let Some(snapshot) = origin.snapshot {
            built.restore(job, snapshot)?;
        }
        Ok(built)
    }

    /// Nothing of the job yet, and where it counts.
    fn begun(job: &Job, origin: Origin<'_>) -> Result<Self, StartError> {
        if let Some(snapshot) = origin.snapshot.filter(|s| s.key_groups != job.groups) {
            return Err(StartError::KeyGroups { snapshot: snapshot.key_groups, job: job.groups });
        }
        Ok(Self {
            subtasks: Vec::new(),
            channels: 0,
            metrics: metrics(job),
            reports: job.resolved.nodes.iter().map(|_| Arc::default()).collect(),
            sinks: Vec::new(),
            latency: Arc::default(),
            alignment: Alignment::default(),
        })
    }

    /// One subtask alone, with its state, and the counts of all nodes.
    pub(crate) fn alone(
        job: &Job,
        (chain, number): (usize, usize),
        clock: &Arc<dyn Clock>,
        origin: Origin<'_>,
    ) -> Result<(Subtask, Vec<Metrics>), StartError> {
        let built = Self::begun(job, origin)?;
        let mut subtask = built.subtask(job, chain, number, clock, origin)?;
        if let Some(snapshot) = origin.snapshot {
            restore(job, &mut subtask, number, snapshot)?;
        }
        Ok((subtask, built.metrics))
    }

    /// Hands every subtask its state, all at once: none has to do with another's.
    fn restore(&mut self, job: &Job, snapshot: &JobSnapshot) -> Result<(), SubtaskError> {
        let restore = |built: &mut BuiltSubtask| restore(job, &mut built.subtask, built.number, snapshot);
        std::thread::scope(|scope| {
            let restored: Vec<_> = self.subtasks.iter_mut().map(|built| scope.spawn(move || restore(built))).collect();
            restored.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
        })
    }

    /// The sinks' committers: made before the writers, so that an older generation is fenced when these begin.
    fn committers(&self, job: &Job, origin: Origin<'_>) -> Result<Vec<CheckpointedSink>, StartError> {
        let sinks = job.sinks().map(|(node, sink)| (&job.resolved.nodes[node].name, sink, &self.reports[node]));
        let checkpointed = |(name, sink, report): (&String, &Arc<dyn Sink>, &Arc<Mutex<SinkReport>>)| {
            let failed = |error| StartError::Connector { node: name.clone(), error };
            let mut committer = sink.committer(&job.name, origin.generation).map_err(failed)?;
            // It may have been killed between the checkpoint and the commit.
            if let (Some(committer), Some(snapshot)) = (&mut committer, origin.snapshot) {
                committer.commit(origin.checkpoint, prepared(snapshot, name)).map_err(failed)?;
            }
            Ok(CheckpointedSink { name: name.clone(), committer, report: report.clone() })
        };
        sinks.map(checkpointed).collect()
    }

    fn subtask(
        &self,
        job: &Job,
        chain_index: usize,
        number: usize,
        clock: &Arc<dyn Clock>,
        origin: Origin<'_>,
    ) -> Result<Subtask, StartError> {
        let plan = &job.physical.chains[chain_index];
        let steps =
            plan.steps.iter().map(|s| self.step(job, s, number, clock, origin)).collect::<Result<Vec<_>, _>>()?;
        let edges = plan.outputs.iter().map(|e| {
            let edge = &job.physical.edges[*e];
            let targets = job.physical.chains[edge.to].parallelism;
            Exchange::new(edge.partitioning.clone(), number, targets, job.batch_rows_max)
        });
        let mut chain = Chain::new(steps, edges.collect());
        let timed = plan.steps.iter().position(|s| job.resolved.nodes[s.node].event_time.is_some());
        let name = format!("{}/{number}", job.chain_name(plan));
        let first = &job.resolved.nodes[plan.steps[0].node];
        Ok(match first.step.role() {
            Role::Source(source) => {
                let metrics = self.metrics[plan.steps[0].node].clone();
                let (head, times) = source_head(job, plan, source, number, clock, (metrics, &self.alignment), origin)
                    .map_err(|error| StartError::Connector { node: first.name.clone(), error })?;
                if let Some(step) = timed {
                    chain = chain.timed_by(step, times);
                }
                Subtask::source(name, first.name.clone(), head, chain)
            }
            Role::Sink(..) | Role::Operator => {
                let ports = plan.inputs.iter().flat_map(|e| vec![job.physical.edges[*e].port; job.channels_into(*e)]);
                let ports: Vec<usize> = ports.collect();
                let gate = match timed {
                    None => InputGate::new(ports),
                    Some(step) => {
                        let times = SplitTimes::new(job.watermark_behind(plan.steps[step].node));
                        chain = chain.timed_by(step, times.clone());
                        InputGate::timed_later(ports, times)
                    }
                };
                Subtask::with_channels(name, gate, chain)
            }
        })
    }

    fn step(
        &self,
        job: &Job,
        plan: &StepPlan,
        number: usize,
        clock: &Arc<dyn Clock>,
        origin: Origin<'_>,
    ) -> Result<Step, StartError> {
        let node = &job.resolved.nodes[plan.node];
        let metrics = self.metrics[plan.node].clone();
        let restored = origin.snapshot.map(|s| writer_states(s, &node.name)).unwrap_or_default();
        let writer = WriterStart {
            subtask: number,
            generation: origin.generation,
            durable: origin.durable,
            apart: origin.apart,
            restored: &restored,
            latency: &self.latency,
        };
        let operator = job.operator(plan, &metrics, clock, Some(writer)).map_err(|error| match error {
            MakeError::Operator(error) => StartError::Operator { node: node.name.clone(), error },
            MakeError::Connector(error) => StartError::Connector { node: node.name.clone(), error },
        })?;
        let (name, counts) = match plan.part {
            StepPart::Whole => (node.name.clone(), Counts::Both),
            StepPart::Behind => (node.name.clone(), Counts::Out),
            // Its state is none, and its name must not be taken for the node's.
            StepPart::Ahead => (format!("{}.combine", node.name), Counts::In),
        };
        Ok(Step { name, operator, routes: plan.routes.clone(), metrics, counts })
    }
}

/// Hands a subtask, by its number in its chain, its state.
fn restore(job: &Job, subtask: &mut Subtask, number: usize, snapshot: &JobSnapshot) -> Result<(), SubtaskError> {
    subtask.restore(|operator| {
        let node = job.resolved.nodes.iter().find(|n| n.name == operator);
        let parallelism = node.map_or(1, |n| n.step.parallelism());
        part_of(snapshot, operator, number, parallelism, job.groups)
    })
}

/// Counts of each node, and what its state may take.
fn metrics(job: &Job) -> Vec<Metrics> {
    let memory = job.memory_budget();
    let of_node = |node: &ResolvedNode| {
        let memory = memory.part(format!("{:?}", node.name), "limits.state", node.step.state_bytes_max());
        Arc::new(OperatorMetrics::new(memory))
    };
    job.resolved.nodes.iter().map(of_node).collect()
}

/// For every edge, by upstream and downstream subtask, the number of their channel.
fn channel_numbers(job: &Job, channels: &mut usize) -> Vec<Vec<Vec<Option<usize>>>> {
    let number = |edge: &crate::plan::physical::EdgePlan| {
        let (from, to) = (job.physical.chains[edge.from].parallelism, job.physical.chains[edge.to].parallelism);
        let row = |subtask: usize| {
            let reach = Exchange::reach(&edge.partitioning, subtask, to);
            let channel = |target: usize| {
                reach.contains(&target).then(|| {
                    *channels += 1;
                    *channels - 1
                })
            };
            (0..to).map(channel).collect()
        };
        (0..from).map(row).collect()
    };
    job.physical.edges.iter().map(number).collect()
}

fn source_head(
    job: &Job,
    plan: &ChainPlan,
    source: &SourcePlan,
    number: usize,
    clock: &Arc<dyn Clock>,
    (metrics, alignment): (Metrics, &Alignment),
    origin: Origin<'_>,
) -> Result<(SourceHead, SplitTimes), ConnectorError> {
    let node = plan.steps[0].node;
    let columns = job.pruned.nodes[node].outputs[0].as_deref().unwrap_or_default();
    let fresh = source.splits.iter().enumerate().map(|(index, s)| SplitSnapshot {
        split: s.id.clone(),
        index,
        offset: Offset::Null,
        max_event_time: WATERMARK_MIN,
        event_time: None,
        ended: false,
    });
    let fresh: Vec<SplitSnapshot> = fresh.collect();
    let restored = origin.snapshot.and_then(|s| splits_of(s, &job.resolved.nodes[node].name));
    let restored = restored.map(|splits| in_their_places(splits, |split| source.source.place(split)));
    let mut splits = restored.map_or_else(|| fresh.clone(), |restored| without_gaps(restored, &fresh));
    let is_over = origin.finished && !source.node.reads_after_end;
    splits.iter_mut().for_each(|split| split.ended |= is_over);
    // If a split was not open in any subtask at the barrier, the source is asked again for that one and all after it.
    let known = (0..).find(|index| splits.iter().all(|split| split.index != *index)).unwrap_or_default();
    let (reads, columns_read, reader_clock) = (source.source.clone(), columns.to_vec(), clock.clone());
    let open =
        move |split: &Split, offset: Option<&Offset>| reads.reader(split, &columns_read, offset, reader_clock.clone());
    let assignment = Assignment { subtask: number, parallelism: plan.parallelism, known };
    let is_timed_here = plan.steps.iter().any(|step| job.resolved.nodes[step.node].event_time.is_some());
    let placed = |(column, reader): &(usize, EventTimeReader)| {
        Some((columns.iter().position(|place| place == column)?, reader.clone()))
    };
    let settings = SourceSettings {
        event_time: source.event_time.as_ref().and_then(placed),
        punctuation: source.punctuation.as_ref().and_then(placed),
        alignment: source.node.max_drift_us.map(|max_drift_us| alignment.member(max_drift_us)),
        event_time_column: source.event_time_column(),
        looks_for_splits: !is_over,
        timing: match (&source.timed_by, is_timed_here) {
            (None, _) => Timing::AtSource,
            (Some(_), true) => Timing::InChain,
            (Some(_), false) => Timing::Elsewhere,
        },
        idle_after_us: source.idle_after_ms().map(|ms| ms as i64 * 1_000),
        future_max_us: source.node.future_max_us,
        on_error: job.pruned.nodes[node].on_error(source.node.on_error, 1),
        batch_rows_max: job.batch_rows_max,
        linger: Duration::from_millis(job.linger_ms.max(1)),
    };
    let mine = splits.into_iter().filter(|s| assignment.is_mine(s.index)).collect();
    let times = SplitTimes::new(source.watermark());
    let head =
        SourceHead::open(source.source.clone(), mine, Box::new(open), assignment, settings, times.clone(), metrics)?;
    Ok((head, times))
}
