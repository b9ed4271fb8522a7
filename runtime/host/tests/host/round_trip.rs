//! What goes in comes out: every type, every world, any slice.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Date32Array, Int64Array};
use arrow::buffer::{BooleanBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field, Fields};
use proptest::prelude::*;
use weir_host::{CallError, GuestClock, Rows, Selection, States, TimeDomain, Timers};

use crate::data::{Random, all_types, column};
use crate::guest::{Guest, Image, echo, int64, spec};

fn fields(nullable: bool) -> Fields {
    let field = |(i, data_type): (usize, &DataType)| Field::new(format!("c{i}"), data_type.clone(), nullable);
    all_types().iter().enumerate().map(field).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_type_comes_back_as_it_went_in(seed in any::<u64>(), rows in 0_usize..70, from in 0_usize..70, nullable: bool) {
        thread_local! {
            static GUESTS: [(Fields, std::cell::RefCell<weir_host::Instance>); 2] = [false, true].map(|nullable| {
                let fields = fields(nullable);
                let guest = echo(&fields).instantiate(spec(&fields)).unwrap();
                (fields, guest.into())
            });
        }
        GUESTS.with(|guests| {
            let (fields, guest) = &guests[usize::from(nullable)];
            let random = &mut Random(seed);
            let whole = fields.iter().map(|f| column(f.data_type(), nullable, rows + from, random));
            let columns: Vec<ArrayRef> = whole.map(|c| c.slice(from, rows)).collect();
            let times: Vec<i64> = (0..rows as i64).collect();
            let given = Rows { rows, columns: &columns, event_times: Some(&times) };
            let deltas = guest.borrow_mut().transform(0, &given).unwrap().outputs;
            prop_assert_eq!(deltas.len(), 1);
            prop_assert_eq!(&deltas[0].selection, &Selection::All);
            for (out, column) in deltas[0].computed.iter().zip(&columns) {
                out.to_data().validate_full().unwrap();
                prop_assert_eq!(out, column);
                prop_assert_eq!(out.null_count(), column.null_count());
            }
            prop_assert_eq!(deltas[0].computed.len(), columns.len());
            let times = (rows > 0).then(|| ScalarBuffer::from(times));
            prop_assert_eq!(&deltas[0].event_times, &times);
            Ok(())
        })?;
    }
}

#[test]
fn times_that_nothing_can_write_are_refused() {
    let fields: Fields = vec![Field::new("day", DataType::Date32, true)].into();
    let mut guest = echo(&fields).instantiate(spec(&fields)).unwrap();
    let mut answer = |days: Vec<Option<i32>>, time: i64| {
        let columns: Vec<ArrayRef> = vec![Arc::new(Date32Array::from(days))];
        let times = [0, time];
        let given = Rows { rows: 2, columns: &columns, event_times: Some(&times) };
        guest.transform(0, &given).map(drop).map_err(|error| error.to_string())
    };
    answer(vec![Some(0), None], 1).unwrap();
    let error = answer(vec![None, Some(i32::MAX)], 1).unwrap_err();
    assert!(error.contains("column \"day\": row 1 has a date or a time outside of the years"), "{error}");
    let error = answer(vec![None, Some(1)], i64::MAX).unwrap_err();
    assert!(error.contains("an event time of 9223372036854775807 microseconds"), "{error}");
}

fn states(rows: usize) -> (Fields, States) {
    let fields: Fields =
        vec![Field::new("sum", DataType::Int64, false), Field::new("last", DataType::Utf8, true)].into();
    let random = &mut Random(7);
    let present = BooleanBuffer::from((0..rows).map(|key| key % 3 != 1).collect::<Vec<_>>());
    let sums = (0..rows).map(|key| present.value(key).then_some(key as i64));
    let columns: Vec<ArrayRef> =
        vec![Arc::new(sums.collect::<Int64Array>()), column(&DataType::Utf8, true, rows, random)];
    (fields, States { keys: rows, present: Some(present), columns })
}

/// A keyed operator that changes every key to what it was, and registers or forgets the timers that it is asked for.
fn keyed_echo(state: &Fields) -> Vec<u8> {
    let mut image = Image::default();
    let plan = image.plan(1, &Fields::empty(), Some(state));
    let delta = image.words(&[0; 9]);
    let keys = image.words(&[1, 0]);
    let times = image.words(&[5, 0, u32::MAX, u32::MAX]);
    let timers = image.words(&[0, keys, 8, times, 16]);
    // outputs, rejected, changed, states, maps, add, remove
    let answer = image.words(&[0, delta, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, timers, 1, 0, 0]);
    // The arguments are too many for parameters: they come as one record.
    let copy = |from: u32| {
        (0..5).fold(String::new(), |body, word| {
            body + &format!(
                "(i32.store (i32.const {}) (i32.load offset={} (local.get $at)))",
                answer + 32 + 4 * word,
                from + 4 * word
            )
        }) + &format!("(i32.const {answer})")
    };
    let functions = vec![
        ("weir:operator/keyed@0.1.0#process", "(param $at i32) (result i32)", copy(40)),
        ("weir:operator/keyed@0.1.0#on-timer", "(param $at i32) (result i32)", copy(48)),
        (
            "weir:operator/keyed@0.1.0#migrate",
            "(param $version i32) (param $layout i32) (param $layout_len i32) (param $keys i32) (param $present i32) \
             (param $present_len i32) (param $columns i32) (param $columns_len i32) (result i32)",
            format!(
                "(i32.store (i32.const {at}) (i32.sub (local.get $version) (i32.const 1)))
                 (i32.store offset=4 (i32.const {at}) (local.get $columns))
                 (i32.store offset=8 (i32.const {at}) (select (local.get $columns_len) (i32.const 0)
                   (i32.eq (local.get $version) (i32.const 1)))) (i32.const {at})",
                at = image.words(&[0; 3]),
            ),
        ),
    ];
    Guest { world: "keyed-operator", image, plan, prelude: "", functions }.bytes()
}

