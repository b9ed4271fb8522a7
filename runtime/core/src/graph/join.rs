//! `[joins.NAME]` as its author wrote it: which rows of two streams belong together, and until when they wait for each other. Which
//! columns there are, only the engine knows.

use super::{LATE_OUTPUT, ListedColumn, Spanned};
use crate::window::WindowAssigner;

/// `[joins.NAME]`
#[derive(Clone, Debug)]
pub struct JoinNode {
    /// What the file calls its inputs, the left one first.
    pub ports: [Spanned<String>; 2],
    /// Columns of the left and the right input that must have the same value, one pair or more.
    pub on: Vec<(Spanned<String>, Spanned<String>)>,
    /// Which rows go out.
    pub join_type: Spanned<JoinType>,
    /// Which rows of the same key belong together.
    pub bounds: JoinBounds,
    /// The output columns, each as `INPUT.COLUMN`; `None`: all.
    pub columns: Option<Vec<ListedColumn>>,
    /// Bytes of its state, over all subtasks.
    pub state_bytes: u64,
}

impl JoinNode {
    /// The side output that gets the rows of an input that came too late.
    #[must_use]
    pub fn late_output(&self, side: usize) -> String {
        format!("{LATE_OUTPUT}-{}", self.ports.get(side).map_or("", |port| &port.value))
    }
}

/// Which rows go out, beside those that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinType {
    /// None.
    Inner,
    /// Rows of the left input without a match, with nulls on the right.
    Left,
    /// The same the other way round.
    Right,
    /// Both.
    Full,
    /// Only rows of the left input that have a match, once, without columns of the right.
    Semi,
    /// Only rows of the left input that have none.
    Anti,
}

impl JoinType {
    /// Every type and its name.
    pub const NAMES: [(&'static str, Self); 6] = [
        ("inner", Self::Inner),
        ("left", Self::Left),
        ("right", Self::Right),
        ("full", Self::Full),
        ("semi", Self::Semi),
        ("anti", Self::Anti),
    ];

    /// Its name in pipeline files.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, of)| *of == self).map_or("", |(name, _)| name)
    }

    /// Whether rows of a side (0 is the left one) go out if they have no match.
    #[must_use]
    pub fn keeps_unmatched(self, side: usize) -> bool {
        match self {
            Self::Inner | Self::Semi => false,
            Self::Left | Self::Anti => side == 0,
            Self::Right => side == 1,
            Self::Full => true,
        }
    }

    /// Whether rows of the left input go out alone.
    #[must_use]
    pub fn is_left_alone(self) -> bool {
        matches!(self, Self::Semi | Self::Anti)
    }
}

/// Which rows of the same key belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinBounds {
    /// Those where the event time of the right row minus that of the left one is within these, microseconds, both included; `None`:
    /// there is no bound, and rows are kept for ever.
    Interval {
        /// The least.
        lower: Option<i64>,
        /// The greatest.
        upper: Option<i64>,
    },
    /// All.
    Regular {
        /// How long rows are kept in event time, microseconds; `None`: for ever.
        ttl: Option<i64>,
    },
    /// Those in the same window.
    Window(WindowAssigner),
    /// All right rows that are there when the left row comes.
    AsOfNow,
    /// Of the right rows, which are versions, the one that counts at the event time of the left row: the last one up to that time.
    AsOfEventTime {
        /// How long a version counts, microseconds; `None`: until there is another.
        ttl: Option<i64>,
    },
}
