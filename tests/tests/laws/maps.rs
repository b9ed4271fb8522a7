//! Maps of keyed operators: what is kept in entries gives what is kept in states gives, whatever happens meanwhile. That it does in
//! the simulation too, at any step of a job, is in `simulation`.

use proptest::prelude::*;
use weir_core::swap::Phase;
use weir_engine::{NewVersion, SwapError};

use crate::pipelines::tallied;
use crate::support::{Memory, chooser};
use crate::swaps::{PROBATION, start, steps, version};

fn splits(rows: &[(u8, i8, u8)], splits: usize) -> Vec<Vec<(String, i64, i64)>> {
    let mut all = vec![Vec::new(); splits];
    let mut now = 1_000;
    for (index, (key, value, gap)) in rows.iter().enumerate() {
        now += i64::from(*gap % 20);
        all[index % splits].push((format!("k{}", key % 4), i64::from(value % 20), now));
    }
    all
}

proptest! {
    #![proptest_config(crate::support::cases(32))]

    #[test]
    fn entries_give_what_states_give(
        rows in prop::collection::vec(any::<(u8, i8, u8)>(), 0..200),
        seed in any::<u64>(),
        (steps, splits_count, batch) in (0..60_usize, 1..4_usize, 1..30_usize),
        parallelism in any::<[u8; 2]>().prop_map(|of| of.map(|parallelism| 1 + usize::from(parallelism % 3))),
    ) {
        let memory = Memory::new(splits(&rows, splits_count), vec![batch, 1, 7]);
        let [states, entries] = tallied();
        let expected = memory.run(&memory.job(&states, 1), |_| 0);
        let whole = memory.run(&memory.job(&entries, parallelism[0]), chooser(seed));
        prop_assert_eq!(&whole, &expected);
        let [job, next] = parallelism.map(|parallelism| memory.job(&entries, parallelism));
        let mut restored = memory.run_with_restore(&job, &next, steps, chooser(seed));
        // A barrier may pass between two timers of a key, and the sink shows what comes after it twice.
        restored.dedup();
        prop_assert_eq!(restored, expected);
    }
}

fn step(component: &str) -> NewVersion {
    NewVersion { operator: "step".to_owned(), config: serde_json::Value::Null, ..version(component, 0, "never") }
}

#[test]
fn entries_stay_when_a_version_is_swapped() {
    let rows: Vec<(u8, i8, u8)> = (0..200_u8).map(|n| (n, (n % 7) as i8, 3)).collect();
    let memory = Memory::new(splits(&rows, 2), vec![4]);
    let [states, entries] = tallied();
    let expected = memory.run(&memory.job(&states, 1), |_| 0);
    let job = memory.job(&entries, 2);
    for gap in [0, 10, 40] {
        let (mut local, mut choose) = (start(&job), chooser(gap as u64));
        steps(&mut local, gap, &mut choose);
        let limits = weir_core::limits::OperatorLimits { memory_bytes: 32 << 20, ..step("tally_parts").limits };
        let next = job.swapped(&[NewVersion { limits, ..step("tally_parts") }], PROBATION).unwrap();
        let swap = local.swap(&job, &next, PROBATION).unwrap();
        local.run(choose).unwrap();
        assert_eq!(swap.phase(), Phase::Done);
        assert_eq!(memory.take_written(), expected);
    }
}

#[test]
fn a_version_with_other_maps_is_refused() {
    let memory = Memory::new(vec![Vec::new()], vec![1]);
    let [states, entries] = tallied();
    for (pipeline, component) in [(entries, "tally"), (states, "tally_parts")] {
        let swapped = memory.job(&pipeline, 1).swapped(&[step(component)], PROBATION);
        let Err(SwapError::Unfit { reason, .. }) = swapped else { panic!("{component} was taken") };
        assert!(reason.contains("its maps are different") && reason.contains("savepoint"), "{reason}");
    }
}
