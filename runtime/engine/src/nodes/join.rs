//! Joins: what one is made of, and which operator runs it. Never decides where it runs or what feeds it.
//!
//! Rows of both sides wait in columns, by key, until the watermark says that nothing can match them any more. A row that comes is
//! held against all rows of its key on the other side at once, a batch at a time: a table of keys gives slots, the slots give rows,
//! and the columns of all pairs are put together in one go.
//!
//! | module | holds |
//! |---|---|
//! | `plan`, `columns` | what a join is to the planner; its output columns |
//! | `join_rows`, `join_progress` | the columns of a batch that a join reads; rows that are late |
//! | `join_table` | the rows of both sides by key, and finding pairs |
//! | `semi_join` | the same where rows of one side only must know whether there are others |
//! | `joined_rows` | making output rows |
//! | `interval_join`, `window_join`, `session_join`, `regular_join` | the operators |
//! | `temporal_join`, `versions` | the operator that joins rows with the version that counts at their time; those versions |
//! | `lookup_join` | the operator that joins rows with those that are there when they come |
//! | `rounds`, `upserts` | rows of updating streams, in the order in which they must be taken |
//! | `join_state` | what snapshots hold |

mod columns;
mod interval_join;
mod join_progress;
mod join_rows;
mod join_state;
mod join_table;
mod joined_rows;
mod lookup_join;
pub(crate) mod plan;
mod regular_join;
mod rounds;
mod semi_join;
mod session_join;
mod temporal_join;
mod upserts;
mod versions;
mod window_join;

use arrow::array::UInt32Array;
use arrow::datatypes::{FieldRef, SchemaRef};
use weir_core::batch::StreamBatch;
use weir_core::graph::{JoinBounds, JoinType};
use weir_core::window::WindowAssigner;

use crate::dataflow::exchange::take_rows;
use crate::dataflow::metrics::Metrics;
use crate::dataflow::operator::{Operator, OperatorError, Outputs};
use interval_join::IntervalJoin;
use lookup_join::LookupJoin;
use regular_join::RegularJoin;
use session_join::SessionJoin;
use temporal_join::TemporalJoin;
use window_join::WindowJoin;

/// A join whose names are resolved to the columns that really come in.
#[derive(Clone)]
pub struct JoinSpec {
    /// Which rows go out.
    pub join_type: JoinType,
    /// Which rows of a key belong together; checked.
    pub bounds: JoinBounds,
    /// The left and the right input.
    pub sides: [JoinSide; 2],
    /// Whether neither input takes rows back.
    pub are_inserts: bool,
    /// The output columns.
    pub columns: Vec<JoinColumn>,
    /// Their names and types.
    pub schema: SchemaRef,
    /// The job's `max_parallelism`, by which state is cut.
    pub key_groups: u32,
    /// Rows that are emitted at once at most.
    pub result_rows_max: usize,
    /// Where late rows are counted.
    pub metrics: Metrics,
}

/// One input of a join.
#[derive(Clone)]
pub struct JoinSide {
    /// The columns of its rows.
    pub input: SchemaRef,
    /// Those that must be equal to the other side's, in the same order on both sides.
    pub keys: Vec<usize>,
    /// Those that are kept: because they go out, or are of the key of updates.
    pub kept: Vec<usize>,
    /// Of a stream of updates by key: which of `kept` are that key. It has the columns of `keys`, and so a row and the one that it takes the
    /// place of come to the same subtask.
    pub upsert_key: Option<Vec<usize>>,
    /// Where rows go that came too late, whole; `None`: they are only counted.
    pub late_output: Option<usize>,
}

/// A column of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinColumn {
    /// A column of an input.
    Of {
        /// 0 is the left input.
        side: usize,
        /// Which of [`JoinSide::kept`].
        column: usize,
    },
    /// The first instant of the window.
    WindowStart,
    /// The first instant after the window.
    WindowEnd,
}

/// The operator of a join. Its outputs: the joined rows, and those that the spec names.
///
/// # Errors
/// [`OperatorError::State`] if a column cannot be a key.
pub fn join_operator(spec: JoinSpec) -> Result<Box<dyn Operator>, OperatorError> {
    Ok(match spec.bounds {
        JoinBounds::Interval { lower, upper } => Box::new(IntervalJoin::new(spec, lower, upper)?),
        JoinBounds::Regular { ttl } => Box::new(RegularJoin::new(spec, ttl)?),
        JoinBounds::Window(WindowAssigner::Session { gap }) => Box::new(SessionJoin::new(spec, gap)?),
        JoinBounds::AsOfNow => Box::new(LookupJoin::new(spec)?),
        JoinBounds::AsOfEventTime { ttl } => Box::new(TemporalJoin::new(spec, ttl)?),
        JoinBounds::Window(window) => Box::new(WindowJoin::new(spec, window)?),
    })
}

impl JoinSpec {
    /// Hands rows that came too late to their output.
    fn emit_late(
        &self,
        side: usize,
        batch: &StreamBatch,
        rows: Vec<u32>,
        out: &mut Outputs,
    ) -> Result<(), OperatorError> {
        if let Some(output) = self.sides[side].late_output.filter(|_| !rows.is_empty()) {
            out.emit(output, take_rows(batch, &UInt32Array::from(rows))?);
        }
        Ok(())
    }

    /// Whether rows without a key that could match are kept: they go out unmatched.
    fn keeps_unmatched(&self, side: usize) -> bool {
        self.join_type.keeps_unmatched(side)
    }

    /// The key columns, as the left input names them.
    fn key_fields(&self) -> Vec<FieldRef> {
        self.sides[0].keys.iter().map(|key| self.sides[0].input.fields()[*key].clone()).collect()
    }

    /// The columns that are kept of a side.
    fn kept_fields(&self, side: usize) -> Vec<FieldRef> {
        let side = &self.sides[side];
        side.kept.iter().map(|column| side.input.fields()[*column].clone()).collect()
    }
}
