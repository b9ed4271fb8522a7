//! States and accumulators: rows that the host keeps between calls.

use std::ops::{Deref, DerefMut};

use crate::column::{Bits, bit, columns};
use crate::row::{Finished, ReadRow, Row};
use crate::schema::{Positions, Schema};
use crate::wire::{Failure, Field, Node, Selection, StateLayout, States};

/// The state of one key. `None`: the key has none. It goes back to the host if it was borrowed mutably.
#[derive(Debug)]
pub struct State<'c, S> {
    slot: &'c mut Slot<S>,
}

/// A state during a call.
#[derive(Debug)]
pub(crate) struct Slot<S> {
    state: Option<S>,
    changed: bool,
}

impl<'c, S> State<'c, S> {
    pub(crate) fn new(slot: &'c mut Slot<S>) -> Self {
        Self { slot }
    }
}

impl<S> Deref for State<'_, S> {
    type Target = Option<S>;

    fn deref(&self) -> &Option<S> {
        &self.slot.state
    }
}

impl<S> DerefMut for State<'_, S> {
    fn deref_mut(&mut self) -> &mut Option<S> {
        self.slot.changed = true;
        &mut self.slot.state
    }
}

/// The layout of states of type `S`.
pub(crate) fn layout<S: Row>(version: u32) -> StateLayout {
    StateLayout { version, columns: schema::<S>() }
}

fn schema<S: Row>() -> Vec<Field> {
    let mut fields = Vec::new();
    S::schema(&mut fields);
    fields
}

/// Reads states that this version wrote, each once.
///
/// # Errors
/// If the host passed too little.
pub(crate) fn read<S: for<'r> ReadRow<'r>>(states: &States) -> Result<Vec<Option<S>>, String> {
    let schema = schema::<S>();
    let roots = columns(&schema, &states.columns);
    read_from(&Positions::in_order(roots.len()), &schema, states)
}

fn read_from<S: for<'r> ReadRow<'r>>(
    positions: &Positions,
    schema: &[Field],
    states: &States,
) -> Result<Vec<Option<S>>, String> {
    let roots = columns(schema, &states.columns);
    let view = positions.open::<S>(&roots, &[], states.keys)?;
    let present = |key: usize| states.present.is_empty() || bit(&states.present, key);
    Ok((0..states.keys as usize).map(|key| present(key).then(|| S::read_row(&view, key))).collect())
}

/// Writes rows as columns.
pub(crate) fn write<'s, S: Row + 's>(rows: usize, states: impl Iterator<Item = Option<&'s S>>) -> Vec<Node> {
    let mut builders = S::builders(rows);
    for state in states {
        match state {
            Some(state) => state.write_row(&mut builders),
            None => S::write_null_row(&mut builders),
        }
    }
    let mut finished = Finished::default();
    S::finish_rows(builders, &mut finished);
    finished.columns
}

/// The states of a call, by key.
#[derive(Debug)]
pub(crate) struct Slots<S>(Vec<Slot<S>>);

impl<S: for<'r> ReadRow<'r>> Slots<S> {
    /// Reads them, each once.
    pub(crate) fn read(states: &States) -> Result<Self, Failure> {
        let states = read(states).map_err(Failure::Call)?;
        Ok(Self(states.into_iter().map(|state| Slot { state, changed: false }).collect()))
    }

    /// That of a key.
    pub(crate) fn get(&mut self, key: usize) -> Result<State<'_, S>, Failure> {
        let keys = self.0.len();
        let missing = || Failure::Call(format!("a row has key {key}, but the call has {keys} keys"));
        self.0.get_mut(key).map(State::new).ok_or_else(missing)
    }

    /// Those that changed.
    pub(crate) fn changes(&self) -> (Selection, States) {
        let changed = || self.0.iter().enumerate().filter(|(_, slot)| slot.changed);
        let keys: Vec<[u8; 4]> = changed().map(|(key, _)| (key as u32).to_le_bytes()).collect();
        if keys.is_empty() {
            let columns = write::<S>(0, std::iter::empty());
            return (Selection::None, States { keys: 0, present: Vec::new(), columns });
        }
        let mut present = Bits::default();
        changed().for_each(|(_, slot)| present.push(slot.state.is_some()));
        let columns = write(keys.len(), changed().map(|(_, slot)| slot.state.as_ref()));
        let states = States { keys: keys.len() as u32, present: present.into_bytes(), columns };
        let all = keys.len() == self.0.len();
        (if all { Selection::All } else { Selection::Rows(keys.into_flattened()) }, states)
    }
}

/// States that another version of an operator wrote.
#[derive(Debug)]
pub struct OldStates<'s> {
    layout: &'s [Field],
    states: &'s States,
}

impl<'s> OldStates<'s> {
    pub(crate) fn new(layout: &'s [Field], states: &'s States) -> Self {
        Self { layout, states }
    }

    /// How many keys there are.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.states.keys as usize
    }

    /// Reads them as rows of type `S`, an entry a key, columns matched by name; an optional field whose column is not there is
    /// `None`. A struct as the other version had it reads everything.
    ///
    /// # Errors
    /// If a column is missing or has another type; the message names it.
    pub fn read<S: for<'r> ReadRow<'r>>(&self) -> Result<Vec<Option<S>>, String> {
        let positions = Positions::by_name::<S>(&Schema::new(self.layout))?;
        read_from(&positions, self.layout, self.states)
    }

    /// Writes the columns of migrated states.
    pub(crate) fn write<S: Row>(&self, states: &[Option<S>]) -> Result<Vec<Node>, String> {
        if states.len() != self.keys() {
            return Err(format!("migrating {} states gave {}", self.keys(), states.len()));
        }
        Ok(write(states.len(), states.iter().map(Option::as_ref)))
    }
}
