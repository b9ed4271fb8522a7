//! How rows of a top-n are ordered: by the columns of the order, then by all others, so that no two different rows are equal and nothing
//! depends on which came first.
//!
//! The columns of the order are encoded as bytes that compare as they do. Their first twenty, which are all of one or two numbers, are kept with a
//! row's place; of longer ones all are a column beside those of the row.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, make_comparator, new_empty_array};
use arrow::buffer::ScalarBuffer;
use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, Field, FieldRef, SchemaRef};
use arrow::error::ArrowError;
use arrow::row::{RowConverter, SortField};
use weir_core::batch::StreamBatch;
use weir_state::{RowId, RowStore};

use crate::dataflow::operator::OperatorError;
use crate::nodes::changes::RowComparator;
use crate::nodes::window::aggregate::encoded::plain;

/// The column that is kept of orders that are longer than their prefix.
const ORDER: &str = "weir.order";

/// The first bytes of an order, as numbers that compare as they do.
pub(super) type Prefix = [u32; 5];

/// What the order of rows is.
#[derive(Clone)]
pub(super) struct RowOrder {
    /// The columns that come in.
    pub(super) input: SchemaRef,
    /// Of them those of the order.
    by: Arc<[usize]>,
    converter: Arc<RowConverter>,
    /// Whether rows of the same prefix can differ in the columns of the order.
    is_longer: bool,
    keeps_times: bool,
}

impl RowOrder {
    /// Rows of `input` by some of its columns, each with whether the greatest value comes first. Event times are kept if no row is ever taken
    /// back (`keeps_times`): what is taken back equals what came in its columns alone.
    ///
    /// # Errors
    /// If a column has values without an order.
    pub(super) fn new(input: SchemaRef, by: &[(usize, bool)], keeps_times: bool) -> Result<Self, OperatorError> {
        let data_type = |column: usize| input.field(column).data_type().clone();
        let fields = by.iter().map(|(column, descending)| {
            let options = SortOptions { descending: *descending, nulls_first: false };
            SortField::new_with_options(data_type(*column), options)
        });
        let none: Vec<ArrayRef> = input.fields().iter().map(|field| new_empty_array(field.data_type())).collect();
        RowComparator::new(&none, &none)?;
        // A value is encoded as one byte, that says whether it is null, and its own.
        let bytes = by.iter().map(|(column, _)| match data_type(*column) {
            DataType::Boolean => Some(2),
            other => other.primitive_width().map(|width| 1 + width),
        });
        let bytes: Option<usize> = bytes.sum();
        Ok(Self {
            by: by.iter().map(|(column, _)| *column).collect(),
            converter: Arc::new(RowConverter::new(fields.collect())?),
            is_longer: bytes.is_none_or(|bytes| bytes > size_of::<Prefix>()),
            keeps_times,
            input,
        })
    }

    /// The columns that are kept of a row: those that come in, then those that are needed to compare them.
    pub(super) fn kept_fields(&self) -> Vec<FieldRef> {
        let order = self.is_longer.then(|| Arc::new(Field::new(ORDER, DataType::Binary, false)));
        self.input.fields().iter().cloned().chain(order).collect()
    }

    /// The rows of a batch.
    pub(super) fn arriving(&self, batch: &StreamBatch) -> Result<ArrivingRows, ArrowError> {
        let order: Vec<ArrayRef> =
            self.by.iter().map(|column| plain(batch.rows.column(*column))).collect::<Result<_, _>>()?;
        let order = self.converter.convert_columns(&order)?;
        let prefixes = order.iter().map(|row| prefix(row.data())).collect();
        let mut columns = batch.rows.columns().to_vec();
        if self.is_longer {
            columns.push(Arc::new(order.try_into_binary()?));
        }
        let times = if self.keeps_times { batch.event_times.clone() } else { vec![i64::MIN; batch.len()].into() };
        Ok(ArrivingRows { prefixes, columns, times })
    }
}

