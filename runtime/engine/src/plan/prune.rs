//! Finds the columns that are read. A column that nobody downstream reads is dropped where it is made; a source does not even
//! decode it, and an exchange does not move it.

use std::collections::BTreeSet;
use std::ops::Range;

use weir_host::OutputColumn;

use crate::plan::resolve::{Resolved, ResolvedKind, ResolvedNode};

/// What is read of every node, by index.
#[derive(Clone)]
pub(crate) struct Pruned {
    pub(crate) nodes: Vec<PrunedNode>,
}

/// Columns of a node, as indices into its resolved schemas.
#[derive(Clone, Debug, Default)]
pub(crate) struct PrunedNode {
    /// The columns of its input that it needs.
    pub(crate) input: Vec<usize>,
    /// For every output the columns that somebody needs; `None`: nobody reads the output.
    pub(crate) outputs: Vec<Option<Vec<usize>>>,
}

impl Pruned {
    pub(crate) fn new(resolved: &Resolved) -> Self {
        let mut needed: Vec<Vec<Option<BTreeSet<usize>>>> =
            resolved.nodes.iter().map(|n| vec![None; n.outputs.len()]).collect();
        let mut nodes = vec![PrunedNode::default(); resolved.nodes.len()];
        for (index, node) in resolved.nodes.iter().enumerate().rev() {
            let mut outputs = std::mem::take(&mut needed[index]);
            if let ResolvedKind::Source(source) = &node.kind {
                outputs[0].get_or_insert_default().extend(source.event_time);
            }
            // Dead letters and late rows are whole rows: who reads one of their columns gets a projection.
            let whole = whole_row_outputs(node);
            let wholly_read = outputs[whole.clone()].iter().any(Option::is_some);
            for (output, (_, schema)) in outputs[whole.clone()].iter_mut().zip(&node.outputs[whole]) {
                *output = output.take().map(|_| (0..schema.fields().len()).collect());
            }
            let input = if wholly_read { all_columns(node) } else { input_columns(node, &outputs) };
            for (from, output) in &node.inputs {
                needed[*from][*output].get_or_insert_default().extend(&input);
            }
            nodes[index] = PrunedNode {
                input: match &node.kind {
                    // In the order that its author wants.
                    ResolvedKind::Sink { columns, .. } => columns.clone(),
                    _ => input.into_iter().collect(),
                },
                outputs: outputs.into_iter().map(|o| o.map(|columns| columns.into_iter().collect())).collect(),
            };
        }
        Self { nodes }
    }
}

/// The outputs that hold rows as they came in.
fn whole_row_outputs(node: &ResolvedNode) -> Range<usize> {
    let outputs = node.outputs.len();
    match &node.kind {
        ResolvedKind::Window { .. } => 1..outputs,
        _ => outputs.saturating_sub(1)..outputs,
    }
}

fn all_columns(node: &ResolvedNode) -> BTreeSet<usize> {
    (0..node.input.as_ref().map_or(0, |s| s.fields().len())).collect()
}

/// The input columns that a node needs to make what is needed of its outputs.
fn input_columns(node: &ResolvedNode, outputs: &[Option<BTreeSet<usize>>]) -> BTreeSet<usize> {
    match &node.kind {
        ResolvedKind::Source(_) => BTreeSet::new(),
        ResolvedKind::Sink { columns, .. } => columns.iter().copied().collect(),
        ResolvedKind::Transform { plan, .. } => operator_columns(plan, outputs),
        ResolvedKind::Keyed { plan, keys, .. } => {
            let mut columns = operator_columns(plan, outputs);
            columns.extend(keys);
            columns
        }
        ResolvedKind::Window { keys, aggregates, .. } => {
            keys.iter().chain(aggregates.iter().flat_map(|a| &a.columns)).copied().collect()
        }
    }
}

fn operator_columns(plan: &weir_host::Plan, outputs: &[Option<BTreeSet<usize>>]) -> BTreeSet<usize> {
    let mut columns: BTreeSet<usize> = plan.reads.iter().flatten().copied().collect();
    for (output, needed) in plan.outputs.iter().zip(outputs) {
        for index in needed.iter().flatten() {
            if let Some(OutputColumn::Kept { column, .. }) = output.columns.get(*index) {
                columns.insert(*column);
            }
        }
    }
    columns
}
