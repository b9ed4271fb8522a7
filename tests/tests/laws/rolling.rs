//! Rolling aggregates against a model that looks at all rows of a frame, whatever the batches, the parallelism, and after a restore at any
//! point.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::joins::run_with_restore;
use crate::support::{Memory, Row, splits};

/// Which rows of a key are in the frame of one, of all rows of the key by time and value.
type InFrame = fn(&[(i64, i64)], usize) -> std::ops::Range<usize>;

const FRAMES: &[(&str, InFrame)] = &[
    ("rows = 1", |_, row| row..row + 1),
    ("rows = 3", |_, row| row.saturating_sub(2)..row + 1),
    ("range = \"15ms\"", |rows, row| {
        let time = rows[row].0;
        rows.partition_point(|(t, _)| *t < time - 15)..rows.partition_point(|(t, _)| *t <= time)
    }),
    ("range = \"0s\"", |rows, row| {
        let time = rows[row].0;
        rows.partition_point(|(t, _)| *t < time)..rows.partition_point(|(t, _)| *t <= time)
    }),
    ("", |rows, row| 0..rows.partition_point(|(t, _)| *t <= rows[row].0)),
];

fn pipeline(frame: &str, key_by: &str) -> String {
    format!(
        r#"
name = "rolling"
batch-rows = 7
[sources.rows]
connector = "memory"
event-time = "ts"
watermark = {{ bounded-out-of-orderness = "40ms" }}
[rolling.moving]
input = "rows"
{key_by}
{frame}
aggregates = {{ n = "count", sum = {{ sum = "value" }}, list = {{ collect = "value" }}, even = {{ count = "*", where = "value % 2 = 0" }} }}
[sinks.out]
input = "moving"
connector = "memory"
columns = ["key", "value", "ts", "n", "sum", "list", "even"]
"#
    )
}

/// All rows with the aggregates of their frames.
fn model(rows: &[Row], in_frame: InFrame) -> Vec<String> {
    let mut by_key: BTreeMap<&str, Vec<(i64, i64)>> = BTreeMap::new();
    rows.iter().for_each(|(key, value, ts)| by_key.entry(key).or_default().push((*ts, *value)));
    let mut made = Vec::new();
    for (key, mut rows) in by_key {
        rows.sort_unstable();
        for (row, (ts, value)) in rows.iter().enumerate() {
            let values: Vec<i64> = rows[in_frame(&rows, row)].iter().map(|(_, value)| *value).collect();
            let list: Vec<String> = values.iter().map(ToString::to_string).collect();
            let even = values.iter().filter(|value| *value % 2 == 0).count();
            let (n, sum) = (values.len(), values.iter().sum::<i64>());
            made.push(format!("{key},{value},{ts},{n},{sum},[{}],{even}", list.join(", ")));
        }
    }
    made.sort();
    made
}

proptest! {
    #![proptest_config(crate::support::cases(40))]

    #[test]
    fn each_row_has_the_aggregates_of_its_frame_for_any_batches_parallelism_and_restore(
        splits in splits(),
        sizes in prop::collection::vec(1..20_usize, 1..5),
        frame in 0..FRAMES.len(),
        seed in any::<u64>(),
        steps in 0..120_usize,
        (before, after) in (1..4_usize, 1..4_usize),
    ) {
        let (frame, in_frame) = FRAMES[frame];
        let rows = splits.concat();
        let memory = Memory::new(splits, sizes);
        let pipeline = pipeline(frame, "key-by = [\"key\"]");
        let got = run_with_restore(memory, &pipeline, (before, after), steps, seed);
        prop_assert_eq!(got, model(&rows, in_frame), "{} from {} to {} subtasks", frame, before, after);
    }
}

const REFUSING: &str = r#"
name = "rolling"
batch-rows = 7
[sources.rows]
connector = "memory"
event-time = "ts"
watermark = { bounded-out-of-orderness = "40ms" }
[rolling.moving]
input = "rows"
key-by = ["key"]
on-error = "skip"
FRAME
[rolling.moving.aggregates]
n = "count"
total = { component = "tests/guests/total.wasm", columns = ["value"], config = { times = 2, refuses = 5, traps = 13, most = 30 } }
even = { component = "tests/guests/total.wasm", columns = ["value"], where = "value % 2 = 0", config = { times = 1, refuses = 14 } }
even_sum = { sum = "value", where = "value % 2 = 0" }
[sinks.out]
input = "moving"
connector = "memory"
columns = ["key", "value", "ts", "n", "total", "even", "even_sum"]
"#;

