//! Runs a keyed operator as the host does: it keeps the states, the maps and the timers, by key.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::maps::HarnessMaps;
use super::table::Table;
use super::{Refused, Results};
use crate::emit::Emitter;
use crate::keyed::{Connected, Keyed, Process};
use crate::row::Row;
use crate::state;
use crate::timestamp::Timestamp;
use crate::wire::{Batch, Clock, Delta, KeyedDelta, Plan, Selection, States, TimeDomain, Timers};

/// A keyed operator with its states and timers, over rows of type `R`.
///
/// ```
/// # use weir_sdk::keyed::{Emitter, KeyContext, Keyed, Row, RowError};
/// # #[derive(serde::Deserialize)] struct Count;
/// # #[derive(Row, Clone)] struct Bid { auction: i64 }
/// # #[derive(Row)] struct Seen { bids: i64 }
/// # #[derive(Row)] #[row(keep_all)] struct Counted { bids: i64 }
/// # impl Keyed for Count {
/// #     type Key<'a> = (); type Input<'a> = (); type State = Seen; type Output<'a> = Counted;
/// #     fn process(&self, _: (), of: &mut KeyContext<'_, (), Seen>, out: &mut Emitter<Counted>) -> Result<(), RowError> {
/// #         let seen = of.state.get_or_insert(Seen { bids: 0 });
/// #         seen.bids += 1;
/// #         out.emit(Counted { bids: seen.bids });
/// #         Ok(())
/// #     }
/// # }
/// use weir_sdk::testing::KeyedHarness;
///
/// let mut counts = KeyedHarness::new(Count, &["auction"]).unwrap();
/// counts.process(&[Bid { auction: 1 }, Bid { auction: 2 }]).unwrap();
/// let results = counts.process(&[Bid { auction: 1 }]).unwrap();
/// assert_eq!(results.main::<Counted>()[0].bids, 2);
/// ```
pub struct KeyedHarness<Op: Keyed, R> {
    operator: Connected<Op>,
    plan: Plan,
    key_columns: Vec<u32>,
    keys: HashMap<Vec<u8>, usize>,
    /// The first row of each key.
    samples: Vec<R>,
    states: Vec<Option<Op::State>>,
    maps: HarnessMaps,
    timers: BTreeSet<RegisteredTimer>,
    watermark: Option<i64>,
    processing_time: i64,
}

/// Its clock, its time, its key.
type RegisteredTimer = (TimeDomain, i64, usize);

impl<Op: Keyed, R: Row + Clone> KeyedHarness<Op, R> {
    /// Connects an operator to rows that are keyed by these columns.
    ///
    /// # Errors
    /// If it cannot be connected.
    pub fn new(operator: Op, key_by: &[&str]) -> Result<Self, Refused> {
        let empty = Table::of::<R>(&[]);
        let names: Vec<_> = empty.columns().iter().map(|c| c.name().to_owned()).collect();
        let index = |key: &&str| names.iter().position(|name| name == key).map(|i| i as u32);
        let key_columns: Vec<u32> = key_by.iter().filter_map(index).collect();
        if key_columns.len() != key_by.len() {
            return Err(Refused::Describe(format!("the rows have no such keys: {key_by:?}")));
        }
        let input = empty.as_input(key_columns.clone());
        let (operator, plan) = Connected::connect(operator, &[input]).map_err(Refused::Describe)?;
        Ok(Self {
            operator,
            maps: HarnessMaps::new(&plan.maps),
            plan,
            key_columns,
            keys: HashMap::new(),
            samples: Vec::new(),
            states: Vec::new(),
            timers: BTreeSet::new(),
            watermark: None,
            processing_time: 0,
        })
    }

    /// Processes one batch.
    ///
    /// # Errors
    /// If the call fails as a whole; then nothing has changed. Rows that are refused are in the results.
    pub fn process(&mut self, rows: &[R]) -> Result<Results, Refused> {
        let input = Table::of(rows);
        let keys: Vec<usize> = rows.iter().enumerate().map(|(row, sample)| self.key_of(&input, row, sample)).collect();
        let (of_call, index_of_row) = distinct(&keys);
        let (batch, states, clock) = (input.batch(&self.plan), self.gather(&of_call), self.clock());
        let operator = &self.operator;
        let delta = self.maps.during(&of_call, || operator.process(batch, index_of_row, states, clock));
        let delta = delta.map_err(Refused::Call)?;
        self.commit(&delta, &of_call)?;
        Results::apply(&self.plan, &delta.outputs, delta.rejected, &input)
    }

    /// Moves the watermark on and runs the event-time timers that are due by then: in each call the earliest of every key, so that
    /// what it does to the key's others counts before they come.
    ///
    /// # Errors
    /// If a call fails as a whole; what was called before counts. Timers that are refused are in the results.
    pub fn advance_to(&mut self, watermark: Timestamp) -> Result<Results, Refused> {
        self.watermark = Some(watermark.0);
        self.fire_due(TimeDomain::EventTime, watermark.0)
    }

    /// Moves the wall clock on and runs the processing-time timers that are due by then, as [`KeyedHarness::advance_to`] does.
    ///
    /// # Errors
    /// As [`KeyedHarness::advance_to`].
    pub fn advance_processing_time_to(&mut self, time: Timestamp) -> Result<Results, Refused> {
        self.processing_time = time.0;
        self.fire_due(TimeDomain::ProcessingTime, time.0)
    }

