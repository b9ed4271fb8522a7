//! What a store knows of its guest, and what a guest's imports find there. It calls nothing.

use crate::backtrace::LinesOnce;
use crate::call_time::CallTime;
use crate::imports::log::{LogCtx, LogView};
use crate::imports::maps::{MapsCtx, MapsView};
use crate::imports::metrics::{GuestMetrics, MetricsView};
use crate::limits::Limiter;

/// What a store knows of its guest.
pub(crate) struct Ctx {
    pub(crate) limiter: Limiter,
    pub(crate) time: CallTime,
    pub(crate) log: LogCtx,
    pub(crate) metrics: GuestMetrics,
    pub(crate) maps: MapsCtx,
    /// Where its code comes from.
    pub(crate) lines: LinesOnce,
}

impl MapsView for Ctx {
    fn maps(&self) -> &MapsCtx {
        &self.maps
    }
}

impl LogView for Ctx {
    fn log(&mut self) -> &mut LogCtx {
        &mut self.log
    }
}

impl MetricsView for Ctx {
    fn metrics(&mut self) -> &mut GuestMetrics {
        &mut self.metrics
    }
}
