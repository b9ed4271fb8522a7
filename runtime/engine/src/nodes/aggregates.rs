//! `[aggregates.NAME]`: aggregates per key without a window. Each batch updates the rows of the keys in it, and gives out what has changed:
//! one update per key, however many rows of it came. A key whose rows have all been taken back is deleted.

mod apply;
mod given;
pub(crate) mod plan;
mod rows_left;
mod state;

use std::collections::BTreeMap;

use arrow::array::ArrayRef;
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use weir_core::batch::StreamBatch;
use weir_core::connector::Cut;
use weir_state::KeyIndex;

use super::changes::{Changes, RowComparator};
use super::dead_letter::{DeadLetters, key_rows, key_texts};
use super::distinct::DistinctSlots;
use super::lives::{FORGOTTEN_MAX, LIVES, Lives};
use super::window::BoundAggregate;
use super::window::aggregate_set::AggregateSet;
use super::window::window_rows::WindowRows;
use crate::dataflow::operator::{Frozen, Operator, OperatorError, Outputs, Progress, Snapshot, StateTable, Time};
use apply::leave_out;
use given::GivenResults;
use rows_left::nothing;
use state::GroupLayout;

/// What the operator is made of.
struct AggregateSpec {
    /// The columns that come in.
    input: SchemaRef,
    /// Which of them rows are grouped by.
    key_columns: Vec<usize>,
    /// What is computed; if rows are counted, their number comes last.
    aggregates: Vec<BoundAggregate>,
    /// Whether it is known of a key how many rows it has: they can be taken back, or refused.
    counts_rows: bool,
    /// Whether rows can be taken back.
    updating: bool,
    /// The columns of the full result that are read: keys, then aggregates.
    read: Vec<usize>,
    /// They.
    schema: SchemaRef,
    dead_letters: DeadLetters,
    key_groups: u32,
    /// When keys are deleted; `None`: never.
    lives: Option<Lives>,
}

struct AggregateOperator {
    spec: AggregateSpec,
    key_fields: Vec<FieldRef>,
    /// The time up to which keys are being deleted.
    passing: Option<Time>,
    /// Of the youngest batch that came.
    ingested_at: i64,
    keys: KeyIndex,
    aggregates: AggregateSet,
    /// The same, for rows that are taken back.
    scratch: AggregateSet,
    /// The accumulators of a group without rows.
    nothing: Vec<ArrayRef>,
    given: GivenResults,
    value_columns: Vec<Vec<usize>>,
    /// By slot: whether a result is out.
    is_out: Vec<bool>,
    layout: GroupLayout,
    distinct: DistinctSlots,
}

/// The results of some keys that are out, or are to be.
struct Results {
    columns: Vec<ArrayRef>,
    /// By the number of a key among those of the batch: its row.
    row_of_key: Vec<Option<usize>>,
    /// The slot of each row.
    slots: Vec<u32>,
    /// The results of components, including columns that no later step reads.
    of_components: Vec<ArrayRef>,
}

/// Which results are meant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ResultsOf {
    /// Those that are out.
    Before,
    /// Those of the accumulators as they are.
    Now,
}

impl AggregateOperator {
    fn new(spec: AggregateSpec) -> Result<Self, OperatorError> {
        let key_fields: Vec<FieldRef> = spec.key_columns.iter().map(|key| spec.input.fields()[*key].clone()).collect();
        let aggregates = match spec.updating {
            true => AggregateSet::updating(&spec.aggregates, &spec.input)?,
            false => AggregateSet::inserting(&spec.aggregates, &spec.input)?,
        };
        let given = GivenResults::new(&spec.aggregates, &aggregates);
        Ok(Self {
            keys: KeyIndex::new(&key_fields)?,
            scratch: aggregates.fresh(),
            nothing: nothing(&aggregates)?,
            value_columns: AggregateSet::columns_of(&spec.aggregates),
            is_out: Vec::new(),
            layout: GroupLayout::new(&spec, &key_fields, aggregates.state_fields(), given.state_fields()),
            given,
            key_fields,
            passing: None,
            ingested_at: i64::MIN,
            distinct: DistinctSlots::default(),
            aggregates,
            spec,
        })
    }

