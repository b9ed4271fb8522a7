//! The records of many messages into columns, with those aside that are no rows: of values, or of keys. It knows no message.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use weir_core::connector::ConnectorError;

use crate::formats::read_options::TextFormat;
use crate::formats::reader::{BadRecord, Decode, Decoded};
use crate::formats::records::Record;
use crate::options;

/// The field of an envelope that has the row.
const PAYLOAD: &str = "payload";

/// Decodes records.
pub(super) struct Decoding {
    decoder: Box<dyn Decode>,
    is_enveloped: bool,
}

/// What records are.
pub(super) struct Part {
    /// Of the records that are rows.
    pub(super) columns: Vec<ArrayRef>,
    /// The others: the number of each, and what is wrong with it.
    pub(super) bad: BTreeMap<u64, String>,
}

impl Decoding {
    /// Of the columns `projection` of these. `is_enveloped`: each record is an object whose `payload` has the row.
    pub(super) fn new(
        name: &str,
        format: &TextFormat,
        schema: &SchemaRef,
        projection: &[usize],
        is_enveloped: bool,
    ) -> Result<Self, ConnectorError> {
        let projected = options::project(schema, projection)?;
        let decoder = match is_enveloped {
            false => format.decoder(name.to_owned(), Arc::clone(schema), projected, projection, None)(None)?,
            true => {
                let [schema, projected] = [schema, &projected].map(enveloped);
                format.decoder(name.to_owned(), schema, projected, &[0], None)(None)?
            }
        };
        Ok(Self { decoder, is_enveloped })
    }

    /// Decodes records, whose numbers ascend from 0.
    pub(super) fn decode(&mut self, bytes: &[u8], records: &[Record], explain: bool) -> Result<Part, ArrowError> {
        let Decoded { rows, bad } = self.decoder.decode(bytes, records, explain)?;
        let bad = bad.into_iter().map(|BadRecord { record, reason }| (record.line, reason)).collect();
        let part = Part { columns: rows.columns().to_vec(), bad };
        if self.is_enveloped { part.opened(&rows, records.len()) } else { Ok(part) }
    }
}

fn enveloped(schema: &SchemaRef) -> SchemaRef {
    let payload = DataType::Struct(schema.fields().clone());
    Arc::new(Schema::new(vec![Field::new(PAYLOAD, payload, true)]))
}

impl Part {
    /// The rows in envelopes, of so many records.
    fn opened(mut self, envelopes: &RecordBatch, records: usize) -> Result<Self, ArrowError> {
        let payload = envelopes.column(0).as_struct();
        self.columns = payload.columns().to_vec();
        let Some(there) = payload.nulls().filter(|nulls| nulls.null_count() > 0) else { return Ok(self) };
        let read: Vec<u64> = (0..records as u64).filter(|record| !self.bad.contains_key(record)).collect();
        let missing = read.iter().zip(there).filter(|(_, is_there)| !is_there);
        let reason = || "it has no payload: it is no envelope of Kafka Connect".to_owned();
        self.bad.extend(missing.map(|(record, _)| (*record, reason())));
        self.keep(there)?;
        Ok(self)
    }

    /// Leaves out the rows of records that are bad in another part, of so many records.
    pub(super) fn without(&mut self, others: &BTreeMap<u64, String>, records: usize) -> Result<(), ArrowError> {
        if others.keys().all(|record| self.bad.contains_key(record)) {
            return Ok(());
        }
        let read = (0..records as u64).filter(|record| !self.bad.contains_key(record));
        self.keep(&read.map(|record| !others.contains_key(&record)).collect())
    }

    fn keep(&mut self, kept: &NullBuffer) -> Result<(), ArrowError> {
        let kept = BooleanArray::new(kept.inner().clone(), None);
        for column in &mut self.columns {
            *column = arrow::compute::filter(column, &kept)?;
        }
        Ok(())
    }
}
