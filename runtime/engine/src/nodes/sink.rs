//! The last step of a chain: hands rows to a sink's writer, and knows how long they took.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use weir_core::batch::StreamBatch;
use weir_core::connector::{Cut, SinkWriter};
use weir_core::time::Clock;

use crate::dataflow::operator::{Frozen, Operator, OperatorError, Outputs, Progress, Snapshot};

/// Writes to a sink. It emits nothing.
pub(crate) struct SinkOperator {
    writer: Box<dyn SinkWriter>,
    latency: Arc<LatencyHistogram>,
    clock: Arc<dyn Clock>,
}

impl SinkOperator {
    pub(crate) fn new(writer: Box<dyn SinkWriter>, latency: Arc<LatencyHistogram>, clock: Arc<dyn Clock>) -> Self {
        Self { writer, latency, clock }
    }
}

impl Operator for SinkOperator {
    fn process(&mut self, _input: usize, batch: StreamBatch, _: &mut Outputs) -> Result<Progress, OperatorError> {
        self.writer.write(&batch)?;
        self.latency.record(self.clock.now_us().saturating_sub(batch.ingested_at), batch.len() as u64);
        Ok(Progress::Done)
    }

    fn flush(&mut self, _: &mut Outputs) -> Result<(), OperatorError> {
        Ok(self.writer.flush()?)
    }

    fn freeze(&mut self, cut: Cut) -> Result<Frozen, OperatorError> {
        let prepare = self.writer.prepare(cut)?;
        Ok(Frozen::new(move || Ok(Snapshot { sink: Some(prepare()?), ..Snapshot::default() })))
    }
}

/// Microseconds from a row's arrival in the pipeline to its sink, in buckets that are 1/8 wide: quantiles are at most 12.5% off.
#[derive(Debug)]
pub(crate) struct LatencyHistogram {
    buckets: Vec<AtomicU64>,
}

const SUB_BUCKETS: u64 = 8;

impl Default for LatencyHistogram {
    fn default() -> Self {
        Self { buckets: (0..64 * SUB_BUCKETS).map(|_| AtomicU64::new(0)).collect() }
    }
}

impl LatencyHistogram {
    fn record(&self, us: i64, rows: u64) {
        if let Some(bucket) = self.buckets.get(bucket_of(us.max(0) as u64)) {
            bucket.fetch_add(rows, Ordering::Relaxed);
        }
    }

    /// The latency that this share of the rows did not exceed, microseconds; `None` before the first row.
    pub(crate) fn quantile(&self, q: f64) -> Option<u64> {
        let counts: Vec<u64> = self.buckets.iter().map(|b| b.load(Ordering::Relaxed)).collect();
        let total: u64 = counts.iter().sum();
        let rank = ((total as f64 * q).ceil() as u64).max(1);
        let mut seen = 0;
        counts
            .iter()
            .position(|n| {
                seen += n;
                seen >= rank
            })
            .map(|bucket| upper_bound(bucket as u64))
    }
}

fn bucket_of(us: u64) -> usize {
    if us < SUB_BUCKETS {
        return us as usize;
    }
    let exponent = u64::from(us.ilog2());
    let within = (us >> (exponent - 3)) & (SUB_BUCKETS - 1);
    ((exponent - 2) * SUB_BUCKETS + within) as usize
}

/// The greatest value of a bucket.
fn upper_bound(bucket: u64) -> u64 {
    if bucket < SUB_BUCKETS {
        return bucket;
    }
    let exponent = bucket / SUB_BUCKETS + 2;
    let within = bucket % SUB_BUCKETS;
    ((SUB_BUCKETS + within + 1) << (exponent - 3)) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_at_most_an_eighth_off() {
        for us in [0_u64, 1, 7, 8, 9, 100, 1_000, 123_456, 10_000_000] {
            let histogram = LatencyHistogram::default();
            histogram.record(us as i64, 10);
            let found = histogram.quantile(0.5).unwrap();
            assert!(found >= us && found <= us + us / 8, "{us} became {found}");
        }
        assert_eq!(LatencyHistogram::default().quantile(0.5), None);
    }
}
