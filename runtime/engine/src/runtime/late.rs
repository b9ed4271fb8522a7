//! Rows that came after their windows had closed, and that nobody reads: how many of which step, by how much, and which setting would
//! have kept them. Counts nothing itself.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;
use weir_core::graph::LATE_OUTPUT;
use weir_core::time::WatermarkStrategy;

use crate::plan::job::Job;
use crate::plan::resolved::ResolvedNode;
use crate::runtime::figures::NodeCounts;

/// Rows of one step that came late and were dropped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LateRows {
    /// The step.
    pub step: String,
    /// How many came late since the job began, before the checkpoints that it resumed from too.
    pub rows: u64,
    /// Of how many that came in.
    pub rows_in: u64,
    /// How much longer its windows would have had to wait for all of them, microseconds.
    pub by_us: u64,
    /// The sources above it whose watermark could wait longer.
    pub sources: Vec<LateSource>,
    /// The outputs of the step that would get them.
    #[serde(skip)]
    pub outputs: Vec<String>,
}

/// A source whose rows came late, perhaps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LateSource {
    /// The source.
    pub name: String,
    /// The table of the pipeline file that sets its watermark: `sources.NAME`, or that of a step that sets the event time.
    pub set_by: String,
    /// The `bounded-out-of-orderness` that would have kept all of them, microseconds.
    pub bound_us: u64,
    /// Its `idle-after`, milliseconds, which stays beside that.
    pub idle_after_ms: Option<u64>,
    /// The split that its watermark followed last: the one furthest behind.
    pub split: Option<String>,
}

/// Windows that drop rows that come late.
pub(crate) struct LateWatch {
    windows: Vec<DropsLate>,
}

/// A step that drops rows that come late.
struct DropsLate {
    node: usize,
    sources: Vec<SourceAbove>,
    outputs: Vec<String>,
}

/// A source of a step's rows.
pub(crate) struct SourceAbove {
    pub(crate) node: usize,
    pub(crate) set_by: String,
    /// How long its watermark waits, microseconds; `None`: that cannot be set.
    pub(crate) waits_us: Option<u64>,
    /// Whether its watermark follows from its own rows before its end.
    pub(crate) is_watched: bool,
    pub(crate) idle_after_ms: Option<u64>,
}

impl LateWatch {
    pub(crate) fn new(job: &Job) -> Self {
        let drops = |(node, resolved): (usize, &ResolvedNode)| {
            let outputs = resolved.step.outputs().iter().zip(&job.pruned.nodes[node].outputs);
            let late: Vec<_> = outputs.filter(|(output, _)| is_late(&output.name)).collect();
            let is_read = late.iter().any(|(_, read)| read.is_some());
            let outputs: Vec<String> = late.iter().map(|(output, _)| output.name.clone()).collect();
            (!outputs.is_empty() && !is_read).then(|| DropsLate { node, sources: sources_above(job, node), outputs })
        };
        Self { windows: job.resolved.nodes.iter().enumerate().filter_map(drops).collect() }
    }

    /// What came late so far, by step. `nodes`: the counts of all.
    pub(crate) fn late(&self, nodes: &[NodeCounts]) -> Vec<LateRows> {
        let late = |DropsLate { node, sources, outputs }: &DropsLate| {
            let NodeCounts { name, rows_in, rows_before, rows_late, late_by_us, .. } = nodes.get(*node)?;
            let source = |source: &SourceAbove| {
                let NodeCounts { name, slowest, .. } = nodes.get(source.node)?;
                Some(LateSource {
                    name: name.clone(),
                    set_by: source.set_by.clone(),
                    bound_us: source.waits_us?.saturating_add(*late_by_us),
                    idle_after_ms: source.idle_after_ms,
                    split: slowest.as_ref().map(|(_, split)| split.clone()),
                })
            };
            (*rows_late > 0).then(|| LateRows {
                step: name.clone(),
                rows: *rows_late,
                rows_in: rows_in + rows_before,
                by_us: *late_by_us,
                sources: sources.iter().filter_map(source).collect(),
                outputs: outputs.clone(),
            })
        };
        self.windows.iter().filter_map(late).collect()
    }
}

/// Whether an output is that of late rows; a join has one per input.
fn is_late(output: &str) -> bool {
    output.strip_prefix(LATE_OUTPUT).is_some_and(|of| of.is_empty() || of.starts_with('-'))
}

/// Whether a step gives out rows when the watermark has passed them.
pub(crate) fn waits_for_time(job: &Job, node: usize) -> bool {
    job.resolved.nodes[node].step.outputs().iter().any(|output| is_late(&output.name))
}

