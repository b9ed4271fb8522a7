//! Replacing the components of a running job: how other versions get to every subtask at one barrier, and what stands beside the
//! version that runs until the swap is decided. Which versions fit into a job is the planner's; when one is kept is decided by
//! [`weir_core::swap`].
//!
//! | module | holds |
//! |---|---|
//! | `version` | what a version is, and why one is refused |
//! | `delivery` | versions on their way to the subtasks |
//! | [`replaceable`] | what a step that runs a component does then |
//! | [`on_trial`] | the component of a step with the other versions beside it, and whose answer counts |
//! | [`trial`], [`shadow`] | the version before, until the swap is decided; a version that is only compared |

pub(crate) mod delivery;
pub(crate) mod on_trial;
pub(crate) mod replaceable;
pub(crate) mod shadow;
pub(crate) mod trial;
pub(crate) mod version;
