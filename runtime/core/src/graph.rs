//! The pipeline as its author wrote it, parsed and with its names resolved, before anything is opened or compiled.
//!
//! A [`LogicalGraph`] knows nothing of subtasks, threads or files' contents; the engine makes it physical. Nor does it know what
//! language it was written in: spans are places in whatever text it came from, and one that a program made has none.

mod aggregate_function;
mod event_time;
mod hosted;
mod join;
mod relational;
mod rolling;
mod updating;

use std::path::PathBuf;
use std::sync::Arc;

use arrow::datatypes::TimeUnit;

use crate::changelog::SinkChangelog;
use crate::diagnostic::Diagnostic;
use crate::disk::DeadLetterSettings;
use crate::limits::OperatorLimits;
pub use crate::options::Options;
pub use crate::span::{Span, Spanned};
use crate::time::WatermarkStrategy;
use crate::window::{WindowAssigner, WindowRules};
pub use aggregate_function::{AggregateFunction, Quantile};
pub use event_time::{EventTimeColumn, EventTimeForm, StepEventTime};
pub use join::{JoinBounds, JoinNode, JoinType};
pub use relational::{FilterNode, ListedColumn, SelectNode, SelectedColumns};
pub use rolling::{Frame, RollingNode};
pub use updating::{AggregateNode, ChangelogNode, DedupNode, Keep, OrderColumn, Ties, TopNode};

/// A pipeline: nodes in an order in which every node comes after its inputs.
#[derive(Clone, Debug)]
pub struct LogicalGraph {
    /// The pipeline's name.
    pub name: String,
    /// Subtasks per operator, where nothing else limits it.
    pub parallelism: usize,
    /// The number of key groups; the most subtasks that a keyed operator can ever have.
    pub max_parallelism: u32,
    /// Rows a source puts into one batch at most.
    pub batch_rows_max: usize,
    /// How long a source waits for a batch to fill, in milliseconds.
    pub linger_ms: u64,
    /// Where and when the job keeps what it has done; `None`: nowhere.
    pub checkpoint: Option<CheckpointSettings>,
    /// What happens to a job that keeps checkpoints when it fails.
    pub restart: RestartSettings,
    /// What happens to dead letters that are kept beside the job.
    pub dead_letters: DeadLetterSettings,
    /// Where it is said that only final results are given out; `None`: results are given out as they come.
    pub final_only: Option<Spanned<()>>,
    /// Whether rows are exchanged wherever they would be at a higher parallelism: then state of one parallelism fits the chains of another.
    pub keeps_exchanges: bool,
    /// Sources, operators, windows and sinks, inputs first.
    pub nodes: Vec<Node>,
    /// The text that every [`Span`] points into: of a pipeline file, after overrides. Empty, if there is none.
    pub text: Arc<str>,
    /// Warnings: valid but suspicious.
    pub warnings: Vec<Diagnostic>,
}

/// `[checkpoint]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointSettings {
    /// A folder, or an address such as `s3://BUCKET/PREFIX`; empty: the pipeline leaves it to who runs it.
    pub location: String,
    /// From the beginning of one checkpoint to that of the next, milliseconds.
    pub interval_ms: u64,
    /// At least this long between two checkpoints, milliseconds.
    pub min_pause_ms: u64,
    /// A checkpoint that takes longer is given up, milliseconds.
    pub timeout_ms: u64,
    /// How many are kept.
    pub keep: usize,
}

/// `[restart]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestartSettings {
    /// How long after the first failure the job starts again, milliseconds; twice as long after each further one.
    pub delay_ms: u64,
    /// The longest delay, milliseconds.
    pub delay_max_ms: u64,
    /// So many failures within a period are tolerated; 0: the first one ends the job.
    pub failures_max: u32,
    /// The period; and after so long without a failure the delay is the first one again. Milliseconds.
    pub period_ms: u64,
}

/// One named step.
#[derive(Clone, Debug)]
pub struct Node {
    /// Unique in the pipeline.
    pub name: String,
    /// Where its table's header is.
    pub span: Option<Span>,
    /// What it reads; several inputs of the same columns are united. Empty for a source.
    pub inputs: Vec<Input>,
    /// The event time of the rows of its main output, if a column that it makes says it; a source has its own.
    pub event_time: Option<StepEventTime>,
    /// What it does.
    pub kind: NodeKind,
}

/// One edge into a node.
#[derive(Clone, Debug)]
pub struct Input {
    /// Index of the node in [`LogicalGraph::nodes`].
    pub node: usize,
    /// Its output: [`MAIN_OUTPUT`], or a side output's name.
    pub output: String,
    /// Which input of the node it is of; empty: its only one. Streams of the same input are united.
    pub port: String,
    /// Where the file says so.
    pub span: Option<Span>,
}

