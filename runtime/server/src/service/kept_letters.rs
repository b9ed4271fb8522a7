//! Dead letters that nobody will ask for again: their files, and what the catalog says of them, are removed. Never one that waits, or that
//! a checkpoint could bring back.

use std::collections::BTreeSet;

use weir_state::checkpoint::{Listed, Manifest};

use super::Service;
use crate::dead_letters::DeadLetters;
use crate::problem::Problem;

impl Service {
    /// Removes the parts of a job all of whose letters were dropped, or are in rows that every checkpoint has. The parts that a checkpoint
    /// itself has made visible stay until it is removed: a job that resumes from it looks for them.
    pub(super) fn forget_letters(&self, job: &str) {
        if let Err(problem) = self.try_to_forget_letters(job) {
            tracing::warn!("dead letters of {job} that were dropped are there until others are: {}", problem.detail);
        }
    }

    fn try_to_forget_letters(&self, job: &str) -> Result<(), Problem> {
        let kept = self
            .store(job)?
            .list()?
            .into_iter()
            .map(|Listed { manifest, .. }| manifest)
            .collect::<Result<Vec<_>, _>>()?;
        let cut = |manifest: &Manifest| (manifest.generation, manifest.attempt);
        let Some(newest) = kept.first().map(cut) else { return Ok(()) };
        let cuts: BTreeSet<_> = kept.iter().map(cut).collect();
        let over = self.pipelines.replays_over(job, &kept)?;
        let dead_letters = DeadLetters::of(&self.pipelines.folder(job));
        let steps =
            dead_letters.steps().map_err(|error| Problem::internal("the dead letters cannot be listed", &error))?;
        for step in steps {
            let mut parts = self.catalog.letters_over(job, &step, &over)?;
            parts.retain(|part, lines| lines.is_all() && part.cut < newest && !cuts.contains(&part.cut));
            // In this order: a part of which the catalog knows nothing is one that waits.
            for part in parts.keys() {
                dead_letters
                    .remove(&step, *part)
                    .map_err(|error| Problem::internal("a part cannot be removed", &error))?;
            }
            self.catalog.forget_letters(job, &step, parts.keys())?;
        }
        self.pipelines.forget_replays(job, &over)
    }
}
