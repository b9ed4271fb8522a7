//! Arrow IPC files: the footer, and the rows of one record batch. A batch is in memory as a whole, so it has a limit.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::datatypes::SchemaRef;
use arrow::ipc::convert::try_fb_to_schema;
use arrow::ipc::reader::{FileDecoder, read_footer_length};
use arrow::ipc::{Block, MetadataVersion, root_as_footer};

use super::group_rows::{FOOTER_BYTES_MAX, GroupRows};

/// Bytes of a batch at most: it is read as a whole.
const BATCH_BYTES_MAX: u64 = 256 << 20;
/// The end of a file: the length of its footer, and what says that it is one.
const END_BYTES: usize = 10;

/// What the footer says.
pub(crate) struct ArrowFile {
    schema: SchemaRef,
    version: MetadataVersion,
    dictionaries: Vec<Block>,
    batches: Vec<Block>,
}

impl ArrowFile {
    pub(crate) fn open(file: &File) -> Result<Self, String> {
        let bytes = file.metadata().map_err(|error| error.to_string())?.len();
        let mut end = [0; END_BYTES];
        let begin = bytes.checked_sub(END_BYTES as u64);
        let is_whole = begin.is_some_and(|begin| file.read_exact_at(&mut end, begin).is_ok());
        let footer_bytes = if is_whole { read_footer_length(end).ok() } else { None };
        let footer_bytes =
            footer_bytes.ok_or("it is not an Arrow IPC file, or is not complete: its last bytes are not \"ARROW1\"")?;
        let Some(at) = begin.and_then(|begin| begin.checked_sub(footer_bytes as u64)) else {
            return Err(format!("it is damaged: its footer of {footer_bytes} bytes is longer than the file"));
        };
        if footer_bytes as u64 > FOOTER_BYTES_MAX {
            return Err(format!(
                "its footer is longer than {} MiB: write it with fewer batches",
                FOOTER_BYTES_MAX >> 20
            ));
        }
        let mut footer = vec![0; footer_bytes];
        file.read_exact_at(&mut footer, at).map_err(|error| error.to_string())?;
        let footer = root_as_footer(&footer).map_err(|error| format!("it is damaged: {error}"))?;
        let schema = footer.schema().ok_or("it is damaged: its footer has no columns")?;
        let schema = Arc::new(try_fb_to_schema(schema).map_err(|error| error.to_string())?);
        let dictionaries = footer.dictionaries().into_iter().flatten().map(|block| checked(*block, bytes));
        let batches = footer.recordBatches().into_iter().flatten().map(|block| checked(*block, bytes));
        let (dictionaries, batches) = (dictionaries.collect::<Result<_, _>>()?, batches.collect::<Result<_, _>>()?);
        Ok(Self { schema, version: footer.version(), dictionaries, batches })
    }

    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    pub(crate) fn group_bytes(&self) -> Vec<u64> {
        self.batches.iter().map(length).collect()
    }

    pub(crate) fn group(
        &self,
        file: &File,
        group: usize,
        row: u64,
        places: &[usize],
    ) -> Result<Box<dyn GroupRows>, String> {
        let said = |error: arrow::error::ArrowError| format!("it cannot be read as Arrow IPC: {error}");
        let mut decoder = FileDecoder::new(Arc::clone(&self.schema), self.version);
        for block in &self.dictionaries {
            decoder.read_dictionary(block, &read(file, block)?).map_err(said)?;
        }
        let block = self.batches.get(group).ok_or_else(|| format!("it has no batch {group}"))?;
        let decoder = decoder.with_projection(places.to_vec());
        let rows = decoder.read_record_batch(block, &read(file, block)?).map_err(said)?;
        let rows = rows.ok_or_else(|| format!("it is damaged: batch {group} is none"))?;
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

fn length(block: &Block) -> u64 {
    let metadata = u64::try_from(block.metaDataLength()).unwrap_or_default();
    metadata + u64::try_from(block.bodyLength()).unwrap_or_default()
}

/// A block, if it is in a file of so many bytes and no larger than it may be.
fn checked(block: Block, bytes: u64) -> Result<Block, String> {
    let is_positive = block.offset() >= 0 && block.metaDataLength() >= 8 && block.bodyLength() >= 0;
    let end = u64::try_from(block.offset()).ok().and_then(|offset| offset.checked_add(length(&block)));
    if !is_positive || end.is_none_or(|end| end > bytes) {
        return Err("it is damaged: a batch is outside of the file".to_owned());
    }
    if length(&block) > BATCH_BYTES_MAX {
        return Err(format!(
            "it has a batch of more than {} MiB: write it with smaller batches",
            BATCH_BYTES_MAX >> 20
        ));
    }
    Ok(block)
}

fn read(file: &File, block: &Block) -> Result<Buffer, String> {
    let mut bytes = vec![0; usize::try_from(length(block)).unwrap_or_default()];
    let at = u64::try_from(block.offset()).unwrap_or_default();
    file.read_exact_at(&mut bytes, at).map_err(|error| format!("it cannot be read: {error}"))?;
    Ok(Buffer::from_vec(bytes))
}
