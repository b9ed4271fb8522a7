//! `[filters.NAME]` and `[selects.NAME]` as their author wrote them: expressions are text here, and the engine, which knows the columns,
//! parses them.

use super::{OnError, Span, Spanned};

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
    /// These, in this order; of one with a name of its own the text is an SQL expression.
    Listed(Vec<ListedColumn>),
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

/// A column in a list of columns.
#[derive(Clone, Debug)]
pub struct ListedColumn {
    /// What it is called there; `None`: as the column, or the field, that it is.
    pub name: Option<Spanned<String>>,
    /// A column of the input, or a field of one such as `latency.p95`.
    pub of: Spanned<String>,
}

impl ListedColumn {
    /// Where its name is written.
    #[must_use]
    pub fn name_span(&self) -> &Option<Span> {
        &self.name.as_ref().unwrap_or(&self.of).span
    }
}
