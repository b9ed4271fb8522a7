//! One aggregate of a window, or of a step without one, to the planner: ours, or a component's.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use weir_core::graph::{AggregateFunction, AggregateSpec, Spanned};
use weir_core::limits::OperatorLimits;
use weir_host::{Component, InputSchema, World};

use super::aggregate_type;
use crate::nodes::component::load;
use crate::plan::error::{CheckError, CheckErrors, check_distinct, column};
use crate::plan::node::{ComponentUse, PlanContext};

/// One aggregate, with its columns found.
#[derive(Clone)]
pub(in crate::nodes) struct PlannedAggregate {
    pub(in crate::nodes) name: String,
    pub(in crate::nodes) columns: Vec<usize>,
    pub(in crate::nodes) kind: PlannedAggregateKind,
}

#[derive(Clone)]
pub(in crate::nodes) enum PlannedAggregateKind {
    Builtin(AggregateFunction),
    Component { component: Component, config: serde_json::Value, limits: OperatorLimits, reads_event_times: bool },
}

impl PlannedAggregate {
    /// The component, if it is one's.
    pub(in crate::nodes) fn component_use(&self) -> Option<ComponentUse<'_>> {
        match &self.kind {
            PlannedAggregateKind::Builtin(_) => None,
            PlannedAggregateKind::Component { component, config, limits, .. } => {
                Some(ComponentUse { name: Some(&self.name), component, config, limits })
            }
        }
    }
}

/// The columns that an aggregate of ours reads, and the type of its result.
pub(in crate::nodes) fn plan_builtin(
    name: &Spanned<String>,
    function: &AggregateFunction,
    of: &[Spanned<String>],
    input: &Schema,
) -> Result<(Vec<usize>, DataType), CheckErrors> {
    let columns = CheckErrors::all(of.iter().map(|name| column(input, name)))?;
    let types: Vec<&DataType> = columns.iter().map(|column| input.field(*column).data_type()).collect();
    let output = aggregate_type(function, &types)
        .map_err(|message| CheckError::at(of.first().map_or(&name.span, |column| &column.span), message))?;
    Ok((columns, output))
}

/// An aggregate over rows of an input, and its column of the result. `section` and `step` are where it is in the file.
pub(in crate::nodes) fn plan_aggregate(
    cx: &PlanContext<'_>,
    (section, step, name): (&str, &str, &Spanned<String>),
    spec: &AggregateSpec,
    input: &SchemaRef,
) -> Result<(PlannedAggregate, Field), CheckErrors> {
    match spec {
        AggregateSpec::Builtin { function, columns: of, .. } => {
            let (columns, output) = plan_builtin(name, function, of, input)?;
            let kind = PlannedAggregateKind::Builtin(function.clone());
            let aggregate = PlannedAggregate { name: name.value.clone(), columns, kind };
            Ok((aggregate, Field::new(&name.value, output, !function.is_never_null())))
        }
        AggregateSpec::Component { component: path, columns, config, limits, .. } => {
            let component = load(cx.host, path)?;
            let refuse = |message: String| CheckError::at(&path.span, message);
            if component.world() != World::Aggregate {
                return Err(refuse("this component is not an aggregate; use it under [operators]".to_owned()).into());
            }
            check_distinct(&cx.graph.text, "columns", columns)?;
            let columns = CheckErrors::all(columns.iter().map(|name| column(input, name)))?;
            let schema = Arc::new(input.project(&columns).map_err(|e| refuse(e.to_string()))?);
            let plan =
                component.describe(config, &[InputSchema::only(schema, Vec::new())], limits).map_err(|error| {
                    let table = [section, step, "aggregates", &name.value];
                    let (what, text) = ("the aggregate refuses this pipeline", &cx.graph.text);
                    CheckError::of_describe(text, &table, &path.span, what, (&error, config))
                })?;
            let output = plan.output_schema(0);
            let [only] = output.fields().as_ref() else {
                return Err(
                    refuse("an aggregate makes exactly one column; put several into a struct".to_owned()).into()
                );
            };
            let field = only.as_ref().clone().with_name(&name.value);
            let (config, limits) = (config.clone(), limits.clone());
            let reads_event_times = plan.reads_event_times;
            let kind = PlannedAggregateKind::Component { component, config, limits, reads_event_times };
            Ok((PlannedAggregate { name: name.value.clone(), columns, kind }, field))
        }
    }
}
