//! A checked job as chains and edges: what runs where, and how rows get there. For who runs it in another engine, and for people.

use arrow::datatypes::{Schema, SchemaRef};
use serde::Serialize;
use weir_core::column_type::type_name;

use super::node::Role;
use super::physical::{ChainPlan, StepPart, part_of};
use crate::dataflow::exchange::Partitioning;
use crate::plan::job::Job;

/// The chains of a job, and the edges between them.
#[derive(Clone, Debug, Serialize)]
pub struct ChainsAndEdges {
    /// Steps that share subtasks, those nearer to sources first.
    pub chains: Vec<ChainDescription>,
    /// How rows get from one chain to another.
    pub edges: Vec<EdgeDescription>,
    /// The splits of each source, by its name, in their order.
    #[serde(skip)]
    pub splits: Vec<(String, Vec<String>)>,
}

/// Steps that share subtasks.
#[derive(Clone, Debug, Serialize)]
pub struct ChainDescription {
    /// The names of its steps, as one; unique in the job.
    pub name: String,
    /// Its steps.
    pub steps: Vec<String>,
    /// Its subtasks.
    pub parallelism: usize,
    /// Whether it begins with a source: then no edge comes in.
    pub source: bool,
    /// Edges that come in, by index, in the order of the gate.
    pub inputs: Vec<usize>,
    /// Edges that go out, by index.
    pub outputs: Vec<usize>,
    /// Its sinks.
    pub sinks: Vec<String>,
}

/// How rows get from one chain to another.
#[derive(Clone, Debug, Serialize)]
pub struct EdgeDescription {
    /// The chain that they come from, by index.
    pub from: usize,
    /// The chain that they come to.
    pub to: usize,
    /// Which input of the first step there.
    pub port: usize,
    /// `forward` (to the subtask with the same number), `hash`, `rebalance` or `broadcast`.
    pub partitioning: &'static str,
    /// The columns of its rows.
    pub columns: Vec<EdgeColumn>,
    /// The same.
    #[serde(skip)]
    pub schema: SchemaRef,
}

/// A column of an edge.
#[derive(Clone, Debug, Serialize)]
pub struct EdgeColumn {
    /// Its name.
    pub name: String,
    /// Its type, as pipeline files write it.
    #[serde(rename = "type")]
    pub data_type: String,
    /// Whether it may have nulls.
    pub nullable: bool,
}

impl Job {
    /// What runs where, and how rows get there.
    #[must_use]
    pub fn chains_and_edges(&self) -> ChainsAndEdges {
        let chains = self.physical.chains.iter().map(|chain| self.describe_chain(chain)).collect();
        let edges = (0..self.physical.edges.len()).map(|edge| self.describe_edge(edge)).collect();
        let splits = self.resolved.nodes.iter().filter_map(|node| {
            let splits = node.step.role().source()?.splits.iter();
            Some((node.name.clone(), splits.map(|split| split.id.clone()).collect()))
        });
        ChainsAndEdges { chains, edges, splits: splits.collect() }
    }

    /// The names of a chain's nodes, without the first halves of those whose second is in another.
    pub(crate) fn nodes_of<'a>(&'a self, chain: &'a ChainPlan) -> impl Iterator<Item = &'a str> {
        let steps = chain.steps.iter().filter(|s| s.part != StepPart::Ahead);
        steps.map(|s| self.resolved.nodes[s.node].name.as_str())
    }

    /// The same, as one name.
    pub(crate) fn chain_name(&self, chain: &ChainPlan) -> String {
        self.nodes_of(chain).collect::<Vec<_>>().join(" -> ")
    }

    fn describe_chain(&self, chain: &ChainPlan) -> ChainDescription {
        let is_sink = |name: &&str| {
            self.resolved.nodes.iter().any(|node| node.name == **name && matches!(node.step.role(), Role::Sink(..)))
        };
        let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
        ChainDescription {
            name: self.chain_name(chain),
            steps: owned(self.nodes_of(chain).collect()),
            parallelism: chain.parallelism,
            source: chain.inputs.is_empty(),
            inputs: chain.inputs.clone(),
            outputs: chain.outputs.clone(),
            sinks: owned(self.nodes_of(chain).filter(is_sink).collect()),
        }
    }

    fn describe_edge(&self, index: usize) -> EdgeDescription {
        let edge = &self.physical.edges[index];
        let schema = self.edge_schema(index);
        let column = |field: &arrow::datatypes::FieldRef| EdgeColumn {
            name: field.name().clone(),
            data_type: type_name(field.data_type()),
            nullable: field.is_nullable(),
        };
        EdgeDescription {
            from: edge.from,
            to: edge.to,
            port: edge.port,
            partitioning: match edge.partitioning {
                Partitioning::Forward => "forward",
                Partitioning::Hash { .. } => "hash",
                Partitioning::Rebalance => "rebalance",
                Partitioning::Broadcast => "broadcast",
            },
            columns: schema.fields().iter().map(column).collect(),
            schema,
        }
    }

    /// The columns of an edge's rows.
    pub(crate) fn edge_schema(&self, index: usize) -> SchemaRef {
        let edge = &self.physical.edges[index];
        let chain = &self.physical.chains[edge.to];
        let empty = || SchemaRef::new(Schema::empty());
        // The inputs of a chain are those of its first step, in their order.
        let place = chain.inputs.iter().position(|input| *input == index);
        let Some((first, place)) = chain.steps.first().zip(place) else { return empty() };
        let (node, columns) = (&self.resolved.nodes[first.node], &self.pruned.nodes[first.node]);
        let Some(input) = node.inputs.get(place) else { return empty() };
        if first.part == StepPart::Behind {
            let ahead = part_of(&node.step, columns, StepPart::Ahead);
            return ahead.and_then(|ahead| Some(ahead.outputs().first()?.schema.clone())).unwrap_or_else(empty);
        }
        let schema = &self.resolved.nodes[input.node].step.outputs()[input.output].schema;
        let needed = &columns.inputs[input.port];
        schema.project(needed).map_or_else(|_| empty(), SchemaRef::new)
    }
}
