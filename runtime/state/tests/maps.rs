//! Maps against the simplest model of them: a `BTreeMap` per key.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{DataType, Field, FieldRef, Int32Type, Int64Type};
use proptest::prelude::*;
use weir_core::key_group::{group_of, hash_keys};
use weir_state::{FrozenMap, KeyedState, MapState, StateError};

const KEY_GROUPS: u32 = 5;
const NO_LIMIT: usize = usize::MAX;

/// What an entry is found by; its order is that of the columns: nulls first, text by bytes.
type EntryKey = (Option<i32>, String);
type Value = (Option<i64>, String);
type Model = BTreeMap<i64, BTreeMap<EntryKey, Value>>;

fn field(name: &str, of: DataType, nullable: bool) -> FieldRef {
    Arc::new(Field::new(name, of, nullable))
}

fn key_fields() -> [FieldRef; 1] {
    [field("user", DataType::Int64, true)]
}

fn entry_key_fields() -> [FieldRef; 2] {
    [field("n", DataType::Int32, true), field("page", DataType::Utf8, false)]
}

fn value_fields() -> [FieldRef; 2] {
    [field("seen", DataType::Int64, true), field("note", DataType::Utf8, false)]
}

fn entry_keys<'a>(keys: impl Iterator<Item = &'a EntryKey> + Clone) -> Vec<ArrayRef> {
    vec![
        Arc::new(keys.clone().map(|(n, _)| *n).collect::<Int32Array>()),
        Arc::new(StringArray::from_iter_values(keys.map(|(_, page)| page))),
    ]
}

fn values<'a>(values: impl Iterator<Item = Option<&'a Value>> + Clone) -> Vec<ArrayRef> {
    vec![
        Arc::new(values.clone().map(|value| value.and_then(|(seen, _)| *seen)).collect::<Int64Array>()),
        Arc::new(values.map(|value| value.map(|(_, note)| note.as_str())).collect::<StringArray>()),
    ]
}

fn read_values(columns: &[ArrayRef], present: impl Fn(usize) -> bool) -> Vec<Option<Value>> {
    let (seen, notes) = (columns[0].as_primitive::<Int64Type>(), columns[1].as_string::<i32>());
    let value = |row: usize| (seen.is_valid(row).then(|| seen.value(row)), notes.value(row).to_owned());
    (0..seen.len()).map(|row| present(row).then(|| value(row))).collect()
}

fn read_keys(columns: &[ArrayRef]) -> Vec<EntryKey> {
    let (n, pages) = (columns[0].as_primitive::<Int32Type>(), columns[1].as_string::<i32>());
    (0..n.len()).map(|row| (n.is_valid(row).then(|| n.value(row)), pages.value(row).to_owned())).collect()
}

struct Maps {
    keys: KeyedState,
    map: MapState,
}

impl Maps {
    fn new() -> Self {
        let keys = KeyedState::new(&key_fields(), &[]).unwrap();
        Self { keys, map: MapState::new(&entry_key_fields(), &value_fields()).unwrap() }
    }

    fn slots(&mut self, users: &[i64]) -> Vec<u32> {
        let mut slots = Vec::new();
        self.keys.slots(&[Arc::new(Int64Array::from(users.to_vec())) as ArrayRef], users.len(), &mut slots).unwrap();
        slots
    }

    fn put(&mut self, changes: &[(i64, EntryKey, Option<Value>)]) {
        let slots = self.slots(&changes.iter().map(|change| change.0).collect::<Vec<_>>());
        let present: BooleanBuffer = changes.iter().map(|change| change.2.is_some()).collect();
        let keys = entry_keys(changes.iter().map(|change| &change.1));
        let values = values(changes.iter().map(|change| change.2.as_ref()));
        self.map.put(&slots, &keys, Some(&present), &values).unwrap();
    }

    /// Everything in it, read by scans of few entries, each after the last of the one before.
    fn all(&mut self, map: &FrozenMap, users: &[i64]) -> Model {
        let mut model = Model::new();
        for (user, slot) in users.iter().zip(self.slots(users)) {
            let mut after: Option<Vec<ArrayRef>> = None;
            loop {
                let lower = after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
                let run = map.scan(slot, lower, Bound::Unbounded, 3, NO_LIMIT).unwrap();
                let keys = read_keys(&run.entry_keys);
                assert!(keys.len() == run.len && keys.len() <= 3 && keys.is_sorted());
                after = keys.last().map(|last| entry_keys(std::iter::once(last)));
                let values = read_values(&run.values, |_| true).into_iter().flatten();
                let entries = keys.into_iter().zip(values).collect::<BTreeMap<_, _>>();
                if !entries.is_empty() {
                    model.entry(*user).or_default().extend(entries);
                }
                if !run.more {
                    break;
                }
            }
        }
        model
    }

