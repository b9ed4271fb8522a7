//! A keyed operator: the states of a batch's distinct keys go to its component as columns, the changed ones come back. Between
//! two calls the component holds nothing, so it is replaced without moving any state.

mod beside;
mod canary;
pub(crate) mod guest;
pub(crate) mod layout;
pub(crate) mod plan;
pub(crate) mod snapshot;
mod trial;

use std::cell::RefCell;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::FieldRef;
use weir_core::batch::StreamBatch;
use weir_core::connector::Cut;
use weir_core::time::{Clock, WATERMARK_MAX, WATERMARK_MIN};
use weir_host::{CallError, Failure, GuestClock, KeyedDelta, RejectedRow, Selection, StateLayout, TimeDomain, isolate};
use weir_state::{KeyedState, States, Timer, Timers};

use crate::dataflow::operator::{Frozen, Operator, OperatorError, Outputs, Progress, Snapshot, Time};
use crate::nodes::dead_letter::DeadLetters;
use crate::nodes::distinct::DistinctSlots;
use crate::nodes::keyed::guest::KeyedGuest;
use crate::replace::on_trial::{OnTrial, VersionChoice};
use crate::replace::replaceable::Replaceable;
use guest::{Answer, Call};

/// Timers handed to a component in one call at most. After a call rows downstream get their turn, and a barrier can pass.
const TIMERS_A_CALL_MAX: usize = 8_192;
/// Timers that may fire at the end of the input beyond those that were there: every timer is due then, so an operator that always
/// registers another would never end.
const END_TIMERS_MAX: usize = 1_000_000;

/// Runs a component of the world `keyed-operator`.
pub(crate) struct KeyedOperator {
    /// Its name, for messages.
    name: String,
    component: OnTrial<KeyedGuest>,
    /// Where the key columns are.
    keys: Vec<usize>,
    state: KeyedState,
    timers: Timers,
    /// While timers are firing: how many still may.
    firing: Option<usize>,
    /// Timers that wait for the next watermark although others are firing: a state was restored from several subtasks of which one
    /// was frozen while its timers fired.
    timers_after: Timers,
    dead_letters: DeadLetters,
    key_groups: u32,
    clock: Arc<dyn Clock>,
    watermark: i64,
    ingested_at: i64,
    distinct: DistinctSlots,
}

/// What a keyed operator is made of.
pub(crate) struct KeyedSpec {
    /// The operator's name.
    pub(crate) name: String,
    pub(crate) guest: KeyedGuest,
    /// Where the key columns are among those that come in.
    pub(crate) keys: Vec<usize>,
    pub(crate) key_fields: Vec<FieldRef>,
    pub(crate) dead_letters: DeadLetters,
    pub(crate) key_groups: u32,
}

impl KeyedOperator {
    /// An operator without any state yet.
    ///
    /// # Errors
    /// If a key column has a type that cannot be a key.
    pub(crate) fn new(spec: KeyedSpec, clock: Arc<dyn Clock>) -> Result<Self, OperatorError> {
        let KeyedSpec { name, guest, keys, key_fields, dead_letters, key_groups } = spec;
        Ok(Self {
            name,
            state: KeyedState::new(&key_fields, &state_fields(&guest))?,
            component: OnTrial::new(guest),
            keys,
            timers: Timers::default(),
            firing: None,
            timers_after: Timers::default(),
            dead_letters,
            key_groups,
            clock,
            watermark: WATERMARK_MIN,
            ingested_at: i64::MIN,
            distinct: DistinctSlots::default(),
        })
    }

    /// From now on the timers that are due fire.
    fn begin_firing(&mut self) {
        self.firing = Some(self.timers.len().saturating_add(END_TIMERS_MAX));
    }

    fn now(&self) -> GuestClock {
        GuestClock {
            watermark: (self.watermark != WATERMARK_MIN).then_some(self.watermark),
            processing_time: self.clock.now_us(),
        }
    }

    /// The distinct slots of a call, and for every row the index of its slot among them.
    fn distinct(&mut self, slots: &[u32]) -> (Vec<u32>, Vec<u32>) {
        self.distinct.of(slots, self.state.keys().slot_bound())
    }