/// The name of the first output of every node.
pub const MAIN_OUTPUT: &str = "main";
/// The side output of a window that gets the rows that came too late; a join has one per input: [`JoinNode::late_output`].
pub const LATE_OUTPUT: &str = "late";
/// The side output of a source or an operator that gets the rows that it could not process.
pub const DEAD_LETTER_OUTPUT: &str = "dead-letter";

/// What a node does.
#[derive(Clone, Debug)]
pub enum NodeKind {
    /// Brings rows in.
    Source(SourceNode),
    /// Runs a component over rows.
    Operator(OperatorNode),
    /// Keeps the rows that a condition holds for.
    Filter(FilterNode),
    /// Makes columns of columns.
    Select(SelectNode),
    /// Groups rows by key and time, and aggregates them.
    Window(WindowNode),
    /// Puts rows of two streams together.
    Join(JoinNode),
    /// Reads rows that describe changes.
    Changelog(ChangelogNode),
    /// Groups rows by key, and updates the aggregates of each.
    Aggregate(AggregateNode),
    /// Keeps one row per key.
    Dedup(DedupNode),
    /// Keeps the first rows of each key in an order.
    Top(TopNode),
    /// Aggregates the rows before each row.
    Rolling(RollingNode),
    /// Takes rows out.
    Sink(SinkNode),
    /// A kind of step that this crate does not know.
    Other(OtherNode),
}

impl NodeKind {
    /// What happens to what it cannot process.
    #[must_use]
    pub fn on_error(&self) -> OnError {
        match self {
            Self::Source(source) => source.on_error,
            Self::Operator(operator) => operator.on_error,
            Self::Filter(filter) => filter.on_error,
            Self::Select(select) => select.on_error,
            Self::Window(window) => window.on_error,
            Self::Changelog(changelog) => changelog.on_error,
            Self::Aggregate(aggregate) => aggregate.on_error,
            Self::Rolling(rolling) => rolling.on_error,
            Self::Join(_) | Self::Dedup(_) | Self::Top(_) | Self::Sink(_) | Self::Other(_) => OnError::Fail,
        }
    }

    /// What is computed of each group, if it groups rows.
    #[must_use]
    pub fn aggregates(&self) -> &[(Spanned<String>, AggregateSpec)] {
        match self {
            Self::Window(window) => &window.aggregates,
            Self::Aggregate(aggregate) => &aggregate.aggregates,
            Self::Rolling(rolling) => &rolling.aggregates,
            _ => &[],
        }
    }

    /// The section of the pipeline file that such nodes are in.
    #[must_use]
    pub fn section(&self) -> &str {
        match self {
            Self::Source(_) => "sources",
            Self::Operator(_) => "operators",
            Self::Filter(_) => "filters",
            Self::Select(_) => "selects",
            Self::Window(_) => "windows",
            Self::Join(_) => "joins",
            Self::Changelog(_) => "changelogs",
            Self::Aggregate(_) => "aggregates",
            Self::Dedup(_) => "dedup",
            Self::Top(_) => "top",
            Self::Rolling(_) => "rolling",
            Self::Sink(_) => "sinks",
            Self::Other(node) => &node.section,
        }
    }
}

/// `[sources.NAME]`
#[derive(Clone, Debug)]
pub struct SourceNode {
    /// Which connector, and where that is said.
    pub connector: Spanned<String>,
    /// The connector's own options.
    pub options: Options,
    /// The column with the event time; `None`: rows have the time of their arrival.
    pub event_time: Option<EventTimeColumn>,
    /// How watermarks follow from event times, per split; `None`: as the source says (`Source::default_watermark`).
    pub watermark: Option<WatermarkStrategy>,
    /// The column whose values are watermarks, where that is how they follow.
    pub punctuation: Option<Spanned<String>>,
    /// After this long without rows, a split no longer holds event time back, in milliseconds.
    pub idle_after_ms: Option<u64>,
    /// How far it may be ahead of other sources that have this too, microseconds of event time; `None`: any distance.
    pub max_drift_us: Option<i64>,
    /// A row whose event time is further ahead of the clock is malformed, microseconds; `None`: none is.
    pub future_max_us: Option<i64>,
    /// What happens to malformed records.
    pub on_error: OnError,
    /// Whether it is read although the job had ended, as rows are that a person adds to it.
    pub reads_after_end: bool,
    /// Its splits, where another process has listed them: each process would find others, as files come and go. `None`: they are found.
    pub splits: Option<Vec<String>>,
}

