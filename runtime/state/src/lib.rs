//! Keyed state in columns: keys to dense slots, rows of state by slot, entries of maps, timers, and all of them cut by key group.
//!
//! All but [`checkpoint`] is memory and arithmetic. This crate never runs user code, never knows a window or a stream, and never
//! decides when state is dropped or stored: the engine does. State is frozen in place (`freeze`) while the stream stands still,
//! and made into tables (`tables`) by the holder of the frozen copy, on any thread, while the stream continues.
//!
//! | module | holds |
//! |---|---|
//! | [`chunked_vec`] | [`ChunkedVec`]: a vector that can be frozen without copying it; `chunk`: a piece of one |
//! | [`key_index`] | [`KeyIndex`]: key columns to slots and back |
//! | [`state_columns`] | [`StateColumns`]: one row of columns a slot, of any Arrow type |
//! | [`keyed_state`] | [`KeyedState`]: the two together, with snapshots by key group |
//! | [`map_state`] | [`MapState`]: entries of slots, found by keys of their own and in their order |
//! | [`row_store`] | [`RowStore`]: any number of rows per slot, in columns, found by slot and time, removed by time |
//! | [`timers`] | [`Timers`]: timers of slots; `timer_runs`: what keeps them in order |
//! | [`ttl`] | [`Ttl`]: which slots have expired |
//! | [`snapshot`] | [`JobSnapshot`]: what a job keeps at a barrier |
//! | [`checkpoint`] | [`CheckpointStore`]: snapshots in a folder or an object store |
//! | [`key_groups`] | rows as tables by key group |

pub mod checkpoint;
mod chunk;
pub mod chunked_vec;
pub mod error;
pub mod key_groups;
pub mod key_index;
pub mod keyed_state;
pub mod map_state;
pub mod row_store;
pub mod snapshot;
pub mod state_columns;
mod timer_runs;
pub mod timers;
pub mod ttl;

pub use checkpoint::{Checkpoint, CheckpointError, CheckpointStore};
pub use chunked_vec::ChunkedVec;
pub use error::StateError;
pub use key_index::{FrozenKeys, KeyIndex};
pub use keyed_state::{FrozenState, KeyedState};
pub use map_state::{Entries, EntryRun, FrozenMap, MAP_ENTRY_BYTES, MapState};
pub use row_store::{FrozenRows, KeptRows, NewRows, RowId, RowOrder, RowStore};
pub use snapshot::{JobSnapshot, Snapshot, SplitSnapshot, StateTable, SubtaskSnapshot};
pub use state_columns::{RELAYOUT_ROWS_MAX, RelayoutRows, StateColumns, States};
pub use timers::{FrozenTimers, Timer, Timers};
pub use ttl::{FrozenTtl, Refresh, Ttl};
