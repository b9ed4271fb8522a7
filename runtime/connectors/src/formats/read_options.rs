//! The options that say how text becomes rows, shared by every source that reads text, and what follows from them.
//!
//! | option | default | |
//! |---|---|---|
//! | `format` | by the file's name | `"csv"`, or `"json"` (also `"jsonl"`, `"json-lines"`): one object per line |
//! | `header` | `true` | CSV: the first line names the columns |
//! | `delimiter` | `","` | CSV: one ASCII character between fields |
//! | `schema` | inferred | `{ column = "type", ... }`, see [`super::types`]: exactly these columns are delivered; a CSV column is found by its name in the header, or by its place if there is none |
//! | `infer-rows` | 1000 | without a `schema`: how many rows are looked at, see [`super::inference`] |

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use weir_core::connector::ConnectorError;
use weir_core::graph::Options;

use super::FormatName;
use super::csv::{CsvDecoder, CsvSource, header_names};
use super::csv_fields::fields;
use super::inference::{Guess, add, fields_of, numbers_as_text};
use super::json::{JsonDecoder, why_no_object};
use super::reader::{Decode, MakeDecoder};
use super::records::{Framing, Records, shorten};
use super::unlisted::Unlisted;
use crate::options::OrderedTable;
use weir_core::column_type::{parse_type, type_name};

/// Rows that are looked at when no schema is given, if the options do not say how many.
pub(crate) const INFER_ROWS_DEFAULT: usize = 1000;
/// Rows that can be looked at: they are kept in memory.
pub(crate) const INFER_ROWS_MAX: usize = 100_000;

/// `{ column = "type", ... }`
pub(crate) type SchemaOption = OrderedTable<String>;

/// How text becomes rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextFormat {
    Csv { header: bool, delimiter: u8 },
    Json,
}

impl TextFormat {
    /// From the options with these names.
    pub(crate) fn new(
        options: &Options,
        format: FormatName,
        header: Option<bool>,
        delimiter: Option<&str>,
    ) -> Result<Self, ConnectorError> {
        let delimiter = match (format, header, delimiter) {
            (FormatName::Json, Some(_), _) => {
                return Err(options.error("header", "`header` is an option of CSV, not of JSON"));
            }
            (FormatName::Json, _, Some(_)) => {
                return Err(options.error("delimiter", "`delimiter` is an option of CSV, not of JSON"));
            }
            (FormatName::Json, None, None) => return Ok(Self::Json),
            (FormatName::Csv, _, None) => b',',
            (FormatName::Csv, _, Some(text)) => match text.as_bytes() {
                [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r') => *byte,
                _ => {
                    let message =
                        "`delimiter` is one ASCII character such as \";\" or \"\\t\", not a quote or a line end";
                    return Err(options.error("delimiter", message));
                }
            },
        };
        Ok(Self::Csv { header: header.unwrap_or(true), delimiter })
    }

    /// How its records are told apart.
    pub(crate) fn framing(self) -> Framing {
        match self {
            Self::Csv { delimiter, .. } => Framing::Csv { delimiter },
            Self::Json => Framing::Lines,
        }
    }

    /// Whether the first record names the columns.
    pub(crate) fn has_header(self) -> bool {
        matches!(self, Self::Csv { header: true, .. })
    }

    /// What makes the decoder of one input.
    pub(crate) fn decoder(
        self,
        name: String,
        schema: SchemaRef,
        projected: SchemaRef,
        projection: &[usize],
        unlisted: Option<Arc<Unlisted>>,
    ) -> MakeDecoder {
        let projection = projection.to_vec();
        Box::new(move |header| -> Result<Box<dyn Decode>, ConnectorError> {
            match self {
                Self::Json => Ok(Box::new(JsonDecoder::new(projected, unlisted))),
                Self::Csv { delimiter, .. } => {
                    let source = CsvSource { name, delimiter, schema, projection };
                    Ok(Box::new(CsvDecoder::new(&source, header)?))
                }
            }
        })
    }

    /// One column of the records ahead, which stay ahead; nothing, if none was looked for.
    pub(crate) fn column_ahead(self, records: &Records, schema: &SchemaRef, column: usize) -> Option<RecordBatch> {
        let (header, rows) = records.framed().split_at_checked(usize::from(self.has_header()))?;
        let header = header.first().and_then(|record| records.bytes().get(record.start..record.end));
        let projected = crate::options::project(schema, &[column]).ok()?;
        let make = self.decoder(records.name().to_owned(), Arc::clone(schema), projected, &[column], None);
        let decoded = make(header).ok()?.decode(records.bytes(), rows, false).ok()?;
        Some(decoded.rows)
    }

    /// What the first records say, which stay ahead. Waits until there are as many, or no more.
    pub(crate) fn sample(self, records: &mut Records, rows_max: usize) -> Result<Sample, ConnectorError> {
        let header = usize::from(self.has_header());
        records.look_ahead(rows_max + header)?;
        let framed = records.framed();
        let lines = framed.iter().map(|record| records.bytes().get(record.start..record.end).unwrap_or_default());
        let rows = framed.len().saturating_sub(header);
        let mut malformed = Malformed::default();
        let columns = match self {
            Self::Csv { header, delimiter } => guess_csv(lines, header, delimiter, &mut malformed),
            Self::Json => guess_json(lines, &mut malformed),
        };
        Ok(Sample { columns, rows, has_more: !records.is_done(), malformed })
    }
}

/// What the first rows of one or more inputs say about the columns.
#[derive(Default)]
pub(crate) struct Sample {
    columns: Vec<(String, Guess)>,
    rows: usize,
    /// An input has other rows.
    has_more: bool,
    /// Those of them that say nothing.
    malformed: Malformed,
}

/// Records that are no rows.
#[derive(Default)]
struct Malformed {
    count: usize,
    /// What is wrong with the first.
    first: Option<String>,
    /// An input begins with a bracket alone, or with an array: it is no file of lines.
    is_one_value: bool,
}

impl Malformed {
    fn add(&mut self, why: impl FnOnce() -> String) {
        self.count += 1;
        self.first.get_or_insert_with(why);
    }
}

impl Sample {
    /// Takes up what another input says. Columns that only that one has are added if the format lets rows leave some out (`adds`);
    /// if not, they are returned.
    pub(crate) fn merge(&mut self, other: Self, adds: bool) -> Vec<String> {
        let mut left_out = Vec::new();
        let adds = adds || self.columns.is_empty();
        for (name, guess) in other.columns {
            if adds || self.columns.iter().any(|(known, _)| *known == name) {
                add(&mut self.columns, name, guess);
            } else {
                left_out.push(name);
            }
        }
        self.rows += other.rows;
        self.has_more |= other.has_more;
        self.malformed.count += other.malformed.count;
        self.malformed.first = self.malformed.first.take().or(other.malformed.first);
        self.malformed.is_one_value |= other.malformed.is_one_value;
        left_out
    }

