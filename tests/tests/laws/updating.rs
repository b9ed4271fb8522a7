//! Updating streams over rows in memory. At every checkpoint, and at the end, what was written describes the table that a computation over
//! all rows that were read gives; and no row is taken back that is not there.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use weir_core::time::ManualClock;
use weir_engine::local::LocalJob;
use weir_state::checkpoint::object_store::memory::InMemory;

use crate::stores::plain;
use crate::support::{Memory, Row, checkpoint, chooser, durable_in};
use crate::updating_tables::{CASES, Case};

fn pipeline(case: &Case) -> String {
    format!(
        "name = \"updating\"\n[sources.rows]\nconnector = \"memory\"\nevent-time = \"ts\"\n{}connector = \"memory\"\nchangelog = \"kinds\"\n",
        case.steps
    )
}

/// Rows with values that are all different, in so many splits.
fn splits() -> impl Strategy<Value = Vec<Vec<Row>>> {
    let split = prop::collection::vec((0..5_u8, 0..40_i64), 0..30);
    prop::collection::vec(split, 1..4).prop_map(|splits| {
        let mut next = 0;
        let mut row = |(key, ts): (u8, i64)| {
            next += 1;
            (format!("k{key}"), next, ts)
        };
        splits.into_iter().map(|split| split.into_iter().map(&mut row).collect()).collect()
    })
}

/// Applies changes to a table, which counts each row.
pub(crate) fn apply(table: &mut BTreeMap<String, u32>, changes: &[String]) -> Result<(), String> {
    for change in changes {
        let (kind, row) = change.split_once(',').unwrap();
        match kind {
            "+I" | "+U" => *table.entry(row.to_owned()).or_default() += 1,
            _ => match table.get_mut(row) {
                None => return Err(format!("{change} takes back a row that is not there")),
                Some(1) => drop(table.remove(row)),
                Some(count) => *count -= 1,
            },
        }
    }
    Ok(())
}

pub(crate) fn rows_of(table: &BTreeMap<String, u32>) -> Vec<String> {
    table.iter().flat_map(|(row, count)| std::iter::repeat_n(row.clone(), *count as usize)).collect()
}

fn expected(case: &Case, memory: &Memory) -> Vec<String> {
    let read = memory.read.lock().unwrap();
    let rows: Vec<Row> = memory.splits.iter().flatten().filter(|row| read.contains(&row.1)).cloned().collect();
    let mut table = (case.table)(&rows);
    table.sort();
    table
}

proptest! {
    #![proptest_config(crate::support::cases(40))]

    #[test]
    fn the_changelog_describes_the_table_at_every_checkpoint_and_after_any_restore(
        splits in splits(),
        sizes in prop::collection::vec(1..9_usize, 1..5),
        seed in any::<u64>(),
        steps in 0..80_usize,
        (before, after) in (1..4_usize, 1..4_usize),
    ) {
        for case in CASES {
            let pipeline = pipeline(case);
            let memory = Memory::new(splits.clone(), sizes.clone());
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
            let mut table = BTreeMap::new();
            let written = std::mem::take(&mut *memory.written.lock().unwrap());
            prop_assert_eq!(apply(&mut table, &written), Ok(()), "{}: {:?}", case.name, written);
            prop_assert_eq!(rows_of(&table), expected(case, &memory), "{} at a checkpoint, {} subtasks", case.name, before);
            LocalJob::resume(&next, Arc::new(ManualClock::default()), &durable).unwrap().run(&mut choose).unwrap();
            let written = std::mem::take(&mut *memory.written.lock().unwrap());
            prop_assert_eq!(apply(&mut table, &written), Ok(()), "{} after: {:?}", case.name, written);
            prop_assert_eq!(rows_of(&table), expected(case, &memory), "{} from {} to {}", case.name, before, after);
        }
    }
}

