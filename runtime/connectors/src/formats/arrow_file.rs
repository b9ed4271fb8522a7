//! Arrow IPC, as files with a footer and as streams: their columns, and the rows of one record batch. A batch is in memory as a whole, and so
//! are dictionaries, so both have limits.

mod blocks;
mod dictionaries;
mod message;

use std::fs::File;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::ipc::reader::read_record_batch;

pub(crate) use dictionaries::Dictionaries;

use super::group_rows::GroupRows;
use super::shared_values::has_shared;
use blocks::Blocks;
use message::{BATCH_BYTES_MAX, Encoded};

/// Where a file has its columns and rows.
pub(crate) struct ArrowFile {
    schema: SchemaRef,
    blocks: Blocks,
}

impl ArrowFile {
    pub(crate) fn open(file: &File) -> Result<Self, String> {
        let (schema, blocks) = blocks::find(file)?;
        Ok(Self { schema, blocks })
    }

    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    pub(crate) fn group_bytes(&self) -> Vec<u64> {
        self.blocks.batches.iter().map(|(block, _)| message::length(block)).collect()
    }

    /// `dictionaries`: those that were decoded for a group before this one.
    pub(crate) fn group(
        &self,
        file: &File,
        group: usize,
        row: u64,
        places: &[usize],
        dictionaries: &mut Dictionaries,
    ) -> Result<Box<dyn GroupRows>, String> {
        let batch = self.blocks.batches.get(group).ok_or_else(|| format!("it has no batch {group}"))?;
        let (block, dictionaries_before) = batch;
        if places.iter().any(|place| has_shared(self.schema.field(*place).data_type())) {
            let before = self.blocks.dictionaries.get(..*dictionaries_before).unwrap_or_default();
            dictionaries.decode(file, before, &self.schema)?;
        }
        let encoded = Encoded::read(file, block)?;
        let message = encoded.message()?;
        let batch = message.header_as_record_batch().ok_or_else(|| format!("it is damaged: batch {group} is none"))?;
        let body = encoded.body();
        let bytes = message::memory(&batch, &body)?;
        if bytes > BATCH_BYTES_MAX {
            return Err(message::too_large("a batch", "smaller batches"));
        }
        let version = message.version();
        let rows = read_record_batch(&body, batch, self.schema.clone(), dictionaries.by_id(), Some(places), &version);
        let rows = rows.map_err(|error| message::said(&error))?;
        let skipped = usize::try_from(row).ok().filter(|row| *row <= rows.num_rows());
        let skipped = skipped.ok_or_else(|| format!("batch {group} has {} rows, and not {row}", rows.num_rows()))?;
        Ok(Box::new(ArrowRows { rest: rows.slice(skipped, rows.num_rows() - skipped) }))
    }
}

struct ArrowRows {
    rest: RecordBatch,
}

impl GroupRows for ArrowRows {
    fn next(&mut self, rows_max: usize) -> Result<Option<RecordBatch>, String> {
        let rows = rows_max.min(self.rest.num_rows());
        if rows == 0 {
            return Ok(None);
        }
        let next = self.rest.slice(0, rows);
        self.rest = self.rest.slice(rows, self.rest.num_rows() - rows);
        Ok(Some(next))
    }
}
