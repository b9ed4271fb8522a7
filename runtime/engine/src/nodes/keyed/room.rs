//! The memory of a keyed operator: taken before an answer is committed, at least as much as that needs. Never allocates anything.

use weir_core::batch::array_bytes;
use weir_core::memory::MemoryExceeded;
use weir_host::{CallError, Failure, KeyedDelta, Selection};
use weir_state::MAP_ENTRY_BYTES;

use super::KeyedOperator;
use crate::dataflow::operator::OperatorError;

/// Bytes of a key that has a state, beside its own: its slot, its place in the index and where its state is.
const KEY_BYTES: u64 = 96;
/// Bytes of a timer, with the room that runs of timers leave free.
const TIMER_BYTES: u64 = 48;

impl KeyedOperator {
    /// Takes memory for what an answer leaves at most; refuses one that leaves more than the operator may keep.
    pub(super) fn make_room(&mut self, distinct: &[u32], delta: &KeyedDelta) -> Result<(), Failure<OperatorError>> {
        let limit = self.component.guest.instance.limits().timers;
        let count = |of: &[weir_host::Timers]| of.iter().map(|timers| timers.times.len()).sum::<usize>();
        let (registered, deleted) = (count(&delta.register), count(&delta.delete));
        let left = (self.timers.len() + registered).saturating_sub(deleted);
        // Deletions of timers that are not there make room once only.
        if registered > 0 && (left as u64 > limit || self.timers.len() as u64 > limit) {
            return Err(CallError::Timers { limit }.into());
        }
        self.timers.check_due(distinct, &delta.register)?;
        let more = bytes_of(delta, distinct.len(), registered);
        let mut leased = self.memory.resize(self.kept_bytes() + more);
        if leased.as_ref().is_err_and(MemoryExceeded::is_own)
            && self.state.compact().map_err(OperatorError::from).map_err(Failure::Fatal)?
        {
            leased = self.memory.resize(self.kept_bytes() + more);
        }
        leased.map_err(|error| match error.is_own() {
            true => Failure::Guest(CallError::State(error)),
            false => Failure::Fatal(error.into()),
        })
    }

    /// Has the memory that it needs for what it keeps now.
    pub(super) fn weigh(&mut self) -> Result<(), OperatorError> {
        let bytes = self.kept_bytes();
        Ok(self.memory.keep(bytes)?)
    }

    fn kept_bytes(&self) -> u64 {
        let expiry = self.expiry.as_ref().map_or(0, |expiry| expiry.ttl.memory_bytes());
        self.state.memory_bytes() + self.maps.memory_bytes() + self.timers.memory_bytes() + expiry
    }
}

/// Bytes that the answer to a call with so many keys takes, of which so many timers are registered.
fn bytes_of(delta: &KeyedDelta, keys: usize, registered: usize) -> u64 {
    let states = &delta.states;
    // What only removes must never lack room.
    let removes_all = states.present.as_ref().is_some_and(|present| present.count_set_bits() == 0);
    let states = match &delta.changed {
        Selection::None => 0,
        _ if removes_all => 0,
        changed => {
            states.columns.iter().map(|column| array_bytes(column)).sum::<u64>() + changed.len(keys) as u64 * KEY_BYTES
        }
    };
    let maps = delta.maps.iter().map(|changes| {
        let entries = match &changes.present {
            Some(present) => present.count_set_bits(),
            None => changes.keys.len(),
        };
        let columns = changes.entry_keys.iter().chain(&changes.values);
        if entries == 0 {
            0
        } else {
            columns.map(|column| 2 * array_bytes(column)).sum::<u64>() + entries as u64 * MAP_ENTRY_BYTES
        }
    });
    states + maps.sum::<u64>() + registered as u64 * TIMER_BYTES
}
