//! Rows of slots against the simplest model of them: a list.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type, UInt32Type};
use proptest::prelude::*;
use weir_core::key_group::{group_of, hash_keys};
use weir_state::key_groups::GroupTables;
use weir_state::row_store::rows_schema;
use weir_state::{FrozenRows, KeyIndex, NewRows, RowId, RowOrder, RowStore};

const KEY_GROUPS: u32 = 5;

fn key_fields() -> Vec<FieldRef> {
    vec![Arc::new(Field::new("key", DataType::Int64, true))]
}

fn fields() -> Vec<FieldRef> {
    let field = |name: &str, of| Arc::new(Field::new(name, of, true));
    vec![field("n", DataType::Int64), field("text", DataType::Utf8)]
}

fn columns(numbers: &[i64]) -> Vec<ArrayRef> {
    let text = numbers.iter().map(|n| (n % 3 != 0).then(|| n.to_string()));
    vec![Arc::new(Int64Array::from(numbers.to_vec())), Arc::new(text.collect::<StringArray>())]
}

/// A row: its key, its time, its mark. Its number says what its columns are.
type Model = BTreeMap<i64, (i64, i64, u32)>;

#[derive(Clone, Debug)]
enum Step {
    /// Keys and times of rows that come together.
    Append(Vec<(i64, i64)>),
    /// Removes one in so many rows.
    Remove(usize),
    Due(i64, usize),
    Mark(usize, u32),
    Freeze,
    /// Continues with what the last frozen copy holds now.
    Restore,
}

fn step() -> impl Strategy<Value = Step> {
    let row = (0..4_i64, 0..100_i64);
    prop_oneof![
        6 => prop::collection::vec(row.clone(), 0..60).prop_map(Step::Append),
        1 => prop::collection::vec(row, 1_000..6_000).prop_map(Step::Append),
        2 => (1..5_usize).prop_map(Step::Remove),
        3 => (0..100_i64, 1..2_000_usize).prop_map(|(until, max)| Step::Due(until, max)),
        2 => (any::<usize>(), 0..9_u32).prop_map(|(at, mark)| Step::Mark(at, mark)),
        1 => Just(Step::Freeze),
        1 => Just(Step::Restore),
    ]
}

struct Rows {
    keys: KeyIndex,
    store: RowStore,
    next: i64,
}

impl Rows {
    fn new(order: RowOrder) -> Self {
        Self { keys: KeyIndex::new(&key_fields()).unwrap(), store: RowStore::new(&fields(), order), next: 0 }
    }

    fn slots(&mut self, keys: Vec<i64>) -> Vec<u32> {
        let (rows, mut slots) = (keys.len(), Vec::new());
        self.keys.slots(&[Arc::new(Int64Array::from(keys)) as ArrayRef], rows, &mut slots).unwrap();
        slots
    }

    fn append(&mut self, rows: &[(i64, i64)], model: &mut Model) {
        let slots = self.slots(rows.iter().map(|(key, _)| *key).collect());
        let times: Vec<i64> = rows.iter().map(|(_, time)| *time).collect();
        let numbers: Vec<i64> = (self.next..self.next + rows.len() as i64).collect();
        self.next += rows.len() as i64;
        self.store.append(NewRows { slots: &slots, times: &times, marks: None, columns: columns(&numbers) }).unwrap();
        model.extend(numbers.iter().zip(rows).map(|(n, (key, time))| (*n, (*key, *time, 0))));
    }

    fn numbers(&self, ids: &[RowId]) -> Vec<i64> {
        let taken = self.store.take(ids, &[1, 0]).unwrap();
        let numbers = taken[1].as_primitive::<Int64Type>().values().to_vec();
        let expected = &columns(&numbers)[1];
        assert_eq!(&taken[0], expected, "the columns of a row stay together");
        numbers
    }

    /// Everything that can be asked is as the model says.
    fn check(&mut self, model: &Model) {
        assert_eq!((self.store.len(), self.store.is_empty()), (model.len(), model.is_empty()));
        assert_eq!(self.store.rows_from(0).count(), model.len());
        for key in 0..4 {
            let slot = self.slots(vec![key])[0];
            let ids: Vec<RowId> = self.store.rows_of(slot).collect();
            let of_key: Vec<i64> = model.iter().filter(|(_, (of, ..))| *of == key).map(|(n, _)| *n).collect();
            assert_eq!(self.numbers(&ids), of_key, "rows of a key come in the order in which they were added");
            assert_eq!(self.store.rows_of_slot(slot), of_key.len());
            for (id, n) in ids.iter().zip(&of_key) {
                let told = (self.store.slot(*id), self.store.time(*id), self.store.mark(*id));
                assert_eq!(told, (slot, model[n].1, model[n].2));
            }
            // The last is empty.
            for (from, to) in [(20, 40), (41, 41), (60, 10)] {
                let range = from..=to;
                let mut found = Vec::new();
                self.store.between(slot, range.clone(), &mut found);
                let mut found = self.numbers(&found);
                found.sort_unstable();
                let expected: Vec<i64> = of_key.iter().copied().filter(|n| range.contains(&model[n].1)).collect();
                assert_eq!(found, expected, "{range:?}");
                let latest = self.store.latest(slot, to).map(|id| self.store.time(id));
                let expected = of_key.iter().map(|n| model[n].1).filter(|time| *time <= to).max();
                assert_eq!(latest, expected, "up to {to}");
            }
        }
    }
}

