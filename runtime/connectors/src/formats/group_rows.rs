//! What the formats with groups of rows have in common. Reads nothing.

use arrow::array::RecordBatch;

/// Bytes of a file's footer at most: what it says is in memory as a whole, and may be many times as large.
pub(crate) const FOOTER_BYTES_MAX: u64 = 16 << 20;

/// The rows of one group, from one on.
pub(crate) trait GroupRows: Send {
    /// The next rows, in the types that the format has them in; at most `rows_max`, if the format can be read by so many.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    fn next(&mut self, rows_max: usize) -> Result<Option<RecordBatch>, String>;
}
