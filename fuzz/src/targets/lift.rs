//! Answers of guests to calls: columns, selections, states, maps and timers, most of which are nearly as they should be. What is
//! accepted is what Arrow calls valid, has the types of the plan, and as many values as rows were selected.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, new_null_array};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{Field, Fields};
use libfuzzer_sys::arbitrary::Unstructured;
use weir_host::{
    CallError, Delta, GuestClock, Instance, InstanceSpec, KeyedDelta, NoLog, Plan, Rows, States, TimeDomain, Timers,
    World,
};

use crate::guest::{self, WORLDS};
use crate::image::{Image, List};

/// Rows of a call, and keys.
const ROWS: usize = 5;
const KEYS: usize = 4;
const CLOCK: GuestClock = GuestClock { watermark: Some(7), processing_time: 9 };

pub(super) fn run(bytes: &[u8]) {
    let [call, bytes @ ..] = bytes else { return };
    let world = WORLDS[usize::from(*call) % WORLDS.len()];
    let mut u = Unstructured::new(bytes);
    let columns = Columns::new(&mut u, world);
    let spec = InstanceSpec {
        operator: "fuzz".into(),
        config: guest::config(&columns.plan(world)),
        inputs: vec![guest::input()],
        limits: guest::limits(),
        log: Arc::new(NoLog),
    };
    let mut instance = guest::of(world).instantiate(spec).expect("a plan that is as it should be is accepted");
    let plan = instance.plan().clone();
    let bytes = u.take_rest();
    let result = match (world, call / 3 % 3) {
        (World::Transform, _) => transform(&mut instance, &columns, bytes).map(|deltas| check(&deltas, ROWS, &plan)),
        (World::Keyed, 0) => process(&mut instance, &columns, bytes).map(|delta| check_keyed(&delta, ROWS, &plan)),
        (World::Keyed, 1) => on_timer(&mut instance, &columns, bytes).map(|delta| check_keyed(&delta, ROWS, &plan)),
        (World::Keyed, _) => {
            migrate(&mut instance, &columns, bytes).map(|made| check_columns(&made, &columns.state, KEYS))
        }
        (World::Aggregate, 0) => {
            accumulate(&mut instance, &columns, bytes).map(|made| check_columns(&made, &columns.state, KEYS))
        }
        (World::Aggregate, 1) => {
            merge(&mut instance, &columns, bytes).map(|made| check_columns(&made, &columns.state, KEYS))
        }
        (World::Aggregate, _) => {
            finish(&mut instance, &columns, bytes).map(|made| check_columns(&made, &columns.made, KEYS))
        }
    };
    if let Err(error) = result {
        // What is given to the guest is right; only its answer is not.
        assert!(!matches!(error, CallError::Arguments(_) | CallError::Instance(_)), "{error}");
    }
}

/// The columns of a plan.
struct Columns {
    made: Fields,
    /// Of states, the first of which has answers.
    state: Fields,
    key: Fields,
    value: Fields,
}

impl Columns {
    fn new(u: &mut Unstructured<'_>, world: World) -> Self {
        let answer = (world != World::Transform).then(guest::answer_field).map(Arc::new);
        let [made, state, mut key, value] = [(); 4].map(|()| guest::fields(u));
        if key.is_empty() {
            key = vec![Field::new("k", arrow::datatypes::DataType::Int64, false)].into();
        }
        let rename = |field: &Arc<Field>| {
            Field::new(format!("v{}", field.name()), field.data_type().clone(), field.is_nullable())
        };
        let value = value.iter().map(rename).collect();
        Self { made, state: answer.into_iter().chain(state.iter().cloned()).collect(), key, value }
    }

    /// An answer of `describe`: nothing in it is wrong.
    fn plan(&self, world: World) -> Vec<u8> {
        let mut image = Image::new(&[]);
        let read = image.words(&[0, 1]);
        let reads = image.elements(&[read, 2], 1);
        let mut columns = Vec::new();
        for field in &self.made {
            let [at, count] = image.schema(&vec![field.clone()].into());
            columns.extend([1, at, count, 0, 0, 0]);
        }
        let columns = image.elements(&columns, self.made.len());
        let name = image.bytes(b"main");
        let outputs = image.elements(&[name, columns].concat().into_iter().chain([0]).collect::<Vec<_>>(), 1);
        let state = image.schema(&self.state);
        let [name, key, value] = [image.bytes(b"m"), image.schema(&self.key), image.schema(&self.value)];
        let maps = image.elements(&[name, key, value].concat(), usize::from(world == World::Keyed));
        let has_state = u32::from(world != World::Transform);
        let mut words = vec![0];
        words.extend(reads);
        words.push(1);
        words.extend(outputs);
        words.extend([has_state, 1]);
        words.extend(state);
        words.extend(maps);
        image.finish(&words)
    }

