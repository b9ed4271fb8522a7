//! Tables in topics: the newest message of each key counts. What is written is the table that the rows so far give, however a job is
//! disturbed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use weir_tests::kafka_broker::Broker;
use weir_tests::kafka_topic::{Keyed, read_keyed, send, send_keyed};

use crate::harness::{PARALLELISM, broker, weir};
use crate::running::Running;

const PARTITIONS: i32 = 3;
const BOUNDED: &str = "stop = \"latest\"";

/// Items of shops: their prices change, they move to another shop, and go.
fn items(changes: i64) -> Vec<Keyed> {
    let change = |n: i64| {
        let id = n * 7919 % 101;
        let key = format!("{{\"id\":{id}}}");
        let value = format!("{{\"id\":{id},\"shop\":\"s{}\",\"price\":{}}}", n / 3 % 7, n % 1000);
        (key, (n % 5 != 0).then_some(value))
    };
    (0..changes).map(change).collect()
}

/// What messages of items come to: of each shop how many items it has, and for how much.
fn totals(messages: &[Keyed]) -> BTreeMap<String, String> {
    let newest: BTreeMap<&str, &Option<String>> = messages.iter().map(|(key, value)| (key.as_str(), value)).collect();
    let mut shops: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for item in newest.values().filter_map(|value| value.as_deref()) {
        let item: serde_json::Value = serde_json::from_str(item).unwrap();
        let total = shops.entry(item["shop"].as_str().unwrap().to_owned()).or_default();
        *total = (total.0 + 1, total.1 + item["price"].as_i64().unwrap());
    }
    let row = |(shop, (items, total)): (String, (i64, i64))| {
        let key = format!("{{\"shop\":\"{shop}\"}}");
        (key, format!("{{\"shop\":\"{shop}\",\"items\":{items},\"total\":{total}}}"))
    };
    shops.into_iter().map(row).collect()
}

/// The table that a topic holds.
fn table(broker: &Broker, topic: &str) -> BTreeMap<String, String> {
    let newest: BTreeMap<String, Option<String>> = read_keyed(broker, topic).unwrap().into_iter().collect();
    newest.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
}

/// Keeps totals of the items of one topic in another.
fn write_pipeline(path: &Path, broker: &Broker, (from, to): (&str, &str), (source, sink): (&str, &str)) {
    let address = broker.address();
    let pipeline = format!(
        r#"
name = "totals"
batch-rows = 50
[sources.items]
connector = "kafka"
brokers = "{address}"
topic = "{from}"
schema = {{ id = "int64", shop = "utf8", price = "int64" }}
changelog = "upsert"
key = ["id"]
{source}
[dedup.current]
input = "items"
key-by = ["id"]
keep = "last"
[aggregates.totals]
input = "current"
key-by = ["shop"]
aggregates = {{ items = "count", total = {{ sum = "price" }} }}
[sinks.out]
input = "totals"
connector = "kafka"
brokers = "{address}"
topic = "{to}"
changelog = "upsert"
{sink}
"#
    );
    fs::write(path, pipeline).unwrap();
}

#[test]
fn a_table_in_a_topic_becomes_another() {
    let Some(broker) = broker() else { return };
    let items = items(20_000);
    broker.create_topic("items", PARTITIONS, &[]);
    send_keyed(broker, "items", PARTITIONS, &items).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("totals.toml");
    for parallelism in PARALLELISM {
        for (delivery, checkpoints) in [("exactly-once", true), ("at-least-once", true), ("exactly-once", false)] {
            let to = format!("totals-{parallelism}-{delivery}-{checkpoints}");
            broker.create_topic(&to, PARTITIONS, &[]);
            write_pipeline(&path, broker, ("items", &to), (BOUNDED, &format!("delivery = \"{delivery}\"")));
            let mut command = weir();
            command.arg("run").arg(&path).args(["--json", "--parallelism", &parallelism.to_string()]);
            if checkpoints {
                command.args(["--checkpoint-interval", "20ms", "--checkpoint-dir"]).arg(folder.path().join(&to));
            }
            let ended = Running::start(&mut command).end().well();
            assert_eq!(table(broker, &to), totals(&items), "{to}");
            let written = read_keyed(broker, &to).unwrap();
            assert_eq!(ended.summary()["sinks"][0]["rows"], written.len(), "{to}");
        }
    }
}

