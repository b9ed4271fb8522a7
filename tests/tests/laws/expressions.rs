//! Filters and selects, whose rows do not depend on batches, parallelism and restores, in front of a window.

use proptest::prelude::*;

use crate::support::{Memory, chooser, splits};

/// Some rows fail, some conditions are null, and the window's key is computed.
const PIPELINE: &str = r#"
name = "expressions"
[sources.rows]
connector = "memory"
event-time = "ts"
watermark = { bounded-out-of-orderness = "40ms" }
[filters.kept]
input = "rows"
where = "10 / value <> 2 and nullif(value, 7) > -40"
on-error = "dead-letter"
[selects.made]
input = "kept"
add = { key = "case when value % 2 = 0 then key else key || '!' end", twice = "value * 2", inverse = "6 / (value - 3)" }
rename = { old = "value" }
drop = ["unread"]
on-error = "skip"
[windows.step]
input = "made"
key-by = ["key"]
window = { tumbling = "100ms" }
aggregates.n = "count"
aggregates.sum = { sum = "twice" }
aggregates.min = { min = "inverse" }
aggregates.last = { last = "old" }
[sinks.out]
input = "step"
connector = "memory"
[sinks.bad]
input = "kept.dead-letter"
connector = "memory"
columns = ["value", "ts", "key", "error"]
"#;

proptest! {
    #![proptest_config(crate::support::cases(48))]

    #[test]
    fn results_do_not_depend_on_batches_order_or_parallelism(
        splits in splits(),
        sizes in prop::collection::vec(1..20_usize, 1..5),
        seed in any::<u64>(),
    ) {
        let whole = Memory::new(splits.clone(), vec![usize::MAX]);
        let expected = whole.run(&whole.job(PIPELINE, 1), |_| 0);
        let zeros = splits.iter().flatten().filter(|row| row.1 == 0).count();
        prop_assert_eq!(expected.iter().filter(|row| row.ends_with("10 / value: division by zero")).count(), zeros);
        for parallelism in 1..=3 {
            let memory = Memory::new(splits.clone(), sizes.clone());
            let got = memory.run(&memory.job(PIPELINE, parallelism), chooser(seed));
            prop_assert_eq!(&got, &expected, "parallelism {}", parallelism);
        }
    }

    #[test]
    fn a_restore_at_any_point_changes_nothing(
        splits in splits(),
        sizes in prop::collection::vec(1..20_usize, 1..5),
        seed in any::<u64>(),
        steps in 0..60_usize,
        (before, after) in (1..4_usize, 1..4_usize),
    ) {
        let whole = Memory::new(splits.clone(), vec![usize::MAX]);
        let expected = whole.run(&whole.job(PIPELINE, 1), |_| 0);
        let memory = Memory::new(splits, sizes);
        let (job, next) = (memory.job(PIPELINE, before), memory.job(PIPELINE, after));
        let got = memory.run_with_restore(&job, &next, steps, chooser(seed));
        prop_assert_eq!(&got, &expected, "from {} to {} subtasks", before, after);
    }
}

#[test]
fn only_columns_that_expressions_need_are_read() {
    let memory = Memory::new(vec![vec![("k".to_owned(), 1, 1)]], vec![1]);
    let described = memory.job(PIPELINE, 1).describe();
    let of = |node: &str| described.nodes.iter().find(|found| found.name == node).unwrap().outputs[0].columns.clone();
    let read =
        |node: &str| of(node).into_iter().filter(|column| column.read).map(|column| column.name).collect::<Vec<_>>();
    // The dead letters of the filter are read, so it gets whole rows; what is behind it does not.
    assert_eq!(read("kept"), ["key", "value"]);
    assert_eq!(read("made"), ["key", "old", "twice", "inverse"]);
}
