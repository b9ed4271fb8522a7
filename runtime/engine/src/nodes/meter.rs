//! An instance whose calls are counted: how long they take, and how much memory it has after them. Never changes a call, but for
//! refusing those of a batch that has used up its time.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use weir_core::limits::OperatorLimits;
use weir_core::time::Clock;
use weir_host::{CallError, Instance, Plan};

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
    limits: OperatorLimits,
    /// How long calls of this batch have taken since the first that failed, microseconds; `None`: none has.
    apart_us: Option<i64>,
    /// How long the last call took, as it counts for that.
    last_us: i64,
    /// Whether rows of this batch were not tried.
    is_untried: bool,
}

impl Meter {
    pub(crate) fn on(&self, instance: Instance, limits: &OperatorLimits) -> MeteredInstance {
        let guests = &self.metrics.guests;
        guests.instances.fetch_add(1, Ordering::Relaxed);
        guests.memory_limit_bytes.fetch_add(limits.memory_bytes, Ordering::Relaxed);
        guests.call_time_limit_ms.store(limits.call_time_ms, Ordering::Relaxed);
        let mut metered = MeteredInstance {
            instance,
            meter: self.clone(),
            memory_bytes: 0,
            limits: limits.clone(),
            apart_us: None,
            last_us: 0,
            is_untried: false,
        };
        metered.weigh(metered.instance.memory_bytes());
        metered
    }
}

impl MeteredInstance {
    pub(crate) fn plan(&self) -> &Plan {
        self.instance.plan()
    }

    pub(crate) fn limits(&self) -> &OperatorLimits {
        &self.limits
    }

    /// The rows of the next calls have all the time of a batch.
    pub(crate) fn begin_batch(&mut self) {
        (self.apart_us, self.is_untried) = (None, false);
    }

    /// The answer to the last call is refused: as if the call had failed.
    pub(crate) fn failed(&mut self) {
        self.apart_us.get_or_insert(self.last_us);
    }

    /// Whether a call of this batch has failed.
    pub(crate) fn is_apart(&self) -> bool {
        self.apart_us.is_some()
    }

    /// How long calls of this batch have taken since the first that failed, microseconds.
    pub(crate) fn apart_us(&self) -> i64 {
        self.apart_us.unwrap_or(0)
    }

    /// Calls it, unless the batch has used up its time.
    pub(crate) fn call<T>(&mut self, call: impl FnOnce(&mut Instance) -> Result<T, CallError>) -> Result<T, CallError> {
        let limit_ms = self.limits.batch_time_ms;
        if self.apart_us().unsigned_abs() / 1000 >= limit_ms {
            if !std::mem::replace(&mut self.is_untried, true) {
                let guests = &self.meter.metrics.guests;
                guests.batch_time_limit_ms.store(limit_ms, Ordering::Relaxed);
                guests.batches_untried.fetch_add(1, Ordering::Relaxed);
            }
            return Err(CallError::BatchTime { limit_ms });
        }
        let began_us = self.meter.clock.now_us();
        let answer = call(&mut self.instance);
        let took_us = self.meter.clock.now_us().saturating_sub(began_us);
        self.meter.metrics.guests.calls.record(took_us);
        // On a busy machine a call takes longer than the processor time that it uses, which its own limit bounds.
        let limit_us = i64::try_from(self.limits.call_time_ms.saturating_mul(1000)).unwrap_or(i64::MAX);
        let is_stalled = matches!(answer, Err(CallError::Stalled { .. }));
        self.last_us = if is_stalled { took_us } else { took_us.min(limit_us) };
        if let Some(apart_us) = &mut self.apart_us {
            *apart_us = apart_us.saturating_add(self.last_us);
        } else if answer.is_err() {
            self.failed();
        }
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
        guests.memory_limit_bytes.fetch_sub(self.limits.memory_bytes, Ordering::Relaxed);
    }
}
