//! Bad rows are found, whatever way they fail, and every other row is processed exactly once, in order.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array};
use arrow::datatypes::Int64Type;
use proptest::prelude::*;
use weir_host::{CallError, Failure, Rows, isolate};

use crate::guest::{instance, int64, transform};

#[derive(Debug)]
struct Fatal;

impl From<CallError> for Fatal {
    fn from(_: CallError) -> Self {
        Self
    }
}

proptest! {
    #[test]
    fn good_rows_are_processed_once_in_order(
        rows in 0_usize..500,
        poison in prop::collection::btree_set(0_usize..500, 0..40),
        crowd in 1_usize..700,
    ) {
        let poison: BTreeSet<_> = poison.into_iter().filter(|row| *row < rows).collect();
        let (mut seen, mut failed, mut succeeded) = (Vec::new(), 0, 0);
        let log = std::cell::RefCell::new(&mut seen);
        let result = isolate(
            0..rows,
            || false,
            |range: Range<usize>| -> Result<(), Failure<Fatal>> {
                failed += 1;
                // Too many rows at once fail too, as if memory were short.
                if range.len() > crowd {
                    return Err(CallError::MemoryLimit { limit_bytes: 1, place: String::new() }.into());
                }
                match poison.range(range.clone()).next() {
                    Some(_) => Err(CallError::Call("bad".into()).into()),
                    None => {
                        (failed, succeeded) = (failed - 1, succeeded + 1);
                        log.borrow_mut().extend(range.map(|row| (row, true)));
                        Ok(())
                    }
                }
            },
            |row, _| {
                log.borrow_mut().push((row, false));
                Ok(())
            },
        );
        prop_assert!(result.is_ok());
        let expected: Vec<_> = (0..rows).map(|row| (row, !poison.contains(&row))).collect();
        prop_assert_eq!(seen, expected);
        if rows <= crowd {
            prop_assert!(failed <= 1 + 2 * poison.len(), "{} calls failed", failed);
            prop_assert!(succeeded <= 1 + rows.div_ceil(64) + 64 * poison.len(), "{} calls succeeded", succeeded);
        }
    }
}

#[test]
fn fatal_errors_stop_at_once() {
    let mut calls = 0;
    let mut run = |error: fn() -> Failure<Fatal>| {
        isolate(
            0..100,
            || false,
            |_| -> Result<(), _> {
                calls += 1;
                Err(error())
            },
            |_, _| Ok(()),
        )
        .unwrap_err();
    };
    run(|| Failure::Fatal(Fatal));
    run(|| CallError::Arguments("wrong".into()).into());
    assert_eq!(calls, 2);
    // `bad` may refuse to continue.
    let result = isolate(0..100, || false, |_| Err(CallError::Call(String::new()).into()), |_, _| Err(Fatal));
    assert!(result.is_err());
}

/// Rows of which every third fails, and that fail together.
fn run(rows: Range<usize>, pauses: impl FnMut() -> bool) -> (usize, Vec<usize>, Vec<usize>) {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    let left = isolate(
        rows,
        pauses,
        |range: Range<usize>| -> Result<(), Failure<Fatal>> {
            if range.len() > 1 || range.start.is_multiple_of(3) {
                return Err(CallError::Call("bad".into()).into());
            }
            good.push(range.start);
            Ok(())
        },
        |row, _| {
            bad.push(row);
            Ok(())
        },
    );
    (left.unwrap(), good, bad)
}

#[test]
fn a_pause_leaves_the_rows_that_are_not_done_and_always_makes_progress() {
    let (mut from, mut good, mut bad) = (0, Vec::new(), Vec::new());
    let mut rounds = 0;
    while from < 50 {
        let (left, more_good, more_bad) = run(from..50, || true);
        assert!(left > from);
        (from, rounds) = (left, rounds + 1);
        good.extend(more_good);
        bad.extend(more_bad);
    }
    assert!(rounds > 10, "{rounds}");
    assert_eq!(good, (0..50).filter(|row| row % 3 != 0).collect::<Vec<_>>());
    assert_eq!(bad, (0..50).step_by(3).collect::<Vec<_>>());
}

/// A real guest that traps on any batch with the value 13 in it.
#[test]
fn a_guest_that_traps_loses_the_bad_rows_only() {
    let component = transform(&int64(), |image| {
        let delta = image.words(&[0; 9]);
        let answer = image.words(&[0, delta, 1, 0, 0]);
        // columns -> array -> buffers -> the second's pointer: the values.
        format!(
            "(local $at i32) (local $end i32)
             (local.set $at (i32.load offset=8 (i32.load offset=8 (local.get $columns))))
             (local.set $end (i32.add (local.get $at) (i32.mul (local.get $rows) (i32.const 8))))
             (block $done (loop $next
               (br_if $done (i32.eq (local.get $at) (local.get $end)))
               (if (i64.eq (i64.load (local.get $at)) (i64.const 13)) (then unreachable))
               (local.set $at (i32.add (local.get $at) (i32.const 8)))
               (br $next)))
             (i32.store (i32.const {0}) (local.get $columns)) (i32.store (i32.const {1}) (i32.const 1))
             (i32.const {answer})",
            delta + 12,
            delta + 16,
        )
    });
    let mut guest = instance(&component);
    let values: Vec<i64> = (0..50).map(|i| if i % 9 == 4 { 13 } else { 100 + i }).collect();
    let column: ArrayRef = Arc::new(Int64Array::from(values.clone()));
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    isolate(
        0..values.len(),
        || false,
        |range| -> Result<(), Failure<CallError>> {
            let columns = [column.slice(range.start, range.len())];
            let times = vec![0; range.len()];
            let rows = Rows { rows: range.len(), columns: &columns, event_times: Some(&times) };
            for delta in guest.transform(0, &rows)?.outputs {
                good.extend(delta.computed[0].as_primitive::<Int64Type>().values().iter().copied());
            }
            Ok(())
        },
        |row, reason| {
            assert!(reason.contains("unreachable"), "{reason}");
            bad.push(row);
            Ok(())
        },
    )
    .unwrap();
    assert_eq!(bad, (0..50).filter(|i| i % 9 == 4).collect::<Vec<_>>());
    assert_eq!(good, values.into_iter().filter(|v| *v != 13).collect::<Vec<_>>());
}
