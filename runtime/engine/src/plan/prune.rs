//! Finds the columns that are read. A column that nobody downstream reads is dropped where it is made; a source does not even
//! decode it, and an exchange does not move it.

use std::collections::BTreeSet;

use super::node::{NodeColumns, OutputRole};
use super::resolved::Resolved;

/// What is read of every node, by index.
#[derive(Clone)]
pub(crate) struct Pruned {
    pub(crate) nodes: Vec<NodeColumns>,
}

impl Pruned {
    pub(crate) fn new(resolved: &Resolved) -> Self {
        let mut needed: Vec<Vec<Option<BTreeSet<usize>>>> =
            resolved.nodes.iter().map(|n| vec![None; n.step.outputs().len()]).collect();
        let mut nodes = vec![NodeColumns::default(); resolved.nodes.len()];
        for (index, node) in resolved.nodes.iter().enumerate().rev() {
            let mut read = std::mem::take(&mut needed[index]);
            let mut wants_whole_rows = false;
            for (read, output) in read.iter_mut().zip(node.step.outputs()) {
                if !output.always.is_empty() {
                    read.get_or_insert_default().extend(&output.always);
                }
                // A reader of one column of dead letters or late rows gets a projection of the whole row.
                if let (Some(columns), true) = (read.as_mut(), output.role != OutputRole::Made) {
                    columns.extend(0..output.schema.fields().len());
                    wants_whole_rows |= output.role == OutputRole::WholeRows;
                }
            }
            let inputs = match wants_whole_rows {
                true => node.step.inputs().iter().map(|port| (0..port.schema.fields().len()).collect()).collect(),
                false => node.step.needs(&read),
            };
            for edge in &node.inputs {
                needed[edge.node][edge.output].get_or_insert_default().extend(&inputs[edge.port]);
            }
            let outputs = read.into_iter().map(|o| o.map(|columns| columns.into_iter().collect())).collect();
            nodes[index] = NodeColumns { inputs, outputs };
        }
        Self { nodes }
    }
}