/// The rows of all tables: number, key, time, mark; in a table of their key's group.
fn tables(rows: &FrozenRows, keys: &weir_state::FrozenKeys) -> (Vec<RecordBatch>, Model) {
    let schema = rows_schema(&key_fields(), &["window"], &fields());
    let mut groups = GroupTables::new(Arc::clone(&schema), KEY_GROUPS);
    rows.add_to(&mut groups, &schema, keys, &[77]).unwrap();
    let (mut tables, mut told) = (Vec::new(), Model::new());
    for (group, table) in groups.finish().unwrap() {
        let mut hashes = Vec::new();
        hash_keys(&table.columns()[..1], table.num_rows(), &mut hashes).unwrap();
        assert!(hashes.iter().all(|hash| group_of(*hash, KEY_GROUPS) == group));
        let int64 = |column: usize| table.column(column).as_primitive::<Int64Type>().values().clone();
        assert!(int64(1).iter().all(|constant| *constant == 77));
        let (keys, times, marks, numbers) =
            (int64(0), int64(2), table.column(3).as_primitive::<UInt32Type>(), int64(4));
        for row in 0..table.num_rows() {
            told.insert(numbers[row], (keys[row], times[row], marks.value(row)));
        }
        tables.push(table);
    }
    (tables, told)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn rows_are_those_of_the_model(steps in prop::collection::vec(step(), 0..24), by_time in any::<bool>()) {
        let order = if by_time { RowOrder::Time } else { RowOrder::Arrival };
        let (mut rows, mut model) = (Rows::new(order), Model::new());
        let mut frozen: Option<(FrozenRows, weir_state::FrozenKeys, Model)> = None;
        for step in steps {
            match step {
                Step::Append(new) => rows.append(&new, &mut model),
                Step::Remove(one_in) => {
                    let ids: Vec<RowId> = rows.store.rows_from(0).step_by(one_in).collect();
                    rows.numbers(&ids).iter().for_each(|n| _ = model.remove(n));
                    rows.store.remove(&ids).unwrap();
                }
                Step::Due(until, max) if by_time => {
                    let due = rows.store.take_due(until, max);
                    let times: Vec<i64> = due.iter().map(|id| rows.store.time(*id)).collect();
                    let mut expected: Vec<i64> = model.values().map(|(_, time, _)| *time).filter(|t| *t <= until).collect();
                    expected.sort_unstable();
                    expected.truncate(max);
                    prop_assert_eq!(times, expected, "the earliest come first");
                    rows.numbers(&due).iter().for_each(|n| _ = model.remove(n));
                    rows.store.remove(&due).unwrap();
                }
                Step::Due(..) => {}
                Step::Mark(at, mark) => {
                    let ids: Vec<RowId> = rows.store.rows_from(0).collect();
                    if let Some(id) = (!ids.is_empty()).then(|| ids[at % ids.len()]) {
                        rows.store.set_mark(id, mark);
                        model.get_mut(&rows.numbers(&[id])[0]).unwrap().2 = mark;
                    }
                }
                Step::Freeze => frozen = Some((rows.store.freeze(), rows.keys.freeze(), model.clone())),
                Step::Restore => if let Some((of_rows, of_keys, then)) = &frozen {
                    let (tables, told) = tables(of_rows, of_keys);
                    prop_assert_eq!(&told, then, "a frozen copy stays what it was");
                    let next = rows.next;
                    (rows, model) = (Rows::new(order), told);
                    rows.next = next;
                    for table in tables {
                        let keys = table.column(0).as_primitive::<Int64Type>().values().to_vec();
                        let slots = rows.slots(keys);
                        rows.store.restore(&table, 2, &slots).unwrap();
                    }
                },
            }
            rows.check(&model);
        }
        let ids: Vec<RowId> = rows.store.rows_from(0).collect();
        rows.store.remove(&ids).unwrap();
        let (bytes, bytes_max) = (rows.store.memory_bytes(), rows.next as u64 * 64 + 100_000);
        prop_assert!(bytes < bytes_max, "the columns of what is removed are let go: {bytes} of {bytes_max}");
    }
}

#[test]
fn rows_that_do_not_fit_are_refused() {
    let mut store = RowStore::new(&fields(), RowOrder::Time);
    let good = columns(&[1, 2]);
    let append = |store: &mut RowStore, slots: &[u32], times: &[i64], marks: Option<&[u32]>, columns: Vec<ArrayRef>| {
        store.append(NewRows { slots, times, marks, columns }).map_err(|error| error.to_string())
    };
    assert!(append(&mut store, &[0, 1], &[1, 2], None, good.clone()).is_ok());
    for (times, marks, columns) in [
        (vec![1], None, good.clone()),
        (vec![1, 2], Some(&[1_u32][..]), good.clone()),
        (vec![1, 2], None, good[..1].to_vec()),
        (vec![1, 2], None, vec![good[1].clone(), good[0].clone()]),
        (vec![1, 2], None, columns(&[1])),
    ] {
        assert!(append(&mut store, &[0, 1], &times, marks, columns).is_err());
    }
    assert_eq!(store.len(), 2);
}
