//! A part: one kind of state of one operator in one subtask, as an Arrow IPC file, a batch per key group. Never trusts what it
//! reads: a file with the right checksum may still have been made by somebody else.

use std::panic::catch_unwind;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::convert::try_fb_to_schema;
use arrow::ipc::reader::{FileDecoder, read_footer_length};
use arrow::ipc::writer::FileWriter;
use arrow::ipc::{Block, root_as_footer};

use super::manifest::StoredFile;

/// The version of the header, which is in the schema's metadata.
const PART_VERSION: &str = "1";
/// The footer's length and the magic that end a file.
const TRAILER_BYTES: usize = 10;
/// What the footer and the messages take beside the columns, a batch: a guess, so that the file is not copied while it grows.
const FRAME_BYTES: usize = 1 << 10;

/// What a part says of itself, in the metadata of its schema; the manifest says the same.
#[derive(Clone, Copy, Debug)]
pub(super) struct PartHeader<'a> {
    pub(super) job: &'a str,
    pub(super) generation: u64,
    pub(super) attempt: u64,
    pub(super) subtask: &'a str,
    pub(super) operator: &'a str,
    pub(super) state: &'a str,
}

impl PartHeader<'_> {
    fn metadata(&self, groups: impl Iterator<Item = Option<u32>>) -> [(&'static str, String); 8] {
        let groups: Vec<String> = groups.map(|g| g.map_or_else(|| "-".to_owned(), |g| g.to_string())).collect();
        [
            ("weir.part", PART_VERSION.to_owned()),
            ("weir.job", self.job.to_owned()),
            ("weir.generation", self.generation.to_string()),
            ("weir.attempt", self.attempt.to_string()),
            ("weir.subtask", self.subtask.to_owned()),
            ("weir.operator", self.operator.to_owned()),
            ("weir.state", self.state.to_owned()),
            ("weir.key-groups", groups.join(" ")),
        ]
    }
}

/// The file. All batches have this schema.
pub(super) fn encode(
    header: &PartHeader<'_>,
    schema: &Schema,
    batches: &[(Option<u32>, &RecordBatch)],
) -> Result<Vec<u8>, ArrowError> {
    let mut metadata = schema.metadata().clone();
    metadata.extend(header.metadata(batches.iter().map(|(g, _)| *g)).map(|(key, value)| (key.to_owned(), value)));
    let schema = schema.clone().with_metadata(metadata);
    let bytes: usize = batches.iter().map(|(_, batch)| FRAME_BYTES + bytes_of(batch)).sum();
    let mut writer = FileWriter::try_new(Vec::with_capacity(2 * FRAME_BYTES + bytes), &schema)?;
    for (_, batch) in batches {
        writer.write(batch)?;
    }
    writer.into_inner()
}

/// What the columns of a batch take in a file, about.
pub(super) fn bytes_of(batch: &RecordBatch) -> usize {
    batch.columns().iter().filter_map(|column| column.to_data().get_slice_memory_size().ok()).sum()
}

/// The batches of a file, which share its memory. The error is the second half of a sentence that begins with the file.
pub(super) fn decode(header: &PartHeader<'_>, stored: &StoredFile, file: &Buffer) -> Result<Vec<RecordBatch>, String> {
    // Arrow checks most of what a file says by an error, and some by a panic.
    catch_unwind(|| decode_file(header, stored, file))
        .unwrap_or_else(|_| Err("is no Arrow file: its columns are not what its messages say".to_owned()))
}

fn decode_file(header: &PartHeader<'_>, stored: &StoredFile, file: &Buffer) -> Result<Vec<RecordBatch>, String> {
    let arrow = |e: ArrowError| format!("is no Arrow file: {e}");
    let torn = || "is no Arrow file: its end is missing".to_owned();
    let trailer = file.len().checked_sub(TRAILER_BYTES).ok_or_else(torn)?;
    let footer_bytes = read_footer_length(file[trailer..].try_into().map_err(|_| torn())?).map_err(arrow)?;
    let start = trailer.checked_sub(footer_bytes).ok_or_else(torn)?;
    let footer = root_as_footer(&file[start..trailer]).map_err(|e| format!("has a footer that is none: {e}"))?;
    let schema = footer.schema().ok_or("has no schema")?;
    let schema = check_header(header, stored, try_fb_to_schema(schema).map_err(arrow)?)?;

    let mut decoder = FileDecoder::new(schema, footer.version());
    for block in footer.dictionaries().iter().flatten() {
        let buffer = message(file, block)?;
        decoder.read_dictionary(block, &buffer).map_err(arrow)?;
    }
    let blocks = footer.recordBatches().ok_or("has no batches")?;
    if blocks.len() != stored.batches.len() {
        return Err(format!("has {} batches where the manifest has {}", blocks.len(), stored.batches.len()));
    }
    let mut batches = Vec::with_capacity(blocks.len());
    for (block, (_, rows)) in blocks.iter().zip(&stored.batches) {
        let batch = decoder.read_record_batch(block, &message(file, block)?).map_err(arrow)?;
        let batch = batch.ok_or("has an empty message where a batch should be")?;
        if batch.num_rows() as u64 != *rows {
            return Err(format!("has {} rows in a batch where the manifest has {rows}", batch.num_rows()));
        }
        batches.push(batch);
    }
    Ok(batches)
}

