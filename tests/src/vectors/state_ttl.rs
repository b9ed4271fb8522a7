//! Cases of kind `state_ttl`: values are put and read at times of a clock, of a state that expires. They run over the state and the time to
//! live of keyed operators, in the order in which those use them.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, FieldRef};
use serde::Deserialize;
use serde_json::Value;
use weir_core::key_group::KEY_GROUPS_DEFAULT;
use weir_state::{KeyedState, Refresh, StateError, States, Ttl};

use super::Unchecked;
use super::case::{Case, Flag, Stop, can_be_met};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    ttl: Settings,
    ops: Vec<Op>,
    expected: Vec<Expected>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    duration: i64,
    update: Update,
    visibility: Visibility,
    /// The driver passes times in, so it does not matter whose they are.
    #[serde(rename = "time")]
    _time: Option<Value>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Update {
    OnCreateAndWrite,
    OnReadAndWrite,
}

#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Visibility {
    NeverReturnExpired,
    ReturnExpiredIfNotCleanedUp,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Op {
    at: Option<i64>,
    put: Option<Put>,
    get: Option<Get>,
    checkpoint_restore: Option<Flag>,
    checkpoint: Option<Value>,
    restore: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Put {
    key: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Get {
    key: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    by_op: usize,
    value: Option<String>,
}

struct Expiring {
    state: KeyedState,
    ttl: Ttl,
    settings: (i64, Update),
}

/// Tables of values, and of their last uses.
type Tables = (Vec<RecordBatch>, Vec<RecordBatch>);

fn field(name: &str) -> FieldRef {
    Arc::new(Field::new(name, DataType::Utf8, true))
}

impl Expiring {
    fn new(settings: (i64, Update)) -> Result<Self, StateError> {
        let refresh = match settings.1 {
            Update::OnCreateAndWrite => Refresh::OnWrite,
            Update::OnReadAndWrite => Refresh::OnReadAndWrite,
        };
        let state = KeyedState::new(&[field("key")], &[field("value")])?;
        Ok(Self { state, ttl: Ttl::new(settings.0, refresh), settings })
    }

    /// The slot of a key, whose state is there if it has not expired.
    fn slot(&mut self, key: &str, now: i64) -> Result<u32, StateError> {
        let mut slots = Vec::new();
        self.state.slots(&[Arc::new(StringArray::from(vec![key]))], 1, &mut slots)?;
        let slot = slots[0];
        if self.ttl.has_expired(slot, now) {
            self.ttl.forget(slot);
            self.state.remove(slot);
        }
        Ok(slot)
    }

    fn put(&mut self, Put { key, value }: &Put, now: i64) -> Result<(), StateError> {
        let slot = self.slot(key, now)?;
        let value: ArrayRef = Arc::new(StringArray::from(vec![value.as_str()]));
        self.state.put(&[slot], States::all(1, vec![value]))?;
        self.ttl.wrote(slot, now);
        Ok(())
    }

    fn get(&mut self, Get { key }: &Get, now: i64) -> Result<Option<String>, StateError> {
        let slot = self.slot(key, now)?;
        let states = self.state.gather(&[slot])?;
        if !states.present.value(0) {
            return Ok(None);
        }
        self.ttl.read(slot, now);
        Ok(Some(states.columns[0].as_string::<i32>().value(0).to_owned()))
    }

    fn tables(&mut self) -> Result<Tables, StateError> {
        let (states, uses) = (self.state.freeze(), self.ttl.freeze());
        let uses = uses.tables(states.keys(), states.key_fields(), KEY_GROUPS_DEFAULT)?;
        let rows = |tables: Vec<(u32, RecordBatch)>| tables.into_iter().map(|(_, rows)| rows).collect::<Vec<_>>();
        Ok((rows(states.tables(KEY_GROUPS_DEFAULT)?), rows(uses)))
    }

    fn restore(&mut self, (values, uses): &Tables) -> Result<(), StateError> {
        *self = Self::new(self.settings)?;
        for rows in values {
            let slots = self.state.slots_of_all([rows])?;
            self.state.restore(rows, &slots)?;
        }
        uses.iter().try_for_each(|rows| self.state.restore_uses(&mut self.ttl, rows))
    }
}

pub(super) fn drive(mut case: Case) -> Result<Unchecked, Stop> {
    case.must_be_empty("expected_late")?;
    let form: Form = case.into_form()?;
    if form.ttl.visibility == Visibility::ReturnExpiredIfNotCleanedUp {
        return Err(Stop::skip("returns values that have expired; here they are never returned"));
    }
    can_be_met(form.expected.iter().map(|e| e.by_op), |op| form.ops.get(op).is_some_and(|op| op.get.is_some()))?;
    // As given, and restored before each operation.
    run(&form, false)?;
    run(&form, true)?;
    Ok(Vec::new())
}

fn run(form: &Form, restores: bool) -> Result<(), Stop> {
    let failed = |error: StateError| Stop::fail(error.to_string());
    let mut state = Expiring::new((form.ttl.duration, form.ttl.update)).map_err(failed)?;
    let mut kept: BTreeMap<String, Tables> = BTreeMap::new();
    for (index, op) in form.ops.iter().enumerate() {
        if restores || op.checkpoint_restore.is_some() {
            let tables = state.tables().map_err(failed)?;
            state.restore(&tables).map_err(failed)?;
        }
        if let Some(id) = &op.checkpoint {
            kept.insert(id.to_string(), state.tables().map_err(failed)?);
        }
        if let Some(id) = &op.restore {
            let tables =
                kept.get(&id.to_string()).ok_or_else(|| Stop::skip(format!("restores {id}, which is not there")))?;
            state.restore(tables).map_err(failed)?;
        }
        let now = op.at.unwrap_or(0);
        if let Some(put) = &op.put {
            state.put(put, now).map_err(failed)?;
        }
        if let Some(get) = &op.get {
            let got = state.get(get, now).map_err(failed)?;
            if let Some(wrong) = form.expected.iter().find(|e| e.by_op == index && e.value != got) {
                return Err(Stop::fail(format!("op {index}: expected {:?}, got {got:?}", wrong.value)));
            }
        }
    }
    Ok(())
}
