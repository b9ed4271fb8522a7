//! Joins against the simplest model of them: every pair of rows is looked at. Whatever the batches, the order of subtasks, the
//! parallelism, and after a restore at any point; and nothing that a join gives out is late for what reads it.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, TimestampMicrosecondArray};
use arrow::util::display::array_value_to_string;
use proptest::prelude::*;
use weir_core::graph::{JoinBounds, JoinType};
use weir_core::window::{Window, WindowAssigner, merge_touching};

use weir_engine::local::LocalJob;
use weir_state::checkpoint::object_store::memory::InMemory;

use crate::faults::{Dice, Faults};
use crate::ledger::Ledger;
use crate::stores::plain;
use crate::support::{Memory, Row, checkpoint, chooser, durable_in, job, splits};

/// Rows of both sides come from the same splits: those of the right side have negative values. Rows of the key `k0` have none.
pub(crate) const SOURCES: &str = r#"
name = "joins"
batch-rows = 7
[sources.a]
connector = "memory"
event-time = "ts"
watermark = { bounded-out-of-orderness = "40ms" }
[sources.b]
connector = "memory"
event-time = "ts"
watermark = { bounded-out-of-orderness = "40ms" }
[filters.some]
input = "a"
where = "value >= 0"
[filters.others]
input = "b"
where = "value < 0"
[selects.left]
input = "some"
columns = { k = "nullif(key, 'k0')", v = "value" }
[selects.right]
input = "others"
columns = { k = "nullif(key, 'k0')", v = "value" }
"#;

pub(crate) const READERS: &str = r#"
[windows.counts]
input = "j"
window = { tumbling = "20ms" }
aggregates.n = "count"
[sinks.rows]
input = "j"
connector = "memory"
book = "rows"
[sinks.counted]
input = "counts"
connector = "memory"
book = "counts"
"#;

const INTERVALS: &[(&str, i64, i64)] = &[
    ("{ from = \"-20ms\", to = \"35ms\" }", -20_000, 35_000),
    ("{ after = \"-20ms\", before = \"1ms\" }", -19_999, 999),
    ("{ from = \"5ms\", before = \"60ms\" }", 5_000, 59_999),
    ("{ after = \"-60ms\", to = \"-5ms\" }", -59_999, -5_000),
];

const WINDOWS: &[(&str, WindowAssigner)] = &[
    ("{ tumbling = \"30ms\" }", WindowAssigner::Tumbling { size: 30_000, offset: 0 }),
    ("{ sliding = \"50ms\", slide = \"20ms\" }", WindowAssigner::Sliding { size: 50_000, slide: 20_000, offset: 0 }),
    ("{ sliding = \"15ms\", slide = \"20ms\" }", WindowAssigner::Sliding { size: 15_000, slide: 20_000, offset: 0 }),
    ("{ session = \"12ms\" }", WindowAssigner::Session { gap: 12_000 }),
];

/// A joined row: the values of both sides, its window, its event time.
pub(crate) type Joined = (Option<i64>, Option<i64>, Option<Window>, i64);

fn pipeline(bounds: &str, join_type: JoinType) -> String {
    let columns = match (join_type.is_left_alone(), bounds.contains("window")) {
        (true, false) => "[\"left.v\"]",
        (true, true) => "[\"left.v\", \"window_start\", \"window_end\"]",
        (false, true) => "[\"left.v\", { w = \"right.v\" }, \"window_start\", \"window_end\"]",
        (false, false) => "[\"left.v\", { w = \"right.v\" }]",
    };
    let name = join_type.name();
    format!(
        "{SOURCES}[joins.j]\ninputs = {{ left = \"left\", right = \"right\" }}\non = [\"right.k = left.k\"]\ntype = \"{name}\"\n\
         {bounds}\ncolumns = {columns}\n{READERS}"
    )
}

/// Keys, values and times in microseconds of one side.
pub(crate) fn side(rows: &[Row], is_left: bool) -> Vec<(Option<&str>, i64, i64)> {
    let of_side = rows.iter().filter(|(_, value, _)| (*value >= 0) == is_left);
    of_side.map(|(key, value, ts)| (Some(key.as_str()).filter(|key| *key != "k0"), *value, ts * 1_000)).collect()
}

