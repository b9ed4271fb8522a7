//! A checked job in words, for a person or a script: what `weir check` shows.

use arrow::datatypes::{Schema, SchemaRef};
use serde::Serialize;
use weir_core::column_type::type_name;
use weir_core::connector::{Guarantee, Sink};

use super::node::{ChangelogMode, OutputPort, Role};
use super::physical::{PhysicalGraph, StepPart, StepPlan};
use super::resolved::{InputEdge, ResolvedNode};
use super::source::SourcePlan;
use crate::dataflow::exchange::Partitioning;
use crate::plan::job::Job;

/// What a job will run.
#[derive(Clone, Debug, Serialize)]
pub struct JobDescription {
    /// Its nodes, inputs first.
    pub nodes: Vec<NodeDescription>,
    /// What a person should know before it runs, one line each, such as a schema that was inferred.
    pub notes: Vec<String>,
    /// Which sources and sinks keep less than exactly-once, one line each; if the job keeps no checkpoints: would keep.
    pub guarantees: Vec<String>,
}

/// One node.
#[derive(Clone, Debug, Serialize)]
pub struct NodeDescription {
    /// Its name.
    pub name: String,
    /// `source`, `transform`, `keyed operator`, `window`, `join` or `sink`.
    pub kind: &'static str,
    /// What it reads, `NODE` or `NODE.OUTPUT`.
    pub inputs: Vec<String>,
    /// How rows come to it: `forward` (in the same subtask, if it is in its input's chain), `hash`, `rebalance`, `broadcast`;
    /// `None` for a source.
    pub exchange: Option<&'static str>,
    /// Its subtasks.
    pub parallelism: usize,
    /// Nodes with the same number run in the same subtasks.
    pub chain: usize,
    /// Its outputs; a sink has none.
    pub outputs: Vec<OutputDescription>,
    /// The columns that a sink takes, in its order; of other nodes none.
    #[serde(skip)]
    pub takes: Vec<ColumnDescription>,
}

/// One output of a node.
#[derive(Clone, Debug, Serialize)]
pub struct OutputDescription {
    /// `main`, or the side output's name.
    pub name: String,
    /// Its columns.
    pub columns: Vec<ColumnDescription>,
    /// Whether anybody reads it.
    pub read: bool,
}

/// One column.
#[derive(Clone, Debug, Serialize)]
pub struct ColumnDescription {
    /// Its name.
    pub name: String,
    /// Its type, as pipeline files write it.
    #[serde(rename = "type")]
    pub data_type: String,
    /// Whether anybody reads it; one that nobody reads is not made.
    pub read: bool,
}

/// What is odd about the first event time of a source, as far as it can be seen before it runs.
fn doubt(source: &SourcePlan) -> Option<String> {
    let (column, reader) = source.event_time.as_ref()?;
    let name = source.source.schema().field(*column).name().clone();
    reader.doubt(&name, source.source.sample(*column)?.columns().first()?)
}

impl Job {
    /// What it will run.
    #[must_use]
    pub fn describe(&self) -> JobDescription {
        let nodes = self.resolved.nodes.iter().enumerate().map(|(index, node)| self.describe_node(index, node));
        let notes = self.resolved.nodes.iter().enumerate().flat_map(|(index, node)| match node.step.role() {
            Role::Source(source) => {
                let mut notes = source.source.notes();
                notes.extend(self.windows_by_arrival(index, source));
                notes.extend(doubt(source).map(|doubt| format!("{}: {doubt}", node.name)));
                notes
            }
            Role::Sink(sink, _) => sink.notes().into_iter().chain(self.shown_at_no_end(index, &**sink)).collect(),
            Role::Operator => self.looked_up_never(index),
        });
        let guarantees = self.resolved.nodes.iter().filter_map(|node| match node.step.role() {
            Role::Source(source) => self.weaker(&node.name, &source.source.guarantee()),
            Role::Sink(sink, _) => self.weaker(&node.name, &sink.guarantee()),
            Role::Operator => None,
        });
        JobDescription { nodes: nodes.collect(), notes: notes.collect(), guarantees: guarantees.collect() }
    }

