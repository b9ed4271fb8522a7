//! Replacing the components of a running job: which versions fit, how they get to every subtask at one barrier, and what stands
//! beside the version that runs until the swap is decided. When one is kept is decided by [`weir_core::swap`].
//!
//! | module | holds |
//! |---|---|
//! | `swap`, `version` | which versions fit into a job, what they are, and why one is refused |
//! | `delivery` | versions on their way to the subtasks |
//! | [`replaceable`] | what a step that runs a component does then |
//! | [`on_trial`] | the component of a step with the other versions beside it, and whose answer counts |
//! | [`trial`] | the old version beside the new one |
//! | [`shadow`], [`comparison`] | a version that is only compared |

pub(crate) mod comparison;
pub(crate) mod delivery;
pub(crate) mod on_trial;
pub(crate) mod replaceable;
pub(crate) mod shadow;
pub(crate) mod swap;
pub(crate) mod trial;
pub(crate) mod version;
