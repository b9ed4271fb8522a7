//! Random pipelines of steps of all kinds, against models of the steps that look at all rows at once: whatever the batches, the order of subtasks,
//! the parallelism, and after a restore at any point.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::faults::Dice;
use crate::joins::run_with_restore;
use crate::support::{Memory, Row, splits};

/// A key, a value, and an event time in microseconds.
type Timed = (String, i64, i64);

/// A step over a stream of these, called `INPUT`, whose output is called `NAME`; and what it gives of all rows.
struct Step {
    text: &'static str,
    model: fn(Vec<Timed>) -> Vec<Timed>,
}

const MS: i64 = 1_000;
/// The gap of sessions. No two rows are exactly so far apart: whether those are one session depends on the watermark between them (decision 5).
const SILENCE: i64 = 10_500;

const STEPS: &[Step] = &[
    Step {
        text: "[filters.NAME]\ninput = \"INPUT\"\nwhere = \"value % 3 <> 1\"\n",
        model: |rows| rows.into_iter().filter(|(_, value, _)| value % 3 != 1).collect(),
    },
    Step {
        text: "[selects.NAME]\ninput = \"INPUT\"\ncolumns = [\"key\", { value = \"value * 2 - 7\" }]\n",
        model: |rows| rows.into_iter().map(|(key, value, time)| (key, value * 2 - 7, time)).collect(),
    },
    Step {
        text: "[rolling.NAME-of]\ninput = \"INPUT\"\nkey-by = [\"key\"]\nrows = 3\naggregates.sum = { sum = \"value\" }\n\
               [selects.NAME]\ninput = \"NAME-of\"\ncolumns = [\"key\", { value = \"sum\" }]\n",
        model: |rows| {
            let frames = |(key, rows): (String, Vec<(i64, i64)>)| {
                let sum = |row: usize| rows[row.saturating_sub(2)..=row].iter().map(|(_, value)| value).sum();
                (0..rows.len()).map(|row| (key.clone(), sum(row), rows[row].0)).collect::<Vec<_>>()
            };
            by_key(rows).into_iter().flat_map(frames).collect()
        },
    },
    Step {
        text: "[windows.NAME-of]\ninput = \"INPUT\"\nkey-by = [\"key\"]\nwindow = { tumbling = \"20ms\" }\naggregates.sum = { sum = \"value\" }\n\
               [selects.NAME]\ninput = \"NAME-of\"\ncolumns = [\"key\", { value = \"sum\" }]\n",
        model: |rows| {
            let mut windows: BTreeMap<(String, i64), i64> = BTreeMap::new();
            for (key, value, time) in rows {
                *windows.entry((key, time.div_euclid(20 * MS))).or_default() += value;
            }
            windows.into_iter().map(|((key, window), sum)| (key, sum, (window + 1) * 20 * MS - 1)).collect()
        },
    },
    Step {
        text: "[windows.NAME-of]\ninput = \"INPUT\"\nkey-by = [\"key\"]\nwindow = { session = \"10500us\" }\naggregates.most = { max = \"value\" }\n\
               [selects.NAME]\ninput = \"NAME-of\"\ncolumns = [\"key\", { value = \"most\" }]\n",
        model: |rows| {
            let mut made: Vec<Timed> = Vec::new();
            for (key, rows) in by_key(rows) {
                for session in rows.chunk_by(|(time, _), (next, _)| next - time <= SILENCE) {
                    let most = session.iter().map(|(_, value)| *value).max().unwrap_or_default();
                    made.push((key.clone(), most, session[session.len() - 1].0 + SILENCE - 1));
                }
            }
            made
        },
    },
    Step {
        text: "[joins.NAME-of]\ninputs = { a = \"INPUT\", b = \"INPUT\" }\non = [\"a.key = b.key\"]\ninterval = { after = \"0s\", to = \"6ms\" }\n\
               type = \"left\"\ncolumns = [\"a.key\", { one = \"a.value\" }, { other = \"b.value\" }]\n\
               [selects.NAME]\ninput = \"NAME-of\"\ncolumns = [\"key\", { value = \"one - coalesce(other, 100)\" }]\n",
        model: |rows| {
            let mut made = Vec::new();
            for (key, one, time) in &rows {
                let partners = rows.iter().filter(|(other, _, t)| other == key && t - time > 0 && t - time <= 6 * MS);
                let before = made.len();
                made.extend(partners.map(|(_, other, t)| (key.clone(), one - other, *t)));
                if made.len() == before {
                    made.push((key.clone(), one - 100, *time));
                }
            }
            made
        },
    },
];

