//! Maps over the boundary: what a guest reads, what it changes, and what is refused of both.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{DataType, Field, Fields, Int64Type};
use weir_host::{
    CallError, EntryBound, EntryPage, EntryRange, FoundEntries, GuestClock, Instance, KeyedDelta, LoadError,
    MapReadError, MapReader, Rows, States,
};

use crate::guest::{Guest, HOST, Image, int64};

const PRELUDE: &str = "
    (import \"weir:operator/maps@0.1.0\" \"get\" (func $get (param i32 i32 i32 i32 i32 i32)))
    (import \"weir:operator/maps@0.1.0\" \"scan\" (func $scan (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))";

/// Gives ten times the entry key, of the keys 0 and 2 only.
struct TenTimes;

impl MapReader for TenTimes {
    fn get(&self, map: usize, keys: &[u32], entry_keys: &[ArrayRef], _: usize) -> Result<FoundEntries, MapReadError> {
        assert_eq!(map, 0);
        let present: BooleanBuffer = keys.iter().map(|key| key % 2 == 0).collect();
        let of = entry_keys[0].as_primitive::<Int64Type>().values().iter().zip(present.iter());
        let values: Int64Array = of.map(|(key, present)| present.then_some(10 * key)).collect();
        Ok(FoundEntries { present, values: vec![Arc::new(values)] })
    }

    fn scan(&self, _: usize, key: u32, range: &EntryRange, limit: usize, _: usize) -> Result<EntryPage, MapReadError> {
        let (EntryBound::Excluded(lower), EntryBound::Unbounded) = (&range.lower, &range.upper) else {
            return Err(MapReadError::TooLarge { limit_bytes: 5 });
        };
        let first = lower[0].as_primitive::<Int64Type>().value(0) + 1;
        let keys: Int64Array = (first..first + limit as i64).collect();
        let values: Int64Array = keys.values().iter().map(|value| value + i64::from(key)).collect();
        Ok(EntryPage { entries: limit, entry_keys: vec![Arc::new(keys)], values: vec![Arc::new(values)], more: true })
    }
}

/// What is asked for, and what is answered.
struct Asked {
    map: u32,
    keys: Vec<u8>,
    entry_keys: Vec<i64>,
    /// If it scans instead: the key, the kind of its lower bound, and the limit.
    scan: Option<(u32, u32, u32)>,
    /// Of the answer: the map, how often it is in the list, and the keys.
    changes: (u32, u32, Vec<u8>),
    traps: bool,
}

impl Default for Asked {
    fn default() -> Self {
        let keys: Vec<u8> = [0_u32, 1, 2].iter().flat_map(|key| key.to_le_bytes()).collect();
        let changes = (0, 1, keys.clone());
        Self { map: 0, keys, entry_keys: vec![5, 6, 7], scan: None, changes, traps: false }
    }
}

/// A keyed operator that reads entries, and answers with them as changes, or with the reason why they cannot be read.
fn reading(asked: &Asked) -> Instance {
    let mut image = Image::default();
    let one = |name: &str, nullable: bool| -> Fields { vec![Field::new(name, DataType::Int64, nullable)].into() };
    let maps = [("entries", one("k", false), one("v", false))];
    let plan = image.plan_with_maps(1, &Fields::empty(), None, &maps);
    let node = |image: &mut Image, values: &[i64]| {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let at = image.put(&bytes);
        let buffers = image.words(&[0, 0, at, bytes.len() as u32]);
        image.words(&[values.len() as u32, 0, buffers, 2])
    };
    let keys = image.put(&asked.keys);
    let entry_keys = node(&mut image, &asked.entry_keys);
    let result = image.words(&[0; 7]);
    let of_changes = image.put(&asked.changes.2);
    let mut changes = Vec::new();
    for _ in 0..asked.changes.1 {
        changes.extend([asked.changes.0, of_changes, asked.changes.2.len() as u32, entry_keys, 1, 0, 0, 0, 0]);
    }
    let changes = image.words(&changes);
    let delta = image.words(&[1, 0, 0, 0, 0, 0, 0, 0, 0]);
    // outputs, rejected, changed, states, maps, add, remove
    let answer = image.words(&[0, delta, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, changes, asked.changes.1, 0, 0, 0, 0]);
    let failure = image.words(&[1, 0, 0]);
    let read = match asked.scan {
        None => format!(
            "(call $get (i32.const {}) (i32.const {keys}) (i32.const {}) (i32.const {entry_keys}) (i32.const 1) (i32.const {result}))",
            asked.map,
            asked.keys.len(),
        ),
        Some((key, kind, limit)) => format!(
            "(call $scan (i32.const {}) (i32.const {key}) (i32.const {kind}) (i32.const {entry_keys}) (i32.const 1)
               (i32.const 0) (i32.const 0) (i32.const 0) (i32.const {limit}) (i32.const {result}))",
            asked.map,
        ),
    };
    let copy = |to: u32, from: u32| format!("(i32.store (i32.const {to}) (i32.load (i32.const {from})))");
    let failed = format!(
        "(if (i32.load8_u (i32.const {result})) (then {} {} (return (i32.const {failure}))))",
        copy(failure + 4, result + 4),
        copy(failure + 8, result + 8),
    );
    let filled = match asked.scan {
        // present, values
        None => (0..4).map(|word| copy(changes + 20 + 4 * word, result + 4 + 4 * word)).collect::<String>(),
        // entry keys, values
        Some(_) => (0..4)
            .map(|word| copy(changes + 12 + 4 * (word + if word < 2 { 0 } else { 2 }), result + 8 + 4 * word))
            .collect(),
    };
    let traps = if asked.traps { "unreachable" } else { "" };
    let process = format!("{read} {failed} {filled} {traps} (i32.const {answer})");
    let migrate = format!("{read} {failed} (i32.const {failure})");
    let functions = vec![
        ("weir:operator/keyed@0.1.0#process", "(param $at i32) (result i32)", process.clone()),
        ("weir:operator/keyed@0.1.0#on-timer", "(param $at i32) (result i32)", process),
        ("weir:operator/keyed@0.1.0#migrate", "(param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)", migrate),
    ];
    let guest = Guest { world: "keyed-operator", image, plan, prelude: PRELUDE, functions };
    guest.load().instantiate(crate::guest::spec(&int64())).unwrap()
}

fn call(guest: &mut Instance, reader: Option<Arc<dyn MapReader>>) -> Result<KeyedDelta, CallError> {
    let column: ArrayRef = Arc::new(Int64Array::from_iter_values(0..3));
    let rows = Rows { rows: 3, columns: &[column], event_times: Some(&[0; 3]) };
    let states = States { keys: 3, present: None, columns: Vec::new() };
    guest.keyed(0, &rows, &[0, 1, 2], &states, GuestClock { watermark: None, processing_time: 0 }, reader)
}

fn int64s(column: &ArrayRef) -> Vec<Option<i64>> {
    column.as_primitive::<Int64Type>().iter().collect()
}

#[test]
fn what_a_guest_reads_comes_back_as_its_changes() {
    let delta = call(&mut reading(&Asked::default()), Some(Arc::new(TenTimes))).unwrap();
    let [changes] = &delta.maps[..] else { panic!("{:?}", delta.maps) };
    assert_eq!((changes.map, &changes.keys[..]), (0, &[0, 1, 2][..]));
    assert_eq!(int64s(&changes.entry_keys[0]), [Some(5), Some(6), Some(7)]);
    assert_eq!(changes.present, Some(BooleanBuffer::from(vec![true, false, true])));
    assert_eq!(int64s(&changes.values[0]), [Some(50), None, Some(70)]);

    let scan = Asked { scan: Some((2, 2, 3)), entry_keys: vec![4], ..Asked::default() };
    let delta = call(&mut reading(&scan), Some(Arc::new(TenTimes))).unwrap();
    assert_eq!(int64s(&delta.maps[0].entry_keys[0]), [Some(5), Some(6), Some(7)]);
    assert_eq!(int64s(&delta.maps[0].values[0]), [Some(7), Some(8), Some(9)]);
}

#[test]
fn wrong_arguments_are_an_error_that_the_guest_reads() {
    let scan = |key, kind, limit| Asked { scan: Some((key, kind, limit)), entry_keys: vec![4], ..Asked::default() };
    for (asked, says) in [
        (Asked { map: 1, ..Asked::default() }, "there is no map 1; the plan has 1"),
        (Asked { map: u32::MAX, ..scan(0, 0, 1) }, "there is no map"),
        (Asked { keys: vec![9, 0, 0, 0], entry_keys: vec![1], ..Asked::default() }, "index 9 in keys"),
        (Asked { keys: vec![0; 7], entry_keys: vec![1], ..Asked::default() }, "not whole uint32"),
        (Asked { entry_keys: vec![1], ..Asked::default() }, "1 values where there must be 3"),
        (scan(3, 2, 1), "key 3, and the call has 3 keys"),
        (scan(0, 2, 0), "a limit of 0"),
        (Asked { entry_keys: vec![1, 2], ..scan(0, 1, 1) }, "bound: column \"k\": 2 values"),
        (scan(0, 0, 1), "the entries have more than 5 bytes"),
    ] {
        let error = call(&mut reading(&asked), Some(Arc::new(TenTimes))).unwrap_err();
        assert!(matches!(&error, CallError::Call(reason) if reason.contains(says)), "{error} does not say {says:?}");
    }
}

#[test]
fn maps_are_read_in_a_call_only() {
    let outside = "maps can be read only in `process` and `on-timer`";
    for traps in [false, true] {
        let mut guest = reading(&Asked { traps, ..Asked::default() });
        assert_eq!(call(&mut guest, Some(Arc::new(TenTimes))).is_err(), traps);
        let none = States { keys: 0, present: None, columns: Vec::new() };
        let error = guest.migrate(1, &arrow::datatypes::Schema::empty(), &none).unwrap_err();
        assert!(error.to_string().contains(outside), "{error}");
        let error = call(&mut guest, None).unwrap_err();
        assert!(error.to_string().contains(outside), "{error}");
    }
}

#[test]
fn wrong_changes_are_refused() {
    let whole = || Asked::default().changes.2;
    for (changes, says) in [
        ((1, 1, whole()), "changes to map 1, and the plan has 1 maps"),
        ((0, 2, whole()), "two lists of changes to the map \"entries\""),
        ((0, 1, vec![0; 11]), "not whole uint32"),
        ((0, 1, vec![0; 8]), "3 values where there must be 2"),
        ((0, 1, vec![0xff; 12]), "index 4294967295 in keys of changes"),
    ] {
        let asked = Asked { changes, ..Asked::default() };
        let error = call(&mut reading(&asked), Some(Arc::new(TenTimes))).unwrap_err();
        let CallError::InvalidOutput(message) = &error else { panic!("{error}") };
        assert!(message.contains(says), "{message} does not say {says:?}");
    }
}

#[test]
fn only_keyed_operators_may_import_maps() {
    let component = wat::parse_str(
        "(component
           (import \"weir:operator/maps@0.1.0\" (instance))
           (core module $m (func (export \"f\")))
           (core instance $c (instantiate $m))
           (func $f (canon lift (core func $c \"f\")))
           (instance $transform (export \"process\" (func $f)))
           (export \"weir:operator/transform@0.1.0\" (instance $transform)))",
    );
    let error = HOST.load_bytes(&component.unwrap(), "op.wasm").map(|_| ()).unwrap_err();
    assert!(matches!(error, LoadError::OtherWorldImport { .. }), "{error}");
    assert!(error.to_string().contains("is only for a keyed-operator"), "{error}");
}