    /// The results of those of these keys for which `is_there`.
    fn results(
        &self,
        slots: &[u32],
        of: ResultsOf,
        is_there: impl Fn(usize) -> bool,
    ) -> Result<Results, OperatorError> {
        let (mut there, mut row_of_key) = (Vec::new(), Vec::with_capacity(slots.len()));
        for (key, slot) in slots.iter().enumerate() {
            row_of_key.push(is_there(key).then_some(there.len()));
            if is_there(key) {
                there.push(*slot);
            }
        }
        let keys = self.keys.keys(&there)?;
        let components = self.given.aggregates();
        let of_components = match of {
            ResultsOf::Before => self.given.of(&there)?,
            // A component is not called for no groups.
            ResultsOf::Now if there.is_empty() => self.given.of(&there)?,
            ResultsOf::Now => {
                components.iter().map(|of| self.aggregates.finish(*of, &there)).collect::<Result<_, _>>()?
            }
        };
        let column = |column: &usize| match column.checked_sub(keys.len()) {
            None => Ok(keys[*column].clone()),
            Some(aggregate) => match components.iter().position(|of| *of == aggregate) {
                Some(component) => Ok(of_components[component].clone()),
                None => self.aggregates.finish(aggregate, &there),
            },
        };
        let columns = self.spec.read.iter().map(column).collect::<Result<_, _>>()?;
        Ok(Results { columns, row_of_key, slots: there, of_components })
    }

    /// The keys, by number, with a result that does not fit its type, and why.
    fn overflows(&self, slots: &[u32]) -> BTreeMap<usize, String> {
        let keys = self.spec.key_columns.len();
        let read = self.spec.read.iter().filter_map(|column| column.checked_sub(keys));
        read.flat_map(|aggregate| self.aggregates.overflows(aggregate, slots)).collect()
    }

    fn set_aside(
        &self,
        slots: &[u32],
        times: &[i64],
        bad: &BTreeMap<usize, String>,
        ingested_at: i64,
        out: &mut Outputs,
    ) -> Result<(), OperatorError> {
        if bad.is_empty() {
            return Ok(());
        }
        let slots: Vec<u32> = bad.keys().map(|key| slots[*key]).collect();
        let times = bad.keys().map(|key| times[*key]).collect();
        let (input, columns, keys) = (&self.spec.input, &self.spec.key_columns, self.keys.keys(&slots)?);
        let texts = key_texts(input, columns, &keys, slots.len());
        let rows = key_rows(input, columns, &keys, times, ingested_at)?;
        let reason = |(text, reason): (String, &String)| match text.is_empty() {
            true => reason.clone(),
            false => format!("{reason}, of {text}"),
        };
        let reasons = texts.into_iter().zip(bad.values()).map(reason).collect();
        self.spec.dead_letters.take_results(rows, reasons, out)
    }
}

