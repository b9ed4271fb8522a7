//! When checkpoints are made, and what a person is told of them.

use std::sync::Arc;

use weir_core::graph::CheckpointSettings;
use weir_core::time::{Clock, ManualClock};
use weir_engine::Durable;
use weir_engine::local::{Choice, LocalJob};
use weir_state::checkpoint::object_store::memory::InMemory;

use crate::pipelines::{WINDOWS, windowed};
use crate::stores::{Operation, Verdict, hooked};
use crate::support::{Memory, checkpoint, durable_in};

/// A part takes so long to be written, and a manifest.
const PART_US: i64 = 5_000;
const MANIFEST_US: i64 = 300_000;
const MIN_PAUSE_MS: u64 = 1_000;

#[test]
fn the_time_that_storage_takes_is_part_of_a_checkpoint() {
    let clock = Arc::new(ManualClock::default());
    let slow = clock.clone();
    let store = hooked(&Arc::new(InMemory::new()), move |operation| {
        let takes_us = match operation {
            Operation::Put(_) => PART_US,
            Operation::Create(_) => MANIFEST_US,
            _ => 0,
        };
        slow.set_us(slow.now_us() + takes_us);
        Verdict::Go
    });
    let durable = durable_in(store);
    let settings = CheckpointSettings { interval_ms: 1, min_pause_ms: MIN_PAUSE_MS, ..durable.settings };
    let durable = Durable { settings, ..durable };
    let rows = (0..100).map(|i| (format!("k{i}"), i, 10 * i)).collect();
    let memory = Memory::new(vec![rows], vec![10]);
    let job = memory.job(&windowed(WINDOWS[0]), 1);
    let mut local = LocalJob::resume(&job, clock.clone(), &durable).unwrap();
    local.step(Choice::Poll(0)).unwrap();

    let begun_us = clock.now_us();
    checkpoint(&mut local, |_| 0);
    let took_us = clock.now_us() - begun_us;
    assert!(took_us > MANIFEST_US && (took_us - MANIFEST_US) % PART_US == 0, "{took_us}");
    assert_eq!(local.checkpoints().took_us, took_us);

    let pause_us = 1_000 * i64::try_from(MIN_PAUSE_MS).unwrap();
    for (passed_us, expected) in [(pause_us - 1, false), (1, true)] {
        clock.set_us(clock.now_us() + passed_us);
        local.tick().unwrap();
        let begins = local.choices().iter().any(|choice| matches!(choice, Choice::Trigger(_)));
        assert_eq!(begins, expected, "{passed_us} microseconds later");
    }
}
