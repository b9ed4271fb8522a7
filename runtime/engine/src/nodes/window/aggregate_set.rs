//! The aggregates of one window together: what is done to a group is done to its accumulator in each of them.

use std::cell::RefCell;
use std::ops::Range;

use arrow::array::ArrayRef;
use arrow::datatypes::{Field, FieldRef, Schema};
use weir_host::{Failure, RejectedRow, isolate};

use super::aggregate::{Accumulators, accumulators, single_accumulators, updating_accumulators};
use super::window_rows::WindowRows;
use super::{BoundAggregate, WindowSpec};
use crate::dataflow::operator::OperatorError;
use crate::nodes::delta::Accepted;

/// One accumulator per group in each aggregate.
pub(in crate::nodes) struct AggregateSet {
    names: Vec<String>,
    members: Vec<Box<dyn Accumulators>>,
    refuses_rows: bool,
}

impl AggregateSet {
    /// The aggregates of a window, without groups.
    pub(in crate::nodes) fn new(spec: &WindowSpec) -> Result<Self, OperatorError> {
        Self::inserting(&spec.aggregates, &spec.input)
    }

    /// Aggregates of an updating stream, without groups: rows can be taken back.
    pub(in crate::nodes) fn updating(aggregates: &[BoundAggregate], input: &Schema) -> Result<Self, OperatorError> {
        let members = aggregates.iter().map(|a| updating_accumulators(a, input.fields())).collect::<Result<_, _>>()?;
        Ok(Self::of(aggregates.iter().map(|a| a.name.clone()).collect(), members))
    }

    /// Aggregates of rows of which none is taken back, without groups.
    pub(in crate::nodes) fn inserting(aggregates: &[BoundAggregate], input: &Schema) -> Result<Self, OperatorError> {
        let members = aggregates.iter().map(|a| accumulators(a, input.fields())).collect::<Result<_, _>>()?;
        Ok(Self::of(aggregates.iter().map(|a| a.name.clone()).collect(), members))
    }

    /// As [`AggregateSet::inserting`], where a component decides on each row alone.
    pub(in crate::nodes) fn of_singles(aggregates: &[BoundAggregate], input: &Schema) -> Result<Self, OperatorError> {
        let members = aggregates.iter().map(|a| single_accumulators(a, input.fields())).collect::<Result<_, _>>()?;
        Ok(Self::of(aggregates.iter().map(|a| a.name.clone()).collect(), members))
    }

    /// The input columns that each of a window's aggregates reads.
    pub(in crate::nodes) fn columns(spec: &WindowSpec) -> Vec<Vec<usize>> {
        Self::columns_of(&spec.aggregates)
    }

    /// The input columns that each of some aggregates reads.
    pub(in crate::nodes) fn columns_of(aggregates: &[BoundAggregate]) -> Vec<Vec<usize>> {
        aggregates.iter().map(|aggregate| aggregate.columns().to_vec()).collect()
    }

    fn of(names: Vec<String>, members: Vec<Box<dyn Accumulators>>) -> Self {
        let refuses_rows = members.iter().any(|m| m.refuses_rows());
        Self { names, members, refuses_rows }
    }

    /// The same aggregates without groups.
    pub(in crate::nodes) fn fresh(&self) -> Self {
        Self::of(self.names.clone(), self.members.iter().map(|m| m.fresh()).collect())
    }

    pub(in crate::nodes) fn refuses_rows(&self) -> bool {
        self.refuses_rows
    }

    pub(in crate::nodes) fn resize(&mut self, groups: usize) {
        self.members.iter_mut().for_each(|m| m.resize(groups));
    }

    pub(in crate::nodes) fn memory_bytes(&mut self) -> u64 {
        self.members.iter_mut().map(|m| m.memory_bytes()).sum()
    }

    pub(in crate::nodes) fn clear(&mut self) {
        self.members.iter_mut().for_each(|m| m.clear());
    }

    pub(in crate::nodes) fn reset(&mut self, group: u32) {
        self.members.iter_mut().for_each(|m| m.reset(group));
    }

