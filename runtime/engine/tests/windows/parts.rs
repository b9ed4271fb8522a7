//! Results of many windows, keys and late rows come in parts.

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use weir_core::time::WATERMARK_MAX;
use weir_core::window::WindowAssigner;
use weir_engine::dataflow::operator::{Operator, Outputs, Progress, Time};
use weir_engine::nodes::window::{RESULT_ROWS_MAX, window_operator};

use crate::given::{Case, Row, batch, spec};

/// Rows without keys or values at these times.
fn rows_at(times: impl IntoIterator<Item = i64>) -> Vec<Row> {
    times.into_iter().map(|time| Row { key: Some(0), time, value: Some(1) }).collect()
}

fn plain_case(window: WindowAssigner, lateness: i64, rows_max: usize) -> Case {
    Case { window, lateness, keyed: true, component: false, rows_max, between_parts: None, ops: Vec::new() }
}

/// Calls `more` until all is emitted; returns the rows of each part.
fn parts(operator: &mut dyn Operator, first: Progress, mut out: Outputs) -> Vec<usize> {
    let mut parts = Vec::new();
    let mut progress = first;
    loop {
        parts.push(out.take().iter().map(|(_, batch)| batch.len()).sum());
        if progress == Progress::Done {
            return parts;
        }
        progress = operator.more(&mut out).unwrap();
    }
}

#[test]
fn many_windows_over_few_rows_are_emitted_in_parts() {
    let window = WindowAssigner::Sliding { size: 1_000_000, slide: 1, offset: 0 };
    let case = plain_case(window, 0, RESULT_ROWS_MAX);
    let mut operator = window_operator(spec(&case, false)).unwrap();
    let mut out = Outputs::default();
    assert_eq!(operator.process(0, batch(&rows_at([0, 3, 4])), &mut out).unwrap(), Progress::Done);
    let first = operator.on_time(Time::Watermark(WATERMARK_MAX), &mut out).unwrap();
    let parts = parts(operator.as_mut(), first, out);
    assert!(parts.iter().all(|rows| (1..=RESULT_ROWS_MAX).contains(rows)));
    assert_eq!(parts.iter().sum::<usize>(), 1_000_004);
}

#[test]
fn many_keys_that_fire_at_once_are_emitted_in_parts() {
    let keys = 3 * RESULT_ROWS_MAX + 1;
    let rows: Vec<Row> = (0..keys as i64).map(|key| Row { key: Some(key), time: 1, value: None }).collect();
    for window in [WindowAssigner::Tumbling { size: 10, offset: 0 }, WindowAssigner::Session { gap: 10 }] {
        let case = plain_case(window, 0, RESULT_ROWS_MAX);
        let mut operator = window_operator(spec(&case, false)).unwrap();
        let mut out = Outputs::default();
        assert_eq!(operator.process(0, batch(&rows), &mut out).unwrap(), Progress::Done);
        let first = operator.on_time(Time::Watermark(100), &mut out).unwrap();
        assert_eq!(parts(operator.as_mut(), first, out), [RESULT_ROWS_MAX, RESULT_ROWS_MAX, RESULT_ROWS_MAX, 1]);
    }
}

#[test]
fn windows_of_a_late_row_fire_again_in_parts() {
    let window = WindowAssigner::Sliding { size: 1_440, slide: 1, offset: 0 };
    let case = plain_case(window, 5_000, 100);
    let mut operator = window_operator(spec(&case, false)).unwrap();
    let mut out = Outputs::default();
    assert_eq!(operator.process(0, batch(&rows_at(0..3_000)), &mut out).unwrap(), Progress::Done);
    let progress = operator.on_time(Time::Watermark(3_999), &mut out).unwrap();
    progress.finish(operator.as_mut(), &mut out).unwrap();
    out.take();
    let first = operator.process(0, batch(&rows_at([1_500, 1_501])), &mut out).unwrap();
    let mut counts = Vec::new();
    let mut progress = first;
    loop {
        let part = out.take();
        assert!(part.iter().map(|(_, batch)| batch.len()).sum::<usize>() <= 100);
        for (_, batch) in part {
            let rows = batch.rows.column_by_name("rows").unwrap().clone();
            counts.extend(rows.as_primitive::<Int64Type>().values().iter().copied());
        }
        if progress == Progress::Done {
            break;
        }
        progress = operator.more(&mut out).unwrap();
    }
    // The windows of the second row hold the first as well, but for the one that begins between them.
    assert_eq!(counts.len(), 2 * 1_440);
    assert!(counts[..1_440].iter().all(|rows| *rows == 1_441));
    assert_eq!(counts[1_440..].iter().filter(|rows| **rows == 1_442).count(), 1_439);
}
