//! Chains and edges: which steps share a subtask, and how rows get from one chain to another.

use std::sync::Arc;

use super::node::{Distribution, NodeColumns, PlanNode};
use super::prune::Pruned;
use super::resolved::{InputEdge, Resolved};
use crate::dataflow::exchange::Partitioning;
use crate::dataflow::step::{Route, Target};

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
    /// The node, by index.
    pub(crate) node: usize,
    pub(crate) part: StepPart,
    /// For every output, where it goes.
    pub(crate) routes: Vec<Vec<Route>>,
}

/// Which part of its node a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StepPart {
    /// All of it.
    Whole,
    /// What is done ahead of the exchange.
    Ahead,
    /// What is done behind it.
    Behind,
}

#[derive(Clone, Debug)]
pub(crate) struct EdgePlan {
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// Which input port of the first step of `to`.
    pub(crate) port: usize,
    pub(crate) partitioning: Partitioning,
}

/// Where a node's step is.
#[derive(Clone, Copy)]
struct StepPlace {
    chain: usize,
    step: usize,
}

/// The part of a node that a step is, to make it.
pub(crate) fn part_of(step: &Arc<dyn PlanNode>, columns: &NodeColumns, part: StepPart) -> Option<Arc<dyn PlanNode>> {
    match part {
        StepPart::Whole => Some(step.clone()),
        StepPart::Ahead => step.pre_aggregate(columns).map(|halves| halves.ahead),
        StepPart::Behind => step.pre_aggregate(columns).map(|halves| halves.behind),
    }
}

impl PhysicalGraph {
    /// `singles`: where rows are exchanged as they would be at a higher parallelism, whether each node has one subtask at any.
    pub(crate) fn new(resolved: &Resolved, pruned: &Pruned, groups: u32, singles: Option<&[bool]>) -> Self {
        let mut graph = Self::default();
        let mut places: Vec<StepPlace> = Vec::with_capacity(resolved.nodes.len());
        for index in 0..resolved.nodes.len() {
            places.push(graph.place(index, resolved, pruned, &places, (groups, singles)));
        }
        graph
    }

    fn place(
        &mut self,
        index: usize,
        resolved: &Resolved,
        pruned: &Pruned,
        places: &[StepPlace],
        (groups, singles): (u32, Option<&[bool]>),
    ) -> StepPlace {
        let (node, columns) = (&resolved.nodes[index], &pruned.nodes[index]);
        let (parallelism, outputs) = (node.step.parallelism(), node.step.outputs().len());
        let exchange = |edge: &InputEdge| {
            let distribution = &node.step.inputs()[edge.port].distribution;
            let from = resolved.nodes[edge.node].step.parallelism();
            let ends = match singles.filter(|_| from == 1 && parallelism == 1) {
                // As if those that could had two.
                Some(singles) => (1 + usize::from(!singles[edge.node]), 1 + usize::from(!singles[index])),
                None => (from, parallelism),
            };
            partitioning(distribution, &columns.inputs[edge.port], ends, groups)
        };
        let exchanges: Vec<Partitioning> = node.inputs.iter().map(exchange).collect();
        if let ([edge], [Partitioning::Forward]) = (node.inputs.as_slice(), exchanges.as_slice()) {
            let from = places[edge.node];
            let step = self.add_step(from.chain, index, StepPart::Whole, outputs);
            let to = Target::Step { step, input: edge.port };
            self.add_route(from, edge.output, Route { projection: projection(pruned, edge, index), to });
            return StepPlace { chain: from.chain, step };
        }
        let crosses = !exchanges.contains(&Partitioning::Forward);
        let halves = if crosses && !exchanges.is_empty() { node.step.pre_aggregate(columns) } else { None };
        let chain = self.chains.len();
        self.chains.push(ChainPlan { parallelism, steps: Vec::new(), inputs: Vec::new(), outputs: Vec::new() });
        let part = if halves.is_some() { StepPart::Behind } else { StepPart::Whole };
        let step = self.add_step(chain, index, part, outputs);
        for (edge, mut partitioning) in node.inputs.iter().zip(exchanges) {
            let (mut from, mut output) = (places[edge.node], edge.output);
            let mut projection = projection(pruned, edge, index);
            if let Some(halves) = &halves {
                let ahead = self.add_step(from.chain, index, StepPart::Ahead, 1);
                let to = Target::Step { step: ahead, input: edge.port };
                self.add_route(from, output, Route { projection: projection.take(), to });
                (from, output) = (StepPlace { step: ahead, ..from }, 0);
                if let (Partitioning::Hash { keys, .. }, Distribution::Hash(of_halves)) =
                    (&mut partitioning, &halves.behind.inputs()[edge.port].distribution)
                {
                    keys.clone_from(of_halves);
                }
            }
            let number = self.edges.len();
            self.edges.push(EdgePlan { from: from.chain, to: chain, port: edge.port, partitioning });
            self.chains[chain].inputs.push(number);
            let to = Target::Edge(self.chains[from.chain].outputs.len());
            self.chains[from.chain].outputs.push(number);
            self.add_route(from, output, Route { projection, to });
        }
        StepPlace { chain, step }
    }

    fn add_step(&mut self, chain: usize, node: usize, part: StepPart, outputs: usize) -> usize {
        let steps = &mut self.chains[chain].steps;
        steps.push(StepPlan { node, part, routes: vec![Vec::new(); outputs] });
        steps.len() - 1
    }

    fn add_route(&mut self, from: StepPlace, output: usize, route: Route) {
        self.chains[from.chain].steps[from.step].routes[output].push(route);
    }
}

/// How the rows of one input get to a node; parallelism is that of both ends.
fn partitioning(distribution: &Distribution, input: &[usize], (from, to): (usize, usize), groups: u32) -> Partitioning {
    match distribution {
        // One subtask on either side: every key is its own.
        _ if from == 1 && to == 1 => Partitioning::Forward,
        Distribution::Hash(keys) => {
            let position = |key: &usize| input.iter().position(|c| c == key).unwrap_or_default();
            Partitioning::Hash { keys: keys.iter().map(position).collect(), groups }
        }
        Distribution::Broadcast => Partitioning::Broadcast,
        Distribution::Any if from == to => Partitioning::Forward,
        Distribution::Any | Distribution::Rebalance => Partitioning::Rebalance,
    }
}

/// The positions of the columns that a node needs among those that are kept of an output.
fn projection(pruned: &Pruned, edge: &InputEdge, to: usize) -> Option<Vec<usize>> {
    let kept = pruned.nodes[edge.node].outputs[edge.output].as_deref().unwrap_or_default();
    let needed = &pruned.nodes[to].inputs[edge.port];
    (kept != needed.as_slice())
        .then(|| needed.iter().filter_map(|column| kept.iter().position(|k| k == column)).collect())
}
