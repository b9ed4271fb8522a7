//! When rows that are processed apart, because a call with all of them failed, have made enough for once. It reads no clock: calls
//! are timed where they are made.

use std::cell::Cell;

use weir_core::batch::StreamBatch;
use weir_core::limits::{OUTPUT_PART_BYTES, OUTPUT_PART_US};

use super::meter::MeteredInstance;

/// What calls have made and how long they took, since an operator was asked.
pub(super) struct Part {
    bytes: Cell<u64>,
    is_apart: Cell<bool>,
    began_us: i64,
    now_us: Cell<i64>,
}

impl Part {
    pub(super) fn begin(instance: &MeteredInstance) -> Self {
        let began_us = instance.apart_us();
        Self { bytes: Cell::new(0), is_apart: Cell::new(instance.is_apart()), began_us, now_us: Cell::new(began_us) }
    }

    /// The instance was called.
    pub(super) fn called(&self, instance: &MeteredInstance) {
        self.is_apart.set(instance.is_apart());
        self.now_us.set(instance.apart_us());
    }

    /// A call made these rows. They are weighed only if rows are processed apart: else the call was for all of them.
    pub(super) fn made(&self, rows: &StreamBatch) {
        if self.is_apart.get() {
            self.bytes.set(self.bytes.get().saturating_add(rows.bytes()));
        }
    }

    /// Whether what is downstream, and a request to stop the job, have their turn now.
    pub(super) fn is_full(&self) -> bool {
        self.bytes.get() >= OUTPUT_PART_BYTES || self.now_us.get() - self.began_us >= OUTPUT_PART_US
    }
}
