//! State against the simplest model of it: maps of values.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int32Array, Int64Array, ListArray, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{DataType, Field, FieldRef, Int32Type, Int64Type};
use proptest::prelude::*;
use weir_core::key_group::{group_of, hash_keys, mix};
use weir_state::key_groups::GroupTables;
use weir_state::{KeyIndex, KeyedState, RelayoutRows, StateError, States, Timer, Timers};

const KEY_GROUPS: u32 = 7;

/// The same small keys as columns of several types, each of which takes another path.
fn key_columns(path: usize, keys: &[Option<i32>]) -> Vec<ArrayRef> {
    let int32 = || Arc::new(Int32Array::from(keys.to_vec())) as ArrayRef;
    let text = |k: &Option<i32>| k.map(|k| "x".repeat(k.unsigned_abs() as usize) + &k.to_string());
    let utf8 = || Arc::new(keys.iter().map(text).collect::<StringArray>()) as ArrayRef;
    let wide = keys.iter().map(|k| k.map(|k| i64::from(k) << 40));
    match path {
        0 => vec![int32()],
        1 => vec![Arc::new(wide.collect::<Int64Array>())],
        2 => vec![Arc::new(wide.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))],
        3 => vec![utf8()],
        4 => vec![utf8(), int32()],
        5 => vec![int32(), Arc::new(wide.collect::<TimestampMicrosecondArray>().with_timezone("UTC")), int32()],
        _ => vec![Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(
            keys.iter().map(|k| k.map(|k| vec![Some(k), None])),
        ))],
    }
}

fn fields_of(columns: &[ArrayRef]) -> Vec<FieldRef> {
    columns
        .iter()
        .enumerate()
        .map(|(i, c)| Arc::new(Field::new(format!("k{i}"), c.data_type().clone(), true)))
        .collect()
}

fn keys() -> impl Strategy<Value = Vec<Option<i32>>> {
    prop::collection::vec(prop::option::weighted(0.9, -8..8i32), 0..20)
}

