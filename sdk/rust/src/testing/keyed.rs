//! Runs a keyed operator as the host does: it keeps the states and the timers, by key.

use std::collections::{BTreeSet, HashMap, HashSet};

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
    timers: BTreeSet<(i64, usize)>,
    watermark: i64,
}

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
            plan,
            key_columns,
            keys: HashMap::new(),
            samples: Vec::new(),
            states: Vec::new(),
            timers: BTreeSet::new(),
            watermark: i64::MIN,
        })
    }

    /// Processes one batch.
    ///
    /// # Errors
    /// If the operator refuses a row; then nothing has changed.
    pub fn process(&mut self, rows: &[R]) -> Result<Results, Refused> {
        let input = Table::of(rows);
        let keys: Vec<usize> = rows.iter().enumerate().map(|(row, sample)| self.key_of(&input, row, sample)).collect();
        let (of_call, index_of_row) = distinct(&keys);
        let delta =
            self.operator.process(input.batch(&self.plan), index_of_row, self.gather(&of_call), self.clock())?;
        self.commit(&delta, &of_call)?;
        Results::apply(&self.plan, &delta.outputs, &input)
    }

    /// Moves the watermark on and runs the event-time timers that are due by then: in each call the earliest of every key, so that
    /// what it does to the key's others counts before they come.
    ///
    /// # Errors
    /// If the operator refuses a timer; what was called before counts.
    pub fn advance_to(&mut self, watermark: Timestamp) -> Result<Results, Refused> {
        self.watermark = watermark.0;
        let mut emitted = Results::apply(&self.plan, &self.nothing(), &Table::of::<R>(&[]))?;
        loop {
            let mut keys = HashSet::new();
            let due = self.timers.iter().copied().take_while(|(time, _)| *time <= watermark.0);
            let due: Vec<(i64, usize)> = due.filter(|(_, key)| keys.insert(*key)).collect();
            if due.is_empty() {
                return Ok(emitted);
            }
            emitted.append(self.fire(&due)?)?;
        }
    }

    fn fire(&mut self, due: &[(i64, usize)]) -> Result<Results, Refused> {
        let keys: Vec<usize> = due.iter().map(|(_, key)| *key).collect();
        let (of_call, key_of_timer) = distinct(&keys);
        let key_rows = self.key_rows(due);
        let times = due.iter().flat_map(|(time, _)| time.to_le_bytes()).collect();
        let timers = Timers { domain: TimeDomain::EventTime, keys: key_of_timer, times };
        let key_columns = key_rows.project(&self.key_columns).arrays;
        let batch = Batch { rows: keys.len() as u32, columns: key_columns, ..Batch::default() };
        let delta = self.operator.on_timer(timers, batch, self.gather(&of_call), self.clock())?;
        due.iter().for_each(|timer| _ = self.timers.remove(timer));
        self.commit(&delta, &of_call)?;
        Results::apply(&self.plan, &delta.outputs, &key_rows)
    }

    /// The deltas of a call that emits nothing.
    fn nothing(&self) -> Vec<Delta> {
        Emitter::<Op::Output<'_>>::new(0).finish(&[])
    }

    /// How many keys have a state.
    #[must_use]
    pub fn states(&self) -> usize {
        self.states.iter().flatten().count()
    }

    /// The event-time timers that are registered, earliest first.
    #[must_use]
    pub fn timers(&self) -> Vec<Timestamp> {
        self.timers.iter().map(|(time, _)| Timestamp(*time)).collect()
    }

    fn clock(&self) -> Clock {
        Clock { watermark: self.watermark, processing_time: 0 }
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

    /// A row a timer: the key columns of its key, everything else null.
    fn key_rows(&self, due: &[(i64, usize)]) -> Table {
        let samples: Vec<R> = due.iter().filter_map(|(_, key)| self.samples.get(*key).cloned()).collect();
        let times: Vec<i64> = due.iter().map(|(time, _)| *time).collect();
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
            Selection::None => Vec::new(),
            Selection::All => keys.to_vec(),
            Selection::Rows(rows) => key_indices(rows, keys).collect(),
        };
        let states = state::read::<Op::State>(&delta.states).map_err(Refused::Call)?;
        for (key, state) in changed.into_iter().zip(states) {
            if let Some(slot) = self.states.get_mut(key) {
                *slot = state;
            }
        }
        for timer in pairs(&delta.timers.delete, keys) {
            self.timers.remove(&timer);
        }
        self.timers.extend(pairs(&delta.timers.register, keys));
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

fn pairs(timers: &[Timers], keys: &[usize]) -> Vec<(i64, usize)> {
    let event_time = timers.iter().filter(|t| t.domain == TimeDomain::EventTime);
    let pair = |t: &Timers| {
        let times = t.times.as_chunks().0.iter().map(|time| i64::from_le_bytes(*time));
        times.zip(key_indices(&t.keys, keys)).collect::<Vec<_>>()
    };
    event_time.flat_map(pair).collect()
}