    /// The columns, and what to say about them; `name` says what they are of, and `inputs` of how many, if there are several.
    pub(crate) fn finish(self, name: &str, inputs: &str) -> Result<(SchemaRef, String), ConnectorError> {
        let Self { columns, rows, has_more, malformed } = self;
        let (count, is_refused) = (malformed.count, malformed.is_one_value || malformed.count == rows);
        if let Some(first) = malformed.first.filter(|_| is_refused) {
            return Err(ConnectorError::Data(format!(
                "{name}: {count} of the {rows} lines that were looked at are no rows; the first: {first}"
            )));
        }
        if columns.is_empty() || rows == 0 {
            return Err(ConnectorError::Data(format!(
                "{name}: there are no rows to infer the columns from; say what they are with `schema = {{ column = \"type\" }}`"
            )));
        }
        let of = if has_more { "the first" } else { "all" };
        let types =
            columns.iter().map(|(name, guess)| format!("{name} {}{}", type_name(&guess.data_type()), guess.remark()));
        let types = types.collect::<Vec<_>>().join(", ");
        let hint = delimiter_hint(&columns);
        let note = format!("{name}: inferred schema from {of} {rows} rows{inputs}: {types}{hint}");
        Ok((Arc::new(Schema::new(fields_of(&columns))), note))
    }
}

/// One column whose name has what often separates fields: what a file without its `delimiter` becomes.
fn delimiter_hint(columns: &[(String, Guess)]) -> String {
    let [(name, _)] = columns else { return String::new() };
    match [";", "\t", "|"].into_iter().find(|delimiter| name.contains(delimiter)) {
        Some(delimiter) => format!("; if {delimiter:?} separates the fields, say `delimiter = {delimiter:?}`"),
        None => String::new(),
    }
}

fn guess_csv<'a>(
    mut lines: impl Iterator<Item = &'a [u8]>,
    header: bool,
    delimiter: u8,
    malformed: &mut Malformed,
) -> Vec<(String, Guess)> {
    let mut columns: Vec<(String, Guess)> = Vec::new();
    if header && let Some(header) = lines.next() {
        columns.extend(header_names(header, delimiter).into_iter().map(|name| (name, Guess::Unknown)));
    }
    for line in lines {
        let fields: Vec<_> = fields(line, delimiter).collect();
        if columns.is_empty() {
            columns = (1..=fields.len()).map(|place| (format!("column_{place}"), Guess::Unknown)).collect();
        }
        // A record with another number of fields is malformed, and says nothing about the others.
        if fields.len() != columns.len() {
            malformed.add(|| format!("{:?} has {} fields, and not {}", shorten(line), fields.len(), columns.len()));
        } else {
            for ((_, guess), field) in columns.iter_mut().zip(fields) {
                let field = std::str::from_utf8(&field).map_or(Guess::Unknown, Guess::of_text);
                *guess = std::mem::replace(guess, Guess::Unknown).or(field);
            }
        }
    }
    columns
}

fn guess_json<'a>(lines: impl Iterator<Item = &'a [u8]>, malformed: &mut Malformed) -> Vec<(String, Guess)> {
    let mut columns = Vec::new();
    for line in lines {
        // The order of the fields in the text is that of the columns; a line that is no object is malformed.
        let object = std::str::from_utf8(line).ok().and_then(|line| serde_json::from_str(&numbers_as_text(line)).ok());
        let Some(OrderedObject(fields)) = object else {
            let is_first = columns.is_empty() && malformed.count == 0;
            malformed.is_one_value |=
                is_first && (line.trim_ascii() == b"{" || line.trim_ascii_start().starts_with(b"["));
            malformed.add(|| why_no_object(line));
            continue;
        };
        for (name, value) in fields {
            add(&mut columns, name, Guess::of_json(&value));
        }
    }
    columns
}

/// A JSON object's fields as they are written.
struct OrderedObject(Vec<(String, serde_json::Value)>);

impl<'de> serde::Deserialize<'de> for OrderedObject {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> serde::de::Visitor<'de> for Fields {
            type Value = OrderedObject;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(OrderedObject(fields))
            }
        }
        deserializer.deserialize_map(Fields)
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

/// How many rows to look at.
pub(crate) fn infer_rows(options: &Options, infer_rows: Option<usize>) -> Result<usize, ConnectorError> {
    match infer_rows.unwrap_or(INFER_ROWS_DEFAULT) {
        rows @ 1..=INFER_ROWS_MAX => Ok(rows),
        _ => Err(options.error("infer-rows", format!("`infer-rows` is from 1 to {INFER_ROWS_MAX}"))),
    }
}
