//! `collection`: the rows stand in the pipeline file itself; one split.
//!
//! | option | default | |
//! |---|---|---|
//! | `rows` | required | `[ { column = value, ... }, ... ]`; a column that a row leaves out is null in it |
//! | `schema` | inferred from all rows | `{ column = "type", ... }`, see [`weir_core::column_type`] |
//!
//! A value is what TOML has for it: text, numbers, bools, dates and times, arrays, tables. Times may be written as text. An
//! offset is a number of rows.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use serde::Deserialize;
use toml::Spanned;
use weir_core::connector::{ConnectorError, Guarantee, Offset, Polled, Source, SourceReader, Split};
use weir_core::graph::Options;
use weir_core::time::{Clock, WatermarkStrategy};

use crate::formats::inference::{Guess, add, fields_of};
use crate::formats::json::JsonDecoder;
use crate::formats::read_options::{SchemaOption, given_schema};
use crate::formats::reader::{BadRecord, Decode, Decoded};
use crate::formats::records::Record;
use crate::options::{self, OrderedTable};

/// The name of the only split.
const SPLIT: &str = "rows";

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct CollectionOptions {
    rows: Vec<Spanned<OrderedTable<toml::Value>>>,
    schema: Option<SchemaOption>,
}

/// The source.
pub(crate) struct Collection {
    rows: RecordBatch,
}

impl Collection {
    /// Checks the options and makes the rows.
    pub(crate) fn open(options: &Options) -> Result<Self, ConnectorError> {
        let CollectionOptions { rows, schema } = options::parse(options)?;
        let json = rows.iter().map(|row| row_to_json(row.get_ref())).collect::<Result<Vec<_>, _>>()?;
        let schema = match schema {
            Some(schema) => given_schema(options, &schema, true)?,
            None if rows.is_empty() => {
                return Err(
                    options.error("rows", "`rows` is empty; give its columns with `schema = { column = \"type\" }`")
                );
            }
            None => infer(&json),
        };
        let mut decoder = JsonDecoder::new(Arc::clone(&schema), None);
        let (mut text, mut records) = (Vec::new(), Vec::with_capacity(json.len()));
        for (row, fields) in rows.iter().zip(&json) {
            if let Some((name, _)) =
                row.get_ref().0.iter().find(|(name, _)| schema.field_with_name(name.get_ref()).is_err())
            {
                let known: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
                let near = weir_core::names::did_you_mean(name.get_ref(), &known);
                let message = format!("`schema` has no column {:?}{near}", name.get_ref());
                return Err(ConnectorError::Option { message, span: Some(name.span()) });
            }
            let fields = fields.iter().cloned().collect::<serde_json::Map<_, _>>();
            let start = text.len();
            text.extend_from_slice(serde_json::Value::Object(fields).to_string().as_bytes());
            records.push(Record { start, end: text.len(), line: records.len() as u64 + 1 });
        }
        let decoded = decoder.decode(&text, &records, true);
        let Decoded { rows: batch, bad } =
            decoded.map_err(|error| options.error("rows", format!("`rows` cannot be made into columns: {error}")))?;
        match bad.into_iter().next() {
            None => Ok(Self { rows: batch }),
            Some(BadRecord { record, reason }) => {
                let row = usize::try_from(record.line - 1).ok().and_then(|index| rows.get(index));
                Err(ConnectorError::Option { message: reason, span: row.map(Spanned::span) })
            }
        }
    }
}

fn infer(rows: &[Vec<(String, serde_json::Value)>]) -> SchemaRef {
    let mut columns = Vec::new();
    for (name, value) in rows.iter().flatten() {
        add(&mut columns, name.clone(), Guess::of_json(value));
    }
    Arc::new(Schema::new(fields_of(&columns)))
}

fn row_to_json(row: &OrderedTable<toml::Value>) -> Result<Vec<(String, serde_json::Value)>, ConnectorError> {
    let field = |(name, value): &(Spanned<String>, Spanned<toml::Value>)| match to_json(value.get_ref()) {
        Some(json) => Ok((name.get_ref().clone(), json)),
        None => Err(ConnectorError::Option {
            message: "`rows` cannot contain nan and inf; read them from a file".to_owned(),
            span: Some(value.span()),
        }),
    };
    row.0.iter().map(field).collect()
}

/// The same value in JSON; dates and times as text.
fn to_json(value: &toml::Value) -> Option<serde_json::Value> {
    use serde_json::Value as Json;
    Some(match value {
        toml::Value::String(text) => Json::String(text.clone()),
        toml::Value::Integer(number) => Json::from(*number),
        toml::Value::Float(number) => Json::Number(serde_json::Number::from_f64(*number)?),
        toml::Value::Boolean(bool) => Json::Bool(*bool),
        toml::Value::Datetime(time) => Json::String(time.to_string()),
        toml::Value::Array(items) => Json::Array(items.iter().map(to_json).collect::<Option<_>>()?),
        toml::Value::Table(table) => Json::Object(
            table.iter().map(|(name, value)| Some((name.clone(), to_json(value)?))).collect::<Option<_>>()?,
        ),
    })
}

