//! State of keyed operators that expires by event time: what a row reads depends on its time and on those of the rows of its key before it,
//! and on nothing else.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::support::{Memory, Row, chooser};

const TTL_MS: i64 = 20;

fn pipeline(ttl: &str) -> String {
    format!(
        r#"
name = "ttl"
[sources.rows]
connector = "memory"
event-time = "ts"
[operators.count]
input = "rows"
component = "tests/guests/count_v1.wasm"
config = {{ tag = "0" }}
key-by = ["key"]
ttl = {ttl}
[sinks.out]
input = "count"
connector = "memory"
columns = ["key", "number", "ts"]
"#
    )
}

/// The rows of a key are numbered anew after each gap.
fn numbered(rows: &[Row]) -> Vec<String> {
    let mut last: BTreeMap<&str, (i64, u64)> = BTreeMap::new();
    let mut numbered = Vec::new();
    for (key, _, ts) in rows {
        let number = match last.get(key.as_str()) {
            Some((before, number)) if ts - before < TTL_MS => number + 1,
            _ => 1,
        };
        last.insert(key, (*ts, number));
        numbered.push(format!("{key},{number},{ts}"));
    }
    numbered.sort();
    numbered
}

/// Rows in the order of their times.
fn rows() -> impl Strategy<Value = Vec<Row>> {
    prop::collection::vec((0..4_u8, 0..16_i64), 0..60).prop_map(|rows| {
        let mut now = 0;
        let row = |(value, (key, step)): (i64, (u8, i64))| {
            now += step;
            (format!("k{key}"), value, now)
        };
        (0..).zip(rows).map(row).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30, ..ProptestConfig::default() })]

    #[test]
    fn a_state_expires_by_the_times_of_its_rows_for_any_batches_parallelism_and_restore(
        rows in rows(),
        sizes in prop::collection::vec(1..20_usize, 1..5),
        seed in any::<u64>(),
        steps in 0..60_usize,
        (before, after) in (1..4_usize, 1..4_usize),
    ) {
        let pipeline = pipeline(&format!("\"{TTL_MS}ms\""));
        let memory = Memory::new(vec![rows.clone()], sizes);
        let (job, next) = (memory.job(&pipeline, before), memory.job(&pipeline, after));
        let got = memory.run_with_restore(&job, &next, steps, chooser(seed));
        prop_assert_eq!(got, numbered(&rows), "from {} to {} subtasks", before, after);
    }
}

#[test]
fn by_the_clock_nothing_expires_while_it_stands_still() {
    let rows: Vec<Row> = (0..6).map(|n| ("k".to_owned(), n, n * 1_000)).collect();
    let memory = Memory::new(vec![rows], vec![2]);
    let job = memory.job(&pipeline("{ after = \"20ms\", refresh = \"read\", time = \"processing\" }"), 1);
    let got = memory.run(&job, |_| 0);
    assert_eq!(got, ["k,1,0", "k,2,1000", "k,3,2000", "k,4,3000", "k,5,4000", "k,6,5000"]);
}
