//! Joins as of event time against the simplest model of them: for each left row, all versions of its key are looked at.

use std::collections::HashSet;

use proptest::prelude::*;
use weir_core::graph::JoinType;

use crate::joins::{Joined, READERS, SOURCES, run_with_restore, side, written};
use crate::support::{Memory, Row, chooser, splits};

/// What the right input is: versions that are inserts, or an updating stream, in which values that three divides end their key.
const KINDS: [bool; 2] = [false, true];
const TTLS: [(&str, Option<i64>); 2] = [("", None), ("ttl = \"30ms\"", Some(30_000))];
const TYPES: [JoinType; 2] = [JoinType::Inner, JoinType::Left];

fn pipeline(is_updating: bool, ttl: &str, join_type: JoinType) -> String {
    let name = join_type.name();
    let right = if is_updating { "changed" } else { "right" };
    format!(
        r#"{SOURCES}
[selects.described]
input = "right"
columns = {{ row_kind = "case when v % 3 = 0 then '-D' when v % 2 = 0 then '+U' else '+I' end", k = "k", v = "v" }}
[changelogs.changed]
input = "described"
format = "kinds"
key = ["k"]
[joins.j]
inputs = {{ left = "left", right = "{right}" }}
on = ["left.k = right.k"]
as-of = "event-time"
{ttl}
type = "{name}"
columns = ["left.v", {{ w = "right.v" }}]
{READERS}"#
    )
}

/// All joined rows.
fn model(rows: &[Row], is_updating: bool, ttl: Option<i64>, join_type: JoinType) -> Vec<Joined> {
    let rights = side(rows, false);
    let joined = side(rows, true).into_iter().map(|(key, value, time)| {
        let versions = rights.iter().enumerate().filter(|(_, version)| {
            key.is_some() && version.0 == key && version.2 <= time && ttl.is_none_or(|ttl| time - version.2 <= ttl)
        });
        // Of one time the last one counts, or the greatest.
        let counts =
            versions.max_by_key(|(at, (_, value, time))| (*time, if is_updating { *at as i64 } else { *value }));
        let version = counts.map(|(_, (_, value, _))| *value).filter(|value| !(is_updating && value % 3 == 0));
        (Some(value), version, None, time)
    });
    joined.filter(|(_, version, ..)| version.is_some() || join_type == JoinType::Left).collect()
}

/// Rows whose changes of one key are in one split, in their order, or are of different times.
fn ordered(splits: &[Vec<Row>]) -> Vec<Vec<Row>> {
    let mut seen = HashSet::new();
    let mut splits = splits.to_vec();
    if splits.len() > 1 {
        for split in &mut splits {
            split.retain(|(key, value, ts)| *value >= 0 || seen.insert((key.clone(), *ts)));
        }
    }
    splits
}

fn joins() -> impl Iterator<Item = (bool, &'static str, Option<i64>, JoinType)> {
    KINDS.into_iter().flat_map(|is_updating| {
        TTLS.into_iter().flat_map(move |(text, ttl)| TYPES.map(|join_type| (is_updating, text, ttl, join_type)))
    })
}

proptest! {
    #![proptest_config(crate::support::cases(24))]

    #[test]
    fn rows_are_joined_with_the_version_of_their_time(
        splits in splits(),
        sizes in prop::collection::vec(1..20_usize, 1..5),
        seed in any::<u64>(),
    ) {
        for (is_updating, text, ttl, join_type) in joins() {
            let splits = if is_updating { ordered(&splits) } else { splits.clone() };
            let expected = written(&model(&splits.concat(), is_updating, ttl, join_type), join_type);
            for parallelism in 1..=3 {
                let memory = Memory::new(splits.clone(), sizes.clone());
                let job = memory.job(&pipeline(is_updating, text, join_type), parallelism);
                let got = memory.run(&job, chooser(seed));
                prop_assert_eq!(&got, &expected, "{:?} {:?} {:?} at {}", is_updating, join_type, ttl, parallelism);
            }
        }
    }

    #[test]
    fn a_restore_of_temporal_joins_changes_nothing(
        splits in splits(),
        sizes in prop::collection::vec(1..20_usize, 1..5),
        seed in any::<u64>(),
        steps in 0..120_usize,
        (before, after) in (1..4_usize, 1..4_usize),
    ) {
        for (is_updating, text, ttl, join_type) in joins() {
            let splits = if is_updating { ordered(&splits) } else { splits.clone() };
            let expected = written(&model(&splits.concat(), is_updating, ttl, join_type), join_type);
            let memory = Memory::new(splits, sizes.clone());
            let pipeline = pipeline(is_updating, text, join_type);
            let got = run_with_restore(memory, &pipeline, (before, after), steps, seed);
            prop_assert_eq!(&got, &expected, "{:?} {:?} {:?} {} to {}", is_updating, join_type, ttl, before, after);
        }
    }
}
