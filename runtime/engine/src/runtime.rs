//! Runs the subtasks of a job: makes them, puts each on a thread, and starts a job that failed again. Nothing else blocks.
//!
//! | module | holds |
//! |---|---|
//! | `build` | subtasks with their operators, readers and writers |
//! | `launch`, `job_handle` | a job on threads, and what its owner holds of it |
//! | `worker` | the threads around subtasks and checkpoints |
//! | `control`, `triggers` | everything that a running job can be asked; checkpoints that its sources are to begin |
//! | `inbox` | the channels between those threads |
//! | `supervisor`, `repeats` | a job that is started again when it fails; which failures only repeat themselves |
//! | `late`, `stalled` | rows that came late; steps that wait for event time |
//! | `figures`, `activity` | what a running job tells of itself |
//! | [`embedded`], `kept` | one subtask of a job that another engine runs, and what it keeps at a barrier |
//! | [`local`] | a whole job in one thread, step by step, for tests |
//! | [`single_step`] | one step of a job, driven by a test of its operator |

pub(crate) mod activity;
pub(crate) mod build;
pub(crate) mod control;
pub mod embedded;
pub(crate) mod figures;
pub(crate) mod inbox;
pub(crate) mod job_handle;
mod kept;
pub(crate) mod late;
pub(crate) mod launch;
pub mod local;
pub(crate) mod news;
pub(crate) mod repeats;
pub mod single_step;
mod stalled;
pub(crate) mod supervisor;
pub(crate) mod triggers;
pub(crate) mod untried;
pub(crate) mod worker;
