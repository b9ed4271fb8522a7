//! The columns of a caller's rows as an operator has them. It knows no operator.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use weir_core::column_type::columns_text;

use crate::error::EmbedError;

/// The columns as the operator has them: text and lists with long offsets have short ones there, and every column may be null, as other
/// engines do not say that one cannot be.
pub(super) fn taken_schema(given: &Schema) -> Schema {
    Schema::new(given.fields().iter().map(|field| taken(field)).collect::<Vec<_>>())
}

/// Rows with these columns.
///
/// # Errors
/// If they have others.
pub(super) fn taken_rows(given: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, EmbedError> {
    let found = taken_schema(&given.schema());
    if found.fields() != schema.fields() {
        let (found, told) = (columns_text(&found), columns_text(schema));
        return Err(EmbedError::Operator(format!("rows have the columns {found}, but {told} were told before")));
    }
    let fields = given.columns().iter().zip(schema.fields());
    let columns = fields.map(|(column, field)| cast(column, field.data_type())).collect::<Result<_, _>>();
    let failed = |error: arrow::error::ArrowError| EmbedError::Operator(error.to_string());
    columns.and_then(|columns| RecordBatch::try_new(Arc::clone(schema), columns)).map_err(failed)
}

fn taken(field: &Field) -> Field {
    Field::new(field.name(), taken_type(field.data_type()), true)
}

fn taken_type(of: &DataType) -> DataType {
    match of {
        DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        DataType::LargeBinary | DataType::BinaryView => DataType::Binary,
        DataType::List(item) | DataType::LargeList(item) => {
            DataType::List(Arc::new(Field::new_list_field(taken_type(item.data_type()), true)))
        }
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(|field| taken(field)).collect()),
        other => other.clone(),
    }
}
