//! [`Run`]: which run of a job it is. Sinks name files and fence older runs by these numbers, so they ascend, in one sequence with those of
//! checkpoints.

/// How many runs from one checkpoint have numbers of their own; all later ones share the last number.
const RUNS_MAX: u64 = 1000;

/// A run of a job in another engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// The other engine's number of the job: jobs of one process share no connectors, even if they run the same bundle.
    pub job: u128,
    /// The checkpoint that it resumes from, as the other engine numbers them; 0: none.
    pub checkpoint: u64,
    /// How often it was started again since it was submitted.
    pub attempt: u64,
    /// Whether checkpoints are made.
    pub durable: bool,
}

impl Run {
    /// The generation that sinks know: above all checkpoints that were complete when it began, below all that follow. 0: without
    /// checkpoints.
    #[must_use]
    pub fn generation(self) -> u64 {
        match self.durable {
            true => Self::number(self.checkpoint).saturating_add(self.attempt.min(RUNS_MAX - 2) + 1),
            false => 0,
        }
    }

    /// The number of a checkpoint that sinks know.
    #[must_use]
    pub fn number(checkpoint: u64) -> u64 {
        checkpoint.saturating_mul(RUNS_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_between_the_checkpoints_before_and_after_it() {
        let run = |checkpoint, attempt| Run { checkpoint, attempt, durable: true, job: 1 }.generation();
        assert!(0 < run(0, 0) && run(0, 0) < run(0, 1) && run(0, u64::MAX) < Run::number(1));
        assert!(Run::number(7) < run(7, 2) && run(7, 2) < run(7, 3) && run(7, 3) < Run::number(8));
        assert_eq!(Run { checkpoint: 7, attempt: 2, durable: false, job: 1 }.generation(), 0);
    }
}
