//! `[joins.NAME]`, to the planner.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::Schema;
use weir_core::graph::{JoinBounds, JoinNode, JoinType, MAIN_OUTPUT, Node, NodeKind};

use super::columns::{Made, keys, made};
use super::{JoinColumn, JoinSide, JoinSpec, join_operator};
use crate::dataflow::operator::Operator;
use crate::error::OperatorError;
use crate::nodes::window::RESULT_ROWS_MAX;
use crate::plan::error::{CheckError, CheckErrors};
use crate::plan::node::{
    ChangelogMode, Distribution, InputPort, MakeContext, MakeError, OutputPort, OutputRole, PlanContext, PlanNode,
    PortInput, StepKind,
};

/// The section `joins`.
pub(crate) struct JoinsKind;

struct JoinStep {
    spec: JoinNode,
    keys: [Vec<usize>; 2],
    /// Of sides that are updates by key: that key.
    upsert_keys: [Option<Vec<usize>>; 2],
    are_inserts: bool,
    made: Vec<Made>,
    inputs: [InputPort; 2],
    outputs: [OutputPort; 3],
    parallelism: usize,
}

impl StepKind for JoinsKind {
    fn section(&self) -> &'static str {
        "joins"
    }

    fn plan(&self, cx: &PlanContext<'_>, node: &Node, inputs: &[PortInput]) -> Result<Arc<dyn PlanNode>, CheckErrors> {
        let (NodeKind::Join(spec), [left, right]) = (&node.kind, inputs) else {
            return Err(CheckError::at(&node.span, "a join has two inputs").into());
        };
        let (keys, made) = CheckErrors::both(keys(spec, [left, right]), made(cx.graph, node, spec, [left, right]))?;
        let (made, fields): (Vec<Made>, Vec<_>) = made.into_iter().unzip();
        let upsert_keys =
            CheckErrors::both(upsert_key(node, spec, 0, left, &keys), upsert_key(node, spec, 1, right, &keys))?;
        let is_regular = matches!(spec.bounds, JoinBounds::Regular { .. });
        let is_as_of = matches!(spec.bounds, JoinBounds::AsOfEventTime { .. } | JoinBounds::AsOfNow);
        if matches!(spec.bounds, JoinBounds::AsOfEventTime { .. }) {
            one_row_per_key(node, spec, right, &keys[1])?;
        }
        let port = |side: usize| {
            let distribution = Distribution::Hash(keys[side].clone());
            let takes = match is_regular || is_as_of && side == 1 {
                true => ChangelogMode::ALL,
                false => ChangelogMode::INSERTS,
            };
            let name = inputs[side].name.clone();
            let is_looked_up = spec.bounds == JoinBounds::AsOfNow && side == 1;
            InputPort { name, takes, is_looked_up, ..InputPort::only(inputs[side].schema.clone(), distribution) }
        };
        let late = |side: usize| {
            let schema = inputs[side].schema.clone();
            let port = OutputPort::new(&spec.late_output(side), schema, OutputRole::WholeRows);
            OutputPort { changelog: inputs[side].changelog, key: inputs[side].key.clone(), ..port }
        };
        let are_inserts = inputs.iter().all(|input| input.changelog == ChangelogMode::InsertOnly);
        // Where a match comes for a row that went out alone, that is taken back.
        let never_takes_back = are_inserts && matches!(spec.join_type.value, JoinType::Inner | JoinType::Semi);
        let changelog = match is_regular && !never_takes_back {
            true => ChangelogMode::Retract,
            false => ChangelogMode::InsertOnly,
        };
        let main = OutputPort::new(MAIN_OUTPUT, Arc::new(Schema::new(fields)), OutputRole::Made);
        let main = OutputPort { changelog, ..main };
        Ok(Arc::new(JoinStep {
            inputs: [port(0), port(1)],
            outputs: [main, late(0), late(1)],
            spec: spec.clone(),
            keys,
            upsert_keys: upsert_keys.into(),
            are_inserts,
            made,
            parallelism: cx.graph.parallelism,
        }))
    }
}

/// Refuses a table of versions that may have several rows of one key at a time.
fn one_row_per_key(node: &Node, spec: &JoinNode, right: &PortInput, on: &[usize]) -> Result<(), CheckErrors> {
    let key = right.key.as_deref();
    let is_one = match right.changelog {
        ChangelogMode::InsertOnly => true,
        ChangelogMode::Retract => key.is_some_and(|key| key.iter().all(|column| on.contains(column))),
        // A row with another key in `on` would not end the one that it takes the place of.
        ChangelogMode::Upsert => key.is_some_and(|key| {
            key.iter().all(|column| on.contains(column)) && on.iter().all(|column| key.contains(column))
        }),
    };
    if is_one {
        return Ok(());
    }
    let names = |columns: &[usize]| {
        let names: Vec<String> =
            columns.iter().map(|column| format!("{:?}", right.schema.field(*column).name())).collect();
        names.join(", ")
    };
    let (name, on_names) = (&spec.ports[1].value, names(on));
    let message = match key {
        Some(key) => {
            let key = names(key);
            format!("{name:?} has one row for each value of {key}, and the join is on {on_names}: it must be on {key}")
        }
        None => format!(
            "{name:?} takes rows back, and it is not known that it has one row for each value of {on_names}: put an \
             [aggregates.NAME] with key-by = [{on_names}] before the join, or say key = [{on_names}] in [changelogs.NAME]"
        ),
    };
    let span = spec.on.first().map_or(&node.span, |(_, right)| &right.span);
    Err(CheckError::at(span, message).into())
}

