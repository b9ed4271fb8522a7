//! [`MapState`]: entries of slots, each found by a key of its own and in the order of these keys; [`FrozenMap`]: what they were at
//! one moment. Never knows which key a slot stands for.
//!
//! Entry keys are in Arrow's row format, whose bytes have the order of the values; values are in it too, so that an entry of any
//! columns is two byte strings. All of them are in one persistent tree: to freeze it is to keep its root, and what is
//! written then copies the nodes on the way to it.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, UInt32Array};
use arrow::buffer::BooleanBuffer;
use arrow::compute::take;
use arrow::datatypes::{DataType, FieldRef, SchemaRef};
use arrow::row::{RowConverter, Rows, SortField};
use imbl::OrdMap;

use crate::key_groups::GroupTables;
use crate::key_index::check_type;
use crate::keyed_state::{FrozenState, batch_of, schema_of};
use crate::{KeyedState, StateError};

/// In the metadata of a table of a snapshot: how many of the columns after the key's are those that entries are found by.
const ENTRY_KEY_COLUMNS: &str = "entry_key_columns";

/// The entries of all slots. Reading is what [`FrozenMap`] does.
#[derive(Debug)]
pub struct MapState {
    entries: FrozenMap,
    /// How many entries each slot has: what keeps a key without a state alive.
    of_slot: Vec<u32>,
    /// Bytes of the entries.
    bytes: u64,
}

/// Bytes that an entry takes beside its own: two counted pointers with their counts, and its share of the tree's nodes.
pub const MAP_ENTRY_BYTES: u64 = 112;

/// All entries at one moment, whatever became of them since.
#[derive(Clone, Debug)]
pub struct FrozenMap {
    keys: Arc<RowCodec>,
    values: Arc<RowCodec>,
    /// A slot, big-endian, before the encoded entry key; the encoded value.
    tree: OrdMap<Arc<[u8]>, Arc<[u8]>>,
}

/// Entries that were asked for by their keys.
#[derive(Clone, Debug)]
pub struct Entries {
    /// Whether each is there.
    pub present: BooleanBuffer,
    /// The value columns, one row per entry asked for; null where it is not there.
    pub values: Vec<ArrayRef>,
}

/// Some entries of a slot in a row.
#[derive(Clone, Debug)]
pub struct EntryRun {
    /// How many.
    pub len: usize,
    /// Their key columns, ascending.
    pub entry_keys: Vec<ArrayRef>,
    /// Their value columns.
    pub values: Vec<ArrayRef>,
    /// Whether more follow up to the upper bound.
    pub more: bool,
}

impl MapState {
    /// No entries.
    ///
    /// # Errors
    /// If a column has a type that cannot be ordered.
    pub fn new(key_fields: &[FieldRef], value_fields: &[FieldRef]) -> Result<Self, StateError> {
        let (keys, values) = (Arc::new(RowCodec::new(key_fields)?), Arc::new(RowCodec::new(value_fields)?));
        Ok(Self { entries: FrozenMap { keys, values, tree: OrdMap::new() }, of_slot: Vec::new(), bytes: 0 })
    }

    /// The entries as they are now; nothing is copied.
    #[must_use]
    pub fn freeze(&self) -> FrozenMap {
        self.entries.clone()
    }

