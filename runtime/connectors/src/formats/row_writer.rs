//! Rows into the bytes of a file, in any format that files have.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::writer::{FileWriter, StreamWriter};
use weir_core::column_type::type_name;
use weir_core::connector::ConnectorError;

use super::FormatName;
use super::compression::SinkCompression;
use super::file_format::{FileFormat, Kind};
use super::parquet::ParquetWriter;
use super::row_groups::GroupFormat;
use super::write::{TextWriter, check_writable};

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowFormat {
    Text(FormatName),
    /// With the compression of its pages.
    Parquet(SinkCompression),
    /// Arrow IPC with a footer.
    ArrowFile,
    /// Arrow IPC that can end behind any batch, and be continued there.
    ArrowStream,
}

impl RowFormat {
    /// Of a file of this format. `compression`: of what is within it.
    pub(crate) fn of(format: FileFormat, compression: SinkCompression) -> Self {
        match (format.kind(), compression) {
            (Kind::Text(format), _) => Self::Text(format),
            (Kind::Groups(GroupFormat::Arrow), _) => Self::ArrowFile,
            (Kind::Groups(GroupFormat::Parquet), compression) => Self::Parquet(compression),
        }
    }

    /// Whether what is written can be resumed where it was flushed.
    pub(crate) fn is_resumable(self) -> bool {
        matches!(self, Self::Text(_) | Self::ArrowStream)
    }
}

/// Checks that rows of this schema can be written to a file of this format.
///
/// # Errors
/// [`ConnectorError::Data`], naming the column that cannot be.
pub(crate) fn check_rows_writable(format: FileFormat, schema: &Schema) -> Result<(), ConnectorError> {
    match format.kind() {
        Kind::Text(format) => check_writable(format, schema),
        Kind::Groups(GroupFormat::Arrow) => Ok(()),
        Kind::Groups(GroupFormat::Parquet) => {
            match schema.fields().iter().find(|field| has_empty_struct(field.data_type())) {
                Some(field) => Err(ConnectorError::Data(format!(
                    "column {:?} has the type {}, and Parquet has no struct without a field",
                    field.name(),
                    type_name(field.data_type())
                ))),
                None => Ok(()),
            }
        }
    }
}

fn has_empty_struct(data_type: &DataType) -> bool {
    match data_type {
        DataType::List(item) => has_empty_struct(item.data_type()),
        DataType::Struct(fields) => fields.is_empty() || fields.iter().any(|field| has_empty_struct(field.data_type())),
        _ => false,
    }
}

/// Writes batches of one schema.
pub(crate) enum RowWriter<W: Write + Send> {
    Text(TextWriter<W>),
    Parquet(ParquetWriter<W>),
    ArrowFile(FileWriter<W>),
    ArrowStream(StreamWriter<W>),
}

impl<W: Write + Send> RowWriter<W> {
    /// Onto `out`, which is empty.
    pub(crate) fn new(format: RowFormat, schema: &SchemaRef, out: W) -> Result<Self, ArrowError> {
        Ok(match format {
            RowFormat::Text(format) => Self::Text(TextWriter::new(format, schema, out)?),
            RowFormat::ArrowFile => Self::ArrowFile(FileWriter::try_new(out, schema)?),
            RowFormat::ArrowStream => Self::ArrowStream(StreamWriter::try_new(out, schema)?),
            RowFormat::Parquet(compression) => Self::Parquet(ParquetWriter::new(compression, schema, out)?),
        })
    }

    /// Onto `out` behind rows of the same columns, if the format [is resumable](RowFormat::is_resumable). `mute` is told whether what comes
    /// is not to be written: a beginning that is there.
    pub(crate) fn resume(
        format: RowFormat,
        schema: &SchemaRef,
        out: W,
        mute: impl Fn(bool),
    ) -> Result<Self, ArrowError> {
        match format {
            RowFormat::Text(format) => Ok(Self::Text(TextWriter::resume(format, schema, out))),
            other => {
                mute(true);
                let writer = Self::new(other, schema, out);
                mute(false);
                writer
            }
        }
    }

    /// Writes all rows.
    pub(crate) fn write(&mut self, rows: &RecordBatch) -> Result<(), ArrowError> {
        match self {
            Self::Text(writer) => writer.write(rows),
            Self::ArrowFile(writer) => writer.write(rows),
            Self::ArrowStream(writer) => writer.write(rows),
            Self::Parquet(writer) => writer.write(rows),
        }
    }

    /// Passes on what is buffered, but for a row group that is not complete.
    pub(crate) fn flush(&mut self) -> Result<(), ArrowError> {
        match self {
            Self::Text(writer) => writer.flush(),
            Self::ArrowFile(writer) => writer.flush(),
            Self::ArrowStream(writer) => writer.flush(),
            Self::Parquet(writer) => writer.flush(),
        }
    }

    /// Bytes of rows that [`RowWriter::flush`] does not pass on, about.
    pub(crate) fn held_bytes(&self) -> u64 {
        match self {
            Self::Parquet(writer) => writer.held_bytes(),
            Self::Text(_) | Self::ArrowFile(_) | Self::ArrowStream(_) => 0,
        }
    }

    /// Writes what a file ends with, and passes everything on.
    pub(crate) fn finish(&mut self) -> Result<(), ArrowError> {
        match self {
            Self::Text(writer) => writer.flush(),
            Self::ArrowFile(writer) => writer.finish(),
            Self::ArrowStream(writer) => writer.flush(),
            Self::Parquet(writer) => writer.finish(),
        }
    }
}
