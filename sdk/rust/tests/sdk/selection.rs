//! What a delta says: which rows are passed on, at what time, and which row is to blame.

use weir_sdk::testing::Table;
use weir_sdk::transform::{ColumnTransform, Connected, Emitter, Outputs, Process, Row, RowError, Transform};
use weir_sdk::wire::{Batch, Input, Selection};
use weir_sdk::{Timestamp, TimestampNanos, testing};

#[derive(Row, Clone)]
struct Times {
    times: u64,
}

#[derive(Row)]
#[row(keep_all)]
struct Kept;

/// Emits a row as often as it says.
#[derive(serde::Deserialize)]
struct Repeat;

impl Transform for Repeat {
    type Input<'a> = Times;
    type Output<'a> = Kept;

    fn process(&self, row: Times, out: &mut Emitter<Kept>) -> Result<(), RowError> {
        out.emit_all((0..row.times).map(|_| Kept));
        Ok(())
    }
}

/// Keeps the rows that say so.
#[derive(serde::Deserialize)]
struct Filter;

impl ColumnTransform for Filter {
    type Input<'a> = Times;
    type Output<'a> = Kept;

    fn process_columns(&self, rows: &TimesColumns<'_>, _: usize, out: &mut Emitter<Kept>) -> Result<(), RowError> {
        out.emit_where(rows.times.iter().map(|times| times > 0), || Kept);
        Ok(())
    }
}

fn selection<Op: ColumnTransform>(operator: Op, times: &[u64]) -> Selection {
    let input = Table::of(&times.iter().map(|times| Times { times: *times }).collect::<Vec<_>>());
    let (connected, _) =
        Connected::connect(operator, &[Input { columns: input.fields().to_vec(), ..Input::default() }]).unwrap();
    let batch = Batch { rows: times.len() as u32, columns: input.arrays().to_vec(), ..Batch::default() };
    connected.process(batch).unwrap().outputs.remove(0).rows
}

#[test]
fn a_selection_says_as_little_as_it_can() {
    let rows = |rows: &[u32]| Selection::Indices(rows.iter().flat_map(|row| row.to_le_bytes()).collect());
    let cases: [(&[u64], Selection); 8] = [
        (&[], Selection::Empty),
        (&[0, 0], Selection::Empty),
        (&[1, 1, 1], Selection::All),
        (&[1, 1, 0], rows(&[0, 1])),
        (&[0, 1, 1], rows(&[1, 2])),
        (&[1, 2, 1], rows(&[0, 1, 1, 2])),
        (&[2, 0, 1], rows(&[0, 0, 2])),
        (&[0, 0, 3], rows(&[2, 2, 2])),
    ];
    for (times, expected) in cases {
        assert_eq!(selection(Repeat, times), expected, "{times:?}");
        // On columns every row comes at most once.
        let at_most_once: Vec<u64> = times.iter().map(|times| (*times).min(1)).collect();
        let kept: Vec<u32> = (0..).zip(&at_most_once).filter(|(_, times)| **times == 1).map(|(row, _)| row).collect();
        match selection(Filter, &at_most_once) {
            Selection::Empty => assert!(kept.is_empty()),
            Selection::All => assert_eq!(kept.len(), times.len()),
            listed => assert_eq!(listed, rows(&kept)),
        }
    }
}

#[test]
fn rows_go_to_the_output_that_they_are_for() {
    #[derive(Row, Debug, PartialEq)]
    struct Even {
        half: u64,
    }
    #[derive(Row, Debug, PartialEq)]
    #[row(keep_all)]
    struct Odd<'a> {
        why: &'a str,
    }
    #[derive(Outputs)]
    enum Split<'a> {
        Even(Even),
        #[output(name = "rejected")]
        Odd(Odd<'a>),
    }
    #[derive(serde::Deserialize)]
    struct Splits;
    impl Transform for Splits {
        type Input<'a> = Times;
        type Output<'a> = Split<'a>;
        fn process<'a>(&self, row: Times, out: &mut Emitter<Split<'a>>) -> Result<(), RowError> {
            out.emit(match row.times % 2 {
                0 => Split::Even(Even { half: row.times / 2 }),
                _ => Split::Odd(Odd { why: "odd" }),
            });
            Ok(())
        }
    }
    #[derive(Row, Debug, PartialEq)]
    struct Rejected<'a> {
        times: u64,
        why: &'a str,
    }
    let results = testing::transform(Splits, &[4, 3, 2, 1].map(|times| Times { times })).unwrap();
    assert_eq!(results.main::<Even>(), [Even { half: 2 }, Even { half: 1 }]);
    let rejected = results.output("rejected");
    assert_eq!(rejected.rows::<Rejected>(), [3, 1].map(|times| Rejected { times, why: "odd" }));
}

#[test]
fn a_bad_row_is_named_by_its_index() {
    #[derive(Row)]
    struct Text<'a> {
        number: &'a str,
    }
    #[derive(Row)]
    struct Number {
        number: i64,
    }
    #[derive(serde::Deserialize)]
    struct Parse;
    impl Transform for Parse {
        type Input<'a> = Text<'a>;
        type Output<'a> = Number;
        fn process(&self, row: Text<'_>, out: &mut Emitter<Number>) -> Result<(), RowError> {
            out.emit(Number { number: row.number.parse()? });
            Ok(())
        }
    }
    let results = testing::transform(Parse, &["1", "2", "three", "4"].map(|number| Text { number })).unwrap();
    assert_eq!(results.rejected(), [(2, "invalid digit found in string")]);
    assert_eq!(results.main::<Number>().iter().map(|row| row.number).collect::<Vec<_>>(), [1, 2, 4]);
}