    /// A sink, by its node, that shows rows at the end of the job, and has one of a source that never ends.
    fn shown_at_no_end(&self, index: usize, sink: &dyn Sink) -> Option<String> {
        let written = sink.writes()?;
        let (name, path) = (&self.resolved.nodes[index].name, written.path.display());
        let (what, instead) = match written.is_folder {
            false if !sink.publishes_before_end() => (
                "is one file, which becomes visible when the job has ended",
                "a path that ends in / is a folder, which gets a file per checkpoint",
            ),
            false if sink.writes_tables() && !self.is_durable => (
                "holds a table, which is written at checkpoints and when the job has ended, and the job takes none",
                "set dir in [checkpoint], or use --checkpoint-dir",
            ),
            true if !self.is_durable => (
                "is a folder, whose files become visible at checkpoints, and the job takes none",
                "set dir in [checkpoint], or use --checkpoint-dir",
            ),
            _ => return None,
        };
        let endless = self.sources_above([index]).find(|(_, source)| source.source.is_endless());
        endless.map(|(endless, _)| format!("{name}: {path} {what}, but {endless} never ends: {instead}"))
    }

    /// The sources, by their names, of which rows come to some nodes.
    fn sources_above(&self, nodes: impl IntoIterator<Item = usize>) -> impl Iterator<Item = (&str, &SourcePlan)> {
        let mut above = vec![false; self.resolved.nodes.len()];
        nodes.into_iter().for_each(|node| above[node] = true);
        // Inputs come first.
        for index in (0..above.len()).rev() {
            if above[index] {
                self.resolved.nodes[index].inputs.iter().for_each(|input| above[input.node] = true);
            }
        }
        let nodes = self.resolved.nodes.iter().zip(above).filter(|(_, is_above)| *is_above);
        nodes.filter_map(|(node, _)| Some((node.name.as_str(), node.step.role().source()?)))
    }

    /// Sources that a node looks rows up in once they were read, and that never end, and do not say when they were.
    fn looked_up(&self, index: usize) -> impl Iterator<Item = (&str, &SourcePlan)> {
        let node = &self.resolved.nodes[index];
        let looked_up = node.inputs.iter().filter(|input| node.step.inputs()[input.port].is_looked_up);
        // A file that is read again says so.
        let is_endless =
            |source: &SourcePlan| source.source.is_endless() && source.source.changelog() != ChangelogMode::Retract;
        self.sources_above(looked_up.map(|input| input.node)).filter(move |(_, source)| is_endless(source))
    }

    /// A step that looks rows up in a source that never ends and does not say when it was read, and the source: rows wait until that has been
    /// idle.
    #[must_use]
    pub fn looks_up_endless(&self) -> Option<(String, String)> {
        let nodes = self.resolved.nodes.iter().enumerate();
        let of = |(index, node): (usize, &ResolvedNode)| {
            let (source, _) = self.looked_up(index).next()?;
            Some((node.name.clone(), source.to_owned()))
        };
        nodes.filter_map(of).next()
    }

    /// Notes about sources of [`Job::looked_up`] that never end and are never idle, so the rows that look them up wait for ever.
    fn looked_up_never(&self, index: usize) -> Vec<String> {
        let note = |(source, _): (&str, &SourcePlan)| {
            format!(
                "{}: rows wait until {source} was read once, and it never ends: set idle-after on it, as it was read when it is idle",
                self.resolved.nodes[index].name
            )
        };
        self.looked_up(index).filter(|(_, source)| source.idle_after_ms().is_none()).map(note).collect()
    }

    /// Steps that go by event time over rows of a source, by its node, that have only the time of their arrival.
    fn windows_by_arrival(&self, index: usize, source: &SourcePlan) -> Option<String> {
        // Rows of a file that is read again have no other time.
        if !source.event_time_column().is_empty() || source.source.changelog() == ChangelogMode::Retract {
            return None;
        }
        let mut below = vec![false; self.resolved.nodes.len()];
        below[index] = true;
        let mut names = Vec::new();
        for (index, node) in self.resolved.nodes.iter().enumerate() {
            let goes_by_time = |input: &InputEdge| !node.step.inputs()[input.port].is_looked_up;
            below[index] |= node.inputs.iter().any(|input| below[input.node] && goes_by_time(input));
            let looks_up = node.step.inputs().iter().any(|port| port.is_looked_up);
            if below[index] && !looks_up && ["window", "join"].contains(&node.step.kind()) {
                names.push(node.name.as_str());
            }
        }
        let name = &self.resolved.nodes[index].name;
        (!names.is_empty()).then(|| {
            format!(
                "{name} has no event-time: its rows have the time of their arrival, and the results of {} differ from run to run; set \
                 event-time on it, or on a step that makes the column",
                names.join(", ")
            )
        })
    }

