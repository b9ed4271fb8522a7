//! Rows in flight. Never holds a row by itself: a stream moves in columns.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::DataType;

/// Rows of one stream, with the time that each of them happened.
#[derive(Clone, Debug)]
pub struct StreamBatch {
    /// The columns.
    pub rows: RecordBatch,
    /// Event time, microseconds since the epoch, one per row.
    pub event_times: ScalarBuffer<i64>,
    /// When the youngest of the rows that these came from entered the pipeline, microseconds on the engine's clock.
    pub ingested_at: i64,
    /// What each row does to the rows before it; `None`: every row is an insert.
    pub row_kinds: Option<RowKinds>,
    /// Hashes of the key columns, if the exchange has computed them; dropped when columns are changed or projected.
    pub key_hashes: Option<KeyHashes>,
}

/// What [`hash_keys`](crate::key_group::hash_keys) gives for some columns of a batch: on its way to a keyed operator it is made once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyHashes {
    columns: Arc<[usize]>,
    hashes: ScalarBuffer<u64>,
}

impl KeyHashes {
    /// One hash per row, of the columns with these indices.
    #[must_use]
    pub fn new(columns: Arc<[usize]>, hashes: ScalarBuffer<u64>) -> Self {
        Self { columns, hashes }
    }

    /// The hashes, if they are of these columns in this order.
    #[must_use]
    pub fn of(&self, columns: &[usize]) -> Option<&[u64]> {
        (*self.columns == *columns).then_some(&*self.hashes)
    }

    /// The columns that they are of.
    #[must_use]
    pub fn columns(&self) -> &Arc<[usize]> {
        &self.columns
    }

    /// The hash of each row.
    #[must_use]
    pub fn hashes(&self) -> &ScalarBuffer<u64> {
        &self.hashes
    }

    /// Those of the rows at these indices.
    #[must_use]
    pub fn take(&self, indices: &[u32]) -> Self {
        let hashes = indices.iter().map(|index| self.hashes[*index as usize]).collect();
        Self { columns: Arc::clone(&self.columns), hashes }
    }
}

/// What a row of an updating stream does, in the order and with the numbers of the operators' contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum RowKind {
    /// A new row.
    Insert = 0,
    /// The row as it was, right before [`RowKind::UpdateAfter`].
    UpdateBefore = 1,
    /// The row as it is from now on.
    UpdateAfter = 2,
    /// The row is gone.
    Delete = 3,
}

impl RowKind {
    /// Whether it takes a row back.
    #[must_use]
    pub fn takes_back(self) -> bool {
        matches!(self, Self::UpdateBefore | Self::Delete)
    }

    /// `+I`, `-U`, `+U` or `-D`.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Insert => "+I",
            Self::UpdateBefore => "-U",
            Self::UpdateAfter => "+U",
            Self::Delete => "-D",
        }
    }
}

/// The kind of each row of a batch, one byte per row; every value is a [`RowKind`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowKinds(ScalarBuffer<u8>);

impl RowKinds {
    /// One kind per row; `None`: a byte is none.
    #[must_use]
    pub fn new(kinds: ScalarBuffer<u8>) -> Option<Self> {
        kinds.iter().all(|kind| *kind <= RowKind::Delete as u8).then_some(Self(kinds))
    }

    /// The kind of a row.
    #[must_use]
    pub fn get(&self, row: usize) -> RowKind {
        match self.0[row] {
            0 => RowKind::Insert,
            1 => RowKind::UpdateBefore,
            2 => RowKind::UpdateAfter,
            _ => RowKind::Delete,
        }
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &ScalarBuffer<u8> {
        &self.0
    }

    /// `len` rows from `offset` on.
    #[must_use]
    pub fn slice(&self, offset: usize, len: usize) -> Self {
        Self(self.0.slice(offset, len))
    }

    /// Those of the rows at these indices.
    #[must_use]
    pub fn take(&self, indices: &[u32]) -> Self {
        Self(indices.iter().map(|index| self.0[*index as usize]).collect())
    }
}

impl StreamBatch {
    /// Rows that are all inserts.
    #[must_use]
    pub fn new(rows: RecordBatch, event_times: ScalarBuffer<i64>, ingested_at: i64) -> Self {
        Self { rows, event_times, ingested_at, row_kinds: None, key_hashes: None }
    }

    /// How many rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.event_times.len()
    }

    /// Whether it has no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.event_times.is_empty()
    }

    /// What a row does to the rows before it.
    #[must_use]
    pub fn row_kind(&self, row: usize) -> RowKind {
        self.row_kinds.as_ref().map_or(RowKind::Insert, |kinds| kinds.get(row))
    }

    /// Bytes of its columns' values, those of other rows of the same buffers apart. It looks at no row of the usual types.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.rows.columns().iter().map(|column| array_bytes(column)).sum()
    }

    /// `len` rows from `offset` on, sharing the columns.
    #[must_use]
    pub fn slice(&self, offset: usize, len: usize) -> Self {
        Self {
            rows: self.rows.slice(offset, len),
            event_times: self.event_times.slice(offset, len),
            ingested_at: self.ingested_at,
            row_kinds: self.row_kinds.as_ref().map(|kinds| kinds.slice(offset, len)),
            key_hashes: self.key_hashes.as_ref().map(|KeyHashes { columns, hashes }| KeyHashes {
                columns: Arc::clone(columns),
                hashes: hashes.slice(offset, len),
            }),
        }
    }
}

