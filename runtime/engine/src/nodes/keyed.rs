//! A keyed operator: the states of a batch's distinct keys go to its component as columns, the changed ones come back. Between
//! two calls the component holds nothing, so it is replaced without moving any state.

mod beside;
mod canary;
mod expiry;
pub(crate) mod guest;
pub(crate) mod layout;
mod maps;
pub(crate) mod plan;
mod refused;
mod room;
pub(crate) mod snapshot;
mod timers;
mod trial;

use std::cell::RefCell;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{FieldRef, SchemaRef};
use weir_core::batch::StreamBatch;
use weir_core::connector::Cut;
use weir_core::graph::StateTtl;
use weir_core::memory::{MemoryBudget, MemoryLease};
use weir_core::time::{Clock, WATERMARK_MIN};
use weir_host::{Failure, GuestClock, KeyedDelta, RejectedRow, Selection, StateLayout, TimeDomain, isolate};
use weir_state::{KeyedState, States, Timer};

use crate::dataflow::operator::{Frozen, Operator, OperatorError, Outputs, Progress, Snapshot, Time};
use crate::nodes::dead_letter::DeadLetters;
use crate::nodes::distinct::DistinctSlots;
use crate::nodes::keyed::guest::KeyedGuest;
use crate::nodes::part::Part;
use crate::replace::on_trial::{OnTrial, VersionChoice};
use crate::replace::replaceable::Replaceable;
use expiry::Expiry;
use guest::{Answer, Call};
use maps::Maps;
use refused::{all_of, set_aside};
use timers::KeyedTimers;

/// Runs a component of the world `keyed-operator`.
pub(crate) struct KeyedOperator {
    /// Its name, for messages.
    name: String,
    component: OnTrial<KeyedGuest>,
    /// The columns that come in, and where the key columns are among them.
    input: SchemaRef,
    keys: Vec<usize>,
    state: KeyedState,
    maps: Maps,
    timers: KeyedTimers,
    expiry: Option<Expiry>,
    dead_letters: DeadLetters,
    key_groups: u32,
    clock: Arc<dyn Clock>,
    watermark: i64,
    /// The greatest that it was told.
    processing_time: i64,
    ingested_at: i64,
    distinct: DistinctSlots,
    /// What state, maps and timers may take, over all subtasks.
    memory: MemoryLease,
    /// Whether rows of the last batch were put back, or timers.
    has_rest: bool,
}

/// What a keyed operator is made of.
pub(crate) struct KeyedSpec {
    /// The operator's name.
    pub(crate) name: String,
    pub(crate) guest: KeyedGuest,
    /// The columns that come in, and where the key columns are among them.
    pub(crate) input: SchemaRef,
    pub(crate) keys: Vec<usize>,
    pub(crate) dead_letters: DeadLetters,
    pub(crate) key_groups: u32,
    /// What its state, maps and timers may take, over all subtasks.
    pub(crate) memory: Arc<MemoryBudget>,
    /// When what it keeps of a key expires.
    pub(crate) ttl: Option<StateTtl>,
}

impl KeyedOperator {
    /// An operator without any state yet.
    ///
    /// # Errors
    /// If a key column has a type that cannot be a key.
    pub(crate) fn new(spec: KeyedSpec, clock: Arc<dyn Clock>) -> Result<Self, OperatorError> {
        let KeyedSpec { name, guest, input, keys, dead_letters, key_groups, memory, ttl } = spec;
        let key_fields: Vec<FieldRef> = keys.iter().map(|key| input.fields()[*key].clone()).collect();
        Ok(Self {
            name,
            state: KeyedState::new(&key_fields, &state_fields(&guest))?,
            maps: Maps::new(guest.instance.plan().maps.clone())?,
            component: OnTrial::new(guest),
            input,
            keys,
            timers: KeyedTimers::default(),
            expiry: ttl.map(Expiry::new),
            dead_letters,
            key_groups,
            clock,
            watermark: WATERMARK_MIN,
            processing_time: i64::MIN,
            ingested_at: i64::MIN,
            distinct: DistinctSlots::default(),
            memory: memory.lease(),
            has_rest: false,
        })
    }

    fn now(&self) -> GuestClock {
        GuestClock {
            watermark: (self.watermark != WATERMARK_MIN).then_some(self.watermark),
            // A timer that fires was due, also if the clock went back since.
            processing_time: self.clock.now_us().max(self.processing_time),
        }
    }

    /// The distinct slots of a call, and for every row the index of its slot among them.
    fn distinct(&mut self, slots: &[u32]) -> (Vec<u32>, Vec<u32>) {
        self.distinct.of(slots, self.state.keys().slot_bound())
    }

    fn key_columns(&self, batch: &StreamBatch) -> Vec<ArrayRef> {
        self.keys.iter().map(|c| batch.rows.column(*c).clone()).collect()
    }