proptest! {
    #[test]
    fn slots_are_those_of_a_map(path in 0..7usize, batches in prop::collection::vec((keys(), prop::option::of(0..8usize)), 1..12)) {
        let mut index = KeyIndex::new(&fields_of(&key_columns(path, &[]))).unwrap();
        let mut model: HashMap<Option<i32>, u32> = HashMap::new();
        let mut slots = Vec::new();
        let mut frozen = Vec::new();
        for (keys, remove) in batches {
            let bound = index.slots(&key_columns(path, &keys), keys.len(), &mut slots).unwrap();
            for (key, slot) in keys.iter().zip(&slots) {
                prop_assert!((*slot as usize) < bound);
                prop_assert_eq!(*model.entry(*key).or_insert(*slot), *slot);
            }
            // Keys decode to what went in, and hash as the exchange hashes them, alone or among nulls.
            let columns = key_columns(path, &keys);
            prop_assert_eq!(&index.keys(&slots).unwrap(), &columns);
            let (mut alone, mut among) = (Vec::new(), Vec::new());
            hash_keys(&columns, keys.len(), &mut among).unwrap();
            let mut hashed = Vec::new();
            index.slots_hashed(&columns, keys.len(), Some(&among), &mut hashed).unwrap();
            prop_assert_eq!(&hashed, &slots);
            for (row, key) in keys.iter().enumerate() {
                hash_keys(&key_columns(path, &[*key]), 1, &mut alone).unwrap();
                prop_assert_eq!(alone[0], among[row]);
            }
            // Another index over the same fields finds the same keys.
            let mut other = KeyIndex::new(index.fields()).unwrap();
            let (live, mut others) = (index.live_slots(), Vec::new());
            other.slots_from(&index, &live, &mut others);
            prop_assert_eq!(other.keys(&others).unwrap(), index.keys(&live).unwrap());
            for (slot, in_other) in live.iter().zip(&others) {
                prop_assert_eq!(other.find_from(&index, *slot), Some(*in_other));
            }
            // Keys that come all at once have a slot each too, whichever of them are there already.
            let (mut at_once, half) = (KeyIndex::new(index.fields()).unwrap(), keys.len() / 2);
            let (mut known, mut again) = (Vec::new(), Vec::new());
            at_once.slots(&key_columns(path, &keys[..half]), half, &mut known).unwrap();
            let all = at_once.slots_of_all(&[(&columns[..], keys.len()), (&columns[..], keys.len())]).unwrap();
            at_once.slots(&columns, keys.len(), &mut again).unwrap();
            prop_assert_eq!((&all[..half], &all[..keys.len()], &all[keys.len()..]), (&known[..], &again[..], &again[..]));
            prop_assert_eq!(at_once.keys(&all[..keys.len()]).unwrap(), columns);
            prop_assert_eq!(at_once.len(), all.iter().collect::<BTreeSet<_>>().len());
            if let Some(slot) = remove.and_then(|r| live.get(r)) {
                index.remove(*slot);
                model.retain(|_, s| s != slot);
                prop_assert_eq!(index.find_from(&other, others[live.iter().position(|s| s == slot).unwrap()]), None);
            }
            let mut distinct: Vec<u32> = model.values().copied().collect();
            distinct.sort_unstable();
            prop_assert_eq!(&index.live_slots(), &distinct);
            prop_assert_eq!(index.len(), model.len());
            let keys = index.keys(&distinct).unwrap();
            frozen.push((index.freeze(), distinct, keys));
        }
        // What was frozen is what was there then, and its hashes are those of the exchange.
        for (copy, live, keys) in &frozen {
            prop_assert_eq!(&copy.live_slots(), live);
            prop_assert_eq!(&copy.keys(live).unwrap(), keys);
            let mut hashes = Vec::new();
            hash_keys(keys, live.len(), &mut hashes).unwrap();
            prop_assert_eq!(copy.hashes(live).unwrap(), hashes);
        }
        index.clear();
        prop_assert!(index.is_empty() && index.live_slots().is_empty());
    }

    #[test]
    fn states_are_those_of_a_map(batches in prop::collection::vec(
        (prop::collection::btree_map(-20..20i32, prop::option::of(any::<i64>()), 0..30), prop::option::weighted(0.2, any::<bool>())), 1..40,
    )) {
        let key = |keys: &[i32]| vec![Arc::new(Int32Array::from(keys.to_vec())) as ArrayRef];
        let list = |v: i64| vec![Some(v); (v.unsigned_abs() % 4) as usize];
        let columns = |values: &[Option<i64>]| -> Vec<ArrayRef> {
            let lists = values.iter().map(|v| v.map(list));
            vec![
                Arc::new(values.iter().copied().collect::<Int64Array>()),
                Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(lists)),
            ]
        };
        let (key_fields, state_fields) = (fields_of(&key(&[])), fields_of(&columns(&[])));
        let new = || KeyedState::new(&key_fields, &state_fields).unwrap();
        let (mut state, mut model) = (new(), HashMap::new());
        let (mut slots, mut frozen) = (Vec::new(), Vec::new());
        for (batch, relayout) in batches {
            let keys: Vec<i32> = batch.keys().copied().collect();
            let values: Vec<Option<i64>> = batch.values().copied().collect();
            state.slots(&key(&keys), keys.len(), &mut slots).unwrap();
            let before: Vec<Option<i64>> = keys.iter().map(|k| model.get(k).copied()).collect();
            let gathered = state.gather(&slots).unwrap();
            prop_assert_eq!(gathered.columns, columns(&before));
            prop_assert_eq!(gathered.present, BooleanBuffer::from_iter(before.iter().map(Option::is_some)));
            let present = BooleanBuffer::from_iter(values.iter().map(Option::is_some));
            state.put(&slots, States { present, columns: columns(&values) }).unwrap();
            state.release(&slots, |_| false);
            for (key, value) in batch {
                match value {
                    Some(value) => model.insert(key, value),
                    None => model.remove(&key),
                };
            }
            prop_assert_eq!(state.keys().len(), model.len());
            if let Some(in_use) = relayout {
                let (mut given, next) = (0, |value: i64| value.wrapping_add(1));
                let rows = if in_use { RelayoutRows::InUse } else { RelayoutRows::AsTheyLie };
                let convert = |rows, old: Vec<ArrayRef>| {
                    given += rows;
                    let values: Vec<_> = old[0].as_primitive::<Int64Type>().iter().map(|value| value.map(next)).collect();
                    Ok::<_, StateError>(columns(&values))
                };
                state.relayout(&state_fields, rows, convert).unwrap();
                prop_assert!(given == model.len() || (!in_use && given > model.len()));
                model.values_mut().for_each(|value| *value = next(*value));
            }
            frozen.push((state.freeze(), model.clone()));
        }
        // What was frozen holds every state of then once, in its key's group, and makes the same states again.
        for (copy, model) in frozen {
            let mut restored = new();
            for (group, rows) in copy.tables(KEY_GROUPS).unwrap() {
                let mut hashes = Vec::new();
                hash_keys(&rows.columns()[..1], rows.num_rows(), &mut hashes).unwrap();
                prop_assert!(hashes.iter().all(|h| group_of(*h, KEY_GROUPS) == group));
                let slots = restored.slots_of_all([&rows]).unwrap();
                restored.restore(&rows, &slots).unwrap();
            }
            let keys: Vec<i32> = model.keys().copied().collect();
            restored.slots(&key(&keys), keys.len(), &mut slots).unwrap();
            prop_assert_eq!(restored.keys().len(), model.len());
            let values: Vec<Option<i64>> = model.values().map(|v| Some(*v)).collect();
            prop_assert_eq!(restored.gather(&slots).unwrap().columns, columns(&values));
        }
    }

    #[test]
    fn timers_are_a_set(steps in prop::collection::vec((0..3u8, 0..6i64, -3..3i32), 1..60)) {
        let key_fields = fields_of(&key_columns(0, &[]));
        let new = || (KeyedState::new(&key_fields, &[]).unwrap(), Timers::default());
        let ((mut state, mut timers), mut model) = (new(), BTreeSet::new());
        let mut slots = Vec::new();
        for (step, time, key) in steps {
            state.slots(&key_columns(0, &[Some(key)]), 1, &mut slots).unwrap();
            let timer = Timer { time, slot: slots[0] };
            match step {
                0 => {
                    timers.delete(timer);
                    model.remove(&timer);
                }
                _ => {
                    timers.register(timer);
                    model.insert(timer);
                }
            }
            prop_assert_eq!(timers.contains(slots[0]), model.iter().any(|t| t.slot == slots[0]));
        }
        let frozen = (state.freeze(), timers.freeze());
        let named = |timers: &[Timer], state: &KeyedState| -> BTreeSet<(i64, i32)> {
            let keys = state.keys().keys(&timers.iter().map(|t| t.slot).collect::<Vec<_>>()).unwrap();
            let keys = keys[0].as_primitive::<Int32Type>().values().to_vec();
            timers.iter().zip(keys).map(|(t, k)| (t.time, k)).collect()
        };
        let expected: Vec<Timer> = model.iter().copied().filter(|t| t.time <= 3).collect();
        // In calls that hold no key twice, all together by time.
        let all = |timers: &mut Timers| -> Vec<Timer> {
            let calls = std::iter::from_fn(|| Some(timers.pop_due(3, usize::MAX)).filter(|due| !due.is_empty()));
            let distinct = |due: &Vec<Timer>| due.iter().map(|t| t.slot).collect::<BTreeSet<u32>>().len() == due.len();
            calls.inspect(|due| assert!(distinct(due))).flatten().collect()
        };
        prop_assert_eq!(timers.is_due(3), !expected.is_empty());
        let due = all(&mut timers);
        prop_assert_eq!(&due, &expected);
        prop_assert!(!timers.is_due(3));
        // What was frozen still has them all.
        let (mut state_again, mut again) = new();
        let tables = frozen.1.tables(&frozen.0, KEY_GROUPS).unwrap();
        again.restore(&mut state_again, tables.iter().map(|(_, rows)| rows)).unwrap();
        prop_assert_eq!(again.len(), model.len());
        prop_assert_eq!(named(&all(&mut again), &state_again), named(&due, &state));
        prop_assert_eq!(timers.len(), model.len() - due.len());
        // Those that are there twice are there once.
        let mut others = Timers::default();
        model.iter().for_each(|timer| others.register(*timer));
        timers.append(&mut others);
        prop_assert_eq!((timers.len(), others.len()), (model.len(), 0));
        prop_assert_eq!(all(&mut timers), expected);
    }
}

