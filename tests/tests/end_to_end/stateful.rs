//! Ready-made operators with state, over rows in a file: the same result at any parallelism and batch size.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use crate::harness::{PARALLELISM, root, run, sorted_rows};

/// shop, cents, seconds: enough keys that every subtask has some.
fn sales() -> Vec<(String, i64, i64)> {
    (0..2_000_i64).map(|i| (format!("shop-{}", (i * i) % 17), (i * 7_919) % 1_000, i)).collect()
}

fn write_sales(folder: &Path) {
    let mut text = String::from("shop,cents,at\n");
    for (shop, cents, second) in sales() {
        let (minutes, seconds) = (second / 60, second % 60);
        writeln!(text, "{shop},{cents},2024-01-01T00:{minutes:02}:{seconds:02}Z").unwrap();
    }
    std::fs::write(folder.join("sales.csv"), text).unwrap();
}

const SOURCE: &str = r#"
name = "sales"
[sources.sales]
connector = "file"
path = "sales.csv"
format = "csv"
event-time = "at"
"#;

fn check(operators: &str, sink_columns: &str, expected: &[String]) {
    let folder = tempfile::tempdir().unwrap();
    write_sales(folder.path());
    let file = folder.path().join("pipeline.toml");
    let sink = format!(
        "[sinks.out]\ninput = \"step\"\nconnector = \"file\"\npath = \"out.csv\"\nformat = \"csv\"\ncolumns = {sink_columns}\n"
    );
    std::fs::write(&file, format!("{SOURCE}{operators}{sink}")).unwrap();
    for parallelism in PARALLELISM {
        for batch_rows in [13, 8_192] {
            run(&file, &[("parallelism", parallelism.to_string()), ("batch-rows", batch_rows.to_string())]);
            let got = sorted_rows(&folder.path().join("out.csv"));
            assert_eq!(got, expected, "parallelism {parallelism}, batches of {batch_rows}");
        }
    }
}

#[test]
fn a_running_count_counts_every_row_of_a_key_once() {
    let mut so_far: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    let mut expected: Vec<String> = sales()
        .into_iter()
        .map(|(shop, cents, _)| {
            let (count, sum) = so_far.entry(shop.clone()).or_default();
            *count += 1;
            *sum += cents;
            format!("{shop},{count},{sum}.0")
        })
        .collect();
    expected.sort();
    let component = root().join("operators/running_count.wasm");
    let step = format!(
        "[operators.step]\ninput = \"sales\"\nkey-by = [\"shop\"]\ncomponent = \"{}\"\nconfig = {{ column = \"cents\" }}\n",
        component.display()
    );
    check(&step, "[\"shop\", \"running_count\", \"running_sum\"]", &expected);
}

#[test]
fn a_quantile_is_as_close_as_it_says() {
    let mut of_shop: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for (shop, cents, _) in sales() {
        of_shop.entry(shop).or_default().push(cents);
    }
    let folder = tempfile::tempdir().unwrap();
    write_sales(folder.path());
    let file = folder.path().join("pipeline.toml");
    let component = root().join("operators/quantile.wasm");
    let text = format!(
        r#"{SOURCE}
[windows.step]
input = "sales"
key-by = ["shop"]
window = {{ tumbling = "1d" }}
aggregates.median = {{ component = "{}", columns = ["cents"], config = {{ q = 0.5 }} }}
[sinks.out]
input = "step"
connector = "file"
path = "out.csv"
format = "csv"
columns = ["shop", "median"]
"#,
        component.display()
    );
    std::fs::write(&file, text).unwrap();
    let mut first: Option<Vec<String>> = None;
    for parallelism in PARALLELISM {
        run(&file, &[("parallelism", parallelism.to_string()), ("batch-rows", "100".to_owned())]);
        let got = sorted_rows(&folder.path().join("out.csv"));
        assert_eq!(got.len(), of_shop.len());
        for row in &got {
            let (shop, median) = row.split_once(',').unwrap();
            let mut values = of_shop[shop].clone();
            values.sort_unstable();
            let (median, exact): (f64, f64) = (median.parse().unwrap(), values[(values.len() - 1) / 2] as f64);
            assert!((median - exact).abs() <= 0.02 * exact + 1.0, "{shop}: {median} is far from {exact}");
        }
        assert_eq!(first.get_or_insert_with(|| got.clone()), &got, "parallelism {parallelism}");
    }
}