/// The key of a side that is updates by key, all of which come to the subtask where the row is that they take the place of.
fn upsert_key(
    node: &Node,
    spec: &JoinNode,
    side: usize,
    input: &PortInput,
    keys: &[Vec<usize>; 2],
) -> Result<Option<Vec<usize>>, CheckErrors> {
    if input.changelog != ChangelogMode::Upsert
        || !matches!(spec.bounds, JoinBounds::Regular { .. } | JoinBounds::AsOfNow)
    {
        return Ok(None);
    }
    let key = input.key.clone().unwrap_or_default();
    let Some(other) = keys[side].iter().position(|column| !key.contains(column)) else { return Ok(Some(key)) };
    let name = |column: usize| format!("{:?}", input.schema.field(column).name());
    let names: Vec<String> = key.iter().map(|column| name(*column)).collect();
    let pair = spec.on.get(other).map(|pair| if side == 0 { &pair.0 } else { &pair.1 });
    let message = format!(
        "{:?} is of updates by key, which may give a row another {}: put a [dedup.NAME] with keep = \"last\" and key-by = [{}] before the join",
        spec.ports[side].value,
        name(keys[side][other]),
        names.join(", ")
    );
    Err(CheckError::at(pair.map_or(&node.span, |pair| &pair.span), message).into())
}

impl JoinStep {
    /// The columns of a side that are kept: those that are read of the main output, and the key of updates.
    fn kept(&self, side: usize, read: impl Fn(usize) -> bool) -> BTreeSet<usize> {
        let column = |(at, made): (usize, &Made)| match made {
            Made::Of { side: of, column } if *of == side && read(at) => Some(*column),
            Made::Of { .. } | Made::WindowStart | Made::WindowEnd => None,
        };
        let of_key = self.upsert_keys[side].iter().flatten().copied();
        self.made.iter().enumerate().filter_map(column).chain(of_key).collect()
    }

    /// The join for the columns that really come in.
    fn bind(&self, cx: &MakeContext<'_>) -> Result<JoinSpec, OperatorError> {
        let read = cx.columns.outputs.first().and_then(Option::as_deref).unwrap_or_default();
        let kept = [0, 1].map(|side| self.kept(side, |at| read.contains(&at)).into_iter().collect::<Vec<_>>());
        let mut sides = Vec::with_capacity(2);
        for (side, kept) in kept.iter().enumerate() {
            let came = cx.columns.inputs.get(side).map_or(&[][..], Vec::as_slice);
            let late = side + 1;
            let place = |column: &usize| kept.iter().position(|kept| kept == column);
            sides.push(JoinSide {
                upsert_key: self.upsert_keys[side].as_ref().map(|key| key.iter().filter_map(place).collect()),
                input: Arc::new(self.inputs[side].schema.project(came)?),
                keys: cx.columns.positions(side, &self.keys[side]),
                kept: cx.columns.positions(side, kept),
                late_output: cx.columns.is_read(late).then_some(late),
            });
        }
        let column = |at: &usize| match self.made[*at] {
            Made::Of { side, column } => {
                let column = kept[side].iter().position(|kept| *kept == column).unwrap_or_default();
                JoinColumn::Of { side, column }
            }
            Made::WindowStart => JoinColumn::WindowStart,
            Made::WindowEnd => JoinColumn::WindowEnd,
        };
        let sides = <[JoinSide; 2]>::try_from(sides).map_err(|_| OperatorError::Version)?;
        Ok(JoinSpec {
            join_type: self.spec.join_type.value,
            bounds: self.spec.bounds,
            sides,
            are_inserts: self.are_inserts,
            columns: read.iter().map(column).collect(),
            schema: Arc::new(self.outputs[0].schema.project(read)?),
            key_groups: cx.key_groups,
            result_rows_max: RESULT_ROWS_MAX,
            metrics: cx.metrics.clone(),
        })
    }
}

impl PlanNode for JoinStep {
    fn kind(&self) -> &'static str {
        "join"
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
        let read = read.first().and_then(Option::as_ref);
        let needs = |side: usize| {
            let mut needs = self.kept(side, |at| read.is_some_and(|read| read.contains(&at)));
            needs.extend(&self.keys[side]);
            needs.into_iter().collect()
        };
        vec![needs(0), needs(1)]
    }

    fn advice_on_updates(&self) -> Option<&'static str> {
        Some(match self.spec.bounds {
            JoinBounds::AsOfEventTime { .. } | JoinBounds::AsOfNow => {
                "of a join with as-of only the right input may be updates; a join with a ttl takes them on both sides"
            }
            _ => "a join with a ttl, instead of an interval or a window, takes updates",
        })
    }

    fn make(&self, cx: &MakeContext<'_>) -> Result<Option<Box<dyn Operator>>, MakeError> {
        Ok(Some(join_operator(self.bind(cx)?)?))
    }
}
