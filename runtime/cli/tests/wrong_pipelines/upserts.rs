//! Sinks that write the newest row of each key, where there is no key, or one that does not fit.

use expect_test::expect;

use crate::check_text;

const PIPELINE: &str = r#"[sources.bids]
connector = "collection"
rows = [{ at = 1, auction = 1, price = 2.5, who = "a" }]
event-time = "at"
[aggregates.totals]
input = "bids"
key-by = ["auction"]
aggregates = { n = "count", most = { max = "price" } }
[sinks.out]
input = "totals"
connector = "kafka"
brokers = "localhost:1"
topic = "t"
changelog = "upsert"
[sinks.rest]
input = "bids"
connector = "kafka"
brokers = "localhost:1"
topic = "u"
changelog = "upsert"
key = ["who"]
"#;

#[test]
fn newest_rows_of_keys() {
    let cases = [
        ("\nkey = [\"who\"]", ""),
        ("key = [\"who\"]", "key = [\"whom\"]"),
        ("key = [\"who\"]", "key = [\"price\"]"),
        ("key = [\"who\"]", "key = [\"who\", \"who\"]"),
        ("key = [\"who\"]", "key = \"who\"\nkey-format = \"avro\""),
        ("key = [\"who\"]", "key = [\"who\", \"at\"]\nkey-format = \"text\""),
        ("topic = \"t\"\n", "topic = \"t\"\nkey = [\"n\"]\n"),
        ("topic = \"t\"\n", "topic = \"t\"\ncolumns = [\"n\", \"most\"]\n"),
        ("topic = \"t\"\n", "topic = \"t\"\nformat = \"raw\"\n"),
        ("topic = \"t\"\nchangelog = \"upsert\"\n", "topic = \"t\"\n"),
        ("changelog = \"upsert\"", "changelog = \"upserts\""),
        ("connector = \"kafka\"\nbrokers = \"localhost:1\"\ntopic = \"t\"\n", "connector = \"blackhole\"\n"),
    ];
    check_text(
        PIPELINE,
        &cases,
        &expect![[r#"
        error: nothing says by which columns the rows of its input are told apart: set key = ["COLUMN"]
          --> p.toml:20:13
           |
        20 | changelog = "upsert"
           |             ^^^^^^^^

        error: there is no column "whom"; did you mean "who"?; the columns are at, auction, price, who
          --> p.toml:21:7
           |
        21 | key = ["whom"]
           |       ^^^^^^^^

        error: column "price" is float64; keys are integers, strings, booleans, dates, times or decimals
          --> p.toml:21:7
           |
        21 | key = ["price"]
           |       ^^^^^^^^^

        error: key names a column twice
          --> p.toml:21:7
           |
        21 | key = ["who", "who"]
           |       ^^^^^^^^^^^^^^

        error: it cannot be `avro`; it can be json, text
          --> p.toml:22:14
           |
        22 | key-format = "avro"
           |              ^^^^^^

        error: a key of 2 columns is no text: leave `key-format` out, or set "json"
          --> p.toml:22:14
           |
        22 | key-format = "text"
           |              ^^^^^^

        error: several rows can have the same key, as those of its input are told apart by ["auction"]: key must have all of these
          --> p.toml:14:7
           |
        14 | key = ["n"]
           |       ^^^^^

        error: the key of its rows has the column "auction", which `columns` leaves out
          --> p.toml:15:13
           |
        15 | changelog = "upsert"
           |             ^^^^^^^^

        error: a null of such a value would be a tombstone: `changelog = "upsert"` writes "json" or "csv"
          --> p.toml:14:10
           |
        14 | format = "raw"
           |          ^^^^^

        error: "out" takes inserts only, and "totals" makes updates that take rows back: set changelog = "kinds" to write each row with its kind (+I, -U, +U, -D), changelog = "debezium" for the envelope of Debezium, or in the sinks kafka and file changelog = "upsert" for the newest row of each key; the sinks console and blackhole take updates as they are
          --> p.toml:10:9
           |
        10 | input = "totals"
           |         ^^^^^^^^

        error: changelog cannot be "upserts": it can be kinds or debezium or upsert
          --> p.toml:14:13
           |
        14 | changelog = "upserts"
           |             ^^^^^^^^^ did you mean "upsert"?

        error: it cannot write the newest row of each key: the sinks kafka and file can
          --> p.toml:12:13
           |
        12 | changelog = "upsert"
           |             ^^^^^^^^

    "#]],
    );
}