#[test]
fn a_null_without_a_place_is_a_bad_row() {
    #[derive(Row)]
    struct Given {
        list: Option<Vec<Option<i64>>>,
        inner: Option<Inner>,
    }
    #[derive(Row)]
    struct Inner {
        price: Option<i64>,
    }
    #[derive(Row)]
    struct Wanted {
        list: Option<Vec<i64>>,
        inner: Option<Priced>,
    }
    #[derive(Row)]
    struct Priced {
        price: i64,
    }
    #[derive(serde::Deserialize)]
    struct Reads;
    impl Transform for Reads {
        type Input<'a> = Wanted;
        type Output<'a> = ();
        fn process(&self, row: Wanted, _: &mut Emitter<()>) -> Result<(), RowError> {
            let price = row.inner.map_or(0, |inner| inner.price);
            let sum: i64 = row.list.unwrap_or_default().into_iter().sum();
            if price + sum == 3 { Ok(()) } else { Err(RowError::new("other values were read")) }
        }
    }
    let inner = |price| Some(Inner { price });
    let good = || {
        vec![
            Given { list: Some(vec![Some(1), Some(2)]), inner: None },
            Given { list: None, inner: inner(Some(3)) },
            Given { list: Some(vec![]), inner: inner(Some(3)) },
        ]
    };
    assert_eq!(testing::transform(Reads, &good()).unwrap().rejected(), []);
    for (bad, column) in [
        (Given { list: Some(vec![Some(3), None]), inner: None }, "list"),
        (Given { list: None, inner: inner(None) }, "inner"),
    ] {
        let mut rows = good();
        rows.insert(2, bad);
        let reason = format!("column {column:?} is null, and the operator has no place for that (Option)");
        assert_eq!(testing::transform(Reads, &rows).unwrap().rejected(), [(2, reason.as_str())]);
    }
}

#[test]
fn an_instant_beyond_a_finer_unit_is_refused() {
    #[derive(Row)]
    struct Given {
        at: Timestamp,
        maybe: Option<Timestamp>,
        list: Vec<Timestamp>,
    }
    #[derive(Row)]
    struct Wanted {
        at: TimestampNanos,
        maybe: Option<TimestampNanos>,
        list: Vec<TimestampNanos>,
    }
    #[derive(serde::Deserialize)]
    struct Reads;
    impl Transform for Reads {
        type Input<'a> = Wanted;
        type Output<'a> = Wanted;
        fn process(&self, row: Wanted, out: &mut Emitter<Wanted>) -> Result<(), RowError> {
            out.emit(row);
            Ok(())
        }
    }
    let (most, beyond) = (Timestamp(i64::MAX / 1000), Timestamp(i64::MAX / 1000 + 1));
    let given = |at, maybe, list| Given { at, maybe, list };
    let rows = [
        given(most, Some(most), vec![most]),
        given(beyond, None, vec![]),
        given(most, Some(beyond), vec![]),
        given(most, None, vec![most, beyond]),
    ];
    let results = testing::transform(Reads, &rows).unwrap();
    let nanos = TimestampNanos(i64::MAX / 1000 * 1000);
    let kept: Vec<_> = results.main::<Wanted>().into_iter().map(|row| (row.at, row.maybe, row.list)).collect();
    assert_eq!(kept, [(nanos, Some(nanos), vec![nanos])]);
    let reasons = ["at", "maybe", "list"].map(|column| format!("column {column:?} is out of range in nanoseconds"));
    let refused: Vec<_> = reasons.iter().enumerate().map(|(row, reason)| (row + 1, reason.as_str())).collect();
    assert_eq!(results.rejected(), refused);
}

#[test]
fn event_times_go_in_and_out() {
    #[derive(Row)]
    struct Stamped {
        late_by: i64,
        #[row(event_time)]
        at: Timestamp,
    }
    #[derive(Row)]
    #[row(keep_all)]
    struct Corrected {
        #[row(event_time)]
        at: Timestamp,
    }
    #[derive(serde::Deserialize)]
    struct Correct;
    impl Transform for Correct {
        type Input<'a> = Stamped;
        type Output<'a> = Corrected;
        fn process(&self, row: Stamped, out: &mut Emitter<Corrected>) -> Result<(), RowError> {
            out.emit(Corrected { at: Timestamp(row.at.0 - row.late_by) });
            Ok(())
        }
    }
    let stamped = |at, late_by| Stamped { at: Timestamp(at), late_by };
    let results = testing::transform(Correct, &[stamped(10, 1), stamped(5, 0)]).unwrap();
    assert_eq!(results.output("main").event_times(), [9, 5]);
}

#[test]
fn lines_and_figures_are_kept() {
    weir_sdk::log::warn!("{} of {}", 1, 2);
    weir_sdk::metrics::count("bad", 3);
    assert_eq!(testing::log_lines(), [(weir_sdk::log::Level::Warn, "1 of 2".to_owned())]);
    assert_eq!(testing::metrics(), [testing::Metric::Count("bad".to_owned(), 3)]);
    assert_eq!((testing::log_lines().len(), testing::metrics().len()), (0, 0));
}
