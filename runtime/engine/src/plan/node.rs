//! What a kind of step is to the planner. Each kind implements [`PlanNode`] in its own folder; nobody else asks which kind a step is.

mod columns;

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
pub use weir_core::changelog::ChangelogMode;
use weir_core::connector::{ConnectorError, Connectors, Offset, Sink};
use weir_core::graph::{LogicalGraph, Node};
use weir_core::limits::OperatorLimits;
use weir_core::swap::Probation;
use weir_core::time::Clock;
use weir_host::{Component, GuestLog, Host, MapLayout, StateLayout};

pub use columns::NodeColumns;

use super::error::CheckErrors;
use super::source::SourcePlan;
use crate::dataflow::latency::LatencyHistogram;
use crate::dataflow::metrics::Metrics;
use crate::dataflow::operator::Operator;
use crate::error::OperatorError;
use crate::replace::replaceable::Version;
use crate::replace::version::{NewVersion, SwapError};

/// A kind of step: makes nodes of one section of a pipeline file.
pub trait StepKind: Send + Sync {
    /// The section: `operators` for `[operators.NAME]`.
    fn section(&self) -> &'static str;

    /// The node of a step whose inputs are known, in the order in which the file names them.
    ///
    /// # Errors
    /// What does not fit, with its place in the file.
    fn plan(&self, cx: &PlanContext<'_>, node: &Node, inputs: &[PortInput]) -> Result<Arc<dyn PlanNode>, CheckErrors>;

    /// What can be wrong with a step whose inputs are not known, because a step before it is wrong.
    ///
    /// # Errors
    /// As [`StepKind::plan`].
    fn check_alone(&self, cx: &PlanContext<'_>, node: &Node) -> Result<(), CheckErrors> {
        let _ = (cx, node);
        Ok(())
    }
}

/// What a step is planned with.
pub struct PlanContext<'a> {
    /// The whole pipeline.
    pub graph: &'a LogicalGraph,
    /// Opens sources and sinks.
    pub connectors: &'a dyn Connectors,
    /// Loads components.
    pub host: &'a Host,
}

/// What comes in by one port: the streams that the file names for it, united.
#[derive(Clone, Debug)]
pub struct PortInput {
    /// What the file calls the port; empty: the only one.
    pub name: String,
    /// The columns of its rows.
    pub schema: SchemaRef,
    /// How many subtasks they come from, at most, and at least if they are updates: with as many a step needs no exchange, and keeps rows in
    /// their order.
    pub parallelism: usize,
    /// What its rows do to the rows before them.
    pub changelog: ChangelogMode,
    /// Columns that are unique in the table that the stream describes, if there are such.
    pub key: Option<Vec<usize>>,
}

/// A step of a checked pipeline. All indices of columns are into the full schemas of its ports.
pub trait PlanNode: Send + Sync {
    /// What a person calls it: `window`.
    fn kind(&self) -> &'static str;

    /// Where rows come in.
    fn inputs(&self) -> &[InputPort];

    /// Where rows go out, the main output first.
    fn outputs(&self) -> &[OutputPort];

    /// How many subtasks it has.
    fn parallelism(&self) -> usize;

    /// The columns of each input that it needs to make what is read of its outputs, in the order in which it gets them.
    fn needs(&self, read: &[Option<BTreeSet<usize>>]) -> Vec<Vec<usize>>;

    /// Of each column of an output, the column of its input that it is; `None`: it is made. Empty: the step does not tell.
    fn carried(&self, _output: usize) -> Vec<Option<usize>> {
        Vec::new()
    }

    /// The two halves of a step that can do part of its work ahead of its exchange; `read` as in [`PlanNode::needs`].
    fn pre_aggregate(&self, columns: &NodeColumns) -> Option<Halves> {
        let _ = columns;
        None
    }

