//! Rows that were not tried, since their batch had used up its time: of which step, and which limit. Counts nothing itself.

use std::fmt;

use serde::Serialize;

use crate::runtime::figures::NodeCounts;

/// Batches of one step of which rows were not tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct UntriedRows {
    /// The step.
    pub step: String,
    /// How many batches since the job was started.
    pub batches: u64,
    /// Rows of the step that failed, those that were not tried among them.
    pub rows_failed: u64,
    /// Its `limits.batch-time`, milliseconds.
    pub limit_ms: u64,
}

impl UntriedRows {
    /// Those of all steps.
    pub(crate) fn of(nodes: &[NodeCounts]) -> Vec<Self> {
        let untried = nodes.iter().filter(|node| node.batches_untried > 0);
        untried
            .map(|node| Self {
                step: node.name.clone(),
                batches: node.batches_untried,
                rows_failed: node.rows_failed,
                limit_ms: node.batch_time_limit_ms,
            })
            .collect()
    }
}

impl fmt::Display for UntriedRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step, batches, rows_failed, limit_ms } = self;
        let of = if *batches == 1 { "a batch".to_owned() } else { format!("{batches} batches") };
        write!(
            f,
            "{step}: good rows may be lost: the rest of {of} was not tried, since it had been processed row by row for limits.batch-time \
             ({limit_ms} ms); such rows are among the {rows_failed} that failed. Raise limits.batch-time, make batches smaller, or keep what \
             fails with on-error = \"dead-letter\", to replay it"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn untried_rows_name_the_limit_and_the_counts() {
        let counts = |name: &str, batches_untried| NodeCounts {
            name: name.to_owned(),
            rows_failed: 7,
            batches_untried,
            batch_time_limit_ms: 60_000,
            ..NodeCounts::default()
        };
        let untried = UntriedRows::of(&[counts("a", 0), counts("b", 2)]);
        let [only] = untried.as_slice() else { panic!("{untried:?}") };
        let told = only.to_string();
        let parts = ["b: ", "2 batches", "limits.batch-time (60000 ms)", "among the 7 that failed"];
        assert!(parts.iter().all(|part| told.contains(part)), "{told}");
    }
}
