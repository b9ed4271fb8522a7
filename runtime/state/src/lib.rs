//! Keyed state in columns: keys to dense slots, rows of state by slot, event-time timers, and all of them cut by key group.
//!
//! Everything here is memory and arithmetic. This crate never runs user code, never knows a window, a stream or a file, and
//! never decides when state is dropped: the engine's operators do.
//!
//! | module | holds |
//! |---|---|
//! | [`key_index`] | [`KeyIndex`]: key columns to slots and back |
//! | [`state_columns`] | [`StateColumns`]: one row of columns a slot, of any Arrow type |
//! | [`keyed_state`] | [`KeyedState`]: the two together, with snapshots by key group |
//! | [`timers`] | [`Timers`]: event-time timers of slots |
//! | [`key_groups`] | which of a set of rows belong to which key group |

pub mod error;
pub mod key_groups;
pub mod key_index;
pub mod keyed_state;
pub mod state_columns;
pub mod timers;

pub use error::StateError;
pub use key_index::KeyIndex;
pub use keyed_state::KeyedState;
pub use state_columns::{StateColumns, States};
pub use timers::{Timer, Timers};
