//! `weir:operator/log`: lines for the operator's log, limited in bytes per second. What exceeds the limit is dropped, counted and
//! said; a guest cannot fill a disk.

use std::fmt;
use std::sync::Arc;

use wasmtime::component::{ComponentType, Lift, Linker, WasmStr};
use wasmtime::{Result, StoreContextMut};

use crate::limits::{LOG_LINE_BYTES_EXTRA, LOG_LINE_BYTES_MAX};

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
pub enum LogLevel {
    /// Single steps.
    #[component(name = "trace")]
    Trace,
    /// For who debugs the operator.
    #[component(name = "debug")]
    Debug,
    /// For who runs the pipeline.
    #[component(name = "info")]
    Info,
    /// Something is odd.
    #[component(name = "warn")]
    Warn,
    /// Something failed.
    #[component(name = "error")]
    Error,
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        })
    }
}

/// Where operators' lines go.
pub trait GuestLog: Send + Sync {
    /// Takes one line of an operator. It is called while the guest waits: it must not block.
    fn log(&self, operator: &str, level: LogLevel, message: &str);
}

/// A guest must not move a cursor or forge lines, wherever its words are shown.
#[must_use]
pub fn printable(message: &str) -> String {
    message.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Drops every line.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoLog;

impl GuestLog for NoLog {
    fn log(&self, _operator: &str, _level: LogLevel, _message: &str) {}
}

/// What an instance may log, and where to.
pub(crate) struct LogCtx {
    sink: Arc<dyn GuestLog>,
    operator: String,
    bytes_per_s: u64,
    /// Coarse time, in seconds of the host's ticker.
    seconds: Box<dyn Fn() -> u64 + Send>,
    second: u64,
    bytes: u64,
    /// Not said yet.
    dropped: u64,
    lines_dropped: u64,
    /// Of the call; also if it was dropped, since why a call has failed is no matter of time.
    last_error: Option<String>,
}

impl LogCtx {
    pub(crate) fn builder(operator: impl Into<String>) -> LogCtxBuilder {
        LogCtxBuilder {
            operator: operator.into(),
            sink: Arc::new(NoLog),
            bytes_per_s: weir_core::limits::OperatorLimits::default().log_bytes_per_s,
            seconds: Box::new(|| 0),
        }
    }

    /// Lines that were dropped since the beginning.
    pub(crate) fn lines_dropped(&self) -> u64 {
        self.lines_dropped
    }

    /// The last error that was logged since this was last asked.
    pub(crate) fn take_last_error(&mut self) -> Option<String> {
        self.last_error.take()
    }

    fn log(&mut self, level: LogLevel, message: &str) {
        if level == LogLevel::Error {
            self.last_error = Some(message.to_owned());
        }
        let second = (self.seconds)();
        if second != self.second {
            self.second = second;
            self.bytes = 0;
            if self.dropped > 0 {
                let said = format!("{} lines dropped: more than {} bytes per second", self.dropped, self.bytes_per_s);
                self.sink.log(&self.operator, LogLevel::Warn, &said);
                self.dropped = 0;
            }
        }
        let bytes = self.bytes.saturating_add((message.len() + LOG_LINE_BYTES_EXTRA) as u64);
        if bytes > self.bytes_per_s {
            self.dropped += 1;
            self.lines_dropped += 1;
            return;
        }
        self.bytes = bytes;
        self.sink.log(&self.operator, level, message);
    }
}

/// Makes a [`LogCtx`]. Without more said it drops every line.
pub(crate) struct LogCtxBuilder {
    operator: String,
    sink: Arc<dyn GuestLog>,
    bytes_per_s: u64,
    seconds: Box<dyn Fn() -> u64 + Send>,
}

impl LogCtxBuilder {
    /// Where lines go.
    pub(crate) fn sink(mut self, sink: Arc<dyn GuestLog>) -> Self {
        self.sink = sink;
        self
    }

    /// How many bytes per second are let through, by a clock that counts seconds.
    pub(crate) fn limit(mut self, bytes_per_s: u64, seconds: impl Fn() -> u64 + Send + 'static) -> Self {
        self.bytes_per_s = bytes_per_s;
        self.seconds = Box::new(seconds);
        self
    }

    pub(crate) fn build(self) -> LogCtx {
        let Self { operator, sink, bytes_per_s, seconds } = self;
        let second = seconds();
        LogCtx {
            sink,
            operator,
            bytes_per_s,
            seconds,
            second,
            bytes: 0,
            dropped: 0,
            lines_dropped: 0,
            last_error: None,
        }
    }
}

/// Finds the [`LogCtx`] in a store's data.
pub(crate) trait LogView: 'static {
    fn log(&mut self) -> &mut LogCtx;
}

/// Gives components `weir:operator/log`.
///
/// # Errors
/// If it is in the linker already.
pub(crate) fn add_to_linker<T: LogView>(linker: &mut Linker<T>) -> Result<()> {
    linker.instance("weir:operator/log@0.1.0")?.func_wrap(
        "log",
        |mut store: StoreContextMut<'_, T>, (level, message): (LogLevel, WasmStr)| {
            // A guest may pass a string as long as its memory: it is looked at in place, and no more than a line is copied.
            let message = message.to_str(&store)?;
            let message = message[..message.floor_char_boundary(LOG_LINE_BYTES_MAX)].to_owned();
            store.data_mut().log().log(level, &message);
            Ok(())
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_free() {
        let mut log = LogCtx::builder("o").limit(10 * LOG_LINE_BYTES_EXTRA as u64, || 0).build();
        (0..15).for_each(|_| log.log(LogLevel::Info, ""));
        assert_eq!(log.lines_dropped(), 5);
    }
}
