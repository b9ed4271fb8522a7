//! `collect`: all values that are not null, as a list in the order of their event times; at the same time, in the order of the values. And
//! `string-agg`: the same of texts, as one text.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Builder, ListBuilder, StringBuilder};
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type};

use super::encoded::Encoder;
use super::fold::{Fold, Folded, Groups, for_each_valid};
use super::{Accumulators, state_field};
use crate::dataflow::operator::OperatorError;

/// `collect` of a column of any type whose values have an order.
pub(super) fn collect(encoder: Encoder) -> Box<dyn Accumulators> {
    Folded::boxed(Collect { encoder, separator: None })
}

/// `string-agg` of a column of texts; null of none.
pub(super) fn string_agg(encoder: Encoder, separator: Arc<str>) -> Box<dyn Accumulators> {
    Folded::boxed(Collect { encoder, separator: Some(separator) })
}

#[derive(Clone)]
struct Collect {
    encoder: Encoder,
    /// What is between two texts; `None`: they remain a list.
    separator: Option<Arc<str>>,
}

/// Event times and encoded values. Shared with a checkpoint until values are added to this group.
type Items = Arc<Vec<(i64, Box<[u8]>)>>;

/// Bytes of an item beside the value's own.
const ITEM_BYTES: usize = size_of::<(i64, Box<[u8]>)>() + 16;

impl Collect {
    fn sorted(group: &Items) -> Vec<&(i64, Box<[u8]>)> {
        let mut items: Vec<_> = group.iter().collect();
        items.sort_unstable();
        items
    }

    /// The values of each group, in order.
    fn lists(&self, groups: &[&Items]) -> Result<ArrayRef, OperatorError> {
        let values =
            groups.iter().copied().map(|group| Self::sorted(group).into_iter().map(|(_, value)| &**value).collect());
        Ok(self.encoder.decode_lists(values)?)
    }
}

impl Fold for Collect {
    type Accumulator = Items;

    const HEAP_BYTES_PER_VALUE: usize = 2 * ITEM_BYTES;

    fn heap_bytes(group: &Items) -> usize {
        group.capacity() * ITEM_BYTES + group.iter().map(|(_, value)| value.len()).sum::<usize>()
    }

    fn update(
        &self,
        groups: &mut (impl Groups<Items> + ?Sized),
        group_of_row: &[u32],
        columns: &[ArrayRef],
        event_times: &[i64],
    ) -> Result<(), OperatorError> {
        let [column] = columns else { return Ok(()) };
        let values = self.encoder.encode(column)?;
        for_each_valid(column.nulls(), group_of_row, |row, group| {
            Arc::make_mut(&mut groups[group]).push((event_times[row], values.row(row).as_ref().into()));
            Ok(())
        })
    }

    fn merge(&self, into: &mut Items, other: &Items) -> Result<(), OperatorError> {
        Arc::make_mut(into).extend(other.iter().cloned());
        Ok(())
    }

    fn state_fields(&self) -> Vec<FieldRef> {
        let times = DataType::List(Arc::new(Field::new_list_field(DataType::Int64, false)));
        vec![state_field("values", self.encoder.list_type(), false), state_field("times", times, false)]
    }

    fn state(&self, groups: &[&Items]) -> Result<Vec<ArrayRef>, OperatorError> {
        let field = Arc::new(Field::new_list_field(DataType::Int64, false));
        let mut times = ListBuilder::new(Int64Builder::new()).with_field(field);
        for group in groups {
            times.append_value(Self::sorted(group).iter().map(|(time, _)| Some(*time)));
        }
        Ok(vec![self.lists(groups)?, Arc::new(times.finish())])
    }

    fn load(&self, state: &[ArrayRef], rows: usize) -> Result<Vec<Items>, OperatorError> {
        let [values, times] = state else { return Ok(Vec::new()) };
        let (values, times) = (values.as_list::<i32>(), times.as_list::<i32>());
        let of = |row| {
            let (encoded, times) = (self.encoder.encode(&values.value(row))?, times.value(row));
            let times = times.as_primitive::<Int64Type>().values().iter().copied();
            Ok(Arc::new(times.zip(encoded.iter()).map(|(time, value)| (time, value.as_ref().into())).collect()))
        };
        (0..rows).map(of).collect()
    }

    fn output_field(&self) -> FieldRef {
        match self.separator {
            None => state_field("collect", self.encoder.list_type(), false),
            Some(_) => state_field("string-agg", DataType::Utf8, true),
        }
    }

    fn finish(&self, groups: &[&Items]) -> Result<ArrayRef, OperatorError> {
        let lists = self.lists(groups)?;
        let Some(separator) = &self.separator else { return Ok(lists) };
        let mut texts = StringBuilder::new();
        for list in lists.as_list::<i32>().iter() {
            let list = list.filter(|list| !list.is_empty());
            let joined = list.map(|list| list.as_string::<i32>().iter().flatten().collect::<Vec<_>>().join(separator));
            texts.append_option(joined);
        }
        Ok(Arc::new(texts.finish()))
    }
}
