//! A refused row leaves no trace: a batch with refused rows gives what the batch without them gives. The operators here refuse a row
//! after they have emitted rows and changed states and timers.

use proptest::prelude::*;
use weir_sdk::aggregate::Aggregate;
use weir_sdk::keyed::{KeyContext, Keyed, Map, MapLayout, Prefetch, Timer, Timestamp};
use weir_sdk::testing::{self, KeyedHarness, Results};
use weir_sdk::transform::{ColumnTransform, Emitter, Outputs, Row, RowError, Transform};

#[derive(Row, Clone, Debug, PartialEq)]
struct Given {
    key: i64,
    value: i64,
    note: Option<String>,
    bad: bool,
}

#[derive(Row, Debug, PartialEq)]
#[row(keep(key))]
struct Doubled {
    value: i64,
    note: Option<String>,
    history: Vec<i64>,
    positive: bool,
}

#[derive(Row, Debug, PartialEq)]
#[row(keep_all)]
struct Odd;

#[derive(Outputs)]
enum Split {
    Doubled(Doubled),
    Odd(Odd),
}

fn refuse(row: &Given) -> Result<(), RowError> {
    if row.bad { Err(RowError::new(format!("bad {}", row.value))) } else { Ok(()) }
}

fn doubled(row: &Given, history: &[i64]) -> Doubled {
    Doubled { value: row.value * 2, note: row.note.clone(), history: history.to_vec(), positive: row.value > 0 }
}

#[derive(serde::Deserialize)]
struct Splits;

impl Transform for Splits {
    type Input<'a> = Given;
    type Output<'a> = Split;

    fn process(&self, row: Given, out: &mut Emitter<Split>) -> Result<(), RowError> {
        out.emit_all((0..row.value % 3).map(|n| Split::Doubled(doubled(&row, &[n]))));
        if row.value % 2 == 1 {
            out.emit(Split::Odd(Odd));
        }
        refuse(&row)
    }
}

/// As `Splits`, on columns: it emits everything, then refuses.
#[derive(serde::Deserialize)]
struct Columns;

impl ColumnTransform for Columns {
    type Input<'a> = Given;
    type Output<'a> = Doubled;

    fn process_columns(
        &self,
        given: &GivenColumns<'_>,
        rows: usize,
        out: &mut Emitter<Doubled>,
    ) -> Result<(), RowError> {
        let row = |row| Given {
            key: given.key.get(row),
            value: given.value.get(row),
            note: given.note.get(row),
            bad: given.bad.get(row),
        };
        out.emit_each((0..rows).map(|at| doubled(&row(at), &[])));
        for at in (0..rows).rev() {
            if let Err(error) = refuse(&row(at)) {
                out.refuse(at, error);
            }
        }
        Ok(())
    }
}

#[derive(Row, Default, Debug, PartialEq)]
struct History {
    values: Vec<i64>,
    note: Option<String>,
}

#[derive(Row, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Remainder {
    by: Option<i64>,
    note: String,
}

#[derive(Row, Clone, Debug, PartialEq)]
struct Sum {
    sum: i64,
    notes: Vec<String>,
}

const SUMS: Map<Remainder, Sum> = Map::new("sums");
const SEEN: Map<Remainder, ()> = Map::new("seen");

/// What a row does to the maps shows in what it returns: it reads, changes, removes and scans entries.
fn change_maps(value: i64, of: &mut KeyContext<'_, (), History>) -> Result<i64, RowError> {
    let remainder = Remainder { by: (value % 4 != 0).then_some(value % 4), note: "x".repeat((value % 2) as usize) };
    let Sum { sum, mut notes } = of.maps.get(&SUMS, &remainder)?.cloned().unwrap_or(Sum { sum: 0, notes: Vec::new() });
    notes.push(value.to_string());
    if value % 6 == 5 {
        of.maps.remove(&SUMS, &remainder)?;
    } else {
        of.maps.insert(&SUMS, remainder.clone(), Sum { sum: sum + value, notes })?;
    }
    if of.maps.get(&SEEN, &remainder)?.is_none() {
        of.maps.insert(&SEEN, remainder.clone(), ())?;
    }
    let after = of.maps.scan(&SUMS, remainder.., 2)?;
    let seen = of.maps.scan(&SEEN, .., 100)?.len() as i64;
    Ok(after.iter().map(|(key, sum)| sum.sum * (1 + key.by.unwrap_or(7)) + sum.notes.len() as i64).sum::<i64>() * 10
        + seen)
}

/// Remembers the values of a key and sets an alarm for each. Both a row and an alarm are refused after they have changed everything.
#[derive(serde::Deserialize)]
struct Remember;

impl Keyed for Remember {
    type Key<'a> = ();
    type Input<'a> = Given;
    type State = History;
    type Output<'a> = Doubled;

