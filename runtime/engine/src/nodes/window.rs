//! Windows: what one is made of, and which operator runs it. Never decides where it runs or what feeds it.
//!
//! | module | holds |
//! |---|---|
//! | `aggregate` | accumulators of groups: ours by families, and those of components |
//! | `aggregate_set` | the aggregates of one window together |
//! | `group_table` | keys with their accumulators |
//! | `window_rows` | the columns of a batch that a window reads |
//! | `panes`, `pane_runs` | the arithmetic of panes; cutting batches by it |
//! | `pane_store`, `pane_blocks` | the panes that hold rows; many of them merged ahead |
//! | `pane_windows` | tumbling and sliding windows |
//! | `firing`, `emitted_keys` | emitting, part by part, the windows that a watermark has completed; how far single keys are |
//! | `refiring` | late rows that make windows fire again |
//! | `session_list`, `sessions` | the sessions of a key; of all keys |
//! | `session_windows` | session windows |
//! | `general`, `general_plan` | windows of every other kind, and with triggers; what the planner must know of them |
//! | `combine`, `combine_sessions` | aggregating ahead of the exchange |
//! | `refused_rows` | rows that components refuse one by one |
//! | `plan`, `planned_aggregate` | what a window, and one of its aggregates, is to the planner |
//! | `bound_aggregates`, `replaceable_aggregates` | aggregates with the components that run; replacing those |
//! | `entry` | what the general operator knows of one window |
//! | `late_count` | late rows, counted over restarts |
//! | `results` | making output rows |
//! | `window_state` | what snapshots hold |
//! | `frozen_groups` | the groups of a table as rows of a snapshot |

pub(in crate::nodes) mod aggregate;
pub(in crate::nodes) mod aggregate_set;
pub(in crate::nodes) mod bound_aggregates;
mod combine;
mod combine_sessions;
mod emitted_keys;
mod entry;
mod firing;
mod frozen_groups;
mod general;
mod general_plan;
pub(in crate::nodes) mod group_table;
pub(crate) mod instance_aggregate;
pub(in crate::nodes) mod late_count;
mod pane_blocks;
pub(in crate::nodes) mod pane_runs;
mod pane_store;
mod pane_windows;
pub(in crate::nodes) mod panes;
pub(crate) mod plan;
pub(in crate::nodes) mod planned_aggregate;
mod refiring;
pub(in crate::nodes) mod refused_rows;
pub(in crate::nodes) mod replaceable_aggregates;
mod results;
mod session_list;
mod session_windows;
mod sessions;
pub(in crate::nodes) mod window_rows;
pub(in crate::nodes) mod window_state;

use std::sync::Arc;

use arrow::array::UInt32Array;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};
use weir_core::batch::StreamBatch;
use weir_core::graph::{AggregateFunction, OnError};
use weir_core::window::{WindowAssigner, WindowRules};

use crate::dataflow::exchange::take_rows;
use crate::dataflow::metrics::Metrics;
use crate::dataflow::operator::{Operator, OperatorError, Outputs};
use crate::nodes::dead_letter::{DeadLetters, Letters};
use aggregate_set::AggregateSet;
use combine::CombineOperator;
use combine_sessions::CombineSessions;
use general::GeneralWindows;
use pane_windows::PaneWindows;
use results::pane_fields;
use session_windows::SessionWindows;

pub use aggregate::aggregate_type;
pub use aggregate::component::{ComponentAggregate, SharedComponent};
pub use results::RESULT_ROWS_MAX;

/// The column with the first instant of a result's window.
pub const WINDOW_START: &str = "window_start";
/// The column with the first instant after a result's window.
pub const WINDOW_END: &str = "window_end";

