//! Joins with tables: as of event time, and as they are now.

use std::path::Path;

use crate::harness::{PARALLELISM, run, sorted_rows};

/// Orders and rates; the key has two columns, and either may be null.
const ORDERS: &str = "id,currency,place,at\n8,USD,b,899\n1,EUR,b,900\n2,EUR,b,920\n3,EUR,b,930\n4,CHF,b,940\n5,,b,940\n6,EUR,,940\n7,EUR,b,1230\n9,USD,b,1230\n";
/// The last but one may be late, depending on how rows come, and is valid for later orders all the same; the one before may be, and is not.
const RATES: &str = "row_kind,currency,place,rate,at\n+I,EUR,b,1.10,900\n+I,EUR,b,1.20,930\n+I,,b,9.00,900\n+I,EUR,,9.00,900\n+I,USD,b,2.00,899\n-D,USD,b,2.00,1000\n+I,JPY,b,3.00,1200\n+I,EUR,b,1.15,925\n+I,EUR,b,1.30,950\n+I,JPY,b,4.00,1210\n";

fn pipeline(rates: &str, more: &str) -> String {
    format!(
        r#"
name = "tables"
batch-rows = 1
[sources.orders]
connector = "file"
path = "orders.csv"
event-time = {{ column = "at", unit = "s" }}
watermark = "monotonic"
schema = {{ id = "int64", currency = "utf8", place = "utf8", at = "int64" }}
[sources.rates]
connector = "file"
path = "rates.csv"
event-time = {{ column = "at", unit = "s" }}
watermark = {{ bounded-out-of-orderness = "200s" }}
schema = {{ row_kind = "utf8", currency = "utf8", place = "utf8", rate = "decimal128(10, 2)", at = "int64" }}
[changelogs.changed]
input = "rates"
format = "kinds"
key = ["currency", "place"]
[joins.j]
inputs = {{ orders = "orders", rates = "{rates}" }}
on = ["orders.currency = rates.currency", "rates.place = orders.place"]
{more}
columns = ["orders.id", "rates.rate"]
[sinks.out]
input = "j"
connector = "file"
path = "out.csv"
mode = "overwrite"
"#
    )
}

fn check(folder: &Path, pipeline: &str, expected: &[&str]) {
    let path = folder.join("p.toml");
    std::fs::write(&path, pipeline).unwrap();
    for parallelism in PARALLELISM {
        run(&path, &[("parallelism", parallelism.to_string())]);
        assert_eq!(sorted_rows(&folder.join("out.csv")), expected, "at {parallelism}:\n{pipeline}");
    }
}

#[test]
fn rows_find_the_version_of_their_time() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("orders.csv"), ORDERS).unwrap();
    std::fs::write(folder.path().join("rates.csv"), RATES).unwrap();
    let of_time = ["1,1.10", "2,1.10", "3,1.20", "4,", "5,", "6,", "7,1.30", "8,2.00", "9,"];
    check(folder.path(), &pipeline("changed", "as-of = \"event-time\"\ntype = \"left\""), &of_time);
    let within = ["1,1.10", "2,1.10", "3,1.20", "4,", "5,", "6,", "7,", "8,2.00", "9,"];
    check(folder.path(), &pipeline("changed", "as-of = \"event-time\"\ntype = \"left\"\nttl = \"50s\""), &within);
    let inner = ["1,1.10", "2,1.10", "3,1.20", "7,1.30", "8,2.00"];
    check(folder.path(), &pipeline("changed", "as-of = \"event-time\""), &inner);
    // Inserts: what is a deletion above is a version.
    let inserts = ["1,1.10", "2,1.10", "3,1.20", "7,1.30", "8,2.00", "9,2.00"];
    check(folder.path(), &pipeline("rates", "as-of = \"event-time\""), &inserts);
}

#[test]
fn rows_find_the_whole_table() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("orders.csv"), ORDERS).unwrap();
    std::fs::write(folder.path().join("rates.csv"), RATES).unwrap();
    let eur = ["1.10", "1.15", "1.20", "1.30"];
    let mut expected: Vec<String> = [1, 2, 3, 7].iter().flat_map(|id| eur.map(|rate| format!("{id},{rate}"))).collect();
    let inner: Vec<&str> = expected.iter().map(String::as_str).collect();
    check(folder.path(), &pipeline("changed", "as-of = \"now\""), &inner);
    expected.extend([4, 5, 6, 8, 9].map(|id| format!("{id},")));
    expected.sort();
    let left: Vec<&str> = expected.iter().map(String::as_str).collect();
    check(folder.path(), &pipeline("changed", "as-of = \"now\"\ntype = \"left\""), &left);
}
