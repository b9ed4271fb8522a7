//! Windows with built-in aggregates, over rows in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use weir_core::time::ManualClock;
use weir_engine::Job;
use weir_engine::local::LocalJob;
use weir_state::checkpoint::object_store::memory::InMemory;

use crate::pipelines::{WINDOWS, windowed};
use crate::stores::plain;
use crate::support::{HOST, Memory, checkpoint, chooser, durable_in, root, splits};

proptest! {
    #![proptest_config(crate::support::cases(48))]

    #[test]
    fn results_do_not_depend_on_batches_order_or_parallelism(
        splits in splits(),
        sizes in prop::collection::vec(1..20_usize, 1..5),
        seed in any::<u64>(),
    ) {
        for window in WINDOWS {
            let pipeline = windowed(window);
            let whole = Memory::new(splits.clone(), vec![usize::MAX]);
            let expected = whole.run(&whole.job(&pipeline, 1), |_| 0);
            for parallelism in 1..=3 {
                let memory = Memory::new(splits.clone(), sizes.clone());
                let got = memory.run(&memory.job(&pipeline, parallelism), chooser(seed));
                prop_assert_eq!(&got, &expected, "{} at parallelism {}", window, parallelism);
            }
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
        for window in WINDOWS {
            let pipeline = windowed(window);
            let whole = Memory::new(splits.clone(), vec![usize::MAX]);
            let expected = whole.run(&whole.job(&pipeline, 1), |_| 0);
            let memory = Memory::new(splits.clone(), sizes.clone());
            let (job, next) = (memory.job(&pipeline, before), memory.job(&pipeline, after));
            let got = memory.run_with_restore(&job, &next, steps, chooser(seed));
            prop_assert_eq!(&got, &expected, "{} from {} to {} subtasks", window, before, after);
        }
    }

    /// A component gets the rows for which its condition holds; a window without any has its result of no rows.
    #[test]
    fn conditions_of_components_leave_rows_out_of_them_and_not_out_of_the_window(
        splits in splits(),
        sizes in prop::collection::vec(1..20_usize, 1..5),
        seed in any::<u64>(),
        steps in 0..60_usize,
        (before, after) in (1..4_usize, 1..4_usize),
    ) {
        let component = "{ component = \"tests/guests/total.wasm\", columns = [\"value\"], where = \"value % 3 <> 1\", \
                         config = { times = 1, refuses = 5, traps = 13, most = 30 } }";
        for window in [GENERAL, PLAIN].concat() {
            let whole = Memory::new(splits[..1].to_vec(), vec![usize::MAX]);
            let taken = "value % 3 = 1 or (value % 5 <> 0 and value % 13 <> 0 and value <= 30)";
            let built_in = general(window, taken, "{ sum = \"value\", where = \"value % 3 <> 1\" }");
            let mut expected = whole.run(&whole.job(&built_in, 1), |_| 0);
            expected.iter_mut().for_each(|row| *row = row.replace("null", "0"));
            expected.sort();
            let memory = Memory::new(splits[..1].to_vec(), sizes.clone());
            let pipeline = general(window, "true", component);
            let (job, next) = (memory.job(&pipeline, before), memory.job(&pipeline, after));
            let got = memory.run_with_restore(&job, &next, steps, chooser(seed));
            prop_assert_eq!(&got, &expected, "{} from {} to {} subtasks", window, before, after);
        }
    }
}

#[test]
fn a_union_of_streams_is_all_their_rows() {
    let rows = |key: &str| vec![(key.to_owned(), 1, 5), (key.to_owned(), 2, 15)];
    let pipeline = r#"
name = "union"
[sources.a]
connector = "memory"
event-time = "ts"
[sources.b]
connector = "memory"
event-time = "ts"
[windows.w]
input = ["a", "b"]
key-by = ["key"]
window = { tumbling = "10ms" }
aggregates.n = "count"
[sinks.out]
input = "w"
connector = "memory"
columns = ["n", "key"]
"#;
    for parallelism in 1..=3 {
        let memory = Memory::new(vec![rows("x"), rows("y")], vec![1]);
        let got = memory.run(&memory.job(pipeline, parallelism), chooser(7));
        assert_eq!(got, ["2,x", "2,x", "2,y", "2,y"], "parallelism {parallelism}");
    }
}

/// The sums of one key in windows; what follows it adds to the pipeline.
fn sums(window: &str) -> String {
    format!(
        r#"
name = "sums"
[sources.rows]
connector = "memory"
event-time = "ts"
[windows.w]
input = "rows"
key-by = ["key"]
window = {window}
aggregates.sum = {{ sum = "value" }}
[sinks.out]
input = "w"
connector = "memory"
columns = ["key", "sum"]
"#
    )
}

#[test]
fn late_rows_go_to_the_late_output() {
    let row = |value, ts| ("k".to_owned(), value, ts);
    let late = "[sinks.late]
input = \"w.late\"
connector = \"memory\"
columns = [\"value\", \"ts\"]
";
    let pipeline = sums("{ tumbling = \"10ms\" }") + late;
    // The row at 3 comes after the watermark has passed 10; the one at 12 is behind, but its window is open.
    let rows = vec![row(1, 5), row(2, 15), row(4, 3), row(8, 12), row(16, 40)];
    for sizes in [vec![1], vec![2], vec![100]] {
        let memory = Memory::new(vec![rows.clone()], sizes);
        let got = memory.run(&memory.job(&pipeline, 2), chooser(1));
        assert_eq!(got, ["4,3", "k,1", "k,10", "k,16"]);
    }
}

#[test]
fn a_row_that_comes_after_its_session_has_fired_begins_another_one() {
    let row = |value, ts| ("k".to_owned(), value, ts);
    let pipeline = sums("{ session = \"30ms\" }");
    // At 121 the session that ends at 112 has fired. The row at 110 is not late, for its own session ends at 140.
    let rows = vec![row(1, 82), row(2, 121), row(4, 110), row(8, 125)];
    for (sizes, parallelism) in
        [(vec![1], 1), (vec![100], 1), (vec![1], 2), (vec![2], 2), (vec![100], 2), (vec![100], 3)]
    {
        let memory = Memory::new(vec![rows.clone()], sizes.clone());
        let got = memory.run(&memory.job(&pipeline, parallelism), |_| 0);
        assert_eq!(got, ["k,1", "k,14"], "batches of {sizes:?} at parallelism {parallelism}");
    }
}

#[test]
fn a_split_that_has_ended_does_not_hold_the_watermark_back_after_a_restore() {
    let row = |value, ts| ("k".to_owned(), value, ts);
    // The first split is ahead and ends while the second has nothing for now. The row at 20 comes behind the one at 500: it is late.
    let memory = Memory::new(vec![vec![row(1, 1000)], vec![row(2, 10), row(4, 500), row(8, 20)]], vec![1]);
    let job = memory.job(&sums("{ tumbling = \"100ms\" }"), 1);
    let durable = durable_in(plain(&Arc::new(InMemory::new())));
    let resume = || LocalJob::resume(&job, Arc::new(ManualClock::default()), &durable).unwrap();
    memory.released.set(AtomicUsize::new(1)).unwrap();
    let mut local = resume();
    for _ in 0..20 {
        local.step(local.choices()[0]).unwrap();
    }
    checkpoint(&mut local, |_| 0);
    drop(local);
    memory.released.get().unwrap().store(usize::MAX, Ordering::Relaxed);
    let mut local = resume();
    local.run(|_| 0).unwrap();
    assert_eq!((memory.take_written(), local.rows_late()), (["k,1", "k,2", "k,4"].map(str::to_owned).to_vec(), 1));
}

#[test]
fn conditions_of_aggregates_leave_rows_out_of_them_and_not_out_of_the_window() {
    let pipeline = r#"
name = "conditions"
[sources.rows]
connector = "memory"
event-time = "ts"
[windows.w]
input = "rows"
key-by = ["key"]
window = { tumbling = "10ms" }
aggregates.all = "count"
aggregates.even = { count = "*", where = "value % 2 = 0" }
aggregates.large = { sum = "value", where = "value > 2 and unread = 0" }
aggregates.latest = { arg-max = "value", by = "ts", where = "value < 4" }
[sinks.out]
input = "w"
connector = "memory"
columns = ["key", "all", "even", "large", "latest"]
"#;
    let late = "[sinks.late]\ninput = \"w.late\"\nconnector = \"memory\"\n";
    let row = |key: &str, value, ts| (key.to_owned(), value, ts);
    let rows = vec![row("a", 1, 1), row("a", 2, 2), row("a", 3, 3), row("b", 4, 4), row("b", 6, 5), row("b", 5, 30)];
    let rows = [rows, vec![row("a", 7, 1)]].concat();
    for (sizes, parallelism) in [(vec![1], 1), (vec![3], 2), (vec![100], 3)] {
        let memory = Memory::new(vec![rows.clone()], sizes);
        let got = memory.run(&memory.job(&(pipeline.to_owned() + late), parallelism), chooser(1));
        let windows = ["a,0,7,1", "a,3,1,3,3", "b,1,0,5,null", "b,2,2,10,null"];
        assert_eq!(got, windows, "a late row is handed on as it came, at parallelism {parallelism}");
        // Aggregated ahead of the exchange.
        let memory = Memory::new(vec![rows[..6].to_vec()], vec![2]);
        let got = memory.run(&memory.job(pipeline, parallelism), chooser(1));
        assert_eq!(got, windows[1..]);
    }
}

#[test]
fn rows_that_a_window_puts_back_keep_the_columns_of_conditions() {
    // Each row fires three windows, so a batch gives out more than at once.
    let pipeline = r#"
name = "parts"
[sources.rows]
connector = "memory"
event-time = "ts"
[windows.w]
input = "rows"
key-by = ["key"]
window = { sliding = "30ms", slide = "10ms" }
trigger = { each = { rows = 1 } }
aggregates.even = { count = "*", where = "value % 2 = 0" }
[sinks.out]
input = "w"
connector = "memory"
columns = ["even"]
"#;
    let rows: Vec<_> = (0..4_000).map(|n| (format!("k{}", n % 500), n, n / 100)).collect();
    let whole = Memory::new(vec![rows.clone()], vec![1]);
    let expected = whole.run(&whole.job(pipeline, 1), |_| 0);
    assert_eq!(expected.len(), 3 * rows.len());
    let memory = Memory::new(vec![rows], vec![4_096]);
    assert_eq!(memory.run(&memory.job(pipeline, 1), |_| 0), expected);
}

/// Windows of the general operator: by rows, with triggers, with rows that are evicted, and one around each row.
const GENERAL: &[&str] = &[
    "window = { rows = 3 }",
    "window = { tumbling = \"50ms\" }\ntrigger = { early = { rows = 2 } }\nmode = \"upsert\"",
    "window = { session = \"10ms\" }\ntrigger = { each = { rows = 1 } }\nallowed-lateness = \"1h\"\nmode = \"upsert\"",
    "window = { rows = 4, slide-rows = 2 }",
    "window = { global = true }\ntrigger = { each = { rows = 2 } }\nevict = { rows = 3 }",
];

/// Windows of the other operators.
const PLAIN: &[&str] = &[
    "window = { tumbling = \"50ms\" }\nallowed-lateness = \"20ms\"",
    "window = { sliding = \"60ms\", slide = \"20ms\" }",
    "window = { session = \"10ms\" }",
];

fn general(window: &str, filter: &str, total: &str) -> String {
    format!(
        r#"
name = "general"
[sources.rows]
connector = "memory"
event-time = "ts"
watermark = {{ bounded-out-of-orderness = "40ms" }}
[filters.some]
input = "rows"
where = "{filter}"
[windows.step]
input = "some"
key-by = ["key"]
on-error = "skip"
{window}
aggregates = {{ n = "count", total = {total} }}
[sinks.out]
input = "step"
connector = "memory"
changelog = "kinds"
columns = ["key", "n", "total"]
"#
    )
}

#[test]
fn a_component_in_retracting_mode_is_refused() {
    let component = "{ component = \"tests/guests/total.wasm\", columns = [\"value\"], config = { times = 1 } }";
    let pipeline =
        general("window = { tumbling = \"50ms\" }\nemit = \"update\"\nmode = \"retracting\"", "true", component);
    let graph = weir_core::pipeline::parse(&pipeline, root(), &[]).unwrap();
    let Err(refused) = Job::check(&graph, &Memory::default(), &HOST) else { panic!("it is not refused") };
    let refused = format!("{refused:?}");
    assert!(refused.contains("a window in retracting mode takes back what it gave out"), "{refused}");
}

proptest! {
    #![proptest_config(crate::support::cases(24))]

    /// One split, because the order of rows counts; a component that refuses rows gives what a built-in sum does without these rows.
    #[test]
    fn a_component_in_any_window_gives_what_it_would_without_the_rows_that_it_refuses(
        splits in splits(),
        sizes in prop::collection::vec(1..20_usize, 1..5),
        seed in any::<u64>(),
        steps in 0..60_usize,
        (before, after) in (1..4_usize, 1..4_usize),
    ) {
        let component = "{ component = \"tests/guests/total.wasm\", columns = [\"value\"], \
                         config = { times = 1, refuses = 5, traps = 13, most = 30 } }";
        for window in GENERAL {
            let of = |filter, total| general(window, filter, total);
            let whole = Memory::new(splits[..1].to_vec(), vec![usize::MAX]);
            let built_in = of("value % 5 <> 0 and value % 13 <> 0 and value <= 30", "{ sum = \"value\" }");
            let expected = whole.run(&whole.job(&built_in, 1), |_| 0);
            let memory = Memory::new(splits[..1].to_vec(), sizes.clone());
            let pipeline = of("true", component);
            let (job, next) = (memory.job(&pipeline, before), memory.job(&pipeline, after));
            let got = memory.run_with_restore(&job, &next, steps, chooser(seed));
            prop_assert_eq!(&got, &expected, "{} from {} to {} subtasks", window, before, after);
        }
    }
}