/// Each row takes an amount from one account and gives it to another, so all balances together are 0 at any moment.
const ACCOUNTS: &str = r#"
name = "bank"
[sources.transfers]
connector = "memory"
event-time = "ts"
[selects.debits]
input = "transfers"
columns = ["key", { amount = "-value" }]
[selects.credits]
input = "transfers"
columns = [{ key = "'k' || cast(value % 5 as text)" }, { amount = "value" }]
[aggregates.balances]
input = ["debits", "credits"]
key-by = ["key"]
aggregates.balance = { sum = "amount" }
[aggregates.all]
input = "balances"
aggregates.total = { sum = "balance" }
[sinks.out]
input = "all"
connector = "memory"
changelog = "kinds"
emit = "checkpoint"
"#;

proptest! {
    #![proptest_config(crate::support::cases(20))]

    #[test]
    fn a_sink_that_emits_at_checkpoints_shows_no_intermediate_result(
        splits in splits(),
        sizes in prop::collection::vec(1..9_usize, 1..5),
        seed in any::<u64>(),
        steps in 0..80_usize,
        (before, after) in (1..4_usize, 1..4_usize),
    ) {
        let memory = Memory::new(splits.clone(), sizes);
        let (job, next) = (memory.job(ACCOUNTS, before), memory.job(ACCOUNTS, after));
        let written = memory.run_with_restore(&job, &next, steps, chooser(seed));
        let expected: &[&str] = if splits.iter().all(Vec::is_empty) { &[] } else { &["+I,0"] };
        prop_assert_eq!(written, expected);
    }
}

#[test]
fn keys_are_forgotten_and_late_rows_set_aside() {
    let pipeline = r#"
name = "dedup"
[sources.rows]
connector = "memory"
event-time = "ts"
[dedup.once]
input = "rows"
key-by = ["key"]
within = "10ms"
[sinks.out]
input = "once"
connector = "memory"
columns = ["value"]
[selects.late]
input = "once.late"
columns = [{ late = "value + 1000" }]
[sinks.late-rows]
input = "late"
connector = "memory"
"#;
    let row = |key: &str, value, ts| (key.to_owned(), value, ts);
    // 2 and 3 are duplicates of 1; 4 is one no more; 5 is late, as the watermark is at 19 then; 6 is of another key.
    let rows = vec![row("a", 1, 5), row("a", 2, 15), row("a", 3, 3), row("a", 4, 16), row("b", 6, 20), row("a", 5, 15)];
    for sizes in [vec![1], vec![1, 3]] {
        let memory = Memory::new(vec![rows.clone()], sizes);
        assert_eq!(memory.run(&memory.job(pipeline, 2), chooser(3)), ["1", "1003", "1005", "4", "6"]);
    }
}

#[test]
fn a_row_that_comes_after_its_key_was_forgotten_leaves_the_last_one_there() {
    let pipeline = r#"
name = "lasts"
[sources.rows]
connector = "memory"
event-time = "ts"
[dedup.last]
input = "rows"
key-by = ["key"]
keep = "last"
within = "10ms"
[sinks.out]
input = "last"
connector = "memory"
changelog = "kinds"
columns = ["key", "value"]
"#;
    let row = |key: &str, value, ts| (key.to_owned(), value, ts);
    // 2 takes the place of 1; 3 is more than 10 ms after it, and so is 5 after 3; 4 is of another key.
    let rows = vec![row("a", 1, 5), row("a", 2, 14), row("a", 3, 30), row("b", 4, 31), row("a", 5, 60)];
    for sizes in [vec![1], vec![2], vec![3], vec![100]] {
        for parallelism in 1..=3 {
            let memory = Memory::new(vec![rows.clone()], sizes.clone());
            let job = memory.job(pipeline, parallelism);
            LocalJob::new(&job, Arc::new(ManualClock::default())).unwrap().run(|_| 0).unwrap();
            let mut table = BTreeMap::new();
            apply(&mut table, &memory.written.lock().unwrap()).unwrap();
            assert_eq!(rows_of(&table), ["a,2", "a,3", "a,5", "b,4"], "batches of {sizes:?}, {parallelism} subtasks");
        }
    }
}
