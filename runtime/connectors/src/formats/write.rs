//! Rows into text. Timestamps are written in UTC with a `Z` and no needless fraction, floats as short as they can be read back,
//! with `.0` if they are whole, binary as hexadecimal digits. A null is an empty CSV field, a JSON `null`.
//!
//! JSON has no number that is infinite, or none: these are `"Infinity"`, `"-Infinity"` and `"NaN"`, which readers of numbers take
//! back. A date or a time that no text stands for is an error: nothing is written instead of it.

use std::io::Write;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field, FieldRef, Float32Type, Float64Type, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::json::writer::{Encoder, EncoderFactory, EncoderOptions, NullableEncoder, make_encoder};
use arrow::{csv, json};
use weir_core::connector::ConnectorError;
use weir_core::time::{CALENDAR, first_outside_calendar};

use super::encoding::is_told_as_other;
use super::line_writer::{LineWriter, check_line_column};
use super::records::BYTE_ORDER_MARK;
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
    Lines(LineWriter<W>),
}

/// Checks that rows of this schema can be written.
///
/// # Errors
/// [`ConnectorError::Data`], naming the column that cannot be.
pub(crate) fn check_writable(format: FormatName, schema: &Schema) -> Result<(), ConnectorError> {
    if let FormatName::Text | FormatName::Raw = format {
        return check_line_column(format, schema);
    }
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
    pub(crate) fn new(format: FormatName, schema: &Schema, mut out: W) -> Result<Self, ArrowError> {
        if format == FormatName::Csv {
            let header = header(schema)?;
            // What readers would take for a mark, or with the rows behind it for another encoding, has one before it: they take
            // off the first.
            if header.starts_with(BYTE_ORDER_MARK) || is_told_as_other(&header) {
                out.write_all(BYTE_ORDER_MARK)?;
            }
            out.write_all(&header)?;
            // As after every batch.
            out.flush()?;
        }
        let mut writer = Self::resume(format, schema, out);
        if let Form::Lines(lines) = &mut writer.form {
            lines.begin();
        }
        Ok(writer)
    }

    /// Onto `out` after rows of the same columns, or where nobody expects a header.
    pub(crate) fn resume(format: FormatName, schema: &Schema, out: W) -> Self {
        let form = match format {
            FormatName::Csv => Form::Csv(Box::new(csv::WriterBuilder::new().with_header(false).build(out))),
            FormatName::Json => {
                let builder = json::WriterBuilder::new().with_explicit_nulls(true);
                Form::Json(builder.with_encoder_factory(Arc::new(Floats)).build(out))
            }
            FormatName::Text | FormatName::Raw => Form::Lines(LineWriter::new(out, format == FormatName::Raw)),
        };
        Self { printed_schema: printed_schema(schema), form }
    }

    /// Writes all rows.
    pub(crate) fn write(&mut self, rows: &RecordBatch) -> Result<(), ArrowError> {
        if let Form::Lines(writer) = &mut self.form {
            return writer.write(rows);
        }
        let rows = for_printing(rows, &self.printed_schema)?;
        match &mut self.form {
            Form::Lines(_) => Ok(()),
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
            Form::Lines(writer) => Ok(writer.flush()?),
        }
    }

    /// What it wrote onto.
    pub(crate) fn into_inner(self) -> W {
        match self.form {
            Form::Csv(writer) => writer.into_inner(),
            Form::Json(writer) => writer.into_inner(),
            Form::Lines(writer) => writer.into_inner(),
        }
    }
}

fn header(schema: &Schema) -> Result<Vec<u8>, ArrowError> {
    let mut header = csv::Writer::new(Vec::new());
    header.write(&RecordBatch::new_empty(printed_schema(schema)))?;
    Ok(header.into_inner())
}

/// These columns under the types that they are printed as.
pub(crate) fn printed_schema(schema: &Schema) -> SchemaRef {
    let printed = |field: &Arc<Field>| Field::new(field.name(), zone::for_printing(field.data_type()), true);
    Arc::new(Schema::new(schema.fields().iter().map(printed).collect::<Vec<_>>()))
}

/// The same rows under the types that they are printed as.
///
/// # Errors
/// If a date or a time has no text: its column and row.
pub(crate) fn for_printing(rows: &RecordBatch, printed_schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    for (column, field) in rows.columns().iter().zip(printed_schema.fields()) {
        check_calendar(field.name(), column)?;
    }
    let columns = rows.columns().iter().zip(printed_schema.fields());
    let columns: Result<Vec<_>, _> = columns.map(|(column, field)| zone::relabel(column, field.data_type())).collect();
    RecordBatch::try_new(Arc::clone(printed_schema), columns?)
}

/// Refuses a column with a date or a time that has no text.
pub(crate) fn check_calendar(name: &str, column: &dyn Array) -> Result<(), ArrowError> {
    let Some(row) = first_outside_calendar(column) else { return Ok(()) };
    let number = match column.data_type() {
        DataType::Date32 => {
            format!(" ({} days after 1970)", column.as_primitive::<arrow::datatypes::Date32Type>().value(row))
        }
        _ => String::new(),
    };
    Err(ArrowError::InvalidArgumentError(format!(
        "column {name:?}, row {} of {}: a {}{number} outside of {CALENDAR} cannot be written",
        row + 1,
        column.len(),
        type_name(column.data_type()),
    )))
}

/// Writes floats that are no JSON numbers as text; the others as Arrow does.
#[derive(Debug, Default)]
struct Floats;

/// What Arrow is asked for numbers with.
static NUMBERS: std::sync::LazyLock<EncoderOptions> = std::sync::LazyLock::new(EncoderOptions::default);

impl EncoderFactory for Floats {
    fn make_default_encoder<'a>(
        &self,
        field: &'a FieldRef,
        array: &'a dyn Array,
        _options: &'a EncoderOptions,
    ) -> Result<Option<NullableEncoder<'a>>, ArrowError> {
        let values: Vec<f64> = match array.data_type() {
            DataType::Float32 if array.as_primitive::<Float32Type>().values().iter().any(|v| !v.is_finite()) => {
                array.as_primitive::<Float32Type>().values().iter().copied().map(f64::from).collect()
            }
            DataType::Float64 if array.as_primitive::<Float64Type>().values().iter().any(|v| !v.is_finite()) => {
                array.as_primitive::<Float64Type>().values().to_vec()
            }
            _ => return Ok(None),
        };
        let numbers = make_encoder(field, array, &NUMBERS)?;
        Ok(Some(NullableEncoder::new(Box::new(FloatEncoder { values, numbers }), array.nulls().cloned())))
    }
}

/// Of a column in which not every value is a JSON number.
struct FloatEncoder<'a> {
    values: Vec<f64>,
    numbers: NullableEncoder<'a>,
}

impl Encoder for FloatEncoder<'_> {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        match self.values.get(row) {
            Some(value) if value.is_nan() => out.extend_from_slice(b"\"NaN\""),
            Some(&f64::INFINITY) => out.extend_from_slice(b"\"Infinity\""),
            Some(&f64::NEG_INFINITY) => out.extend_from_slice(b"\"-Infinity\""),
            _ => self.numbers.encode(row, out),
        }
    }
}

/// The error of a write that failed: of the system where there is one.
pub(crate) fn write_error(what: String, error: ArrowError) -> ConnectorError {
    match error {
        ArrowError::IoError(_, source) => ConnectorError::Io { what, source },
        other => ConnectorError::Data(format!("{what}: {other}")),
    }
}