impl Source for Collection {
    fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }

    fn sample(&self, column: usize) -> Option<RecordBatch> {
        self.rows.project(&[column]).ok()
    }

    /// It ends, and its rows are in any order.
    fn default_watermark(&self) -> WatermarkStrategy {
        WatermarkStrategy::AtEnd
    }

    fn guarantee(&self) -> Guarantee {
        Guarantee::ExactlyOnce
    }

    fn splits(&self, _parallelism: usize) -> Result<Vec<Split>, ConnectorError> {
        Ok(vec![Split { id: SPLIT.to_owned() }])
    }

    fn reader(
        &self,
        split: &Split,
        projection: &[usize],
        offset: Option<&Offset>,
        _clock: Arc<dyn Clock>,
    ) -> Result<Box<dyn SourceReader>, ConnectorError> {
        options::project(&self.rows.schema(), projection)?;
        let rows =
            self.rows.project(projection).map_err(|error| ConnectorError::Data(format!("collection: {error}")))?;
        let next = match offset {
            None => Some(0),
            Some(offset) => {
                offset.as_u64().and_then(|next| usize::try_from(next).ok()).filter(|next| *next <= rows.num_rows())
            }
        };
        match next {
            Some(next) if split.id == SPLIT => Ok(Box::new(CollectionReader { rows, next })),
            _ => {
                Err(ConnectorError::Data(format!("collection has no split {:?} with the offset {offset:?}", split.id)))
            }
        }
    }
}

struct CollectionReader {
    /// From the first, whatever the offset.
    rows: RecordBatch,
    next: usize,
}

impl SourceReader for CollectionReader {
    fn poll(&mut self, rows_max: usize, _wait: Duration) -> Result<Polled, ConnectorError> {
        let len = rows_max.min(self.rows.num_rows() - self.next);
        if self.next == self.rows.num_rows() {
            return Ok(Polled::End);
        }
        let rows = self.rows.slice(self.next, len);
        self.next += len;
        Ok(Polled::Batch { rows, malformed: Vec::new() })
    }

    fn offset(&self) -> Offset {
        self.next.into()
    }

    fn progress(&self) -> Option<f64> {
        Some(self.next as f64 / self.rows.num_rows().max(1) as f64)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use weir_core::time::ManualClock;

    use super::*;
    use weir_core::column_type::type_name;

    fn open(toml: &str) -> Result<Collection, ConnectorError> {
        Collection::open(&Options::from_toml(toml, PathBuf::new()))
    }

    #[test]
    fn types_are_inferred_in_the_order_of_the_file() {
        let rows = "rows = [ { z = 1, at = 2013-01-01T05:17:00Z }, { a = [1.5], z = 2.5 }, { t = { x = true } } ]";
        let source = open(rows).unwrap();
        let columns: Vec<_> =
            source.schema().fields().iter().map(|f| format!("{} {}", f.name(), type_name(f.data_type()))).collect();
        assert_eq!(columns, ["z float64", "at timestamp(us, UTC)", "a list<float64>", "t struct<x: bool>"]);
        assert_eq!(source.rows.num_rows(), 3);
        assert_eq!(source.rows.column(0).null_count(), 1);
    }

    #[test]
    fn rows_continue_at_an_offset() {
        let source = open(
            "rows = [ { a = 1, b = 4 }, { a = 2, b = 5 }, { a = 3, b = 6 } ]\nschema = { b = \"uint8\", a = \"int64\" }",
        );
        let source = source.unwrap();
        let split = &source.splits(2).unwrap()[0];
        for start in 0..=3 {
            let clock = || Arc::new(ManualClock::default());
            let mut reader = source.reader(split, &[1], Some(&Offset::from(start)), clock()).unwrap();
            let mut rows = Vec::new();
            while let Polled::Batch { rows: batch, .. } = reader.poll(2, Duration::ZERO).unwrap() {
                assert_eq!(batch.schema().field(0).name(), "a");
                rows.push(batch.num_rows());
            }
            assert_eq!(rows.iter().sum::<usize>(), 3 - start);
            assert!(source.reader(split, &[1], Some(&Offset::from(4)), clock()).is_err());
        }
    }

    #[test]
    fn a_wrong_row_is_shown_in_its_place() {
        for (toml, place, reason) in [
            (
                "rows = [ { a = 1 }, { a = \"x\" } ]\nschema = { a = \"int64\" }",
                "{ a = \"x\" }",
                "column \"a\": \"x\" is not of the type int64",
            ),
            (
                "rows = [ { a = 1, bids = 2 } ]\nschema = { a = \"int64\", bid = \"int64\" }",
                "bids",
                "did you mean \"bid\"?",
            ),
            ("rows = [ { a = nan } ]", "nan", "nan and inf"),
            ("rows = []", "[]", "`rows` is empty"),
            ("rows = []\nschema = { a = \"itn64\" }", "\"itn64\"", "did you mean \"int64\"?"),
        ] {
            let Err(ConnectorError::Option { message, span: Some(span) }) = open(toml).map(|_| ()) else {
                panic!("{toml}")
            };
            assert!(message.contains(reason), "{message}");
            assert_eq!(&toml[span], place);
        }
    }
}
