//! Room for the jobs of a server: how many run, and how much memory their guests may use together. It counts what they may use by their
//! limits, never what they do.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Jobs, Reserved, Slot};
use crate::problem::{Kind, Problem};

/// What a server may use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Jobs that run at a time.
    pub(crate) jobs_max: usize,
    /// Memory that the guests of all jobs may use together, by their limits, bytes.
    pub(crate) guest_bytes_max: u64,
}

/// Whoever starts a job, or lets it take more, asks here.
pub(crate) struct Admission {
    pub(crate) bounds: Bounds,
    jobs: Arc<Jobs>,
    /// Held while it is looked for room, so that the bounds hold for all together.
    turn: Mutex<()>,
}

impl Admission {
    /// The room that jobs share.
    pub(crate) fn new(bounds: Bounds, jobs: Arc<Jobs>) -> Self {
        Self { bounds, jobs, turn: Mutex::default() }
    }

    /// Keeps room for a job with so many bytes for its guests until it has taken it; refuses it if there is none.
    pub(crate) fn admit(&self, slot: &Arc<Slot>, guest_bytes: u64) -> Result<Reserved, Problem> {
        let limit = |detail: String| Problem::new(Kind::Limit, detail);
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let others = self.jobs.all().into_iter().filter(|other| other.name != slot.name);
        let others: Vec<u64> = others.filter_map(|other| other.guest_bytes()).collect();
        let (jobs, bytes) = (others.len(), others.iter().fold(guest_bytes, |sum, bytes| sum.saturating_add(*bytes)));
        let Bounds { jobs_max, guest_bytes_max } = self.bounds;
        if jobs >= jobs_max {
            return Err(limit(format!(
                "{jobs} jobs run, and this server runs {jobs_max} at most (--max-jobs): stop one"
            )));
        }
        if bytes > guest_bytes_max {
            let (needed, most) = (bytes.div_ceil(1 << 20), guest_bytes_max >> 20);
            return Err(limit(format!(
                "with this job the operators of all jobs could use {needed} MiB, and this server gives them {most} MiB \
                 (--max-guest-memory): lower limits.memory or the parallelism, or stop a job"
            )));
        }
        Ok(slot.reserve(guest_bytes))
    }
}
