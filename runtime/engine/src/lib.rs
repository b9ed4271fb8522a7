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
pub mod nodes;
mod plan;
mod replace;
mod runtime;

pub use checkpoint::failure::CheckpointFailure;
pub use checkpoint::recovery::{Durable, RecoveryError};
pub use checkpoint::status::CheckpointStatus;
pub use plan::describe::{ColumnDescription, JobDescription, NodeDescription, OutputDescription};
pub use plan::guest_room::GuestRoom;
pub use plan::job::Job;
pub use plan::resolve::{CheckError, CheckErrors};
pub use replace::comparison::Difference;
pub use replace::shadow::{ShadowReport, SharedShadow};
pub use replace::swap::{NewVersion, SwapError};
pub use replace::trial::SharedSwap;
pub use runtime::build::StartError;
pub use runtime::figures::{CallTimeBucket, GuestFigures, JobFigures, NodeCounts, NodeFigures, SubtaskFigures};
pub use runtime::job_handle::{JobError, JobHandle, Progress, SinkSummary, Summary};
pub use runtime::local;
pub use runtime::supervisor::{RunError, Supervisor};
