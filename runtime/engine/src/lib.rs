//! Runs a pipeline.

mod build;
pub mod chain;
mod describe;
pub mod exchange;
pub mod gate;
pub mod job;
pub mod local;
mod make;
pub mod operator;
pub mod operators;
mod plan;
pub mod source;
pub mod subtask;
mod worker;

pub use build::{JobSnapshot, StartError};
pub use describe::{ColumnDescription, JobDescription, NodeDescription, OutputDescription};
pub use job::{Job, JobError, JobHandle, NodeCounts, Progress, SinkSummary, Summary};
pub use plan::CheckError;
