//! A job: a checked pipeline, as data. How it is started is the runtime's.

use std::sync::Arc;

use weir_core::connector::{ConnectorError, Connectors, Sink, Source};
use weir_core::graph::{LogicalGraph, NodeKind};
use weir_core::memory::MemoryBudget;
use weir_core::time::{Clock, WatermarkStrategy};
use weir_host::{GuestLog, Host, NoLog};

use super::error::CheckErrors;
use super::node::{MakeContext, PlanContext, PlanNode, Role, WriterStart};
use super::physical::{PhysicalGraph, StepPlan, part_of};
use super::prune::Pruned;
use super::registry::StepKinds;
use super::resolve::mistakes;
use super::resolved::Resolved;
use super::source::SourcePlan;
use crate::dataflow::exchange::Partitioning;
use crate::dataflow::metrics::Metrics;
use crate::dataflow::operator::Operator;
use crate::error::OperatorError;
use crate::plan::node::MakeError;

/// A pipeline that was checked and can be started, any number of times.
#[derive(Clone)]
pub struct Job {
    pub(crate) name: String,
    pub(crate) resolved: Resolved,
    pub(crate) pruned: Pruned,
    pub(crate) physical: PhysicalGraph,
    pub(crate) groups: u32,
    pub(crate) batch_rows_max: usize,
    pub(crate) linger_ms: u64,
    pub(crate) guest_log: Arc<dyn GuestLog>,
    /// Whether the pipeline keeps checkpoints.
    pub(crate) is_durable: bool,
    /// What it takes memory of, and how much at most.
    pub(crate) memory: Arc<MemoryBudget>,
    pub(crate) memory_bytes_max: u64,
}

/// Whether each step has one subtask at any parallelism, as far as at 2.
fn singles(
    graph: &LogicalGraph,
    resolved: &Resolved,
    connectors: &dyn Connectors,
    host: &Host,
    kinds: &StepKinds,
) -> Result<Vec<bool>, CheckErrors> {
    let singles = |resolved: &Resolved| resolved.nodes.iter().map(|node| node.step.parallelism() == 1).collect();
    if graph.parallelism > 1 || graph.max_parallelism == 1 {
        return Ok(singles(resolved));
    }
    let mut at_two = LogicalGraph { parallelism: 2, ..graph.clone() };
    // Those that were listed are for one subtask.
    for node in &mut at_two.nodes {
        if let NodeKind::Source(source) = &mut node.kind {
            source.splits = None;
        }
    }
    Ok(singles(&Resolved::new(&at_two, &PlanContext { graph: &at_two, connectors, host }, kinds)?))
}

impl Job {
    /// Opens the connectors' descriptions and the components, checks every schema, and plans the subtasks. `kinds` are the kinds of
    /// steps that the pipeline may have.
    ///
    /// # Errors
    /// What does not fit, with its places in the pipeline file.
    pub fn check_with(
        graph: &LogicalGraph,
        connectors: &dyn Connectors,
        host: &Host,
        kinds: &StepKinds,
    ) -> Result<Self, CheckErrors> {
        let resolved = Resolved::new(graph, &PlanContext { graph, connectors, host }, kinds)?;
        let pruned = Pruned::new(&resolved);
        let singles = match graph.keeps_exchanges {
            true => Some(singles(graph, &resolved, connectors, host, kinds)?),
            false => None,
        };
        let physical = PhysicalGraph::new(&resolved, &pruned, graph.max_parallelism, singles.as_deref());
        Ok(Self {
            name: graph.name.clone(),
            resolved,
            pruned,
            physical,
            groups: graph.max_parallelism,
            batch_rows_max: graph.batch_rows_max,
            linger_ms: graph.linger_ms,
            guest_log: Arc::new(NoLog),
            is_durable: graph.checkpoint.is_some(),
            memory: MemoryBudget::unlimited(),
            memory_bytes_max: u64::MAX,
        })
    }

    /// What else is wrong with a pipeline that could not be read whole: of its [`readable`](weir_core::pipeline::PipelineError::readable) steps,
    /// what their connectors, components and columns refuse.
    pub fn mistakes_with(
        readable: &LogicalGraph,
        connectors: &dyn Connectors,
        host: &Host,
        kinds: &StepKinds,
    ) -> CheckErrors {
        mistakes(readable, &PlanContext { graph: readable, connectors, host }, kinds)
    }

    /// What one run of it may take.
    pub(crate) fn memory_budget(&self) -> Arc<MemoryBudget> {
        self.memory.part(format!("the job {:?}", self.name), "--max-job-memory", self.memory_bytes_max)
    }

    /// Where operators' log lines go; nowhere, if this is not called.
    #[must_use]
    pub fn with_guest_log(mut self, guest_log: Arc<dyn GuestLog>) -> Self {
        self.guest_log = guest_log;
        self
    }

    /// The memory that its operators' state is taken of, which other jobs may use too, and how much of it the job may have.
    #[must_use]
    pub fn with_memory(mut self, memory: Arc<MemoryBudget>, bytes_max: u64) -> Self {
        (self.memory, self.memory_bytes_max) = (memory, bytes_max);
        self
    }