    fn process(
        &self,
        row: Given,
        of: &mut KeyContext<'_, (), History>,
        out: &mut Emitter<Doubled>,
    ) -> Result<(), RowError> {
        weir_sdk::metrics::count("rows", 1);
        let of_maps = change_maps(row.value, of)?;
        if row.value == 7 {
            *of.state = None;
        } else if row.value != 8 {
            let history = of.state.get_or_insert_default();
            history.values.extend([row.value, of_maps]);
            history.note.clone_from(&row.note);
        }
        if row.value % 5 == 0 {
            of.timers.delete(Timestamp(row.value + 1));
            of.timers.register_processing_time(Timestamp(row.value));
        }
        of.timers.register(Timestamp(row.value));
        out.emit(doubled(&row, of.state.as_ref().map_or(&[], |history| &history.values)));
        refuse(&row)
    }

    fn maps() -> Vec<MapLayout> {
        vec![SEEN.layout(), SUMS.layout()]
    }

    fn prefetch<'a>(&self, row: &Given, (): &(), entries: &mut Prefetch<'_>) {
        // Not of all rows: the others read for themselves.
        if row.value % 3 == 0 {
            entries.entry(&SUMS, Remainder { by: (row.value % 4 != 0).then_some(row.value % 4), note: String::new() });
        }
    }

    fn on_timer(
        &self,
        timer: Timer,
        of: &mut KeyContext<'_, (), History>,
        out: &mut Emitter<Doubled>,
    ) -> Result<(), RowError> {
        let of_maps = change_maps(timer.time.0, of)?;
        let history = of.state.get_or_insert_default();
        history.values.push(of_maps);
        history.values.push(-timer.time.0);
        let values = history.values.clone();
        of.timers.register(Timestamp(timer.time.0 + 100));
        out.emit(Doubled { value: timer.time.0, note: None, history: values, positive: true });
        if timer.time.0 % 4 == 3 { Err(RowError::new("an alarm of a bad time")) } else { Ok(()) }
    }
}

#[derive(serde::Deserialize)]
struct Concatenate;

#[derive(Row, Debug, PartialEq)]
struct All {
    values: Vec<i64>,
    note: Option<String>,
}

impl Aggregate for Concatenate {
    type Input<'a> = Given;
    type Accumulator = History;
    type Output = All;

    fn accumulate(&self, history: &mut History, row: Given) -> Result<(), RowError> {
        history.values.push(row.value);
        history.note.clone_from(&row.note);
        refuse(&row)
    }

    fn merge(&self, history: &mut History, other: History) {
        history.values.extend(other.values);
        history.note = other.note.or(history.note.take());
    }

    fn finish(&self, history: &History) -> All {
        All { values: history.values.clone(), note: history.note.clone() }
    }
}

/// Rows of few keys, of which a share is bad.
fn rows() -> impl Strategy<Value = Vec<Given>> {
    let row = (0_i64..4, 0_i64..40, prop::option::of("[a-z]{0,3}"), any::<bool>(), any::<bool>());
    let row = row.prop_map(|(key, value, note, bad, maybe)| Given { key, value, note, bad: bad && maybe });
    prop::collection::vec(row, 0..60)
}

fn good(rows: &[Given]) -> Vec<Given> {
    rows.iter().filter(|row| !row.bad).cloned().collect()
}

fn expected_refusals(rows: &[Given]) -> Vec<(usize, String)> {
    let bad = rows.iter().enumerate().filter(|(_, row)| row.bad);
    bad.map(|(at, row)| (at, format!("bad {}", row.value))).collect()
}

fn refusals(results: &Results) -> Vec<(usize, String)> {
    results.rejected().into_iter().map(|(row, reason)| (row, reason.to_owned())).collect()
}

#[derive(Row, Debug, PartialEq)]
struct DoubledOfKey {
    key: i64,
    value: i64,
    note: Option<String>,
    history: Vec<i64>,
    positive: bool,
}

fn main_rows(results: &Results) -> (Vec<DoubledOfKey>, Vec<i64>) {
    (results.main(), results.output("main").event_times())
}

