//! Rows and values as text, for messages to people. Nothing reads it back.

use arrow::array::{ArrayRef, RecordBatch};
use arrow::util::display::{ArrayFormatter, FormatOptions};

/// A row as text, for a message.
pub(crate) fn row_text(rows: &RecordBatch, row: usize) -> String {
    let schema = rows.schema();
    let cells = schema.fields().iter().zip(rows.columns());
    let cells: Vec<String> = cells.map(|(f, c)| format!("{}: {}", f.name(), cell_text(c, row))).collect();
    format!("{{{}}}", cells.join(", "))
}

/// A value as text.
pub(crate) fn cell_text(column: &ArrayRef, row: usize) -> String {
    let options = FormatOptions::default().with_null("null");
    ArrayFormatter::try_new(column.as_ref(), &options).map_or_else(|e| e.to_string(), |f| f.value(row).to_string())
}
