//! Which windows a row belongs to. Never holds rows: the engine's window operator does.

mod assigner;

pub use assigner::{Window, WindowAssigner, WindowError, start_of};
