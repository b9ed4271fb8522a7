//! The command is killed thirty times, over jobs of every kind of state and sink.

use weir_tests::chaos::Chaos;

use crate::harness::{broker, root, weir};

#[test]
fn killed_jobs_lose_and_double_nothing() {
    let chaos = Chaos { weir: weir().get_program().into(), root: root(), kills: 30, seed: 20_130_101 };
    chaos.run(broker(), |line| println!("{line}")).unwrap();
}
