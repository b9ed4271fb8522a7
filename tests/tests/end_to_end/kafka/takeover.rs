//! A process that dies, or sleeps, when a checkpoint of it is complete and the rows are not committed: the next run commits them.

use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use weir_tests::kafka_broker::Broker;
use weir_tests::kafka_topic::SILENCE_MAX;

use super::job::CountJob;
use crate::harness::broker;

const PARTITIONS: i32 = 3;
const RECORDS: i64 = 150_000;
/// Long enough for a transaction on a busy machine, and too long to be waited for by chance.
const TRANSACTION_TIMEOUT: &str = "5000";

#[test]
fn a_job_that_is_down_for_longer_than_a_transaction_may_take_loses_nothing() {
    let Some(broker) = broker() else { return };
    let properties = format!("properties = {{ \"transaction.timeout.ms\" = {TRANSACTION_TIMEOUT} }}");
    let mut job = CountJob::new(broker, "down", PARTITIONS, "", &properties);
    job.send(broker, RECORDS, PARTITIONS);
    let mut running = job.start(2);
    job.stop_before_commit(broker, &mut running, PARTITIONS);
    // It is killed.
    drop(running);
    outlast_transactions(broker, &job.to);
    job.run_to_the_end(broker, 3);
    job.check(broker);
}

/// Waits until the broker has aborted a transaction that is opened now: by then it has aborted older ones.
fn outlast_transactions(broker: &Broker, topic: &str) {
    let mut config = broker.client();
    config.set("transactional.id", "outlasted").set("transaction.timeout.ms", TRANSACTION_TIMEOUT);
    let open: BaseProducer = config.create().unwrap();
    open.init_transactions(SILENCE_MAX).unwrap();
    open.begin_transaction().unwrap();
    open.send(BaseRecord::<(), str>::to(topic).payload("never committed").partition(0)).map_err(|(e, _)| e).unwrap();
    open.flush(SILENCE_MAX).unwrap();
    assert!(broker.settle(topic), "the transaction stays open");
}

#[test]
fn a_zombie_ends_and_writes_nothing() {
    let Some(broker) = broker() else { return };
    let mut job = CountJob::new(broker, "zombie", PARTITIONS, "", "");
    job.send(broker, RECORDS, PARTITIONS);
    let mut zombie = job.start(2);
    job.stop_before_commit(broker, &mut zombie, PARTITIONS);
    job.run_to_the_end(broker, 3).saying(&["resuming from checkpoint "]);
    zombie.signal("CONT");
    zombie.end().failed(&["pipeline.toml failed", "taken over"]);
    job.check(broker);
}
