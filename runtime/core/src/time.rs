//! Clocks, watermarks and idleness. Never reads a clock by itself.

mod calendar;
mod clock;
mod idle;
pub mod text;
mod watermark;
mod watermark_merge;

pub use calendar::{CALENDAR, EVENT_TIMES_US, first_outside_calendar, utc_text};
pub use clock::{Clock, ManualClock};
pub use idle::IdleTimer;
pub use watermark::{StrategyError, WatermarkGenerator, WatermarkStrategy};
pub use watermark_merge::{Merged, WatermarkMerger};

/// Before the first watermark: nothing is known.
pub const WATERMARK_MIN: i64 = i64::MIN;
/// After the last row: nothing can come any more.
pub const WATERMARK_MAX: i64 = i64::MAX;
