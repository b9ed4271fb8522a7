//! Whole jobs in one thread, from a seed: any order of subtasks, checkpoints at any time, rows on which operators fail, a store that
//! fails, is slow, answers twice, loses its answer or what was not synced, commits that fail half-way, crashes at any step, processes
//! that were thought dead and wake up, another parallelism and other versions of operators each time and in between. What is visible in the end is what a run without all that
//! gives.

use weir_core::graph::CheckpointSettings;
use weir_core::time::Clock;
use weir_engine::local::LocalJob;
use weir_engine::{Durable, Job};

use crate::faults::{Dice, Faults};
use crate::ledger::Ledger;
use crate::pipelines;
use crate::random_pipelines::{Chosen, table_of};
use crate::stores::Hooked;
use crate::support::{Memory, Row, durable_in, job};
use crate::swapper::{Swapper, versions};

/// Seeds of every test run; `WEIR_SIMULATION_SEEDS=10000` tries more, `WEIR_SIMULATION_SEED=7` one.
const SEEDS: u64 = 200;
/// After so many starts nothing fails any more, so that every seed comes to an end.
const FAULTY_STARTS_MAX: u32 = 12;

#[test]
fn nothing_is_lost_or_doubled_whatever_fails() {
    let set = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let seeds = match set("WEIR_SIMULATION_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..set("WEIR_SIMULATION_SEEDS").unwrap_or(SEEDS),
    };
    let mut starts = 0;
    for seed in seeds {
        starts += simulate(seed);
    }
    println!("{starts} starts");
}

/// Rows that are at most 40 ms behind, in up to four splits. Some values make operators refuse their row (7) or trap (13); none
/// makes one loop (17).
fn splits(dice: &Dice) -> Vec<Vec<Row>> {
    let split = |_| {
        let mut now = 1_000;
        let row = |_| {
            now += dice.below(25) as i64;
            (format!("k{}", dice.below(5)), dice.below(67) as i64 - 50, now - dice.below(40) as i64)
        };
        (0..dice.below(300)).map(row).collect()
    };
    (0..1 + dice.below(4)).map(split).collect()
}

/// Runs one seed to its end; returns how often the job was started.
fn simulate(seed: u64) -> u32 {
    let dice = Dice::new(seed);
    let pipelines = pipelines::all();
    let is_random = dice.one_in(3);
    let pipeline = &match is_random {
        true => Chosen::by_dice(&dice).pipeline(),
        false => pipelines[dice.below(pipelines.len())].clone(),
    };
    // Of changes, the table that they lead to counts.
    let result = |written: Vec<String>| if is_random { table_of(&written) } else { (written, true) };
    let splits = splits(&dice);
    let whole = Memory::new(splits.clone(), vec![usize::MAX]);
    let expected = result(whole.run(&whole.job(pipeline, 1), |_| 0));

    let faults = Faults::new(dice.clone());
    let memory = Memory::new(splits, vec![1 + dice.below(7), 1 + dice.below(20)]);
    let ledger = Ledger::new(memory, faults.clone());
    let jobs: Vec<Vec<Job>> = (1..=3).map(|parallelism| versions(job(&ledger, pipeline, parallelism))).collect();
    let (disk, store) = faults.store();
    let durable = Durable { settings: settings(&dice), ..durable_in(store) };
    let mut zombies: Vec<LocalJob> = Vec::new();
    for start in 1.. {
        assert!(start < 1_000, "seed {seed} does not end");
        faults.turn(start <= FAULTY_STARTS_MAX);
        let mut swapper = Swapper::new(&jobs[dice.below(jobs.len())], &dice);
        let resumed = LocalJob::resume(swapper.job(), faults.clock.clone(), &durable);
        let Ok(mut local) = resumed else { continue };
        if live(&mut local, &mut zombies, &mut swapper, &faults, &disk) {
            assert_eq!(result(ledger.visible()), expected, "seed {seed}, after {start} starts, of {pipeline}");
            return start;
        }
        match dice.below(4) {
            // The whole machine fails.
            0 | 1 => {
                zombies.clear();
                disk.lose_power();
            }
            2 => zombies.push(local),
            _ => {}
        }
    }
    unreachable!()
}

fn settings(dice: &Dice) -> CheckpointSettings {
    CheckpointSettings {
        location: "memory".to_owned(),
        interval_ms: 1 + dice.below(40) as u64,
        min_pause_ms: dice.below(5) as u64,
        timeout_ms: 500 + dice.below(5_000) as u64,
        keep: 1 + dice.below(3),
    }
}

/// Steps a job until it is over (`true`), fails, or crashes.
fn live(
    local: &mut LocalJob,
    zombies: &mut Vec<LocalJob>,
    swapper: &mut Swapper<'_>,
    faults: &Faults,
    disk: &Hooked,
) -> bool {
    let dice = &faults.dice;
    while !local.is_over() {
        faults.pass_time();
        // What could not be synced is the most telling while it is not.
        if faults.strike(250) || (disk.has_unsynced_puts() && faults.strike(10)) {
            return false;
        }
        if let Some(zombie) = zombies.last_mut().filter(|_| dice.one_in(5)) {
            let choices = zombie.choices();
            let stepped = choices.get(dice.below(choices.len().max(1))).map(|choice| zombie.step(*choice));
            // It has found out, or has nothing more to do.
            if !matches!(stepped, Some(Ok(()))) {
                zombies.pop();
            }
        }
        swapper.swap_now_and_then(local, dice);
        let choices = local.choices();
        let stepped = match choices.get(dice.below(choices.len().max(1))) {
            Some(choice) => local.step(*choice),
            // A last checkpoint that failed is tried again when its time has come.
            None => {
                faults.clock.set_us(faults.clock.now_us() + 1_000_000);
                local.tick()
            }
        };
        if stepped.is_err() {
            return false;
        }
    }
    true
}
