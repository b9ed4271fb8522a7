//! Updating streams for sinks that know only inserts: each change is written as a row of its own. It keeps nothing between two batches.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanBufferBuilder, RecordBatch, StringArray, StructArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use weir_core::batch::{RowKind, StreamBatch};
use weir_core::changelog::{ChangelogEncoding, ROW_KIND};

use crate::error::OperatorError;

/// The columns of a sink's rows, encoded.
///
/// # Errors
/// If one of them has the name of a column that is added.
pub(super) fn encoded_schema(encoding: ChangelogEncoding, rows: &Schema) -> Result<Schema, String> {
    match encoding {
        ChangelogEncoding::Kinds => {
            if rows.field_with_name(ROW_KIND).is_ok() {
                return Err(format!("a column is already called {ROW_KIND:?}: give it another name with columns"));
            }
            let kind = Arc::new(Field::new(ROW_KIND, DataType::Utf8, false));
            Ok(Schema::new(std::iter::once(kind).chain(rows.fields().iter().cloned()).collect::<Vec<_>>()))
        }
        ChangelogEncoding::Debezium => {
            let image = DataType::Struct(image_fields(rows));
            Ok(Schema::new(vec![
                Field::new("before", image.clone(), true),
                Field::new("after", image, true),
                Field::new("op", DataType::Utf8, false),
            ]))
        }
    }
}

/// The columns of an image: null, where there is none.
fn image_fields(rows: &Schema) -> Fields {
    rows.fields().iter().map(|field| field.as_ref().clone().with_nullable(true)).collect()
}

/// The rows with the columns of [`encoded_schema`], as inserts. In a stream of updates by key (`by_key`), which does not say what was, an
/// envelope is an update.
pub(super) fn encode(
    (encoding, by_key): (ChangelogEncoding, bool),
    schema: &SchemaRef,
    batch: StreamBatch,
) -> Result<StreamBatch, OperatorError> {
    let kinds = (0..batch.len()).map(|row| batch.row_kind(row));
    let columns: Vec<ArrayRef> = match encoding {
        ChangelogEncoding::Kinds => {
            let kinds: ArrayRef = Arc::new(StringArray::from_iter_values(kinds.map(RowKind::text)));
            std::iter::once(kinds).chain(batch.rows.columns().iter().cloned()).collect()
        }
        ChangelogEncoding::Debezium => {
            let mut is_back = BooleanBufferBuilder::new(batch.len());
            kinds.clone().for_each(|kind| is_back.append(kind.takes_back()));
            let is_back = is_back.finish();
            let fields = image_fields(&batch.rows.schema());
            let image = |there| -> Result<ArrayRef, OperatorError> {
                let columns = batch.rows.columns().to_vec();
                let nulls = Some(NullBuffer::new(there));
                Ok(Arc::new(StructArray::try_new_with_length(fields.clone(), columns, nulls, batch.len())?))
            };
            let op = kinds.map(|kind| match kind {
                RowKind::UpdateBefore | RowKind::Delete => "d",
                RowKind::UpdateAfter if by_key => "u",
                RowKind::Insert | RowKind::UpdateAfter => "c",
            });
            vec![image(is_back.clone())?, image(!&is_back)?, Arc::new(StringArray::from_iter_values(op))]
        }
    };
    let rows = RecordBatch::try_new(schema.clone(), columns)?;
    Ok(StreamBatch { rows, row_kinds: None, key_hashes: None, ..batch })
}
