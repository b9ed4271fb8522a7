//! Pipelines inside other engines: a pipeline file and its components as one piece of bytes, its chains as subtasks that take and give
//! bytes. The other engine has the threads, the network and the checkpoints; what rows mean is Weir's.
//!
//! | module | holds |
//! |---|---|
//! | [`bundle`] | [`Bundle`]: a pipeline with all that it needs, as bytes |
//! | `make_bundle` | making one of files |
//! | [`opened`] | [`Opened`]: a bundle that was checked, once per process |
//! | [`plan`] | [`Plan`]: what the other engine is to run, as JSON |
//! | [`refusals`] | what cannot run there, or runs otherwise |
//! | [`task`] | [`Task`]: one subtask |
//! | [`frozen_task`] | [`FrozenTask`]: what it keeps of a checkpoint, by key group |
//! | [`restored`] | [`Restored`]: what one resumes from |
//! | [`element`] | what goes from one subtask to another, as bytes |
//! | [`answer`] | what a call gives out, as bytes |
//! | [`commit`] | [`SinkCommitter`]: what sinks have prepared, as bytes, and making it visible |
//! | [`batch_operator`] | [`BatchOperator`]: a component over record batches, and over states that its caller keeps |
//! | [`row_operator`] | [`RowOperator`]: the same over rows as bytes |
//! | [`key_groups`] | [`KeyGroups`]: the key group of each row |
//! | [`rows`] | rows as bytes, for programs without Arrow |
//! | [`run`] | which run of a job it is, as numbers that ascend |
//! | [`guest_lines`] | what operators log |
//! | [`process`] | the host and the clock of this process |
//!
//! It never keeps a thread, never sends, and trusts no byte that it reads.

pub mod answer;
pub mod batch_operator;
pub mod bundle;
pub mod commit;
pub mod element;
pub mod error;
pub mod frozen_task;
pub mod guest_lines;
pub mod key_groups;
mod make_bundle;
pub mod opened;
pub mod plan;
pub mod process;
pub mod refusals;
pub mod restored;
pub mod row_operator;
pub mod rows;
pub mod run;
pub mod task;

pub use batch_operator::BatchOperator;
pub use bundle::Bundle;
pub use commit::SinkCommitter;
pub use error::EmbedError;
pub use frozen_task::FrozenTask;
pub use key_groups::KeyGroups;
pub use opened::Opened;
pub use plan::Plan;
pub use restored::Restored;
pub use row_operator::{RowKeyGroups, RowOperator};
pub use run::Run;
pub use task::Task;