proptest! {
    #[test]
    fn a_transform_gives_what_it_gives_without_the_refused_rows(rows in rows()) {
        let with = testing::transform(Splits, &rows).unwrap();
        let without = testing::transform(Splits, &good(&rows)).unwrap();
        prop_assert_eq!(refusals(&with), expected_refusals(&rows));
        prop_assert_eq!(main_rows(&with), main_rows(&without));
        prop_assert_eq!(with.output("odd").rows::<Given>(), without.output("odd").rows::<Given>());

        let with = testing::transform(Columns, &rows).unwrap();
        let without = testing::transform(Columns, &good(&rows)).unwrap();
        prop_assert_eq!(refusals(&with), expected_refusals(&rows));
        prop_assert_eq!(main_rows(&with), main_rows(&without));
    }

    #[test]
    fn a_keyed_operator_does_what_it_does_without_the_refused_rows(first in rows(), second in rows()) {
        let mut with = KeyedHarness::new(Remember, &["key"]).unwrap();
        let mut without = KeyedHarness::new(Remember, &["key"]).unwrap();
        for rows in [&first, &second] {
            let results = with.process(rows).unwrap();
            prop_assert_eq!(testing::metrics().len(), rows.len());
            let expected = without.process(&good(rows)).unwrap();
            let _ = testing::metrics();
            prop_assert_eq!(refusals(&results), expected_refusals(rows));
            prop_assert_eq!(main_rows(&results), main_rows(&expected));
            prop_assert_eq!(with.states(), without.states());
            prop_assert_eq!(with.entries(), without.entries());
            prop_assert_eq!(with.timers(), without.timers());
        }
        // The states show in what the timers emit.
        let (results, expected) = (with.advance_to(Timestamp(1000)).unwrap(), without.advance_to(Timestamp(1000)).unwrap());
        // Which key's comes first among those of a time is not said.
        let by_time_and_key = |results: &Results| {
            let (rows, times) = main_rows(results);
            let mut rows: Vec<_> = rows.into_iter().zip(times).collect();
            rows.sort_by_key(|(row, time)| (*time, row.key));
            rows
        };
        prop_assert_eq!(by_time_and_key(&results), by_time_and_key(&expected));
        prop_assert_eq!(refusals(&results).len(), refusals(&expected).len());
        let fired = results.output("main").event_times();
        prop_assert_eq!(with.entries(), without.entries());
        prop_assert!(fired.iter().all(|time| time % 4 != 3), "a refused alarm has emitted a row: {fired:?}");
        prop_assert_eq!(with.timers(), without.timers());
    }

    #[test]
    fn an_aggregate_gives_what_it_gives_without_the_refused_rows(first in rows(), second in rows()) {
        let with = testing::aggregate(Concatenate, &[&first, &second]).unwrap();
        let without = testing::aggregate(Concatenate, &[&good(&first), &good(&second)]).unwrap();
        prop_assert_eq!(with.main::<All>(), without.main::<All>());
        prop_assert_eq!(refusals(&with), expected_refusals(&[first, second].concat()));
    }
}

#[test]
fn a_refused_timer_changes_nothing_and_does_not_come_again() {
    let mut alarms = KeyedHarness::new(Remember, &["key"]).unwrap();
    let row = |value| Given { key: 1, value, note: None, bad: false };
    alarms.process(&[row(3), row(4)]).unwrap();
    let _ = testing::metrics();
    let results = alarms.advance_to(Timestamp(50)).unwrap();
    assert_eq!(results.rejected(), [(0, "an alarm of a bad time")]);
    let rows = results.main::<DoubledOfKey>();
    let histories: Vec<Vec<i64>> = rows.into_iter().map(|row| row.history).collect();
    // 3 leaves an entry of its remainder (3, 1 note), 4 another that comes first (4, 1 note); the alarm of 4 adds to that one, while what
    // that of 3 did is taken back.
    let first = 10 * (3 * (1 + 3) + 1) + 1;
    let second = 10 * (4 * (1 + 7) + 1 + 3 * (1 + 3) + 1) + 2;
    let third = 10 * (8 * (1 + 7) + 2 + 3 * (1 + 3) + 1) + 2;
    assert_eq!(histories, [[3, first, 4, second, third, -4]]);
    assert_eq!(alarms.entries(), 4);
    assert_eq!(alarms.timers(), [Timestamp(104)]);
    assert_eq!(alarms.advance_to(Timestamp(60)).unwrap().rejected(), []);
}

#[test]
fn a_timer_of_processing_time_fires_when_the_wall_clock_reaches_it() {
    let mut alarms = KeyedHarness::new(Remember, &["key"]).unwrap();
    alarms.process(&[Given { key: 1, value: 5, note: None, bad: false }]).unwrap();
    let _ = testing::metrics();
    assert!(alarms.advance_processing_time_to(Timestamp(4)).unwrap().main::<DoubledOfKey>().is_empty());
    let results = alarms.advance_processing_time_to(Timestamp(5)).unwrap();
    assert_eq!(results.main::<DoubledOfKey>().len(), 1);
    assert_eq!(alarms.timers(), [Timestamp(5), Timestamp(105)]);
}

/// Emits a row of the row before it, and is refused.
#[derive(serde::Deserialize)]
struct EmitsForOthers;

impl Transform for EmitsForOthers {
    type Input<'a> = Given;
    type Output<'a> = Odd;

    fn process(&self, row: Given, out: &mut Emitter<Odd>) -> Result<(), RowError> {
        out.emit_from(0, Odd);
        refuse(&row)
    }
}

#[test]
fn a_refused_row_that_emitted_rows_of_others_fails_the_call() {
    let row = |bad| Given { key: 1, value: 5, note: None, bad };
    assert!(testing::transform(EmitsForOthers, &[row(false), row(false)]).is_ok());
    let error = testing::transform(EmitsForOthers, &[row(false), row(true)]).unwrap_err();
    assert!(error.to_string().contains("emits rows of other rows"), "{error}");
}
