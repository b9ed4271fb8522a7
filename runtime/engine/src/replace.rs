//! Replacing the components of a running job: which versions fit, how they get to every subtask at one barrier, and what stands
//! beside the version that runs until the swap is decided. When one is kept is decided by [`weir_core::swap`].
//!
//! | module | holds |
//! |---|---|
//! | `swap`, `aggregates` | which versions fit an operator, and an aggregate of a window |
//! | `delivery` | versions on their way to the subtasks |
//! | [`replaceable`] | what a step that runs a component does then |
//! | [`trial`] | the old version beside the new one |
//! | [`shadow`], [`comparison`] | a version that is only compared |

pub(crate) mod aggregates;
pub(crate) mod comparison;
pub(crate) mod delivery;
pub(crate) mod replaceable;
pub(crate) mod shadow;
pub(crate) mod swap;
pub(crate) mod trial;
