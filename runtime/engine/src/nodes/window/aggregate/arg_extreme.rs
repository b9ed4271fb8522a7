//! `arg-min` and `arg-max`: the value of a column in the row where another is least or greatest. Of several such rows the least or the
//! greatest value, so that their order does not matter. Rows where either is null do not count.

use arrow::array::UInt32Array;
use arrow::array::{Array, ArrayRef, new_null_array};
use arrow::buffer::NullBuffer;
use arrow::compute::take;
use arrow::datatypes::FieldRef;
use std::cmp::Ordering;

use super::encoded::Encoder;
use super::fold::{Fold, Folded, Groups, for_each_valid};
use super::{Accumulators, state_field};
use crate::dataflow::operator::OperatorError;

/// `arg-max` if `greatest`, else `arg-min`: of the values of `value`, by those of `by`.
pub(super) fn arg_extreme(value: Encoder, by: Encoder, greatest: bool) -> Box<dyn Accumulators> {
    Folded::boxed(ArgExtreme { value, by, wins: if greatest { Ordering::Greater } else { Ordering::Less } })
}

#[derive(Clone)]
struct ArgExtreme {
    value: Encoder,
    by: Encoder,
    wins: Ordering,
}

/// What it goes by and the value, encoded.
type Best = Option<(Box<[u8]>, Box<[u8]>)>;

impl ArgExtreme {
    fn take(&self, best: &mut Best, by: &[u8], value: &[u8]) {
        let wins =
            |(kept_by, kept): &(Box<[u8]>, Box<[u8]>)| by.cmp(kept_by).then_with(|| value.cmp(kept)) == self.wins;
        if best.as_ref().is_none_or(wins) {
            *best = Some((by.into(), value.into()));
        }
    }

    /// One column of the best, with null where there is none.
    fn column(&self, encoder: &Encoder, values: Vec<Option<&[u8]>>) -> Result<ArrayRef, OperatorError> {
        let some = encoder.decode(values.iter().flatten().copied())?;
        if some.is_empty() {
            return Ok(new_null_array(encoder.data_type(), values.len()));
        }
        let mut next = 0..;
        let places: UInt32Array = values.iter().map(|value| value.and_then(|_| next.next())).collect();
        Ok(take(&some, &places, None)?)
    }
}

impl Fold for ArgExtreme {
    type Accumulator = Best;

    const HEAP_BYTES_PER_VALUE: usize = 32;

    fn heap_bytes(group: &Best) -> usize {
        group.as_ref().map_or(0, |(by, value)| by.len() + value.len())
    }

    fn update(
        &self,
        groups: &mut (impl Groups<Best> + ?Sized),
        group_of_row: &[u32],
        columns: &[ArrayRef],
        _event_times: &[i64],
    ) -> Result<(), OperatorError> {
        let [value, by] = columns else { return Ok(()) };
        let nulls = NullBuffer::union(value.nulls(), by.nulls());
        let (values, bys) = (self.value.encode(value)?, self.by.encode(by)?);
        for_each_valid(nulls.as_ref(), group_of_row, |row, group| {
            self.take(&mut groups[group], bys.row(row).as_ref(), values.row(row).as_ref());
            Ok(())
        })
    }

    fn merge(&self, into: &mut Best, other: &Best) -> Result<(), OperatorError> {
        if let Some((by, value)) = other {
            self.take(into, by, value);
        }
        Ok(())
    }

    fn state_fields(&self) -> Vec<FieldRef> {
        vec![self.output_field(), state_field("by", self.by.data_type().clone(), true)]
    }

    fn state(&self, groups: &[&Best]) -> Result<Vec<ArrayRef>, OperatorError> {
        let by = groups.iter().map(|best| best.as_ref().map(|(by, _)| &**by)).collect();
        Ok(vec![self.finish(groups)?, self.column(&self.by, by)?])
    }

    fn load(&self, state: &[ArrayRef], rows: usize) -> Result<Vec<Best>, OperatorError> {
        let [values, by] = state else { return Ok(Vec::new()) };
        let (values, bys) = (self.value.encode(values)?, self.by.encode(by)?);
        let best = |row| by.is_valid(row).then(|| (bys.row(row).as_ref().into(), values.row(row).as_ref().into()));
        Ok((0..rows).map(best).collect())
    }

    fn output_field(&self) -> FieldRef {
        state_field("value", self.value.data_type().clone(), true)
    }

    fn finish(&self, groups: &[&Best]) -> Result<ArrayRef, OperatorError> {
        self.column(&self.value, groups.iter().map(|best| best.as_ref().map(|(_, value)| &**value)).collect())
    }
}