/// A window whose names are resolved to the columns that really come in.
#[derive(Clone)]
pub struct WindowSpec {
    /// The columns of the rows before any aggregation.
    pub input: SchemaRef,
    /// Which of them rows are grouped by; empty: one group.
    pub key_columns: Vec<usize>,
    /// How rows are assigned to windows; checked.
    pub window: WindowAssigner,
    /// How windows fire; `None`: once at their end, and once per late row.
    pub rules: Option<Arc<BoundRules>>,
    /// The result's columns after the key columns, `window_start` and `window_end`.
    pub aggregates: Vec<BoundAggregate>,
    /// How long after its end a window still takes rows, microseconds.
    pub allowed_lateness_us: i64,
    /// Where rows go that came too late, whole; `None`: they are only counted.
    pub late_output: Option<usize>,
    /// What happens to rows that a component cannot take.
    pub on_error: OnError,
    /// Where they go if `on_error` says so: the row's columns and the reason.
    pub dead_letter_output: usize,
    /// The job's `max_parallelism`, by which state is cut.
    pub key_groups: u32,
    /// Which columns of [`output_schema`]'s full result are made, ascending; `None`: all.
    pub projection: Option<Vec<usize>>,
    /// Whether the rows come from the [`combine_operator`] of the same spec.
    pub partials: bool,
    /// Results that are emitted at once at most; [`RESULT_ROWS_MAX`], but for tests.
    pub result_rows_max: usize,
    /// Where late and failed rows are counted.
    pub metrics: Metrics,
}

/// How windows fire, and the columns that this depends on.
#[derive(Clone, Debug, Default)]
pub struct BoundRules {
    /// When, and what a firing does.
    pub rules: WindowRules,
    /// The column with the gap of each row, integers or a duration, and the microseconds of one of its units.
    pub gap: Option<(usize, i64)>,
    /// The column that an evictor compares.
    pub delta: Option<usize>,
}

/// One aggregate and the columns that it reads.
#[derive(Clone)]
pub struct BoundAggregate {
    /// Its column in the result.
    pub name: String,
    /// What computes it.
    pub kind: AggregateKind,
}

impl BoundAggregate {
    /// The columns that it reads.
    pub(in crate::nodes) fn columns(&self) -> &[usize] {
        let (AggregateKind::Builtin { columns, .. } | AggregateKind::Component { columns, .. }) = &self.kind;
        columns
    }
}

/// What computes an aggregate.
#[derive(Clone)]
pub enum AggregateKind {
    /// One of ours.
    Builtin {
        /// Which one.
        function: AggregateFunction,
        /// Of which columns: what it goes by comes second, where it goes by one. A count of rows has none.
        columns: Vec<usize>,
    },
    /// A component's.
    Component {
        /// The component, shared by all groups of the operator.
        aggregate: SharedComponent,
        /// The columns that it reads.
        columns: Vec<usize>,
        /// Whether the first of these is none of the component's, but null in rows that it does not get.
        is_filtered: bool,
    },
}

/// The operator of a window. Its outputs: the results, and those that the spec names.
///
/// # Errors
/// [`OperatorError::Call`] if an aggregate does not take its column's type, [`OperatorError::State`] if a column cannot be a key.
pub fn window_operator(spec: WindowSpec) -> Result<Box<dyn Operator>, OperatorError> {
    if spec.rules.is_some() || !spec.window.is_plain() {
        let bound = spec.rules.clone().unwrap_or_default();
        return Ok(Box::new(GeneralWindows::new(spec, bound)?));
    }
    Ok(match spec.window {
        WindowAssigner::Session { gap } => Box::new(SessionWindows::new(spec, gap)?),
        _ => Box::new(PaneWindows::new(spec)?),
    })
}

/// Whether a window's rows can be aggregated ahead of its exchange: if nobody asks for the rows themselves again, because they come
/// late, or fail.
#[must_use]
pub fn can_combine(asks: CombineQuestion) -> bool {
    let CombineQuestion { window, has_rules, has_component, allows_lateness, reads_late, reads_dead_letters } = asks;
    // A session of which a row is refused is another session.
    let may_refuse = has_component && (reads_dead_letters || matches!(window, WindowAssigner::Session { .. }));
    window.is_plain() && !has_rules && !allows_lateness && !reads_late && !may_refuse
}

