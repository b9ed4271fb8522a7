//! The aggregates of a step for the columns that come in, with instances of those that are components, and the same with another version of one.

use std::sync::{Arc, Mutex};

use arrow::datatypes::SchemaRef;
use weir_host::InputSchema;

use super::instance_aggregate::{AggregateGuest, InstanceAggregate, SharedInstance};
use super::planned_aggregate::{PlannedAggregate, PlannedAggregateKind};
use super::{AggregateKind, BoundAggregate};
use crate::error::OperatorError;
use crate::nodes::component::{check_outputs, instance};
use crate::nodes::filtered::Filters;
use crate::nodes::keyed::layout::{check_readable, is_same};
use crate::nodes::meter::Meter;
use crate::plan::node::{ComponentUse, MakeContext, PlanNode, ReplaceContext};
use crate::plan::refused_config::told;
use crate::replace::replaceable::Version;
use crate::replace::version::{NewVersion, SwapError};

/// Aggregates over the columns that really come in, and by aggregate its component. `input` are all columns of the step's input,
/// `filters` are placed already.
pub(in crate::nodes) fn bind(
    cx: &MakeContext<'_>,
    input: &SchemaRef,
    aggregates: &[PlannedAggregate],
    filters: &Filters,
) -> Result<(Vec<BoundAggregate>, Vec<Option<SharedInstance>>), OperatorError> {
    let own = cx.columns.inputs.first().map_or(0, Vec::len);
    let bound = |(index, aggregate): (usize, &PlannedAggregate)| {
        let columns = filters.columns(index, cx.columns.positions(0, &aggregate.columns), own);
        let shared = guest(cx, input, aggregate)?.map(|guest| Arc::new(Mutex::new(InstanceAggregate::new(guest))));
        let kind = match (&aggregate.kind, &shared) {
            (PlannedAggregateKind::Component { .. }, Some(shared)) => {
                let is_filtered = filters.is_of(index);
                AggregateKind::Component { aggregate: shared.clone(), columns, is_filtered }
            }
            (PlannedAggregateKind::Builtin(function), _) => {
                AggregateKind::Builtin { function: function.clone(), columns }
            }
            (PlannedAggregateKind::Component { .. }, None) => return Err(OperatorError::Version),
        };
        Ok((BoundAggregate { name: aggregate.name.clone(), kind }, shared))
    };
    aggregates.iter().enumerate().map(bound).collect()
}

fn guest(
    cx: &MakeContext<'_>,
    input: &SchemaRef,
    aggregate: &PlannedAggregate,
) -> Result<Option<AggregateGuest>, OperatorError> {
    let Some(of) = aggregate.component_use() else { return Ok(None) };
    let input = InputSchema::only(Arc::new(input.project(&aggregate.columns)?), Vec::new());
    let name = format!("{}.{}", cx.name, aggregate.name);
    let meter = Meter { metrics: cx.metrics.clone(), clock: cx.clock.clone() };
    let instance = meter.on(instance(&name, &of, input, cx.guest_log)?, of.limits);
    Ok(Some(AggregateGuest::new(of.component, of.config, instance)))
}

/// The aggregates with another version of one, if that takes the same columns, makes the same one and keeps the same accumulators.
pub(in crate::nodes) fn with_version(
    cx: &ReplaceContext<'_>,
    input: &SchemaRef,
    aggregates: &[PlannedAggregate],
    version: &NewVersion,
) -> Result<Vec<PlannedAggregate>, SwapError> {
    let unfit = |reason: String| SwapError::Unfit { operator: version.operator.clone(), reason };
    let mut aggregates = aggregates.to_vec();
    let Some(aggregate) = aggregates.iter_mut().find(|a| Some(a.name.as_str()) == cx.part) else {
        return Err(unfit("it runs no component".to_owned()));
    };
    let PlannedAggregateKind::Component { component, config, limits, reads_event_times } = &mut aggregate.kind else {
        return Err(unfit("it runs no component".to_owned()));
    };
    let (was, is) = (component.world(), version.component.world());
    if was != is {
        return Err(unfit(format!("the new component is a {is}, but the running one is a {was}")));
    }
    if component.version(config) == version.component.version(&version.config) && *limits == version.limits {
        return Err(SwapError::Same(version.operator.clone()));
    }
    if cx.probation.canary.is_some() {
        return Err(unfit("a new version of an aggregate gets all groups at once: swap without a canary".to_owned()));
    }
    let schema = input.project(&aggregate.columns).map_err(|e| unfit(e.to_string()))?;
    let inputs = [InputSchema::only(Arc::new(schema), Vec::new())];
    let old = component.describe(config, &inputs, limits).map_err(|e| unfit(e.to_string()))?;
    let new = version.component.describe(&version.config, &inputs, &version.limits).map_err(|e| unfit(told(&e).0))?;
    check_outputs(&old, &new).map_err(unfit)?;
    let is_same =
        |(old, new)| is_same(old, new) && check_readable(old, new).is_ok() && check_readable(new, old).is_ok();
    if !old.state.iter().zip(&new.state).all(is_same) {
        let reason = "it keeps accumulators of another layout, and nothing converts those that are there: give the aggregate another \
                      name, and deploy the pipeline again";
        return Err(unfit(reason.to_owned()));
    }
    (*component, *config, *limits) = (version.component.clone(), version.config.clone(), version.limits.clone());
    *reads_event_times = new.reads_event_times;
    Ok(aggregates)
}

/// By aggregate: the component, if `old` runs another version of it.
pub(in crate::nodes) fn new_guests(
    cx: &MakeContext<'_>,
    input: &SchemaRef,
    aggregates: &[PlannedAggregate],
    old: &dyn PlanNode,
) -> Result<Version, OperatorError> {
    let old = old.components();
    let is_same = |of: &ComponentUse<'_>, other: &ComponentUse<'_>| {
        of.name == other.name
            && of.component.version(of.config) == other.component.version(other.config)
            && of.limits == other.limits
    };
    let new = |aggregate: &PlannedAggregate| match aggregate.component_use() {
        Some(of) if !old.iter().any(|other| is_same(&of, other)) => guest(cx, input, aggregate),
        _ => Ok(None),
    };
    Ok(Version::new(aggregates.iter().map(new).collect::<Result<Vec<_>, OperatorError>>()?))
}
