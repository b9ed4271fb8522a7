//! A keyed operator: the states of a batch's distinct keys go to its component as columns, the changed ones come back. Between
//! two calls the component holds nothing.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type, Schema};
use weir_core::batch::StreamBatch;
use weir_core::connector::Cut;
use weir_core::time::{Clock, WATERMARK_MAX, WATERMARK_MIN};
use weir_host::{Delta, Failure, GuestClock, Instance, KeyedDelta, Rows, Selection, TimeDomain, isolate};
use weir_state::{KeyedState, States, Timer, Timers};

use super::dead_letter::DeadLetters;
use super::transform::{OutputMap, apply};
use crate::operator::{Frozen, Operator, OperatorError, Outputs, Snapshot, StateTable};

/// Timers handed to a component in one call at most.
const TIMERS_A_CALL_MAX: usize = 8_192;
/// Timers that may fire at the end of the input beyond those that were there: every timer is due then, so an operator that always
/// registers another would never end.
const END_TIMERS_MAX: usize = 1_000_000;

const STATES: &str = "states";
const TIMERS: &str = "timers";
const WATERMARK: &str = "watermark";
const VERSION: &str = "state_version";

/// Runs a component of the world `keyed-operator`.
pub(crate) struct KeyedOperator {
    component: Guest,
    state: KeyedState,
    timers: Timers,
    dead_letters: DeadLetters,
    key_groups: u32,
    clock: Arc<dyn Clock>,
    watermark: i64,
    ingested_at: i64,
    /// By slot: its index in the call that is being made, or [`NO_INDEX`].
    index_of_slot: Vec<u32>,
}

/// What a keyed operator is made of.
pub(crate) struct KeyedSpec {
    pub(crate) instance: Instance,
    /// Where the columns that it reads are among those that come in.
    pub(crate) reads: Vec<usize>,
    /// Where the key columns are.
    pub(crate) keys: Vec<usize>,
    pub(crate) key_fields: Vec<FieldRef>,
    /// Outputs of rows.
    pub(crate) outputs: Vec<OutputMap>,
    /// The same outputs of timers: kept columns are positions among the key columns.
    pub(crate) timer_outputs: Vec<OutputMap>,
    pub(crate) dead_letters: DeadLetters,
    pub(crate) key_groups: u32,
}

struct Guest {
    instance: Instance,
    reads: Vec<usize>,
    keys: Vec<usize>,
    outputs: Vec<OutputMap>,
    timer_outputs: Vec<OutputMap>,
    reads_event_times: bool,
}

const NO_INDEX: u32 = u32::MAX;

impl KeyedOperator {
    /// An operator without any state yet.
    ///
    /// # Errors
    /// If a key column has a type that cannot be a key.
    pub(crate) fn new(spec: KeyedSpec, clock: Arc<dyn Clock>) -> Result<Self, OperatorError> {
        let KeyedSpec { instance, reads, keys, key_fields, outputs, timer_outputs, dead_letters, key_groups } = spec;
        let plan = instance.plan();
        let fields: Vec<FieldRef> =
            plan.state.as_ref().map(|s| s.schema.fields().iter().cloned().collect()).unwrap_or_default();
        let reads_event_times = plan.reads_event_times;
        Ok(Self {
            component: Guest { instance, reads, keys, outputs, timer_outputs, reads_event_times },
            state: KeyedState::new(&key_fields, &fields)?,
            timers: Timers::default(),
            dead_letters,
            key_groups,
            clock,
            watermark: WATERMARK_MIN,
            ingested_at: i64::MIN,
            index_of_slot: Vec::new(),
        })
    }

    /// The version of the state's layout; 0, if it keeps none.
    fn version(&self) -> i64 {
        self.component.instance.plan().state.as_ref().map_or(0, |state| i64::from(state.version))
    }

    fn now(&self) -> GuestClock {
        GuestClock { watermark: self.watermark, processing_time: self.clock.now_us() }
    }

    /// The distinct slots of a call, in order of appearance, and for every row the index of its slot among them.
    fn distinct(&mut self, slots: &[u32]) -> (Vec<u32>, Vec<u32>) {
        let bound = self.state.keys().slot_bound();
        if self.index_of_slot.len() < bound {
            self.index_of_slot.resize(bound, NO_INDEX);
        }
        let mut distinct = Vec::new();
        let mut index_of_row = Vec::with_capacity(slots.len());
        for slot in slots {
            let index = &mut self.index_of_slot[*slot as usize];
            if *index == NO_INDEX {
                *index = distinct.len() as u32;
                distinct.push(*slot);
            }
            index_of_row.push(*index);
        }
        for slot in &distinct {
            self.index_of_slot[*slot as usize] = NO_INDEX;
        }
        (distinct, index_of_row)
    }