    /// Bytes that the entries take.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        self.bytes + (self.of_slot.len() * size_of::<u32>()) as u64
    }

    /// Whether a slot has any entry.
    #[must_use]
    pub fn contains(&self, slot: u32) -> bool {
        self.of_slot.get(slot as usize).is_some_and(|entries| *entries > 0)
    }

    /// Writes entries, one per row, in order; one that is not present is removed, if it is there.
    ///
    /// # Errors
    /// If the columns are not those of the map; nothing is written then.
    pub fn put(
        &mut self,
        slots: &[u32],
        entry_keys: &[ArrayRef],
        present: Option<&BooleanBuffer>,
        values: &[ArrayRef],
    ) -> Result<(), StateError> {
        let keys = self.entries.keys.encode("entry key column", entry_keys, slots.len())?;
        let values = self.entries.values.encode("value column", values, slots.len())?;
        let mut key = Vec::new();
        for (row, slot) in slots.iter().enumerate() {
            tree_key(&mut key, *slot, keys.row(row));
            if present.is_none_or(|present| present.value(row)) {
                let value: Arc<[u8]> = values.row(row).into();
                self.bytes += entry_bytes(&key, &value);
                let before = self.entries.tree.insert(key.as_slice().into(), value);
                self.bytes -= before.as_ref().map_or(0, |value| entry_bytes(&key, value));
                self.count(*slot, |entries| entries + u32::from(before.is_none()));
            } else if let Some(value) = self.entries.tree.remove(key.as_slice()) {
                self.bytes -= entry_bytes(&key, &value);
                self.count(*slot, |entries| entries - 1);
            }
        }
        Ok(())
    }

    /// Removes all entries of a slot.
    pub fn clear(&mut self, slot: u32) {
        let first = slot.to_be_bytes();
        let from = self.entries.tree.range::<_, [u8]>((Bound::Included(&first[..]), Bound::Unbounded));
        let keys: Vec<_> = from.map(|(key, _)| key).take_while(|key| key.starts_with(&first)).cloned().collect();
        for key in keys {
            self.bytes -= self.entries.tree.remove(&*key).map_or(0, |value| entry_bytes(&key, &value));
        }
        self.count(slot, |_| 0);
    }

    /// Adds the entries of one table of a snapshot; `slots` are those of its keys, `state` is where they are.
    ///
    /// # Errors
    /// If the table has other columns than this map.
    pub fn restore(&mut self, state: &KeyedState, rows: &RecordBatch, slots: &[u32]) -> Result<(), StateError> {
        let keys = state.keys().fields().len();
        let schema = rows.schema_ref();
        let columns = keys + self.entries.keys.fields.len() + self.entries.values.fields.len();
        let count = |what, found, expected| StateError::Count { what, found, expected };
        if rows.num_columns() != columns {
            return Err(count("columns of a snapshot of a map", rows.num_columns(), columns));
        }
        let of_key = schema.metadata().get(ENTRY_KEY_COLUMNS).and_then(|columns| columns.parse().ok()).unwrap_or(0);
        if of_key != self.entries.keys.fields.len() {
            return Err(count("columns that entries are found by", of_key, self.entries.keys.fields.len()));
        }
        let fields = self.entries.keys.fields.iter().chain(&self.entries.values.fields);
        for ((field, found), column) in fields.zip(&schema.fields()[keys..]).zip(&rows.columns()[keys..]) {
            if field.name() != found.name() {
                return Err(StateError::Name { expected: field.name().clone(), found: found.name().clone() });
            }
            if !field.is_nullable() && column.null_count() > 0 {
                return Err(StateError::Null { column: field.name().clone() });
            }
        }
        let (entry_keys, values) = rows.columns()[keys..].split_at(of_key);
        self.put(slots, entry_keys, None, values)
    }

    fn count(&mut self, slot: u32, change: impl Fn(u32) -> u32) {
        let slot = slot as usize;
        if slot >= self.of_slot.len() {
            self.of_slot.resize(slot + 1, 0);
        }
        self.of_slot[slot] = change(self.of_slot[slot]);
    }
}

fn entry_bytes(key: &[u8], value: &[u8]) -> u64 {
    MAP_ENTRY_BYTES + (key.len() + value.len()) as u64
}