impl AggregateOperator {
    /// Takes rows, of which those of a key are of one life of it.
    fn part(&mut self, batch: &StreamBatch, slots: &[u32], out: &mut Outputs) -> Result<(), OperatorError> {
        let rows = WindowRows::of_batch(batch, &self.spec.key_columns, &self.value_columns);
        let (keys, key_of_row) = self.distinct.of(slots, self.keys.slot_bound());
        let mut times = vec![i64::MIN; keys.len()];
        for (key, time) in key_of_row.iter().zip(batch.event_times.iter()) {
            times[*key as usize] = times[*key as usize].max(*time);
        }
        let before = self.results(&keys, ResultsOf::Before, |key| self.is_out[keys[key] as usize])?;
        if let Some(lives) = &mut self.spec.lives {
            let forgotten = lives.live(&keys, (&key_of_row, &batch.event_times), &times);
            let forgotten = keys.iter().zip(forgotten).filter(|(_, is_over)| *is_over);
            forgotten.for_each(|(slot, _)| self.aggregates.reset(*slot));
        }
        let refused = self.apply(batch, &rows, slots, out)?;
        leave_out(&mut times, &key_of_row, &batch.event_times, &refused);
        let counts = self.row_counts(&keys)?;
        let are_over = self.are_over(&keys, &counts)?;
        let bad = self.overflows(&keys);
        self.set_aside(&keys, &times, &bad, batch.ingested_at, out)?;
        let after = self.results(&keys, ResultsOf::Now, |key| counts[key] > 0 && !bad.contains_key(&key))?;
        self.given.put(&after.slots, after.of_components.clone())?;
        let compare = RowComparator::new(&before.columns, &after.columns)?;
        let mut changes = Changes::default();
        for (key, slot) in keys.iter().enumerate() {
            let (was, is) = (before.row_of_key[key], after.row_of_key[key]);
            if !matches!((was, is), (Some(was), Some(is)) if compare.is_same(was, is)) {
                changes.replace(was.map(|row| (0, row)), is.map(|row| (1, row)), times[key]);
            }
            self.is_out[*slot as usize] = is.is_some();
            if is.is_none() {
                self.given.remove(*slot);
            }
            if are_over[key] {
                self.aggregates.reset(*slot);
                // A key with a time to live stays for it: its refused rows are rows of it.
                if self.spec.lives.is_none() {
                    self.keys.remove(*slot);
                }
            }
        }
        changes.emit(&self.spec.schema, &[&before.columns, &after.columns], batch.ingested_at, out)
    }

    /// Deletes the next keys that the time has passed.
    fn delete_passed(&mut self, out: &mut Outputs) -> Result<Progress, OperatorError> {
        let (Some(at), Some(lives)) = (self.passing, &mut self.spec.lives) else { return Ok(Progress::Done) };
        let (slots, times): (Vec<u32>, Vec<i64>) =
            lives.passed(at, FORGOTTEN_MAX).into_iter().map(|timer| (timer.slot, timer.time)).unzip();
        if slots.is_empty() {
            self.passing = None;
            return Ok(Progress::Done);
        }
        let results = self.results(&slots, ResultsOf::Before, |key| self.is_out[slots[key] as usize])?;
        let mut changes = Changes::default();
        let rows = results.row_of_key.iter().zip(times);
        rows.for_each(|(row, time)| changes.replace(row.map(|row| (0, row)), None, time));
        for slot in &slots {
            self.aggregates.reset(*slot);
            self.given.remove(*slot);
            self.is_out[*slot as usize] = false;
            self.keys.remove(*slot);
        }
        changes.emit(&self.spec.schema, &[&results.columns], self.ingested_at, out)?;
        Ok(Progress::More)
    }
}

impl Operator for AggregateOperator {
    fn process(&mut self, _input: usize, batch: StreamBatch, out: &mut Outputs) -> Result<Progress, OperatorError> {
        self.ingested_at = self.ingested_at.max(batch.ingested_at);
        let keys: Vec<ArrayRef> = self.spec.key_columns.iter().map(|key| batch.rows.column(*key).clone()).collect();
        let hashes = batch.key_hashes.as_ref().and_then(|hashes| hashes.of(&self.spec.key_columns));
        let mut slots = Vec::new();
        let bound = self.keys.slots_hashed(&keys, batch.len(), hashes, &mut slots)?;
        self.aggregates.resize(bound);
        self.is_out.resize(bound, false);
        let Some(lives) = &self.spec.lives else {
            self.part(&batch, &slots, out)?;
            return Ok(Progress::Done);
        };
        for rows in lives.parts(&mut self.distinct, &slots, bound, &batch.event_times) {
            self.part(&batch.slice(rows.start, rows.len()), &slots[rows], out)?;
        }
        Ok(Progress::Done)
    }