    /// What can fail because of the rows; see [`Accumulators::stage`]. The refused rows are those of any aggregate.
    pub(in crate::nodes) fn stage(
        &mut self,
        group_of_row: &[u32],
        rows: &WindowRows,
    ) -> Result<Vec<RejectedRow>, Failure<OperatorError>> {
        let mut rejected = Vec::new();
        for (member, columns) in self.members.iter_mut().zip(&rows.values) {
            rejected.extend(member.stage(group_of_row, columns, &rows.times)?);
        }
        rejected.sort_by_key(|rejected| rejected.row);
        rejected.dedup_by_key(|rejected| rejected.row);
        Ok(rejected)
    }

    /// Adds rows, all but those that an aggregate refuses, which are returned in ascending order. Nothing has changed if it fails.
    pub(in crate::nodes) fn add(
        &mut self,
        group_of_row: &[u32],
        rows: &WindowRows,
    ) -> Result<Vec<RejectedRow>, Failure<OperatorError>> {
        let rejected = self.stage(group_of_row, rows)?;
        let Some(accepted) = Accepted::of(rows.len, &rejected) else {
            self.update(group_of_row, rows).map_err(Failure::Fatal)?;
            return Ok(rejected);
        };
        let accepted = accepted.rows.values();
        let groups: Vec<u32> = accepted.iter().map(|row| group_of_row[*row as usize]).collect();
        let rows = rows.take(accepted).map_err(Failure::Fatal)?;
        // An aggregate may refuse others of the rows that are left, as its accumulators are others now.
        let more = self.add(&groups, &rows)?.into_iter();
        let more = more.map(|more| RejectedRow { row: accepted[more.row] as usize, ..more });
        let mut rejected: Vec<RejectedRow> = rejected.into_iter().chain(more).collect();
        rejected.sort_by_key(|rejected| rejected.row);
        Ok(rejected)
    }

    /// As [`AggregateSet::add`], where a call may fail: the rows that make it fail are found, and are refused too. They come in `refused`
    /// with the reason, ascending; the first ends it with an error, if `fails`.
    pub(in crate::nodes) fn add_apart(
        &mut self,
        group_of_row: &[u32],
        rows: &WindowRows,
        refused: &mut Vec<(usize, String)>,
        fails: bool,
    ) -> Result<(), OperatorError> {
        apart(rows.len, refused, fails, |range| {
            self.add(&group_of_row[range.clone()], &rows.slice(range.start, range.len()))
        })
    }

    /// The rows that [`AggregateSet::add_apart`] would refuse. Nothing is added.
    pub(in crate::nodes) fn refused_apart(
        &mut self,
        group_of_row: &[u32],
        rows: &WindowRows,
        refused: &mut Vec<(usize, String)>,
        fails: bool,
    ) -> Result<(), OperatorError> {
        apart(rows.len, refused, fails, |range| {
            self.stage(&group_of_row[range.clone()], &rows.slice(range.start, range.len()))
        })
    }

    pub(in crate::nodes) fn update(&mut self, group_of_row: &[u32], rows: &WindowRows) -> Result<(), OperatorError> {
        let mut members = self.members.iter_mut().zip(&rows.values);
        members.try_for_each(|(member, columns)| member.update(group_of_row, columns, &rows.times))
    }

    /// Takes rows away again, whose groups are the distinct `groups`, and `index_of_row` of each row its own among them. `scratch` are
    /// the same aggregates without groups.
    pub(in crate::nodes) fn take_back(
        &mut self,
        (groups, index_of_row): (&[u32], &[u32]),
        rows: &WindowRows,
        scratch: &mut Self,
    ) -> Result<(), OperatorError> {
        scratch.resize(groups.len());
        scratch.update(index_of_row, rows)?;
        let others: Vec<u32> = (0..groups.len() as u32).collect();
        let mut members = self.members.iter_mut().zip(&scratch.members);
        members.try_for_each(|(member, other)| member.take_back(groups, other.as_ref(), &others))?;
        scratch.clear();
        Ok(())
    }

