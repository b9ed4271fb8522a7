//! Rolling aggregates and watermarks of sources that cannot be.

use expect_test::expect;

use crate::check_text;

const PIPELINE: &str = r#"[sources.trades]
connector = "collection"
rows = [{ at = 1, up_to = 1, symbol = "a", price = 2.5 }]
event-time = "at"
watermark = { column = "up_to", max-drift = "1m" }
[rolling.moving]
input = "trades"
key-by = ["symbol"]
range = "10m"
aggregates = { mean = { avg = "price" } }
[sinks.out]
input = "moving"
connector = "console"
"#;

#[test]
fn rolling_aggregates_and_watermarks() {
    let cases = [
        ("range = \"10m\"", "range = \"10m\"\nrows = 3"),
        ("range = \"10m\"", "rows = 0"),
        ("range = \"10m\"", "range = \"-1m\""),
        ("range = \"10m\"", "rang = \"1m\""),
        ("mean = { avg", "price = { avg"),
        ("{ avg = \"price\" }", "{ avg = \"symbol\" }"),
        ("{ avg = \"price\" }", "{ component = \"x.wasm\" }"),
        ("input = \"moving\"", "input = \"moving.dead-letter\""),
        ("column = \"up_to\"", "column = \"upto\""),
        ("column = \"up_to\"", "column = \"symbol\""),
        ("column = \"up_to\"", "column = \"up_to\", monotonic = true"),
        ("column = \"up_to\"", "column = \"up_to\", bounded-out-of-orderness = \"1s\""),
        ("event-time = \"at\"\n", ""),
        ("max-drift", "drift"),
    ];
    check_text(
        PIPELINE,
        &cases,
        &expect![[r#"
            error: rows and range cannot both be set
             --> p.toml:9:9
              |
            9 | range = "10m"
              |         ^^^^^ rows counts the rows, range is a time

            error: rows = 0 is out of range: it may be 1 to 100000000
             --> p.toml:9:8
              |
            9 | rows = 0
              |        ^

            error: range cannot be negative
             --> p.toml:9:9
              |
            9 | range = "-1m"
              |         ^^^^^

            error: [rolling.moving] has no key "rang"
             --> p.toml:9:1
              |
            9 | rang = "1m"
              | ^^^^ did you mean "range"?

            error: "price" is a column of the input already: give the aggregate another name
              --> p.toml:10:16
               |
            10 | aggregates = { price = { avg = "price" } }
               |                ^^^^^

            error: avg takes integers, floats and decimals, not utf8
              --> p.toml:10:31
               |
            10 | aggregates = { mean = { avg = "symbol" } }
               |                               ^^^^^^^^

            error: there is no component "x.wasm"; build it first (`weir build`), or correct the path
              --> p.toml:10:37
               |
            10 | aggregates = { mean = { component = "x.wasm" } }
               |                                     ^^^^^^^^

            error: "moving" has no dead letters
              --> p.toml:12:9
               |
            12 | input = "moving.dead-letter"
               |         ^^^^^^^^^^^^^^^^^^^^ set its on-error to "dead-letter"

            error: there is no column "upto"; did you mean "up_to"?; the columns are at, up_to, symbol, price
             --> p.toml:5:24
              |
            5 | watermark = { column = "upto", max-drift = "1m" }
              |                        ^^^^^^

            error: "symbol" cannot say watermarks: a timestamp, a date or an int64 of milliseconds can
             --> p.toml:5:24
              |
            5 | watermark = { column = "symbol", max-drift = "1m" }
              |                        ^^^^^^^^

            error: monotonic can only be true, and cannot be used with bounded-out-of-orderness or column
             --> p.toml:5:45
              |
            5 | watermark = { column = "up_to", monotonic = true, max-drift = "1m" }
              |                                             ^^^^

            error: column cannot be used with bounded-out-of-orderness
             --> p.toml:5:24
              |
            5 | watermark = { column = "up_to", bounded-out-of-orderness = "1s", max-drift = "1m" }
              |                        ^^^^^^^

            error: a column of watermarks needs an event time, which is not set here
             --> p.toml:4:24
              |
            4 | watermark = { column = "up_to", max-drift = "1m" }
              |                        ^^^^^^^ set `event-time = "COLUMN"` too

            error: [sources.trades.watermark] has no key "drift"
             --> p.toml:5:33
              |
            5 | watermark = { column = "up_to", drift = "1m" }
              |                                 ^^^^^ its keys are monotonic, bounded-out-of-orderness, column, idle-after, max-drift

        "#]],
    );
}