proptest! {
    #![proptest_config(crate::support::cases(30))]

    /// Each row is taken or refused as if it were alone: more than `most` may be in a frame together.
    #[test]
    fn rows_that_a_component_refuses_are_in_no_frame(
        splits in splits(),
        sizes in prop::collection::vec(1..20_usize, 1..5),
        frame in 0..FRAMES.len(),
        seed in any::<u64>(),
        steps in 0..120_usize,
        (before, after) in (1..4_usize, 1..4_usize),
    ) {
        let (frame, in_frame) = FRAMES[frame];
        let is_taken = |value: i64| value % 5 != 0 && value % 13 != 0 && value <= 30 && value % 14 != 0;
        let rows: Vec<Row> = splits.concat().into_iter().filter(|(_, value, _)| is_taken(*value)).collect();
        let memory = Memory::new(splits, sizes);
        let mut got = run_with_restore(memory, &REFUSING.replace("FRAME", frame), (before, after), steps, seed);
        for row in &mut got {
            let (rest, even_sum) = row.rsplit_once(',').unwrap();
            let (rest, even) = rest.rsplit_once(',').unwrap();
            prop_assert_eq!(even, even_sum.replace("null", "0"));
            *row = rest.to_owned();
        }
        let total = |row: String| {
            let row: Vec<&str> = row.splitn(6, ',').collect();
            let doubled = 2 * row[4].parse::<i64>().unwrap();
            format!("{},{doubled}", row[..4].join(","))
        };
        let mut expected: Vec<String> = model(&rows, in_frame).into_iter().map(total).collect();
        expected.sort();
        prop_assert_eq!(got, expected, "{} from {} to {} subtasks", frame, before, after);
    }
}

#[test]
fn frames_of_thousands_of_rows_are_put_together_of_blocks() {
    let rows: Vec<Row> = (0..9_000_i64).map(|n| ("k".to_owned(), n * 7_919 % 1_000, n / 3)).collect();
    let steps = |frame: &str| {
        pipeline(frame, "")
            .replace(", list = { collect = \"value\" }", "")
            .replace("\"list\", ", "")
            .replace(" = 7\n", " = 1000\n")
    };
    let without_list = |row: &String| {
        let (head, tail) = (row.find('[').unwrap(), row.find("],").unwrap());
        format!("{}{}", &row[..head], &row[tail + 2..])
    };
    let last_rows: InFrame = |_, row| row.saturating_sub(4_999)..row + 1;
    let last_range: InFrame = |rows, row| {
        let time = rows[row].0;
        rows.partition_point(|(t, _)| *t < time - 1_500)..rows.partition_point(|(t, _)| *t <= time)
    };
    for (frame, in_frame) in [("rows = 5000", last_rows), ("range = \"1500ms\"", last_range), ("", FRAMES[4].1)] {
        let memory = Memory::new(vec![rows.clone()], vec![1_000]);
        let job = memory.job(&steps(frame), 1);
        let next = memory.job(&steps(frame), 1);
        let mut got = memory.run_with_restore(&job, &next, 12, |_| 0);
        let mut expected: Vec<String> = model(&rows, in_frame).iter().map(without_list).collect();
        got.sort();
        expected.sort();
        assert!(got == expected, "{frame}");
    }
}

#[test]
fn a_result_that_does_not_fit_sets_its_row_aside() {
    let rows: Vec<Row> = [i64::MAX, 1, 2, i64::MAX].iter().zip(0..).map(|(v, ts)| ("k".to_owned(), *v, ts)).collect();
    let pipeline = r#"
name = "overflow"
[sources.rows]
connector = "memory"
event-time = "ts"
[rolling.moving]
input = "rows"
rows = 2
aggregates.sum = { sum = "value" }
on-error = "dead-letter"
[sinks.out]
input = "moving"
connector = "memory"
columns = ["ts", "sum"]
[sinks.bad]
input = "moving.dead-letter"
connector = "memory"
columns = ["ts", "error"]
"#;
    let memory = Memory::new(vec![rows], vec![2]);
    let job = memory.job(pipeline, 1);
    let got = memory.run(&job, |_| 0);
    assert_eq!(got.len(), 4, "{got:?}");
    assert_eq!(got.iter().filter(|row| row.contains("int64")).count(), 2, "{got:?}");
    assert!(got.contains(&format!("0,{}", i64::MAX)) && got.contains(&"2,3".to_owned()), "{got:?}");
}
