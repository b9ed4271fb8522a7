//! The window operators against a model that takes rows one by one, as Flink describes them: the same results at every step,
//! for any rows, batches, watermarks, lateness, and snapshots restored at any parallelism.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod driver;
mod given;
mod model;
mod parts;
mod trigger_model;
mod triggers;

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use proptest::prelude::*;
use weir_core::time::{WATERMARK_MAX, WATERMARK_MIN};
use weir_core::window::WindowAssigner;
use weir_engine::dataflow::operator::Outputs;
use weir_engine::nodes::window::RESULT_ROWS_MAX;

use driver::{Driver, sorted};
use given::{Case, Op, REFUSED, Row, Step};
use model::Model;

fn row() -> impl Strategy<Value = Row> {
    let value = prop_oneof![1 => Just(None), 8 => (-3..4i64).prop_map(Some), 1 => Just(Some(REFUSED))];
    (prop::option::weighted(0.9, 0..3i64), 0..40i64, value).prop_map(|(key, time, value)| Row { key, time, value })
}

fn window() -> impl Strategy<Value = WindowAssigner> {
    prop_oneof![
        (1..12i64, -12..12i64).prop_map(|(size, offset)| WindowAssigner::Tumbling { size, offset: offset % size }),
        (1..12i64, 1..12i64, -12..12i64).prop_map(|(size, slide, offset)| WindowAssigner::Sliding {
            size,
            slide,
            offset: offset % slide
        }),
        (1..6i64).prop_map(|gap| WindowAssigner::Session { gap }),
    ]
}

fn case() -> impl Strategy<Value = Case> {
    let op = prop_oneof![
        5 => prop::collection::vec(row(), 0..12).prop_map(Op::Rows),
        3 => (0..45i64).prop_map(Op::Watermark),
        1 => (1..4usize).prop_map(Op::Restore),
    ];
    let lateness = prop_oneof![Just(0i64), 0..15i64];
    let ops = prop::collection::vec(op, 1..14);
    let parts = (prop_oneof![1..4usize, Just(RESULT_ROWS_MAX)], prop::option::of(0..3usize));
    (window(), lateness, any::<bool>(), any::<bool>(), parts, ops).prop_map(
        |(window, lateness, keyed, component, (rows_max, between_parts), mut ops)| {
            ops.push(Op::Watermark(WATERMARK_MAX));
            Case { window, lateness, keyed, component, rows_max, between_parts, ops }
        },
    )
}

/// Runs a case step by step in both; returns the rows that the model calls late.
fn check(case: &Case, driver: &mut Driver<'_>, late_output: bool) -> usize {
    let mut model = Model { case, watermark: WATERMARK_MIN, windows: BTreeMap::new() };
    let mut late = 0;
    for (index, op) in case.ops.iter().enumerate() {
        let (mut expected, mut out) = (Step::default(), Outputs::default());
        match op {
            Op::Rows(rows) => {
                rows.iter().for_each(|row| model.row(row, &mut expected));
                driver.rows(rows, &mut out);
            }
            Op::Watermark(watermark) if *watermark > model.watermark => {
                model.watermark(*watermark, &mut expected);
                driver.watermark(*watermark, &mut out);
            }
            Op::Watermark(_) => {}
            Op::Restore(parallelism) => driver.restore(*parallelism),
        }
        late += expected.late.len();
        if !late_output {
            expected.late.clear();
        }
        assert_eq!(sorted(driver.step(out)), sorted(expected), "step {index}: {op:?}");
    }
    late
}

fn late_rows(driver: &Driver<'_>) -> usize {
    driver.spec.metrics.rows_late.load(Ordering::Relaxed) as usize
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn windows_are_those_of_the_model(case in case(), late_output in any::<bool>()) {
        let mut driver = Driver::new(&case, late_output, false);
        let late = check(&case, &mut driver, late_output);
        prop_assert_eq!(late_rows(&driver), late);
    }

    #[test]
    fn combining_ahead_changes_nothing(mut case in case()) {
        case.lateness = 0;
        case.component = false;
        // The combining step drops rows in gaps between windows without knowing whether they are late.
        if let WindowAssigner::Sliding { size, slide, .. } = &mut case.window {
            *size = (*size).max(*slide);
        }
        let mut driver = Driver::new(&case, false, true);
        let late = check(&case, &mut driver, false);
        prop_assert_eq!(late_rows(&driver), late);
    }
}