    /// Rows of keys that one version has. Returns the first that is left for another time; only if it `pauses` there may be one.
    fn process_by(
        &mut self,
        by: VersionChoice,
        batch: &StreamBatch,
        pauses: bool,
        out: &mut Outputs,
    ) -> Result<usize, OperatorError> {
        let fails = self.dead_letters.fails();
        let keys = self.key_columns(batch);
        let mut slots = Vec::new();
        let hashes = batch.key_hashes.as_ref().and_then(|hashes| hashes.of(&self.keys));
        self.state.slots_hashed(&keys, batch.len(), hashes, &mut slots)?;
        let mut bad = Vec::new();
        let refused = RefCell::new(Vec::new());
        let set_aside = |row, reason| set_aside(&mut refused.borrow_mut(), row, reason, fails);
        let part = Part::begin(&self.component.guest.instance);
        let isolated = isolate(
            0..batch.len(),
            || pauses && part.is_full(),
            |range| {
                let first = range.start;
                let rejected = self.rows(by, &batch.slice(first, range.len()), &slots[range], (&part, &mut *out))?;
                all_of(rejected, first, set_aside).map_err(Failure::Fatal)
            },
            set_aside,
        );
        for (row, reason) in refused.into_inner() {
            self.dead_letters.take(batch, row, reason, &mut bad)?;
        }
        let done = isolated?;
        self.release(&slots);
        if by == VersionChoice::Candidate && !batch.is_empty() && done == batch.len() {
            self.component.batch();
        }
        self.dead_letters.emit(batch, bad, out)?;
        Ok(done)
    }

    /// Timers of keys that one version has. Returns the first that is left for another time, as for rows.
    fn fire_by(
        &mut self,
        by: VersionChoice,
        domain: TimeDomain,
        due: &[Timer],
        pauses: bool,
        out: &mut Outputs,
    ) -> Result<usize, OperatorError> {
        let fails = self.dead_letters.fails();
        let refused = RefCell::new(Vec::new());
        let set_aside = |timer, reason| set_aside(&mut refused.borrow_mut(), timer, reason, fails);
        let part = Part::begin(&self.component.guest.instance);
        let isolated = isolate(
            0..due.len(),
            || pauses && part.is_full(),
            |range| {
                let first = range.start;
                let rejected = self.due(by, domain, &due[range], (&part, &mut *out))?;
                all_of(rejected, first, set_aside).map_err(Failure::Fatal)
            },
            set_aside,
        );
        let (timers, reasons): (Vec<Timer>, _) =
            refused.into_inner().into_iter().map(|(timer, reason)| (due[timer], reason)).unzip();
        if !timers.is_empty() {
            self.dead_letters.take_timers(domain, self.rows_of_timers(&timers)?, reasons, out)?;
        }
        let done = isolated?;
        self.timers.put_back(domain, &due[done..]);
        let slots: Vec<u32> = due.iter().map(|t| t.slot).collect();
        self.release(&slots);
        Ok(done)
    }

    fn rows(
        &mut self,
        by: VersionChoice,
        batch: &StreamBatch,
        slots: &[u32],
        out: (&Part, &mut Outputs),
    ) -> Result<Vec<RejectedRow>, Failure<OperatorError>> {
        let (distinct, key_of_row) = self.distinct(slots);
        self.clear_expired(&distinct, (&key_of_row, &batch.event_times));
        let maps = self.maps.of_call(&distinct);
        self.call(by, &Call::Rows { rows: batch, key_of_row: &key_of_row, maps: &maps }, &distinct, out)
    }

    fn due(
        &mut self,
        by: VersionChoice,
        domain: TimeDomain,
        due: &[Timer],
        out: (&Part, &mut Outputs),
    ) -> Result<Vec<RejectedRow>, Failure<OperatorError>> {
        let slots: Vec<u32> = due.iter().map(|t| t.slot).collect();
        let times: ScalarBuffer<i64> = due.iter().map(|t| t.time).collect();
        let (distinct, key_of_timer) = self.distinct(&slots);
        self.clear_expired(&distinct, (&key_of_timer, if domain == TimeDomain::EventTime { &times } else { &[] }));
        let keys = self.state.keys().keys(&slots).map_err(|e| Failure::Fatal(e.into()))?;
        let (ingested_at, maps) = (self.ingested_at, self.maps.of_call(&distinct));
        let call =
            Call::Timers { domain, times: &times, key_of_timer: &key_of_timer, keys: &keys, ingested_at, maps: &maps };
        self.call(by, &call, &distinct, out)
    }

