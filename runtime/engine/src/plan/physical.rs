//! Chains and edges: which steps share a subtask, and how rows get from one chain to another.

use crate::dataflow::exchange::Partitioning;
use crate::nodes::window::{CombineQuestion, can_combine};
use crate::plan::prune::Pruned;
use crate::plan::resolve::{Resolved, ResolvedAggregateKind, ResolvedKind, ResolvedNode};
use weir_core::graph::Exchange;

/// What runs: chains of steps, each with its own parallelism, and the edges between them.
#[derive(Clone, Debug, Default)]
pub(crate) struct PhysicalGraph {
    pub(crate) chains: Vec<ChainPlan>,
    pub(crate) edges: Vec<EdgePlan>,
}

#[derive(Clone, Debug)]
pub(crate) struct ChainPlan {
    pub(crate) parallelism: usize,
    pub(crate) steps: Vec<StepPlan>,
    /// Edges that come in, by index; empty: a source is the first step.
    pub(crate) inputs: Vec<usize>,
    /// Edges that go out, by index.
    pub(crate) outputs: Vec<usize>,
}

#[derive(Clone, Debug)]
pub(crate) struct StepPlan {
    /// The node, by index; of a combine step, the window that it works for.
    pub(crate) node: usize,
    pub(crate) kind: StepKind,
    /// For every output, who reads it.
    pub(crate) consumers: Vec<Vec<Consumer>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StepKind {
    /// The node itself.
    Node,
    /// A window whose rows come pre-aggregated.
    Merge,
    /// Pre-aggregates a window's rows ahead of the exchange.
    Combine,
}

#[derive(Clone, Debug)]
pub(crate) struct Consumer {
    /// Which of the output's needed columns it takes; `None`: all.
    pub(crate) projection: Option<Vec<usize>>,
    pub(crate) to: ConsumerTarget,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum ConsumerTarget {
    /// A step of the same chain.
    Step(usize),
    /// An edge, by its position in [`ChainPlan::outputs`].
    Edge(usize),
}

#[derive(Clone, Debug)]
pub(crate) struct EdgePlan {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) partitioning: Partitioning,
}

/// Where a node's step is.
#[derive(Clone, Copy)]
struct Place {
    chain: usize,
    step: usize,
}

impl PhysicalGraph {
    pub(crate) fn new(resolved: &Resolved, pruned: &Pruned, groups: u32) -> Self {
        let mut graph = Self::default();
        let mut places: Vec<Place> = Vec::with_capacity(resolved.nodes.len());
        for (index, node) in resolved.nodes.iter().enumerate() {
            let place = graph.place(index, resolved, pruned, &places, groups);
            debug_assert!(node.outputs.len() >= graph.chains[place.chain].steps[place.step].consumers.len());
            places.push(place);
        }
        graph
    }