/// What comes last: it reads `INPUT`, and its table has the columns `key` and `value`.
type End = (&'static str, fn(Vec<Timed>) -> Vec<String>);

const ENDS: &[End] = &[
    ("[selects.end]\ninput = \"INPUT\"\ncolumns = [\"key\", \"value\"]\n", |rows| {
        rows.into_iter().map(|(key, value, _)| format!("{key},{value}")).collect()
    }),
    ("[aggregates.end]\ninput = \"INPUT\"\nkey-by = [\"key\"]\naggregates.value = { sum = \"value\" }\n", |rows| {
        let sum = |(key, rows): (String, Vec<(i64, i64)>)| {
            format!("{key},{}", rows.iter().map(|(_, value)| value).sum::<i64>())
        };
        by_key(rows).into_iter().map(sum).collect()
    }),
    (
        "[aggregates.counts]\ninput = \"INPUT\"\nkey-by = [\"key\"]\naggregates.n = \"count\"\n\
         [aggregates.end]\ninput = \"counts\"\nkey-by = [\"n\"]\naggregates.value = { count-distinct = \"key\" }\n\
         [selects.last]\ninput = \"end\"\ncolumns = [{ key = \"n\" }, \"value\"]\n",
        |rows| {
            let mut keys: BTreeMap<usize, usize> = BTreeMap::new();
            by_key(rows).into_values().for_each(|rows| *keys.entry(rows.len()).or_default() += 1);
            keys.into_iter().map(|(n, keys)| format!("{n},{keys}")).collect()
        },
    ),
    ("[dedup.end]\ninput = \"INPUT\"\nkey-by = [\"key\"]\nkeep = \"last\"\n", |rows| {
        let last = |(key, rows): (String, Vec<(i64, i64)>)| format!("{key},{}", rows[rows.len() - 1].1);
        by_key(rows).into_iter().map(last).collect()
    }),
    ("[top.end]\ninput = \"INPUT\"\nkey-by = [\"key\"]\norder-by = [\"value desc\"]\nlimit = 2\n", |rows| {
        let best = |(key, rows): (String, Vec<(i64, i64)>)| {
            let mut values: Vec<i64> = rows.into_iter().map(|(_, value)| value).collect();
            values.sort_unstable_by_key(|value| -value);
            values.into_iter().take(2).map(|value| format!("{key},{value}")).collect::<Vec<_>>()
        };
        by_key(rows).into_iter().flat_map(best).collect()
    }),
];

/// The times and values of each key, in order.
fn by_key(rows: Vec<Timed>) -> BTreeMap<String, Vec<(i64, i64)>> {
    let mut keys: BTreeMap<String, Vec<(i64, i64)>> = BTreeMap::new();
    rows.into_iter().for_each(|(key, value, time)| keys.entry(key).or_default().push((time, value)));
    keys.values_mut().for_each(|rows| rows.sort_unstable());
    keys
}

/// Steps, and what comes last.
#[derive(Clone, Debug)]
pub(crate) struct Chosen {
    steps: Vec<usize>,
    end: usize,
}

impl Chosen {
    /// Up to three steps.
    pub(crate) fn by_dice(dice: &Dice) -> Self {
        let steps = (0..dice.below(4)).map(|_| dice.below(STEPS.len())).collect();
        Self { steps, end: dice.below(ENDS.len()) }
    }

    pub(crate) fn pipeline(&self) -> String {
        let mut text =
            "name = \"random\"\nbatch-rows = 7\n[sources.rows]\nconnector = \"memory\"\nevent-time = \"ts\"\n\
                        watermark = { bounded-out-of-orderness = \"40ms\" }\n"
                .to_owned();
        let mut input = "rows".to_owned();
        for (number, step) in self.steps.iter().enumerate() {
            let name = format!("step{number}");
            text += &STEPS[*step].text.replace("INPUT", &input).replace("NAME", &name);
            input = name;
        }
        let (last, _) = ENDS[self.end];
        text += &last.replace("INPUT", &input);
        let end = if last.contains("[selects.last]") { "last" } else { "end" };
        text + &format!(
            "[sinks.out]\ninput = \"{end}\"\nconnector = \"memory\"\nchangelog = \"kinds\"\ncolumns = [\"key\", \"value\"]\n"
        )
    }

    /// The table of all these rows.
    fn table(&self, rows: Vec<Row>) -> Vec<String> {
        let rows: Vec<Timed> = rows.into_iter().map(|(key, value, ts)| (key, value, ts * MS)).collect();
        let rows = self.steps.iter().fold(rows, |rows, step| (STEPS[*step].model)(rows));
        let mut table = ENDS[self.end].1(rows);
        table.sort();
        table
    }
}

/// The table that `written` leaves, and whether every row that was taken back was there.
pub(crate) fn table_of(written: &[String]) -> (Vec<String>, bool) {
    let mut table: BTreeMap<&str, i64> = BTreeMap::new();
    for (kind, row) in written.iter().filter_map(|change| change.split_once(',')) {
        *table.entry(row).or_default() += if matches!(kind, "+I" | "+U") { 1 } else { -1 };
    }
    let rows = table.iter().flat_map(|(row, count)| std::iter::repeat_n((*row).to_owned(), (*count).max(0) as usize));
    (rows.collect(), table.values().all(|count| *count >= 0))
}

/// Where all sources have ended, but their last watermark is still between two steps, it comes again.
#[test]
fn what_waits_for_the_end_is_given_out_after_a_restore_at_any_step() {
    let row = |n: i64| (format!("k{}", n % 5), n, 10 * n);
    let splits = vec![(0..20).map(row).collect(), (20..40).map(row).collect()];
    let (rolling, sessions) = (2, 4);
    let chosen = Chosen { steps: vec![rolling, sessions, rolling], end: 0 };
    let (text, expected) = (chosen.pipeline(), chosen.table(splits.concat()));
    for steps in 0..80 {
        let memory = Memory::new(splits.clone(), vec![12]);
        let written = run_with_restore(memory, &text, (3, 1), steps, 8);
        assert_eq!(table_of(&written), (expected.clone(), true), "restored after {steps} steps");
    }
}

proptest! {
    #![proptest_config(crate::support::cases(50))]

    #[test]
    fn random_pipelines_give_what_their_models_give(
        splits in splits(),
        chosen in prop::collection::vec(0..STEPS.len(), 0..4),
        end in 0..ENDS.len(),
        sizes in prop::collection::vec(1..20_usize, 1..5),
        seed in any::<u64>(),
        steps in 0..150_usize,
        (before, after) in (1..4_usize, 1..4_usize),
    ) {
        let chosen = Chosen { steps: chosen, end };
        let (text, expected) = (chosen.pipeline(), chosen.table(splits.concat()));
        let memory = Memory::new(splits, sizes);
        let written = run_with_restore(memory, &text, (before, after), steps, seed);
        let (rows, all_were_there) = table_of(&written);
        prop_assert_eq!(rows, expected, "from {} to {} subtasks: {}", before, after, text);
        prop_assert!(all_were_there, "a row was taken back that was never there: {:?}", written);
    }
}
