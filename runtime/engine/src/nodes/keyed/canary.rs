//! Which version makes a call, while a new one has a share of the key groups only. Both keep state in the same layout, so keys go
//! from one to the other as they are.

use arrow::array::{ArrayRef, UInt32Array};
use weir_core::batch::StreamBatch;
use weir_core::key_group::{group_of, hash_keys};
use weir_core::swap::Canary;
use weir_host::TimeDomain;
use weir_state::Timer;

use crate::dataflow::exchange::take_rows;
use crate::dataflow::operator::{OperatorError, Outputs};
use crate::nodes::keyed::KeyedOperator;
use crate::replace::on_trial::VersionChoice;
use crate::replace::trial::Trial;

impl KeyedOperator {
    /// Processes rows, each by the version that has its key. The rows of a key stay in order. Returns the first row that is left for
    /// another time; of two shares none is.
    pub(super) fn process_shares(&mut self, batch: &StreamBatch, out: &mut Outputs) -> Result<usize, OperatorError> {
        let Some(canary) = self.canary() else { return self.process_by(VersionChoice::Candidate, batch, true, out) };
        let shares = self.shares(canary, &self.key_columns(batch), batch.len())?;
        for (by, rows) in shares {
            self.process_by(by, &take_rows(batch, &rows)?, false, out)?;
        }
        Ok(batch.len())
    }

    /// Fires timers, each by the version that has its key. The timers of a key stay in order. Returns the first that is left, as for
    /// rows.
    pub(super) fn fire_shares(
        &mut self,
        domain: TimeDomain,
        due: &[Timer],
        out: &mut Outputs,
    ) -> Result<usize, OperatorError> {
        let Some(canary) = self.canary() else {
            return self.fire_by(VersionChoice::Candidate, domain, due, true, out);
        };
        let slots: Vec<u32> = due.iter().map(|timer| timer.slot).collect();
        let shares = self.shares(canary, &self.state.keys().keys(&slots)?, due.len())?;
        for (by, timers) in shares {
            let due: Vec<Timer> = timers.values().iter().map(|timer| due[*timer as usize]).collect();
            self.fire_by(by, domain, &due, false, out)?;
        }
        Ok(due.len())
    }

    /// What names the state: of the version that it would continue with.
    pub(super) fn version(&self) -> &str {
        match &self.component.trial {
            Some(trial) if trial.canary().is_some() => &trial.old.version,
            _ => &self.component.guest.version,
        }
    }

    /// The keys that the newest version has; `None`: all.
    fn canary(&self) -> Option<Canary> {
        self.component.trial.as_ref().and_then(Trial::canary)
    }

    /// Which rows are whose.
    fn shares(
        &self,
        canary: Canary,
        keys: &[ArrayRef],
        rows: usize,
    ) -> Result<[(VersionChoice, UInt32Array); 2], OperatorError> {
        let mut hashes = Vec::new();
        hash_keys(keys, rows, &mut hashes)?;
        let has = |row: &u32| canary.has(group_of(hashes[*row as usize], self.key_groups));
        let (first, rest): (Vec<u32>, Vec<u32>) = (0..rows as u32).partition(has);
        Ok([(VersionChoice::Candidate, first.into()), (VersionChoice::Current, rest.into())])
    }
}
