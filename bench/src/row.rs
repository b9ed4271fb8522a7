//! One measurement: a line of the table, an object of the JSON file.

use serde::{Deserialize, Serialize};

/// What was measured. The keys of the JSON are the names of the fields.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    /// `q5`, or `boundary/filter/1024`.
    pub(crate) name: String,
    /// Subtasks per operator.
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

/// What a checkpoint of one kind of state costs; of times the fastest run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PauseRow {
    /// `pause/panes`.
    pub(crate) name: String,
    /// Live keys.
    pub(crate) keys: u64,
    /// How long the stream stands still while the state is frozen.
    pub(crate) pause_ms: f64,
    /// A batch of rows before, and one of the first that are taken beside the frozen copy.
    pub(crate) batch_ms: f64,
    pub(crate) batch_beside_ms: f64,
    /// Processor time of making the tables, on another thread in a job.
    pub(crate) tables_ns_a_key: f64,
    /// Processor time of making state of them again.
    pub(crate) restore_ns_a_key: f64,
    /// Memory of the tables.
    pub(crate) bytes: u64,
}

impl PauseRow {
    /// The header of [`PauseRow::line`].
    pub(crate) const HEADER: &str =
        "state           keys  pause ms  batch ms  beside ms  tables ns/key  restore ns/key  tables MiB";

    /// What any run is faster than.
    pub(crate) fn slowest(kind: &str, keys: u64) -> Self {
        Self {
            name: format!("pause/{kind}"),
            keys,
            pause_ms: f64::INFINITY,
            batch_ms: f64::INFINITY,
            batch_beside_ms: f64::INFINITY,
            tables_ns_a_key: f64::INFINITY,
            restore_ns_a_key: f64::INFINITY,
            bytes: 0,
        }
    }

    /// A line of the table.
    pub(crate) fn line(&self) -> String {
        format!(
            "{:<8}  {:>10}  {:>8.2}  {:>8.2}  {:>9.2}  {:>13.1}  {:>14.1}  {:>10.1}",
            self.name.strip_prefix("pause/").unwrap_or(&self.name),
            self.keys,
            self.pause_ms,
            self.batch_ms,
            self.batch_beside_ms,
            self.tables_ns_a_key,
            self.restore_ns_a_key,
            self.bytes as f64 / f64::from(1 << 20),
        )
    }
}

/// What checkpoints every second cost a job; of each speed the fastest run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct CostRow {
    /// `checkpoints/q5`.
    pub(crate) name: String,
    /// Events a second with checkpoints.
    pub(crate) events_per_s: f64,
    /// The same without.
    pub(crate) unkept_events_per_s: f64,
    /// How many were completed in a run.
    pub(crate) checkpoints: u64,
}

impl CostRow {
    /// The header of [`CostRow::line`].
    pub(crate) const HEADER: &str = "query  M events/s  without  of without  checkpoints";

    /// What any run is faster than.
    pub(crate) fn slowest(query: &str) -> Self {
        let name = format!("checkpoints/{query}");
        Self { name, events_per_s: 0.0, unkept_events_per_s: 0.0, checkpoints: 0 }
    }

    /// A line of the table.
    pub(crate) fn line(&self) -> String {
        format!(
            "{:<5}  {:>10.2}  {:>7.2}  {:>10.3}  {:>11}",
            self.name.strip_prefix("checkpoints/").unwrap_or(&self.name),
            self.events_per_s / 1e6,
            self.unkept_events_per_s / 1e6,
            self.events_per_s / self.unkept_events_per_s,
            self.checkpoints,
        )
    }
}

/// What records that are no rows cost a source; of processor time the run with the least.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct BadRecordsRow {
    /// `bad-records/csv-fields/10`: what is wrong, and with how many in a hundred.
    pub(crate) name: String,
    pub(crate) records: u64,
    pub(crate) bad: u64,
    /// Processor time of one run, seconds.
    pub(crate) cpu_s: f64,
    /// `cpu_s` divided by that of good records only.
    pub(crate) good_ratio: f64,
}

impl BadRecordsRow {
    /// The header of [`BadRecordsRow::line`].
    pub(crate) const HEADER: &str = "bad records/%       records       bad   CPU s  of good";

    /// A line of the table.
    pub(crate) fn line(&self) -> String {
        format!(
            "{:<15}  {:>10}  {:>8}  {:>6.2}  {:>7.2}",
            self.name.strip_prefix("bad-records/").unwrap_or(&self.name),
            self.records,
            self.bad,
            self.cpu_s,
            self.good_ratio,
        )
    }
}

/// How long a job takes to come back; the fastest run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RestoreRow {
    /// `restore`.
    pub(crate) name: String,
    /// Subtasks per operator.
    pub(crate) parallelism: usize,
    /// Live keys.
    pub(crate) keys: u64,
    /// Of its checkpoint, on disk.
    pub(crate) bytes: u64,
    /// From asking for the job to its first subtask's start: finding, reading and checking the checkpoint, making state of it.
    pub(crate) seconds: f64,
}

