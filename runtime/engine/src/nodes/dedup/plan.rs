//! `[dedup.NAME]`, to the planner.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::FieldRef;
use weir_core::graph::{DedupNode, Keep, LATE_OUTPUT, MAIN_OUTPUT, Node, NodeKind};

use super::first::FirstOperator;
use super::forgetting::Forgetting;
use super::last::{LastOperator, LastSpec};
use crate::dataflow::operator::{Operator, OperatorError};
use crate::plan::error::{CheckError, CheckErrors, check_distinct, key_column};
use crate::plan::node::{
    ChangelogMode, Distribution, InputPort, MakeContext, MakeError, OutputPort, OutputRole, PlanContext, PlanNode,
    PortInput, StepKind,
};

/// The section `dedup`.
pub(crate) struct DedupKind;

struct DedupStep {
    spec: DedupNode,
    keys: Vec<usize>,
    inputs: Vec<InputPort>,
    outputs: Vec<OutputPort>,
    parallelism: usize,
    by_arrival: bool,
}

/// Which of its outputs has the rows that are late.
const LATE: usize = 1;

impl StepKind for DedupKind {
    fn section(&self) -> &'static str {
        "dedup"
    }

    fn plan(&self, cx: &PlanContext<'_>, node: &Node, inputs: &[PortInput]) -> Result<Arc<dyn PlanNode>, CheckErrors> {
        let (NodeKind::Dedup(spec), [input]) = (&node.kind, inputs) else {
            return Err(CheckError::at(&node.span, "a deduplication has one input").into());
        };
        check_distinct(&cx.graph.text, "key-by", &spec.key_by)?;
        let keys = CheckErrors::all(spec.key_by.iter().map(|key| key_column(&input.schema, key)))?;
        let by_arrival = input.changelog == ChangelogMode::Upsert;
        check_key(node, spec, &keys, input)?;
        let mut main = OutputPort::new(MAIN_OUTPUT, input.schema.clone(), OutputRole::Made);
        // A key that is forgotten may come again.
        main.key = spec.within_us.is_none().then(|| keys.clone());
        let mut takes = ChangelogMode::INSERTS;
        if spec.keep == Keep::Last {
            main.changelog = ChangelogMode::Retract;
            takes = &[ChangelogMode::InsertOnly, ChangelogMode::Upsert];
        }
        let port = InputPort { takes, ..InputPort::only(input.schema.clone(), Distribution::Hash(keys.clone())) };
        let late = OutputPort::new(LATE_OUTPUT, input.schema.clone(), OutputRole::WholeRows);
        let parallelism = if keys.is_empty() { 1 } else { cx.graph.parallelism };
        let (spec, inputs, outputs) = (spec.clone(), vec![port], vec![main, late]);
        Ok(Arc::new(DedupStep { spec, keys, inputs, outputs, parallelism, by_arrival }))
    }
}

/// Updates by key are of the key that they say.
fn check_key(node: &Node, spec: &DedupNode, keys: &[usize], input: &PortInput) -> Result<(), CheckError> {
    let Some(key) = input.key.as_ref().filter(|_| input.changelog == ChangelogMode::Upsert) else { return Ok(()) };
    let set = |columns: &[usize]| columns.iter().copied().collect::<BTreeSet<_>>();
    if set(key) == set(keys) {
        return Ok(());
    }
    let names: Vec<String> = key.iter().map(|column| format!("{:?}", input.schema.field(*column).name())).collect();
    let span = spec.key_by.first().map_or(&node.span, |key| &key.span);
    Err(CheckError::at(span, format!("its rows are updates by key: key-by must be [{}]", names.join(", "))))
}

impl PlanNode for DedupStep {
    fn kind(&self) -> &'static str {
        "deduplication"
    }

    fn inputs(&self) -> &[InputPort] {
        &self.inputs
    }

    fn outputs(&self) -> &[OutputPort] {
        &self.outputs
    }

    fn parallelism(&self) -> usize {
        self.parallelism
    }

    fn state_bytes_max(&self) -> u64 {
        self.spec.state_bytes
    }

    fn needs(&self, read: &[Option<BTreeSet<usize>>]) -> Vec<Vec<usize>> {
        let mut needed = read.first().cloned().flatten().unwrap_or_default();
        needed.extend(&self.keys);
        vec![needed.into_iter().collect()]
    }

    fn advice_on_updates(&self) -> Option<&'static str> {
        Some("rows that are taken back have no first and no last; deduplicate before the step that makes updates")
    }

    fn make(&self, cx: &MakeContext<'_>) -> Result<Option<Box<dyn Operator>>, MakeError> {
        let read = cx.columns.outputs.first().cloned().flatten().unwrap_or_default();
        let project = |columns: &[usize]| {
            let schema = self.inputs[0].schema.project(columns).map_err(OperatorError::from);
            schema.map(Arc::new)
        };
        let (input, schema) = (project(&cx.columns.inputs[0])?, project(&read)?);
        let read = cx.columns.positions(0, &read);
        let key_columns = cx.columns.positions(0, &self.keys);
        let key_fields: Vec<FieldRef> = key_columns.iter().map(|key| input.fields()[*key].clone()).collect();
        let late = cx.columns.is_read(LATE).then_some(LATE);
        let forgetting = self.spec.within_us.map(|within| Forgetting::new(within, late, cx.metrics.clone()));
        let (by_arrival, key_groups) = (self.by_arrival, cx.key_groups);
        Ok(Some(match self.spec.keep {
            Keep::First => Box::new(FirstOperator::new((key_columns, &key_fields), read, forgetting, key_groups)?),
            Keep::Last => {
                let spec = LastSpec { key_columns, key_fields, read, schema, by_arrival, forgetting, key_groups };
                Box::new(LastOperator::new(spec)?)
            }
        }))
    }
}
