//! The command is killed thirty times, over jobs of every kind of state and sink.

use weir_tests::chaos::Chaos;
use weir_tests::kafka_broker::Broker;

use crate::harness::{root, weir};

#[test]
fn killed_jobs_lose_and_double_nothing() {
    let chaos = Chaos { weir: weir().get_program().into(), root: root(), kills: 30, seed: 20_130_101 };
    chaos.run(Broker::start_new().as_ref(), |line| println!("{line}")).unwrap();
}
