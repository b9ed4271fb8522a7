//! A call of a keyed operator that another version has answered, answered by this one too, and the two answers compared: rows,
//! and, if both versions keep state alike, what happens to states and timers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, StringArray};
use arrow::buffer::{BooleanBuffer, ScalarBuffer};
use arrow::compute::{interleave, nullif, take};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::error::ArrowError;
use weir_core::batch::StreamBatch;
use weir_host::{
    CallError, Failure, GuestClock, KeyedDelta, MapChanges, MapLayout, RejectedRow, Selection, StateLayout, States,
    TimeDomain,
};
use weir_state::{KeyIndex, StateError};

use super::guest::{Answer, Call};
use super::maps::{MapsOfCall, rows_of};
use super::{layout, layout_of};
use crate::dataflow::exchange::take_rows;
use crate::dataflow::operator::OperatorError;
use crate::dataflow::row_text::row_text;
use crate::nodes::delta::{Accepted, OutputBatch};
use crate::nodes::keyed::guest::KeyedGuest;
use crate::replace::shadow::{Comparer, Found};

impl KeyedGuest {
    /// `old` is the answer of a version with the layout `from`, which `states` are of. The keys of the call are at these slots.
    pub(super) fn beside(
        &mut self,
        (call, from, states, now): (&Call<'_>, &StateLayout, &States, GuestClock),
        old: &Answer,
        (keys, slots): (&KeyIndex, &[u32]),
        comparer: Comparer<'_>,
    ) -> Result<Found, Failure<OperatorError>> {
        if let Some(accepted) = Accepted::of(call.len(), &old.delta.rejected) {
            // What the other version refused is not compared.
            let made = old.made.iter().map(|made| accepted.made(made)).collect();
            let delta = KeyedDelta { rejected: Vec::new(), ..old.delta.clone() };
            let without = CallWithout::new(call, &accepted).map_err(Failure::Fatal)?;
            return self.beside((&without.call(), from, states, now), &Answer { delta, made }, (keys, slots), comparer);
        }
        let given = self.convert(from, states.clone())?;
        let new = self.call(call, &given, now)?;
        if let Some(RejectedRow { reason, .. }) = new.delta.rejected.first() {
            return Err(CallError::Call(reason.clone()).into());
        }
        let key_of_input = match call {
            Call::Rows { key_of_row, .. } => key_of_row,
            Call::Timers { key_of_timer, .. } => key_of_timer,
        };
        let is_keyed = !keys.fields().is_empty();
        let compare = || {
            let key: &dyn Fn(u32) -> String = &|key| key_text(keys, slots[key as usize]);
            let of_input: &dyn Fn(u32) -> String = &|input| key(key_of_input[input as usize]);
            let comparer = Comparer { key: is_keyed.then_some(of_input), ..comparer };
            let rows = comparer.outputs(self.instance.plan(), key_of_input.len(), &old.made, &new.made)?;
            let to = layout_of(self);
            if !layout::is_same(from, &to) {
                return Ok(Found { rows, layouts_differ: true, ..Found::default() });
            }
            let comparer = Comparer { part: "state", key: is_keyed.then_some(key), ..comparer };
            let maps = &self.instance.plan().maps;
            let after = |delta| states_after((&to, maps), states, delta);
            let states = comparer.compare(states.keys, &after(&old.delta)?, &after(&new.delta)?)?;
            Ok(Found { rows, states, layouts_differ: false })
        };
        compare().map_err(|error: ArrowError| Failure::Fatal(error.into()))
    }
}

/// A call without some of its rows or timers.
enum CallWithout<'a> {
    Rows {
        rows: StreamBatch,
        key_of_row: Vec<u32>,
        maps: &'a MapsOfCall,
    },
    Timers {
        domain: TimeDomain,
        times: ScalarBuffer<i64>,
        key_of_timer: Vec<u32>,
        keys: Vec<ArrayRef>,
        ingested_at: i64,
        maps: &'a MapsOfCall,
    },
}

impl<'a> CallWithout<'a> {
    fn new(call: &Call<'a>, accepted: &Accepted) -> Result<Self, OperatorError> {
        let rows = || accepted.rows.values().iter().map(|row| *row as usize);
        Ok(match call {
            Call::Rows { rows: batch, key_of_row, maps } => Self::Rows {
                rows: take_rows(batch, &accepted.rows)?,
                key_of_row: rows().map(|row| key_of_row[row]).collect(),
                maps,
            },
            Call::Timers { domain, times, key_of_timer, keys, ingested_at, maps } => Self::Timers {
                domain: *domain,
                times: rows().map(|timer| times[timer]).collect(),
                key_of_timer: rows().map(|timer| key_of_timer[timer]).collect(),
                keys: keys.iter().map(|column| take(column, &accepted.rows, None)).collect::<Result<_, _>>()?,
                ingested_at: *ingested_at,
                maps,
            },
        })
    }