/// All joined rows, by looking at all pairs within each window: an interval join has one for all rows.
pub(crate) fn model(rows: &[Row], bounds: JoinBounds, join_type: JoinType) -> Vec<Joined> {
    let (lefts, rights) = (side(rows, true), side(rows, false));
    let windows_of = |key: Option<&str>, time: i64| match bounds {
        JoinBounds::Interval { .. }
        | JoinBounds::Regular { .. }
        | JoinBounds::AsOfNow
        | JoinBounds::AsOfEventTime { .. } => vec![None],
        JoinBounds::Window(WindowAssigner::Session { gap }) => {
            let session = WindowAssigner::Session { gap };
            // Rows without a key that would not go out are nowhere.
            let [lefts, rights] = [(0, &lefts), (1, &rights)]
                .map(|(side, rows)| rows.iter().filter(move |_| key.is_some() || join_type.keeps_unmatched(side)));
            let of_key = lefts.chain(rights).filter(|(other, ..)| *other == key);
            let of_key: Vec<Window> = of_key.flat_map(|(_, _, time)| session.assign(*time)).collect();
            let own = session.assign(time)[0];
            let merged = merge_touching(&of_key).into_iter().find(|merged| merged.from.contains(&own));
            vec![merged.map(|merged| merged.window)]
        }
        JoinBounds::Window(window) => window.assign(time).into_iter().map(Some).collect(),
    };
    let matches = |left: &(Option<&str>, i64, i64), right: &(Option<&str>, i64, i64), window: Option<Window>| {
        let in_bounds = match bounds {
            JoinBounds::Interval { lower, upper } => {
                let apart = right.2 - left.2;
                lower.is_none_or(|lower| lower <= apart) && upper.is_none_or(|upper| apart <= upper)
            }
            JoinBounds::Regular { ttl } => ttl.is_none_or(|ttl| (right.2 - left.2).abs() <= ttl),
            JoinBounds::Window(_) => windows_of(right.0, right.2).contains(&window),
            JoinBounds::AsOfNow | JoinBounds::AsOfEventTime { .. } => unreachable!("these have a model of their own"),
        };
        left.0.is_some() && left.0 == right.0 && in_bounds
    };
    let mut joined: Vec<Joined> = Vec::new();
    for left in &lefts {
        for window in windows_of(left.0, left.2) {
            let with: Vec<_> = rights.iter().filter(|right| matches(left, right, window)).collect();
            let at = |time: i64| window.map_or(time, |window| window.max_time());
            match join_type {
                JoinType::Semi if !with.is_empty() => joined.push((Some(left.1), None, window, at(left.2))),
                JoinType::Anti if with.is_empty() => joined.push((Some(left.1), None, window, at(left.2))),
                JoinType::Semi | JoinType::Anti => {}
                _ => {
                    let pair = |right: &&(_, i64, i64)| (Some(left.1), Some(right.1), window, at(left.2.max(right.2)));
                    joined.extend(with.iter().map(pair));
                    if with.is_empty() && join_type.keeps_unmatched(0) {
                        joined.push((Some(left.1), None, window, at(left.2)));
                    }
                }
            }
        }
    }
    for right in rights.iter().filter(|_| join_type.keeps_unmatched(1)) {
        for window in windows_of(right.0, right.2) {
            let in_window = |left: &&(Option<&str>, i64, i64)| windows_of(left.0, left.2).contains(&window);
            if !lefts.iter().filter(in_window).any(|left| matches(left, right, window)) {
                joined.push((None, Some(right.1), window, window.map_or(right.2, |window| window.max_time())));
            }
        }
    }
    joined
}

fn instant(us: i64) -> String {
    let column: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![us]).with_timezone("UTC"));
    array_value_to_string(&column, 0).unwrap()
}

fn expected(rows: &[Row], bounds: JoinBounds, join_type: JoinType) -> Vec<String> {
    written(&model(rows, bounds, join_type), join_type)
}

/// What both sinks write.
pub(crate) fn written(joined: &[Joined], join_type: JoinType) -> Vec<String> {
    let value = |value: &Option<i64>| value.map_or("null".to_owned(), |value| value.to_string());
    let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
    let mut lines = Vec::new();
    for (left, right, window, time) in joined {
        let right = if join_type.is_left_alone() { String::new() } else { format!(",{}", value(right)) };
        let window = window.map_or(String::new(), |w| format!(",{},{}", instant(w.start), instant(w.end)));
        lines.push(format!("{}{right}{window}", value(left)));
        *counts.entry(time.div_euclid(20_000)).or_default() += 1;
    }
    lines.extend(
        counts.iter().map(|(slot, n)| format!("{},{},{n}", instant(slot * 20_000), instant((slot + 1) * 20_000))),
    );
    lines.sort();
    lines
}

