//! Joins as of now, of a table that does not change once it was read: each left row is joined with all rows of its key, whatever comes first.

use proptest::prelude::*;
use weir_core::graph::{JoinBounds, JoinType};

use crate::joins::{Joined, READERS, SOURCES, model, run_with_restore, written};
use crate::regular_joins::side;
use crate::support::{Memory, Row, chooser, splits};

/// What the right input is: inserts, a row per key that is taken back, a row per session that is updated by key.
const RIGHTS: [&str; 3] = ["right", "losses", "ebbs"];
const TYPES: [JoinType; 2] = [JoinType::Inner, JoinType::Left];

fn pipeline(right: &str, join_type: JoinType) -> String {
    let name = join_type.name();
    format!(
        r#"{SOURCES}
[aggregates.negative]
input = "others"
key-by = ["key"]
aggregates.v = {{ sum = "value" }}
[selects.losses]
input = "negative"
columns = {{ k = "nullif(key, 'k0')", v = "v" }}
[windows.ebbs]
input = "right"
key-by = ["k"]
window = {{ session = "12ms" }}
emit = "update"
allowed-lateness = "1h"
aggregates.v = {{ sum = "v" }}
[joins.j]
inputs = {{ left = "left", right = "{right}" }}
on = ["left.k = right.k"]
as-of = "now"
type = "{name}"
columns = ["left.v", {{ w = "right.v" }}]
{READERS}"#
    )
}

fn expected(rows: &[Row], right: usize, join_type: JoinType) -> Vec<String> {
    let rows = [side(rows, true, 0), side(rows, false, right)].concat();
    let joined = model(&rows, JoinBounds::Regular { ttl: None }, join_type);
    // With the time of the left row, whatever that of the other is.
    let left_times: Vec<Joined> = joined
        .into_iter()
        .map(|(left, right, window, _)| {
            let of_left = |row: &&Row| Some(row.1) == left;
            (left, right, window, rows.iter().find(of_left).map_or(0, |row| row.2 * 1_000))
        })
        .collect();
    written(&left_times, join_type)
}

/// Left rows of different values, by which their times are found.
fn distinct(splits: &[Vec<Row>]) -> Vec<Vec<Row>> {
    let mut next = 0;
    let mut splits = splits.to_vec();
    for (_, value, _) in splits.iter_mut().flatten().filter(|(_, value, _)| *value >= 0) {
        next += 1;
        *value = next;
    }
    splits
}

proptest! {
    #![proptest_config(crate::support::cases(24))]

    #[test]
    fn rows_are_joined_with_the_whole_table(
        splits in splits(),
        sizes in prop::collection::vec(1..20_usize, 1..5),
        seed in any::<u64>(),
    ) {
        let splits = distinct(&splits);
        for ((at, right), join_type) in RIGHTS.into_iter().enumerate().flat_map(|right| TYPES.map(|of| (right, of))) {
            let expected = expected(&splits.concat(), at, join_type);
            for parallelism in 1..=3 {
                let memory = Memory::new(splits.clone(), sizes.clone());
                let got = memory.run(&memory.job(&pipeline(right, join_type), parallelism), chooser(seed));
                prop_assert_eq!(&got, &expected, "{:?} {:?} at {}", right, join_type, parallelism);
            }
        }
    }

    #[test]
    fn a_restore_of_lookups_changes_nothing(
        splits in splits(),
        sizes in prop::collection::vec(1..20_usize, 1..5),
        seed in any::<u64>(),
        steps in 0..120_usize,
        (before, after) in (1..4_usize, 1..4_usize),
    ) {
        let splits = distinct(&splits);
        for ((at, right), join_type) in RIGHTS.into_iter().enumerate().flat_map(|right| TYPES.map(|of| (right, of))) {
            let memory = Memory::new(splits.clone(), sizes.clone());
            let got = run_with_restore(memory, &pipeline(right, join_type), (before, after), steps, seed);
            let expected = expected(&splits.concat(), at, join_type);
            prop_assert_eq!(&got, &expected, "{:?} {:?} {} to {}", right, join_type, before, after);
        }
    }
}
