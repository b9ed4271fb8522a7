//! A sink that is not given the rows that come, but those of the table that they describe: all of them at each checkpoint, or once, when the
//! stream has ended. It writes nothing itself.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use weir_core::batch::StreamBatch;
use weir_core::connector::{ConnectorError, TableRows};

use crate::dataflow::operator::{Operator, OperatorError, Outputs, Progress, Snapshot};
use crate::nodes::expressions::Evaluator;
use crate::nodes::row_table::{FrozenTable, RowTable};

/// When a sink is given the rows of its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Given {
    /// At checkpoints and at the end all of them, in the place of those before.
    AtCheckpoints,
    /// The same, but only at the end.
    WholeAtEnd,
    /// As they would have come, at the end.
    AtEnd,
}

/// What a sink writes of the rows that come in: columns that are made of them, if it is not those.
pub(super) type Written = Option<(Evaluator, SchemaRef)>;

/// Keeps the rows for a sink.
pub(super) struct SinkTable {
    rows: RowTable,
    given: Given,
    /// Columns in which no two rows may be alike, if it is not by them that rows take the place of others.
    unique: Option<Vec<usize>>,
    /// The schema of what its connector gets.
    taken: SchemaRef,
    /// Whether rows came since all were given.
    is_changed: bool,
    /// Whether its rows are final. Not in a snapshot: it is set again after a restore.
    is_final: bool,
}

impl SinkTable {
    pub(super) fn new(rows: RowTable, given: Given, unique: Option<Vec<usize>>, taken: SchemaRef) -> Self {
        // What a checkpoint has may not be what the file has.
        Self { rows, given, unique, taken, is_changed: true, is_final: false }
    }

    pub(super) fn take(&mut self, batch: &StreamBatch) -> Result<(), OperatorError> {
        self.is_changed |= !batch.is_empty();
        self.rows.take(batch)
    }

    /// Whether a sink takes all rows at once.
    pub(super) fn is_whole(&self) -> bool {
        self.given != Given::AtEnd
    }

    /// No rows come any more.
    pub(super) fn end(&mut self) {
        self.is_final = true;
    }

    /// The next rows for a sink that takes them as they come, when they are final; `None`: there are no more.
    pub(super) fn pop(&mut self) -> Result<Option<RecordBatch>, OperatorError> {
        if self.is_final && !self.is_whole() { self.rows.pop() } else { Ok(None) }
    }

    /// What it holds now, and what a sink that takes all rows at once is given of that.
    pub(super) fn freeze(&mut self, is_end: bool, written: &Arc<Written>) -> (Arc<FrozenTable>, Option<TableRows>) {
        let frozen = Arc::new(self.rows.freeze());
        let is_given = match self.given {
            Given::AtCheckpoints => self.is_changed,
            Given::WholeAtEnd => self.is_changed && is_end,
            Given::AtEnd => false,
        };
        if !is_given {
            return (frozen, None);
        }
        self.is_changed = false;
        let (rows, written, taken) = (Arc::clone(&frozen), Arc::clone(written), Arc::clone(&self.taken));
        let unique = self.unique.clone();
        let give: TableRows = Box::new(move |each| {
            let give = |rows: RecordBatch| {
                let rows = match &*written {
                    Some((columns, schema)) => {
                        let times = vec![0; rows.num_rows()];
                        columns.fields(StreamBatch::new(rows, times.into(), 0), schema)?.rows
                    }
                    // A null stands for nothing but the value of a row that is not there.
                    None => RecordBatch::try_new(Arc::clone(&taken), rows.columns().to_vec())?,
                };
                Ok(each(&rows)?)
            };
            rows.rows(unique.as_deref(), give).map_err(|error| match error {
                OperatorError::Connector(error) => error,
                error => ConnectorError::Data(error.to_string()),
            })
        });
        (frozen, Some(give))
    }

    pub(super) fn memory_bytes(&self) -> u64 {
        self.rows.memory_bytes()
    }
}

/// Takes the state of a sink.
///
/// # Errors
/// If there are rows of a table, and it keeps none, or one with other columns.
pub(super) fn restore(table: &mut Option<SinkTable>, snapshot: Snapshot) -> Result<(), OperatorError> {
    match table {
        Some(table) => table.rows.restore(snapshot.tables),
        None if snapshot.tables.is_empty() => Ok(()),
        None => Err(OperatorError::Restore(
            "the checkpoint has the rows of its table, and it keeps none now: set `changelog` and `mode` back"
                .to_owned(),
        )),
    }
}

/// A sink that is not opened: it can say whether it would take a state.
pub(super) struct Unopened(pub(super) Option<SinkTable>);

impl Operator for Unopened {
    fn process(&mut self, _: usize, _: StreamBatch, _: &mut Outputs) -> Result<Progress, OperatorError> {
        Err(OperatorError::Call("a writer is opened only by a subtask that starts".to_owned()))
    }

    fn restore(&mut self, snapshot: Snapshot) -> Result<(), OperatorError> {
        restore(&mut self.0, snapshot)
    }
}
