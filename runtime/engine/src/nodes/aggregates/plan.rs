//! `[aggregates.NAME]`, to the planner.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{Field, FieldRef, Schema};
use weir_core::graph::{
    AggregateFunction, AggregateNode, AggregateSpec as Asked, DEAD_LETTER_OUTPUT, MAIN_OUTPUT, Node, NodeKind, Spanned,
};

use super::{AggregateOperator, AggregateSpec, full_schema};
use crate::dataflow::operator::{Operator, OperatorError};
use crate::nodes::changes::ADVICE_ON_UPSERTS;
use crate::nodes::dead_letter::{DeadLetters, Letters, with_error_column};
use crate::nodes::filtered::Filters;
use crate::nodes::lives::{Lives, check_ttl};
use crate::nodes::window::planned_aggregate::plan_builtin;
use crate::nodes::window::{AggregateKind, BoundAggregate};
use crate::plan::error::{CheckError, CheckErrors, check_distinct, key_column};
use crate::plan::node::{
    ChangelogMode, Distribution, InputPort, MakeContext, MakeError, OutputPort, OutputRole, PlanContext, PlanNode,
    PortInput, StepKind,
};

/// The section `aggregates`.
pub(crate) struct AggregatesKind;

struct AggregateStep {
    spec: AggregateNode,
    keys: Vec<usize>,
    /// With the columns of the full input.
    aggregates: Vec<BoundAggregate>,
    filters: Filters,
    inputs: Vec<InputPort>,
    outputs: Vec<OutputPort>,
    parallelism: usize,
    updating: bool,
}

/// Which of its outputs has the results that do not fit their type.
const DEAD_LETTERS: usize = 1;

impl StepKind for AggregatesKind {
    fn section(&self) -> &'static str {
        "aggregates"
    }

    fn plan(&self, cx: &PlanContext<'_>, node: &Node, inputs: &[PortInput]) -> Result<Arc<dyn PlanNode>, CheckErrors> {
        let (NodeKind::Aggregate(spec), [input]) = (&node.kind, inputs) else {
            return Err(CheckError::at(&node.span, "aggregates have one input").into());
        };
        check_distinct(&cx.graph.text, "key-by", &spec.key_by)?;
        let keys = CheckErrors::all(spec.key_by.iter().map(|key| key_column(&input.schema, key)));
        let updating = input.changelog != ChangelogMode::InsertOnly;
        let planned = spec.aggregates.iter().map(|(name, of)| planned(name, of, &input.schema, updating));
        let (keys, planned) = CheckErrors::both(keys, CheckErrors::all(planned))?;
        check_ttl(node, spec.ttl, input.changelog)?;
        let filters = Filters::plan(cx.graph, &spec.aggregates, &input.schema)?;
        if let Some((name, _)) =
            spec.aggregates.iter().find(|(name, _)| spec.key_by.iter().any(|k| k.value == name.value))
        {
            let message = format!("{:?} is a key already: give the aggregate another name", name.value);
            return Err(CheckError::at(&name.span, message).into());
        }
        let (mut aggregates, fields): (Vec<BoundAggregate>, Vec<FieldRef>) = planned.into_iter().unzip();
        if updating {
            // With a dot, which names in a file can have only in quotes; it is no column of the result.
            let kind = AggregateKind::Builtin { function: AggregateFunction::Count, columns: Vec::new() };
            aggregates.push(BoundAggregate { name: "weir.rows".to_owned(), kind });
        }
        let key_fields = keys.iter().map(|key| input.schema.fields()[*key].clone());
        let main = OutputPort {
            changelog: ChangelogMode::Retract,
            key: Some((0..keys.len()).collect()),
            ..OutputPort::new(MAIN_OUTPUT, Arc::new(full_schema(key_fields, fields.into_iter())), OutputRole::Made)
        };
        let letters = OutputPort::new(
            DEAD_LETTER_OUTPUT,
            with_error_column(&input.schema, Letters::OfKeys),
            OutputRole::WholeRows,
        );
        let takes = ChangelogMode::RETRACTIONS;
        let port = InputPort { takes, ..InputPort::only(input.schema.clone(), Distribution::Hash(keys.clone())) };
        let parallelism = if keys.is_empty() { 1 } else { cx.graph.parallelism };
        let (spec, inputs, outputs) = (spec.clone(), vec![port], vec![main, letters]);
        Ok(Arc::new(AggregateStep { spec, keys, aggregates, filters, inputs, outputs, parallelism, updating }))
    }
}

/// An aggregate, and its column of the result.
fn planned(
    name: &Spanned<String>,
    of: &Asked,
    input: &Schema,
    updating: bool,
) -> Result<(BoundAggregate, FieldRef), CheckErrors> {
    let Asked::Builtin { function, columns: of, .. } = of else {
        let message = "a component cannot take rows back, so it cannot be an aggregate without a window: use a built-in one, or a \
                       keyed operator";
        return Err(CheckError::at(&name.span, message).into());
    };
    if updating && matches!(function, AggregateFunction::First | AggregateFunction::Last) {
        let message = format!(
            "{} goes by event time, and a row that is taken back has that of the update: use arg-min or arg-max by a column",
            function.name()
        );
        return Err(CheckError::at(&name.span, message).into());
    }
    let (columns, output) = plan_builtin(name, function, of, input)?;
    let kind = AggregateKind::Builtin { function: function.clone(), columns };
    let field = Arc::new(Field::new(&name.value, output, !function.is_never_null()));
    Ok((BoundAggregate { name: name.value.clone(), kind }, field))
}

impl PlanNode for AggregateStep {
    fn kind(&self) -> &'static str {
        "aggregation"
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

    fn needs(&self, _: &[Option<BTreeSet<usize>>]) -> Vec<Vec<usize>> {
        let columns = self.aggregates.iter().flat_map(|aggregate| aggregate.columns());
        let all: BTreeSet<usize> = self.keys.iter().chain(columns).copied().chain(self.filters.reads()).collect();
        vec![all.into_iter().collect()]
    }

    fn make(&self, cx: &MakeContext<'_>) -> Result<Option<Box<dyn Operator>>, MakeError> {
        let full = &self.inputs[0].schema;
        let (input, filters) =
            (full.project(&cx.columns.inputs[0]).map_err(OperatorError::from)?, self.filters.placed(cx.columns));
        let aggregates = self.aggregates.iter().enumerate().map(|(index, aggregate)| {
            let place =
                |columns: &[usize]| filters.columns(index, cx.columns.positions(0, columns), input.fields().len());
            aggregate.placed(place)
        });
        let read = cx.columns.outputs.first().cloned().flatten().unwrap_or_default();
        let schema = self.outputs[0].schema.project(&read).map_err(OperatorError::from)?;
        let on_error = cx.columns.on_error(self.spec.on_error, DEAD_LETTERS);
        let letters = || DeadLetters::new(on_error, DEAD_LETTERS, cx.metrics.clone(), Letters::OfKeys);
        let operator = AggregateOperator::new(AggregateSpec {
            key_columns: cx.columns.positions(0, &self.keys),
            aggregates: aggregates.collect(),
            input: filters.schema(&Arc::new(input)),
            updating: self.updating,
            read,
            schema: Arc::new(schema),
            dead_letters: letters(),
            key_groups: cx.key_groups,
            lives: self.spec.ttl.map(|ttl| Lives::new(ttl, cx.clock)),
        })?;
        Ok(Some(filters.over(Box::new(operator), (full, cx.columns), letters())?))
    }
}