    /// Adds accumulators.
    pub(in crate::nodes) fn merge(&mut self, group_of_row: &[u32], rows: &WindowRows) -> Result<(), OperatorError> {
        let mut members = self.members.iter_mut().zip(&rows.values);
        members.try_for_each(|(member, state)| member.merge(group_of_row, state))
    }

    /// Adds the groups `others` of another set of the same aggregates to the distinct groups `groups`.
    pub(in crate::nodes) fn merge_from(
        &mut self,
        groups: &[u32],
        other: &Self,
        others: &[u32],
    ) -> Result<(), OperatorError> {
        let mut members = self.members.iter_mut().zip(&other.members);
        members.try_for_each(|(member, other)| member.merge_from(groups, other.as_ref(), others))
    }

    /// Makes an empty group a copy of another.
    pub(in crate::nodes) fn copy(&mut self, group: u32, from: u32) -> Result<(), OperatorError> {
        self.members.iter_mut().try_for_each(|member| member.copy(group, from))
    }

    /// Adds the group `from` to another and makes it empty.
    pub(in crate::nodes) fn absorb(&mut self, group: u32, from: u32) -> Result<(), OperatorError> {
        self.members.iter_mut().try_for_each(|member| member.absorb(group, from))?;
        self.reset(from);
        Ok(())
    }

    /// The columns of a group's accumulators, named after their aggregates.
    pub(in crate::nodes) fn state_fields(&self) -> Vec<FieldRef> {
        let mut fields = Vec::new();
        for (name, member) in self.names.iter().zip(&self.members) {
            let field = |f: &FieldRef| Field::clone(f).with_name(format!("{name}.{}", f.name())).with_nullable(true);
            fields.extend(member.state_fields().iter().map(field).map(FieldRef::from));
        }
        fields
    }

    /// How many of these columns each aggregate has.
    pub(in crate::nodes) fn state_widths(&self) -> Vec<usize> {
        self.members.iter().map(|m| m.state_fields().len()).collect()
    }

    /// A copy of all groups as they are now, of which only [`AggregateSet::state`] is asked.
    pub(in crate::nodes) fn freeze(&mut self) -> Self {
        Self::of(self.names.clone(), self.members.iter_mut().map(|m| m.freeze()).collect())
    }

    pub(in crate::nodes) fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>, OperatorError> {
        let mut columns = Vec::new();
        for member in &self.members {
            columns.extend(member.state(groups)?);
        }
        Ok(columns)
    }

    /// The column of each aggregate's results; the names are the caller's.
    pub(in crate::nodes) fn output_fields(&self) -> Vec<FieldRef> {
        self.members.iter().map(|m| m.output_field()).collect()
    }

    /// As [`Accumulators::overflows`], of one aggregate.
    pub(in crate::nodes) fn overflows(&self, aggregate: usize, groups: &[u32]) -> Vec<(usize, String)> {
        self.members[aggregate].overflows(groups)
    }

    /// The results of one aggregate.
    pub(in crate::nodes) fn finish(&self, aggregate: usize, groups: &[u32]) -> Result<ArrayRef, OperatorError> {
        self.members[aggregate].finish(groups)
    }
}

/// Calls with rows, or with parts of them if a call fails; `call` returns those of its range that are refused.
fn apart(
    rows: usize,
    refused: &mut Vec<(usize, String)>,
    fails: bool,
    mut call: impl FnMut(Range<usize>) -> Result<Vec<RejectedRow>, Failure<OperatorError>>,
) -> Result<(), OperatorError> {
    let found = RefCell::new(std::mem::take(refused));
    let refuse = |row, reason| {
        found.borrow_mut().push((row, reason));
        if fails { Err(OperatorError::Call("a row was refused".to_owned())) } else { Ok(()) }
    };
    let call = |range: Range<usize>| {
        let start = range.start;
        let mut rejected = call(range)?.into_iter();
        rejected.try_for_each(|RejectedRow { row, reason }| refuse(start + row, reason)).map_err(Failure::Fatal)
    };
    let done = isolate(0..rows, || false, call, refuse);
    *refused = found.into_inner();
    done.map(drop)
}
