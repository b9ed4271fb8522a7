//! Aggregates of updating streams that cannot be undone by arithmetic, such as the greatest value: each group keeps its rows, as often as
//! each is there, and the aggregate is computed of them anew. Those that go by the order of the values alone take the first or the last.
//!
//! A component may refuse rows. One that it refuses alone, as the only row of a group, is not kept, whatever else the group has: so that
//! does not depend on which rows came before. A group whose rows it refuses together has no result.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, ListArray, StructArray, UInt32Array, new_empty_array};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{concat, take};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Int64Type};
use arrow::error::ArrowError;
use arrow::row::{RowConverter, Rows, SortField};
use weir_core::graph::AggregateFunction;
use weir_host::{CallError, Failure, RejectedRow, isolate};

use super::encoded::plain;
use super::fold::{Fold, Folded, Groups, for_each_valid};
use super::{Accumulators, AggregateKind, BoundAggregate, accumulators, state_field};
use crate::dataflow::operator::OperatorError;

/// Accumulators of an aggregate whose own, `of`, cannot take rows back. `input` are the columns of the rows.
pub(super) fn recomputed(
    aggregate: &BoundAggregate,
    input: &[FieldRef],
    of: &dyn Accumulators,
) -> Result<Box<dyn Accumulators>, OperatorError> {
    let (AggregateKind::Builtin { columns, .. } | AggregateKind::Component { columns, .. }) = &aggregate.kind;
    let by_order = match &aggregate.kind {
        AggregateKind::Builtin { function: AggregateFunction::Min, .. } => Some(ByOrder::First),
        AggregateKind::Builtin { function: AggregateFunction::Max, .. } => Some(ByOrder::Last),
        AggregateKind::Builtin { function: AggregateFunction::CountDistinct, .. } => Some(ByOrder::Count),
        _ => None,
    };
    let types: Vec<DataType> =
        columns.iter().filter_map(|column| input.get(*column)).map(|field| field.data_type().clone()).collect();
    let converter = RowConverter::new(types.iter().cloned().map(SortField::new).collect())?;
    Ok(Folded::boxed(Recomputed {
        aggregate: aggregate.clone(),
        input: input.into(),
        output: of.output_field(),
        converter: Arc::new(converter),
        types: types.into(),
        by_order,
    }))
}

#[derive(Clone)]
struct Recomputed {
    aggregate: BoundAggregate,
    input: Arc<[FieldRef]>,
    output: FieldRef,
    converter: Arc<RowConverter>,
    /// The columns of a kept row. Its event time is not kept: a row that is taken back has that of the update.
    types: Arc<[DataType]>,
    by_order: Option<ByOrder>,
}

/// What an aggregate is of values in their order.
#[derive(Clone, Copy)]
enum ByOrder {
    First,
    Last,
    /// How many different ones there are.
    Count,
}

/// Encoded rows, for aggregates of ours without nulls, and how often each was added more than it was taken back. Shared with a checkpoint until the group changes.
type Kept = Arc<BTreeMap<Box<[u8]>, i64>>;

/// Bytes of an entry beside the row's own.
const ENTRY_BYTES: usize = 2 * (size_of::<Box<[u8]>>() + size_of::<i64>());

fn add(kept: &mut BTreeMap<Box<[u8]>, i64>, row: &[u8], times: i64) {
    match kept.get_mut(row) {
        Some(count) if count.saturating_add(times) == 0 => {
            kept.remove(row);
        }
        Some(count) => *count = count.saturating_add(times),
        None => {
            kept.insert(row.into(), times);
        }
    }
}

impl Recomputed {
    fn encode(&self, columns: &[ArrayRef]) -> Result<Rows, ArrowError> {
        match (self.by_order, columns) {
            // Values that count as the same are kept as one.
            (Some(ByOrder::Count), [column, ..]) => self.converter.convert_columns(&[plain(column)?]),
            _ => self.converter.convert_columns(columns),
        }
    }