    fn restored(tables: &[(u32, RecordBatch)]) -> Self {
        let mut restored = Self::new();
        for (_, rows) in tables {
            let mut slots = Vec::new();
            restored.keys.slots(&rows.columns()[..1], rows.num_rows(), &mut slots).unwrap();
            restored.map.restore(&restored.keys, rows, &slots).unwrap();
        }
        restored
    }
}

fn change(model: &mut Model, changes: &[(i64, EntryKey, Option<Value>)]) {
    for (user, key, value) in changes {
        let entries = model.entry(*user).or_default();
        match value {
            Some(value) => entries.insert(key.clone(), value.clone()),
            None => entries.remove(key),
        };
        if entries.is_empty() {
            model.remove(user);
        }
    }
}

fn entry_key() -> impl Strategy<Value = EntryKey> {
    (
        prop::option::weighted(0.8, -2..3i32),
        prop::sample::select(vec!["", "a", "ab", "b", "\u{e4}", "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"]),
    )
        .prop_map(|(n, page)| (n, page.to_owned()))
}

fn changes() -> impl Strategy<Value = Vec<(i64, EntryKey, Option<Value>)>> {
    let value = (prop::option::of(any::<i64>()), "[a-z]{0,4}");
    prop::collection::vec((0..4i64, entry_key(), prop::option::weighted(0.7, value)), 0..40)
}

proptest! {
    #[test]
    fn maps_are_those_of_a_model(steps in prop::collection::vec((changes(), any::<bool>()), 1..8), asked in prop::collection::vec((0..4i64, entry_key()), 0..20), bounds in (0..4i64, entry_key(), entry_key(), any::<[bool; 4]>(), 1..6usize)) {
        let users = [0, 1, 2, 3];
        let (mut maps, mut model, mut frozen) = (Maps::new(), Model::new(), Vec::new());
        for (changes, freeze) in steps {
            maps.put(&changes);
            change(&mut model, &changes);
            let now = maps.map.freeze();
            prop_assert_eq!(&maps.all(&now, &users), &model);
            for (user, slot) in users.iter().zip(maps.slots(&users)) {
                prop_assert_eq!(maps.map.contains(slot), model.contains_key(user));
            }
            if freeze {
                let keys = maps.keys.freeze();
                frozen.push((now.clone(), keys, model.clone()));
            }

            let slots = maps.slots(&asked.iter().map(|(user, _)| *user).collect::<Vec<_>>());
            let found = now.get(&slots, &entry_keys(asked.iter().map(|(_, key)| key)), NO_LIMIT).unwrap();
            let expected: Vec<_> = asked.iter().map(|(user, key)| model.get(user).and_then(|of| of.get(key)).cloned()).collect();
            prop_assert_eq!(read_values(&found.values, |row| found.present.value(row)), expected);
            prop_assert!(found.values.iter().all(|column| column.len() == asked.len()));

            let (user, low, high, [from, with_low, to, with_high], limit) = &bounds;
            let bound = |key: &EntryKey, there: bool, with: bool| match (there, with) {
                (false, _) => Bound::Unbounded,
                (true, true) => Bound::Included(key.clone()),
                (true, false) => Bound::Excluded(key.clone()),
            };
            let (lower, upper) = (bound(low, *from, *with_low), bound(high, *to, *with_high));
            let columns = |bound: &Bound<EntryKey>| bound.clone().map(|key| entry_keys(std::iter::once(&key)));
            let (lower_columns, upper_columns) = (columns(&lower), columns(&upper));
            let slot = maps.slots(&[*user])[0];
            let run = now.scan(slot, lower_columns.as_ref().map(Vec::as_slice), upper_columns.as_ref().map(Vec::as_slice), *limit, NO_LIMIT).unwrap();
            let is_in = |key: &EntryKey| {
                let above = match &lower { Bound::Unbounded => true, Bound::Included(low) => key >= low, Bound::Excluded(low) => key > low };
                let below = match &upper { Bound::Unbounded => true, Bound::Included(high) => key <= high, Bound::Excluded(high) => key < high };
                above && below
            };
            let expected: Vec<_> = model.get(user).into_iter().flatten().filter(|(key, _)| is_in(key)).collect();
            let found = read_keys(&run.entry_keys).into_iter().zip(read_values(&run.values, |_| true).into_iter().flatten());
            prop_assert!(found.eq(expected.iter().take(*limit).map(|(key, value)| ((*key).clone(), (*value).clone()))));
            prop_assert_eq!(run.more, expected.len() > *limit);
        }
        for (map, keys, then) in frozen {
            prop_assert_eq!(map.len(), then.values().map(BTreeMap::len).sum::<usize>());
            let tables = map.tables(&keys, KEY_GROUPS).unwrap();
            for (group, rows) in &tables {
                let mut hashes = Vec::new();
                hash_keys(&rows.columns()[..1], rows.num_rows(), &mut hashes).unwrap();
                prop_assert!(hashes.iter().all(|hash| group_of(*hash, KEY_GROUPS) == *group));
            }
            let mut restored = Maps::restored(&tables);
            let map = restored.map.freeze();
            prop_assert_eq!(restored.all(&map, &users), then);
        }
    }
}

