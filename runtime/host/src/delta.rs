//! What a call changes, checked. Never applied here: committing is the caller's.

use std::sync::Arc;

use arrow::array::{ArrayRef, UInt32Array};
use arrow::buffer::{BooleanBuffer, ScalarBuffer};
use arrow::compute::{TakeOptions, take};
use arrow::error::ArrowError;

use crate::call::{States, Timers};

/// Which input rows (or keys) are meant. Indices are in range for the call that it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Every one, once, in order.
    All,
    /// None.
    None,
    /// These, in this order; for rows an index may repeat or be missing.
    Rows(ScalarBuffer<u32>),
}

impl Selection {
    /// How many are selected of `of`.
    #[must_use]
    pub fn len(&self, of: usize) -> usize {
        match self {
            Self::All => of,
            Self::None => 0,
            Self::Rows(indices) => indices.len(),
        }
    }

    /// The selected values of a column, as long as the call had rows. `All` shares the column.
    ///
    /// # Errors
    /// If the column's type cannot be selected from.
    pub fn take(&self, column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
        match self {
            Self::All => Ok(Arc::clone(column)),
            Self::None => Ok(column.slice(0, 0)),
            Self::Rows(indices) => {
                let indices = UInt32Array::new(indices.clone(), None);
                take(column.as_ref(), &indices, Some(TakeOptions { check_bounds: false }))
            }
        }
    }

    /// The selected ones of plain values.
    #[must_use]
    pub fn take_times(&self, times: &ScalarBuffer<i64>) -> ScalarBuffer<i64> {
        match self {
            Self::All => times.clone(),
            Self::None => times.slice(0, 0),
            Self::Rows(indices) => indices.iter().map(|&i| times[i as usize]).collect(),
        }
    }
}

/// What one output gets of one call.
#[derive(Clone, Debug)]
pub struct Delta {
    /// The input rows that the output rows come from.
    pub selection: Selection,
    /// The computed columns of the output, one entry per output row; their types are those of the plan.
    pub computed: Vec<ArrayRef>,
    /// Microseconds since the epoch, one per output row; `None`: those of the rows they come from.
    pub event_times: Option<ScalarBuffer<i64>>,
}

/// A row (or timer) that the operator refuses. Nothing of it is in the rest of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedRow {
    /// Its index in the call.
    pub row: usize,
    /// Why, in the operator's words.
    pub reason: String,
}

/// What one call of a transform gives.
#[derive(Clone, Debug)]
pub struct TransformDelta {
    /// One per output, in the order of the plan.
    pub outputs: Vec<Delta>,
    /// Refused rows in ascending order, each once; no output has a row that comes from one of them.
    pub rejected: Vec<RejectedRow>,
}

/// What one call of `accumulate` gives.
#[derive(Clone, Debug)]
pub struct Accumulated {
    /// The accumulator columns of all groups of the call; all are present. They are what they would be without the refused rows.
    pub accumulators: Vec<ArrayRef>,
    /// Refused rows in ascending order, each once.
    pub rejected: Vec<RejectedRow>,
}

/// What one call of a keyed operator changes.
#[derive(Clone, Debug)]
pub struct KeyedDelta {
    /// One per output, in the order of the plan. Selections are of the call's rows, or of its timers.
    pub outputs: Vec<Delta>,
    /// Refused rows (or timers) in ascending order, each once; no output has a row that comes from one of them.
    pub rejected: Vec<RejectedRow>,
    /// Which keys' states changed; each key at most once.
    pub changed: Selection,
    /// What they are now: one row per changed key; one that is not present is removed.
    pub states: States,
    /// Changes to maps, at most one entry per map.
    pub maps: Vec<MapChanges>,
    /// New timers, by the key indices of the call; registering twice is registering once.
    pub register: Vec<Timers>,
    /// Timers to forget, applied before `register`; those that do not exist are ignored.
    pub delete: Vec<Timers>,
}

/// Changes of one call to entries of one map.
#[derive(Clone, Debug)]
pub struct MapChanges {
    /// Which map, by its index in [`Plan::maps`](crate::Plan::maps).
    pub map: usize,
    /// The key of each change, an index into the keys of the call.
    pub keys: ScalarBuffer<u32>,
    /// The keys of the entries, one row per change. Of several changes to one entry the last counts.
    pub entry_keys: Vec<ArrayRef>,
    /// Whether each entry has these values now, or is removed; `None`: all have.
    pub present: Option<BooleanBuffer>,
    /// The values, one row per change; null where the entry is removed.
    pub values: Vec<ArrayRef>,
}
