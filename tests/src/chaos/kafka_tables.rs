//! The job from topics to tables in topics: orders, each of which comes twice, with the customer who gave them, and totals of each
//! region.

use std::collections::BTreeMap;

use anyhow::Context;

use super::{Chaos, Dice, Job, KAFKA_SLOWNESS};
use crate::kafka_broker::Broker;
use crate::kafka_topic::{load, read_committed, read_keyed};
use crate::rows::compare;

const PARTITIONS: i32 = 3;
const ORDERS: u32 = 20_000;
const CUSTOMERS: u32 = 500;

/// Returns how many rows it had, and how often it was killed.
pub(super) fn run(
    chaos: &Chaos,
    broker: &Broker,
    round: u32,
    kills_max: u32,
    dice: &mut Dice,
) -> anyhow::Result<(usize, u32)> {
    let topic = |name: &str| format!("{name}-{}-{round}", chaos.seed);
    let (orders, customers) = (topic("orders"), topic("customers"));
    let order =
        |n: u32| format!("{{\"id\":{},\"customer\":{},\"amount\":{}}}", n / 2, n / 2 * 7 % CUSTOMERS, n / 2 % 97);
    let region = |customer: u32| format!("r{}", customer % 11);
    let customer = |id: u32| format!("{{\"id\":{id},\"region\":\"{}\"}}", region(id));
    let (all_orders, all_customers): (Vec<_>, Vec<_>) =
        ((0..ORDERS).map(order).collect(), (0..CUSTOMERS).map(customer).collect());
    load(broker, &orders, PARTITIONS, all_orders.iter().map(String::as_str))?;
    load(broker, &customers, PARTITIONS, all_customers.iter().map(String::as_str))?;
    let (mut placed, mut totals) = (Vec::new(), BTreeMap::<String, (u32, u32)>::new());
    for id in 0..ORDERS / 2 {
        let (region, amount) = (region(id * 7 % CUSTOMERS), id % 97);
        placed.push(format!("{{\"id\":{id},\"region\":\"{region}\",\"amount\":{amount}}}"));
        let total = totals.entry(region).or_default();
        *total = (total.0 + 1, total.1 + amount);
    }
    placed.sort();
    let total = |(region, (orders, total)): (String, (u32, u32))| {
        format!("{{\"region\":\"{region}\",\"orders\":{orders},\"total\":{total}}}")
    };
    let totals: Vec<String> = totals.into_iter().map(total).collect();

    let folder = tempfile::tempdir()?;
    let pipeline = folder.path().join("pipeline.toml");
    let sinks = [topic("placed"), topic("totals")];
    sinks.iter().for_each(|topic| broker.create_topic(topic, PARTITIONS, &[]));
    std::fs::write(&pipeline, text(&broker.address(), [&orders, &customers, &sinks[0], &sinks[1]]))?;
    let job = Job { pipeline: &pipeline, set: &["batch-rows=100"], slowness: KAFKA_SLOWNESS };
    let (_, kills) = chaos.until_it_ends(&job, kills_max, dice)?;
    compare(&placed, &read_committed(broker, &sinks[0])?).with_context(|| format!("after {kills} kills"))?;
    let newest: BTreeMap<String, Option<String>> = read_keyed(broker, &sinks[1])?.into_iter().collect();
    let mut table: Vec<String> = newest.into_values().flatten().collect();
    table.sort();
    compare(&totals, &table).with_context(|| format!("the totals after {kills} kills"))?;
    Ok((placed.len() + table.len(), kills))
}

fn text(address: &str, [orders, customers, placed, totals]: [&str; 4]) -> String {
    format!(
        r#"name = "tables"

[sources.orders]
connector = "kafka"
brokers = "{address}"
topic = "{orders}"
schema = {{ id = "int64", customer = "int64", amount = "int64" }}
stop = "latest"

[sources.customers]
connector = "kafka"
brokers = "{address}"
topic = "{customers}"
schema = {{ id = "int64", region = "utf8" }}
stop = "latest"

[dedup.once]
input = "orders"
key-by = ["id"]
keep = "first"

[joins.placed]
inputs = {{ orders = "once", customers = "customers" }}
on = ["orders.customer = customers.id"]
ttl = "1d"
columns = ["orders.id", "customers.region", "orders.amount"]

[aggregates.totals]
input = "placed"
key-by = ["region"]
aggregates = {{ orders = "count", total = {{ sum = "amount" }} }}

[sinks.placed-out]
input = "placed"
connector = "kafka"
brokers = "{address}"
topic = "{placed}"
format = "json"

[sinks.totals-out]
input = "totals"
connector = "kafka"
brokers = "{address}"
topic = "{totals}"
changelog = "upsert"
"#
    )
}
