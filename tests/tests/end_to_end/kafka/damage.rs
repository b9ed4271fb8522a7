//! Rows that a checkpoint has to write, and that were damaged before they were: nobody writes others in their place.

use super::job::CountJob;
use crate::damage::flip;
use crate::harness::broker;

const PARTITIONS: i32 = 3;

#[test]
fn damaged_rows_are_not_written_and_whole_ones_are_written_once() {
    let Some(broker) = broker() else { return };
    let mut job = CountJob::new(broker, "damage", PARTITIONS, "", "");
    job.send(broker, 150_000, PARTITIONS);
    let mut running = job.start(2);
    job.stop_before_commit(broker, &mut running, PARTITIONS);
    // It is killed.
    drop(running);
    let rows = job.staged();
    flip(&rows);
    job.start(2).end().failed(&[
        "is damaged, and rows of it may be in sink \"out\" already",
        "does not have the checksum that was written",
    ]);
    flip(&rows);
    job.run_to_the_end(broker, 2);
    job.check(broker);
}