    fn key_columns(&self, batch: &StreamBatch) -> Vec<ArrayRef> {
        self.keys.iter().map(|c| batch.rows.column(*c).clone()).collect()
    }

    /// Rows of keys that one version has.
    fn process_by(&mut self, by: VersionChoice, batch: &StreamBatch, out: &mut Outputs) -> Result<(), OperatorError> {
        let fails = self.dead_letters.fails();
        let keys = self.key_columns(batch);
        let mut slots = Vec::new();
        let hashes = batch.key_hashes.as_ref().and_then(|hashes| hashes.of(&self.keys));
        self.state.slots_hashed(&keys, batch.len(), hashes, &mut slots)?;
        let mut bad = Vec::new();
        let refused = RefCell::new(Vec::new());
        let set_aside = |row, reason| set_aside(&mut refused.borrow_mut(), row, reason, fails);
        let isolated = isolate(
            0..batch.len(),
            |range| {
                let first = range.start;
                let rejected = self.rows(by, &batch.slice(first, range.len()), &slots[range], out)?;
                all_of(rejected, first, set_aside).map_err(Failure::Fatal)
            },
            set_aside,
        );
        for (row, reason) in refused.into_inner() {
            self.dead_letters.take(batch, row, reason, &mut bad)?;
        }
        isolated?;
        self.release(&slots);
        if by == VersionChoice::Candidate && !batch.is_empty() {
            self.component.batch();
        }
        self.dead_letters.emit(batch, bad, out)
    }

    /// Timers of keys that one version has.
    fn fire_by(&mut self, by: VersionChoice, due: &[Timer], out: &mut Outputs) -> Result<(), OperatorError> {
        let fails = self.dead_letters.fails();
        let refused = RefCell::new(Vec::new());
        let set_aside = |timer, reason| set_aside(&mut refused.borrow_mut(), timer, reason, fails);
        let isolated = isolate(
            0..due.len(),
            |range| {
                let first = range.start;
                let rejected = self.due(by, &due[range], out)?;
                all_of(rejected, first, set_aside).map_err(Failure::Fatal)
            },
            set_aside,
        );
        for (timer, reason) in refused.into_inner() {
            self.dead_letters.take_timer(due[timer].time, reason)?;
        }
        isolated?;
        let slots: Vec<u32> = due.iter().map(|t| t.slot).collect();
        self.release(&slots);
        Ok(())
    }

    fn rows(
        &mut self,
        by: VersionChoice,
        batch: &StreamBatch,
        slots: &[u32],
        out: &mut Outputs,
    ) -> Result<Vec<RejectedRow>, Failure<OperatorError>> {
        let (distinct, key_of_row) = self.distinct(slots);
        self.call(by, &Call::Rows { rows: batch, key_of_row: &key_of_row }, &distinct, out)
    }

    fn due(
        &mut self,
        by: VersionChoice,
        due: &[Timer],
        out: &mut Outputs,
    ) -> Result<Vec<RejectedRow>, Failure<OperatorError>> {
        let slots: Vec<u32> = due.iter().map(|t| t.slot).collect();
        let times: ScalarBuffer<i64> = due.iter().map(|t| t.time).collect();
        let (distinct, key_of_timer) = self.distinct(&slots);
        let keys = self.state.keys().keys(&slots).map_err(|e| Failure::Fatal(e.into()))?;
        let ingested_at = self.ingested_at;
        let call = Call::Timers { times: &times, key_of_timer: &key_of_timer, keys: &keys, ingested_at };
        self.call(by, &call, &distinct, out)
    }