/// `[operators.NAME]`
#[derive(Clone, Debug)]
pub struct OperatorNode {
    /// The component's file, absolute or relative to the pipeline file's folder.
    pub component: Spanned<PathBuf>,
    /// What `describe` gets, JSON.
    pub config: serde_json::Value,
    /// The key columns of a keyed operator; `None`: a transform. An empty list is one key for all rows.
    pub key_by: Option<Vec<Spanned<String>>>,
    /// How a transform's rows are spread over its subtasks; `None`: as they come.
    pub exchange: Option<Spanned<Exchange>>,
    /// What happens to rows that it cannot process.
    pub on_error: OnError,
    /// When what a keyed operator keeps of a key expires; `None`: never.
    pub ttl: Option<StateTtl>,
    /// Its bounds.
    pub limits: OperatorLimits,
}

/// When what a step keeps of a key expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateTtl {
    /// How long after its last use, microseconds.
    pub after_us: i64,
    /// Whether reading is a use, too.
    pub refreshed_by_reads: bool,
    /// Whether event time counts; else the clock.
    pub by_event_time: bool,
}

/// How an author has rows spread where the planner would leave them alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exchange {
    /// Batches in turn: for splits of uneven size.
    Rebalance,
    /// Every subtask gets every row, so the operator sees each as many times as its parallelism.
    Broadcast,
}

/// `[windows.NAME]`
#[derive(Clone, Debug)]
pub struct WindowNode {
    /// The columns that rows are grouped by; empty: one group.
    pub key_by: Vec<Spanned<String>>,
    /// How rows are assigned to windows.
    pub window: WindowAssigner,
    /// How windows fire; `None`: once at their end, and once per late row.
    pub rules: Option<WindowRules>,
    /// The column with the gap of each row's session.
    pub gap: Option<GapColumn>,
    /// The column that an evictor compares.
    pub delta: Option<Spanned<String>>,
    /// Output column and how it is computed, in the file's order.
    pub aggregates: Vec<(Spanned<String>, AggregateSpec)>,
    /// How long after its end a window still takes rows, microseconds.
    pub allowed_lateness_us: i64,
    /// What happens to rows that a Wasm aggregate cannot take.
    pub on_error: OnError,
    /// Bytes of its state, over all subtasks.
    pub state_bytes: u64,
}

/// The column that says the gap of a row's session: a duration, or whole numbers.
#[derive(Clone, Debug)]
pub struct GapColumn {
    /// Its name.
    pub column: Spanned<String>,
    /// The unit of whole numbers.
    pub unit: TimeUnit,
}

/// One output column of a window.
#[derive(Clone, Debug)]
pub enum AggregateSpec {
    /// One of ours.
    Builtin {
        /// Which one.
        function: AggregateFunction,
        /// Of which columns: what it goes by comes second, where it goes by one. A count of rows has none.
        columns: Vec<Spanned<String>>,
        /// The condition of rows that count, an SQL expression; `None`: all count.
        filter: Option<Spanned<String>>,
    },
    /// A component of the world `aggregate-operator`.
    Component {
        /// Its file.
        component: Spanned<PathBuf>,
        /// The columns that it gets.
        columns: Vec<Spanned<String>>,
        /// The condition of rows that it gets, an SQL expression; `None`: all.
        filter: Option<Spanned<String>>,
        /// What `describe` gets, JSON.
        config: serde_json::Value,
        /// Its bounds.
        limits: OperatorLimits,
    },
}

/// `[sinks.NAME]`
#[derive(Clone, Debug)]
pub struct SinkNode {
    /// Which connector.
    pub connector: Spanned<String>,
    /// The connector's own options.
    pub options: Options,
    /// Which columns of its input it writes, in this order; `None`: all.
    pub columns: Option<Vec<ListedColumn>>,
    /// How it writes updates; `None`: as its connector does.
    pub changelog: Option<Spanned<SinkChangelog>>,
    /// Where the file says that it writes only what changes from one checkpoint to the next.
    pub holds_changes: Option<Spanned<()>>,
    /// Bytes of the table, or the changes, that it keeps; `None`: as usual.
    pub state_bytes: Option<Spanned<u64>>,
}

/// A step of a section that the caller of [`parse_with`](crate::pipeline::parse_with) has named: its kind reads the options.
#[derive(Clone, Debug)]
pub struct OtherNode {
    /// The section.
    pub section: String,
    /// All keys but `input` and `inputs`.
    pub options: Options,
}

/// What happens to a row that cannot be processed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnError {
    /// The job stops and says why. The default: nothing is lost unsaid.
    #[default]
    Fail,
    /// The row is counted and dropped.
    Skip,
    /// The row goes to the side output [`DEAD_LETTER_OUTPUT`], with the reason.
    DeadLetter,
}