#[test]
fn a_table_is_whole_after_kills() {
    let Some(broker) = broker() else { return };
    let items = items(60_000);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("totals.toml");
    for delivery in ["exactly-once", "at-least-once"] {
        let (from, to) = (format!("killed-{delivery}-from"), format!("killed-{delivery}-to"));
        broker.create_topic(&from, PARTITIONS, &[]);
        broker.create_topic(&to, PARTITIONS, &[]);
        write_pipeline(&path, broker, (&from, &to), ("", &format!("delivery = \"{delivery}\"")));
        let run = |parallelism: usize| {
            let mut command = weir();
            command.arg("run").arg(&path).args(["--json", "--checkpoint-interval", "10ms", "--checkpoint-dir"]);
            command.arg(folder.path().join(&to)).args(["--parallelism", &parallelism.to_string()]);
            Running::start(&mut command)
        };
        for (parallelism, items) in [2, 3, 1].into_iter().zip(items.chunks(20_000)) {
            send_keyed(broker, &from, PARTITIONS, items).unwrap();
            let written = read_keyed(broker, &to).unwrap().len();
            let mut running = run(parallelism);
            running.until("more is written", |_| read_keyed(broker, &to).is_ok_and(|now| now.len() > written));
            running.kill();
        }
        let mut running = run(2);
        running.until("the table is whole", |_| table(broker, &to) == totals(&items));
        running.signal("TERM");
        running.end().well().saying(&["resuming from checkpoint "]);
        assert_eq!(table(broker, &to), totals(&items), "{delivery}");
    }
}

#[test]
fn changes_of_debezium_are_read_with_envelopes_and_tombstones() {
    let Some(broker) = broker() else { return };
    broker.create_topic("captured", 1, &[]);
    let change = |id: i64, before: &str, after: &str, op: &str| {
        let payload = format!("{{\"before\":{before},\"after\":{after},\"op\":\"{op}\",\"ts_ms\":1}}");
        let value = format!("{{\"schema\":{{\"type\":\"struct\",\"name\":\"payload\"}},\"payload\":{payload}}}");
        (format!("{{\"schema\":{{}},\"payload\":{{\"id\":{id}}}}}"), Some(value))
    };
    let [one, uno, two] =
        ["one", "uno", "two"].map(|name| format!("{{\"id\":{},\"name\":\"{name}\"}}", 1 + i32::from(name == "two")));
    let mut messages = vec![
        change(1, "null", &one, "c"),
        change(2, "null", &two, "r"),
        change(1, &one, &uno, "u"),
        change(2, &two, "null", "d"),
    ];
    messages.push((messages[1].0.clone(), None));
    send_keyed(broker, "captured", 1, &messages).unwrap();
    send(broker, "captured", 1, ["{\"schema\":null,\"payload\":null}", "{\"before\":null}"]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let address = broker.address();
    let pipeline = format!(
        r#"
name = "customers"
[sources.captured]
connector = "kafka"
brokers = "{address}"
topic = "captured"
schema = {{ before = "struct<id: int64, name: utf8>", after = "struct<id: int64, name: utf8>", op = "utf8" }}
envelope = "connect"
tombstones = "skip"
stop = "latest"
on-error = "dead-letter"
[changelogs.customers]
input = "captured"
format = "debezium"
key = ["id"]
[sinks.out]
input = "customers"
connector = "file"
path = "out.csv"
changelog = "kinds"
[sinks.refused]
input = "captured.dead-letter"
connector = "file"
path = "refused.csv"
"#
    );
    fs::write(at("pipeline.toml"), pipeline).unwrap();
    crate::harness::run(&at("pipeline.toml"), &[]);
    let rows = fs::read_to_string(at("out.csv")).unwrap();
    assert_eq!(rows, "row_kind,id,name\n+I,1,one\n+I,2,two\n-U,1,one\n+U,1,uno\n-D,2,two\n");
    let refused = fs::read_to_string(at("refused.csv")).unwrap();
    assert_eq!(refused.matches("it has no payload: it is no envelope of Kafka Connect").count(), 2, "{refused}");
}
