//! How long rows took from their arrival to their sink. It reads no clock.

use std::sync::atomic::{AtomicU64, Ordering};

/// Microseconds from a row's arrival in the pipeline to its sink, in buckets that are 1/8 wide: quantiles are at most 12.5% off.
#[derive(Debug)]
pub struct LatencyHistogram {
    buckets: Vec<AtomicU64>,
    /// The greatest so far, which is less than the end of its bucket.
    max: AtomicU64,
}

const SUB_BUCKETS: u64 = 8;

impl Default for LatencyHistogram {
    fn default() -> Self {
        Self { buckets: (0..64 * SUB_BUCKETS).map(|_| AtomicU64::new(0)).collect(), max: AtomicU64::new(0) }
    }
}

impl LatencyHistogram {
    pub(crate) fn record(&self, us: i64, rows: u64) {
        let us = us.max(0).unsigned_abs();
        if let Some(bucket) = self.buckets.get(bucket_of(us)) {
            bucket.fetch_add(rows, Ordering::Relaxed);
            self.max.fetch_max(us, Ordering::Relaxed);
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
            .map(|bucket| upper_bound(bucket as u64).min(self.max.load(Ordering::Relaxed)))
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
            assert_eq!(found, us, "no row took longer");
            histogram.record(us as i64 * 4 + 9, 10);
            let found = histogram.quantile(0.5).unwrap();
            assert!(found >= us && found <= us + us / 8, "{us} became {found}");
        }
        assert_eq!(LatencyHistogram::default().quantile(0.5), None);
    }
}