    fn place(&mut self, index: usize, resolved: &Resolved, pruned: &Pruned, places: &[Place], groups: u32) -> Place {
        let node = &resolved.nodes[index];
        let from_parallelism = |(from, _): &(usize, usize)| resolved.nodes[*from].parallelism;
        let exchanges: Vec<Partitioning> = node
            .inputs
            .iter()
            .map(|input| partitioning(node, &pruned.nodes[index].input, from_parallelism(input), groups))
            .collect();
        if let ([(from, output)], [Partitioning::Forward]) = (node.inputs.as_slice(), exchanges.as_slice()) {
            let Place { chain, step: from_step } = places[*from];
            let step = self.add_step(chain, index, StepKind::Node, node.outputs.len());
            let projection = projection(pruned, *from, *output, index);
            let consumer = Consumer { projection, to: ConsumerTarget::Step(step) };
            self.chains[chain].steps[from_step].consumers[*output].push(consumer);
            return Place { chain, step };
        }
        let combine = combines(node, &pruned.nodes[index].outputs) && !exchanges.contains(&Partitioning::Forward);
        let chain = self.chains.len();
        let parallelism = node.parallelism;
        self.chains.push(ChainPlan { parallelism, steps: Vec::new(), inputs: Vec::new(), outputs: Vec::new() });
        let kind = if combine { StepKind::Merge } else { StepKind::Node };
        let step = self.add_step(chain, index, kind, node.outputs.len());
        for ((from, output), exchange) in node.inputs.iter().zip(exchanges) {
            let Place { chain: from_chain, step: mut from_step } = places[*from];
            let mut from_output = *output;
            let mut columns = projection(pruned, *from, *output, index);
            let mut exchange = exchange;
            if combine {
                let combine_step = self.add_step(from_chain, index, StepKind::Combine, 1);
                let consumer = Consumer { projection: columns.take(), to: ConsumerTarget::Step(combine_step) };
                self.chains[from_chain].steps[from_step].consumers[from_output].push(consumer);
                (from_step, from_output) = (combine_step, 0);
                // Partial rows begin with the key columns.
                if let Partitioning::Hash { keys, .. } = &mut exchange {
                    *keys = (0..keys.len()).collect();
                }
            }
            let edge = self.edges.len();
            self.edges.push(EdgePlan { from: from_chain, to: chain, partitioning: exchange });
            self.chains[chain].inputs.push(edge);
            let port = self.chains[from_chain].outputs.len();
            self.chains[from_chain].outputs.push(edge);
            let consumer = Consumer { projection: columns, to: ConsumerTarget::Edge(port) };
            self.chains[from_chain].steps[from_step].consumers[from_output].push(consumer);
        }
        Place { chain, step }
    }

    fn add_step(&mut self, chain: usize, node: usize, kind: StepKind, outputs: usize) -> usize {
        let steps = &mut self.chains[chain].steps;
        steps.push(StepPlan { node, kind, consumers: vec![Vec::new(); outputs] });
        steps.len() - 1
    }
}

/// How the rows of one input get to a node.
fn partitioning(node: &ResolvedNode, input: &[usize], from_parallelism: usize, groups: u32) -> Partitioning {
    let keys = match &node.kind {
        ResolvedKind::Keyed { keys, .. } | ResolvedKind::Window { keys, .. } => Some(keys),
        _ => None,
    };
    let exchange = match &node.kind {
        ResolvedKind::Transform { node, .. } => node.exchange.as_ref().map(|e| e.value),
        _ => None,
    };
    match keys {
        // One subtask on either side: every key is its own.
        _ if from_parallelism == 1 && node.parallelism == 1 => Partitioning::Forward,
        Some(keys) => {
            let position = |key: &usize| input.iter().position(|c| c == key).unwrap_or_default();
            Partitioning::Hash { keys: keys.iter().map(position).collect(), groups }
        }
        None if exchange == Some(Exchange::Broadcast) => Partitioning::Broadcast,
        None if exchange.is_none() && from_parallelism == node.parallelism => Partitioning::Forward,
        None => Partitioning::Rebalance,
    }
}

/// Whether a node is a window whose rows are aggregated ahead of its exchange.
fn combines(node: &ResolvedNode, outputs: &[Option<Vec<usize>>]) -> bool {
    let ResolvedKind::Window { node: window, aggregates, .. } = &node.kind else { return false };
    let read = |output: usize| outputs.get(output).is_some_and(Option::is_some);
    can_combine(CombineQuestion {
        window: window.window,
        has_component: aggregates.iter().any(|a| matches!(a.kind, ResolvedAggregateKind::Component { .. })),
        allows_lateness: window.allowed_lateness_us > 0,
        reads_late: read(1),
        reads_dead_letters: read(2),
    })
}

/// The positions of the columns that `to` needs among those that are kept of an output.
fn projection(pruned: &Pruned, from: usize, output: usize, to: usize) -> Option<Vec<usize>> {
    let kept = pruned.nodes[from].outputs[output].as_deref().unwrap_or_default();
    let needed = &pruned.nodes[to].input;
    (kept != needed.as_slice())
        .then(|| needed.iter().filter_map(|column| kept.iter().position(|k| k == column)).collect())
}