    fn decode<'a>(&self, rows: impl Iterator<Item = &'a [u8]>) -> Result<Vec<ArrayRef>, ArrowError> {
        let parser = self.converter.parser();
        let columns = self.converter.convert_rows(rows.map(|row| parser.parse(row)))?;
        if !columns.is_empty() {
            return Ok(columns);
        }
        Ok(self.types.iter().map(new_empty_array).collect())
    }

    /// The value at one end of each group; null where a group has none.
    fn ends<'a>(&self, ends: impl Iterator<Item = Option<&'a Box<[u8]>>>) -> Result<ArrayRef, OperatorError> {
        let ends: Vec<Option<&Box<[u8]>>> = ends.collect();
        let values = self.decode(ends.iter().flatten().map(|end| &***end))?;
        let mut next = 0..;
        let places: UInt32Array = ends.iter().map(|end| end.and_then(|_| next.next())).collect();
        Ok(take(&values[0], &places, None)?)
    }

    fn is_component(&self) -> bool {
        matches!(self.aggregate.kind, AggregateKind::Component { .. })
    }

    /// Calls `each` with accumulators of the groups, in parts and in order, and how many groups these are; a group whose rows are refused together is
    /// left out, and handed to `refused`.
    fn accumulated(
        &self,
        groups: &[&Kept],
        mut each: impl FnMut(&dyn Accumulators, u32) -> Result<(), OperatorError>,
        refused: impl FnMut(usize, String) -> Result<(), OperatorError>,
    ) -> Result<(), OperatorError> {
        let part = |range: Range<usize>| -> Result<(), Failure<OperatorError>> {
            let (columns, group_of_row) = self.rows(&groups[range.clone()]).map_err(Failure::Fatal)?;
            let mut of = accumulators(&self.aggregate, &self.input).map_err(Failure::Fatal)?;
            of.resize(range.len());
            let times = vec![0; group_of_row.len()];
            if let Some(refused) = of.stage(&group_of_row, &columns, &times)?.into_iter().next() {
                return Err(Failure::Guest(CallError::Call(refused.reason)));
            }
            of.update(&group_of_row, &columns, &times).map_err(Failure::Fatal)?;
            each(of.as_ref(), range.len() as u32).map_err(Failure::Fatal)
        };
        isolate(0..groups.len(), || false, part, refused).map(drop)
    }

    /// All rows of each group, as often as each is there, and the group of each.
    fn rows(&self, groups: &[&Kept]) -> Result<(Vec<ArrayRef>, Vec<u32>), OperatorError> {
        let all =
            groups.iter().flat_map(|kept| kept.values()).fold(0_i64, |all, times| all.saturating_add((*times).max(0)));
        if all > i64::from(u32::MAX) {
            return Err(OperatorError::Call(format!("{all} rows are too many to compute an aggregate of them anew")));
        }
        let (mut rows, mut group_of_row): (Vec<&[u8]>, Vec<u32>) = (Vec::new(), Vec::new());
        for (group, kept) in (0u32..).zip(groups) {
            for (row, times) in kept.iter() {
                let times = usize::try_from(*times).unwrap_or(0);
                rows.extend(std::iter::repeat_n(&**row, times));
                group_of_row.extend(std::iter::repeat_n(group, times));
            }
        }
        Ok((self.decode(rows.into_iter())?, group_of_row))
    }

    /// The aggregate of all rows of each group.
    fn compute(&self, groups: &[&Kept]) -> Result<ArrayRef, OperatorError> {
        let mut parts: Vec<ArrayRef> = Vec::new();
        let finish = |of: &dyn Accumulators, groups| {
            parts.push(of.finish(&(0..groups).collect::<Vec<_>>())?);
            Ok(())
        };
        self.accumulated(groups, finish, |_, reason| Err(OperatorError::Call(reason)))?;
        match parts.as_slice() {
            [] => Ok(new_empty_array(self.output.data_type())),
            [only] => Ok(only.clone()),
            parts => Ok(concat(&parts.iter().map(AsRef::as_ref).collect::<Vec<_>>())?),
        }
    }

    fn row_fields(&self) -> Fields {
        let field = |(index, of): (usize, &DataType)| Field::new(format!("c{index}"), of.clone(), true);
        self.types.iter().enumerate().map(field).collect()
    }

    fn item_field(&self) -> FieldRef {
        Arc::new(Field::new_list_field(DataType::Struct(self.row_fields()), false))
    }
}

impl Fold for Recomputed {
    type Accumulator = Kept;

    const HEAP_BYTES_PER_VALUE: usize = ENTRY_BYTES;
    const TAKES_BACK: bool = true;

    fn heap_bytes(group: &Kept) -> usize {
        group.keys().map(|row| row.len() + ENTRY_BYTES).sum()
    }

