//! An instance whose calls are counted: how long they take, and how much memory it has after them. Never changes a call.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use weir_core::limits::OperatorLimits;
use weir_core::time::Clock;
use weir_host::{Instance, Plan};

use crate::dataflow::metrics::Metrics;

/// Where the calls of an operator's instances are counted.
#[derive(Clone)]
pub(crate) struct Meter {
    pub(crate) metrics: Metrics,
    pub(crate) clock: Arc<dyn Clock>,
}

/// An instance that is counted as long as it is there.
pub(crate) struct MeteredInstance {
    instance: Instance,
    meter: Meter,
    memory_bytes: u64,
    memory_limit_bytes: u64,
}

impl Meter {
    pub(crate) fn on(&self, instance: Instance, limits: &OperatorLimits) -> MeteredInstance {
        let memory_limit_bytes = limits.memory_bytes;
        let guests = &self.metrics.guests;
        guests.instances.fetch_add(1, Ordering::Relaxed);
        guests.memory_limit_bytes.fetch_add(memory_limit_bytes, Ordering::Relaxed);
        guests.call_time_limit_ms.store(limits.call_time_ms, Ordering::Relaxed);
        let mut metered = MeteredInstance { instance, meter: self.clone(), memory_bytes: 0, memory_limit_bytes };
        metered.weigh(metered.instance.memory_bytes());
        metered
    }
}

impl MeteredInstance {
    pub(crate) fn plan(&self) -> &Plan {
        self.instance.plan()
    }

    /// Calls it.
    pub(crate) fn call<T>(&mut self, call: impl FnOnce(&mut Instance) -> T) -> T {
        let began_us = self.meter.clock.now_us();
        let answer = call(&mut self.instance);
        let took_us = self.meter.clock.now_us().saturating_sub(began_us);
        self.meter.metrics.guests.calls.record(took_us);
        self.weigh(self.instance.memory_bytes());
        answer
    }

    fn weigh(&mut self, memory_bytes: u64) {
        if memory_bytes != self.memory_bytes {
            let all = &self.meter.metrics.guests.memory_bytes;
            // Adding what is missing and taking away what is too much are the same, modulo 2^64.
            all.fetch_add(memory_bytes.wrapping_sub(self.memory_bytes), Ordering::Relaxed);
            self.memory_bytes = memory_bytes;
        }
    }
}

impl Drop for MeteredInstance {
    fn drop(&mut self) {
        self.weigh(0);
        let guests = &self.meter.metrics.guests;
        guests.instances.fetch_sub(1, Ordering::Relaxed);
        guests.memory_limit_bytes.fetch_sub(self.memory_limit_bytes, Ordering::Relaxed);
    }
}
