//! Which windows a row belongs to, and which windows are one. Never holds rows: the engine's window operator does.

mod assigner;
mod merge;

pub use assigner::{Window, WindowAssigner, WindowError, start_of};
pub use merge::{MergedWindow, merge_touching};
