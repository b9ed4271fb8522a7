//! Checkpoints of a job: the parts of one put together and completed, and which one a job resumes from. When one begins is decided by
//! [`weir_core::checkpoint`], and what its files look like by [`weir_state::checkpoint`].
//!
//! | module | holds |
//! |---|---|
//! | `checkpointer` | does what the coordinator commands |
//! | `part`, `savepoints`, `rollout` | the part of one subtask, who waits for a checkpoint, the swap that one carries |
//! | `recovery`, `origin` | the checkpoint that a job resumes from, and whose state is whose |
//! | `failure`, `status` | what ends a job, what is shown of its checkpoints |

pub(crate) mod checkpointer;
pub(crate) mod failure;
pub(crate) mod origin;
pub(crate) mod part;
pub(crate) mod recovery;
pub(crate) mod recovery_error;
pub(crate) mod rollout;
pub(crate) mod savepoints;
pub(crate) mod status;