impl FrozenMap {
    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tree.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tree.is_empty()
    }

    /// The values of entries; `entry_keys` has a row for each of `slots`.
    ///
    /// # Errors
    /// [`StateError::TooLarge`] if they have more than `bytes_max` bytes, encoded or as columns; others if the columns are not those of the map.
    pub fn get(&self, slots: &[u32], entry_keys: &[ArrayRef], bytes_max: usize) -> Result<Entries, StateError> {
        let keys = self.keys.encode("entry key column", entry_keys, slots.len())?;
        let null_bytes: usize = self.values.fields.iter().map(|field| null_bytes(field.data_type())).sum();
        let (mut key, mut found, mut bytes) = (Vec::new(), Vec::new(), 0_usize);
        let mut at = Vec::with_capacity(slots.len());
        for (row, slot) in slots.iter().enumerate() {
            tree_key(&mut key, *slot, keys.row(row));
            let value = self.tree.get(key.as_slice());
            at.push(value.map(|_| found.len() as u32));
            // What is not there has a row of nulls too.
            bytes = bytes.saturating_add(value.map_or(null_bytes, |value| value.len().max(null_bytes)));
            if bytes > bytes_max {
                return Err(StateError::TooLarge { bytes_max });
            }
            found.extend(value.map(|value| &**value));
        }
        let present: BooleanBuffer = at.iter().map(Option::is_some).collect();
        let mut values = self.values.decode(found.iter().copied())?;
        if found.len() < slots.len() {
            let at = UInt32Array::from(at);
            values = values.iter().map(|column| take(column, &at, None)).collect::<Result<_, _>>()?;
        }
        Ok(Entries { present, values })
    }

    /// The first entries of a slot between two bounds, each an entry key of one row: at most `limit`, and no more once they have
    /// `bytes_max` bytes, encoded.
    ///
    /// # Errors
    /// If the columns are not those of the map.
    pub fn scan(
        &self,
        slot: u32,
        lower: Bound<&[ArrayRef]>,
        upper: Bound<&[ArrayRef]>,
        limit: usize,
        bytes_max: usize,
    ) -> Result<EntryRun, StateError> {
        let lower = match self.bound(slot, lower)? {
            Bound::Unbounded => Bound::Included(slot.to_be_bytes().to_vec()),
            bound => bound,
        };
        let upper = match self.bound(slot, upper)? {
            Bound::Unbounded => match slot.checked_add(1) {
                Some(next) => Bound::Excluded(next.to_be_bytes().to_vec()),
                None => Bound::Unbounded,
            },
            bound => bound,
        };
        let (mut keys, mut values, mut bytes, mut more) = (Vec::new(), Vec::new(), 0_usize, false);
        if !is_empty_range(&lower, &upper) {
            let range = (lower.as_ref().map(Vec::as_slice), upper.as_ref().map(Vec::as_slice));
            for (key, value) in self.tree.range::<_, [u8]>(range) {
                if keys.len() >= limit || bytes >= bytes_max {
                    more = true;
                    break;
                }
                bytes = bytes.saturating_add(key.len() + value.len());
                keys.push(&key[SLOT_BYTES..]);
                values.push(&**value);
            }
        }
        let len = keys.len();
        let (entry_keys, values) = (self.keys.decode(keys.into_iter())?, self.values.decode(values.into_iter())?);
        Ok(EntryRun { len, entry_keys, values, more })
    }

    /// All entries by key group: the key columns, then the columns that an entry is found by, then those of its value, one row per
    /// entry. `state` is of the same moment. A large group comes in several parts.
    ///
    /// # Errors
    /// If Arrow cannot put the rows together.
    pub fn tables(&self, state: &FrozenState, key_groups: u32) -> Result<Vec<(u32, RecordBatch)>, StateError> {
        let entries: Vec<(&[u8], &[u8])> = self.tree.iter().map(|(key, value)| (&**key, &**value)).collect();
        let slot_of = |key: &[u8]| key.first_chunk().map_or(0, |slot| u32::from_be_bytes(*slot));
        let slots: Vec<u32> = entries.iter().map(|(key, _)| slot_of(key)).collect();
        let schema = self.schema(state.key_fields());
        let mut tables = GroupTables::new(Arc::clone(&schema), key_groups);
        let columns = |rows: &[u32]| -> Result<RecordBatch, StateError> {
            let of = || rows.iter().map(|row| entries[*row as usize]);
            let slots: Vec<u32> = rows.iter().map(|row| slots[*row as usize]).collect();
            let mut columns = state.keys().keys(&slots)?;
            columns.extend(self.keys.decode(of().map(|(key, _)| &key[SLOT_BYTES..]))?);
            columns.extend(self.values.decode(of().map(|(_, value)| value))?);
            batch_of(&schema, columns, rows.len())
        };
        tables.add(slots.len(), |rows| state.keys().hashes(&slots[rows]), columns)?;
        Ok(tables.finish()?)
    }

    fn schema(&self, keys: &[FieldRef]) -> SchemaRef {
        let schema = schema_of(keys, &[&self.keys.fields[..], &self.values.fields].concat());
        let metadata = BTreeMap::from([(ENTRY_KEY_COLUMNS.to_owned(), self.keys.fields.len().to_string())]);
        Arc::new(schema.as_ref().clone().with_metadata(metadata))
    }

    fn bound(&self, slot: u32, bound: Bound<&[ArrayRef]>) -> Result<Bound<Vec<u8>>, StateError> {
        let key = |columns: &[ArrayRef]| {
            let rows = self.keys.encode("entry key column", columns, 1)?;
            let mut key = Vec::new();
            tree_key(&mut key, slot, rows.row(0));
            Ok::<_, StateError>(key)
        };
        Ok(match bound {
            Bound::Included(columns) => Bound::Included(key(columns)?),
            Bound::Excluded(columns) => Bound::Excluded(key(columns)?),
            Bound::Unbounded => Bound::Unbounded,
        })
    }
}