    fn fire_due(&mut self, domain: TimeDomain, until: i64) -> Result<Results, Refused> {
        let mut emitted = Results::apply(&self.plan, &self.nothing(), Vec::new(), &Table::of::<R>(&[]))?;
        loop {
            let mut keys = HashSet::new();
            let due =
                self.timers.range((domain, i64::MIN, 0)..).take_while(|(d, time, _)| *d == domain && *time <= until);
            let due: Vec<_> = due.copied().filter(|(_, _, key)| keys.insert(*key)).collect();
            if due.is_empty() {
                return Ok(emitted);
            }
            emitted.append(self.fire(domain, &due)?)?;
        }
    }

    fn fire(&mut self, domain: TimeDomain, due: &[RegisteredTimer]) -> Result<Results, Refused> {
        let keys: Vec<usize> = due.iter().map(|(_, _, key)| *key).collect();
        let (of_call, key_of_timer) = distinct(&keys);
        let key_rows = self.key_rows(due);
        let times = due.iter().flat_map(|(_, time, _)| time.to_le_bytes()).collect();
        let timers = Timers { domain, keys: key_of_timer, times };
        let key_columns = key_rows.project(&self.key_columns).arrays;
        let batch = Batch { rows: keys.len() as u32, columns: key_columns, ..Batch::default() };
        let (operator, states, clock) = (&self.operator, self.gather(&of_call), self.clock());
        let delta = self.maps.during(&of_call, || operator.on_timer(timers, batch, states, clock));
        let delta = delta.map_err(Refused::Call)?;
        due.iter().for_each(|timer| _ = self.timers.remove(timer));
        self.commit(&delta, &of_call)?;
        Results::apply(&self.plan, &delta.outputs, delta.rejected, &key_rows)
    }

    /// The deltas of a call that emits nothing.
    fn nothing(&self) -> Vec<Delta> {
        Emitter::<Op::Output<'_>>::new(0).finish(&[]).0
    }

    /// How many keys have a state.
    #[must_use]
    pub fn states(&self) -> usize {
        self.states.iter().flatten().count()
    }

    /// How many entries there are in all maps of all keys.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.maps.entries()
    }

    /// The timers that are registered, those of event time first, the earliest of them first.
    #[must_use]
    pub fn timers(&self) -> Vec<Timestamp> {
        self.timers.iter().map(|(_, time, _)| Timestamp(*time)).collect()
    }

    fn clock(&self) -> Clock {
        Clock { watermark: self.watermark, processing_time: self.processing_time }
    }

    fn key_of(&mut self, input: &Table, row: usize, sample: &R) -> usize {
        let key = input.select(&[Some(row)]).project(&self.key_columns);
        let buffers = key.arrays.into_iter().flat_map(|array| array.buffers);
        let bytes = buffers.flat_map(|b| [(b.len() as u32).to_le_bytes().to_vec(), b].concat()).collect();
        let next = self.samples.len();
        let key = *self.keys.entry(bytes).or_insert(next);
        if key == next {
            self.samples.push(sample.clone());
            self.states.push(None);
        }
        key
    }

    /// One row per timer: the key columns of its key, everything else null.
    fn key_rows(&self, due: &[RegisteredTimer]) -> Table {
        let samples: Vec<R> = due.iter().filter_map(|(_, _, key)| self.samples.get(*key).cloned()).collect();
        let times: Vec<i64> = due.iter().map(|(_, time, _)| *time).collect();
        Table::of(&samples).null_but(&self.key_columns).at(&times)
    }

    fn gather(&self, keys: &[usize]) -> States {
        let states = || keys.iter().map(|key| self.states.get(*key).and_then(Option::as_ref));
        let mut present = crate::column::Bits::default();
        states().for_each(|state| present.push(state.is_some()));
        States { keys: keys.len() as u32, present: present.into_bytes(), columns: state::write(keys.len(), states()) }
    }

    fn commit(&mut self, delta: &KeyedDelta, keys: &[usize]) -> Result<(), Refused> {
        let changed: Vec<usize> = match &delta.changed {
            Selection::Empty => Vec::new(),
            Selection::All => keys.to_vec(),
            Selection::Indices(rows) => key_indices(rows, keys).collect(),
        };
        let states = state::read::<Op::State>(&delta.states).map_err(Refused::Call)?;
        for (key, state) in changed.into_iter().zip(states) {
            if let Some(slot) = self.states.get_mut(key) {
                *slot = state;
            }
        }
        self.maps.commit(&delta.maps, keys).map_err(Refused::Call)?;
        for timer in pairs(&delta.timers.remove, keys) {
            self.timers.remove(&timer);
        }
        self.timers.extend(pairs(&delta.timers.add, keys));
        Ok(())
    }
}

/// The distinct keys of a call in the order in which they come, and for each row the index of its key (uint32).
fn distinct(keys: &[usize]) -> (Vec<usize>, Vec<u8>) {
    let mut of_call = Vec::new();
    let index = |key: &usize| {
        let at = of_call.iter().position(|k| k == key).unwrap_or(of_call.len());
        if at == of_call.len() {
            of_call.push(*key);
        }
        (at as u32).to_le_bytes()
    };
    let indices = keys.iter().flat_map(index).collect();
    (of_call, indices)
}

fn key_indices(indices: &[u8], keys: &[usize]) -> impl Iterator<Item = usize> {
    indices.as_chunks().0.iter().filter_map(|index| keys.get(u32::from_le_bytes(*index) as usize).copied())
}

fn pairs(timers: &[Timers], keys: &[usize]) -> Vec<RegisteredTimer> {
    let of_domain = |t: &Timers| {
        let times = t.times.as_chunks().0.iter().map(|time| i64::from_le_bytes(*time));
        times.zip(key_indices(&t.keys, keys)).map(|(time, key)| (t.domain, time, key)).collect::<Vec<_>>()
    };
    timers.iter().flat_map(of_domain).collect()
}
