//! States and accumulators: rows that the host keeps between calls.

use std::ops::{Deref, DerefMut};

use crate::column::{Bits, bit, columns};
use crate::row::{Finished, ReadRow, Row};
use crate::schema::{Positions, Schema};
use crate::select::select;
use crate::wire::{Field, Node, Selection, StateLayout, States};

/// The state of one key. `None`: the key has none. It goes back to the host if it was borrowed mutably.
#[derive(Debug)]
pub struct State<'c, S> {
    slot: &'c mut Slot<S>,
    row: u32,
}

/// A state during a call.
#[derive(Debug)]
pub(crate) struct Slot<S> {
    state: Option<S>,
    /// The last row that changed it, or [`UNCHANGED`].
    changed_by: u32,
}

/// No batch has this many rows.
const UNCHANGED: u32 = u32::MAX;

impl<S> Slot<S> {
    /// A state, and the last row of the call that changed it.
    pub(crate) fn new(state: Option<S>, changed_by: Option<u32>) -> Self {
        Self { state, changed_by: changed_by.unwrap_or(UNCHANGED) }
    }

    /// What a row sees of it.
    pub(crate) fn at(&mut self, row: usize) -> State<'_, S> {
        State { slot: self, row: row as u32 }
    }

    /// Whether a row has changed it, and none after that.
    pub(crate) fn is_changed_by(&self, row: usize) -> bool {
        self.changed_by == row as u32
    }

    pub(crate) fn into_state(self) -> Option<S> {
        self.state
    }

    pub(crate) fn state(&self) -> Option<&S> {
        self.state.as_ref()
    }

    /// The last row that changed it.
    pub(crate) fn changed_by(&self) -> Option<u32> {
        (self.changed_by != UNCHANGED).then_some(self.changed_by)
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
        self.slot.changed_by = self.row;
        &mut self.slot.state
    }
}

/// The layout of states of type `S`.
pub(crate) fn layout<S: Row>(version: u32) -> StateLayout {
    StateLayout { version, columns: schema::<S>() }
}

/// The columns of `S`, nodes in pre-order.
pub(crate) fn schema<S: Row>() -> Vec<Field> {
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
    if S::rows_maybe_incomplete(&view) {
        let misfit = |key: usize| S::incomplete_in(&view, key).filter(|_| present(key));
        if let Some((column, what)) = (0..states.keys as usize).find_map(misfit) {
            return Err(format!("column {column:?} of a state {what}"));
        }
    }
    Ok((0..states.keys as usize).map(|key| present(key).then(|| S::read_row(&view, key))).collect())
}

/// Reads the state of one key of a call.
///
/// # Errors
/// If the host passed too little.
pub(crate) fn read_at<S: for<'r> ReadRow<'r>>(states: &States, key: usize) -> Result<Option<S>, String> {
    if !states.present.is_empty() && !bit(&states.present, key) {
        return Ok(None);
    }
    let schema = schema::<S>();
    let mut one = Vec::new();
    columns(&schema, &states.columns).into_iter().for_each(|column| select(column, &[Some(key)], &mut one));
    read_one(&one).map(Some)
}

/// Reads the only state of columns with one row.
///
/// # Errors
/// If there is none.
pub(crate) fn read_one<S: for<'r> ReadRow<'r>>(arrays: &[Node]) -> Result<S, String> {
    let schema = schema::<S>();
    let roots = columns(&schema, arrays);
    let view = Positions::in_order(roots.len()).open::<S>(&roots, &[], 1)?;
    Ok(S::read_row(&view, 0))
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
    pub(crate) fn read(states: &States) -> Result<Self, String> {
        Ok(Self(read(states)?.into_iter().map(|state| Slot::new(state, None)).collect()))
    }

    /// That of a key.
    pub(crate) fn get(&mut self, key: usize) -> Result<&mut Slot<S>, String> {
        let keys = self.0.len();
        self.0.get_mut(key).ok_or_else(|| format!("a row has key {key}, but the call has {keys} keys"))
    }

    /// Those that changed.
    pub(crate) fn changes(&self) -> (Selection, States) {
        let changed = || self.0.iter().enumerate().filter(|(_, slot)| slot.changed_by != UNCHANGED);
        let keys: Vec<[u8; 4]> = changed().map(|(key, _)| (key as u32).to_le_bytes()).collect();
        if keys.is_empty() {
            let columns = write::<S>(0, std::iter::empty());
            return (Selection::Empty, States { keys: 0, present: Vec::new(), columns });
        }
        let mut present = Bits::default();
        changed().for_each(|(_, slot)| present.push(slot.state.is_some()));
        let columns = write(keys.len(), changed().map(|(_, slot)| slot.state.as_ref()));
        let states = States { keys: keys.len() as u32, present: present.into_bytes(), columns };
        let all = keys.len() == self.0.len();
        (if all { Selection::All } else { Selection::Indices(keys.into_flattened()) }, states)
    }
}

/// States that another version of an operator wrote.
#[derive(Debug)]
pub struct OldStates<'s> {
    version: u32,
    layout: &'s [Field],
    states: &'s States,
}

impl<'s> OldStates<'s> {
    pub(crate) fn new(version: u32, layout: &'s [Field], states: &'s States) -> Self {
        Self { version, layout, states }
    }

    /// How many keys there are.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.states.keys as usize
    }

    /// Reads them as rows of type `S`, one entry per key, columns matched by name; an optional field whose column is not there is
    /// `None`. A struct as the other version had it reads everything.
    ///
    /// # Errors
    /// If a column is missing or has another type; the message names it.
    pub fn read<S: for<'r> ReadRow<'r>>(&self) -> Result<Vec<Option<S>>, String> {
        let positions = Positions::by_name::<S>(&Schema::new(self.layout), true)?;
        read_from(&positions, self.layout, self.states)
    }

    /// As [`OldStates::read`], but every column must be there, optional ones too: what [`Keyed::migrate`](crate::keyed::Keyed::migrate)
    /// does if it is not written. A column of the other version that `S` does not have is discarded.
    ///
    /// # Errors
    /// If a column is missing or has another type; the message names the version and the column.
    pub fn read_whole<S: for<'r> ReadRow<'r>>(&self) -> Result<Vec<Option<S>>, String> {
        let positions = Positions::by_name::<S>(&Schema::new(self.layout), false).map_err(|reason| {
            format!(
                "there is no migration from version {} of the state, and its columns do not fit: {reason}",
                self.version
            )
        })?;
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
