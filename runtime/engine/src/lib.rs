//! Runs a pipeline: from the graph that its author wrote to subtasks on threads.
//!
//! ```text
//! LogicalGraph -> plan -> nodes (make) -> dataflow (gate | source, chain, exchange) -> runtime (worker)
//! ```
//!
//! | module | holds |
//! |---|---|
//! | `plan` | [`Job`]: names and schemas resolved, unread columns dropped, steps chained |
//! | [`nodes`] | every kind of step, one folder each |
//! | [`dataflow`] | what an operator is, and how rows flow through one subtask |
//! | `replace` | other versions of a running job's components, put in place at one barrier, or called beside those that run |
//! | `checkpoint` | parts of checkpoints put together, and the checkpoint that a job resumes from |
//! | `runtime` | subtasks on threads: [`JobHandle`], [`Supervisor`]; [`local`] is a whole job in one thread, for tests |
//!
//! It never names a connector, reads no clock of its own, and lets nothing but `runtime::worker` wait.

mod checkpoint;
pub mod dataflow;
mod error;
pub mod nodes;
pub mod plan;
mod replace;
mod runtime;

pub use checkpoint::failure::CheckpointFailure;
pub use checkpoint::recovery::{Durable, ResumeFrom};
pub use checkpoint::recovery_error::RecoveryError;
pub use checkpoint::status::CheckpointStatus;
pub use nodes::dead_letter::is_letter_of_timer;
pub use plan::chains::{ChainDescription, ChainsAndEdges, EdgeDescription};
pub use plan::describe::{ColumnDescription, JobDescription, NodeDescription, OutputDescription};
pub use plan::error::{CheckError, CheckErrors};
pub use plan::guest_resources::GuestResources;
pub use plan::job::Job;
pub use replace::shadow::{Change, Difference, KindOfDifference, ShadowReport, SharedShadow};
pub use replace::trial::SharedSwap;
pub use replace::version::{NewVersion, SwapError};
pub use runtime::build::StartError;
pub use runtime::embedded;
pub use runtime::figures::{CallTimeBucket, GuestFigures, JobFigures, NodeCounts, NodeFigures, SubtaskFigures};
pub use runtime::job_handle::{JobError, JobHandle, Progress, SinkSummary, Summary};
pub use runtime::late::{LateRows, LateSource};
pub use runtime::local;
pub use runtime::single_step;
pub use runtime::supervisor::{RunError, Supervisor};
pub use runtime::untried::UntriedRows;