    fn rows(
        &mut self,
        batch: &StreamBatch,
        slots: &[u32],
        range: Range<usize>,
        out: &mut Outputs,
    ) -> Result<(), Failure<OperatorError>> {
        let part = batch.slice(range.start, range.len());
        let (distinct, key_of_row) = self.distinct(&slots[range]);
        let states = self.gather(&distinct)?;
        let now = self.now();
        let guest = &mut self.component;
        let columns: Vec<ArrayRef> = guest.reads.iter().map(|c| part.rows.column(*c).clone()).collect();
        let event_times = guest.reads_event_times.then_some(&part.event_times[..]);
        let rows = Rows { rows: part.len(), columns: &columns, event_times };
        let mut delta = guest.instance.keyed(0, &rows, &key_of_row, &states, now)?;
        let made = made(&guest.outputs, std::mem::take(&mut delta.outputs), part.rows.columns(), &part)?;
        self.commit(&distinct, delta).map_err(Failure::Fatal)?;
        made.into_iter().enumerate().for_each(|(output, rows)| out.emit(output, rows));
        Ok(())
    }

    fn due(&mut self, due: &[Timer], out: &mut Outputs) -> Result<(), Failure<OperatorError>> {
        let slots: Vec<u32> = due.iter().map(|t| t.slot).collect();
        let times: ScalarBuffer<i64> = due.iter().map(|t| t.time).collect();
        let (distinct, key_of_timer) = self.distinct(&slots);
        let states = self.gather(&distinct)?;
        let keys = self.state.keys().keys(&slots).map_err(|e| Failure::Fatal(e.into()))?;
        let rows = Rows { rows: due.len(), columns: &keys, event_times: None };
        let timers =
            weir_host::Timers { domain: TimeDomain::EventTime, keys: key_of_timer.into(), times: times.clone() };
        let now = self.now();
        let mut delta = self.component.instance.on_timer(&timers, &rows, &states, now)?;
        let at = StreamBatch {
            rows: RecordBatch::new_empty(Arc::new(Schema::empty())),
            event_times: times,
            ingested_at: self.ingested_at,
        };
        let made = made(&self.component.timer_outputs, std::mem::take(&mut delta.outputs), &keys, &at)?;
        self.commit(&distinct, delta).map_err(Failure::Fatal)?;
        made.into_iter().enumerate().for_each(|(output, rows)| out.emit(output, rows));
        Ok(())
    }

    fn gather(&self, slots: &[u32]) -> Result<weir_host::States, Failure<OperatorError>> {
        let States { present, columns } = self.state.gather(slots).map_err(|e| Failure::Fatal(e.into()))?;
        Ok(weir_host::States { keys: slots.len(), present: Some(present), columns })
    }

    /// Takes the states and timers of a call that succeeded.
    fn commit(&mut self, distinct: &[u32], delta: KeyedDelta) -> Result<(), OperatorError> {
        let slot = |key: &u32| distinct[*key as usize];
        let changed: Vec<u32> = match &delta.changed {
            Selection::All => distinct.to_vec(),
            Selection::None => Vec::new(),
            Selection::Rows(keys) => keys.iter().map(slot).collect(),
        };
        if !changed.is_empty() {
            let weir_host::States { keys, present, columns } = delta.states;
            let states = match present {
                Some(present) => States { present, columns },
                None => States::all(keys, columns),
            };
            self.state.put(&changed, states)?;
        }
        let timers = |timers: &weir_host::Timers| -> Result<Vec<Timer>, OperatorError> {
            if timers.domain == TimeDomain::ProcessingTime && !timers.keys.is_empty() {
                return Err(OperatorError::Call("processing-time timers are not supported; use event time".to_owned()));
            }
            let pairs = timers.keys.iter().zip(timers.times.iter());
            Ok(pairs.map(|(key, time)| Timer { time: *time, slot: slot(key) }).collect())
        };
        for timer in delta.delete.iter().map(timers).collect::<Result<Vec<_>, _>>()?.into_iter().flatten() {
            self.timers.delete(timer);
        }
        for timer in delta.register.iter().map(timers).collect::<Result<Vec<_>, _>>()?.into_iter().flatten() {
            self.timers.register(timer);
        }
        Ok(())
    }

    fn release(&mut self, slots: &[u32]) {
        let (distinct, _) = self.distinct(slots);
        self.state.release(&distinct, |slot| self.timers.contains(slot));
    }
}

/// Keeps a row (or timer) that was refused; the first ends the batch, if `fails`.
fn set_aside(refused: &mut Vec<(usize, String)>, row: usize, reason: String, fails: bool) -> Result<(), OperatorError> {
    refused.push((row, reason));
    if fails { Err(OperatorError::Call("a row was refused".to_owned())) } else { Ok(()) }
}

/// How far the operator is, and of which version its state is.
fn watermark_table(watermark: i64, version: i64) -> Result<StateTable, OperatorError> {
    let field = |name: &str| Field::new(name, DataType::Int64, false);
    let value = |value: i64| -> ArrayRef { Arc::new(Int64Array::from(vec![value])) };
    let schema = Arc::new(Schema::new(vec![field(WATERMARK), field(VERSION)]));
    let rows = RecordBatch::try_new(schema, vec![value(watermark), value(version)])?;
    Ok(StateTable { name: WATERMARK.to_owned(), key_group: None, rows })
}

