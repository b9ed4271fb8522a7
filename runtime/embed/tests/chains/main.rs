//! Chains that are run one by one, as another engine does it, give what the job gives in one process: whatever comes first, at any
//! parallelism, and after a restore.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up has failed")]

mod cluster;

use std::path::Path;
use std::sync::Arc;

use weir_core::time::Clock;
use weir_embed::{Bundle, Opened};
use weir_engine::local::LocalJob;

use cluster::{Cluster, chooser};

/// A window over keys, two streams joined, the changes of a count, and a file that is published at checkpoints.
const PIPELINES: [(&str, &str); 4] = [
    (
        "windows",
        r#"
            [sources.bids]
            connector = "nexmark"
            table = "bid"
            events = 6000
            event-time = "ts"
            watermark = "monotonic"

            [windows.counts]
            input = "bids"
            key-by = ["auction"]
            window = { tumbling = "100ms" }
            aggregates.n = "count"
            aggregates.most = { max = "price" }

            [sinks.out]
            input = "counts"
            connector = "file"
            path = "out/"
            format = "csv"
        "#,
    ),
    (
        "joins",
        r#"
            [sources.bids]
            connector = "nexmark"
            table = "bid"
            events = 6000
            event-time = "ts"
            watermark = "monotonic"

            [sources.auctions]
            connector = "nexmark"
            table = "auction"
            events = 6000
            event-time = "ts"
            watermark = "monotonic"

            [joins.sold]
            inputs = { bids = "bids", auctions = "auctions" }
            on = ["bids.auction = auctions.id"]
            interval = { from = "-1s", to = "1s" }
            columns = ["bids.auction", "bids.price", "auctions.seller", "auctions.initial_bid"]

            [sinks.out]
            input = "sold"
            connector = "file"
            path = "out/"
            format = "csv"
        "#,
    ),
    (
        "updates",
        r#"
            [sources.bids]
            connector = "nexmark"
            table = "bid"
            events = 6000
            event-time = "ts"
            watermark = "monotonic"

            [aggregates.bidders]
            input = "bids"
            key-by = ["bidder"]
            aggregates.n = "count"

            [sinks.out]
            input = "bidders"
            connector = "file"
            path = "out.csv"
            changelog = "upsert"
        "#,
    ),
    (
        "filters",
        r#"
            [sources.bids]
            connector = "nexmark"
            table = "bid"
            events = 3000
            event-time = "ts"
            watermark = "monotonic"

            [filters.some]
            input = "bids"
            where = "auction % 3 = 1"

            [sinks.out]
            input = "some"
            connector = "file"
            path = "out.csv"
        "#,
    ),
];

/// Writes a pipeline into a folder of its own.
fn bundle(folder: &Path, pipeline: &str, parallelism: usize) -> Bundle {
    let file = folder.join("pipeline.toml");
    std::fs::write(&file, format!("batch-rows = 100\n{pipeline}")).unwrap();
    let set = [("parallelism".to_owned(), parallelism.to_string())];
    Bundle::read(&file, &set, None).unwrap_or_else(|error| panic!("{}", error.whole()))
}

/// What the sink has written, its lines sorted, without the headers of its files.
fn written(folder: &Path) -> Vec<String> {
    let out = folder.join("out");
    let files: Vec<_> = match out.is_dir() {
        true => std::fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().path()).collect(),
        false => vec![folder.join("out.csv")],
    };
    let mut lines = Vec::new();
    for file in files.iter().filter(|file| file.extension().is_some_and(|end| end == "csv")) {
        let text = std::fs::read_to_string(file).unwrap();
        lines.extend(text.lines().skip(1).map(str::to_owned));
    }
    lines.sort();
    lines
}

/// What the whole job writes in one process.
fn expected(pipeline: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let opened = Opened::open(&bundle(folder.path(), pipeline, 1).encode().unwrap()).unwrap();
    let clock: Arc<dyn Clock> = Arc::new(weir_core::time::ManualClock::default());
    let mut local = LocalJob::new(&opened.job, clock).unwrap();
    local.run(chooser(1)).unwrap();
    assert!(local.is_over());
    written(folder.path())
}

#[test]
fn the_same_rows_whatever_comes_first() {
    for (name, pipeline) in PIPELINES {
        let expected = expected(pipeline);
        assert!(expected.len() > 50, "{name}: {expected:?}");
        for (parallelism, seed) in [(1, 2), (2, 3), (3, 4)] {
            let folder = tempfile::tempdir().unwrap();
            let bundle = bundle(folder.path(), pipeline, parallelism).encode().unwrap();
            let mut cluster = Cluster::start(&bundle, None, false);
            cluster.run(usize::MAX, chooser(seed));
            assert_eq!(written(folder.path()), expected, "{name} at {parallelism}");
        }
    }
}

#[test]
fn the_same_rows_after_failures_and_at_another_parallelism() {
    for (name, pipeline) in PIPELINES {
        let expected = expected(pipeline);
        for (first, then) in [(2, 2), (1, 3), (3, 2)] {
            let folder = tempfile::tempdir().unwrap();
            let mut before = bundle(folder.path(), pipeline, first).encode().unwrap();
            let mut savepoint = None;
            for round in 0..4 {
                let mut choose = chooser(7 + round);
                let mut cluster = Cluster::start(&before, savepoint.as_ref(), true);
                cluster.run(25, &mut choose);
                // The last one is never told that its checkpoint is complete.
                savepoint = Some(cluster.checkpoint(round + 1, round < 3));
                // Lost with the rows after it.
                cluster.run(15, &mut choose);
                drop(cluster);
                before = bundle(folder.path(), pipeline, if round % 2 == 0 { then } else { first }).encode().unwrap();
            }
            let mut cluster = Cluster::start(&before, savepoint.as_ref(), true);
            cluster.run(usize::MAX, chooser(99));
            assert_eq!(written(folder.path()), expected, "{name} from {first} to {then}");
        }
    }
}
