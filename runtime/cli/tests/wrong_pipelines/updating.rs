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
    check_text(PIPELINE, &cases, &expect![[""]]);
}
