//! What the rows of a stream do to the rows before them, as a whole. The kind of each row is in [`crate::batch::RowKinds`]; nothing here
//! changes a row.

use std::fmt;

/// What the rows of a stream do to the rows before them.
///
/// The terms, and the rule that a step declares them before it runs, are those of changelogs in Flink's SQL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChangelogMode {
    /// Nothing: every row is new.
    #[default]
    InsertOnly,
    /// A row takes the place of the one with its key, or deletes it.
    Upsert,
    /// Rows are taken back before others take their place. A row that is taken back equals, in all columns, one that came before.
    Retract,
}

impl ChangelogMode {
    /// For steps that would count updates as new rows.
    pub const INSERTS: &[Self] = &[Self::InsertOnly];
    /// For steps that can take back what they made of a row.
    pub const RETRACTIONS: &[Self] = &[Self::InsertOnly, Self::Retract];
    /// For steps that hand on rows with their kinds.
    pub const ALL: &[Self] = &[Self::InsertOnly, Self::Upsert, Self::Retract];
}

impl fmt::Display for ChangelogMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InsertOnly => "inserts only",
            Self::Upsert => "updates by key",
            Self::Retract => "updates that take rows back",
        })
    }
}

/// How a sink that knows only inserts writes the rows of an updating stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangelogEncoding {
    /// Each row with its kind, in a column [`ROW_KIND`] ahead of the others: `+I`, `-U`, `+U` or `-D`.
    Kinds,
    /// The envelope of Debezium: `before`, `after` and `op`. An update is a `d` with what was, and a `c` with what is, as
    /// Flink writes it, so that nothing depends on how rows come in batches.
    Debezium,
}

/// What a pipeline says of how a sink writes an updating stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SinkChangelog {
    /// Every change, as a row.
    Encoded(ChangelogEncoding),
    /// The newest row of each key, in the place of the one before it.
    Upsert,
}

/// The key by which a sink writes only the newest rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpsertKey {
    /// The columns of the sink's rows that make it up, in their order in the key.
    pub columns: Vec<usize>,
    /// Whether rows take the place of those with their key, and of a [`Delete`](crate::batch::RowKind::Delete) only the key counts; else each
    /// row that is taken back equals one that came.
    pub by_key: bool,
}

/// The column with a row's kind in [`ChangelogEncoding::Kinds`].
pub const ROW_KIND: &str = "row_kind";