/// Bytes that the values of a column take, those of other rows of the same buffers apart.
#[must_use]
pub fn array_bytes(column: &dyn Array) -> u64 {
    bytes(column, 0..column.len()) as u64
}

/// Bytes that the values of some rows of a column take, each row as often as it is named: what a copy of them would take.
#[must_use]
pub fn selected_bytes(column: &dyn Array, rows: &[u32]) -> u64 {
    let of_text = |offsets: &[i32]| {
        let len = |row: &u32| u64::from(offsets[*row as usize + 1].abs_diff(offsets[*row as usize]));
        rows.iter().map(len).sum::<u64>() + ((rows.len() + 1) * size_of::<i32>()) as u64
    };
    match column.data_type() {
        DataType::Utf8 => of_text(column.as_string::<i32>().value_offsets()),
        DataType::Binary => of_text(column.as_binary::<i32>().value_offsets()),
        other => match other.primitive_width() {
            Some(width) => (rows.len() * width) as u64,
            None => rows.iter().map(|row| bytes(column, *row as usize..*row as usize + 1) as u64).sum(),
        },
    }
}

/// Bytes of the values of some rows.
fn bytes(column: &dyn Array, rows: Range<usize>) -> usize {
    let len = rows.len();
    let between = |offsets: &[i32]| offsets[rows.start] as usize..offsets[rows.end] as usize;
    let of_offsets = (len + 1) * size_of::<i32>();
    let validity = if column.nulls().is_some() { len.div_ceil(8) } else { 0 };
    validity
        + match column.data_type() {
            DataType::Utf8 => of_offsets + between(column.as_string::<i32>().value_offsets()).len(),
            DataType::Binary => of_offsets + between(column.as_binary::<i32>().value_offsets()).len(),
            DataType::Boolean => len.div_ceil(8),
            DataType::List(_) => {
                let list = column.as_list::<i32>();
                of_offsets + bytes(list.values(), between(list.value_offsets()))
            }
            DataType::Struct(_) => column.as_struct().columns().iter().map(|column| bytes(column, rows.clone())).sum(),
            other => match other.primitive_width() {
                Some(width) => len * width,
                None => column.slice(rows.start, len).to_data().get_slice_memory_size().unwrap_or_default(),
            },
        }
}

/// Everything that happens to a stream happens in it, in order.
#[derive(Clone, Debug)]
pub enum StreamElement {
    /// Rows.
    Batch(StreamBatch),
    /// No later row of this channel has an event time <= this (microseconds), late rows aside.
    Watermark(i64),
    /// This channel is idle: event time advances without it, until its next batch or watermark.
    Idle,
    /// All before it belongs to the snapshot with its number, nothing after it does.
    Barrier(Barrier),
    /// The channel is done; nothing follows.
    End,
}

impl StreamElement {
    /// Bytes of its columns' values, as [`StreamBatch::bytes`].
    #[must_use]
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Batch(batch) => batch.bytes(),
            Self::Watermark(_) | Self::Idle | Self::Barrier(_) | Self::End => 0,
        }
    }
}

/// A mark that flows through the whole graph and cuts the stream at one consistent place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Barrier {
    /// Which attempt at a checkpoint it is of; they ascend.
    pub attempt: u64,
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, BooleanArray, Int64Array, ListArray, StringArray};
    use arrow::datatypes::Int32Type;

    use super::*;

    #[test]
    fn only_the_rows_of_a_slice_are_counted() {
        let columns: [(&str, ArrayRef); 3] = [
            ("n", Arc::new(Int64Array::from(vec![Some(1), None, Some(3)]))),
            ("text", Arc::new(StringArray::from(vec!["a", "bcd", "ef"]))),
            ("is", Arc::new(BooleanArray::from(vec![true, false, true]))),
        ];
        let rows = RecordBatch::try_from_iter(columns).unwrap();
        let batch = StreamBatch::new(rows, vec![0; 3].into(), 0);
        assert_eq!(batch.bytes(), (3 * 8 + 1) + (4 * 4 + 6) + 1);
        assert_eq!(batch.slice(1, 1).bytes(), (8 + 1) + (2 * 4 + 3) + 1);
        assert_eq!(batch.slice(3, 0).bytes(), 4);
    }

    #[test]
    fn rows_that_are_selected_count_as_often_as_they_are_selected() {
        let text: ArrayRef = Arc::new(StringArray::from(vec!["", "bcd", "ef"]));
        assert_eq!(selected_bytes(&text, &[1, 1, 0]), 4 * 4 + 2 * 3);
        assert_eq!(selected_bytes(&Int64Array::from(vec![1, 2]), &[0, 0, 1]), 3 * 8);
        let lists = [Some(vec![Some(1), None]), None, Some(vec![Some(2); 10])];
        let lists = ListArray::from_iter_primitive::<Int32Type, _, _>(lists);
        // Offsets and a bit for nulls; then the elements, with a bit for each eight of them.
        assert_eq!(selected_bytes(&lists.slice(1, 2), &[0, 1]), (8 + 1) + (8 + 1 + 10 * 4 + 2));
    }
}