    /// States of some keys: the first has the answer, the last has none.
    fn states(&self, answer: &[u8]) -> States {
        let mut columns = vec![guest::answers(answer, KEYS)];
        columns.extend(self.state.iter().skip(1).map(|field| new_null_array(field.data_type(), KEYS)));
        States { keys: KEYS, present: Some(BooleanBuffer::from_iter([true, false, false, false])), columns }
    }

    /// States of which there are none yet.
    fn no_states(&self) -> States {
        let columns = self.state.iter().map(|field| new_null_array(field.data_type(), KEYS)).collect();
        States { keys: KEYS, present: Some(BooleanBuffer::new_unset(KEYS)), columns }
    }
}

fn rows(answer: &[u8]) -> [ArrayRef; 2] {
    [guest::answers(answer, ROWS), Arc::new(Int64Array::from_iter_values(0..ROWS as i64))]
}

fn transform(instance: &mut Instance, columns: &Columns, bytes: &[u8]) -> Result<Vec<Delta>, CallError> {
    let mut image = Image::new(bytes);
    let outputs = outputs(&mut image, &columns.made);
    let rejected = rejected(&mut image);
    let answer = answer(image, &[outputs, rejected].concat());
    let delta = instance.transform(0, &Rows { rows: ROWS, columns: &rows(&answer), event_times: Some(&[1; ROWS]) })?;
    assert!(delta.rejected.iter().all(|rejected| rejected.row < ROWS), "{:?}", delta.rejected);
    Ok(delta.outputs)
}

fn process(instance: &mut Instance, columns: &Columns, bytes: &[u8]) -> Result<KeyedDelta, CallError> {
    let answer = keyed(columns, bytes);
    let rows = Rows { rows: ROWS, columns: &rows(&answer), event_times: Some(&[1; ROWS]) };
    instance.keyed(0, &rows, &[0, 1, 2, 3, 0], &columns.no_states(), CLOCK, None)
}

fn on_timer(instance: &mut Instance, columns: &Columns, bytes: &[u8]) -> Result<KeyedDelta, CallError> {
    let answer = keyed(columns, bytes);
    let keys = Rows { rows: ROWS, columns: &[guest::answers(&answer, ROWS)], event_times: None };
    let due = Timers { domain: TimeDomain::EventTime, keys: vec![0, 1, 2, 3, 0].into(), times: vec![5; ROWS].into() };
    instance.on_timer(&due, &keys, &columns.no_states(), CLOCK, None)
}

fn migrate(instance: &mut Instance, columns: &Columns, bytes: &[u8]) -> Result<Vec<ArrayRef>, CallError> {
    let from: Fields = vec![guest::answer_field()].into();
    let answer = made(&columns.state, bytes);
    let states = States { columns: vec![guest::answers(&answer, KEYS)], keys: KEYS, present: None };
    instance.migrate(1, &arrow::datatypes::Schema::new(from), &states)
}

fn accumulate(instance: &mut Instance, columns: &Columns, bytes: &[u8]) -> Result<Vec<ArrayRef>, CallError> {
    let mut image = Image::new(bytes);
    let accumulators = image.columns(&columns.state, KEYS);
    let rejected = rejected(&mut image);
    let answer = answer(image, &[accumulators, rejected].concat());
    let rows = Rows { rows: ROWS, columns: &rows(&answer), event_times: Some(&[1; ROWS]) };
    let accumulated = instance.accumulate(&rows, &[0, 1, 2, 3, 0], &columns.no_states())?;
    assert!(accumulated.rejected.iter().all(|rejected| rejected.row < ROWS), "{:?}", accumulated.rejected);
    Ok(accumulated.accumulators)
}

fn merge(instance: &mut Instance, columns: &Columns, bytes: &[u8]) -> Result<Vec<ArrayRef>, CallError> {
    let states = columns.states(&made(&columns.state, bytes));
    instance.merge(&states, &columns.no_states())
}

fn finish(instance: &mut Instance, columns: &Columns, bytes: &[u8]) -> Result<Vec<ArrayRef>, CallError> {
    instance.finish(&columns.states(&made(&columns.made, bytes)))
}

/// `ok` of these words, mostly.
fn answer(mut image: Image<'_>, words: &[u32]) -> Vec<u8> {
    let kind = image.odd(0);
    image.finish(&[&[kind], words].concat())
}

/// `ok` of columns with a row per key.
fn made(fields: &Fields, bytes: &[u8]) -> Vec<u8> {
    let mut image = Image::new(bytes);
    let columns = image.columns(fields, KEYS);
    answer(image, &columns)
}

/// All, none, or some of them, and how many these are.
fn selection(image: &mut Image<'_>, of: usize, most: u32) -> ([u32; 3], usize) {
    match image.pick(0..=3) {
        0 => ([image.odd(0), 0, 0], of),
        1 => ([image.odd(1), 0, 0], 0),
        _ => {
            let count = image.pick(0..=most);
            let indices = image.indices(of as u32, count);
            let [at, len] = image.bytes(&indices);
            ([image.odd(2), at, len], count as usize)
        }
    }
}

