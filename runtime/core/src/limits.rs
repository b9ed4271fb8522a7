//! Every bound of the runtime, with its default and the reason for it.

/// Rows in one batch at most, by default: columns of this many int64 fit the first-level cache a few at a time, and the cost
/// of a call (about 220 ns) is spread to well below a nanosecond a row.
pub const BATCH_ROWS_MAX_DEFAULT: usize = 4096;
/// Rows in one batch at most, whatever the pipeline says: beyond this a batch leaves the second-level cache, and one call takes
/// so long that its time limit no longer tells a loop from work.
pub const BATCH_ROWS_LIMIT: usize = 65_536;
/// How long a source waits for a batch to fill, by default: below what a person notices (Flink's buffers wait up to 100 ms), and so
/// long that a hundred slow streams do not keep a core busy with waking up.
pub const LINGER_MS_DEFAULT: u64 = 50;
/// Elements in one channel between two subtasks: enough to keep both busy, few enough that backpressure is felt at once.
pub const CHANNEL_ELEMENTS_MAX: usize = 8;
/// Bytes of the batches in one channel, at most, but for one batch that is larger: eight usual batches have a tenth of it.
pub const CHANNEL_BYTES_MAX: u64 = 16 << 20;
/// Bytes of the batches whose rows an exchange gathers, at most: ten batches of usual rows, which are enough for full batches at a
/// small parallelism, and a small part of a machine's memory where a hundred subtasks gather at once.
pub const EXCHANGE_BYTES_MAX: u64 = 4 << 20;
/// Free bytes of a disk that the jobs of a server leave, by default: enough for its catalog, for last checkpoints of usual jobs, and for a
/// person to see what fills it.
pub const DISK_RESERVE_BYTES_DEFAULT: u64 = 64 << 20;
/// Bytes of the dead letters that a server keeps for one job, by default: more than anybody reads, and little of a disk.
pub const DEAD_LETTER_BYTES_MAX_DEFAULT: u64 = 1 << 30;
/// Subtasks per operator at most: a thread each.
pub const PARALLELISM_MAX: usize = 256;
/// Key groups at most: a snapshot has a part for each.
pub const KEY_GROUPS_MAX: u32 = 32_768;
/// From one checkpoint to the next, by default: what is done again after a failure, against what checkpoints cost.
pub const CHECKPOINT_INTERVAL_MS_DEFAULT: u64 = 10_000;
/// A checkpoint that takes longer is given up, by default: long enough for a slow disk, short enough to be noticed.
pub const CHECKPOINT_TIMEOUT_MS_DEFAULT: u64 = 600_000;
/// Attempts at a checkpoint that may fail one after the other: what sinks hold back until a commit must not grow for ever.
pub const CHECKPOINT_FAILURES_MAX: u32 = 10;
/// Bytes that one writer of a sink holds back until the next checkpoint, at most: some minutes of a fast stream, as long as a broker
/// takes to come back, and what a machine can spare.
pub const STAGED_BYTES_MAX: usize = 1 << 30;
/// Checkpoints that are kept, by default: one to resume from, and some to go back to.
pub const CHECKPOINTS_KEPT_DEFAULT: usize = 3;
/// Checkpoints that can be kept: each is listed when a job starts.
pub const CHECKPOINTS_KEPT_MAX: usize = 10_000;
/// How long after a failure a job starts again, by default: most of what fails for a moment is back by then.
pub const RESTART_DELAY_MS_DEFAULT: u64 = 500;
/// The longest wait before a start, by default.
pub const RESTART_DELAY_MAX_MS_DEFAULT: u64 = 60_000;
/// Failures within [`RESTART_PERIOD_MS_DEFAULT`] that are tolerated by default: what fails more often needs a person.
pub const RESTARTS_A_PERIOD_DEFAULT: u32 = 10;
/// Failures within a period at most.
pub const RESTARTS_A_PERIOD_MAX: u32 = 1_000_000;
/// The period in which failures are counted, by default.
pub const RESTART_PERIOD_MS_DEFAULT: u64 = 600_000;
/// Windows that each row of a sliding window falls into without a warning: a day that slides by ten seconds has fewer, and what has
/// more is mostly a wrong unit.
pub const WINDOWS_PER_ROW_WARNING: u64 = 10_000;
/// Bytes of a malformed record that are kept in its message.
pub const MALFORMED_BYTES_MAX: usize = 1024;
/// Calls that a version may fail at while it only runs beside another: what follows says nothing new.
pub const SHADOW_FAILURES_MAX: u64 = 10;
/// Differences between two versions that are kept as examples: a person reads no more.
pub const SHADOW_EXAMPLES_MAX: usize = 10;
/// Pairs of an old and a new value of one column that differing rows are counted by; with more of them a column has one count for all.
pub const SHADOW_PAIRS_MAX: usize = 20;
/// Bytes of a value, or of a row, in such an example.
pub const SHADOW_TEXT_BYTES_MAX: usize = 1024;
/// How often a key may register timers that are due at once, while timers fire for one watermark: once a second for a day. Beyond it the
/// watermark would never be reached.
pub const DUE_TIMERS_MAX: u32 = 100_000;
/// Bytes that one call of an operator gives out before what is downstream processes them, if the batch has to be processed in parts: as
/// much as some large batches.
pub const OUTPUT_PART_BYTES: u64 = 16 << 20;
/// How long the rows of a failed call are processed apart before the subtask looks whether it is to stop: short to a person who waits.
pub const OUTPUT_PART_US: i64 = 200_000;
/// Maps of one operator at most: each has tables of its own in every checkpoint, and few operators have more than two.
pub const MAPS_PER_OPERATOR_MAX: usize = 32;
/// Bytes of a map's name at most: it is part of a table's name in every checkpoint.
pub const MAP_NAME_BYTES_MAX: usize = 64;
/// Bytes of a component at most: the largest interpreters that come as components take about 20 MB.
pub const COMPONENT_BYTES_MAX: u64 = 64 << 20;
/// Bytes of a secret at most: a key with its certificates has some thousands.
pub const SECRET_BYTES_MAX: u64 = 64 << 10;
/// Bytes of the secrets of one source or sink at most, each as often as it is named: a short text could make a large one.
pub const SECRETS_BYTES_MAX: usize = 256 << 10;
/// Bytes of a pipeline file at most: they are written by people.
pub const PIPELINE_BYTES_MAX: u64 = 1 << 20;