    /// One call, applied in full or not at all. Returns the rows (or timers) that were refused.
    fn call(
        &mut self,
        by: VersionChoice,
        call: &Call<'_>,
        distinct: &[u32],
        out: &mut Outputs,
    ) -> Result<Vec<RejectedRow>, Failure<OperatorError>> {
        let (states, now) = (self.gather(distinct)?, self.now());
        let from = layout_of(&self.component.guest);
        let answer = self.component.call(by, call.len(), &mut self.state, |guest| {
            let states = guest.convert(&from, states.clone())?;
            guest.call(call, &states, now)
        })?;
        if !self.may_commit(&answer.delta.states).map_err(Failure::Fatal)? {
            return self.call(by, call, distinct, out);
        }
        let keys = (self.state.keys(), distinct);
        self.component.compare(|new, comparer| new.beside((call, &from, &states, now), &answer, keys, comparer));
        let Answer { mut delta, made } = answer;
        let rejected = std::mem::take(&mut delta.rejected);
        self.commit(distinct, delta).map_err(Failure::Fatal)?;
        made.into_iter().enumerate().for_each(|(output, made)| out.emit(output, made.batch));
        Ok(rejected)
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
        self.state.release(&distinct, |slot| self.timers.contains(slot) || self.timers_after.contains(slot));
    }
}

impl Operator for KeyedOperator {
    fn process(&mut self, _input: usize, batch: StreamBatch, out: &mut Outputs) -> Result<Progress, OperatorError> {
        self.settle()?;
        self.ingested_at = self.ingested_at.max(batch.ingested_at);
        self.process_shares(&batch, out)?;
        Ok(Progress::Done)
    }

    fn on_time(&mut self, at: Time, out: &mut Outputs) -> Result<Progress, OperatorError> {
        let Time::Watermark(watermark) = at else { return Ok(Progress::Done) };
        // After a restore the channels begin anew, while what the operator was told does not go back.
        if watermark <= self.watermark {
            return Ok(Progress::Done);
        }
        self.watermark = watermark;
        self.begin_firing();
        self.more(out)
    }

    fn more(&mut self, out: &mut Outputs) -> Result<Progress, OperatorError> {
        let Some(may_fire) = self.firing else { return Ok(Progress::Done) };
        self.settle()?;
        let due = self.timers.pop_due(self.watermark, TIMERS_A_CALL_MAX);
        if self.watermark == WATERMARK_MAX && due.len() > may_fire {
            let reason = "the operator registers timers without end: at the end of the input every timer is due";
            return Err(OperatorError::Call(reason.to_owned()));
        }
        self.firing = Some(may_fire.saturating_sub(due.len()));
        self.fire_shares(&due, out)?;
        if self.timers.is_due(self.watermark) {
            return Ok(Progress::More);
        }
        self.firing = None;
        self.timers.append(&mut self.timers_after);
        Ok(Progress::Done)
    }

    fn freeze(&mut self, _cut: Cut) -> Result<Frozen, OperatorError> {
        Ok(self.freeze_all())
    }

    fn restore(&mut self, snapshot: Snapshot) -> Result<(), OperatorError> {
        self.restore_all(snapshot)
    }

    fn replaceable(&mut self) -> Option<&mut dyn Replaceable> {
        Some(self)
    }
}

fn state_fields(guest: &KeyedGuest) -> Vec<FieldRef> {
    guest.layout().map(|layout| layout.schema.fields().iter().cloned().collect()).unwrap_or_default()
}

/// Without state: a layout without columns.
fn layout_of(guest: &KeyedGuest) -> StateLayout {
    guest
        .layout()
        .cloned()
        .unwrap_or_else(|| StateLayout { version: 0, schema: Arc::new(arrow::datatypes::Schema::empty()) })
}

/// Why states were not converted: only an answer of the component says something of them.
fn unreadable(error: CallError) -> OperatorError {
    if error.is_passing() { error.into() } else { OperatorError::Migrate(error.to_string()) }
}

/// Sets aside what was refused in a call that began with the row (or timer) `first`.
fn all_of(
    rejected: Vec<RejectedRow>,
    first: usize,
    set_aside: impl Fn(usize, String) -> Result<(), OperatorError>,
) -> Result<(), OperatorError> {
    rejected.into_iter().try_for_each(|RejectedRow { row, reason }| set_aside(first + row, reason))
}

/// Keeps a row (or timer) that was refused; the first ends the batch, if `fails`.
fn set_aside(refused: &mut Vec<(usize, String)>, row: usize, reason: String, fails: bool) -> Result<(), OperatorError> {
    refused.push((row, reason));
    if fails { Err(OperatorError::Call("a row was refused".to_owned())) } else { Ok(()) }
}
