//! Lines for the operator's log: `log::info!("{n} bids without a price")`. The host limits their rate and size. In a native test
//! they are kept for [`crate::testing::log_lines`].

use std::fmt;

use crate::muted::is_muted;
use crate::telemetry;
#[doc(inline)]
pub use crate::telemetry::Level;
#[doc(inline)]
pub use crate::{
    __log_debug as debug, __log_error as error, __log_info as info, __log_trace as trace, __log_warn as warn,
};

/// Writes one line.
pub fn write(level: Level, line: fmt::Arguments<'_>) {
    if is_muted() {
        return;
    }
    telemetry::log(level, line.to_string());
}

/// Writes a line of [`Level::Trace`]; takes what `format!` takes.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_trace {
    ($($argument:tt)*) => { $crate::log::write($crate::log::Level::Trace, ::std::format_args!($($argument)*)) };
}

/// Writes a line of [`Level::Debug`]; takes what `format!` takes.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_debug {
    ($($argument:tt)*) => { $crate::log::write($crate::log::Level::Debug, ::std::format_args!($($argument)*)) };
}

/// Writes a line of [`Level::Info`]; takes what `format!` takes.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_info {
    ($($argument:tt)*) => { $crate::log::write($crate::log::Level::Info, ::std::format_args!($($argument)*)) };
}

/// Writes a line of [`Level::Warn`]; takes what `format!` takes.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_warn {
    ($($argument:tt)*) => { $crate::log::write($crate::log::Level::Warn, ::std::format_args!($($argument)*)) };
}

/// Writes a line of [`Level::Error`]; takes what `format!` takes.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_error {
    ($($argument:tt)*) => { $crate::log::write($crate::log::Level::Error, ::std::format_args!($($argument)*)) };
}