    fn call(&self) -> Call<'_> {
        match self {
            Self::Rows { rows, key_of_row, maps } => Call::Rows { rows, key_of_row, maps },
            Self::Timers { domain, times, key_of_timer, keys, ingested_at, maps } => {
                let (domain, ingested_at) = (*domain, *ingested_at);
                Call::Timers { domain, times, key_of_timer, keys, ingested_at, maps }
            }
        }
    }
}

/// A key, for an example: there are few of these.
fn key_text(keys: &KeyIndex, slot: u32) -> String {
    let row = || -> Result<RecordBatch, StateError> {
        Ok(RecordBatch::try_new(Arc::new(Schema::new(keys.fields().to_vec())), keys.keys(&[slot])?)?)
    };
    row().map_or_else(|error| error.to_string(), |row| row_text(&row, 0))
}

/// The states of a call's keys after it, one row per key, and what it did to their timers and maps.
fn states_after(
    (layout, maps): (&StateLayout, &[MapLayout]),
    before: &States,
    delta: &KeyedDelta,
) -> Result<OutputBatch, ArrowError> {
    let mut from: Vec<(usize, usize)> = (0..before.keys).map(|key| (0, key)).collect();
    let changed: Vec<usize> = match &delta.changed {
        Selection::All => (0..before.keys).collect(),
        Selection::None => Vec::new(),
        Selection::Rows(keys) => keys.iter().map(|key| *key as usize).collect(),
    };
    changed.into_iter().enumerate().for_each(|(row, key)| from[key] = (1, row));
    let present = from.iter().map(|(of, row)| if *of == 0 { before } else { &delta.states }.is_present(*row));
    let present: BooleanBuffer = present.collect();
    let absent = BooleanArray::from(!&present);
    let columns = before.columns.iter().zip(&delta.states.columns);
    let columns = columns.map(|(before, after)| match after.is_empty() {
        true => Ok(Arc::clone(before)),
        // What a column has for a key without state means nothing.
        false => nullif(&interleave(&[before.as_ref(), after.as_ref()], &from)?, &absent),
    });
    let mut columns = columns.collect::<Result<Vec<_>, _>>()?;
    columns.extend([Arc::new(BooleanArray::from(present)), timers(before.keys, delta)]);
    columns.extend((!maps.is_empty()).then(|| entries(before.keys, maps, delta)));
    let mut fields: Vec<Field> =
        layout.schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true)).collect();
    fields.extend([Field::new("(present)", DataType::Boolean, false), Field::new("(timers)", DataType::Utf8, false)]);
    fields.extend((!maps.is_empty()).then(|| Field::new("(maps)", DataType::Utf8, false)));
    let rows = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?;
    let batch = StreamBatch::new(rows, vec![0; before.keys].into(), 0);
    Ok(OutputBatch { selection: Selection::All, batch, has_own_times: false })
}

/// What a call did to the timers of each key, as text.
fn timers(keys: usize, delta: &KeyedDelta) -> ArrayRef {
    let mut done: Vec<BTreeSet<String>> = vec![BTreeSet::new(); keys];
    for (what, timers) in [("delete", &delta.delete), ("register", &delta.register)] {
        for timers in timers {
            for (key, time) in timers.keys.iter().zip(timers.times.iter()) {
                done[*key as usize].insert(format!("{what} {time} us ({:?})", timers.domain));
            }
        }
    }
    Arc::new(StringArray::from_iter_values(
        done.into_iter().map(|done| done.into_iter().collect::<Vec<_>>().join(", ")),
    ))
}

/// What a call did to the entries of each key, as text: of several changes to one entry the last.
fn entries(keys: usize, maps: &[MapLayout], delta: &KeyedDelta) -> ArrayRef {
    let mut done: Vec<BTreeMap<String, String>> = vec![BTreeMap::new(); keys];
    for MapChanges { map, keys, entry_keys, present, values } in &delta.maps {
        let layout = &maps[*map];
        let (Some(entry_keys), values) = (rows_of(&layout.key, entry_keys), rows_of(&layout.value, values)) else {
            continue;
        };
        for (row, key) in keys.iter().enumerate() {
            let is_present = present.as_ref().is_none_or(|present| present.value(row));
            let value = values.as_ref().filter(|_| is_present).map_or_else(String::new, |rows| row_text(rows, row));
            let what = if is_present { "set" } else { "remove" };
            let entry = format!("{}{}", layout.name, row_text(&entry_keys, row));
            done[*key as usize].insert(entry, format!("{what} {value}"));
        }
    }
    let text = |done: BTreeMap<String, String>| {
        done.into_iter().map(|(entry, what)| format!("{entry}: {what}")).collect::<Vec<_>>().join(", ")
    };
    Arc::new(StringArray::from_iter_values(done.into_iter().map(text)))
}
