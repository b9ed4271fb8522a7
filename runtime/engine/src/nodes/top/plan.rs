//! `[top.NAME]`, to the planner.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use weir_core::graph::{MAIN_OUTPUT, Node, NodeKind, Ties, TopNode};

use super::order::RowOrder;
use super::{Shown, TopOperator, TopSpec};
use crate::dataflow::operator::{Operator, OperatorError};
use crate::nodes::changes::ADVICE_ON_UPSERTS;
use crate::nodes::lives::{Lives, check_ttl};
use crate::plan::error::{CheckError, CheckErrors, check_distinct, column, key_column};
use crate::plan::node::{
    ChangelogMode, Distribution, InputPort, MakeContext, MakeError, OutputPort, OutputRole, PlanContext, PlanNode,
    PortInput, StepKind,
};

/// The section `top`.
pub(crate) struct TopKind;

struct TopStep {
    spec: TopNode,
    keys: Vec<usize>,
    /// The columns of the order, and whether the greatest value comes first.
    order: Vec<(usize, bool)>,
    inputs: Vec<InputPort>,
    outputs: Vec<OutputPort>,
    parallelism: usize,
    updating: bool,
}

impl StepKind for TopKind {
    fn section(&self) -> &'static str {
        "top"
    }

    fn plan(&self, cx: &PlanContext<'_>, node: &Node, inputs: &[PortInput]) -> Result<Arc<dyn PlanNode>, CheckErrors> {
        let (NodeKind::Top(spec), [input]) = (&node.kind, inputs) else {
            return Err(CheckError::at(&node.span, "a top-n has one input").into());
        };
        check_ttl(node, spec.ttl, input.changelog)?;
        let text = &cx.graph.text;
        check_distinct(text, "key-by", &spec.key_by)?;
        let names: Vec<_> = spec.order_by.iter().map(|by| by.column.clone()).collect();
        check_distinct(text, "order-by", &names)?;
        let keys = CheckErrors::all(spec.key_by.iter().map(|key| key_column(&input.schema, key)));
        let order = CheckErrors::all(
            spec.order_by.iter().map(|by| Ok::<_, CheckError>((column(&input.schema, &by.column)?, by.descending))),
        );
        let (keys, order) = CheckErrors::both(keys, order)?;
        RowOrder::new(input.schema.clone(), &order, false).map_err(|error| {
            let span = spec.order_by.first().map_or(&node.span, |by| &by.column.span);
            CheckError::at(span, format!("the rows cannot be ordered: {error}"))
        })?;
        let mut fields: Vec<FieldRef> = input.schema.fields().iter().cloned().collect();
        if let Some(rank) = &spec.rank {
            if input.schema.field_with_name(&rank.value).is_ok() {
                let message = format!("the input already has a column {:?}: give the rank another name", rank.value);
                return Err(CheckError::at(&rank.span, message).into());
            }
            fields.push(Arc::new(Field::new(&rank.value, DataType::Int64, false)));
        }
        let mut main = OutputPort::new(MAIN_OUTPUT, Arc::new(Schema::new(fields)), OutputRole::Made);
        main.changelog = ChangelogMode::Retract;
        let is_place_unique = spec.rank.is_some() && spec.ties == Ties::RowNumber;
        main.key = match (is_place_unique, spec.limit) {
            (true, _) => Some(keys.iter().copied().chain([input.schema.fields().len()]).collect()),
            (false, 1) if spec.ties == Ties::RowNumber => Some(keys.clone()),
            (false, _) => input.key.clone(),
        };
        let updating = input.changelog != ChangelogMode::InsertOnly;
        let takes = ChangelogMode::RETRACTIONS;
        let port = InputPort { takes, ..InputPort::only(input.schema.clone(), Distribution::Hash(keys.clone())) };
        let parallelism = if keys.is_empty() { 1 } else { cx.graph.parallelism };
        let (spec, inputs, outputs) = (spec.clone(), vec![port], vec![main]);
        Ok(Arc::new(TopStep { spec, keys, order, inputs, outputs, parallelism, updating }))
    }
}

impl TopStep {
    /// The columns of the input that are read of the output, and whether its rank is.
    fn read(&self, read: impl IntoIterator<Item = usize>) -> (Vec<usize>, bool) {
        let columns = self.inputs[0].schema.fields().len();
        let (read, rank): (Vec<usize>, Vec<usize>) = read.into_iter().partition(|column| *column < columns);
        (read, !rank.is_empty())
    }
}

impl PlanNode for TopStep {
    fn kind(&self) -> &'static str {
        "top-n"
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

    fn advice_on_updates(&self) -> Option<&'static str> {
        Some(ADVICE_ON_UPSERTS)
    }

    fn state_bytes_max(&self) -> u64 {
        self.spec.state_bytes
    }

    fn needs(&self, read: &[Option<BTreeSet<usize>>]) -> Vec<Vec<usize>> {
        let (read, _) = self.read(read.first().cloned().flatten().unwrap_or_default());
        let needed: BTreeSet<usize> =
            read.iter().chain(&self.keys).chain(self.order.iter().map(|(column, _)| column)).copied().collect();
        vec![needed.into_iter().collect()]
    }

    fn make(&self, cx: &MakeContext<'_>) -> Result<Option<Box<dyn Operator>>, MakeError> {
        let read = cx.columns.outputs.first().cloned().flatten().unwrap_or_default();
        let schema = self.outputs[0].schema.project(&read).map_err(OperatorError::from)?;
        let input = Arc::new(self.inputs[0].schema.project(&cx.columns.inputs[0]).map_err(OperatorError::from)?);
        let (read, reads_rank) = self.read(read);
        let place = |column: usize| cx.columns.position(0, column);
        let order: Vec<(usize, bool)> =
            self.order.iter().filter_map(|(column, descending)| Some((place(*column)?, *descending))).collect();
        let key_columns = cx.columns.positions(0, &self.keys);
        let TopNode { offset, limit, ties, .. } = self.spec;
        let shown = Shown { offset, limit, ties, updating: self.updating };
        Ok(Some(Box::new(TopOperator::new(TopSpec {
            key_fields: key_columns.iter().map(|key| input.fields()[*key].clone()).collect(),
            key_columns,
            order: RowOrder::new(input, &order, !self.updating)?,
            shown,
            read: cx.columns.positions(0, &read),
            reads_rank,
            schema: Arc::new(schema),
            key_groups: cx.key_groups,
            lives: self.spec.ttl.map(|ttl| Lives::new(ttl, cx.clock)),
        })?)))
    }
}
