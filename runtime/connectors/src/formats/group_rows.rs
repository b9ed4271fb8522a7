//! What the formats with groups of rows have in common. Reads nothing.

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema};

use super::foreign_types::weir_type;

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

/// The same columns with text as views: what is shared by many rows stays shared while it is read.
pub(crate) fn with_views(schema: &Schema) -> Schema {
    let fields = schema.fields().iter().map(|field| {
        let data_type = match weir_type(field.data_type()) {
            Some(DataType::Utf8) => DataType::Utf8View,
            Some(DataType::Binary) if !is_of_fixed_size(field.data_type()) => DataType::BinaryView,
            _ => field.data_type().clone(),
        };
        Field::clone(field).with_data_type(data_type)
    });
    Schema::new(fields.collect::<Vec<_>>())
}

fn is_of_fixed_size(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_of_fixed_size(values),
        other => matches!(other, DataType::FixedSizeBinary(_)),
    }
}
