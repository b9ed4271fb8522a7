//! The table of what each step of a job has done, with the totals below, as of a job of Weir's own.

use weir_embed::Plan;

use crate::figures;

/// Rows in, out, late and failed.
pub(super) type Counts = [u64; 4];

/// Steps, by name, and what all of them have done: rows that sources read, and those that sinks took.
pub(super) fn table(plan: &Plan, steps: Vec<(String, Counts)>) -> String {
    let of = |kind: &str, column: usize| -> u64 {
        let is_of = |name: &str| plan.steps.iter().any(|step| step.name == name && step.kind == kind);
        steps.iter().filter(|(name, _)| is_of(name)).map(|(_, counts)| counts[column]).sum()
    };
    let all = |column: usize| steps.iter().map(|(_, counts)| counts[column]).sum();
    let total = ("total".to_owned(), [of("source", 0), of("sink", 0), all(2), all(3)]);
    let row = |(name, counts): (String, Counts)| std::iter::once(name).chain(counts.map(figures::count)).collect();
    let rows = steps.into_iter().chain([total]).map(row).collect();
    figures::table(&["", "rows in", "rows out", "late", "failed"], rows, 1)
}
