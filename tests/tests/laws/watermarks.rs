//! Watermarks that rows say, and sources that keep together: which rows are late depends on the rows before them, and nothing on batches or on
//! who reads first.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::support::{Memory, Row, chooser, splits};

const WINDOW_MS: i64 = 10;

/// The column `value` says watermarks, milliseconds: most say nothing new.
const PUNCTUATED: &str = r#"
name = "punctuated"
[sources.rows]
connector = "memory"
event-time = "ts"
watermark = { column = "value" }
[windows.counts]
input = "rows"
key-by = ["key"]
window = { tumbling = "10ms" }
aggregates = { n = "count", first = { min = "ts" } }
[sinks.out]
input = "counts"
connector = "memory"
columns = ["key", "first", "n"]
"#;

/// The windows of rows that are not late: those whose window no row before them has closed.
fn model(rows: &[Row]) -> Vec<String> {
    let mut windows: BTreeMap<(&str, i64), (i64, i64)> = BTreeMap::new();
    let mut watermark = i64::MIN;
    for (key, said, ts) in rows {
        let end = (ts.div_euclid(WINDOW_MS) + 1) * WINDOW_MS;
        // The last instant of a window is one microsecond before its end.
        if watermark < end {
            let (first, n) = windows.entry((key, end)).or_insert((*ts, 0));
            (*first, *n) = ((*first).min(*ts), *n + 1);
        }
        watermark = watermark.max(*said);
    }
    let mut made: Vec<String> =
        windows.into_iter().map(|((key, _), (first, n))| format!("{key},{first},{n}")).collect();
    made.sort();
    made
}

fn aligned(drift: &str) -> String {
    format!(
        r#"
name = "aligned"
batch-rows = 3
[sources.a]
connector = "memory"
event-time = "ts"
watermark = {{ bounded-out-of-orderness = "40ms"{drift} }}
[sources.b]
connector = "memory"
event-time = "ts"
watermark = {{ bounded-out-of-orderness = "40ms"{drift} }}
[joins.pairs]
inputs = {{ a = "a", b = "b" }}
on = ["a.key = b.key"]
interval = {{ from = "0s", to = "20ms" }}
columns = ["a.key", "a.value", {{ other = "b.value" }}]
[sinks.out]
input = "pairs"
connector = "memory"
"#
    )
}

proptest! {
    #![proptest_config(crate::support::cases(30))]

    #[test]
    fn rows_say_which_of_those_after_them_are_late(
        rows in prop::collection::vec((0..3_u8, 0..60_i64, 0..12_i64), 0..60),
        sizes in prop::collection::vec(1..20_usize, 1..5),
        seed in any::<u64>(),
        steps in 0..60_usize,
        (before, after) in (1..4_usize, 1..4_usize),
    ) {
        let row = |(n, (key, ts, said)): (i64, (u8, i64, i64))| {
            // One in four says that event time is about where it is.
            let said = if said < 3 { n / 2 + said } else { i64::from(i16::MIN) };
            (format!("k{key}"), said, ts.max(n / 2))
        };
        let rows: Vec<Row> = (0..).zip(rows).map(row).collect();
        let memory = Memory::new(vec![rows.clone()], sizes);
        let (job, next) = (memory.job(PUNCTUATED, before), memory.job(PUNCTUATED, after));
        let got = memory.run_with_restore(&job, &next, steps, chooser(seed));
        prop_assert_eq!(got, model(&rows), "from {} to {} subtasks", before, after);
    }

    #[test]
    fn sources_that_wait_for_each_other_give_what_they_give_otherwise(
        splits in splits(),
        sizes in prop::collection::vec(1..20_usize, 1..5),
        seed in any::<u64>(),
        parallelism in 1..4_usize,
    ) {
        let memory = Memory::new(splits, sizes);
        let free = memory.run(&memory.job(&aligned(""), parallelism), chooser(seed));
        let held = memory.run(&memory.job(&aligned(", max-drift = \"1ms\""), parallelism), chooser(seed));
        prop_assert_eq!(held, free);
    }
}
