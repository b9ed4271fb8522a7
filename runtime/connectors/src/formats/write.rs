//! Rows into text. Timestamps are written in UTC with a `Z` and no needless fraction, floats as short as they can be read back,
//! with `.0` if they are whole, binary as hexadecimal digits. A null is an empty CSV field, a JSON `null`.

use std::io::Write;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::{csv, json};
use weir_core::connector::ConnectorError;

use super::{FormatName, zone};
use weir_core::column_type::type_name;

/// Writes batches of one schema.
pub(crate) struct TextWriter<W: Write> {
    /// The columns under the types that they are printed as.
    printed_schema: SchemaRef,
    form: Form<W>,
}

enum Form<W: Write> {
    Csv(Box<csv::Writer<W>>),
    Json(json::LineDelimitedWriter<W>),
}

/// Checks that rows of this schema can be written.
///
/// # Errors
/// [`ConnectorError::Data`], naming the column that cannot be.
pub(crate) fn check_writable(format: FormatName, schema: &Schema) -> Result<(), ConnectorError> {
    let nested = schema.fields().iter().find(|field| field.data_type().is_nested());
    match (format, nested) {
        (FormatName::Csv, Some(field)) => Err(ConnectorError::Data(format!(
            "column {:?} has the type {}, which CSV cannot hold; write `format = \"json\"`",
            field.name(),
            type_name(field.data_type())
        ))),
        _ => Ok(()),
    }
}

impl<W: Write> TextWriter<W> {
    /// Onto `out`; CSV begins with a header line.
    pub(crate) fn new(format: FormatName, schema: &Schema, out: W) -> Result<Self, ArrowError> {
        let mut writer = Self::build(format, schema, out, true);
        if let Form::Csv(csv) = &mut writer.form {
            csv.write(&RecordBatch::new_empty(Arc::clone(&writer.printed_schema)))?;
        }
        Ok(writer)
    }

    /// Onto `out` after rows of the same columns, or where nobody expects a header.
    pub(crate) fn resume(format: FormatName, schema: &Schema, out: W) -> Self {
        Self::build(format, schema, out, false)
    }

    fn build(format: FormatName, schema: &Schema, out: W, header: bool) -> Self {
        let form = match format {
            FormatName::Csv => Form::Csv(Box::new(csv::WriterBuilder::new().with_header(header).build(out))),
            FormatName::Json => Form::Json(json::WriterBuilder::new().with_explicit_nulls(true).build(out)),
        };
        Self { printed_schema: printed_schema(schema), form }
    }

    /// Writes all rows.
    pub(crate) fn write(&mut self, rows: &RecordBatch) -> Result<(), ArrowError> {
        let rows = for_printing(rows, &self.printed_schema)?;
        match &mut self.form {
            Form::Csv(writer) => writer.write(&rows),
            Form::Json(writer) => writer.write(&rows),
        }
    }

    /// Passes on what is buffered.
    pub(crate) fn flush(&mut self) -> Result<(), ArrowError> {
        match &mut self.form {
            // It passes everything on after every batch.
            Form::Csv(_) => Ok(()),
            Form::Json(writer) => Ok(writer.get_mut().flush()?),
        }
    }

    /// What it wrote onto.
    pub(crate) fn into_inner(self) -> W {
        match self.form {
            Form::Csv(writer) => writer.into_inner(),
            Form::Json(writer) => writer.into_inner(),
        }
    }
}

/// These columns under the types that they are printed as.
pub(crate) fn printed_schema(schema: &Schema) -> SchemaRef {
    let printed = |field: &Arc<Field>| Field::new(field.name(), zone::for_printing(field.data_type()), true);
    Arc::new(Schema::new(schema.fields().iter().map(printed).collect::<Vec<_>>()))
}

/// The same rows under the types that they are printed as.
pub(crate) fn for_printing(rows: &RecordBatch, printed_schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let columns = rows.columns().iter().zip(printed_schema.fields());
    let columns: Result<Vec<_>, _> = columns.map(|(column, field)| zone::relabel(column, field.data_type())).collect();
    RecordBatch::try_new(Arc::clone(printed_schema), columns?)
}

/// The error of a write that failed: of the system where there is one.
pub(crate) fn write_error(what: String, error: ArrowError) -> ConnectorError {
    match error {
        ArrowError::IoError(_, source) => ConnectorError::Io { what, source },
        other => ConnectorError::Data(format!("{what}: {other}")),
    }
}