fn outputs(image: &mut Image<'_>, made: &Fields) -> List {
    let (rows, count) = selection(image, ROWS, 9);
    let computed = image.columns(made, count);
    let times = if image.pick(0..=1) == 0 { 0 } else { count };
    let times = image.indices(2, 2 * times as u32);
    let (times, kinds) = (image.bytes(&times), image.bytes(&[]));
    image.elements(&[&rows[..], &computed, &times, &kinds].concat(), 1)
}

fn rejected(image: &mut Image<'_>) -> List {
    let mut words = Vec::new();
    for _ in 0..image.pick(0..=8) / 7 {
        let (row, reason) = (image.pick(0..=ROWS as u32), image.name());
        words.extend([row, reason[0], reason[1]]);
    }
    let count = words.len() / 3;
    image.elements(&words, count)
}

fn keyed(columns: &Columns, bytes: &[u8]) -> Vec<u8> {
    let mut image = Image::new(bytes);
    let (outputs, rejected) = (outputs(&mut image, &columns.made), rejected(&mut image));
    let (changed, count) = selection(&mut image, KEYS, 4);
    let (keys, present) = (image.odd(count as u32), image.pick(0..=1));
    let present = image.bytes(&vec![0b1011; count.div_ceil(8) * present as usize]);
    let states = image.columns(&columns.state, count);
    let entries = image.pick(0..=3);
    let (of, map) = (image.indices(KEYS as u32, entries), image.odd(0));
    let (of, entry_keys) = (image.bytes(&of), image.columns(&columns.key, entries as usize));
    let (all, values) = (image.bytes(&[]), image.columns(&columns.value, entries as usize));
    let has_changes = image.pick(0..=1) as usize;
    let maps = image.elements(&[&[map][..], &of, &entry_keys, &all, &values].concat(), has_changes);
    let [add, remove] = [(); 2].map(|()| timers(&mut image));
    answer(image, &[&outputs[..], &rejected, &changed, &[keys], &present, &states, &maps, &add, &remove].concat())
}

fn timers(image: &mut Image<'_>) -> List {
    let (domain, count) = (image.pick(0..=1), image.pick(0..=3));
    let (keys, times) = (image.indices(KEYS as u32, count), image.indices(u32::MAX, 2 * count));
    let (keys, times) = (image.bytes(&keys), image.bytes(&times));
    let domain = image.odd(domain);
    image.elements(&[&[domain][..], &keys, &times].concat(), (count > 0).into())
}

fn check_keyed(delta: &KeyedDelta, rows: usize, plan: &Plan) {
    check(&delta.outputs, rows, plan);
    let changed = delta.changed.len(KEYS);
    let layout = plan.state.as_ref().map(|state| state.schema.fields().clone()).unwrap_or_default();
    assert_eq!(delta.states.keys, changed);
    check_types(&delta.states.columns, &layout, changed);
    for changes in &delta.maps {
        let map = &plan.maps[changes.map];
        assert!(changes.keys.iter().all(|key| (*key as usize) < KEYS), "{changes:?}");
        check_columns(&changes.entry_keys, map.key.fields(), changes.keys.len());
        check_types(&changes.values, map.value.fields(), changes.keys.len());
    }
    for timers in delta.register.iter().chain(&delta.delete) {
        assert_eq!(timers.keys.len(), timers.times.len());
        assert!(timers.keys.iter().all(|key| (*key as usize) < KEYS), "{timers:?}");
    }
}

fn check(deltas: &[Delta], rows: usize, plan: &Plan) {
    assert_eq!(deltas.len(), plan.outputs.len());
    for (delta, output) in deltas.iter().zip(&plan.outputs) {
        let selected = delta.selection.len(rows);
        check_columns(&delta.computed, &output.computed, selected);
        assert!(delta.event_times.as_ref().is_none_or(|times| times.len() == selected), "{delta:?}");
        let made = output.assemble(delta, rows, &mut |_, _| None).expect("a delta that was accepted can be used");
        assert_eq!(made.num_rows(), selected);
    }
}

fn check_columns(made: &[ArrayRef], fields: &Fields, rows: usize) {
    check_types(made, fields, rows);
    for (column, field) in made.iter().zip(fields) {
        assert!(field.is_nullable() || column.null_count() == 0, "{field:?} has nulls: {column:?}");
    }
}

fn check_types(made: &[ArrayRef], fields: &Fields, rows: usize) {
    assert_eq!(made.len(), fields.len());
    for (column, field) in made.iter().zip(fields) {
        assert_eq!((column.data_type(), column.len()), (field.data_type(), rows));
        column.to_data().validate_full().expect("a column that was accepted is valid");
    }
}
