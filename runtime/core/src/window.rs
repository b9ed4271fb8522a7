//! Which windows a row belongs to, and which windows are one. Never holds rows: the engine's window operator does.

mod assigner;
mod calendar_window;
mod merge;
mod rules;

pub use assigner::{Window, WindowAssigner, WindowError, start_of};
pub use calendar_window::{CalendarUnit, CalendarWindow, Zone};
pub use merge::{MergedWindow, merge_touching};
pub use rules::{
    Changes, Evict, Evictor, Firing, Look, PaneColumns, ResultTime, Suppress, TimeOf, Trigger, WindowClock, WindowRules,
};
