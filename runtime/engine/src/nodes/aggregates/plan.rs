//! `[aggregates.NAME]`, to the planner.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{FieldRef, SchemaRef};
use weir_core::graph::{
    AggregateFunction, AggregateNode, AggregateSpec as Asked, DEAD_LETTER_OUTPUT, MAIN_OUTPUT, Node, NodeKind, Spanned,
};

use super::{AggregateOperator, AggregateSpec, full_schema};
use crate::dataflow::operator::{Operator, OperatorError};
use crate::nodes::changes::ADVICE_ON_UPSERTS;
use crate::nodes::dead_letter::{DeadLetters, Letters, with_error_column};
use crate::nodes::filtered::Filters;
use crate::nodes::lives::{Lives, check_ttl};
use crate::nodes::window::bound_aggregates::{bind, new_guests, with_version};
use crate::nodes::window::planned_aggregate::{PlannedAggregate, PlannedAggregateKind, plan_aggregate};
use crate::nodes::window::replaceable_aggregates::ReplaceableAggregates;
use crate::plan::error::{CheckError, CheckErrors, check_distinct, key_column};
use crate::plan::node::{
    ChangelogMode, ComponentUse, Distribution, InputPort, MakeContext, MakeError, OutputPort, OutputRole, PlanContext,
    PlanNode, PortInput, ReplaceContext, StepKind,
};
use crate::replace::replaceable::Version;
use crate::replace::version::{NewVersion, SwapError};

/// The section `aggregates`.
pub(crate) struct AggregatesKind;

#[derive(Clone)]
struct AggregateStep {
    spec: AggregateNode,
    keys: Vec<usize>,
    /// With the columns of the full input.
    aggregates: Vec<PlannedAggregate>,
    filters: Filters,
    inputs: Vec<InputPort>,
    outputs: Vec<OutputPort>,
    parallelism: usize,
    updating: bool,
    counts_rows: bool,
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
        let planned =
            spec.aggregates.iter().map(|(name, of)| planned(cx, (&node.name, name), of, &input.schema, updating));
        let (keys, planned) = CheckErrors::both(keys, CheckErrors::all(planned))?;
        check_ttl(node, spec.ttl, input.changelog)?;
        let filters = Filters::plan(cx.graph, &spec.aggregates, &input.schema)?;
        if let Some((name, _)) =
            spec.aggregates.iter().find(|(name, _)| spec.key_by.iter().any(|k| k.value == name.value))
        {
            let message = format!("{:?} is a key already: give the aggregate another name", name.value);
            return Err(CheckError::at(&name.span, message).into());
        }
        let (mut aggregates, fields): (Vec<PlannedAggregate>, Vec<FieldRef>) = planned.into_iter().unzip();
        let counts_rows = updating || aggregates.iter().any(|aggregate| aggregate.component_use().is_some());
        if counts_rows {
            // With a dot, which names in a file can have only in quotes; it is no column of the result.
            let kind = PlannedAggregateKind::Builtin(AggregateFunction::Count);
            aggregates.push(PlannedAggregate { name: "weir.rows".to_owned(), columns: Vec::new(), kind });
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
        Ok(Arc::new(AggregateStep {
            spec,
            keys,
            aggregates,
            filters,
            inputs,
            outputs,
            parallelism,
            updating,
            counts_rows,
        }))
    }
}

/// An aggregate, and its column of the result.
fn planned(
    cx: &PlanContext<'_>,
    (step, name): (&str, &Spanned<String>),
    of: &Asked,
    input: &SchemaRef,
    updating: bool,
) -> Result<(PlannedAggregate, FieldRef), CheckErrors> {
    if let Asked::Builtin { function: function @ (AggregateFunction::First | AggregateFunction::Last), .. } = of
        && updating
    {
        let message = format!(
            "{} goes by event time, and a row that is taken back has that of the update: use arg-min or arg-max by a column",
            function.name()
        );
        return Err(CheckError::at(&name.span, message).into());
    }
    let (aggregate, field) = plan_aggregate(cx, ("aggregates", step, name), of, input)?;
    if updating {
        check_kept(&aggregate).map_err(|message| CheckError::at(&name.span, message))?;
    }
    Ok((aggregate, Arc::new(field)))
}