    /// What it is to the world outside.
    fn role(&self) -> Role<'_> {
        Role::Operator
    }

    /// The components that it runs.
    fn components(&self) -> Vec<ComponentUse<'_>> {
        Vec::new()
    }

    /// What a person can do where its input makes updates that it does not take.
    fn advice_on_updates(&self) -> Option<&'static str> {
        None
    }

    /// How it keeps state per key, if a component says that.
    fn keyed_state(&self) -> Option<KeyedLayout> {
        None
    }

    /// Bytes of state that it may keep, over all subtasks.
    fn state_bytes_max(&self) -> u64 {
        u64::MAX
    }

    /// The operator of one subtask; of a source there is none.
    ///
    /// # Errors
    /// If it cannot be made.
    fn make(&self, cx: &MakeContext<'_>) -> Result<Option<Box<dyn Operator>>, MakeError>;

    /// This step with another version of a component.
    ///
    /// # Errors
    /// What does not fit.
    fn replaced(&self, cx: &ReplaceContext<'_>, version: &NewVersion) -> Result<Arc<dyn PlanNode>, SwapError> {
        let _ = cx;
        Err(SwapError::Unfit { operator: version.operator.clone(), reason: "it runs no component".to_owned() })
    }

    /// This step as one that undoes a swap: it takes over states of newer versions. `None`: as it is.
    fn going_back(&self) -> Option<Arc<dyn PlanNode>> {
        None
    }

    /// What a running step of `old` is handed so that it runs this one's components.
    ///
    /// # Errors
    /// If an instance cannot be made.
    fn make_version(&self, old: &dyn PlanNode, cx: &MakeContext<'_>) -> Result<Version, OperatorError> {
        let _ = (old, cx);
        Err(OperatorError::Version)
    }

    /// Why its component cannot be called beside another version and compared; `None`: it can.
    fn refuses_shadow(&self) -> Option<&'static str> {
        None
    }
}

/// An input of a step.
#[derive(Clone, Debug)]
pub struct InputPort {
    /// What pipelines call it; empty: the only one.
    pub name: String,
    /// The columns of its rows.
    pub schema: SchemaRef,
    /// How rows get to its subtasks.
    pub distribution: Distribution,
    /// What its rows may do to the rows before them.
    pub takes: &'static [ChangelogMode],
    /// Whether rows of other inputs are looked up in its rows once it was read, whatever their event times.
    pub is_looked_up: bool,
}

impl InputPort {
    /// The only input of a step that takes inserts.
    #[must_use]
    pub fn only(schema: SchemaRef, distribution: Distribution) -> Self {
        Self { name: String::new(), schema, distribution, takes: ChangelogMode::INSERTS, is_looked_up: false }
    }
}

/// How rows get to the subtasks of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Distribution {
    /// As they come.
    Any,
    /// Batches in turn, even where they could stay in their subtask.
    Rebalance,
    /// Rows of the same key to the same subtask; columns of the port's schema.
    Hash(Vec<usize>),
    /// Every row to every subtask.
    Broadcast,
}

/// An output of a step.
#[derive(Clone, Debug)]
pub struct OutputPort {
    /// `main`, or the side output's name.
    pub name: String,
    /// Its columns.
    pub schema: SchemaRef,
    /// What its rows are.
    pub role: OutputRole,
    /// Columns that are made even if nobody reads them.
    pub always: Vec<usize>,
    /// What its rows do to the rows before them.
    pub changelog: ChangelogMode,
    /// Columns that are unique in the table that its rows describe, if there are such. Empty: the table has one row at most.
    pub key: Option<Vec<usize>>,
}

impl OutputPort {
    /// An output of inserts.
    #[must_use]
    pub fn new(name: &str, schema: SchemaRef, role: OutputRole) -> Self {
        Self {
            name: name.to_owned(),
            schema,
            role,
            always: Vec::new(),
            changelog: ChangelogMode::InsertOnly,
            key: None,
        }
    }
}

/// What the rows of an output are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputRole {
    /// What the step makes.
    Made,
    /// Rows as they came in, whole: too late, or refused. If one of their columns is read, the step gets all of them.
    WholeRows,
    /// Records that a source could not read.
    Records,
}

