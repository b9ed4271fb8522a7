//! Joins of what two streams have brought so far, against the join of all their rows: when the changes that go out are applied, the same is
//! left, and nothing is taken back that is not there.

use std::collections::BTreeMap;

use proptest::prelude::*;
use weir_core::graph::{JoinBounds, JoinType};

use crate::joins::{SOURCES, model, run_with_restore};
use crate::support::{Memory, Row, chooser, splits};

/// Streams of either side: as it comes; one row per key, with the sum of its values, which is taken back; one per session of 12 ms, which is
/// updated by key.
const SIDES: [[&str; 3]; 2] = [["left", "totals", "sessions"], ["right", "losses", "ebbs"]];
const GAP_MS: i64 = 12;

/// Which of them are joined, and with which TTL.
const JOINED: [(usize, usize, &str, Option<i64>); 8] = [
    (0, 0, "50ms", Some(50_000)),
    (0, 0, "none", None),
    (1, 0, "none", None),
    (2, 0, "none", None),
    (0, 1, "none", None),
    (0, 2, "none", None),
    (1, 1, "none", None),
    (2, 2, "none", None),
];

fn pipeline(left: &str, right: &str, ttl: &str, join_type: JoinType) -> String {
    let name = join_type.name();
    let columns = if join_type.is_left_alone() { "[\"left.v\"]" } else { "[\"left.v\", { w = \"right.v\" }]" };
    format!(
        r#"{SOURCES}
[aggregates.sums]
input = "some"
key-by = ["key"]
aggregates.v = {{ sum = "value" }}
[selects.totals]
input = "sums"
columns = {{ k = "nullif(key, 'k0')", v = "v" }}
[aggregates.negative]
input = "others"
key-by = ["key"]
aggregates.v = {{ sum = "value" }}
[selects.losses]
input = "negative"
columns = {{ k = "nullif(key, 'k0')", v = "v" }}
[windows.sessions]
input = "left"
key-by = ["k"]
window = {{ session = "{GAP_MS}ms" }}
emit = "update"
allowed-lateness = "1h"
aggregates.v = {{ sum = "v" }}
[windows.ebbs]
input = "right"
key-by = ["k"]
window = {{ session = "{GAP_MS}ms" }}
emit = "update"
allowed-lateness = "1h"
aggregates.v = {{ sum = "v" }}
[joins.j]
inputs = {{ left = "{left}", right = "{right}" }}
on = ["left.k = right.k"]
ttl = "{ttl}"
type = "{name}"
columns = {columns}
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

/// The rows of one side of a kind, as [`SIDES`] has them.
pub(crate) fn side(rows: &[Row], is_left: bool, kind: usize) -> Vec<Row> {
    let of_side = rows.iter().filter(|(_, value, _)| (*value >= 0) == is_left);
    if kind == 0 {
        return of_side.cloned().collect();
    }
    let mut by_key: BTreeMap<&str, Vec<(i64, i64)>> = BTreeMap::new();
    of_side.for_each(|(key, value, ts)| by_key.entry(key).or_default().push((*ts, *value)));
    let summed = by_key.into_iter().flat_map(|(key, mut rows)| {
        rows.sort_unstable();
        let is_same = |a: &(i64, i64), b: &(i64, i64)| kind == 1 || b.0 - a.0 <= GAP_MS;
        let sum = |rows: &[(i64, i64)]| (key.to_owned(), rows.iter().map(|(_, value)| value).sum(), 0);
        rows.chunk_by(is_same).map(sum).collect::<Vec<Row>>()
    });
    summed.collect()
}

/// The rows of both sides as they are joined.
fn expected(rows: &[Row], (left, right): (usize, usize), ttl: Option<i64>, join_type: JoinType) -> Vec<String> {
    let rows = [side(rows, true, left), side(rows, false, right)].concat();
    let value = |value: &Option<i64>| value.map_or("null".to_owned(), |value| value.to_string());
    let joined = model(&rows, JoinBounds::Regular { ttl }, join_type);
    let right = |w: &Option<i64>| if join_type.is_left_alone() { String::new() } else { format!(",{}", value(w)) };
    let mut lines: Vec<String> = joined.iter().map(|(v, w, ..)| format!("{}{}", value(v), right(w))).collect();
    lines.sort();
    lines
}

/// All of these joins: the pipeline, which streams are joined, what rows are kept for, and the type.
fn joins() -> impl Iterator<Item = (String, (usize, usize), Option<i64>, JoinType)> {
    JoinType::NAMES.into_iter().flat_map(|(_, join_type)| {
        JOINED.map(|(left, right, ttl, us)| {
            (pipeline(SIDES[0][left], SIDES[1][right], ttl, join_type), (left, right), us, join_type)
        })
    })
}

proptest! {
    #![proptest_config(crate::support::cases(16))]

    #[test]
    fn changes_lead_to_the_join_of_all_rows(
        splits in splits(),
        sizes in prop::collection::vec(1..20_usize, 1..5),
        seed in any::<u64>(),
    ) {
        let rows: Vec<Row> = splits.concat();
        for (pipeline, sides, ttl, join_type) in joins() {
            let expected = expected(&rows, sides, ttl, join_type);
            for parallelism in 1..=3 {
                let memory = Memory::new(splits.clone(), sizes.clone());
                let got = applied(&memory.run(&memory.job(&pipeline, parallelism), chooser(seed)));
                prop_assert_eq!(&got, &expected, "{:?} {:?} {:?} at parallelism {}", join_type, sides, ttl, parallelism);
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
        for (pipeline, sides, ttl, join_type) in joins() {
            let memory = Memory::new(splits.clone(), sizes.clone());
            let got = applied(&run_with_restore(memory, &pipeline, (before, after), steps, seed));
            let expected = expected(&rows, sides, ttl, join_type);
            prop_assert_eq!(&got, &expected, "{:?} {:?} {:?} from {} to {} subtasks", join_type, sides, ttl, before, after);
        }
    }
}
