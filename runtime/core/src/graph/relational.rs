//! `[filters.NAME]` and `[selects.NAME]` as their author wrote them: expressions are text here, and the engine, which knows the columns,
//! parses them.

use super::{OnError, Spanned};

/// `[filters.NAME]`
#[derive(Clone, Debug)]
pub struct FilterNode {
    /// The condition of rows that are kept, an SQL expression.
    pub condition: Spanned<String>,
    /// What happens to rows that the condition cannot be evaluated for.
    pub on_error: OnError,
}

/// `[selects.NAME]`
#[derive(Clone, Debug)]
pub struct SelectNode {
    /// Which columns go out.
    pub columns: SelectedColumns,
    /// What happens to rows that an expression cannot be evaluated for.
    pub on_error: OnError,
}

/// Which columns of a `[selects.NAME]` go out.
#[derive(Clone, Debug)]
pub enum SelectedColumns {
    /// These columns of the input, or fields of them such as `latency.p95`, in this order.
    Listed(Vec<Spanned<String>>),
    /// These, in this order: each a name and an SQL expression.
    Computed(Vec<(Spanned<String>, Spanned<String>)>),
    /// Those of the input, with changes.
    Changed {
        /// Columns that are added, or take the place of those with their name.
        add: Vec<(Spanned<String>, Spanned<String>)>,
        /// New names, and the columns that get them.
        rename: Vec<(Spanned<String>, Spanned<String>)>,
        /// Columns that do not go out.
        drop: Vec<Spanned<String>>,
    },
}