/// Linear memory of a component at least, bytes: a page of WebAssembly.
pub const GUEST_MEMORY_BYTES_MIN: u64 = 64 << 10;
/// Linear memory of a component at most, bytes: all that its addresses of 32 bits reach.
pub const GUEST_MEMORY_BYTES_MAX: u64 = 4 << 30;
/// How long a call, or the rows of one batch, may take at most, whatever the pipeline says: a longer time would be as good as no limit.
pub const GUEST_TIME_US_MAX: i64 = 86_400_000_000;

/// The bounds of one operator's instances. Each can be set in the pipeline file, in `limits`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct OperatorLimits {
    /// Linear memory of an instance, bytes.
    pub memory_bytes: u64,
    /// Elements of a table of an instance: function pointers.
    pub table_elements: u64,
    /// How much processor time one call may take, milliseconds.
    pub call_time_ms: u64,
    /// Output rows per input row, over all outputs of a call.
    pub output_rows_per_row: u32,
    /// Bytes of log lines a second; a line counts for some more than its own.
    pub log_bytes_per_s: u64,
    /// Bytes that one call may make: what it hands back, and the columns that are kept for the rows that it selects.
    pub output_bytes: u64,
    /// How long one batch may take once a call of it has failed, and its rows are processed apart, milliseconds.
    pub batch_time_ms: u64,
    /// Bytes of the operator's state, maps and timers, over all subtasks.
    pub state_bytes: u64,
    /// Timers of one subtask.
    pub timers: u64,
}

impl Default for OperatorLimits {
    fn default() -> Self {
        Self {
            // An interpreter's instance takes 18 MiB before it does anything.
            memory_bytes: 64 << 20,
            table_elements: 100_000,
            // A batch of 8,192 rows in an interpreted language takes 20 ms; a loop must not stop a stream for long.
            call_time_ms: 1_000,
            // A flat-map that makes more than this of a row is a bomb.
            output_rows_per_row: 1_000,
            log_bytes_per_s: 64 << 10,
            output_bytes: 256 << 20,
            // Thirty rows that loop, of which each is found in two calls; a stream that makes no step for longer looks dead.
            batch_time_ms: 60_000,
            // More than most jobs ever keep, and less than a machine that runs several has.
            state_bytes: 4 << 30,
            // One each for ten million keys: some 200 MB.
            timers: 10_000_000,
        }
    }
}
