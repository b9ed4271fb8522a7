//! One measurement: a line of the table, an object of the JSON file.

use serde::{Deserialize, Serialize};

/// What was measured. The keys of the JSON are the names of the fields.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    /// `q5`, or `boundary/filter/1024`.
    pub(crate) name: String,
    /// Subtasks an operator.
    pub(crate) parallelism: usize,
    /// Events (of the boundary: records) a second. Events are all that the generator counts, of which 46 in 50 are bids.
    pub(crate) events_per_s: f64,
    /// Processor time of one run, seconds; none for the boundary.
    pub(crate) cpu_s: Option<f64>,
    /// The most memory that the process held until the end of its first run; none for the boundary.
    pub(crate) peak_rss_bytes: Option<u64>,
    /// `events_per_s` divided by that of the hand-written loop in the same run: 1 is as fast as no engine at all.
    pub(crate) loop_ratio: f64,
    /// Rows that came out, of all events or of all batches.
    pub(crate) rows: u64,
    /// Order-insensitive checksum of these rows, 16 hex digits.
    pub(crate) checksum: String,
}

impl Row {
    /// The header of [`Row::nexmark_line`].
    pub(crate) const NEXMARK_HEADER: &str =
        "query  parallelism  M events/s   cpu s  peak MiB  of loop        rows  checksum";
    /// The header of [`Row::boundary_line`].
    pub(crate) const BOUNDARY_HEADER: &str = "boundary               ns/record  native ns/record   times native";

    /// A line of the table of queries.
    pub(crate) fn nexmark_line(&self) -> String {
        format!(
            "{:<5}  {:>11}  {:>10.2}  {:>6.2}  {:>8.1}  {:>7.3}  {:>10}  {}",
            self.name,
            self.parallelism,
            self.events_per_s / 1e6,
            self.cpu_s.unwrap_or_default(),
            self.peak_rss_bytes.unwrap_or_default() as f64 / f64::from(1 << 20),
            self.loop_ratio,
            self.rows,
            self.checksum,
        )
    }

    /// A line of the table of the boundary.
    pub(crate) fn boundary_line(&self) -> String {
        let ns = 1e9 / self.events_per_s;
        let name = self.name.strip_prefix("boundary/").unwrap_or(&self.name);
        format!("{name:<21}  {ns:>9.2}  {:>16.2}  {:>13.1}", ns * self.loop_ratio, 1.0 / self.loop_ratio)
    }
}