    /// What its sources say of the rows that they have read so far.
    #[must_use]
    pub fn notes_after(&self) -> Vec<String> {
        let sources = self.resolved.nodes.iter().filter_map(|node| node.step.role().source());
        sources.flat_map(|source| source.source.notes_after()).collect()
    }

    /// Bytes on local disks of rows that its sinks have not made visible.
    #[must_use]
    pub fn staged_bytes(&self) -> u64 {
        self.sinks().map(|(_, sink)| sink.staged_bytes()).sum()
    }

    /// Rows that its sinks did not write, as there was no room and they were told to drop them.
    #[must_use]
    pub fn dropped_rows(&self) -> u64 {
        self.sinks().map(|(_, sink)| sink.dropped_rows()).sum()
    }

    /// What a job that resumes from a checkpoint does not hold of a source or a sink.
    fn weaker(&self, name: &str, guarantee: &Guarantee) -> Option<String> {
        let (what, rows, reason) = match guarantee {
            Guarantee::ExactlyOnce => return None,
            Guarantee::AtLeastOnce(reason) => ("at-least-once", "there twice", reason),
            Guarantee::AtMostOnce(reason) => ("at-most-once", "lost", reason),
        };
        let is = if self.is_durable { "is" } else { "would, with checkpoints, be" };
        Some(format!("{name} {is} {what}: after a failure rows since the last checkpoint are {rows}, because {reason}"))
    }

    /// The columns of the rows that a step gets, read or not; `None`: there is no such step, or it is a source.
    #[must_use]
    pub fn columns_into(&self, step: &str) -> Option<SchemaRef> {
        let node = self.resolved.nodes.iter().find(|node| node.name == step)?;
        node.step.inputs().first().map(|port| port.schema.clone())
    }

    fn describe_node(&self, index: usize, node: &ResolvedNode) -> NodeDescription {
        let input = |edge: &InputEdge| {
            let from = &self.resolved.nodes[edge.node];
            match edge.output {
                0 => from.name.clone(),
                output => format!("{}.{}", from.name, from.step.outputs()[output].name),
            }
        };
        let output = |(number, OutputPort { name, schema, .. }): (usize, &OutputPort)| {
            let needed = self.pruned.nodes[index].outputs[number].as_deref();
            OutputDescription {
                name: name.clone(),
                columns: columns(schema, needed.unwrap_or_default()),
                read: needed.is_some(),
            }
        };
        let chain = chain_of(&self.physical, index);
        NodeDescription {
            name: node.name.clone(),
            kind: node.step.kind(),
            inputs: node.inputs.iter().map(input).collect(),
            exchange: (!node.inputs.is_empty()).then(|| exchange_into(&self.physical, chain, index)),
            parallelism: node.step.parallelism(),
            chain,
            outputs: node.step.outputs().iter().enumerate().map(output).collect(),
            takes: match node.step.role() {
                Role::Sink(_, taken) => columns(taken, &(0..taken.fields().len()).collect::<Vec<_>>()),
                Role::Source(_) | Role::Operator => Vec::new(),
            },
        }
    }
}

fn columns(schema: &Schema, read: &[usize]) -> Vec<ColumnDescription> {
    let column = |(index, field): (usize, &arrow::datatypes::FieldRef)| ColumnDescription {
        name: field.name().clone(),
        data_type: type_name(field.data_type()),
        read: read.contains(&index),
    };
    schema.fields().iter().enumerate().map(column).collect()
}

fn chain_of(graph: &PhysicalGraph, node: usize) -> usize {
    let here = |s: &StepPlan| s.node == node && s.part != StepPart::Ahead;
    graph.chains.iter().position(|c| c.steps.iter().any(here)).unwrap_or_default()
}

fn exchange_into(graph: &PhysicalGraph, chain: usize, node: usize) -> &'static str {
    let Some(plan) = graph.chains.get(chain) else { return "forward" };
    let first = plan.steps.first().is_some_and(|s| s.node == node);
    match plan.inputs.first().filter(|_| first).and_then(|e| graph.edges.get(*e)).map(|e| &e.partitioning) {
        Some(Partitioning::Hash { .. }) => "hash",
        Some(Partitioning::Rebalance) => "rebalance",
        Some(Partitioning::Broadcast) => "broadcast",
        Some(Partitioning::Forward) | None => "forward",
    }
}
