//! Joins of what two streams have brought so far, against the join of all their rows: when the changes that go out are applied, the same is
//! left, and nothing is taken back that is not there.

use std::collections::BTreeMap;

use proptest::prelude::*;
use weir_core::graph::{JoinBounds, JoinType};

use crate::joins::{SOURCES, model, run_with_restore};
use crate::support::{Memory, Row, chooser, splits};

const TYPES: [JoinType; 4] = [JoinType::Inner, JoinType::Left, JoinType::Right, JoinType::Full];

fn pipeline(left: &str, ttl: &str, join_type: JoinType) -> String {
    let name = join_type.name();
    format!(
        r#"{SOURCES}
[aggregates.sums]
input = "some"
key-by = ["key"]
aggregates.v = {{ sum = "value" }}
[selects.totals]
input = "sums"
columns = {{ k = "nullif(key, 'k0')", v = "v" }}
[joins.j]
inputs = {{ left = "{left}", right = "right" }}
on = ["left.k = right.k"]
ttl = "{ttl}"
type = "{name}"
columns = ["left.v", {{ w = "right.v" }}]
[sinks.rows]
input = "j"
connector = "memory"
changelog = "kinds"
"#
    )
}

/// What is left of changes, sorted.
fn applied(changes: &[String]) -> Vec<String> {
    let mut rows: BTreeMap<&str, i64> = BTreeMap::new();
    for change in changes {
        let (kind, row) = change.split_once(',').unwrap();
        let count = rows.entry(row).or_default();
        *count += if kind == "-U" || kind == "-D" { -1 } else { 1 };
    }
    let left = rows.iter().flat_map(|(row, count)| {
        assert!(*count >= 0, "{row} was taken back more often than it was given out: {changes:?}");
        std::iter::repeat_n((*row).to_owned(), *count as usize)
    });
    left.collect()
}

/// The rows of both sides as they are joined: those of the left may be one per key, with the sum of its values.
fn expected(rows: &[Row], ttl: Option<i64>, join_type: JoinType, are_sums: bool) -> Vec<String> {
    let mut rows = rows.to_vec();
    if are_sums {
        let mut sums: BTreeMap<String, i64> = BTreeMap::new();
        rows.iter().filter(|(_, value, _)| *value >= 0).for_each(|(key, value, _)| {
            *sums.entry(key.clone()).or_default() += value;
        });
        rows.retain(|(_, value, _)| *value < 0);
        rows.extend(sums.into_iter().map(|(key, sum)| (key, sum, 0)));
    }
    let value = |value: &Option<i64>| value.map_or("null".to_owned(), |value| value.to_string());
    let joined = model(&rows, JoinBounds::Regular { ttl }, join_type);
    let mut lines: Vec<String> = joined.iter().map(|(v, w, ..)| format!("{},{}", value(v), value(w))).collect();
    lines.sort();
    lines
}

/// All of these joins: the pipeline, what rows are kept for, the type, and whether the left side is one of sums.
fn joins() -> impl Iterator<Item = (String, Option<i64>, JoinType, bool)> {
    TYPES.into_iter().flat_map(|join_type| {
        [("left", "50ms", Some(50_000)), ("left", "none", None), ("totals", "none", None)]
            .map(|(left, ttl, us)| (pipeline(left, ttl, join_type), us, join_type, left == "totals"))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn changes_lead_to_the_join_of_all_rows(
        splits in splits(),
        sizes in prop::collection::vec(1..20_usize, 1..5),
        seed in any::<u64>(),
    ) {
        let rows: Vec<Row> = splits.concat();
        for (pipeline, ttl, join_type, are_sums) in joins() {
            let expected = expected(&rows, ttl, join_type, are_sums);
            for parallelism in 1..=3 {
                let memory = Memory::new(splits.clone(), sizes.clone());
                let got = applied(&memory.run(&memory.job(&pipeline, parallelism), chooser(seed)));
                prop_assert_eq!(&got, &expected, "{:?} {:?} at parallelism {}", join_type, ttl, parallelism);
            }
        }
    }

    #[test]
    fn a_restore_leads_to_the_same_rows(
        splits in splits(),
        sizes in prop::collection::vec(1..20_usize, 1..5),
        seed in any::<u64>(),
        steps in 0..120_usize,
        (before, after) in (1..4_usize, 1..4_usize),
    ) {
        let rows: Vec<Row> = splits.concat();
        for (pipeline, ttl, join_type, are_sums) in joins() {
            let memory = Memory::new(splits.clone(), sizes.clone());
            let got = applied(&run_with_restore(memory, &pipeline, (before, after), steps, seed));
            let expected = expected(&rows, ttl, join_type, are_sums);
            prop_assert_eq!(&got, &expected, "{:?} {:?} from {} to {} subtasks", join_type, ttl, before, after);
        }
    }
}
