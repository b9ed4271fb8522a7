//! `top`: so many values of a column, those of the rows where another is greatest, or that are greatest themselves; the greatest first. Of
//! rows that are alike in that, those with the greatest values. Rows where either is null do not count.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::FieldRef;

use super::encoded::Encoder;
use super::fold::{Fold, Folded, Groups, for_each_valid};
use super::{Accumulators, state_field};
use crate::dataflow::operator::OperatorError;

/// The first `n` values of `value` by those of `by`; `None`: by themselves.
pub(super) fn top(n: u32, value: Encoder, by: Option<Encoder>) -> Box<dyn Accumulators> {
    let by = by.unwrap_or_else(|| value.clone());
    Folded::boxed(Top { n: n as usize, value, by })
}

#[derive(Clone)]
struct Top {
    n: usize,
    value: Encoder,
    by: Encoder,
}

/// What they go by and the values, encoded, the least first. Shared with a checkpoint until the group changes.
type Best = Arc<Vec<(Box<[u8]>, Box<[u8]>)>>;

impl Top {
    fn take(&self, best: &mut Best, by: &[u8], value: &[u8]) {
        let place = best.partition_point(|(kept_by, kept)| (&**kept_by, &**kept) < (by, value));
        let is_full = best.len() == self.n;
        if is_full && place == 0 {
            return;
        }
        let best = Arc::make_mut(best);
        if is_full {
            best.remove(0);
        }
        best.insert(place - usize::from(is_full), (by.into(), value.into()));
    }

    fn lists(
        &self,
        groups: &[&Best],
        of: impl Fn(&(Box<[u8]>, Box<[u8]>)) -> &[u8],
        by: bool,
    ) -> Result<ArrayRef, OperatorError> {
        let encoder = if by { &self.by } else { &self.value };
        Ok(encoder.decode_lists(groups.iter().map(|best| best.iter().rev().map(&of).collect()))?)
    }
}

impl Fold for Top {
    type Accumulator = Best;

    const HEAP_BYTES_PER_VALUE: usize = 64;

    fn heap_bytes(group: &Best) -> usize {
        let own = group.capacity() * size_of::<(Box<[u8]>, Box<[u8]>)>();
        own + group.iter().map(|(by, value)| by.len() + value.len()).sum::<usize>()
    }

    fn update(
        &self,
        groups: &mut (impl Groups<Best> + ?Sized),
        group_of_row: &[u32],
        columns: &[ArrayRef],
        _event_times: &[i64],
    ) -> Result<(), OperatorError> {
        let (Some(value), Some(by)) = (columns.first(), columns.last()) else { return Ok(()) };
        let nulls = NullBuffer::union(value.nulls(), by.nulls());
        let (values, bys) = (self.value.encode(value)?, self.by.encode(by)?);
        for_each_valid(nulls.as_ref(), group_of_row, |row, group| {
            self.take(&mut groups[group], bys.row(row).as_ref(), values.row(row).as_ref());
            Ok(())
        })
    }

    fn merge(&self, into: &mut Best, other: &Best) -> Result<(), OperatorError> {
        other.iter().for_each(|(by, value)| self.take(into, by, value));
        Ok(())
    }

    fn state_fields(&self) -> Vec<FieldRef> {
        vec![self.output_field(), state_field("by", self.by.list_type(), false)]
    }

    fn state(&self, groups: &[&Best]) -> Result<Vec<ArrayRef>, OperatorError> {
        Ok(vec![self.finish(groups)?, self.lists(groups, |(by, _)| by, true)?])
    }

    fn load(&self, state: &[ArrayRef], rows: usize) -> Result<Vec<Best>, OperatorError> {
        let [values, bys] = state else { return Ok(Vec::new()) };
        let (values, bys) = (values.as_list::<i32>(), bys.as_list::<i32>());
        let of = |row| {
            let (values, bys) = (self.value.encode(&values.value(row))?, self.by.encode(&bys.value(row))?);
            if values.num_rows() != bys.num_rows() {
                return Err(OperatorError::Restore("the values of a top do not have an order each".to_owned()));
            }
            let mut best: Vec<_> =
                bys.iter().zip(values.iter()).map(|(by, value)| (by.as_ref().into(), value.as_ref().into())).collect();
            best.reverse();
            Ok(Arc::new(best))
        };
        (0..rows).map(of).collect()
    }

    fn output_field(&self) -> FieldRef {
        state_field("top", self.value.list_type(), false)
    }

    fn finish(&self, groups: &[&Best]) -> Result<ArrayRef, OperatorError> {
        self.lists(groups, |(_, value)| value, false)
    }
}
