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
    check_text(PIPELINE, &cases, &expect![[r#""#]]);
}
