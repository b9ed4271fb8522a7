//! [`Singles`]: accumulators of a component that are merged of those of single rows. What a group has then does not depend on how its rows were put
//! together, also if the component refuses rows: it decides on each as if it were alone.

use std::any::Any;
use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, FieldRef};
use weir_host::{Failure, RejectedRow};

use super::component::{ComponentAccumulators, SharedComponent};
use super::{Accumulators, state_field};
use crate::dataflow::operator::OperatorError;

/// Rows that are added in one call.
const ROWS_AT_ONCE: usize = 8_192;

/// The accumulators of a component.
pub(super) struct Singles {
    groups: ComponentAccumulators,
    /// Whether the first column is none of the component's, but null in rows that do not count.
    is_filtered: bool,
}

/// Rows, without those that do not count.
struct Counting<'a> {
    groups: Cow<'a, [u32]>,
    columns: Cow<'a, [ArrayRef]>,
    times: Cow<'a, [i64]>,
    /// Which rows they were, if they are not all.
    rows: Option<UInt32Array>,
}

impl Singles {
    pub(super) fn new(component: SharedComponent, is_filtered: bool) -> Result<Self, OperatorError> {
        Ok(Self { groups: ComponentAccumulators::new(component)?, is_filtered })
    }

    fn counting<'a>(
        &self,
        groups: &'a [u32],
        columns: &'a [ArrayRef],
        times: &'a [i64],
    ) -> Result<Counting<'a>, OperatorError> {
        let (mask, columns) = columns.split_at(usize::from(self.is_filtered));
        let nulls = mask.first().and_then(|mask| mask.nulls()).filter(|nulls| nulls.null_count() > 0);
        let Some(nulls) = nulls else {
            return Ok(Counting { groups: groups.into(), columns: columns.into(), times: times.into(), rows: None });
        };
        let rows: UInt32Array = nulls.valid_indices().map(|row| row as u32).collect();
        let places = || rows.values().iter().map(|row| *row as usize);
        Ok(Counting {
            groups: places().map(|row| groups[row]).collect(),
            columns: columns.iter().map(|column| take(column, &rows, None)).collect::<Result<_, _>>()?,
            times: places().map(|row| times[row]).collect(),
            rows: Some(rows),
        })
    }

    /// Each row in a group of its own, and the rows that are refused; then the groups hold nothing.
    fn staged(
        &self,
        columns: &[ArrayRef],
        event_times: &[i64],
    ) -> Result<(ComponentAccumulators, Vec<RejectedRow>), Failure<OperatorError>> {
        let rows: Vec<u32> = (0..event_times.len() as u32).collect();
        let mut singles = self.groups.empty();
        singles.resize(rows.len());
        let rejected = singles.stage(&rows, columns, event_times)?;
        Ok((singles, rejected))
    }

    fn add(&mut self, group_of_row: &[u32], columns: &[ArrayRef], event_times: &[i64]) -> Result<(), OperatorError> {
        let (mut singles, rejected) = self.staged(columns, event_times).map_err(|failure| match failure {
            Failure::Guest(error) => error.into(),
            Failure::Fatal(error) => error,
        })?;
        if let Some(RejectedRow { reason, .. }) = rejected.into_iter().next() {
            let message = format!("a row that was taken before is refused now, perhaps by another version: {reason}");
            return Err(OperatorError::Call(message));
        }
        singles.update(group_of_row, columns, event_times)?;
        let mut rows: Vec<u32> = (0..group_of_row.len() as u32).collect();
        let group = |row: &u32| group_of_row[*row as usize];
        rows.sort_by_key(group);
        // Neighbours of a group are merged until there is one of each: so many calls as the logarithm of the rows of the longest group.
        loop {
            let (mut left, mut right) = (Vec::new(), Vec::new());
            let mut kept = Vec::with_capacity(rows.len());
            for pair in rows.chunk_by(|a, b| group(a) == group(b)).flat_map(|of_group| of_group.chunks(2)) {
                kept.push(pair[0]);
                if let [into, other] = pair {
                    left.push(*into);
                    right.push(*other);
                }
            }
            if left.is_empty() {
                break;
            }
            singles.absorb_all(&left, &right)?;
            rows = kept;
        }
        let groups: Vec<u32> = rows.iter().map(group).collect();
        self.groups.merge_from(&groups, &singles, &rows)
    }
}

