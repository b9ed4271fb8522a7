//! The pipeline of most tests: bids are counted by key, and what comes out says which version has counted.

/// As fast as a test of a story needs it, without an end.
pub(crate) const COUNTS: &str = r#"name = "counts"
parallelism = 2

[checkpoint]
dir = "the server's own"
interval = "100ms"

[sources.bids]
connector = "nexmark"
table = "bid"
rate = 20000
event-time = "ts"

[operators.value]
input = "bids"
component = "value@1"

[operators.count]
input = "value"
component = "count@1"
# Of 64 values, all of which come all the time.
key-by = ["extra"]
config = { tag = "0" }
limits = { call-time = "1s", memory = "8MiB" }

[sinks.out]
input = "count"
connector = "file"
path = "out/"
format = "csv"
columns = ["extra", "number", "tag", "value"]
"#;

/// Other values for some of its keys; each must be there.
pub(crate) fn counts(changes: &[(&str, &str)]) -> String {
    changes.iter().fold(COUNTS.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    })
}