/// The only value of a column of a snapshot.
fn int64(rows: &RecordBatch, column: &str) -> Result<i64, OperatorError> {
    let values = rows.column_by_name(column).and_then(|c| c.as_primitive_opt::<Int64Type>());
    let value = values.filter(|v| v.len() == 1).map(|v| v.value(0));
    value.ok_or_else(|| OperatorError::Restore(format!("it has no {column:?}")))
}

/// The rows of every output; nothing is emitted before all of it is sound.
fn made(
    maps: &[OutputMap],
    deltas: Vec<Delta>,
    inputs: &[ArrayRef],
    times: &StreamBatch,
) -> Result<Vec<StreamBatch>, Failure<OperatorError>> {
    let rows = deltas.into_iter().zip(maps).map(|(delta, map)| apply(map, delta, inputs, times));
    rows.collect::<Result<_, _>>().map_err(|e| Failure::Fatal(e.into()))
}

impl Operator for KeyedOperator {
    fn process(&mut self, batch: StreamBatch, out: &mut Outputs) -> Result<(), OperatorError> {
        self.ingested_at = self.ingested_at.max(batch.ingested_at);
        let fails = self.dead_letters.fails();
        let keys: Vec<ArrayRef> = self.component.keys.iter().map(|c| batch.rows.column(*c).clone()).collect();
        let mut slots = Vec::new();
        self.state.slots(&keys, batch.len(), &mut slots)?;
        let mut bad = Vec::new();
        let mut refused = Vec::new();
        let isolated = isolate(
            0..batch.len(),
            |range| self.rows(&batch, &slots, range, out),
            |row, reason| set_aside(&mut refused, row, reason, fails),
        );
        for (row, reason) in refused {
            self.dead_letters.take(&batch, row, reason, &mut bad)?;
        }
        isolated?;
        self.release(&slots);
        self.dead_letters.emit(&batch, bad, out)
    }

    fn on_watermark(&mut self, watermark: i64, out: &mut Outputs) -> Result<(), OperatorError> {
        // After a restore the channels begin anew, while what the operator was told does not go back.
        if watermark <= self.watermark {
            return Ok(());
        }
        self.watermark = watermark;
        let fails = self.dead_letters.fails();
        let (mut fired, fired_max) = (0, self.timers.len().saturating_add(END_TIMERS_MAX));
        loop {
            let due = self.timers.pop_due(watermark, TIMERS_A_CALL_MAX);
            if due.is_empty() {
                break;
            }
            fired += due.len();
            if watermark == WATERMARK_MAX && fired > fired_max {
                let reason = "the operator registers timers without end: at the end of the input every timer is due";
                return Err(OperatorError::Call(reason.to_owned()));
            }
            let mut refused = Vec::new();
            let isolated = isolate(
                0..due.len(),
                |range| self.due(&due[range], out),
                |timer, reason| set_aside(&mut refused, timer, reason, fails),
            );
            for (timer, reason) in refused {
                self.dead_letters.take_timer(due[timer].time, reason)?;
            }
            isolated?;
            let slots: Vec<u32> = due.iter().map(|t| t.slot).collect();
            self.release(&slots);
        }
        Ok(())
    }

    fn freeze(&mut self, _cut: Cut) -> Result<Frozen, OperatorError> {
        let (states, timers) = (self.state.freeze(), self.timers.freeze());
        let (watermark, version, key_groups) = (self.watermark, self.version(), self.key_groups);
        Ok(Frozen::new(move || {
            let table = |name: &str, (group, rows): (u32, RecordBatch)| StateTable {
                name: name.to_owned(),
                key_group: Some(group),
                rows,
            };
            let timers = timers.tables(&states, key_groups)?;
            let states = states.tables(key_groups)?;
            let states = states.into_iter().map(|part| table(STATES, part));
            let timers = timers.into_iter().map(|part| table(TIMERS, part));
            let watermark = watermark_table(watermark, version)?;
            Ok(Snapshot { tables: states.chain(timers).chain([watermark]).collect(), sink: None })
        }))
    }

    fn restore(&mut self, snapshot: Snapshot) -> Result<(), OperatorError> {
        let (mut watermarks, mut timers) = (Vec::new(), Vec::new());
        let states = snapshot.tables.iter().filter(|table| table.name == STATES);
        self.state.reserve(states.map(|table| table.rows.num_rows()).sum());
        for table in snapshot.tables {
            match table.name.as_str() {
                STATES => self.state.restore(&table.rows)?,
                TIMERS => timers.push(table.rows),
                WATERMARK => {
                    let (version, mine) = (int64(&table.rows, VERSION)?, self.version());
                    if version != mine {
                        let message = format!("its state is of version {version}, and this operator keeps {mine}");
                        return Err(OperatorError::Restore(message));
                    }
                    watermarks.push(int64(&table.rows, WATERMARK)?);
                }
                other => return Err(OperatorError::Restore(format!("it has no state named {other:?}"))),
            }
        }
        self.timers.restore(&mut self.state, &timers)?;
        // Of several old subtasks the one that was furthest behind: no row was late to it.
        self.watermark = watermarks.into_iter().min().unwrap_or(WATERMARK_MIN);
        Ok(())
    }
}