impl Accumulators for Singles {
    fn fresh(&self) -> Box<dyn Accumulators> {
        Box::new(Self { groups: self.groups.empty(), ..*self })
    }

    fn resize(&mut self, groups: usize) {
        self.groups.resize(groups);
    }

    fn memory_bytes(&mut self) -> u64 {
        self.groups.memory_bytes()
    }

    fn clear(&mut self) {
        self.groups.clear();
    }

    fn reset(&mut self, group: u32) {
        self.groups.reset(group);
    }

    fn refuses_rows(&self) -> bool {
        true
    }

    fn stage(
        &mut self,
        group_of_row: &[u32],
        columns: &[ArrayRef],
        event_times: &[i64],
    ) -> Result<Vec<RejectedRow>, Failure<OperatorError>> {
        let of = self.counting(group_of_row, columns, event_times).map_err(Failure::Fatal)?;
        if of.times.is_empty() {
            return Ok(Vec::new());
        }
        let mut rejected = self.staged(&of.columns, &of.times)?.1;
        if let Some(rows) = of.rows {
            rejected.iter_mut().for_each(|rejected| rejected.row = rows.value(rejected.row) as usize);
        }
        Ok(rejected)
    }

    fn update(&mut self, group_of_row: &[u32], columns: &[ArrayRef], event_times: &[i64]) -> Result<(), OperatorError> {
        let Counting { groups, columns, times, .. } = self.counting(group_of_row, columns, event_times)?;
        for start in (0..groups.len()).step_by(ROWS_AT_ONCE) {
            let rows = ROWS_AT_ONCE.min(groups.len() - start);
            let columns: Vec<ArrayRef> = columns.iter().map(|column| column.slice(start, rows)).collect();
            self.add(&groups[start..start + rows], &columns, &times[start..start + rows])?;
        }
        Ok(())
    }

    fn merge(&mut self, group_of_row: &[u32], state: &[ArrayRef]) -> Result<(), OperatorError> {
        let [present, columns @ ..] = state else { return Ok(()) };
        let rows: UInt32Array =
            (0u32..).zip(present.as_boolean().values()).filter_map(|(row, is)| is.then_some(row)).collect();
        let groups: Vec<u32> = rows.values().iter().map(|row| group_of_row[*row as usize]).collect();
        if groups.is_empty() {
            return Ok(());
        }
        let columns: Vec<ArrayRef> =
            columns.iter().map(|column| take(column, &rows, None)).collect::<Result<_, _>>()?;
        self.groups.merge(&groups, &columns)
    }

    fn merge_from(&mut self, groups: &[u32], other: &dyn Accumulators, others: &[u32]) -> Result<(), OperatorError> {
        match other.as_any().downcast_ref::<Self>() {
            Some(other) => self.groups.merge_from(groups, &other.groups, others),
            None => self.merge(groups, &other.state(others)?),
        }
    }

    fn can_take_back(&self) -> bool {
        self.groups.retracts()
    }

    fn take_back(&mut self, groups: &[u32], other: &dyn Accumulators, others: &[u32]) -> Result<(), OperatorError> {
        let other = other.as_any().downcast_ref::<Self>();
        let other = other.ok_or_else(|| OperatorError::Call("another aggregate cannot be taken back".to_owned()))?;
        self.groups.retract_from(groups, &other.groups, others)
    }

    fn copy(&mut self, group: u32, from: u32) -> Result<(), OperatorError> {
        self.groups.copy(group, from)
    }

    fn absorb(&mut self, group: u32, from: u32) -> Result<(), OperatorError> {
        self.groups.absorb(group, from)
    }

    /// Whether the group has any row, then the component's own.
    fn state_fields(&self) -> Vec<FieldRef> {
        std::iter::once(state_field("present", DataType::Boolean, false)).chain(self.groups.state_fields()).collect()
    }

    fn freeze(&mut self) -> Box<dyn Accumulators> {
        Box::new(Self { groups: self.groups.frozen(), ..*self })
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>, OperatorError> {
        let present: ArrayRef = Arc::new(BooleanArray::new(self.groups.present(groups), None));
        Ok(std::iter::once(present).chain(self.groups.state(groups)?).collect())
    }

    fn output_field(&self) -> FieldRef {
        self.groups.output_field()
    }

    fn finish(&self, groups: &[u32]) -> Result<ArrayRef, OperatorError> {
        self.groups.finish(groups)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
