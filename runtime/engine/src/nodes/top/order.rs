//! Rows as bytes that are ordered as the rows are: by the columns of the order, then by all others, so that no two different rows are
//! equal and nothing depends on which came first. The bytes are of one run only.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, new_empty_array};
use arrow::buffer::ScalarBuffer;
use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, Int64Type, SchemaRef};
use arrow::error::ArrowError;
use arrow::row::{RowConverter, Rows, SortField};
use weir_core::batch::StreamBatch;

use crate::nodes::window::aggregate::encoded::plain;

/// Encodes and decodes rows.
#[derive(Clone)]
pub(super) struct RowOrder {
    /// The columns that come in.
    pub(super) input: SchemaRef,
    /// Of them those of the order, with their directions; then the others.
    columns: Arc<[usize]>,
    order: Arc<RowConverter>,
    rest: Arc<RowConverter>,
    ordered: usize,
    keeps_times: bool,
}

impl RowOrder {
    /// Rows of `input` by some of its columns, each with whether the greatest value comes first. Event times are kept if no row is ever taken
    /// back (`keeps_times`): what is taken back equals what came in its columns alone.
    ///
    /// # Errors
    /// If a column has values without an order.
    pub(super) fn new(input: SchemaRef, by: &[(usize, bool)], keeps_times: bool) -> Result<Self, ArrowError> {
        let data_type = |column: usize| input.field(column).data_type().clone();
        let ordered = by.iter().map(|(column, descending)| {
            let options = SortOptions { descending: *descending, nulls_first: false };
            SortField::new_with_options(data_type(*column), options)
        });
        // Zeros of either sign have one place, so what floats are is kept beside it.
        let is_in_order =
            |c: &usize| by.iter().any(|(column, _)| column == c) && !input.field(*c).data_type().is_floating();
        let others: Vec<usize> = (0..input.fields().len()).filter(|c| !is_in_order(c)).collect();
        let rest = others.iter().map(|column| SortField::new(data_type(*column)));
        // Rows of no column at all would be none.
        let rest = rest.chain([SortField::new(DataType::Int64)]).collect();
        Ok(Self {
            columns: by.iter().map(|(column, _)| *column).chain(others).collect(),
            order: Arc::new(RowConverter::new(ordered.collect())?),
            rest: Arc::new(RowConverter::new(rest)?),
            ordered: by.len(),
            keeps_times,
            input,
        })
    }

    /// The rows of a batch, with their event times.
    pub(super) fn encode(&self, batch: &StreamBatch) -> Result<EncodedRows, ArrowError> {
        let mut columns: Vec<ArrayRef> = self.columns.iter().map(|column| batch.rows.column(*column).clone()).collect();
        let times = if self.keeps_times { batch.event_times.clone() } else { vec![0; batch.len()].into() };
        columns.push(Arc::new(Int64Array::new(times, None)));
        let (order, rest) = columns.split_at(self.ordered);
        let order: Vec<ArrayRef> = order.iter().map(plain).collect::<Result<_, _>>()?;
        let (order, rest) = (self.order.convert_columns(&order)?, self.rest.convert_columns(rest)?);
        Ok(EncodedRows { order, rest })
    }

    /// The columns of some rows as they came in, and their event times, or `time`, if none are kept.
    pub(super) fn decode<'a>(
        &self,
        rows: impl Iterator<Item = (&'a [u8], &'a [u8])>,
        time: i64,
    ) -> Result<(Vec<ArrayRef>, ScalarBuffer<i64>), ArrowError> {
        let (order, rest): (Vec<&[u8]>, Vec<&[u8]>) = rows.unzip();
        let count = order.len();
        if count == 0 {
            let columns = self.input.fields().iter().map(|field| new_empty_array(field.data_type()));
            return Ok((columns.collect(), ScalarBuffer::default()));
        }
        let parser = self.order.parser();
        let mut decoded = self.order.convert_rows(order.into_iter().map(|row| parser.parse(row)))?;
        let parser = self.rest.parser();
        decoded.extend(self.rest.convert_rows(rest.into_iter().map(|row| parser.parse(row)))?);
        let times = match decoded.pop().filter(|_| self.keeps_times) {
            Some(times) => times.as_primitive::<Int64Type>().values().clone(),
            None => vec![time; count].into(),
        };
        let mut columns: Vec<(usize, ArrayRef)> = self.columns.iter().copied().zip(decoded).collect();
        // Of one that is there twice the second is what came in.
        columns.reverse();
        columns.sort_by_key(|(column, _)| *column);
        columns.dedup_by_key(|(column, _)| *column);
        Ok((columns.into_iter().map(|(_, column)| column).collect(), times))
    }
}

/// The rows of a batch as bytes.
pub(super) struct EncodedRows {
    order: Rows,
    rest: Rows,
}

impl EncodedRows {
    /// The bytes of the order's columns, and of the others.
    pub(super) fn row(&self, row: usize) -> (&[u8], &[u8]) {
        (self.order.row(row).data(), self.rest.row(row).data())
    }
}