impl RestoreRow {
    /// What a person reads.
    pub(crate) fn line(&self) -> String {
        let mib = self.bytes as f64 / f64::from(1 << 20);
        let Self { parallelism, keys, seconds, .. } = self;
        format!(
            "restore: {keys} keys, {mib:.0} MiB, parallelism {parallelism}, {seconds:.2} s, {:.0} MiB/s",
            mib / seconds
        )
    }
}

/// What swaps cost a stream.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SwapRow {
    /// `swap/configuration`.
    pub(crate) name: String,
    /// Subtasks per operator.
    pub(crate) parallelism: usize,
    /// How many swaps there were.
    pub(crate) swaps: usize,
    /// Rows that went through.
    pub(crate) rows: u64,
    /// The longest time between two outputs of a subtask around a swap, less the usual time; of all swaps the median, milliseconds.
    pub(crate) gap_ms_median: f64,
    /// The same, the longest.
    pub(crate) gap_ms_max: f64,
    /// The longest time that a subtask stood still for a swap, milliseconds.
    pub(crate) pause_ms_max: f64,
    /// Between two outputs of a subtask, over the whole run, the median, milliseconds.
    pub(crate) usual_ms_median: f64,
    /// The same, the longest.
    pub(crate) usual_ms_max: f64,
}

impl SwapRow {
    /// The header of [`SwapRow::line`].
    pub(crate) const HEADER: &str =
        "swap            parallelism  swaps  gap ms  longest  pause ms  between outputs ms  longest of all      rows";

    /// A line of the table.
    pub(crate) fn line(&self) -> String {
        format!(
            "{:<14}  {:>11}  {:>5}  {:>6.2}  {:>7.2}  {:>8.2}  {:>18.3}  {:>14.2}  {:>8}",
            self.name.strip_prefix("swap/").unwrap_or(&self.name),
            self.parallelism,
            self.swaps,
            self.gap_ms_median,
            self.gap_ms_max,
            self.pause_ms_max,
            self.usual_ms_median,
            self.usual_ms_max,
            self.rows,
        )
    }
}

/// One figure of a server.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ServerRow {
    /// What it is of.
    pub(crate) name: String,
    /// How much.
    pub(crate) value: f64,
    /// Of what.
    pub(crate) unit: &'static str,
}

impl ServerRow {
    pub(crate) fn new(what: &str, value: f64, unit: &'static str) -> Self {
        Self { name: format!("server/{what}"), value, unit }
    }

    /// A line of the table.
    pub(crate) fn line(&self) -> String {
        format!("{:<40}  {:>8.1} {}", self.name.strip_prefix("server/").unwrap_or(&self.name), self.value, self.unit)
    }
}

/// What a job costs at some parallelism; the cheapest run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ParallelRow {
    /// `parallel/component`.
    pub(crate) name: String,
    /// Subtasks per step.
    pub(crate) parallelism: usize,
    /// Events that the source made.
    pub(crate) events: u64,
    /// Processor time of the run, seconds.
    pub(crate) cpu_s: f64,
    /// That, divided by that of one subtask.
    pub(crate) ratio: f64,
}

impl ParallelRow {
    /// The header of [`ParallelRow::line`].
    pub(crate) const HEADER: &str = "behind the exchange  parallelism   cpu s  of one subtask";

    /// A line of the table.
    pub(crate) fn line(&self) -> String {
        let Self { name, parallelism, cpu_s, ratio, .. } = self;
        let name = name.strip_prefix("parallel/").unwrap_or(name);
        format!("{name:<19}  {parallelism:>11}  {cpu_s:>6.2}  {ratio:>14.2}")
    }
}

/// How fast messages are read or written; the fastest run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct KafkaRow {
    /// `kafka/source`.
    pub(crate) name: String,
    /// Bytes of a message, on average.
    pub(crate) message_bytes: f64,
    /// Messages a second.
    pub(crate) rows_per_s: f64,
    /// Processor time of that run, seconds, without the broker's.
    pub(crate) cpu_s: f64,
}

impl KafkaRow {
    /// The header of [`KafkaRow::line`].
    pub(crate) const HEADER: &str = "kafka          messages/s   cpu s";

    /// What any run is faster than.
    pub(crate) fn slowest(what: &str, message_bytes: f64) -> Self {
        Self { name: format!("kafka/{what}"), message_bytes, rows_per_s: 0.0, cpu_s: 0.0 }
    }

    /// A line of the table.
    pub(crate) fn line(&self) -> String {
        let name = self.name.strip_prefix("kafka/").unwrap_or(&self.name);
        format!("{name:<13}  {:>10.0}  {:>6.2}", self.rows_per_s, self.cpu_s)
    }
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
