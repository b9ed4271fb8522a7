//! Whatever a job keeps comes back as it was.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, FixedSizeListArray, Int64Array, ListArray, MapArray, NullArray, RecordBatch, RecordBatchOptions,
    StructArray, new_null_array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Fields, Schema, TimeUnit};
use proptest::prelude::*;
use weir_core::connector::{Committable, Prepared, SinkReport};
use weir_state::checkpoint::Contents;
use weir_state::checkpoint::object_store::memory::InMemory;
use weir_state::{CheckpointStore, JobSnapshot, Snapshot, SplitSnapshot, StateTable, SubtaskSnapshot};

use crate::samples::{assert_same, job, rows, store};
use crate::stores::{paths, plain};

/// Numbers that are drawn from a seed.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn nulls(&mut self, rows: usize) -> Option<NullBuffer> {
        (self.below(3) > 0).then(|| (0..rows).map(|_| self.below(4) > 0).collect::<Vec<_>>().into())
    }
}

fn leaves() -> Vec<DataType> {
    let utc = || Some("UTC".into());
    vec![
        DataType::Null,
        DataType::Boolean,
        DataType::Int8,
        DataType::Int32,
        DataType::Int64,
        DataType::UInt64,
        DataType::Float32,
        DataType::Float64,
        DataType::Utf8,
        DataType::LargeUtf8,
        DataType::Utf8View,
        DataType::Binary,
        DataType::Date32,
        DataType::Time64(TimeUnit::Microsecond),
        DataType::Timestamp(TimeUnit::Microsecond, None),
        DataType::Timestamp(TimeUnit::Nanosecond, utc()),
        DataType::Duration(TimeUnit::Millisecond),
        DataType::Decimal128(30, 3),
        DataType::Decimal256(60, 10),
        DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
    ]
}

fn types() -> impl Strategy<Value = DataType> {
    proptest::sample::select(leaves()).prop_recursive(3, 12, 3, |inner| {
        let item = |t: DataType| Arc::new(Field::new("item", t, true));
        prop_oneof![
            inner.clone().prop_map(move |t| DataType::List(item(t))),
            inner.clone().prop_map(move |t| DataType::FixedSizeList(item(t), 2)),
            inner.clone().prop_map(|t| {
                let entry = vec![Field::new("key", DataType::Utf8, false), Field::new("value", t, true)];
                DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entry.into()), false)), false)
            }),
            proptest::collection::vec(inner, 0..3).prop_map(|types| {
                let field = |(at, t)| Field::new(format!("f{at}"), t, true);
                DataType::Struct(types.into_iter().enumerate().map(field).collect())
            }),
        ]
    })
}

/// Some rows of a type, nulls and slices of longer columns among them.
fn array(data_type: &DataType, rows: usize, numbers: &mut Numbers) -> ArrayRef {
    let (before, after) = (numbers.below(3), numbers.below(3));
    let all = before + rows + after;
    let array: ArrayRef = match data_type {
        DataType::Null => Arc::new(NullArray::new(all)),
        DataType::List(item) => {
            let lengths: Vec<usize> = (0..all).map(|_| numbers.below(4)).collect();
            let items = array(item.data_type(), lengths.iter().sum(), numbers);
            Arc::new(ListArray::new(Arc::clone(item), OffsetBuffer::from_lengths(lengths), items, numbers.nulls(all)))
        }
        DataType::FixedSizeList(item, size) => {
            let items = array(item.data_type(), all * *size as usize, numbers);
            Arc::new(FixedSizeListArray::new(Arc::clone(item), *size, items, numbers.nulls(all)))
        }
        DataType::Map(entries, sorted) => {
            let DataType::Struct(fields) = entries.data_type() else { panic!("{entries:?}") };
            let lengths: Vec<usize> = (0..all).map(|_| numbers.below(3)).collect();
            let count: usize = lengths.iter().sum();
            let keys = cast(&Int64Array::from_iter_values((0..count).map(|_| numbers.next() as i64)), &DataType::Utf8);
            let columns = vec![keys.unwrap(), array(fields[1].data_type(), count, numbers)];
            let (pairs, offsets) =
                (StructArray::new(fields.clone(), columns, None), OffsetBuffer::from_lengths(lengths));
            Arc::new(MapArray::new(Arc::clone(entries), offsets, pairs, numbers.nulls(all), *sorted))
        }
        DataType::Struct(fields) => {
            let columns = fields.iter().map(|f| array(f.data_type(), all, numbers)).collect();
            Arc::new(StructArray::try_new_with_length(fields.clone(), columns, numbers.nulls(all), all).unwrap())
        }
        leaf => {
            let values = (0..all).map(|_| (numbers.below(4) > 0).then(|| (numbers.next() % 100_000) as i64));
            let values: ArrayRef = Arc::new(values.collect::<Int64Array>());
            let values = if *leaf == DataType::Binary { cast(&values, &DataType::Utf8).unwrap() } else { values };
            let values =
                if matches!(leaf, DataType::Date32) { cast(&values, &DataType::Int32).unwrap() } else { values };
            cast(&values, leaf).unwrap_or_else(|_| new_null_array(leaf, all))
        }
    };
    array.slice(before, rows)
}