    /// The job as one that undoes swaps of some operators: they take over states of newer versions, as in a swap that goes back.
    #[must_use]
    pub fn going_back(mut self, operators: &[String]) -> Self {
        for node in self.resolved.nodes.iter_mut().filter(|node| operators.contains(&node.name)) {
            if let Some(step) = node.step.going_back() {
                node.step = step;
            }
        }
        self
    }

    /// Fails what waits for another system so that the job can start, or commit; from any thread.
    pub fn give_up(&self) {
        self.sinks().for_each(|(_, sink)| sink.give_up());
    }

    /// Has sources that never end stop, when the job is started, at what is there then; [`Supervisor::is_caught_up`](crate::Supervisor::is_caught_up)
    /// says when they have read it. Gives the names of those that cannot.
    pub fn stop_at_present(&self) -> Vec<String> {
        let endless = self.sources().into_iter().filter(|(_, source)| source.is_endless());
        endless.filter(|(_, source)| !source.stop_at_present()).map(|(name, _)| name).collect()
    }

    /// The names of its sources that never end by themselves.
    #[must_use]
    pub fn endless_sources(&self) -> Vec<String> {
        self.sources().into_iter().filter(|(_, source)| source.is_endless()).map(|(name, _)| name).collect()
    }

    /// Its sources, by name.
    pub(crate) fn sources(&self) -> Vec<(String, Arc<dyn Source>)> {
        let sources = self.resolved.nodes.iter();
        sources.filter_map(|node| Some((node.name.clone(), node.step.role().source()?.source.clone()))).collect()
    }

    /// How watermarks follow from the event time that a step sets, where splits are not known: as its sources' would, of which one that has
    /// none before its end decides.
    pub(crate) fn watermark_behind(&self, step: usize) -> WatermarkStrategy {
        let name = &self.resolved.nodes[step].name;
        let sources = self.resolved.nodes.iter().filter_map(|node| node.step.role().source());
        let timed = sources.filter(|source| source.timed_by.as_ref().is_some_and(|timed| timed.name == *name));
        let strategies: Vec<WatermarkStrategy> = timed.map(SourcePlan::watermark).collect();
        let at_end = strategies.iter().find(|strategy| **strategy == WatermarkStrategy::AtEnd);
        at_end.or(strategies.first()).copied().unwrap_or(WatermarkStrategy::Monotonic)
    }

    /// Its sinks: their nodes, by index.
    pub(crate) fn sinks(&self) -> impl Iterator<Item = (usize, &Arc<dyn Sink>)> {
        self.resolved.nodes.iter().enumerate().filter_map(|(index, node)| Some((index, node.step.role().sink()?)))
    }

    /// Whether it can begin where it has nothing to resume from: what is there may be of another run. Nothing changes.
    ///
    /// # Errors
    /// As a sink's writer would refuse it.
    pub fn check_fresh(&self) -> Result<(), ConnectorError> {
        self.resolved.nodes.iter().try_for_each(|node| match node.step.role() {
            Role::Sink(sink, schema) => sink.check_fresh(schema),
            Role::Source(_) | Role::Operator => Ok(()),
        })
    }

    /// The operator of a step in one subtask; a source has none.
    pub(crate) fn operator(
        &self,
        step: &StepPlan,
        metrics: &Metrics,
        clock: &Arc<dyn Clock>,
        writer: Option<WriterStart<'_>>,
    ) -> Result<Option<Box<dyn Operator>>, MakeError> {
        let node = &self.resolved.nodes[step.node].step;
        let Some(part) = part_of(node, &self.pruned.nodes[step.node], step.part) else {
            return Err(OperatorError::Call("this step cannot be divided into two parts".to_owned()).into());
        };
        part.make(&MakeContext { writer, ..self.make_context(step.node, metrics, clock) })
    }

    /// What a step of a node is made with.
    pub(crate) fn make_context<'a>(
        &'a self,
        node: usize,
        metrics: &'a Metrics,
        clock: &'a Arc<dyn Clock>,
    ) -> MakeContext<'a> {
        MakeContext {
            name: &self.resolved.nodes[node].name,
            columns: &self.pruned.nodes[node],
            key_groups: self.groups,
            guest_log: &self.guest_log,
            metrics,
            clock,
            writer: None,
        }
    }

    /// How many channels each subtask at the end of an edge reads of it.
    pub(crate) fn channels_into(&self, edge: usize) -> usize {
        let edge = &self.physical.edges[edge];
        match edge.partitioning {
            Partitioning::Forward => 1,
            Partitioning::Hash { .. } | Partitioning::Rebalance | Partitioning::Broadcast => {
                self.physical.chains[edge.from].parallelism
            }
        }
    }

    pub(crate) fn step(&self, node: usize) -> &dyn PlanNode {
        self.resolved.nodes[node].step.as_ref()
    }
}
