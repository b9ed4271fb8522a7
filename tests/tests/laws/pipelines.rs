//! Pipelines over rows in memory with every kind of step: built-in windows, aggregates and operators that are components, with
//! state and timers, behind operators that fail on some rows.

pub(crate) const WINDOWS: &[&str] =
    &["{ tumbling = \"100ms\" }", "{ sliding = \"150ms\", slide = \"50ms\" }", "{ session = \"30ms\" }"];

const SOURCE: &str = r#"
name = "laws"
[sources.rows]
connector = "memory"
event-time = "ts"
watermark = { bounded-out-of-orderness = "40ms" }
"#;

/// What stands before the step, and the name of what that reads then.
type Front = (&'static str, &'static str);

const NOTHING: Front = ("", "rows");

const SKIPPING: Front = (
    r#"
[operators.poison]
input = "rows"
component = "tests/guests/poison.wasm"
on-error = "skip"
limits = { call-time = "1m" }
"#,
    "poison",
);

const DEAD_LETTERS: Front = (
    r#"
[operators.poison]
input = "rows"
component = "tests/guests/poison.wasm"
on-error = "dead-letter"
limits = { call-time = "1m" }
[sinks.bad]
input = "poison.dead-letter"
connector = "memory"
columns = ["value", "ts", "key"]
book = "bad"
"#,
    "poison",
);

const BUILT_IN: &str = r#"
[windows.step]
input = "INPUT"
key-by = ["key"]
window = WINDOW
aggregates.n = "count"
aggregates.sum = { sum = "value" }
aggregates.min = { min = "value" }
aggregates.avg = { avg = "value" }
aggregates.first = { first = "value" }
aggregates.last = { last = "value" }
aggregates.dev = { stddev = "value" }
aggregates.p90 = { quantile = "value", q = 0.9 }
aggregates.different = { count-distinct = "value" }
aggregates.about = { approx-count-distinct = "value" }
aggregates.newest = { arg-max = "value", by = "ts" }
aggregates.all = { collect = "value" }
[sinks.out]
"#;

const QUANTILE: &str = r#"
[windows.step]
input = "INPUT"
key-by = ["key"]
window = WINDOW
aggregates.n = "count"
aggregates.median = { component = "operators/quantile.wasm", columns = ["value"], config = { q = 0.5 } }
[sinks.out]
"#;

/// Which row of a key comes first is open, and with it the sums on the way.
const RUNNING_COUNT: &str = r#"
[operators.step]
input = "INPUT"
component = "operators/running_count.wasm"
config = { column = "value" }
key-by = ["key"]
[sinks.out]
columns = ["key", "running_count"]
"#;

const HOT_ITEMS: &str = r#"
[windows.counts]
input = "INPUT"
key-by = ["key"]
window = { sliding = "150ms", slide = "50ms" }
aggregates.num = "count"
aggregates.auction = { min = "value" }
[operators.step]
input = "counts"
component = "examples/nexmark/hot_items.wasm"
key-by = ["window_start", "window_end"]
[sinks.out]
"#;

const TALLY: &str = r#"
[operators.step]
input = "INPUT"
component = "tests/guests/tally.wasm"
key-by = ["key"]
on-error = "skip"
limits = { call-time = "1m" }
[sinks.out]
"#;

pub(crate) const TALLY_PARTS: &str = r#"
[operators.step]
input = "INPUT"
component = "tests/guests/tally_parts.wasm"
key-by = ["key"]
on-error = "skip"
limits = { call-time = "1m" }
[sinks.out]
"#;

/// Which row of a key has which number is open.
pub(crate) const COUNT: &str = r#"
[operators.step]
input = "INPUT"
component = "tests/guests/count_v1.wasm"
config = { tag = "0" }
key-by = ["key"]
on-error = "skip"
limits = { call-time = "1m" }
[sinks.out]
columns = ["key", "number"]
"#;

/// The event time of the rows is set behind the source, by an operator.
const TIMED_LATER: &str = r#"
name = "laws"
[sources.rows]
connector = "memory"
[operators.poison]
input = "rows"
component = "tests/guests/poison.wasm"
on-error = "skip"
limits = { call-time = "1m" }
event-time = "ts"
watermark = { bounded-out-of-orderness = "40ms" }
"#;

/// The same by a select behind a filter.
const TIMED_BY_SELECT: &str = r#"
name = "laws"
[sources.rows]
connector = "memory"
[filters.some]
input = "rows"
where = "value <> 7 and value <> 13"
[selects.timed]
input = "some"
columns = { key = "key", value = "value", ts = "ts", at = "to_timestamp(ts, 'ms')" }
event-time = "at"
watermark = { bounded-out-of-orderness = "40ms" }
"#;

/// In the table of the sink, with which every step ends.
const SINK: &str = r#"
input = "step"
connector = "memory"
"#;

/// Every step behind everything that can stand before it.
pub(crate) fn all() -> Vec<String> {
    let windows = [BUILT_IN, QUANTILE].iter().flat_map(|step| WINDOWS.iter().map(|of| step.replace("WINDOW", of)));
    let operators = [RUNNING_COUNT, HOT_ITEMS, TALLY, TALLY_PARTS, COUNT].map(str::to_owned);
    let steps: Vec<String> = windows.chain(operators).collect();
    let behind = |front| steps.iter().map(move |step| pipeline(front, step));
    let timed_later = steps.iter().flat_map(|step| behind_timed(step));
    [NOTHING, SKIPPING, DEAD_LETTERS]
        .into_iter()
        .flat_map(behind)
        .chain(timed_later)
        .chain(crate::joins::pipelines())
        .collect()
}

/// A window of which the source sets the event time, and the same of which steps behind it do.
pub(crate) fn timed_thrice(window: &str) -> (String, [String; 2]) {
    let step = BUILT_IN.replace("WINDOW", window);
    (pipeline(SKIPPING, &step), behind_timed(&step))
}

fn behind_timed(step: &str) -> [String; 2] {
    let behind = |(front, input)| format!("{front}{}{SINK}", step.replace("INPUT", input));
    [(TIMED_LATER, "poison"), (TIMED_BY_SELECT, "timed")].map(behind)
}

/// As `tally`, with its state in a map.
pub(crate) fn tallied() -> [String; 2] {
    [TALLY, TALLY_PARTS].map(|step| pipeline(NOTHING, step))
}

/// A window with built-in aggregates over all rows.
pub(crate) fn windowed(window: &str) -> String {
    pipeline(NOTHING, &BUILT_IN.replace("WINDOW", window))
}

fn pipeline((front, input): Front, step: &str) -> String {
    format!("{SOURCE}{front}{}{SINK}", step.replace("INPUT", input))
}