#[test]
fn states_and_timers_come_back_as_they_went_in() {
    let (fields, states) = states(11);
    let mut guest = crate::guest::instance(&keyed_echo(&fields));
    let column: ArrayRef = Arc::new(Int64Array::from_iter_values(0..20));
    let rows = Rows { rows: 20, columns: &[column], event_times: Some(&[3; 20]) };
    let key_of_row: Vec<u32> = (0..20).map(|row| row % 11).collect();
    let clock = GuestClock { watermark: None, processing_time: 9 };
    let timers = Timers { domain: TimeDomain::EventTime, keys: vec![1, 0].into(), times: vec![5, -1].into() };

    let processed = guest.keyed(0, &rows, &key_of_row, &states, clock, None).unwrap();
    let keys: ArrayRef = Arc::new(Int64Array::from(vec![1, 0]));
    let keys = Rows { rows: 2, columns: &[keys], event_times: None };
    let fired = guest.on_timer(&timers, &keys, &states, clock, None).unwrap();
    for delta in [processed, fired] {
        assert_eq!(delta.changed, Selection::All);
        assert_eq!(delta.states.present, states.present);
        assert_eq!(delta.states.columns, states.columns);
        assert_eq!(delta.register, std::slice::from_ref(&timers));
        assert_eq!(delta.delete, []);
        assert_eq!(delta.outputs[0].selection, Selection::All);
    }

    let layout = arrow::datatypes::Schema::new(fields);
    assert_eq!(guest.migrate(1, &layout, &states).unwrap(), states.columns);
    // It answers err("") to version 2.
    assert!(matches!(guest.migrate(2, &layout, &states), Err(CallError::Call(_))));
}

#[test]
fn accumulators_come_back_as_they_went_in() {
    let state = states(0).0;
    let mut image = Image::default();
    let plan = image.plan(1, &state, Some(&state));
    let answer = image.words(&[0; 5]);
    let give = |columns: &str| {
        format!(
            "(i32.store offset=4 (i32.const {answer}) (local.get {columns}))
             (i32.store offset=8 (i32.const {answer}) (local.get {columns}_len)) (i32.const {answer})"
        )
    };
    let of_states = "(param i32 i32 i32) (param $columns i32) (param $columns_len i32)";
    let accumulate = format!("(param i32 i32 i32 i32 i32 i32 i32) (param i32 i32) {of_states} (result i32)");
    let merge = format!("{of_states} (param i32 i32 i32 i32 i32) (result i32)");
    let finish = format!("{of_states} (result i32)");
    let functions = vec![
        ("weir:operator/aggregate@0.1.0#accumulate", accumulate.as_str(), give("$columns")),
        ("weir:operator/aggregate@0.1.0#merge", merge.as_str(), give("$columns")),
        ("weir:operator/aggregate@0.1.0#finish", finish.as_str(), give("$columns")),
    ];
    let guest = Guest { world: "aggregate-operator", image, plan, prelude: "", functions };
    let mut guest = guest.load().instantiate(spec(&int64())).unwrap();

    let all = States { present: None, ..states(1).1 };
    let column: ArrayRef = Arc::new(Int64Array::from(vec![4, 5]));
    let rows = Rows { rows: 2, columns: &[column], event_times: Some(&[0, 0]) };
    assert_eq!(guest.accumulate(&rows, &[0, 0], &all).unwrap().accumulators, all.columns);
    assert_eq!(guest.merge(&all, &all).unwrap(), all.columns);
    assert_eq!(guest.finish(&all).unwrap(), all.columns);
    // Key 1 has no accumulator, so its columns are null: it may not stay so.
    let error = guest.accumulate(&rows, &[0, 1], &states(2).1).unwrap_err();
    assert!(matches!(&error, CallError::InvalidOutput(why) if why.contains("null")), "{error}");
}

#[test]
fn arguments_that_do_not_fit_are_the_callers_fault() {
    let mut guest = echo(&int64()).instantiate(spec(&int64())).unwrap();
    let column: ArrayRef = Arc::new(Int64Array::from(vec![4, 5]));
    let other: ArrayRef = Arc::new(arrow::array::Int32Array::from(vec![4, 5]));
    for (input, columns, rows, times) in [
        (1, vec![Arc::clone(&column)], 2, 2),
        (0, vec![], 2, 2),
        (0, vec![Arc::clone(&column)], 3, 3),
        (0, vec![Arc::clone(&column)], 2, 1),
        (0, vec![other], 2, 2),
    ] {
        let times = vec![0; times];
        let rows = Rows { rows, columns: &columns, event_times: Some(&times) };
        let error = guest.transform(input, &rows).unwrap_err();
        assert!(matches!(error, CallError::Arguments(_)) && error.is_fatal(), "{error}");
    }
    assert_eq!(column.len(), 2);
}