fn batch(types: &[DataType], rows: usize, numbers: &mut Numbers) -> RecordBatch {
    let field = |(at, t): (usize, &DataType)| Field::new(format!("c {at} ü"), t.clone(), true);
    let fields: Fields = types.iter().enumerate().map(field).collect();
    let schema = Schema::new_with_metadata(fields, [("made by".to_owned(), "a test".to_owned())]);
    let columns = types.iter().map(|t| array(t, rows, numbers)).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::new(schema), columns, &options).unwrap()
}

fn name() -> impl Strategy<Value = String> {
    let odd = ["", "a/b", "a-b", "..", "per minute", "größe", "💧", "a\nb", "A", "a", "%2F", "x#1", "rows"];
    prop_oneof![proptest::sample::select(odd.to_vec()).prop_map(str::to_owned), "\\PC{0,60}"]
}

fn snapshot() -> impl Strategy<Value = Snapshot> {
    let layouts = proptest::collection::vec((name(), proptest::collection::vec(types(), 0..4)), 0..3);
    let tables =
        (layouts, proptest::collection::vec((any::<usize>(), proptest::option::of(0..9_u32), 0..6_usize), 0..6));
    let sink = proptest::option::of((any::<u64>(), proptest::collection::vec(any::<bool>(), 0..4)));
    (tables, any::<u64>(), sink).prop_map(|((layouts, tables), seed, sink)| {
        let mut numbers = Numbers(seed);
        let layout = |at: usize| layouts.get(at % layouts.len().max(1));
        let mut snapshot = Snapshot::default();
        for (at, key_group, rows) in tables {
            if let Some((name, types)) = layout(at) {
                snapshot.tables.push(StateTable {
                    name: name.clone(),
                    key_group,
                    rows: batch(types, rows, &mut numbers),
                });
            }
        }
        snapshot.sink = sink.map(|(count, commit)| {
            let committable = |(at, with_rows)| Committable {
                value: serde_json::json!({ "at": at, "count": count, "text": "ü\n" }),
                rows: layout(at).filter(|_| with_rows).map(|(_, types)| batch(types, at, &mut numbers)),
            };
            let report = SinkReport { rows: count, checksum: (count % 2 == 0).then_some(count) };
            let commit = commit.into_iter().enumerate().map(committable).collect();
            Prepared { commit, state: serde_json::json!([count, null, i64::MIN]), report }
        });
        snapshot
    })
}