const SLOT_BYTES: usize = size_of::<u32>();

fn tree_key(key: &mut Vec<u8>, slot: u32, entry_key: &[u8]) {
    key.clear();
    key.extend_from_slice(&slot.to_be_bytes());
    key.extend_from_slice(entry_key);
}

/// Whether nothing can be between two bounds: a tree need not be asked, and might object.
fn is_empty_range(lower: &Bound<Vec<u8>>, upper: &Bound<Vec<u8>>) -> bool {
    match (lower, upper) {
        (Bound::Included(lower), Bound::Included(upper)) => lower > upper,
        (Bound::Included(lower) | Bound::Excluded(lower), Bound::Included(upper) | Bound::Excluded(upper)) => {
            lower >= upper
        }
        _ => false,
    }
}

/// Rows of some columns as bytes, and back.
#[derive(Debug)]
struct RowCodec {
    fields: Vec<FieldRef>,
    /// `None`: there is no column, and a row has no bytes.
    converter: Option<RowConverter>,
}

/// The bytes of some rows.
enum Encoded {
    Rows(Rows),
    Nothing,
}

impl RowCodec {
    fn new(fields: &[FieldRef]) -> Result<Self, StateError> {
        let of = |field: &FieldRef| SortField::new(field.data_type().clone());
        if let Some(field) = fields.iter().find(|field| !RowConverter::supports_fields(&[of(field)])) {
            return Err(StateError::KeyType { column: field.name().clone(), data_type: field.data_type().clone() });
        }
        let converter = match fields {
            [] => None,
            fields => Some(RowConverter::new(fields.iter().map(of).collect())?),
        };
        Ok(Self { fields: fields.to_vec(), converter })
    }

    fn encode(&self, what: &'static str, columns: &[ArrayRef], rows: usize) -> Result<Encoded, StateError> {
        if columns.len() != self.fields.len() {
            return Err(StateError::Count { what, found: columns.len(), expected: self.fields.len() });
        }
        for (index, (column, field)) in columns.iter().zip(&self.fields).enumerate() {
            check_type(what, index, column.data_type(), field.data_type())?;
            if column.len() != rows {
                return Err(StateError::Count {
                    what: "rows of a column of a map",
                    found: column.len(),
                    expected: rows,
                });
            }
        }
        Ok(match &self.converter {
            Some(converter) => Encoded::Rows(converter.convert_columns(columns)?),
            None => Encoded::Nothing,
        })
    }

    fn decode<'a>(&self, rows: impl Iterator<Item = &'a [u8]>) -> Result<Vec<ArrayRef>, StateError> {
        let Some(converter) = &self.converter else { return Ok(Vec::new()) };
        let parser = converter.parser();
        Ok(converter.convert_rows(rows.map(|row| parser.parse(row)))?)
    }
}

impl Encoded {
    fn row(&self, row: usize) -> &[u8] {
        match self {
            Self::Rows(rows) => rows.row(row).data(),
            Self::Nothing => &[],
        }
    }
}

/// Bytes of a null in a column, at least.
fn null_bytes(data_type: &DataType) -> usize {
    match data_type {
        DataType::Struct(fields) => fields.iter().map(|field| null_bytes(field.data_type())).sum(),
        // An offset.
        DataType::Utf8 | DataType::Binary | DataType::List(_) => size_of::<i32>(),
        flat => flat.primitive_width().unwrap_or(1),
    }
}
