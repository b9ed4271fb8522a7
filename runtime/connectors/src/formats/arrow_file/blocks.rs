//! Where the messages of an Arrow file are: its footer says it, or, in a stream, each message says where the next one begins. Reads no values.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use arrow::ipc::convert::try_fb_to_schema;
use arrow::ipc::reader::read_footer_length;
use arrow::ipc::{Block, MessageHeader, root_as_footer};

use super::message::{checked, length, parse, said};
use crate::formats::group_rows::FOOTER_BYTES_MAX;

/// The end of a file: the length of its footer, and what says that it is one.
const END_BYTES: usize = 10;
/// What every message of a stream begins with.
const MESSAGE_MARK: [u8; 4] = [0xff; 4];
/// Messages of dictionaries at most: each may add to one before it, which is then copied.
const DICTIONARIES_MAX: usize = 10_000;

/// Where they are.
pub(super) struct Blocks {
    pub(super) dictionaries: Vec<Block>,
    /// With the count of the dictionaries that are to be decoded before it.
    pub(super) batches: Vec<(Block, usize)>,
}

/// The columns and the blocks of a file or stream.
pub(super) fn find(file: &File) -> Result<(SchemaRef, Blocks), String> {
    let bytes = file.metadata().map_err(|error| error.to_string())?.len();
    let mut begin = [0; MESSAGE_MARK.len()];
    let is_stream = file.read_exact_at(&mut begin, 0).is_ok() && begin == MESSAGE_MARK;
    let (schema, blocks) = if is_stream { in_stream(file, bytes)? } else { in_footer(file, bytes)? };
    if blocks.dictionaries.len() > DICTIONARIES_MAX {
        return Err(format!("it has more than {DICTIONARIES_MAX} dictionaries: write it with plain columns"));
    }
    Ok((Arc::new(schema), blocks))
}

fn in_footer(file: &File, bytes: u64) -> Result<(Schema, Blocks), String> {
    let mut end = [0; END_BYTES];
    let begin = bytes.checked_sub(END_BYTES as u64);
    let is_whole = begin.is_some_and(|begin| file.read_exact_at(&mut end, begin).is_ok());
    let footer_bytes = if is_whole { read_footer_length(end).ok() } else { None };
    let footer_bytes = footer_bytes.ok_or(
        "it is not an Arrow IPC file, or is not complete: its last bytes are not \"ARROW1\", and it does not begin as a stream",
    )?;
    let Some(at) = begin.and_then(|begin| begin.checked_sub(footer_bytes as u64)) else {
        return Err(format!("it is damaged: its footer of {footer_bytes} bytes is longer than the file"));
    };
    if footer_bytes as u64 > FOOTER_BYTES_MAX {
        return Err(format!("its footer is longer than {} MiB: write it with fewer batches", FOOTER_BYTES_MAX >> 20));
    }
    let mut footer = vec![0; footer_bytes];
    file.read_exact_at(&mut footer, at).map_err(|error| error.to_string())?;
    let footer = root_as_footer(&footer).map_err(|error| format!("it is damaged: {error}"))?;
    let schema = footer.schema().ok_or("it is damaged: its footer has no columns")?;
    let schema = try_fb_to_schema(schema).map_err(|error| error.to_string())?;
    let dictionaries = footer.dictionaries().into_iter().flatten().map(|block| checked(*block, bytes));
    let dictionaries = dictionaries.collect::<Result<Vec<_>, _>>()?;
    let batches = footer.recordBatches().into_iter().flatten();
    let batches = batches.map(|block| Ok((checked(*block, bytes)?, dictionaries.len())));
    let batches = batches.collect::<Result<_, String>>()?;
    Ok((schema, Blocks { dictionaries, batches }))
}

fn in_stream(file: &File, bytes: u64) -> Result<(Schema, Blocks), String> {
    let cut_off = || "it is damaged: it is cut off within a message".to_owned();
    let (mut schema, mut blocks) = (None, Blocks { dictionaries: Vec::new(), batches: Vec::new() });
    let (mut at, mut described) = (0, 0);
    while at < bytes {
        let mut begin = [0; 8];
        file.read_exact_at(&mut begin, at).map_err(|_| cut_off())?;
        let [.., a, b, c, d] = begin;
        if !begin.starts_with(&MESSAGE_MARK) {
            return Err("it is damaged: no message begins where the one before ends".to_owned());
        }
        let description = u32::from_le_bytes([a, b, c, d]);
        if description == 0 {
            match bytes - at - begin.len() as u64 {
                0 => break,
                more => {
                    return Err(format!(
                        "{more} bytes are behind the end of its stream: each stream needs a file of its own"
                    ));
                }
            }
        }
        described += u64::from(description);
        if described > FOOTER_BYTES_MAX {
            return Err(format!(
                "what describes its batches is longer than {} MiB: write it with larger batches",
                FOOTER_BYTES_MAX >> 20
            ));
        }
        let mut message = vec![0; begin.len() + description as usize];
        file.read_exact_at(&mut message, at).map_err(|_| cut_off())?;
        let (offset, message_bytes) = (i64::try_from(at).unwrap_or(-1), i32::try_from(message.len()).unwrap_or(-1));
        let message = parse(&message)?;
        let block = checked(Block::new(offset, message_bytes, message.bodyLength()), bytes)?;
        match (message.header_type(), &schema) {
            (MessageHeader::Schema, None) => {
                let of = message.header_as_schema().ok_or("it is damaged: it has no columns")?;
                schema = Some(try_fb_to_schema(of).map_err(|error| said(&error))?);
            }
            (MessageHeader::DictionaryBatch, Some(_)) => blocks.dictionaries.push(block),
            (MessageHeader::RecordBatch, Some(_)) => blocks.batches.push((block, blocks.dictionaries.len())),
            (other, _) => return Err(format!("it is damaged: a message of the kind {other:?} is not expected")),
        }
        at += length(&block);
    }
    let schema = schema.ok_or("it is damaged: it has no columns")?;
    Ok((schema, blocks))
}