/// The schema as it was before [`encode`] added the header.
fn check_header(header: &PartHeader<'_>, stored: &StoredFile, schema: Schema) -> Result<SchemaRef, String> {
    let mut metadata = schema.metadata().clone();
    for (key, expected) in header.metadata(stored.batches.iter().map(|(g, _)| *g)) {
        match metadata.remove(key) {
            Some(found) if found == expected => {}
            found => {
                let found = found.unwrap_or_default();
                return Err(format!("says that its {key} is {found:?} where the manifest has {expected:?}"));
            }
        }
    }
    Ok(Arc::new(schema.with_metadata(metadata)))
}

fn message(file: &Buffer, block: &Block) -> Result<Buffer, String> {
    let size = |n: i64| usize::try_from(n).ok();
    let place =
        || Some((size(block.offset())?, size(block.metaDataLength().into())?.checked_add(size(block.bodyLength())?)?));
    match place() {
        Some((start, bytes)) if start.checked_add(bytes).is_some_and(|end| end <= file.len()) => {
            Ok(file.slice_with_length(start, bytes))
        }
        _ => Err("has a message that is not where its footer says".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Array, ArrayRef, DictionaryArray, Int64Array, ListArray, StringArray, StructArray};
    use arrow::datatypes::{Int32Type, Int64Type};

    const HEADER: PartHeader<'static> =
        PartHeader { job: "j", generation: 1, attempt: 2, subtask: "s/0", operator: "o", state: "panes" };

    fn rows() -> RecordBatch {
        let text: ArrayRef = Arc::new(StringArray::from(vec![Some("ä"), None, Some("bcd")]));
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
        let lists = ListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1), None]), None, Some(vec![])]);
        let pair = StructArray::try_from(vec![("n", Arc::clone(&numbers)), ("t", Arc::clone(&text))]).unwrap();
        let words: DictionaryArray<Int32Type> = [Some("x"), None, Some("y")].into_iter().collect();
        let columns: [(&str, ArrayRef, bool); 5] = [
            ("text", text, true),
            ("numbers", numbers, false),
            ("lists", Arc::new(lists), true),
            ("pair", Arc::new(pair), true),
            ("words", Arc::new(words), true),
        ];
        RecordBatch::try_from_iter_with_nullable(columns).unwrap()
    }

    fn file() -> (StoredFile, Vec<u8>) {
        let rows = rows();
        let bytes = encode(&HEADER, &rows.schema(), &[(Some(3), &rows)]).unwrap();
        let (name, path) = ("panes".to_owned(), "parts/1-2/x.arrow".to_owned());
        let batches = vec![(Some(3), 3)];
        (StoredFile { name, path, bytes: bytes.len() as u64, checksum: String::new(), batches }, bytes)
    }

    /// The checksum finds these first; but it guards against accidents, not against somebody who makes files.
    #[test]
    fn no_byte_makes_it_panic() {
        let (stored, bytes) = file();
        assert_eq!(decode(&HEADER, &stored, &Buffer::from_vec(bytes.clone())).unwrap(), [rows()]);
        let mut refused = 0;
        for position in 0..bytes.len() {
            for flip in [1, 0x10, 0x80, 0xff] {
                let mut bytes = bytes.clone();
                bytes[position] ^= flip;
                refused += usize::from(decode(&HEADER, &stored, &Buffer::from_vec(bytes)).is_err());
            }
            assert!(decode(&HEADER, &stored, &Buffer::from_vec(bytes[..position].to_vec())).is_err());
        }
        assert!(refused > bytes.len() / 2, "{refused} of {} flips were refused", 4 * bytes.len());
    }

    #[test]
    fn columns_share_the_memory_of_the_file() {
        let (stored, bytes) = file();
        let file = Buffer::from_vec(bytes);
        let read = decode(&HEADER, &stored, &file).unwrap().remove(0);
        let values = read.column(1).to_data().buffers()[0].as_ptr();
        assert!(file.as_slice().as_ptr_range().contains(&values));
    }
}
