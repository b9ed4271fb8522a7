//! The broker is killed under a job that runs. A broker of its own: others are not to notice.

use serde_json::json;
use weir_tests::kafka_broker::Broker;

use super::job::CountJob;

const PARTITIONS: i32 = 3;
/// Seen again soon after it is back, not after ten seconds.
const PROPERTIES: &str = "properties = { \"reconnect.backoff.max.ms\" = 500 }";

#[test]
fn a_broker_that_is_killed_and_comes_back_is_waited_for() {
    let Some(mut broker) = Broker::start_new() else { return };
    let mut job = CountJob::new(&broker, "outage", PARTITIONS, PROPERTIES, PROPERTIES);
    job.send(&broker, 40_000, PARTITIONS);
    let mut running = job.start(2);
    // In the middle of a commit.
    job.stop_before_commit(&broker, &mut running, PARTITIONS);
    broker.stop();
    running.signal("CONT");
    running.until("it says what it waits for", |running| running.said().contains("\nin: "));
    broker.start();
    job.send(&broker, 10_000, PARTITIONS);
    job.until_all_is_written(&broker, &mut running);
    running.signal("TERM");
    assert_eq!(running.end().well().summary()["troubles"], json!([]));
    job.check(&broker);
}
