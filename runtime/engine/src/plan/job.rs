//! A job: a checked pipeline, as data. How it is started is the runtime's.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use weir_core::connector::{Connectors, Source};
use weir_core::graph::LogicalGraph;
use weir_host::{GuestLog, Host, NoLog};

use super::physical::PhysicalGraph;
use super::prune::Pruned;
use super::resolve::{CheckErrors, Resolved, ResolvedKind};

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
}

impl Job {
    /// Opens the connectors' descriptions and the components, checks every schema, and plans the subtasks.
    ///
    /// # Errors
    /// What does not fit, with its places in the pipeline file.
    pub fn check(graph: &LogicalGraph, connectors: &dyn Connectors, host: &Host) -> Result<Self, CheckErrors> {
        let resolved = Resolved::new(graph, connectors, host)?;
        let pruned = Pruned::new(&resolved);
        let physical = PhysicalGraph::new(&resolved, &pruned, graph.max_parallelism);
        let job = Self {
            name: graph.name.clone(),
            resolved,
            pruned,
            physical,
            groups: graph.max_parallelism,
            batch_rows_max: graph.batch_rows_max,
            linger_ms: graph.linger_ms,
            guest_log: Arc::new(NoLog),
            is_durable: graph.checkpoint.is_some(),
        };
        Ok(job)
    }

    /// Where operators' log lines go; nowhere, if this is not called.
    #[must_use]
    pub fn with_guest_log(mut self, guest_log: Arc<dyn GuestLog>) -> Self {
        self.guest_log = guest_log;
        self
    }

    /// The job as one that undoes swaps of some operators: they take over states of newer versions, as in a swap that goes back.
    #[must_use]
    pub fn going_back(mut self, operators: &[String]) -> Self {
        for node in self.resolved.nodes.iter_mut().filter(|node| operators.contains(&node.name)) {
            if let ResolvedKind::Keyed { goes_back, .. } = &mut node.kind {
                *goes_back = true;
            }
        }
        self
    }

    /// Fails what waits for another system so that the job can start, or commit; from any thread.
    pub fn give_up(&self) {
        for node in &self.resolved.nodes {
            if let ResolvedKind::Sink { sink, .. } = &node.kind {
                sink.give_up();
            }
        }
    }

    /// Its sources, by name.
    pub(crate) fn sources(&self) -> Vec<(String, Arc<dyn Source>)> {
        let sources = self.resolved.nodes.iter().filter_map(|node| match &node.kind {
            ResolvedKind::Source(source) => Some((node.name.clone(), source.source.clone())),
            _ => None,
        });
        sources.collect()
    }

    /// The columns that a node gets.
    pub(crate) fn input_schema(&self, node: usize) -> SchemaRef {
        let columns = &self.pruned.nodes[node].input;
        let full = self.resolved.nodes[node].input.clone().unwrap_or_else(|| Arc::new(Schema::empty()));
        Arc::new(Schema::new(columns.iter().map(|c| full.fields()[*c].clone()).collect::<Vec<_>>()))
    }

    /// How many channels each subtask at the end of an edge reads of it.
    pub(crate) fn channels_into(&self, edge: usize) -> usize {
        let edge = &self.physical.edges[edge];
        match edge.partitioning {
            crate::dataflow::exchange::Partitioning::Forward => 1,
            _ => self.physical.chains[edge.from].parallelism,
        }
    }
}
