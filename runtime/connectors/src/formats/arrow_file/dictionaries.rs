//! The dictionaries of an Arrow file: each is decoded once, however many batches use it, and all that are in use at once have a limit.

use std::collections::HashMap;
use std::fs::File;

use arrow::array::ArrayRef;
use arrow::datatypes::Schema;
use arrow::ipc::Block;
use arrow::ipc::reader::read_dictionary;

use super::message::{BATCH_BYTES_MAX, Encoded, memory, said, too_large};

/// What dictionaries are after some of their messages.
#[derive(Default)]
pub(crate) struct Dictionaries {
    /// How many messages these were.
    decoded: usize,
    by_id: HashMap<i64, ArrayRef>,
    /// What each takes.
    bytes: HashMap<i64, u64>,
}

impl Dictionaries {
    /// Brings them up to date with these messages, of which it has decoded some.
    pub(super) fn decode(&mut self, file: &File, messages: &[Block], schema: &Schema) -> Result<(), String> {
        if messages.len() < self.decoded {
            *self = Self::default();
        }
        for block in messages.iter().skip(self.decoded) {
            let encoded = Encoded::read(file, block)?;
            let message = encoded.message()?;
            let damaged = || "it is damaged: a dictionary is none".to_owned();
            let dictionary = message.header_as_dictionary_batch().ok_or_else(damaged)?;
            let (id, body) = (dictionary.id(), encoded.body());
            let bytes = memory(&dictionary.data().ok_or_else(damaged)?, &body)?;
            let before = if dictionary.isDelta() { self.bytes.get(&id).copied().unwrap_or_default() } else { 0 };
            self.bytes.insert(id, before.saturating_add(bytes));
            if self.bytes.values().fold(0, |sum: u64, bytes| sum.saturating_add(*bytes)) > BATCH_BYTES_MAX {
                return Err(too_large("dictionaries", "plain columns"));
            }
            let version = message.version();
            read_dictionary(&body, dictionary, schema, &mut self.by_id, &version).map_err(|error| said(&error))?;
            self.decoded += 1;
        }
        Ok(())
    }

    pub(super) fn by_id(&self) -> &HashMap<i64, ArrayRef> {
        &self.by_id
    }
}
