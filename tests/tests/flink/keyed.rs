//! Java programs whose rows go through a component with state per key, against what Weir's own engine gives: the comparison is in Java.

use std::path::{Path, PathBuf};

use weir_tests::pipelines::Pipeline;
use weir_tests::running::root;

use crate::cluster::cluster;

const BIDS: u64 = 4_000;
const WINDOWS: u64 = 50;

/// Numbers that look random and are the same every time.
fn number(seed: u64, below: u64) -> u64 {
    weir_core::key_group::mix(seed) % below
}

/// Runs a step, of a section of a pipeline file, over rows of `in.csv`; the file with its rows, in their order by the first columns.
fn by_weir(section: &str, step: &str, columns: &str, rows: &[String]) -> (Pipeline, PathBuf) {
    let text = format!(
        "sources.in = {{ connector = \"file\", path = \"in.csv\", {columns} }}\n\
         {section}.step = {{ input = \"in\", {step} }}\n\
         sinks.out = {{ input = \"step\", connector = \"file\", path = \"out/\", format = \"csv\" }}\n"
    );
    let pipeline = Pipeline::new(&text, false);
    std::fs::write(pipeline.folder().join("in.csv"), rows.join("\n") + "\n").unwrap();
    let mut found = pipeline.expected();
    let key = |row: &String| row.split(',').map_while(|cell| cell.parse::<u64>().ok()).collect::<Vec<_>>();
    found.sort_by_key(key);
    let file = pipeline.folder().join("found.csv");
    std::fs::write(&file, format!("header\n{}\n", found.join("\n"))).unwrap();
    (pipeline, file)
}

fn component(path: &str) -> PathBuf {
    root().join(path).canonicalize().unwrap()
}

fn keyed(path: &Path, keys: &str) -> String {
    format!("component = \"{}\", key-by = {keys}", path.display())
}

#[test]
fn a_java_program_gets_what_weir_gives_whatever_fails_at_any_parallelism() {
    let Some(cluster) = cluster() else { return };
    let (first, second) = ("examples/hot-swap/level_v1.wasm", "examples/hot-swap/level_v2.wasm");
    let [first, second, hot, reminder, quantile] =
        [first, second, "examples/nexmark/hot_items.wasm", "tests/guests/reminder.wasm", "operators/quantile.wasm"]
            .map(component);
    let bids: Vec<String> = (0..BIDS).map(|n| format!("{n},{},{}", number(n, 40), number(n + BIDS, 1000))).collect();
    let level = keyed(&first, "[\"bidder\"]") + ", config = { gold-from = 5000 }";
    let schema = "header = false, schema = { seq = \"int64\", bidder = \"int64\", price = \"int64\" }";
    let (_bids, levels) = by_weir("operators", &level, schema, &bids);
    let with_ttl = level + ", ttl = \"40ms\"";
    let timed = "event-time = \"seq\", watermark = \"monotonic\", ".to_owned() + schema;
    let (_expiring, levels_with_ttl) = by_weir("operators", &with_ttl, &timed, &bids);
    let read = |file: &Path| std::fs::read_to_string(file).unwrap();
    assert_ne!(read(&levels), read(&levels_with_ttl), "no state has expired");
    let counts: Vec<String> = (0..WINDOWS * 8)
        .map(|n| {
            let (start, end) = (n / 8 * 10, n / 8 * 10 + 10);
            format!("{start},{end},{},{},{}", n % 8, number(n, 5), end * 1000 - 1)
        })
        .collect();
    let schema = "header = false, event-time = \"at\", watermark = \"monotonic\", schema = { window_start = \"int64\", window_end = \"int64\", \
                  auction = \"int64\", num = \"int64\", at = \"int64\" }";
    let (hots, found) = by_weir("operators", &keyed(&hot, "[\"window_start\", \"window_end\"]"), schema, &counts);
    let counts_file = hots.folder().join("counts.csv");
    std::fs::write(&counts_file, format!("header\n{}\n", counts.join("\n"))).unwrap();
    let window = format!(
        "window = {{ tumbling = \"10s\" }}, aggregates.bids = \"count\", aggregates.median = {{ component = \"{}\", \
         columns = [\"price\"], config = {{ q = 0.5 }} }}",
        quantile.display()
    );
    let timed: Vec<String> = bids.iter().enumerate().map(|(n, bid)| format!("{bid},{}", n * 100)).collect();
    let schema = "header = false, event-time = \"at\", watermark = \"monotonic\", schema = { seq = \"int64\", bidder = \"int64\", price = \"int64\", \
                  at = \"int64\" }";
    let (_windows, medians) = by_weir("windows", &format!("key-by = [\"bidder\"], {window}"), schema, &timed);
    let (_of_all, medians_of_all) = by_weir("windows", &window, schema, &timed);
    let mut java = cluster.files.java(&[]);
    java.args(["io.weir.flink.KeyedTrial", "rocksdb"]).args([
        &first,
        &second,
        &levels,
        &hot,
        &counts_file,
        &found,
        &reminder,
        &quantile,
        &medians,
        &medians_of_all,
        &levels_with_ttl,
    ]);
    let output = java.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && output.stdout.ends_with(b"ok\n"), "{errors}");
}