/// As [`Memory::run_with_restore`], into sinks that show rows once: a subtask behind others that have ended may be past the barrier when
/// the checkpoint is complete.
pub(crate) fn run_with_restore(
    memory: Memory,
    pipeline: &str,
    (before, after): (usize, usize),
    steps: usize,
    seed: u64,
) -> Vec<String> {
    let faults = Faults::new(Dice::new(seed));
    let ledger = Ledger::new(memory, faults.clone());
    let durable = durable_in(plain(&Arc::new(InMemory::new())));
    let resume =
        |parallelism| LocalJob::resume(&job(&ledger, pipeline, parallelism), faults.clock.clone(), &durable).unwrap();
    let mut choose = chooser(seed);
    let mut local = resume(before);
    for _ in 0..steps {
        let choices = local.choices();
        let Some(choice) = choices.get(choose(choices.len().max(1))) else { break };
        local.step(*choice).unwrap();
    }
    if !local.is_over() {
        checkpoint(&mut local, &mut choose);
        drop(local);
        resume(after).run(choose).unwrap();
    }
    ledger.visible()
}

/// A pipeline per kind of join.
pub(crate) fn pipelines() -> Vec<String> {
    let bounds = [
        "interval = { from = \"-20ms\", to = \"35ms\" }",
        "window = { tumbling = \"30ms\" }",
        "window = { session = \"12ms\" }",
    ];
    let types = [JoinType::Inner, JoinType::Full, JoinType::Anti];
    let as_of = [JoinType::Inner, JoinType::Left].map(|join_type| pipeline("as-of = \"event-time\"", join_type));
    bounds.iter().flat_map(|bounds| types.map(|join_type| pipeline(bounds, join_type))).chain(as_of).collect()
}

/// All joins: what the file says, and what it means.
fn joins() -> Vec<(String, JoinBounds, JoinType)> {
    let mut joins = Vec::new();
    for (_, join_type) in JoinType::NAMES {
        for (text, lower, upper) in INTERVALS {
            let bounds = JoinBounds::Interval { lower: Some(*lower), upper: Some(*upper) };
            joins.push((pipeline(&format!("interval = {text}"), join_type), bounds, join_type));
        }
    }
    for (_, join_type) in JoinType::NAMES {
        for (text, window) in WINDOWS {
            let bounds = JoinBounds::Window(*window);
            joins.push((pipeline(&format!("window = {text}"), join_type), bounds, join_type));
        }
    }
    // Those without bounds that take no row back.
    for join_type in [JoinType::Inner, JoinType::Semi] {
        let bounds = JoinBounds::Regular { ttl: Some(50_000) };
        joins.push((pipeline("ttl = \"50ms\"", join_type), bounds, join_type));
    }
    let bounds = JoinBounds::Regular { ttl: None };
    joins.push((pipeline("ttl = \"none\"", JoinType::Semi), bounds, JoinType::Semi));
    joins
}

proptest! {
    #![proptest_config(crate::support::cases(16))]

    #[test]
    fn joined_rows_are_those_of_the_model(
        splits in splits(),
        sizes in prop::collection::vec(1..20_usize, 1..5),
        seed in any::<u64>(),
    ) {
        let rows: Vec<Row> = splits.concat();
        for (pipeline, bounds, join_type) in joins() {
            let expected = expected(&rows, bounds, join_type);
            for parallelism in 1..=3 {
                let memory = Memory::new(splits.clone(), sizes.clone());
                let got = memory.run(&memory.job(&pipeline, parallelism), chooser(seed));
                prop_assert_eq!(&got, &expected, "{:?} {:?} at parallelism {}", join_type, bounds, parallelism);
            }
        }
    }

    #[test]
    fn a_restore_of_joins_at_any_point_changes_nothing(
        splits in splits(),
        sizes in prop::collection::vec(1..20_usize, 1..5),
        seed in any::<u64>(),
        steps in 0..120_usize,
        (before, after) in (1..4_usize, 1..4_usize),
    ) {
        let rows: Vec<Row> = splits.concat();
        for (pipeline, bounds, join_type) in joins() {
            let memory = Memory::new(splits.clone(), sizes.clone());
            let got = run_with_restore(memory, &pipeline, (before, after), steps, seed);
            prop_assert_eq!(
                &got, &expected(&rows, bounds, join_type),
                "{:?} {:?} from {} to {} subtasks", join_type, bounds, before, after
            );
        }
    }
}