    fn update(
        &self,
        groups: &mut (impl Groups<Kept> + ?Sized),
        group_of_row: &[u32],
        columns: &[ArrayRef],
        _event_times: &[i64],
    ) -> Result<(), OperatorError> {
        // A component decides itself what a null means, but for that which says that a row does not count.
        let counting = columns.iter().take(match self.aggregate.kind {
            AggregateKind::Builtin { .. } => columns.len(),
            AggregateKind::Component { is_filtered, .. } => usize::from(is_filtered),
        });
        let nulls = counting.fold(None, |nulls, column| NullBuffer::union(nulls.as_ref(), column.nulls()));
        let rows = self.encode(columns)?;
        for_each_valid(nulls.as_ref(), group_of_row, |row, group| {
            add(Arc::make_mut(&mut groups[group]), rows.row(row).as_ref(), 1);
            Ok(())
        })
    }

    fn merge(&self, into: &mut Kept, other: &Kept) -> Result<(), OperatorError> {
        let into = Arc::make_mut(into);
        other.iter().for_each(|(row, times)| add(into, row, *times));
        Ok(())
    }

    fn take_back(&self, from: &mut Kept, other: &Kept) {
        let from = Arc::make_mut(from);
        other.iter().for_each(|(row, times)| add(from, row, -times));
    }

    fn state_fields(&self) -> Vec<FieldRef> {
        let counts = DataType::List(Arc::new(Field::new_list_field(DataType::Int64, false)));
        vec![state_field("rows", DataType::List(self.item_field()), false), state_field("times", counts, false)]
    }

    fn state(&self, groups: &[&Kept]) -> Result<Vec<ArrayRef>, OperatorError> {
        let offsets = OffsetBuffer::from_lengths(groups.iter().map(|group| group.len()));
        let columns = self.decode(groups.iter().flat_map(|group| group.keys().map(|row| &**row)))?;
        let rows = Arc::new(StructArray::try_new(self.row_fields(), columns, None)?);
        let times: Int64Array = groups.iter().flat_map(|group| group.values()).copied().map(Some).collect();
        let item = Arc::new(Field::new_list_field(DataType::Int64, false));
        Ok(vec![
            Arc::new(ListArray::try_new(self.item_field(), offsets.clone(), rows, None)?),
            Arc::new(ListArray::try_new(item, offsets, Arc::new(times), None)?),
        ])
    }

    fn load(&self, state: &[ArrayRef], rows: usize) -> Result<Vec<Kept>, OperatorError> {
        let [kept, times] = state else { return Ok(Vec::new()) };
        let (kept, times) = (kept.as_list::<i32>(), times.as_list::<i32>());
        let of = |row| {
            let (kept, times) = (kept.value(row), times.value(row));
            let encoded = self.converter.convert_columns(kept.as_struct().columns())?;
            if times.len() != encoded.num_rows() {
                return Err(OperatorError::Restore("kept rows do not have a count each".to_owned()));
            }
            let times = times.as_primitive::<Int64Type>().values().iter().copied();
            Ok(Arc::new(encoded.iter().map(|row| row.as_ref().into()).zip(times).collect()))
        };
        (0..rows).map(of).collect()
    }

    fn output_field(&self) -> FieldRef {
        self.output.clone()
    }

    fn refuses_rows(&self) -> bool {
        self.is_component()
    }

    fn refused(&self, columns: &[ArrayRef], rows: usize) -> Result<Vec<RejectedRow>, Failure<OperatorError>> {
        let mut of = accumulators(&self.aggregate, &self.input).map_err(Failure::Fatal)?;
        of.resize(rows);
        of.stage(&(0..rows as u32).collect::<Vec<_>>(), columns, &vec![0; rows])
    }

    fn overflows(&self, groups: &[&Kept]) -> Vec<(usize, String)> {
        if !self.is_component() {
            return Vec::new();
        }
        let mut bad = Vec::new();
        let refuse = |group, reason| {
            bad.push((group, reason));
            Ok(())
        };
        // What is fatal comes again when results are made, and is an error there.
        drop(self.accumulated(groups, |_, _| Ok(()), refuse));
        bad
    }

    fn finish(&self, groups: &[&Kept]) -> Result<ArrayRef, OperatorError> {
        // Rows that were taken back and have not come are none of the group.
        fn there(kept: &Kept) -> impl DoubleEndedIterator<Item = &Box<[u8]>> {
            kept.iter().filter(|(_, times)| **times > 0).map(|(row, _)| row)
        }
        match self.by_order {
            Some(ByOrder::First) => self.ends(groups.iter().map(|kept| there(kept).next())),
            Some(ByOrder::Last) => self.ends(groups.iter().map(|kept| there(kept).next_back())),
            // Those included: to leave them out would be to look at all values of a group whenever it changes.
            Some(ByOrder::Count) => Ok(Arc::new(Int64Array::from_iter_values(groups.iter().map(|k| k.len() as i64)))),
            None => self.compute(groups),
        }
    }
}
