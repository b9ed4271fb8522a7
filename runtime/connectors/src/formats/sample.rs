//! What the first rows of an input, or of several, say about the columns. Reads nothing.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use weir_core::column_type::type_name;
use weir_core::connector::ConnectorError;

use super::csv::{CsvFormat, header_names};
use super::csv_fields::fields;
use super::inference::{Guess, add, fields_of, numbers_as_text};
use super::json::why_no_object;
use super::records::shorten;

/// What the first rows of one or more inputs say about the columns.
#[derive(Default)]
pub(crate) struct Sample {
    pub(super) columns: Vec<(String, Guess)>,
    pub(super) rows: usize,
    /// An input has other rows.
    pub(super) has_more: bool,
    /// Those of them that say nothing.
    pub(super) malformed: Malformed,
    /// Why an input has no rows, if one has none.
    pub(super) why_none: Option<NoRows>,
}

/// Why an input has no rows.
pub(super) enum NoRows {
    Empty,
    HeaderOnly,
    /// A record that is none, with its place, in front of the others.
    Obstacle(String),
    Unknown,
}

/// Records that are no rows.
#[derive(Default)]
pub(super) struct Malformed {
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
        self.why_none = self.why_none.take().or(other.why_none);
        left_out
    }

    /// The columns, and what to say about them; `name` says what they are of, and `inputs` of how many, if there are several.
    pub(crate) fn finish(self, name: &str, inputs: &str) -> Result<(SchemaRef, String), ConnectorError> {
        let Self { columns, rows, has_more, malformed, why_none } = self;
        let (count, is_refused) = (malformed.count, malformed.is_one_value || malformed.count == rows);
        if let Some(first) = malformed.first.filter(|_| is_refused) {
            return Err(ConnectorError::Data(format!(
                "{name}: {count} of the {rows} lines that were examined are not rows; the first: {first}"
            )));
        }
        if columns.is_empty() || rows == 0 {
            let schema = "give them with `schema = { column = \"type\" }`";
            let why = match why_none {
                Some(NoRows::Empty) => format!(": it is empty; {schema}"),
                Some(NoRows::HeaderOnly) => format!(": it has only a header; {schema}"),
                Some(NoRows::Obstacle(obstacle)) => format!(": {obstacle}"),
                Some(NoRows::Unknown) | None => {
                    format!("; {schema}, if the file is text in UTF-8 or in its `encoding`")
                }
            };
            return Err(ConnectorError::Data(format!("{name}: there are no rows to infer the columns from{why}")));
        }
        let of = match (has_more, rows) {
            (true, 1) => "the first row".to_owned(),
            (true, _) => format!("the first {rows} rows"),
            (false, 1) => "the only row".to_owned(),
            (false, _) => format!("all {rows} rows"),
        };
        let types =
            columns.iter().map(|(name, guess)| format!("{name} {}{}", type_name(&guess.data_type()), guess.remark()));
        let types = types.collect::<Vec<_>>().join(", ");
        let hint = delimiter_hint(&columns);
        let note = format!("{name}: inferred schema from {of}{inputs}: {types}{hint}");
        Ok((Arc::new(Schema::new(fields_of(&columns))), note))
    }
}

/// One column whose name has what often separates fields: what a file without its `delimiter` becomes.
fn delimiter_hint(columns: &[(String, Guess)]) -> String {
    let [(name, _)] = columns else { return String::new() };
    match [";", "\t", "|"].into_iter().find(|delimiter| name.contains(delimiter)) {
        Some(delimiter) => format!("; if {delimiter:?} separates the fields, set `delimiter = {delimiter:?}`"),
        None => String::new(),
    }
}

pub(super) fn guess_csv<'a>(
    mut lines: impl Iterator<Item = &'a [u8]>,
    format: &CsvFormat,
    malformed: &mut Malformed,
) -> Vec<(String, Guess)> {
    let mut columns: Vec<(String, Guess)> = Vec::new();
    if format.header
        && let Some(header) = lines.next()
    {
        columns.extend(header_names(header, format.dialect).into_iter().map(|name| (name, Guess::Unknown)));
    }
    for line in lines {
        let fields: Vec<_> = fields(line, format.dialect).collect();
        if columns.is_empty() {
            columns = (1..=fields.len()).map(|place| (format!("column_{place}"), Guess::Unknown)).collect();
        }
        // A record with another number of fields is malformed, and says nothing about the others.
        if fields.len() != columns.len() {
            malformed.add(|| format!("{:?} has {} fields, and not {}", shorten(line), fields.len(), columns.len()));
        } else {
            for ((_, guess), field) in columns.iter_mut().zip(fields) {
                let field = match std::str::from_utf8(&field) {
                    Ok(field) if !format.nulls.is_null(field) => Guess::of_value(field),
                    _ => Guess::Unknown,
                };
                *guess = std::mem::replace(guess, Guess::Unknown).or(field);
            }
        }
    }
    columns
}

pub(super) fn guess_json<'a>(lines: impl Iterator<Item = &'a [u8]>, malformed: &mut Malformed) -> Vec<(String, Guess)> {
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
