//! States and map entries of a keyed operator that expire, all of a key at once: which time counts, what counts as a use, and when they are
//! cleared. By event time a state has expired for a row that is so much later, whether the watermark has come there or not.

use weir_core::batch::StreamBatch;
use weir_core::graph::StateTtl;
use weir_core::time::{WATERMARK_MAX, WATERMARK_MIN};
use weir_host::{KeyedDelta, Selection};
use weir_state::{Refresh, Ttl};

use super::KeyedOperator;
use super::guest::Call;
use crate::dataflow::operator::{OperatorError, Progress};

/// Keys that are cleared at once at most, beside those that are read: rows get their turn in between.
const CLEARED_MAX: usize = 1_048_576;

/// When states expire.
pub(super) struct Expiry {
    pub(super) ttl: Ttl,
    by_event_time: bool,
}

impl Expiry {
    pub(super) fn new(StateTtl { after_us, refreshed_by_reads, by_event_time }: StateTtl) -> Self {
        let refresh = if refreshed_by_reads { Refresh::OnReadAndWrite } else { Refresh::OnWrite };
        Self { ttl: Ttl::new(after_us, refresh), by_event_time }
    }
}

impl KeyedOperator {
    /// The time by which states expire now.
    fn expires_by(&self, expiry: &Expiry) -> i64 {
        if expiry.by_event_time { self.watermark } else { self.now().processing_time }
    }

    /// How many rows of a batch come before one that may not read what an earlier one of its key has written, as that has expired by then. A
    /// call has rows of one life of each key only, so that it does not matter how rows come in batches.
    pub(super) fn before_expiry(&mut self, batch: &StreamBatch) -> Result<usize, OperatorError> {
        if self.expiry.as_ref().is_none_or(|expiry| !expiry.by_event_time) {
            return Ok(batch.len());
        }
        let mut slots = Vec::new();
        let hashes = batch.key_hashes.as_ref().and_then(|hashes| hashes.of(&self.keys));
        self.state.slots_hashed(&self.key_columns(batch), batch.len(), hashes, &mut slots)?;
        let (distinct, key_of_row) = self.distinct(&slots);
        let Some(Expiry { ttl, .. }) = &self.expiry else { return Ok(batch.len()) };
        Ok(ttl.ends_of_lives(&distinct, &key_of_row, &batch.event_times).first().copied().unwrap_or(batch.len()))
    }

    /// Clears what these keys have and may no longer read in a call.
    pub(super) fn clear_expired(&mut self, distinct: &[u32], (keys, times): (&[u32], &[i64])) {
        let Some(mut expiry) = self.expiry.take() else { return };
        let now = self.expires_by(&expiry);
        // By event time, that of the first row or timer of each key.
        let mut firsts = vec![None; distinct.len()];
        if expiry.by_event_time {
            keys.iter().zip(times).for_each(|(key, time)| _ = firsts[*key as usize].get_or_insert(*time));
        }
        for (slot, first) in distinct.iter().zip(firsts) {
            // A timer reads what there was at its own time, however far the watermark has come meanwhile.
            if expiry.ttl.has_expired(*slot, first.unwrap_or(now)) {
                expiry.ttl.forget(*slot);
                self.state.remove(*slot);
                self.maps.clear(*slot);
            }
        }
        self.expiry = Some(expiry);
    }

    /// A call with these keys has been applied, and has written what some of them have.
    pub(super) fn used(&mut self, call: &Call<'_>, distinct: &[u32], written: &[u32]) {
        let Some(mut expiry) = self.expiry.take() else { return };
        // Of each key the latest time of its own: those of others would depend on how rows come in batches.
        let (keys, of) = if expiry.by_event_time { call.event_times() } else { (&[][..], &[][..]) };
        let mut times = vec![if keys.is_empty() { self.expires_by(&expiry) } else { i64::MIN }; distinct.len()];
        keys.iter().zip(of).for_each(|(key, time)| times[*key as usize] = times[*key as usize].max(*time));
        let mut is_written = vec![false; distinct.len()];
        written.iter().for_each(|key| is_written[*key as usize] = true);
        for ((slot, time), is_written) in distinct.iter().zip(times).zip(is_written) {
            match self.state.contains(*slot) || self.maps.contains(*slot) {
                false => expiry.ttl.forget(*slot),
                true if is_written => expiry.ttl.wrote(*slot, time),
                true => expiry.ttl.read(*slot, time),
            }
        }
        self.expiry = Some(expiry);
    }

    /// Counts what was kept before there was a time to live as used now.
    pub(super) fn date_unused(&mut self) {
        let Some(mut expiry) = self.expiry.take() else { return };
        let now = self.expires_by(&expiry);
        if now != WATERMARK_MIN {
            let mut unused = self.state.with_state();
            unused.retain(|slot| expiry.ttl.expires_at(*slot).is_none());
            unused.into_iter().for_each(|slot| expiry.ttl.wrote(slot, now));
        }
        self.expiry = Some(expiry);
    }

    /// Timers have fired. When all that are due have, keys are cleared that none of them can read any more.
    pub(super) fn fired(&mut self) -> Progress {
        let progress = self.timers.fired();
        if progress == Progress::Done {
            self.expire();
        }
        progress
    }

    /// Clears some of the keys that have expired.
    fn expire(&mut self) {
        let Some(mut expiry) = self.expiry.take() else { return };
        let expired = expiry.ttl.pop_expired(self.expires_by(&expiry), CLEARED_MAX);
        let expired: Vec<u32> = expired.into_iter().map(|timer| timer.slot).collect();
        for slot in &expired {
            self.state.remove(*slot);
            self.maps.clear(*slot);
        }
        self.state.release(&expired, |slot| self.timers.contains(slot));
        self.expiry = Some(expiry);
    }

    /// The processing time at which keys are to be cleared next.
    pub(super) fn expires_next(&self) -> Option<i64> {
        let expiry = self.expiry.as_ref().filter(|expiry| !expiry.by_event_time && self.watermark < WATERMARK_MAX)?;
        expiry.ttl.first()
    }

    /// The watermark at which the next state expires; `None`: at none.
    pub(super) fn expires_at_watermark(&self) -> Option<i64> {
        self.expiry.as_ref().filter(|expiry| expiry.by_event_time)?.ttl.first()
    }
}

/// The keys, as indices among those of a call, of which an answer writes a state or an entry.
pub(super) fn written(delta: &KeyedDelta, keys: usize) -> Vec<u32> {
    let mut written = match &delta.changed {
        Selection::All => (0..keys as u32).collect(),
        Selection::None => Vec::new(),
        Selection::Rows(keys) => keys.to_vec(),
    };
    written.extend(delta.maps.iter().flat_map(|changes| changes.keys.iter()));
    written
}
