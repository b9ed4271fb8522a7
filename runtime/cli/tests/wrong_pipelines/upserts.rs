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
        error: its input has no key: set key = ["COLUMN"]
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

        error: several rows can have the same key: the key of its input is ["auction"], and key must contain all of these columns
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

const FILES: &str = r#"mode = "final"
[sources.bids]
connector = "nexmark"
events = 1000
table = "bid"
event-time = "ts"
[aggregates.totals]
input = "bids"
key-by = ["auction"]
aggregates = { n = "count" }
[sinks.out]
input = "totals"
connector = "file"
path = "out.csv"
changelog = "upsert"
limits = { state = "1GiB" }
"#;

#[test]
fn tables_in_files_and_final_results() {
    let cases = [
        ("mode = \"final\"", "mode = \"last\""),
        ("events = 1000\n", ""),
        ("path = \"out.csv\"", "path = \"out/\"\nformat = \"csv\""),
        ("path = \"out.csv\"", "path = \"out.csv\"\nmode = \"append\""),
        ("path = \"out.csv\"", "path = \"out.csv\"\nlazy = true"),
        ("path = \"out.csv\"", "path = \"out.csv\"\nkey = \"auction\""),
        ("path = \"out.csv\"", "path = \"out.csv\"\nkey = [\"n\"]"),
        ("changelog = \"upsert\"\n", "key = [\"auction\"]\n"),
        (
            "input = \"totals\"\nconnector = \"file\"\npath = \"out.csv\"\nchangelog = \"upsert\"",
            "input = \"bids\"\nconnector = \"blackhole\"",
        ),
        ("state = \"1GiB\"", "memory = \"1GiB\""),
    ];
    check_text(
        FILES,
        &cases,
        &expect![[r#"
            error: mode cannot be "last": it can be updates or final
             --> p.toml:1:8
              |
            1 | mode = "last"
              |        ^^^^^^

            error: with mode = "final" results are given out when the input has ended, and "bids" never ends: let it end (kafka: stop = "latest"; file: no follow and no reload; nexmark: events), or leave the mode out
             --> p.toml:3:13
              |
            3 | connector = "nexmark"
              |             ^^^^^^^^^

            error: a table is written into one file, which is replaced at each checkpoint: `path` must not be a folder
              --> p.toml:14:8
               |
            14 | path = "out/"
               |        ^^^^^^

            error: a table takes the place of what is in the file: `mode = "overwrite"` does that with any file
              --> p.toml:15:8
               |
            15 | mode = "append"
               |        ^^^^^^^^

            error: the file of a table is there also if the table has no rows: leave `lazy` out
              --> p.toml:15:8
               |
            15 | lazy = true
               |        ^^^^

            error: it must be a list, such as ["a", "b"], not the text "auction"
              --> p.toml:15:7
               |
            15 | key = "auction"
               |       ^^^^^^^^^

            error: several rows can have the same key: the key of its input is ["auction"], and key must contain all of these columns
              --> p.toml:15:7
               |
            15 | key = ["n"]
               |       ^^^^^

            error: `key` is for `changelog = "upsert"`
              --> p.toml:15:7
               |
            15 | key = ["auction"]
               |       ^^^^^^^^^^^

            error: limits are those of the table that a sink keeps, with changelog = "upsert" of a file, emit = "checkpoint" or mode = "final": it keeps none
              --> p.toml:14:10
               |
            14 | limits = { state = "1GiB" }
               |          ^^^^^^^^^^^^^^^^^^

            error: [sinks.out.limits] has no key "memory"
              --> p.toml:16:12
               |
            16 | limits = { memory = "1GiB" }
               |            ^^^^^^ its keys are state

        "#]],
    );
}
