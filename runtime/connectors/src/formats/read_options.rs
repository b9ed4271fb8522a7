//! The options that say how text becomes rows, shared by every source that reads text, and what follows from them.
//!
//! | option | default | |
//! |---|---|---|
//! | `format` | by the file's name | `"csv"`; `"json"` (also `"jsonl"`, `"json-lines"`): one object per line, or objects over several lines, or an array of objects; `"text"`: each line is a value of the one column `line`; `"raw"`: the same as bytes, in the column `value` |
//! | `header` | `true` | CSV: the first line names the columns |
//! | `delimiter` | `","` | CSV: one ASCII character between fields |
//! | `quote` | `"\""` | CSV: what is around fields that have delimiters or line ends; `""`: nothing is, and a quote is a character like any other |
//! | `comment` | none | CSV: lines that begin with this character are skipped |
//! | `null-values` | `[""]` | CSV: fields with exactly one of these texts are null, with quotes or without |
//! | `record-start` | every line | text and raw: a regular expression; a line that matches begins a record, and those that do not belong to the record before them |
//! | `schema` | inferred | `{ column = "type", ... }`, see [`super::types`]: exactly these columns are delivered; a CSV column is found by its name in the header, or by its place if there is none |
//! | `encoding` | `"utf-8"` | `"utf-16"`, `"utf-16le"`, `"utf-16be"`, `"windows-1252"` (also `"latin1"`): of files that are read once, and of standard input |
//! | `infer-rows` | 1000 | without a `schema`: how many rows are looked at, see [`super::inference`] |

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use weir_core::column_type::parse_type;
use weir_core::connector::ConnectorError;
use weir_core::graph::Options;

use super::csv::{CsvDecoder, CsvFormat, CsvSource};
use super::framing::Framing;
use super::json::JsonDecoder;
use super::json_shape::JsonShape;
use super::reader::{Decode, MakeDecoder};
use super::record_start::RecordStart;
use super::records::{Position, Records};
use super::sample::{Malformed, NoRows, Sample, guess_csv, guess_json};
use super::text::TextDecoder;
use super::unlisted::Unlisted;
use crate::options::OrderedTable;

/// Rows that are looked at when no schema is given, if the options do not say how many.
pub(crate) const INFER_ROWS_DEFAULT: usize = 1000;
/// Rows that can be looked at: they are kept in memory.
pub(crate) const INFER_ROWS_MAX: usize = 100_000;

/// `{ column = "type", ... }`
pub(crate) type SchemaOption = OrderedTable<String>;

/// How text becomes rows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TextFormat {
    Csv(CsvFormat),
    Json,
    /// One column: a line, or several of which the first matches `start`. `is_raw`: as bytes, not as text.
    Lines {
        start: Option<RecordStart>,
        is_raw: bool,
    },
}

impl TextFormat {
    /// How its records are told apart in an input that grows: there, JSON is lines.
    pub(crate) fn framing_of_lines(&self) -> Framing {
        match self.framing() {
            Framing::Json => Framing::Lines,
            framing => framing,
        }
    }

    /// The same from a place on behind which records follow each other in that shape; `None`: as lines.
    pub(crate) fn framing_from(&self, position: Position, shape: Option<JsonShape>) -> Framing {
        match (self, shape) {
            (Self::Json, Some(shape)) => Framing::Values(shape),
            (Self::Json, None) if position != Position::BEGIN => Framing::Lines,
            _ => self.framing(),
        }
    }

    /// How its records are told apart from the beginning of an input.
    pub(crate) fn framing(&self) -> Framing {
        match self {
            Self::Csv(CsvFormat { dialect, .. }) => Framing::Csv(*dialect),
            Self::Json => Framing::Json,
            Self::Lines { start, is_raw } => Framing::Text { start: start.clone(), is_raw: *is_raw },
        }
    }

    /// Whether the first record names the columns.
    pub(crate) fn has_header(&self) -> bool {
        matches!(self, Self::Csv(CsvFormat { header: true, .. }))
    }

    /// Whether a row may leave columns out, and have lists and structs.
    pub(crate) fn is_json(&self) -> bool {
        matches!(self, Self::Json)
    }

    /// The columns, if no row has to be looked at for them: those of a `schema`, and the one of lines.
    pub(crate) fn known_schema(
        &self,
        options: &Options,
        schema: Option<&SchemaOption>,
    ) -> Result<Option<SchemaRef>, ConnectorError> {
        let given = schema.map(|schema| given_schema(options, schema, self.is_json())).transpose()?;
        match self {
            Self::Csv(_) | Self::Json => Ok(given),
            Self::Lines { is_raw, .. } => line_schema(options, given, *is_raw).map(Some),
        }
    }

