//! State of keyed operators that expires by event time: what a row reads depends on its time and on those of the rows of its key before it,
//! and on nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use weir_core::time::ManualClock;
use weir_engine::local::LocalJob;
use weir_state::checkpoint::object_store::memory::InMemory;

use crate::stores::plain;
use crate::support::{Memory, Row, checkpoint, chooser, durable_in};
use crate::updating::{apply, rows_of};

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
    #![proptest_config(crate::support::cases(30))]

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

/// Totals per key, also of a component that refuses rows, and the greatest rows of each, of keys that have had a row in the last 20 ms.
fn table_pipeline(ttl: &str) -> String {
    format!(
        r#"
name = "ttl"
[sources.rows]
connector = "memory"
event-time = "ts"
watermark = "monotonic"
[aggregates.totals]
input = "rows"
key-by = ["key"]
aggregates = {{ n = "count", sum = {{ sum = "value" }} }}
ttl = {ttl}
[aggregates.refusing]
input = "rows"
key-by = ["key"]
on-error = "skip"
ttl = {ttl}
[aggregates.refusing.aggregates]
n = "count"
total = {{ component = "tests/guests/total.wasm", columns = ["value"], config = {{ times = 1000, refuses = 3 }} }}
[top.best]
input = "rows"
key-by = ["key"]
order-by = ["value desc"]
limit = 2
ttl = {ttl}
[sinks.totals-out]
input = "totals"
connector = "memory"
changelog = "kinds"
columns = ["key", "n", "sum"]
[sinks.refusing-out]
input = "refusing"
connector = "memory"
changelog = "kinds"
columns = ["key", "n", "total"]
[sinks.best-out]
input = "best"
connector = "memory"
changelog = "kinds"
columns = ["key", "value"]
"#
    )
}

/// What is there at the end: keys that live when the last row comes, with the rows of their last life; and what else may be, of keys whose end
/// comes together with that of the input.
fn living(rows: &[Row]) -> (Vec<String>, Vec<String>) {
    let Some(now) = rows.iter().map(|(_, _, ts)| *ts).max() else { return Default::default() };
    let mut lives: BTreeMap<&str, (i64, Vec<i64>)> = BTreeMap::new();
    for (key, value, ts) in rows {
        let (last, values) = lives.entry(key).or_insert((*ts, Vec::new()));
        if ts - *last >= TTL_MS {
            values.clear();
        }
        *last = *ts;
        values.push(*value);
    }
    let (mut table, mut others) = (Vec::new(), Vec::new());
    for (key, (last, mut values)) in lives {
        // The watermark is a microsecond behind the last row.
        let table = if now - last <= TTL_MS { &mut table } else { &mut others };
        table.push(format!("{key},{},{}", values.len(), values.iter().sum::<i64>()));
        // A row that is refused lets its key live, too.
        let taken: Vec<i64> = values.iter().copied().filter(|value| value % 3 != 0).collect();
        if !taken.is_empty() {
            table.push(format!("{key},{},{}", taken.len(), 1000 * taken.iter().sum::<i64>()));
        }
        values.sort_by_key(|value| -value);
        table.extend(values.iter().take(2).map(|value| format!("{key},{value}")));
    }
    (table, others)
}

proptest! {
    #![proptest_config(crate::support::cases(30))]

    #[test]
    fn keys_of_tables_are_deleted_after_a_time_without_rows(
        rows in rows(),
        sizes in prop::collection::vec(1..20_usize, 1..5),
        seed in any::<u64>(),
        steps in 0..60_usize,
        (before, after) in (1..4_usize, 1..4_usize),
    ) {
        let pipeline = table_pipeline(&format!("\"{TTL_MS}ms\""));
        let memory = Memory::new(vec![rows.clone()], sizes);
        let (job, next) = (memory.job(&pipeline, before), memory.job(&pipeline, after));
        let durable = durable_in(plain(&Arc::new(InMemory::new())));
        let mut choose = chooser(seed);
        let mut local = LocalJob::resume(&job, Arc::new(ManualClock::default()), &durable).unwrap();
        for _ in 0..steps {
            let choices = local.choices();
            let Some(choice) = choices.get(choose(choices.len().max(1))) else { break };
            local.step(*choice).unwrap();
        }
        checkpoint(&mut local, &mut choose);
        drop(local);
        LocalJob::resume(&next, Arc::new(ManualClock::default()), &durable).unwrap().run(&mut choose).unwrap();
        let mut table = BTreeMap::new();
        let written = std::mem::take(&mut *memory.written.lock().unwrap());
        prop_assert_eq!(apply(&mut table, &written), Ok(()), "{:?}", written);
        let (living, others) = living(&rows);
        let got = rows_of(&table);
        prop_assert!(living.iter().all(|row| got.contains(row)), "{:?} is not all of {:?}", got, living);
        prop_assert!(got.iter().all(|row| living.contains(row) || others.contains(row)), "{:?}: {:?}", got, living);
    }
}