/// What a step is to the world outside.
pub enum Role<'a> {
    /// It brings rows in.
    Source(&'a SourcePlan),
    /// It takes rows of this schema out.
    Sink(&'a Arc<dyn Sink>, &'a SchemaRef),
    /// Neither.
    Operator,
}

impl<'a> Role<'a> {
    /// The source that it is.
    pub(crate) fn source(self) -> Option<&'a SourcePlan> {
        match self {
            Self::Source(source) => Some(source),
            Self::Sink(..) | Self::Operator => None,
        }
    }

    /// The sink that it is.
    pub(crate) fn sink(self) -> Option<&'a Arc<dyn Sink>> {
        match self {
            Self::Sink(sink, _) => Some(sink),
            Self::Source(_) | Self::Operator => None,
        }
    }
}

/// The halves of a step that works ahead of its exchange.
pub struct Halves {
    /// Its first output has the columns that are exchanged.
    pub ahead: Arc<dyn PlanNode>,
    /// Takes them, by the keys of its first port.
    pub behind: Arc<dyn PlanNode>,
}

/// A component that a step runs.
pub struct ComponentUse<'a> {
    /// What it is within its step; `None`: it is all of it.
    pub name: Option<&'a str>,
    /// The component.
    pub component: &'a Component,
    /// What it is told.
    pub config: &'a serde_json::Value,
    /// The bounds of its instances.
    pub limits: &'a OperatorLimits,
}

impl ComponentUse<'_> {
    /// What it is called among the components of a job.
    #[must_use]
    pub fn full_name(&self, step: &str) -> String {
        self.name.map_or_else(|| step.to_owned(), |name| format!("{step}.{name}"))
    }
}

/// The table of a snapshot that holds the states of a step with a [`KeyedLayout`], one row per key.
pub(crate) const STATES: &str = "states";

/// How a step keeps state per key.
pub struct KeyedLayout {
    /// How many key columns there are.
    pub keys: usize,
    /// The columns of a state.
    pub layout: StateLayout,
    /// Its maps.
    pub maps: Arc<[MapLayout]>,
    /// Whether it undoes a swap: then columns of the state that it resumes from may be given up.
    pub goes_back: bool,
}

/// What an operator is made with.
pub struct MakeContext<'a> {
    /// The step's name.
    pub name: &'a str,
    /// Its columns that are there.
    pub columns: &'a NodeColumns,
    /// The job's key groups.
    pub key_groups: u32,
    /// Where guests' log lines go.
    pub guest_log: &'a Arc<dyn GuestLog>,
    /// Where it counts.
    pub metrics: &'a Metrics,
    /// The engine's clock.
    pub clock: &'a Arc<dyn Clock>,
    /// What a sink's writer is opened with; `None`: no subtask is started.
    pub writer: Option<WriterStart<'a>>,
}

/// How one writer of a sink begins.
pub struct WriterStart<'a> {
    /// Which subtask it is of.
    pub subtask: usize,
    /// The attempt at running the job.
    pub generation: u64,
    /// Whether checkpoints are kept.
    pub durable: bool,
    /// Whether the sink's committer is in another process.
    pub apart: bool,
    /// What writers had written, if the job resumes from a checkpoint.
    pub restored: &'a [Offset],
    /// Where it says how long rows took.
    pub latency: &'a Arc<LatencyHistogram>,
}

/// What a step is replaced with.
pub struct ReplaceContext<'a> {
    /// The step's name.
    pub name: &'a str,
    /// Its columns that are there.
    pub columns: &'a NodeColumns,
    /// Which of its components; `None`: it is all of the step.
    pub part: Option<&'a str>,
    /// When the new version is kept.
    pub probation: Probation,
    /// Where guests' log lines go.
    pub guest_log: &'a Arc<dyn GuestLog>,
}

/// Why an operator could not be made.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// It cannot run.
    #[error(transparent)]
    Operator(#[from] OperatorError),
    /// A writer could not be opened.
    #[error(transparent)]
    Connector(#[from] ConnectorError),
}
