//! Updating streams that cannot be: aggregates, deduplications, rankings, changes that are read, and steps that take no updates.

use expect_test::expect;

use crate::check_text;

const PIPELINE: &str = r#"[sources.bids]
connector = "collection"
rows = [{ at = 1, auction = 1, price = 2.5, who = "a", row_kind = "+I" }]
event-time = "at"
[aggregates.totals]
input = "bids"
key-by = ["auction"]
aggregates = { n = "count", most = { max = "price", where = "who <> ''" } }
[dedup.once]
input = "bids"
key-by = ["who"]
[top.best]
input = "totals"
order-by = ["most desc"]
limit = 3
rank = "place"
[changelogs.read]
input = "bids"
format = "kinds"
[sinks.out]
input = "best"
connector = "console"
[sinks.rest]
input = "once"
connector = "blackhole"
"#;

#[test]
fn updating_streams() {
    let cases = [
        ("row_kind = \"+I\"", "row_kind = 1"),
        ("format = \"kinds\"", "format = \"kinds\"\nkey = [\"row_kind\"]"),
        ("format = \"kinds\"", "format = \"debezium\""),
        ("format = \"kinds\"", "format = \"avro\""),
        ("n = \"count\", most", "auction = \"count\", most"),
        ("where = \"who <> ''\"", "where = \"who + 1\""),
        ("where = \"who <> ''\"", "wher = \"who <> ''\""),
        ("{ max = \"price\"", "{ max = \"prize\""),
        ("key-by = [\"who\"]", "key-by = [\"price\"]"),
        ("key-by = [\"who\"]\n", ""),
        ("key-by = [\"who\"]", "key-by = [\"who\"]\nkeep = \"latest\""),
        ("key-by = [\"who\"]", "key-by = [\"who\"]\nwithin = \"-1s\""),
        ("limit = 3", "limit = 3\nttl = \"1h\""),
        (
            "key-by = [\"auction\"]\naggregates",
            "key-by = [\"auction\"]\nttl = { after = \"1h\", refresh = \"read\" }\naggregates",
        ),
        ("input = \"bids\"\nkey-by = [\"who\"]", "input = \"totals\"\nkey-by = [\"auction\"]"),
        ("order-by = [\"most desc\"]", "order-by = [\"mst desc\"]"),
        ("order-by = [\"most desc\"]", "order-by = [\"most down\"]"),
        ("order-by = [\"most desc\"]", "order-by = []"),
        ("limit = 3", "limit = 0"),
        ("limit = 3", "limit = \"3\""),
        ("rank = \"place\"", "rank = \"n\""),
        ("rank = \"place\"", "ties = \"all\""),
        ("connector = \"console\"", "connector = \"stdout\""),
        ("connector = \"console\"", "connector = \"stdout\"\nchangelog = \"kind\""),
        ("input = \"once\"", "input = \"once.dead-letter\""),
        (
            "[dedup.once]\ninput = \"bids\"\nkey-by = [\"who\"]",
            "[windows.once]\ninput = \"totals\"\nwindow = { tumbling = \"1s\" }\naggregates.n = \"count\"",
        ),
    ];
    check_text(
        PIPELINE,
        &cases,
        &expect![[r#"
            error: its input needs a column "row_kind" of type utf8
              --> p.toml:19:10
               |
            19 | format = "kinds"
               |          ^^^^^^^

            error: there is no column "row_kind"; the columns are at, auction, price, who
              --> p.toml:20:8
               |
            20 | key = ["row_kind"]
               |        ^^^^^^^^^^

            error: its input needs the columns before, after and op, and has no "before": give the source a schema
              --> p.toml:19:10
               |
            19 | format = "debezium"
               |          ^^^^^^^^^^

            error: format cannot be "avro": it can be kinds or debezium
              --> p.toml:19:10
               |
            19 | format = "avro"
               |          ^^^^^^

            error: "auction" is a key already: give the aggregate another name
             --> p.toml:8:16
              |
            8 | aggregates = { auction = "count", most = { max = "price", where = "who <> ''" } }
              |                ^^^^^^^

            error: there is no utf8 + int64: || puts texts together
             --> p.toml:8:62
              |
            8 | aggregates = { n = "count", most = { max = "price", where = "who + 1" } }
              |                                                              ^^^^^^^

            error: [aggregates.totals.aggregates.most] has no key "wher"
             --> p.toml:8:53
              |
            8 | aggregates = { n = "count", most = { max = "price", wher = "who <> ''" } }
              |                                                     ^^^^ did you mean "where"?

            error: there is no column "prize"; did you mean "price"?; the columns are at, auction, price, who, row_kind
             --> p.toml:8:44
              |
            8 | aggregates = { n = "count", most = { max = "prize", where = "who <> ''" } }
              |                                            ^^^^^^^

            error: column "price" is float64; keys are integers, strings, booleans, dates, times or decimals
              --> p.toml:11:11
               |
            11 | key-by = ["price"]
               |           ^^^^^^^

            error: [dedup.once] needs a key "key-by"
             --> p.toml:9:8
              |
            9 | [dedup.once]
              |        ^^^^

            error: keep cannot be "latest": it can be first or last
              --> p.toml:12:8
               |
            12 | keep = "latest"
               |        ^^^^^^^^ did you mean "last"?

            error: within cannot be negative
              --> p.toml:12:10
               |
            12 | within = "-1s"
               |          ^^^^^

            error: ttl needs a stream of inserts, because a row of a key that is forgotten cannot be taken back: set it on the step that makes the updates
              --> p.toml:12:6
               |
            12 | [top.best]
               |      ^^^^

            error: [aggregates.totals.ttl] has no key "refresh"
             --> p.toml:8:23
              |
            8 | ttl = { after = "1h", refresh = "read" }
              |                       ^^^^^^^ its keys are after, time

            error: "once" takes inserts only, and "totals" makes updates that take rows back: rows that are taken back have no first and no last; deduplicate before the step that makes updates
              --> p.toml:10:9
               |
            10 | input = "totals"
               |         ^^^^^^^^

            error: there is no column "mst"; did you mean "most"?; the columns are auction, n, most
              --> p.toml:14:13
               |
            14 | order-by = ["mst desc"]
               |             ^^^^^^^^^^

            error: there is no column "most down"; the columns are auction, n, most
              --> p.toml:14:13
               |
            14 | order-by = ["most down"]
               |             ^^^^^^^^^^^

            error: order-by names no column
              --> p.toml:14:12
               |
            14 | order-by = []
               |            ^^

            error: limit = 0 is out of range: it may be 1 to 1000000
              --> p.toml:15:9
               |
            15 | limit = 0
               |         ^

            error: top.best.limit must be a whole number, not a string
              --> p.toml:15:9
               |
            15 | limit = "3"
               |         ^^^

            error: the input already has a column "n": give the rank another name
              --> p.toml:16:8
               |
            16 | rank = "n"
               |        ^^^

            error: ties cannot be "all": it can be row-number or rank or dense-rank
              --> p.toml:16:8
               |
            16 | ties = "all"
               |        ^^^^^

            error: "out" takes inserts only, and "best" makes updates that take rows back: set changelog = "kinds" to write each row with its kind (+I, -U, +U, -D), changelog = "debezium" for the envelope of Debezium, or in the sinks kafka and file changelog = "upsert" for the newest row of each key; the sinks console and blackhole take updates as they are
              --> p.toml:21:9
               |
            21 | input = "best"
               |         ^^^^^^

            error: changelog cannot be "kind": it can be kinds or debezium or upsert
              --> p.toml:23:13
               |
            23 | changelog = "kind"
               |             ^^^^^^ did you mean "kinds"?

            error: "once" has no output "dead-letter": it has main, late
              --> p.toml:24:9
               |
            24 | input = "once.dead-letter"
               |         ^^^^^^^^^^^^^^^^^^

            error: "once" takes inserts only, and "totals" makes updates that take rows back: a window cannot take back what it gave out; [aggregates.NAME] computes the same without a window, of updates too
              --> p.toml:10:9
               |
            10 | input = "totals"
               |         ^^^^^^^^

        "#]],
    );
}