    /// One call, applied in full or not at all. Returns the rows (or timers) that were refused.
    fn call(
        &mut self,
        by: VersionChoice,
        call: &Call<'_>,
        distinct: &[u32],
        (part, out): (&Part, &mut Outputs),
    ) -> Result<Vec<RejectedRow>, Failure<OperatorError>> {
        let (states, now) = (self.gather(distinct)?, self.now());
        let from = layout_of(&self.component.guest);
        let answer = self.component.call(by, call.len(), &mut self.state, |guest| {
            let states = guest.convert(&from, states.clone())?;
            guest.call(call, &states, now)
        });
        part.called(&self.component.guest.instance);
        let answer = answer?;
        if let Err(failure) = self.make_room(distinct, &answer.delta) {
            let is_back = match &failure {
                Failure::Guest(error) if by == VersionChoice::Candidate => self.regressed(error),
                Failure::Guest(_) | Failure::Fatal(_) => Ok(false),
            };
            self.component.versions().for_each(|guest| guest.instance.failed());
            part.called(&self.component.guest.instance);
            return if is_back.map_err(Failure::Fatal)? {
                self.call(by, call, distinct, (part, out))
            } else {
                Err(failure)
            };
        }
        if !self.may_commit(&answer.delta.states).map_err(Failure::Fatal)? {
            return self.call(by, call, distinct, (part, out));
        }
        let keys = (self.state.keys(), distinct);
        self.component.compare(|new, comparer| new.beside((call, &from, &states, now), &answer, keys, comparer));
        let Answer { mut delta, made } = answer;
        let rejected = std::mem::take(&mut delta.rejected);
        call.maps().close();
        let written = self.expiry.as_ref().map_or(Vec::new(), |_| expiry::written(&delta, distinct.len()));
        self.commit(distinct, delta).map_err(Failure::Fatal)?;
        self.used(call, distinct, &written);
        for (output, made) in made.into_iter().enumerate() {
            part.made(&made.batch);
            out.emit(output, made.batch);
        }
        Ok(rejected)
    }

    fn gather(&self, slots: &[u32]) -> Result<weir_host::States, Failure<OperatorError>> {
        let States { present, columns } = self.state.gather(slots).map_err(|e| Failure::Fatal(e.into()))?;
        Ok(weir_host::States { keys: slots.len(), present: Some(present), columns })
    }

    /// Takes the states, entries and timers of a call that succeeded.
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
        self.maps.commit(distinct, delta.maps)?;
        self.timers.commit(distinct, &delta.delete, &delta.register);
        Ok(())
    }

    /// Rows or timers come: with all the time of a batch, unless they are left of the last.
    fn begin(&mut self) {
        self.memory.budget().set_limit(self.component.guest.instance.limits().state_bytes);
        if !self.has_rest {
            self.component.versions().for_each(|guest| guest.instance.begin_batch());
        }
    }

    fn release(&mut self, slots: &[u32]) {
        let (distinct, _) = self.distinct(slots);
        self.state.release(&distinct, |slot| self.timers.contains(slot) || self.maps.contains(slot));
    }
}

impl Operator for KeyedOperator {
    fn process(&mut self, _input: usize, batch: StreamBatch, out: &mut Outputs) -> Result<Progress, OperatorError> {
        self.settle()?;
        self.ingested_at = self.ingested_at.max(batch.ingested_at);
        self.begin();
        let rows = self.before_expiry(&batch)?;
        let done = self.process_shares(&batch.slice(0, rows), out)?;
        self.has_rest = done < batch.len();
        self.weigh()?;
        out.put_back(batch.slice(done, batch.len() - done));
        Ok(Progress::Done)
    }

    fn on_time(&mut self, at: Time, out: &mut Outputs) -> Result<Progress, OperatorError> {
        match at {
            // After a restore the channels begin anew, while what the operator was told does not go back.
            Time::Watermark(watermark) if watermark <= self.watermark => return Ok(Progress::Done),
            Time::Watermark(watermark) => {
                self.watermark = watermark;
                self.timers.fire_until_watermark(watermark);
            }
            Time::Processing(now_us) => {
                self.processing_time = self.processing_time.max(now_us);
                self.timers.fire_until_now(now_us, self.watermark);
            }
        }
        self.more(out)
    }

    fn more(&mut self, out: &mut Outputs) -> Result<Progress, OperatorError> {
        if !self.timers.is_firing() {
            return Ok(Progress::Done);
        }
        self.settle()?;
        let (domain, due) = self.timers.pop_due()?;
        self.begin();
        self.has_rest = self.fire_shares(domain, &due, out)? < due.len();
        let progress = self.fired();
        self.weigh()?;
        Ok(progress)
    }

    fn deadline(&self) -> Option<i64> {
        [self.timers.deadline(self.watermark), self.expires_next()].into_iter().flatten().min()
    }

    fn acts_at(&self) -> Option<i64> {
        [self.timers.acts_at(), self.expires_at_watermark()].into_iter().flatten().min()
    }

    fn freeze(&mut self, _cut: Cut) -> Result<Frozen, OperatorError> {
        Ok(self.freeze_all())
    }

    fn restore(&mut self, snapshot: Snapshot) -> Result<(), OperatorError> {
        self.restore_all(snapshot)?;
        self.weigh()
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