/// What [`can_combine`] depends on.
#[derive(Clone, Copy, Debug)]
pub struct CombineQuestion {
    /// How rows are assigned.
    pub window: WindowAssigner,
    /// Whether windows fire by rules of their own.
    pub has_rules: bool,
    /// Whether any aggregate is a component's.
    pub has_component: bool,
    /// Whether windows take rows after they have fired.
    pub allows_lateness: bool,
    /// Whether the output with late rows is read.
    pub reads_late: bool,
    /// Whether the output with rows that failed is read.
    pub reads_dead_letters: bool,
}

/// The operator that aggregates a window's rows ahead of its exchange, and the columns that it makes, the key columns first; the
/// window at the other end has the same spec with `partials`. `None` if the window needs the rows themselves.
///
/// # Errors
/// As [`window_operator`].
pub fn combine_operator(spec: &WindowSpec) -> Result<Option<Combine>, OperatorError> {
    let asks = CombineQuestion {
        window: spec.window,
        has_rules: spec.rules.is_some(),
        has_component: spec.aggregates.iter().any(|a| matches!(a.kind, AggregateKind::Component { .. })),
        allows_lateness: spec.allowed_lateness_us > 0,
        reads_late: spec.late_output.is_some(),
        reads_dead_letters: spec.on_error == OnError::DeadLetter,
    };
    if !can_combine(asks) {
        return Ok(None);
    }
    Ok(Some(match spec.window {
        WindowAssigner::Session { gap } => {
            let operator = CombineSessions::new(spec, gap)?;
            let schema = operator.schema();
            (Box::new(operator), schema)
        }
        _ => {
            let operator = CombineOperator::new(spec)?;
            let schema = operator.schema();
            (Box::new(operator), schema)
        }
    }))
}

/// An operator, and the columns that it makes.
pub type Combine = (Box<dyn Operator>, SchemaRef);

/// The columns of a window's results, with the projection applied.
///
/// # Errors
/// As [`window_operator`].
pub fn output_schema(spec: &WindowSpec) -> Result<SchemaRef, OperatorError> {
    let full = spec.full_output(&AggregateSet::new(spec)?);
    Ok(match &spec.projection {
        Some(columns) => Arc::new(full.project(columns)?),
        None => full,
    })
}

impl WindowSpec {
    /// Rows of its input, or results that do not fit their type.
    fn dead_letters(&self) -> DeadLetters {
        DeadLetters::new(self.on_error, self.dead_letter_output, self.metrics.clone(), Letters::OfKeys)
    }

    /// Hands rows that came too late to their output.
    fn emit_late(&self, batch: &StreamBatch, rows: Vec<u32>, out: &mut Outputs) -> Result<(), OperatorError> {
        if let Some(output) = self.late_output.filter(|_| !rows.is_empty()) {
            out.emit(output, take_rows(batch, &UInt32Array::from(rows))?);
        }
        Ok(())
    }

    fn key_fields(&self) -> Vec<FieldRef> {
        self.key_columns.iter().map(|k| self.input.fields()[*k].clone()).collect()
    }

    fn full_output(&self, aggregates: &AggregateSet) -> SchemaRef {
        let results = self.aggregates.iter().zip(aggregates.output_fields());
        let results = results.map(|(aggregate, field)| Arc::new(field.as_ref().clone().with_name(&aggregate.name)));
        let before = fields_before_results(self.key_fields(), self.window.is_bounded());
        let panes = self.rules.as_ref().map(|bound| pane_fields(&bound.rules.pane)).unwrap_or_default();
        Arc::new(Schema::new(before.into_iter().chain(results).chain(panes).collect::<Vec<_>>()))
    }
}

/// The columns of a window's output before those of its aggregates: the key columns and the bounds, null if there are none.
pub(in crate::nodes) fn fields_before_results(keys: Vec<FieldRef>, is_bounded: bool) -> Vec<FieldRef> {
    let bound_type = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let bound = |name| Arc::new(Field::new(name, bound_type.clone(), !is_bounded));
    keys.into_iter().chain([bound(WINDOW_START), bound(WINDOW_END)]).collect()
}
