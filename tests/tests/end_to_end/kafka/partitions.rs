//! A topic gets more partitions under a job that reads it.

use super::job::CountJob;
use crate::harness::broker;

#[test]
fn partitions_that_are_added_are_read_once() {
    let Some(broker) = broker() else { return };
    let mut job = CountJob::new(broker, "grows", 2, "discover = \"100ms\"", "");
    job.send(broker, 5_000, 2);
    let mut running = job.start(2);
    job.until_all_is_written(broker, &mut running);
    broker.add_partitions(&job.from, 5);
    job.send(broker, 5_000, 5);
    job.until_all_is_written(broker, &mut running);
    running.signal("TERM");
    assert_eq!(running.end().well().summary()["suspended"], true);

    job.send(broker, 5_000, 5);
    let mut running = job.start(3);
    job.until_all_is_written(broker, &mut running);
    running.signal("TERM");
    running.end().well().saying(&["resuming from checkpoint "]);
    job.check(broker);
}
