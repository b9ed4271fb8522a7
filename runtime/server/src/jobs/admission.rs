//! Room for the jobs of a server: how many run, how many threads and guests they have together, and how much memory these may use. It counts
//! what they may use by their limits, never what they do.

use std::sync::{Arc, Mutex, PoisonError};

use weir_engine::GuestResources;

use super::{Jobs, Reserved, Slot};
use crate::disk_bounds::DiskBounds;
use crate::problem::{Kind, Problem};

/// Threads of all jobs together: some more than instances of operators, which is where most of them come from, and few enough for the limit
/// that systems set to the threads of a user.
pub(crate) const THREADS_MAX: u64 = 4_000;

/// What a server may use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Jobs that run at a time.
    pub(crate) jobs_max: usize,
    /// What the guests of all jobs may use together, by their limits.
    pub(crate) guest_resources_max: GuestResources,
    /// How much of the disk jobs may take.
    pub(crate) disk: DiskBounds,
}

/// A job is admitted here before it starts or takes more.
pub(crate) struct Admission {
    pub(crate) bounds: Bounds,
    jobs: Arc<Jobs>,
    /// Held while it is looked for room, so that the bounds hold for all together.
    admitting: Mutex<()>,
}

impl Admission {
    /// The room that jobs share.
    pub(crate) fn new(bounds: Bounds, jobs: Arc<Jobs>) -> Self {
        Self { bounds, jobs, admitting: Mutex::default() }
    }

    /// What all jobs take now.
    pub(crate) fn taken(&self) -> GuestResources {
        self.jobs.all().into_iter().filter_map(|slot| slot.guest_resources()).sum()
    }

    /// Keeps room for a job until it has taken it; refuses it if there is none, and one of which something was left behind that could still
    /// write.
    pub(crate) fn admit(&self, slot: &Arc<Slot>, room: GuestResources) -> Result<Reserved, Problem> {
        if slot.has_left() {
            return Err(Problem::conflict(format!(
                "a part of the job {:?} did not stop and is still running: the job can be started when that part has ended, or \
                 when the server was started again",
                slot.name
            )));
        }
        let limit = |detail: String| Problem::new(Kind::Limit, detail);
        let _admitting = self.admitting.lock().unwrap_or_else(PoisonError::into_inner);
        let others = self.jobs.all().into_iter().filter(|other| other.name != slot.name);
        let others: Vec<_> = others.filter_map(|other| other.guest_resources()).collect();
        let jobs = others.len();
        let taken: GuestResources = others.into_iter().sum();
        let all = taken.plus(room);
        let Bounds { jobs_max, guest_resources_max: most, .. } = self.bounds;
        if jobs >= jobs_max {
            return Err(limit(format!(
                "this server runs {jobs_max} jobs at most (--max-jobs), and that many are running: stop one"
            )));
        }
        if all.instances > most.instances {
            return Err(limit(format!(
                "the server has room for {} instances of operators, {} are taken by other jobs, and this job needs {}: lower its \
                 parallelism, or stop a job",
                most.instances, taken.instances, room.instances
            )));
        }
        if all.threads > most.threads {
            return Err(limit(format!(
                "the server has room for {} threads of jobs, {} are taken by other jobs, and this job needs {}: lower its parallelism, or \
                 stop a job",
                most.threads, taken.threads, room.threads
            )));
        }
        if all.memory_bytes > most.memory_bytes {
            let (needed, most) = (all.memory_bytes.div_ceil(1 << 20), most.memory_bytes >> 20);
            return Err(limit(format!(
                "with this job the operators of all jobs could use {needed} MiB, and this server gives them {most} MiB \
                 (--max-guest-memory): lower limits.memory or the parallelism, or stop a job"
            )));
        }
        Ok(slot.reserve(room))
    }
}

#[cfg(test)]
mod tests {
    use weir_core::time::ManualClock;

    use super::*;
    use crate::jobs::Lines;

    fn room(instances: u64, mib: u64) -> GuestResources {
        GuestResources { instances, memory_bytes: mib << 20, threads: instances }
    }

    #[test]
    fn all_jobs_together_have_so_many_guests_and_so_much_memory() {
        let jobs = Arc::new(Jobs::default());
        let slot =
            |name: &str| jobs.slot(name, || Slot::new(name, Arc::new(Lines::new(Arc::new(ManualClock::default())))));
        let (one, other) = (slot("one"), slot("other"));
        let disk = DiskBounds { reserve_bytes: 0, job_bytes_max: None, dead_letter_bytes_max: 0 };
        let guest_resources_max = GuestResources { threads: 11, ..room(10, 100) };
        let bounds = Bounds { jobs_max: 2, guest_resources_max, disk };
        let admission = Admission::new(bounds, Arc::clone(&jobs));
        let refused = |slot, room| admission.admit(slot, room).err().map(|problem| problem.detail).unwrap_or_default();

        let _few = admission.admit(&one, room(6, 20)).unwrap();
        let why = refused(&other, room(5, 1));
        let says = "room for 10 instances of operators, 6 are taken by other jobs, and this job needs 5: lower its parallelism";
        assert!(why.contains(says), "{why}");
        let why = refused(&other, GuestResources { threads: 6, ..room(1, 1) });
        assert!(why.contains("room for 11 threads of jobs, 6 are taken by other jobs, and this job needs 6"), "{why}");
        let why = refused(&other, room(1, 81));
        assert!(why.contains("could use 101 MiB, and this server gives them 100 MiB"), "{why}");
        drop(admission.admit(&other, room(4, 80)).unwrap());

        // A job that changes takes the more of what it has and what it is to have, of each.
        let _large = admission.admit(&one, room(2, 70)).unwrap();
        assert!(refused(&other, room(5, 1)).contains("6 are taken"));
        assert!(refused(&other, room(1, 31)).contains("could use 101 MiB"));
        admission.admit(&other, room(4, 30)).unwrap();
    }
}