/// A name is that of one subtask, and of one operator in it.
fn subtasks() -> impl Strategy<Value = Vec<SubtaskSnapshot>> {
    let split = (name(), any::<usize>(), any::<i64>(), any::<i64>(), proptest::option::of(name()), any::<bool>())
        .prop_map(|(split, index, offset, max_event_time, event_time, ended)| {
            let offset = serde_json::json!(offset);
            SplitSnapshot { split, index, offset, max_event_time, event_time, ended }
        });
    let splits = proptest::option::of((name(), proptest::collection::vec(split, 0..3)));
    let operators = proptest::collection::btree_map(name(), snapshot(), 0..3);
    let subtasks = proptest::collection::btree_map(name(), (any::<i64>(), operators, splits), 0..4);
    let subtask = |(subtask, (watermark, operators, splits))| SubtaskSnapshot {
        subtask,
        watermark,
        operators: BTreeMap::into_iter(operators).collect(),
        splits,
    };
    subtasks.prop_map(move |subtasks| subtasks.into_iter().map(subtask).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn what_is_stored_comes_back(subtasks in subtasks(), key_groups in any::<u32>()) {
        let job = JobSnapshot { key_groups, subtasks };
        let at = plain(&Arc::new(InMemory::new()));
        let mut lease = at.claim("a job: ü", i64::MIN).unwrap();
        let number = store(&mut lease, u64::MAX, &job).unwrap();
        let read = at.read(number).unwrap();
        assert_same(&read.snapshot, &job);
        prop_assert_eq!(&at.manifest(number).unwrap(), &read.manifest);
        let listed = at.list().unwrap().remove(0);
        prop_assert_eq!(listed.manifest.unwrap(), read.manifest);
    }
}

#[test]
fn layouts_are_all_but_the_rows_of_key_groups() {
    let memory = Arc::new(InMemory::new());
    let at = plain(&memory);
    let mut of_all = job(1);
    let whole = StateTable { name: "watermark".to_owned(), key_group: None, rows: rows(5) };
    of_all.subtasks[0].operators[0].1.tables.push(whole);
    let number = store(&mut at.claim("orders", 1).unwrap(), 1, &of_all).unwrap();
    let mut layouts = of_all;
    let operators = layouts.subtasks.iter_mut().flat_map(|subtask| &mut subtask.operators);
    for table in operators.flat_map(|(_, of)| &mut of.tables).filter(|table| table.key_group.is_some()) {
        table.rows = RecordBatch::new_empty(table.rows.schema());
    }
    let read = at.read_as(number, Contents::Layouts).unwrap().snapshot;
    assert_same(&read, &layouts);
    let tables = read.subtasks.iter().flat_map(|subtask| &subtask.operators).flat_map(|(_, of)| &of.tables);
    let bytes = |table: &StateTable| table.rows.get_array_memory_size();
    let kept: usize = tables.clone().filter(|table| table.key_group.is_some()).map(bytes).max().unwrap();
    assert!(kept < 500, "{kept} bytes: nothing of a file stays with what has no rows");
    assert_same(&at.latest_as(Contents::Layouts).unwrap().checkpoint.unwrap().snapshot, &layouts);
}

#[test]
fn a_folder_holds_arrow_files_and_readable_manifests() {
    let folder = tempfile::tempdir().unwrap();
    let location = folder.path().join("not/yet/there");
    let at = CheckpointStore::open(location.to_str().unwrap()).unwrap();
    assert!(at.list().unwrap().is_empty() && at.latest().unwrap().checkpoint.is_none());
    let mut lease = at.claim("orders", 1).unwrap();
    let number = store(&mut lease, 1, &job(4)).unwrap();
    let read = CheckpointStore::open(location.to_str().unwrap()).unwrap().read(number).unwrap();
    assert_same(&read.snapshot, &job(4));
    for file in read.manifest.files() {
        let file = std::fs::File::open(location.join(&file.path)).unwrap();
        let reader = arrow::ipc::reader::FileReader::try_new(file, None).unwrap();
        assert_eq!(reader.schema().metadata()["weir.part"], "1");
        assert!(reader.map(|batch| batch.unwrap().num_rows()).sum::<usize>() > 0);
    }
    let manifest = std::fs::read_to_string(location.join("manifests/00000000000000000002")).unwrap();
    let (line, body) = manifest.split_once('\n').unwrap();
    assert!(line.starts_with("weir-checkpoint 1 "), "{line}");
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["subtasks"][0]["splits"][1][0]["offset"]["file"], "ä.csv");
}

/// A job of one operator with a state of so many numbers in each of some key groups.
fn of_numbers(numbers: i64, key_groups: u32) -> JobSnapshot {
    let table = |group: u32| {
        let column: ArrayRef = Arc::new(Int64Array::from_iter_values(i64::from(group)..i64::from(group) + numbers));
        let rows = RecordBatch::try_from_iter([("n", column)]).unwrap();
        StateTable { name: "keys".to_owned(), key_group: Some(group), rows }
    };
    let tables = (0..key_groups).map(table).collect();
    let operators = vec![("o".to_owned(), Snapshot { tables, ..Snapshot::default() })];
    let subtasks = vec![SubtaskSnapshot { subtask: "o/0".to_owned(), watermark: 0, operators, splits: None }];
    JobSnapshot { key_groups, subtasks }
}

#[test]
fn large_parts_go_to_a_remote_store_in_pieces() {
    let memory = Arc::new(InMemory::new());
    let at = plain(&memory);
    let mut lease = at.claim("orders", 1).unwrap();
    let job = of_numbers(9 << 20, 1);
    let number = store(&mut lease, 1, &job).unwrap();
    assert_same(&at.read(number).unwrap().snapshot, &job);
    assert_eq!(paths(&memory).len(), 3);
}

#[test]
fn a_large_state_is_several_files_and_a_small_one_is_one() {
    let at = plain(&Arc::new(InMemory::new()));
    let mut lease = at.claim("orders", 1).unwrap();
    for (attempt, (numbers, files)) in [(10, 1), (2 << 20, 3)].into_iter().enumerate() {
        let job = of_numbers(numbers, 5);
        let number = store(&mut lease, attempt as u64, &job).unwrap();
        let read = at.read(number).unwrap();
        assert_same(&read.snapshot, &job);
        assert_eq!(read.manifest.files().count(), files);
        assert!(read.manifest.files().all(|file| file.bytes < 33 << 20));
    }
}