/// Refuses a component of whose groups rows cannot be taken back, and that cannot be computed anew of those that are there either.
fn check_kept(aggregate: &PlannedAggregate) -> Result<(), String> {
    match &aggregate.kind {
        PlannedAggregateKind::Builtin(_) => Ok(()),
        PlannedAggregateKind::Component { component, reads_event_times, .. } => {
            check_reads(*reads_event_times, component.retracts() || !aggregate.columns.is_empty())
        }
    }
}

fn check_reads(event_times: bool, can_compute: bool) -> Result<(), String> {
    match (event_times, can_compute) {
        (true, _) => Err("the component reads event times, and a row that is taken back has that of the update: give it the time in a \
                          column"
            .to_owned()),
        (false, false) => Err("the component reads no column, and over an updating stream it is computed of the columns of the rows \
                               that are there: name one in columns, or let it export weir:updating/retract"
            .to_owned()),
        (false, true) => Ok(()),
    }
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
        let columns = self.aggregates.iter().flat_map(|aggregate| &aggregate.columns);
        let all: BTreeSet<usize> = self.keys.iter().chain(columns).copied().chain(self.filters.reads()).collect();
        vec![all.into_iter().collect()]
    }

    fn make(&self, cx: &MakeContext<'_>) -> Result<Option<Box<dyn Operator>>, MakeError> {
        let full = &self.inputs[0].schema;
        let (input, filters) =
            (full.project(&cx.columns.inputs[0]).map_err(OperatorError::from)?, self.filters.placed(cx.columns));
        let (aggregates, components) = bind(cx, full, &self.aggregates, &filters)?;
        let read = cx.columns.outputs.first().cloned().flatten().unwrap_or_default();
        let schema = self.outputs[0].schema.project(&read).map_err(OperatorError::from)?;
        let on_error = cx.columns.on_error(self.spec.on_error, DEAD_LETTERS);
        let letters = || DeadLetters::new(on_error, DEAD_LETTERS, cx.metrics.clone(), Letters::OfKeys);
        let operator = AggregateOperator::new(AggregateSpec {
            key_columns: cx.columns.positions(0, &self.keys),
            aggregates,
            counts_rows: self.counts_rows,
            input: filters.schema(&Arc::new(input)),
            updating: self.updating,
            read,
            schema: Arc::new(schema),
            dead_letters: letters(),
            key_groups: cx.key_groups,
            lives: self.spec.ttl.map(|ttl| Lives::new(ttl, cx.clock)),
        })?;
        let operator = ReplaceableAggregates::over(Box::new(operator), components);
        Ok(Some(filters.over(operator, (full, cx.columns), letters())?))
    }

    fn components(&self) -> Vec<ComponentUse<'_>> {
        self.aggregates.iter().filter_map(PlannedAggregate::component_use).collect()
    }

    fn replaced(&self, cx: &ReplaceContext<'_>, version: &NewVersion) -> Result<Arc<dyn PlanNode>, SwapError> {
        let aggregates = with_version(cx, &self.inputs[0].schema, &self.aggregates, version)?;
        if self.updating {
            let unfit = |reason| SwapError::Unfit { operator: version.operator.clone(), reason };
            aggregates.iter().try_for_each(check_kept).map_err(&unfit)?;
            let retracts = |of: &PlannedAggregate| of.component_use().is_some_and(|of| of.component.retracts());
            if !self.aggregates.iter().map(retracts).eq(aggregates.iter().map(retracts)) {
                let reason = "of one of the two versions rows can be taken back, and of the other the rows are kept (it does not export \
                              weir:updating/retract): give the aggregate another name, and deploy the pipeline again";
                return Err(unfit(reason.to_owned()));
            }
        }
        Ok(Arc::new(Self { aggregates, ..self.clone() }))
    }

    fn make_version(&self, old: &dyn PlanNode, cx: &MakeContext<'_>) -> Result<Version, OperatorError> {
        new_guests(cx, &self.inputs[0].schema, &self.aggregates, old)
    }

    fn refuses_shadow(&self) -> Option<&'static str> {
        Some("the updates of aggregates cannot be compared row by row: swap it, and roll it back if it is worse")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_of_an_updating_stream_reads_columns_and_no_event_times() {
        assert_eq!(check_reads(false, true), Ok(()));
        assert!(check_reads(true, true).unwrap_err().starts_with("the component reads event times"));
        assert!(check_reads(false, false).unwrap_err().contains("name one in columns"));
    }
}