    /// What makes the decoder of one input.
    pub(crate) fn decoder(
        &self,
        name: String,
        schema: SchemaRef,
        projected: SchemaRef,
        projection: &[usize],
        unlisted: Option<Arc<Unlisted>>,
    ) -> MakeDecoder {
        let (format, projection) = (self.clone(), projection.to_vec());
        Box::new(move |header| -> Result<Box<dyn Decode>, ConnectorError> {
            match format {
                Self::Json => Ok(Box::new(JsonDecoder::new(projected, unlisted))),
                Self::Csv(CsvFormat { dialect, nulls, .. }) => {
                    let source = CsvSource { name, dialect, nulls, schema, projection };
                    Ok(Box::new(CsvDecoder::new(&source, header)?))
                }
                Self::Lines { is_raw, .. } => Ok(Box::new(TextDecoder::new(projected, is_raw))),
            }
        })
    }

    /// One column of the records ahead, which stay ahead; nothing, if none was looked for.
    pub(crate) fn column_ahead(&self, records: &Records, schema: &SchemaRef, column: usize) -> Option<RecordBatch> {
        let (header, rows) = records.framed().split_at_checked(usize::from(self.has_header()))?;
        let header = header.first().and_then(|record| records.bytes().get(record.start..record.end));
        let projected = crate::options::project(schema, &[column]).ok()?;
        let make = self.decoder(records.name().to_owned(), Arc::clone(schema), projected, &[column], None);
        let decoded = make(header).ok()?.decode(records.bytes(), rows, false).ok()?;
        Some(decoded.rows)
    }

    /// What the first records say, which stay ahead. Waits until there are as many, or no more.
    pub(crate) fn sample(&self, records: &mut Records, rows_max: usize) -> Result<Sample, ConnectorError> {
        let header = usize::from(self.has_header());
        records.look_ahead(rows_max + header)?;
        let framed = records.framed();
        let lines = framed.iter().map(|record| records.bytes().get(record.start..record.end).unwrap_or_default());
        let rows = framed.len().saturating_sub(header);
        let mut malformed = Malformed::default();
        let columns = match self {
            Self::Csv(format) => guess_csv(lines, format, &mut malformed),
            Self::Json => guess_json(lines, &mut malformed),
            // Their columns are known.
            Self::Lines { .. } => Vec::new(),
        };
        let why_none = (rows == 0).then(|| match (records.obstacle(), framed.is_empty() && records.is_done()) {
            (Some(obstacle), _) => NoRows::Obstacle(obstacle),
            (None, true) => NoRows::Empty,
            (None, false) if header == 1 => NoRows::HeaderOnly,
            (None, false) => NoRows::Unknown,
        });
        Ok(Sample { columns, rows, has_more: !records.is_done(), malformed, why_none })
    }
}

/// The columns that a `schema` option gives.
pub(crate) fn given_schema(
    options: &Options,
    schema: &SchemaOption,
    nested: bool,
) -> Result<SchemaRef, ConnectorError> {
    let mut fields = Vec::with_capacity(schema.0.len());
    for (name, data_type) in &schema.0 {
        let at_type = |message: String| ConnectorError::Option { message, span: Some(data_type.span()) };
        let parsed = parse_type(data_type.get_ref()).map_err(&at_type)?;
        if !nested && parsed.is_nested() {
            return Err(at_type(format!("CSV cannot hold a {}", data_type.get_ref())));
        }
        fields.push(Field::new(name.get_ref(), parsed, true));
    }
    if fields.is_empty() {
        return Err(options.error("schema", "`schema` names no column; leave it out to have it inferred"));
    }
    Ok(Arc::new(Schema::new(fields)))
}

/// The one column of lines: of text, or of bytes or text where they are raw.
pub(crate) fn line_schema(
    options: &Options,
    given: Option<SchemaRef>,
    is_raw: bool,
) -> Result<SchemaRef, ConnectorError> {
    let (name, data_type) = if is_raw { ("value", DataType::Binary) } else { ("line", DataType::Utf8) };
    let Some(given) = given else { return Ok(Arc::new(Schema::new(vec![Field::new(name, data_type, true)]))) };
    let fits = |field: &Field| *field.data_type() == DataType::Utf8 || (is_raw && *field.data_type() == data_type);
    match given.fields().as_ref() {
        [field] if fits(field) => Ok(given),
        _ => Err(options.error(
            "schema",
            match is_raw {
                true => "with `format = \"raw\"` the schema is one column: `{ value = \"binary\" }` or \"utf8\"",
                false => "with `format = \"text\"` the schema is one column of text: `{ line = \"utf8\" }`",
            },
        )),
    }
}

/// How many rows to look at.
pub(crate) fn infer_rows(options: &Options, infer_rows: Option<usize>) -> Result<usize, ConnectorError> {
    match infer_rows.unwrap_or(INFER_ROWS_DEFAULT) {
        rows @ 1..=INFER_ROWS_MAX => Ok(rows),
        _ => Err(options.error("infer-rows", format!("`infer-rows` is from 1 to {INFER_ROWS_MAX}"))),
    }
}
