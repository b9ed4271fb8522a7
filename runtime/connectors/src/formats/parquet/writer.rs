//! Rows into a Parquet file. A row group is in memory until it is complete.

use std::io::Write;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression as Codec, GzipLevel, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::formats::compression::SinkCompression;
use crate::formats::foreign_types::as_weir;

/// Bytes of a row group at most, encoded: they are in memory until it ends.
const ROW_GROUP_BYTES_MAX: usize = 32 << 20;
/// Rows of a row group at most.
const ROW_GROUP_ROWS_MAX: usize = 1 << 20;

/// Writes batches of one schema.
pub(crate) struct ParquetWriter<W: Write + Send> {
    writer: Box<ArrowWriter<W>>,
    /// The columns under the types that Parquet has.
    schema: SchemaRef,
}

impl<W: Write + Send> ParquetWriter<W> {
    /// Onto `out`, which is empty. Its pages are compressed with Snappy, if nothing else is asked for.
    pub(crate) fn new(compression: SinkCompression, schema: &SchemaRef, out: W) -> Result<Self, ArrowError> {
        let codec = match compression {
            SinkCompression::Usual | SinkCompression::Snappy => Codec::SNAPPY,
            SinkCompression::None => Codec::UNCOMPRESSED,
            SinkCompression::Gzip => Codec::GZIP(GzipLevel::default()),
            SinkCompression::Zstd => Codec::ZSTD(ZstdLevel::default()),
        };
        let fields = schema
            .fields()
            .iter()
            .map(|field| Arc::new(Field::clone(field).with_data_type(without_seconds(field.data_type()))));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let properties = WriterProperties::builder()
            .set_compression(codec)
            .set_max_row_group_bytes(Some(ROW_GROUP_BYTES_MAX))
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS_MAX));
        let writer = ArrowWriter::try_new(out, Arc::clone(&schema), Some(properties.build()))?;
        Ok(Self { writer: Box::new(writer), schema })
    }

    /// Writes all rows.
    pub(crate) fn write(&mut self, rows: &RecordBatch) -> Result<(), ArrowError> {
        let places: Vec<usize> = (0..self.schema.fields().len()).collect();
        Ok(self.writer.write(&as_weir(rows, &self.schema, &places)?)?)
    }

    /// Passes on what is buffered, but for a row group that is not complete.
    pub(crate) fn flush(&mut self) -> Result<(), ArrowError> {
        Ok(self.writer.sync()?)
    }

    /// Bytes of the row group that is not complete, about.
    pub(crate) fn held_bytes(&self) -> u64 {
        self.writer.in_progress_size() as u64
    }

    /// Writes the footer, and passes everything on.
    pub(crate) fn finish(&mut self) -> Result<(), ArrowError> {
        self.writer.finish()?;
        Ok(self.writer.sync()?)
    }
}

/// The same type with milliseconds for seconds, which Parquet does not have.
fn without_seconds(data_type: &DataType) -> DataType {
    let inside =
        |field: &Arc<Field>| Arc::new(field.as_ref().clone().with_data_type(without_seconds(field.data_type())));
    match data_type {
        DataType::Timestamp(TimeUnit::Second, zone) => DataType::Timestamp(TimeUnit::Millisecond, zone.clone()),
        DataType::List(item) => DataType::List(inside(item)),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(inside).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;

    #[test]
    fn pages_are_compressed_as_asked() {
        let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, true)]));
        for (asked, codec) in [
            (SinkCompression::Usual, "SNAPPY"),
            (SinkCompression::Snappy, "SNAPPY"),
            (SinkCompression::None, "UNCOMPRESSED"),
            (SinkCompression::Gzip, "GZIP"),
            (SinkCompression::Zstd, "ZSTD"),
        ] {
            let mut bytes = Vec::new();
            let mut writer = ParquetWriter::new(asked, &schema, &mut bytes).unwrap();
            let rows = arrow::array::Int64Array::from_iter_values(0..100);
            writer.write(&RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(rows)]).unwrap()).unwrap();
            writer.finish().unwrap();
            drop(writer);
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&bytes).unwrap();
            let written = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
            let found = written.metadata().row_group(0).column(0).compression().to_string();
            assert!(found.starts_with(codec), "{asked:?}: {found}");
        }
    }
}