fn prefix(order: &[u8]) -> Prefix {
    let mut bytes = [[0; 4]; 5];
    let first = order.len().min(size_of::<Prefix>());
    bytes.as_flattened_mut()[..first].copy_from_slice(&order[..first]);
    bytes.map(u32::from_be_bytes)
}

/// Rows that come.
pub(super) struct ArrivingRows {
    pub(super) prefixes: Vec<Prefix>,
    /// As of [`RowOrder::kept_fields`].
    pub(super) columns: Vec<ArrayRef>,
    /// Their event times; the least, if none are kept.
    pub(super) times: ScalarBuffer<i64>,
}

/// Where the columns of a row are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum RowPlace {
    Stored(RowId),
    /// A row that comes.
    Arriving(u32),
}

impl RowPlace {
    /// The row, if it is stored.
    pub(super) fn stored(self) -> Option<RowId> {
        match self {
            Self::Stored(id) => Some(id),
            Self::Arriving(_) => None,
        }
    }
}

/// A row among those of its key.
#[derive(Clone, Copy)]
pub(super) struct RankedRow {
    pub(super) prefix: Prefix,
    pub(super) place: RowPlace,
    /// How often it is there; of one that is stored also its mark.
    pub(super) count: u32,
}

/// Compares rows that are stored and rows that come.
#[derive(Clone, Copy)]
pub(super) struct RowsInOrder<'a> {
    pub(super) order: &'a RowOrder,
    pub(super) stored: &'a RowStore,
    pub(super) arriving: Option<&'a ArrivingRows>,
}

impl<'a> RowsInOrder<'a> {
    /// By all columns, and the event time.
    pub(super) fn compare(&self, left: &RankedRow, right: &RankedRow) -> Ordering {
        self.compare_order(left, right).then_with(|| self.compare_all(left, right))
    }

    /// By the columns of the order alone.
    pub(super) fn compare_order(&self, left: &RankedRow, right: &RankedRow) -> Ordering {
        let by_prefix = left.prefix.cmp(&right.prefix);
        if by_prefix.is_ne() || !self.order.is_longer || left.place == right.place {
            return by_prefix;
        }
        self.order_bytes(left.place).cmp(self.order_bytes(right.place))
    }

    /// The event time of a row.
    pub(super) fn time(&self, place: RowPlace) -> i64 {
        match (place, self.arriving) {
            (RowPlace::Stored(id), _) => self.stored.time(id),
            (RowPlace::Arriving(row), Some(arriving)) => arriving.times[row as usize],
            (RowPlace::Arriving(_), None) => i64::MIN,
        }
    }

    fn compare_all(&self, left: &RankedRow, right: &RankedRow) -> Ordering {
        if left.place == right.place {
            return Ordering::Equal;
        }
        let ((of_left, left_row), (of_right, right_row)) = (self.columns(left.place), self.columns(right.place));
        // Mostly the first column differs, so no more of them are prepared. That they compare is known since the order was made.
        let columns = of_left.iter().zip(of_right).take(self.order.input.fields().len());
        let mut by_columns = columns
            .map(|(left, right)| make_comparator(left, right, SortOptions::default()))
            .map(|compare| compare.map_or(Ordering::Equal, |compare| compare(left_row, right_row)));
        let first = by_columns.find(|order| order.is_ne()).unwrap_or(Ordering::Equal);
        first.then_with(|| self.time(left.place).cmp(&self.time(right.place)))
    }

    fn order_bytes(&self, place: RowPlace) -> &'a [u8] {
        let (columns, row) = self.columns(place);
        columns.last().map_or(&[], |order| order.as_binary::<i32>().value(row))
    }

    fn columns(&self, place: RowPlace) -> (&'a [ArrayRef], usize) {
        match place {
            RowPlace::Stored(id) => self.stored.row(id),
            RowPlace::Arriving(row) => (self.arriving.map_or(&[], |arriving| &arriving.columns), row as usize),
        }
    }
}