#[test]
fn many_states_are_converted_in_parts_and_all_or_none_of_them() {
    const KEYS: i64 = 100_000;
    let column = |values: Vec<i64>| vec![Arc::new(Int64Array::from(values)) as ArrayRef];
    let (fields, wider) = (fields_of(&column(Vec::new())), [DataType::Int64, DataType::Utf8]);
    let wider = wider.map(|of| Arc::new(Field::new("w", of, true)));
    let mut state = KeyedState::new(&fields, &fields).unwrap();
    let mut slots = Vec::new();
    // Every third is written again later, every seventh is removed.
    for keys in [(0..KEYS).collect::<Vec<_>>(), (0..KEYS).step_by(3).collect()] {
        state.slots(&column(keys.clone()), keys.len(), &mut slots).unwrap();
        state.put(&slots, States::all(keys.len(), column(keys))).unwrap();
    }
    let all: Vec<i64> = (0..KEYS).collect();
    state.slots(&column(all), KEYS as usize, &mut slots).unwrap();
    slots.iter().step_by(7).for_each(|slot| state.remove(*slot));
    let before = state.gather(&slots).unwrap();
    let mut parts = 0;
    let mut convert = |fails: usize, rows: usize, mut old: Vec<ArrayRef>| {
        parts += 1;
        assert!(rows <= 8_192 && rows == old[0].len());
        let texts: StringArray =
            old[0].as_primitive::<Int64Type>().values().iter().map(|v| Some(v.to_string())).collect();
        old.push(Arc::new(texts));
        if parts == fails { Err(StateError::Count { what: "parts", found: parts, expected: 0 }) } else { Ok(old) }
    };
    state.relayout(&wider, RelayoutRows::InUse, |rows, old| convert(9, rows, old)).unwrap_err();
    assert_eq!(state.gather(&slots).unwrap().columns, before.columns);
    state.relayout(&wider, RelayoutRows::InUse, |rows, old| convert(0, rows, old)).unwrap();
    let after = state.gather(&slots).unwrap();
    assert_eq!((&after.present, &after.columns[0]), (&before.present, &before.columns[0]));
    let texts = before.columns[0].as_primitive::<Int64Type>().iter().map(|value| value.map(|value| value.to_string()));
    assert_eq!(after.columns[1].as_string::<i32>(), &texts.collect::<StringArray>());
    let wrong = state.relayout(&fields, RelayoutRows::AsTheyLie, |_, old| Ok::<_, StateError>(old));
    assert_eq!(wrong.unwrap_err().to_string(), "state columns: 2 given, 1 expected");
}

