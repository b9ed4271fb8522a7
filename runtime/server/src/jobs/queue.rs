//! Who waits for a job: so many at a time, as each takes one of the threads that wait, of which a server has some hundred. It orders
//! nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::problem::Problem;

/// Those of one job that wait at most.
const QUEUED_MAX: usize = 16;

/// Those who wait for one thing of a job.
#[derive(Default)]
pub(crate) struct Queue(Arc<AtomicUsize>);

/// A place in a queue.
pub(crate) struct Queued(Arc<AtomicUsize>);

impl Queue {
    /// Takes a place.
    ///
    /// # Errors
    /// If there is none: something takes long, and is asked for again and again.
    pub(super) fn enter(&self, job: &str) -> Result<Queued, Problem> {
        let queued = Queued(Arc::clone(&self.0));
        if self.0.fetch_add(1, Ordering::Relaxed) < QUEUED_MAX {
            return Ok(queued);
        }
        let detail = format!("{QUEUED_MAX} requests of this kind wait for the job {job:?} already: try again later");
        Err(Problem::conflict(detail))
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_is_left_is_free() {
        let queue = Queue::default();
        let mut queued: Vec<_> = (0..QUEUED_MAX).map(|_| queue.enter("orders").unwrap()).collect();
        for _ in 0..2 {
            assert!(queue.enter("orders").is_err_and(|problem| problem.detail.contains("the job \"orders\" already")));
        }
        queued.pop();
        queued.push(queue.enter("orders").unwrap());
        assert!(queue.enter("orders").is_err());
    }
}
