//! Swaps of components that are aggregates without a window: what is out was given out by either version, and is taken back as it was.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use weir_core::swap::{Phase, Probation};
use weir_core::time::ManualClock;
use weir_engine::NewVersion;
use weir_engine::local::LocalJob;
use weir_state::checkpoint::object_store::memory::InMemory;

use crate::stores::plain;
use crate::support::{HOST, Memory, checkpoint, chooser, durable_in, root};
use crate::swaps::{PROBATION, rows, steps, version};
use crate::updating::{apply, rows_of};

const PIPELINE: &str = r#"
name = "aggregate-table-swaps"
[sources.rows]
connector = "memory"
event-time = "ts"
[selects.of]
input = "rows"
columns = ["key", "value"]
STEPS[sinks.out]
input = "step"
connector = "memory"
changelog = "kinds"
columns = ["key", "total"]
"#;

/// Over inserts; over rows that are taken back, of which it is computed anew; and with a component that takes rows back.
const STEPS: [&str; 3] = [
    r#"
[aggregates.step]
input = "of"
key-by = ["key"]
aggregates.total = { component = "tests/guests/total.wasm", columns = ["value"], config = { times = 1 } }
"#,
    r#"
[aggregates.sums]
input = "of"
key-by = ["key"]
aggregates.value = { sum = "value" }
[aggregates.step]
input = "sums"
key-by = ["key"]
aggregates.total = { component = "tests/guests/total.wasm", columns = ["value"], config = { times = 1 } }
"#,
    r#"
[aggregates.sums]
input = "of"
key-by = ["key"]
aggregates.value = { sum = "value" }
[aggregates.step]
input = "sums"
key-by = ["key"]
aggregates.total = { component = "tests/guests/net_total.wasm", columns = ["value"], config = { times = 1 } }
"#,
];

/// The component of each of [`STEPS`].
const COMPONENTS: [&str; 3] = ["total", "total", "net_total"];

fn total(component: &str, times: i64, fails: &str) -> NewVersion {
    NewVersion {
        operator: "step.total".to_owned(),
        component: HOST.load(root().join(format!("tests/guests/{component}.wasm"))).unwrap(),
        config: serde_json::json!({ "times": times, "fails": fails }),
        ..version("count_v1", 0, "never")
    }
}

fn totals(table: &BTreeMap<String, u32>) -> BTreeMap<String, i64> {
    let total = |row: String| {
        let (key, total) = row.rsplit_once(',').unwrap();
        (key.to_owned(), total.parse().unwrap())
    };
    rows_of(table).into_iter().map(total).collect()
}

fn expected(memory: &Memory) -> BTreeMap<String, i64> {
    let mut totals = BTreeMap::new();
    memory.splits.iter().flatten().for_each(|(key, value, _)| *totals.entry(key.clone()).or_default() += value);
    totals
}

proptest! {
    #![proptest_config(crate::support::cases(32))]

    #[test]
    fn a_result_is_taken_back_as_the_version_gave_it_out_that_made_it(
        seed in any::<u64>(),
        (gap, more) in (0..150_usize, 0..150_usize),
        (of, fails) in (0..3_usize, prop_oneof![Just("never"), Just("accumulate"), Just("finish"), Just("retract")]),
        // Not so large that all rows may be read before the barrier comes.
        (parallelism, after, splits, batch) in (1..4_usize, 1..4_usize, 1..4_usize, 1..10_usize),
    ) {
        // Only one of the components has that function.
        let fails = if fails == "retract" && COMPONENTS[of] == "total" { "never" } else { fails };
        let memory = Memory::new(rows(splits, 200), vec![batch]);
        let pipeline = PIPELINE.replace("STEPS", STEPS[of]);
        let job = memory.job(&pipeline, parallelism);
        let durable = durable_in(plain(&Arc::new(InMemory::new())));
        let mut choose = chooser(seed);
        let clock = || Arc::new(ManualClock::default());
        let mut local = LocalJob::resume(&job, clock(), &durable).unwrap();
        steps(&mut local, gap, &mut choose);
        let probation = if fails == "never" { PROBATION } else { Probation { batches: u64::MAX, ..PROBATION } };
        let next = job.swapped(&[total(COMPONENTS[of], 10, fails)], probation).unwrap();
        let swap = local.swap(&job, &next, probation).unwrap();
        while swap.phase() == Phase::CuttingOver && steps(&mut local, 1, &mut choose) {}
        steps(&mut local, more, &mut choose);
        if fails == "never" {
            checkpoint(&mut local, &mut choose);
            drop(local);
            // Another version resumes from what these gave out.
            let resumed = memory.job(&pipeline.replace("times = 1 ", "times = 100 "), after);
            local = LocalJob::resume(&resumed, clock(), &durable).unwrap();
        }
        local.run(choose).unwrap();
        let mut table = BTreeMap::new();
        let written = std::mem::take(&mut *memory.written.lock().unwrap());
        prop_assert_eq!(apply(&mut table, &written), Ok(()), "{:?}", written);
        let (got, expected) = (totals(&table), expected(&memory));
        prop_assert!(got.keys().eq(expected.keys()), "{got:?}");
        for (key, total) in got {
            let of = expected[&key];
            prop_assert!([of, 10 * of, 100 * of].contains(&total), "{} has {}, of {}", key, total, of);
        }
    }
}

#[test]
fn a_component_that_takes_rows_back_is_not_swapped_for_one_that_does_not() {
    for (steps, other) in [(1, "net_total"), (2, "total")] {
        let memory = Memory::new(rows(1, 1), vec![1]);
        let job = memory.job(&PIPELINE.replace("STEPS", STEPS[steps]), 1);
        let error = job.swapped(&[total(other, 1, "never")], PROBATION).map(drop).unwrap_err().to_string();
        assert!(error.contains("of one of the two versions rows can be taken back"), "{error}");
    }
    // Over inserts nothing is ever taken back.
    let memory = Memory::new(rows(1, 1), vec![1]);
    let job = memory.job(&PIPELINE.replace("STEPS", STEPS[0]), 1);
    assert!(job.swapped(&[total("net_total", 1, "never")], PROBATION).is_ok());
}