#[test]
fn every_row_is_in_a_table_of_its_group() {
    let hash = |row: i64| mix(row as u64);
    let column = |rows: Vec<i64>| Arc::new(Int64Array::from(rows)) as ArrayRef;
    let batch = |rows: Vec<i64>| RecordBatch::try_from_iter([("row", column(rows))]).unwrap();
    for groups in [1, 3, 1000] {
        let mut tables = GroupTables::new(batch(Vec::new()).schema(), groups);
        // Two parts, of which the first is more than one block.
        for part in [0..300_000, 300_000..300_010i64] {
            let hashes = |rows: Range<usize>| Ok::<_, StateError>(rows.map(|r| hash(part.start + r as i64)).collect());
            let rows = |rows: &[u32]| Ok(batch(rows.iter().map(|r| part.start + i64::from(*r)).collect()));
            tables.add(part.clone().count(), hashes, rows).unwrap();
        }
        let mut seen = vec![Vec::new(); groups as usize];
        for (group, rows) in tables.finish().unwrap() {
            assert!((1..=65_536).contains(&rows.num_rows()));
            seen[group as usize].extend_from_slice(rows.column(0).as_primitive::<Int64Type>().values());
        }
        for (group, rows) in (0u32..).zip(&seen) {
            assert!(rows.is_sorted() && rows.iter().all(|row| group_of(hash(*row), groups) == group));
        }
        assert_eq!(seen.iter().map(Vec::len).sum::<usize>(), 300_010);
    }
}

#[test]
fn columns_that_do_not_fit_are_refused() {
    let field = |t: DataType| vec![Arc::new(Field::new("k", t, true))];
    let mut index = KeyIndex::new(&field(DataType::Int64)).unwrap();
    let check = |columns: &[ArrayRef], expected: &str, index: &mut KeyIndex| {
        assert_eq!(index.slots(columns, 1, &mut Vec::new()).unwrap_err().to_string(), expected);
    };
    let int32: ArrayRef = Arc::new(Int32Array::from(vec![1]));
    let two: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    check(&[int32], "key column 0 has type Int32, the state was made for Int64", &mut index);
    check(&[two], "rows of a key column: 2 given, 1 expected", &mut index);
    check(&[], "key columns: 0 given, 1 expected", &mut index);
    let mut state = KeyedState::new(&field(DataType::Int64), &field(DataType::Utf8)).unwrap();
    let empty = RecordBatch::new_empty(Arc::new(arrow::datatypes::Schema::empty()));
    assert_eq!(state.restore(&empty, &[]).unwrap_err().to_string(), "columns of a snapshot: 0 given, 2 expected");
}

#[test]
fn keys_that_are_removed_twice_are_gone_once() {
    let mut index = KeyIndex::new(&[Arc::new(Field::new("k", DataType::Utf8, true))]).unwrap();
    let keys: Vec<String> = (0..4_000).map(|key| format!("{key:040}")).collect();
    let column: ArrayRef = Arc::new(StringArray::from_iter_values(&keys));
    let mut slots = Vec::new();
    index.slots(&[column], keys.len(), &mut slots).unwrap();
    let (kept, gone) = slots.split_first().unwrap();
    // The bytes of the keys that stay are moved in between.
    gone.iter().chain(gone).for_each(|slot| index.remove(*slot));
    assert_eq!((index.len(), index.live_slots()), (1, vec![*kept]));
    assert_eq!(index.keys(&[*kept]).unwrap()[0].as_string::<i32>().value(0), keys[0]);
}