/// The sources above a node.
pub(crate) fn sources_above(job: &Job, node: usize) -> Vec<SourceAbove> {
    let mut above = BTreeSet::from([node]);
    let mut sources = Vec::new();
    while let Some(node) = above.pop_last() {
        let ResolvedNode { inputs, step, .. } = &job.resolved.nodes[node];
        above.extend(inputs.iter().map(|input| input.node));
        let Some(source) = step.role().source() else { continue };
        let waits_us = match source.watermark() {
            WatermarkStrategy::Monotonic => Some(0),
            WatermarkStrategy::BoundedOutOfOrderness(delay_us) => Some(delay_us.unsigned_abs()),
            WatermarkStrategy::AtEnd | WatermarkStrategy::Punctuated => None,
        };
        let is_watched = source.timed_by.is_none() && source.watermark() != WatermarkStrategy::AtEnd;
        let set_by = source.timed_by.as_ref().map(|timed| timed.table.clone());
        let set_by = set_by.unwrap_or_else(|| format!("sources.{}", job.resolved.nodes[node].name));
        sources.push(SourceAbove { node, set_by, waits_us, is_watched, idle_after_ms: source.idle_after_ms() });
    }
    sources.reverse();
    sources
}

impl LateRows {
    /// Which share of the step's rows came late, in percent.
    #[must_use]
    pub fn percent(&self) -> f64 {
        self.rows as f64 * 100.0 / self.rows_in.max(self.rows) as f64
    }
}

impl fmt::Display for LateRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step, rows, rows_in, by_us, sources, outputs } = self;
        let (percent, by) = (self.percent(), length(*by_us));
        write!(f, "{step}: {rows} of {rows_in} rows ({percent:.1}%) came late and were dropped, the latest by {by}")?;
        let (all, keeps) = if sources.len() > 1 { ("all of ", "keep") } else { ("", "keeps") };
        for (index, LateSource { set_by, bound_us, idle_after_ms, split, .. }) in sources.iter().enumerate() {
            let join = if index == 0 { format!("; {all}") } else { ", ".to_owned() };
            write!(f, "{join}[{set_by}] watermark = {{ bounded-out-of-orderness = \"{}\"", length(*bound_us))?;
            if let Some(idle_after_ms) = idle_after_ms {
                write!(f, ", idle-after = \"{}\"", length(idle_after_ms.saturating_mul(1_000)))?;
            }
            f.write_str(" }")?;
            if let Some(split) = split {
                write!(f, " (its watermark was that of {split})")?;
            }
        }
        if !sources.is_empty() {
            write!(f, " {keeps} them")?;
        }
        let inputs: Vec<String> = outputs.iter().map(|output| format!("input = \"{step}.{output}\"")).collect();
        let (a_sink, receives) = if inputs.len() > 1 { ("sinks", "receive") } else { ("a sink", "receives") };
        write!(f, "; {a_sink} with {} {receives} them", inputs.join(" and "))
    }
}

/// A length as pipeline files have it, rounded up by less than a tenth.
fn length(us: u64) -> String {
    const UNITS: [(&str, u64); 5] =
        [("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1_000)];
    let fits = |(_, unit): &&(&str, u64)| us >= 10 * unit || (us >= *unit && us.is_multiple_of(*unit));
    match UNITS.iter().find(fits) {
        Some((name, unit)) => format!("{}{name}", us.div_ceil(*unit)),
        None => format!("{us}us"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_rows_say_what_would_have_kept_them() {
        let source = |name: &str, idle_after_ms, split: Option<&str>| LateSource {
            name: name.to_owned(),
            set_by: format!("sources.{name}"),
            bound_us: 3_420_000_001,
            idle_after_ms,
            split: split.map(str::to_owned),
        };
        let said = |sources| {
            let outputs = vec!["late".to_owned()];
            LateRows { step: "w".to_owned(), rows: 4, rows_in: 6, by_us: 3_420_000_000, sources, outputs }.to_string()
        };
        assert_eq!(
            said(vec![source("s", None, Some("in.csv"))]),
            "w: 4 of 6 rows (66.7%) came late and were dropped, the latest by 57m; [sources.s] watermark = \
             { bounded-out-of-orderness = \"58m\" } (its watermark was that of in.csv) keeps them; a sink with input = \
             \"w.late\" receives them"
        );
        // With one of them alone the least watermark might be as far as before.
        assert_eq!(
            said(vec![source("a", Some(30_000), None), source("b", None, None)]),
            "w: 4 of 6 rows (66.7%) came late and were dropped, the latest by 57m; all of [sources.a] watermark = \
             { bounded-out-of-orderness = \"58m\", idle-after = \"30s\" }, [sources.b] watermark = \
             { bounded-out-of-orderness = \"58m\" } keep them; a sink with input = \"w.late\" receives them"
        );
    }

    #[test]
    fn lengths_are_rounded_up_by_less_than_a_tenth() {
        for us in [1, 999, 1_000, 1_001, 9_999, 10_001, 3_600_000_000, 3_599_999_999, 86_400_000_001, u64::MAX / 2] {
            let text = length(us);
            let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic()).unwrap());
            let units = [("us", 1), ("ms", 1_000), ("s", 1_000_000), ("m", 60_000_000), ("h", 3_600_000_000_u64)];
            let unit = units.iter().find(|(name, _)| *name == unit).map_or(86_400_000_000, |(_, us)| *us);
            let read = number.parse::<u64>().unwrap() * unit;
            assert!(read >= us && read - us < us.div_ceil(10), "{us}: {text}");
        }
    }
}
