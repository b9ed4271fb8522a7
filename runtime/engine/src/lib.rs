//! Runs a pipeline: from the graph that its author wrote to subtasks on threads.
//!
//! ```text
//! job -> plan (resolve, prune, physical) -> build (make) -> subtask (gate | source, chain, exchange, operators) -> worker
//! ```
//!
//! | module | holds |
//! |---|---|
//! | [`job`], `job_handle` | [`Job`]: a checked pipeline; [`JobHandle`]: one that runs |
//! | `plan` | names and schemas resolved, unread columns dropped, steps chained |
//! | `build`, `make` | subtasks with their operators, readers and writers |
//! | [`subtask`] | the state machine `handle(event) -> actions` |
//! | [`gate`], [`source`] | its input: channels merged, or splits read |
//! | [`chain`], [`exchange`] | its operators without channels between them, and how rows leave it |
//! | [`operator`], [`operators`] | what an operator is, and every one there is |
//! | [`Supervisor`] | a job that is started again when it fails |
//! | `recovery` | which checkpoint a job goes on from, and whether it fits |
//! | `checkpointer` | parts of checkpoints put together, sinks told to commit |
//! | `metrics`, `activity`, `figures` | what is counted and timed, and as it is told |
//! | `guest_room` | how many instances of components, and how much memory for them, a job takes |
//! | `worker` | the threads around subtasks and checkpoints, the only place that blocks |
//! | `swap` | other versions of a running job's components, put in place at one barrier, or called beside those that run |
//! | [`local`] | a whole job in one thread, step by step, for tests |
//!
//! It never names a connector, reads no clock of its own, and lets nothing but `worker` wait.

mod activity;
mod build;
pub mod chain;
mod checkpointer;
mod control;
mod describe;
pub mod exchange;
mod figures;
pub mod gate;
mod guest_room;
pub mod job;
mod job_handle;
pub mod local;
mod make;
mod metrics;
pub mod operator;
pub mod operators;
mod plan;
mod recovery;
mod row_text;
pub mod source;
pub mod subtask;
mod supervisor;
mod swap;
mod worker;

pub use build::StartError;
pub use checkpointer::{CheckpointFailure, CheckpointStatus};
pub use describe::{ColumnDescription, JobDescription, NodeDescription, OutputDescription};
pub use figures::{CallTimeBucket, GuestFigures, JobFigures, NodeCounts, NodeFigures, SubtaskFigures};
pub use guest_room::GuestRoom;
pub use job::Job;
pub use job_handle::{JobError, JobHandle, Progress, SinkSummary, Summary};
pub use operators::{Difference, ShadowReport, SharedShadow, SharedSwap};
pub use plan::{CheckError, CheckErrors};
pub use recovery::{Durable, RecoveryError};
pub use supervisor::{RunError, Supervisor};
pub use swap::{NewVersion, SwapError};
