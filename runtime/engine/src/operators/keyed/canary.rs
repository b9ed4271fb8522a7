//! Which version makes a call, while a new one has a share of the key groups only. Both keep state in the same layout, so keys go
//! from one to the other as they are.

use arrow::array::{ArrayRef, UInt32Array};
use weir_core::batch::StreamBatch;
use weir_core::key_group::{group_of, hash_keys};
use weir_state::Timer;

use super::KeyedOperator;
use crate::exchange::take_rows;
use crate::operator::{OperatorError, Outputs};
use crate::operators::trial::Trial;

/// Which version makes a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// The one that came last.
    Newest,
    /// The one before, which still has most of the key groups.
    Old,
}

impl KeyedOperator {
    /// Processes rows, each by the version that has its key. The rows of a key stay in order.
    pub(super) fn process_shares(&mut self, batch: &StreamBatch, out: &mut Outputs) -> Result<(), OperatorError> {
        let keys = self.key_columns(batch);
        match self.shares(&keys, batch.len())? {
            None => self.process_by(By::Newest, batch, out),
            Some(shares) => {
                shares.into_iter().try_for_each(|(by, rows)| self.process_by(by, &take_rows(batch, &rows)?, out))
            }
        }
    }

    /// Fires timers, each by the version that has its key. The timers of a key stay in order.
    pub(super) fn fire_shares(&mut self, due: &[Timer], out: &mut Outputs) -> Result<(), OperatorError> {
        let slots: Vec<u32> = due.iter().map(|timer| timer.slot).collect();
        let keys = self.state.keys().keys(&slots)?;
        match self.shares(&keys, due.len())? {
            None => self.fire_by(By::Newest, due, out),
            Some(shares) => shares.into_iter().try_for_each(|(by, timers)| {
                let due: Vec<Timer> = timers.values().iter().map(|timer| due[*timer as usize]).collect();
                self.fire_by(by, &due, out)
            }),
        }
    }

    /// What names the state: of the version that it would go on with.
    pub(super) fn version(&self) -> &str {
        match &self.trial {
            Some(trial) if trial.canary().is_some() => &trial.old.version,
            _ => &self.guest.version,
        }
    }

    /// Which rows are whose; `None`: all are the newest version's.
    fn shares(&self, keys: &[ArrayRef], rows: usize) -> Result<Option<[(By, UInt32Array); 2]>, OperatorError> {
        let Some(canary) = self.trial.as_ref().and_then(Trial::canary) else { return Ok(None) };
        let mut hashes = Vec::new();
        hash_keys(keys, rows, &mut hashes)?;
        let has = |row: &u32| canary.has(group_of(hashes[*row as usize], self.key_groups));
        let (first, rest): (Vec<u32>, Vec<u32>) = (0..rows as u32).partition(has);
        Ok(Some([(By::Newest, first.into()), (By::Old, rest.into())]))
    }
}
