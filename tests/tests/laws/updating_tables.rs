//! Pipelines of updating streams, each with the table that they describe, computed from all rows at once.

use std::collections::BTreeMap;

use crate::support::Row;

/// A pipeline, behind a source `rows`, and what its sink's table is.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) steps: &'static str,
    pub(crate) table: fn(&[Row]) -> Vec<String>,
}

/// All of them.
pub(crate) const CASES: &[Case] = &[
    Case {
        name: "totals per key",
        steps: r#"
[aggregates.totals]
input = "rows"
key-by = ["key"]
aggregates = { n = "count", sum = { sum = "value" }, max = { max = "value" }, avg = { avg = "value" } }
[sinks.out]
input = "totals"
columns = ["key", "n", "sum", "max", "avg"]
"#,
        table: |rows| {
            let row = |(key, values): (String, Vec<i64>)| {
                let (n, sum) = (values.len(), values.iter().sum::<i64>());
                format!("{key},{n},{sum},{},{:?}", values.iter().max().unwrap(), sum as f64 / n as f64)
            };
            by_key(rows).into_iter().map(row).collect()
        },
    },
    Case {
        name: "aggregates of totals, which are taken back",
        steps: r#"
[aggregates.totals]
input = "rows"
key-by = ["key"]
aggregates = { n = "count", sum = { sum = "value" } }
[filters.large]
input = "totals"
where = "sum > 20"
[selects.renamed]
input = "large"
columns = [{ total = "sum" }, "n", { third = "cast(sum as float64) / 4" }]
[aggregates.all]
input = "renamed"
aggregates = { keys = "count", sum = { sum = "total" }, max = { max = "n" }, min = { min = "total" }, different = { count-distinct = "n" }, list = { collect = "n" }, mean = { avg = "third" } }
[sinks.out]
input = "all"
columns = ["keys", "sum", "max", "min", "different", "list", "mean"]
"#,
        table: |rows| {
            let large: Vec<(i64, usize)> = by_key(rows)
                .into_values()
                .map(|values| (values.iter().sum::<i64>(), values.len()))
                .filter(|(sum, _)| *sum > 20)
                .collect();
            if large.is_empty() {
                return Vec::new();
            }
            let counts: std::collections::BTreeSet<usize> = large.iter().map(|(_, n)| *n).collect();
            let (sum, min) =
                (large.iter().map(|(sum, _)| sum).sum::<i64>(), large.iter().map(|(sum, _)| sum).min().unwrap());
            let mut list: Vec<usize> = large.iter().map(|(_, n)| *n).collect();
            list.sort_unstable();
            let list: Vec<String> = list.iter().map(ToString::to_string).collect();
            let mean = large.iter().map(|(sum, _)| *sum as f64 / 4.0).sum::<f64>() / large.len() as f64;
            let max = counts.last().unwrap();
            vec![format!("{},{sum},{max},{min},{},[{}],{mean:?}", large.len(), counts.len(), list.join(", "))]
        },
    },
    Case {
        name: "aggregates of rows for which conditions hold",
        steps: r#"
[aggregates.totals]
input = "rows"
key-by = ["key"]
aggregates = { even = { count = "*", where = "value % 2 = 0" }, odd = { sum = "value", where = "value % 2 = 1" } }
[aggregates.all]
input = "totals"
aggregates = { keys = { count = "*", where = "even > 1" }, most = { max = "odd", where = "even > 1" } }
[sinks.out]
input = "all"
columns = ["keys", "most"]
"#,
        table: |rows| {
            if rows.is_empty() {
                return Vec::new();
            }
            let odd = |values: &[i64]| {
                let odd: Vec<i64> = values.iter().copied().filter(|value| value % 2 == 1).collect();
                (!odd.is_empty()).then(|| odd.iter().sum::<i64>())
            };
            let keys = by_key(rows).into_values().filter(|v| v.iter().filter(|value| *value % 2 == 0).count() > 1);
            let odd: Vec<Option<i64>> = keys.map(|values| odd(&values)).collect();
            let most = odd.iter().flatten().max().map_or_else(|| "null".to_owned(), ToString::to_string);
            vec![format!("{},{most}", odd.len())]
        },
    },
    Case {
        name: "totals of a component that refuses rows, and traps",
        steps: r#"
[aggregates.totals]
input = "rows"
key-by = ["key"]
on-error = "skip"
[aggregates.totals.aggregates]
n = "count"
total = { component = "tests/guests/total.wasm", columns = ["value"], config = { times = 2, refuses = 3, traps = 13 } }
even = { component = "tests/guests/total.wasm", columns = ["value"], where = "value % 2 = 0", config = { times = 1 } }
[sinks.out]
input = "totals"
columns = ["key", "n", "total", "even"]
"#,
        table: |rows| {
            let taken = |values: Vec<i64>| values.into_iter().filter(|v| v % 3 != 0 && v % 13 != 0).collect::<Vec<_>>();
            let totals = by_key(rows).into_iter().map(|(key, values)| (key, taken(values)));
            let row = |(key, v): (String, Vec<i64>)| {
                let even = v.iter().filter(|v| *v % 2 == 0).sum::<i64>();
                format!("{key},{},{},{even}", v.len(), 2 * v.iter().sum::<i64>())
            };
            totals.filter(|(_, values)| !values.is_empty()).map(row).collect()
        },
    },
    Case {
        name: "components of totals that are taken back, of which some are refused",
        steps: r#"
[aggregates.totals]
input = "rows"
key-by = ["key"]
aggregates = { n = "count", value = { sum = "value" } }
[aggregates.all]
input = "totals"
on-error = "skip"
[aggregates.all.aggregates]
n = "count"
max = { max = "value" }
total = { component = "tests/guests/total.wasm", columns = ["value"], config = { times = 2, refuses = 5, traps = 13, most = 1000 } }
median = { component = "operators/quantile.wasm", columns = ["n"], config = { q = 0.5 } }
even = { component = "tests/guests/total.wasm", columns = ["value"], where = "value % 2 = 0", config = { times = 1 } }
[sinks.out]
input = "all"
columns = ["n", "max", "total", "even"]
"#,
        table: |rows| {
            let sums = by_key(rows).into_values().map(|values| values.iter().sum::<i64>());
            // One that is too much alone is refused, all that are too much together have no result.
            let taken: Vec<i64> = sums.filter(|sum| sum % 5 != 0 && sum % 13 != 0 && *sum <= 1000).collect();
            let total = taken.iter().sum::<i64>();
            let even = taken.iter().filter(|sum| *sum % 2 == 0).sum::<i64>();
            let result = |max: &i64| format!("{},{max},{},{even}", taken.len(), 2 * total);
            taken.iter().max().filter(|_| total <= 1000).map(result).into_iter().collect()
        },
    },
    Case {
        name: "a component that takes rows back, of totals, of which some are refused",
        steps: r#"
[aggregates.totals]
input = "rows"
key-by = ["key"]
aggregates = { n = "count", value = { sum = "value" } }
[aggregates.all]
input = "totals"
key-by = ["n"]
on-error = "skip"
[aggregates.all.aggregates]
keys = "count"
total = { component = "tests/guests/net_total.wasm", columns = ["value"], config = { times = 2, refuses = 5, traps = 13 } }
even = { component = "tests/guests/net_total.wasm", columns = ["value"], where = "value % 2 = 0", config = { times = 1, refuses = 14 } }
[sinks.out]
input = "all"
columns = ["n", "keys", "total", "even"]
"#,
        table: |rows| {
            let mut by_count: BTreeMap<usize, Vec<i64>> = BTreeMap::new();
            for values in by_key(rows).into_values() {
                by_count.entry(values.len()).or_default().push(values.iter().sum());
            }
            let is_taken = |sum: &i64| sum % 5 != 0 && sum % 13 != 0 && sum % 14 != 0;
            let taken = |sums: Vec<i64>| sums.into_iter().filter(is_taken).collect::<Vec<_>>();
            let row = |(n, s): (usize, Vec<i64>)| {
                let even = s.iter().filter(|sum| *sum % 2 == 0).sum::<i64>();
                format!("{n},{},{},{even}", s.len(), 2 * s.iter().sum::<i64>())
            };
            by_count
                .into_iter()
                .map(|(n, sums)| (n, taken(sums)))
                .filter(|(_, sums)| !sums.is_empty())
                .map(row)
                .collect()
        },
    },
    Case {
        name: "the last row of each key",
        steps: r#"
[dedup.latest]
input = "rows"
key-by = ["key"]
keep = "last"
[sinks.out]
input = "latest"
columns = ["key", "value", "ts"]
"#,
        table: |rows| {
            let mut latest: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
            for (key, value, ts) in rows {
                let latest = latest.entry(key).or_insert((*ts, *value));
                *latest = (*latest).max((*ts, *value));
            }
            latest.into_iter().map(|(key, (ts, value))| format!("{key},{value},{ts}")).collect()
        },
    },
    Case {
        name: "the first two of each key, with their places",
        steps: r#"
[top.best]
input = "rows"
key-by = ["key"]
order-by = ["value desc"]
limit = 2
offset = 1
rank = "place"
[sinks.out]
input = "best"
columns = ["key", "value", "place"]
"#,
        table: |rows| {
            let places = |(key, mut values): (String, Vec<i64>)| {
                values.sort_by_key(|value| -value);
                let shown = values.into_iter().zip(1..).skip(1).take(2);
                shown.map(|(value, place)| format!("{key},{value},{place}")).collect::<Vec<_>>()
            };
            by_key(rows).into_iter().flat_map(places).collect()
        },
    },
    Case {
        name: "ranks of floats, of which zeros of either sign are one, and of all columns",
        steps: r#"
[selects.signed]
input = "rows"
columns = ["key", { price = "case when value % 3 = 0 then -0.0 when value % 3 = 1 then 0.0 else cast(value as float64) end" }]
[aggregates.prices]
input = "signed"
key-by = ["key"]
aggregates = { price = { min = "price" } }
[top.least]
input = "prices"
order-by = ["price desc"]
limit = 1
ties = "dense-rank"
rank = "place"
[aggregates.tied]
input = "least"
aggregates = { n = "count", place = { max = "place" } }
[sinks.out]
input = "tied"
columns = ["n", "place"]
"#,
        table: |rows| {
            let least = |values: Vec<i64>| values.iter().map(|v| if v % 3 == 2 { *v } else { 0 }).min().unwrap();
            let prices: Vec<i64> = by_key(rows).into_values().map(least).collect();
            let Some(most) = prices.iter().max() else { return Vec::new() };
            vec![format!("{},1", prices.iter().filter(|price| *price == most).count())]
        },
    },
    Case {
        name: "the first two counts with ties, of totals that are taken back",
        steps: r#"
[aggregates.totals]
input = "rows"
key-by = ["key"]
aggregates = { n = "count" }
[top.most]
input = "totals"
order-by = ["n desc"]
limit = 2
ties = "rank"
rank = "place"
[sinks.out]
input = "most"
columns = ["key", "n", "place"]
"#,
        table: |rows| {
            let counts: Vec<(String, usize)> = by_key(rows).into_iter().map(|(key, v)| (key, v.len())).collect();
            let place = |n: usize| 1 + counts.iter().filter(|(_, other)| *other > n).count();
            let shown = counts.iter().filter(|(_, n)| place(*n) <= 2);
            shown.map(|(key, n)| format!("{key},{n},{}", place(*n))).collect()
        },
    },
    Case {
        name: "the first row of each value, which has several",
        steps: r#"
[selects.parity]
input = "rows"
columns = ["key", { parity = "value % 2" }]
[dedup.once]
input = "parity"
key-by = ["key", "parity"]
[sinks.out]
input = "once"
columns = ["key", "parity"]
"#,
        table: |rows| {
            let seen: std::collections::BTreeSet<(&str, i64)> = rows.iter().map(|(k, v, _)| (&**k, v % 2)).collect();
            seen.into_iter().map(|(key, parity)| format!("{key},{parity}")).collect()
        },
    },
    Case {
        name: "updates united with inserts, of other subtasks",
        steps: r#"
[aggregates.totals]
input = "rows"
key-by = ["key"]
aggregates = { n = "count" }
[aggregates.whole]
input = "rows"
aggregates = { n = "count" }
[selects.of-whole]
input = "whole"
columns = [{ key = "'all'" }, "n"]
[selects.of-rows]
input = "rows"
columns = ["key", { n = "cast(0 as bigint)" }]
[filters.together]
input = ["totals", "of-whole", "of-rows"]
where = "n >= 0"
[aggregates.sums]
input = "together"
aggregates = { n = { sum = "n" }, all = "count" }
[sinks.out]
input = "sums"
columns = ["n", "all"]
"#,
        table: |rows| match by_key(rows).len() {
            0 => Vec::new(),
            keys => vec![format!("{},{}", 2 * rows.len(), keys + 1 + rows.len())],
        },
    },
    Case {
        name: "sessions that are given out after each batch, with a condition",
        steps: r#"
[windows.sessions]
input = "rows"
key-by = ["key"]
window = { session = "5ms" }
emit = "update"
mode = "retracting"
allowed-lateness = "1h"
aggregates = { n = { count = "*", where = "value > 0" }, sum = { sum = "value" } }
[aggregates.all]
input = "sessions"
aggregates = { n = { sum = "n" }, sum = { sum = "sum" }, sessions = "count" }
[sinks.out]
input = "all"
columns = ["n", "sum", "sessions"]
"#,
        table: |rows| {
            let mut times: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
            rows.iter().for_each(|(key, _, ts)| times.entry(key).or_default().push(*ts));
            let sessions = |mut times: Vec<i64>| {
                times.sort_unstable();
                1 + times.windows(2).filter(|pair| pair[1] - pair[0] > 5).count()
            };
            let sessions: usize = times.into_values().map(sessions).sum();
            let sum: i64 = rows.iter().map(|(_, value, _)| value).sum();
            if rows.is_empty() { Vec::new() } else { vec![format!("{},{sum},{sessions}", rows.len())] }
        },
    },
    Case {
        name: "accounts, of transfers between them",
        steps: r#"
[selects.from]
input = "rows"
columns = [{ account = "key" }, { amount = "-value" }]
[selects.to]
input = "rows"
columns = [{ account = "'k' || cast(value % 5 as string)" }, { amount = "value" }]
[aggregates.balances]
input = ["from", "to"]
key-by = ["account"]
aggregates = { balance = { sum = "amount" } }
[aggregates.bank]
input = "balances"
aggregates = { total = { sum = "balance" } }
[sinks.out]
input = "bank"
columns = ["total"]
"#,
        table: |rows| if rows.is_empty() { Vec::new() } else { vec!["0".to_owned()] },
    },
];

fn by_key(rows: &[Row]) -> BTreeMap<String, Vec<i64>> {
    let mut by_key: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    rows.iter().for_each(|(key, value, _)| by_key.entry(key.clone()).or_default().push(*value));
    by_key
}