    fn on_time(&mut self, at: Time, out: &mut Outputs) -> Result<Progress, OperatorError> {
        self.passing = Some(at);
        self.delete_passed(out)
    }

    fn more(&mut self, out: &mut Outputs) -> Result<Progress, OperatorError> {
        self.delete_passed(out)
    }

    fn deadline(&self) -> Option<i64> {
        self.spec.lives.as_ref().and_then(Lives::deadline)
    }

    fn freeze(&mut self, _cut: Cut) -> Result<Frozen, OperatorError> {
        let mut slots = self.keys.live_slots();
        // Only with a time to live do keys stay that have no rows; the stream stands still here, and there may be millions of keys.
        if self.spec.lives.is_some() {
            let mut counts = self.row_counts(&slots)?.into_iter();
            slots.retain(|_| counts.next().is_none_or(|count| count > 0));
        }
        let (keys, aggregates, given) = (self.keys.freeze(), self.aggregates.freeze(), self.given.freeze());
        let (layout, key_groups) = (self.layout.clone(), self.spec.key_groups);
        let lives = self.spec.lives.as_mut().map(|lives| (lives.ttl.freeze(), self.key_fields.clone()));
        Ok(Frozen::of_state(move || {
            let mut snapshot = layout.snapshot(&keys, (&aggregates, &given), &slots, key_groups)?;
            if let Some((lives, key_fields)) = lives {
                snapshot.tables.extend(Lives::tables(&lives, &keys, &key_fields, key_groups)?);
            }
            Ok(snapshot)
        }))
    }

    fn restore(&mut self, snapshot: Snapshot) -> Result<(), OperatorError> {
        let (lives, tables): (Vec<StateTable>, Vec<StateTable>) =
            snapshot.tables.into_iter().partition(|table| table.name == LIVES);
        let mut widths = self.aggregates.state_widths();
        widths.push(self.given.state_fields().len());
        let parts = self.layout.restore(Snapshot { tables, ..Snapshot::default() }, &widths)?;
        let keys: Vec<_> = parts.iter().map(|part| (part.keys.as_slice(), part.len)).collect();
        let slots = self.keys.slots_of_all(&keys)?;
        self.aggregates.resize(self.keys.slot_bound());
        let mut is_out = Vec::with_capacity(slots.len());
        let mut rest = slots.as_slice();
        for part in &parts {
            let (own, others) = rest.split_at(part.len);
            self.aggregates.merge(own, part)?;
            let given = part.values.last().map_or(&[][..], Vec::as_slice);
            is_out.extend(match self.given.restore(own, given)? {
                Some(is_out) => is_out,
                // A result is out unless it cannot be.
                None => {
                    let (counts, bad) = (self.row_counts(own)?, self.overflows(own));
                    (0..own.len()).map(|key| counts[key] > 0 && !bad.contains_key(&key)).collect()
                }
            });
            rest = others;
        }
        if let Some(of) = &mut self.spec.lives {
            of.restore(&mut self.keys, &lives)?;
        }
        self.aggregates.resize(self.keys.slot_bound());
        self.is_out = vec![false; self.keys.slot_bound()];
        slots.iter().zip(is_out).for_each(|(slot, is_out)| self.is_out[*slot as usize] = is_out);
        Ok(())
    }

    fn state_bytes(&mut self) -> u64 {
        let lives = self.spec.lives.as_ref().map_or(0, |lives| lives.ttl.memory_bytes());
        let given = self.given.memory_bytes();
        self.keys.memory_bytes() + self.aggregates.memory_bytes() + given + self.is_out.len() as u64 + lives
    }
}

/// The columns of the full result: keys, then aggregates.
fn full_schema(keys: impl Iterator<Item = FieldRef>, aggregates: impl Iterator<Item = FieldRef>) -> Schema {
    Schema::new(keys.chain(aggregates).collect::<Vec<_>>())
}
