//! A job that an earlier version had a swap on trial in continues in the version on trial and in the one before, and in no other that would
//! lose some of its state: see the README of its folder.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::RecordBatch;
use weir_core::swap::{Phase, Probation};
use weir_core::time::ManualClock;
use weir_engine::local::LocalJob;
use weir_engine::{Job, NewVersion, StartError};
use weir_state::CheckpointStore;
use weir_state::checkpoint::Completion;
use weir_state::checkpoint::object_store::memory::InMemory;

use crate::stores::plain;
use crate::support::{Memory, Row, checkpoint, chooser, durable_in, root};
use crate::swaps::{PROBATION, steps, tags, version};

/// What an operator's states may go back to, in the metadata of their table: the digest of a component, and more.
const GOES_BACK_TO: &str = "state_goes_back_to";
const DIGEST_CHARS: usize = 64;

#[test]
fn today_resumes_from_the_golden_trial() {
    for (component, tag) in [("count_wide", 1), ("count_v1", 2)] {
        for parallelism in 1..4 {
            let memory = Memory::new(input(), vec![4]);
            resume(&job(&memory, component, tag, parallelism), "count_v1").unwrap().run(chooser(7)).unwrap();
            let mut written = memory.take_written();
            written.extend(fs::read_to_string(golden("written.csv")).unwrap().lines().map(str::to_owned));
            for (key, tags) in tags(&written, &input()) {
                assert!(
                    tags.is_sorted() && tags.contains(&1) && tags.ends_with(&[tag]),
                    "{component}, {key}: {tags:?}"
                );
            }
        }
    }
}

#[test]
fn the_golden_trial_goes_back_to_nothing_else() {
    for (component, before, would_be) in [("count_v1", "count_text", "uint32"), ("count_text", "count_v1", "utf8")] {
        let job = job(&Memory::new(input(), vec![4]), component, 2, 2);
        let refused = resume(&job, before).map(drop).unwrap_err();
        let refused = format!("{:#}", anyhow::Error::new(refused));
        let why = format!("the column \"count\" of its state is uint64, and would be {would_be}");
        assert!(refused.contains("does not fit the operator \"count\"") && refused.contains(&why), "{refused}");
    }
}

#[test]
#[ignore = "makes the golden checkpoint, once"]
fn make_golden_trial() {
    assert!(!golden("state").exists(), "it must be read for ever, and is not created again");
    let memory = Memory::new(input(), vec![4]);
    let durable = durable_in(CheckpointStore::open(golden("state").to_str().unwrap()).unwrap());
    let job = job(&memory, "count_v1", 0, 2);
    let (mut local, mut choose) =
        (LocalJob::resume(&job, Arc::new(ManualClock::default()), &durable).unwrap(), chooser(1));
    steps(&mut local, 30, &mut choose);
    let endless = Probation { batches: u64::MAX, ..PROBATION };
    let config = serde_json::json!({ "tag": "1" });
    let wide = job.swapped(&[NewVersion { config, ..version("count_wide", 1, "never") }], endless).unwrap();
    let swap = local.swap(&job, &wide, endless).unwrap();
    steps(&mut local, 60, &mut choose);
    checkpoint(&mut local, &mut choose);
    assert!(matches!(swap.phase(), Phase::Probation { .. }) && swap.no_return().is_none() && !local.is_over());
    fs::write(golden("written.csv"), memory.take_written().join("\n") + "\n").unwrap();
}

fn golden(name: &str) -> PathBuf {
    root().join("tests/golden/trial-v1").join(name)
}

/// What the job reads, for ever.
fn input() -> Vec<Vec<Row>> {
    let row = |value: i64| (format!("k{}", value * 7 % 5), value, value);
    [0..60, 60..120].into_iter().map(|values| values.map(row).collect()).collect()
}

fn job(memory: &Memory, component: &str, tag: usize, parallelism: usize) -> Job {
    let pipeline = fs::read_to_string(golden("pipeline.toml")).unwrap();
    let pipeline = pipeline.replace("count_v1", component).replace("tag = \"0\"", &format!("tag = \"{tag}\""));
    memory.job(&pipeline, parallelism)
}

/// Resumes from the golden checkpoint, in which a version was on trial in the place of today's build of `before`.
fn resume(job: &Job, before: &str) -> Result<LocalJob, StartError> {
    let found = CheckpointStore::open(golden("state").to_str().unwrap()).unwrap().latest().unwrap();
    let mut snapshot = found.checkpoint.unwrap().snapshot;
    let digest = version(before, 0, "never").component.digest();
    for (_, part) in snapshot.subtasks.iter_mut().flat_map(|subtask| &mut subtask.operators) {
        for table in part.tables.iter_mut().filter(|table| table.name == "states") {
            let mut schema = table.rows.schema_ref().as_ref().clone();
            let then = schema.metadata.get(GOES_BACK_TO).unwrap();
            assert!(part.version.as_ref().is_some_and(|on_trial| on_trial != then), "{:?}", part.version);
            let now = digest.clone() + &then[DIGEST_CHARS..];
            schema.metadata.insert(GOES_BACK_TO, now);
            table.rows = RecordBatch::try_new(Arc::new(schema), table.rows.columns().to_vec()).unwrap();
        }
    }
    let store = plain(&Arc::new(InMemory::new()));
    let mut lease = store.claim("trial", 0).unwrap();
    let parts: Vec<_> = snapshot.subtasks.iter().map(|part| lease.write_part(1, part).unwrap()).collect();
    let key_groups = snapshot.key_groups;
    lease
        .complete(Completion { attempt: 1, parts: &parts, key_groups, finished: false, pinned: false, now_us: 0 })
        .unwrap();
    LocalJob::resume(job, Arc::new(ManualClock::default()), &durable_in(store))
}