fn one(user: i64, n: i32, note: &str) -> (i64, EntryKey, Option<Value>) {
    (user, (Some(n), String::new()), Some((Some(1), note.to_owned())))
}

#[test]
fn what_is_read_at_once_is_bounded() {
    let mut maps = Maps::new();
    let note = "x".repeat(1000);
    maps.put(&(0..10).map(|n| one(1, n, &note)).collect::<Vec<_>>());
    let (map, slot) = (maps.map.freeze(), maps.slots(&[1])[0]);
    let run = map.scan(slot, Bound::Unbounded, Bound::Unbounded, 100, 2500).unwrap();
    assert_eq!((run.len, run.more), (3, true), "it ends after the entry that exceeds the bound");
    let keys: Vec<EntryKey> = (0..10).map(|n| (Some(n), String::new())).collect();
    let get = |keys: &[EntryKey]| map.get(&vec![slot; keys.len()], &entry_keys(keys.iter()), 2500);
    assert!(matches!(get(&keys), Err(StateError::TooLarge { bytes_max: 2500 })));
    assert_eq!(get(&keys[..2]).unwrap().present.count_set_bits(), 2);
    let absent: Vec<EntryKey> = (100..400).map(|n| (Some(n), String::new())).collect();
    let read = get(&absent);
    assert!(matches!(read, Err(StateError::TooLarge { .. })), "an absent entry is a row of nulls, which has bytes too");
    assert_eq!(get(&absent[..100]).unwrap().present.count_set_bits(), 0);
}

#[test]
fn a_map_without_value_columns_is_a_set() {
    let mut maps = Maps::new();
    let mut set = MapState::new(&entry_key_fields(), &[]).unwrap();
    let slots = maps.slots(&[1, 2]);
    let keys = [(None, "a".to_owned()), (Some(1), "b".to_owned())];
    set.put(&slots, &entry_keys(keys.iter()), None, &[]).unwrap();
    let found = set.freeze().get(&[slots[0], slots[0]], &entry_keys(keys.iter()), NO_LIMIT).unwrap();
    assert_eq!((found.present.value(0), found.present.value(1), found.values.len()), (true, false, 0));
    assert_eq!(set.freeze().scan(slots[1], Bound::Unbounded, Bound::Unbounded, 9, NO_LIMIT).unwrap().len, 1);
    let tables = set.freeze().tables(&maps.keys.freeze(), KEY_GROUPS).unwrap();
    assert_eq!(tables.iter().map(|(_, rows)| rows.num_rows()).sum::<usize>(), 2);
}

#[test]
fn a_snapshot_of_other_columns_is_refused() {
    let mut maps = Maps::new();
    maps.put(&[one(1, 1, ""), (2, (Some(2), String::new()), Some((None, String::new())))]);
    let tables = maps.map.freeze().tables(&maps.keys.freeze(), KEY_GROUPS).unwrap();
    let refusal = |keys: &[FieldRef], values: &[FieldRef]| {
        let mut map = MapState::new(keys, values).unwrap();
        let refused = tables.iter().map(|(_, rows)| map.restore(&maps.keys, rows, &vec![0; rows.num_rows()]));
        refused.collect::<Result<Vec<_>, _>>().unwrap_err().to_string()
    };
    let [n, page] = entry_key_fields();
    let [seen, note] = value_fields();
    let all = [n.clone(), page.clone(), seen.clone(), note.clone()];
    assert_eq!(refusal(&all[..3], &all[3..]), "columns that entries are found by: 2 given, 3 expected");
    assert_eq!(refusal(&all[..2], &all[2..3]), "columns of a snapshot of a map: 5 given, 4 expected");
    let renamed = field("saw", DataType::Int64, true);
    assert_eq!(refusal(&all[..2], &[renamed, note.clone()]), "the snapshot has \"seen\" where the state keeps \"saw\"");
    let other = field("seen", DataType::Int32, true);
    assert!(refusal(&all[..2], &[other, note.clone()]).contains("Int32"));
    let never_null = field("seen", DataType::Int64, false);
    assert!(refusal(&all[..2], &[never_null, note]).contains("cannot be null"));
}
