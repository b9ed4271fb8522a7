//! Bounds of memory: what operators keep is counted before it is kept, for each operator, for each job and for all jobs together. It
//! counts what it is told and allocates nothing; what batches and guests take on their way is bounded elsewhere.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Bytes that several may use together, perhaps as a part of what a greater budget has.
///
/// If the greatest budget is used up, the one right below it that uses most gives way: it is refused from then on, and others may
/// use a quarter more until it has. So a job that grows fails, and not one that happens to need a little just then.
#[derive(Debug)]
pub struct MemoryBudget {
    /// What has it, for messages: `operator "x"`.
    owner: String,
    /// What changes it.
    setting: &'static str,
    limit: AtomicU64,
    used: AtomicU64,
    parent: Option<Arc<Self>>,
    /// Those right below it.
    parts: Mutex<Vec<Weak<Self>>>,
    gives_way: AtomicBool,
}

/// More memory was asked for than there is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{owner} may keep {limit} bytes, but {needed} are needed; raise {setting}, or keep less per key or for a shorter time"
)]
pub struct MemoryExceeded {
    owner: String,
    setting: &'static str,
    limit: u64,
    needed: u64,
    is_own: bool,
    is_shared: bool,
}

impl MemoryExceeded {
    /// Whether it is the budget of the one who asked, and not one above it.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.is_own
    }

    /// Whether it is a budget that others use too, so that there may be more another time.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.is_shared
    }
}

impl MemoryBudget {
    /// One that is part of no other. `owner` and `setting` are for messages: what has it, and what changes it.
    #[must_use]
    pub fn new(owner: impl Into<String>, setting: &'static str, limit: u64) -> Arc<Self> {
        Arc::new(Self::of(owner.into(), setting, limit, None))
    }

    /// One without a limit.
    #[must_use]
    pub fn unlimited() -> Arc<Self> {
        Self::new("everything", "nothing", u64::MAX)
    }

    /// A part of this one, with a limit of its own.
    #[must_use]
    pub fn part(self: &Arc<Self>, owner: impl Into<String>, setting: &'static str, limit: u64) -> Arc<Self> {
        let part = Arc::new(Self::of(owner.into(), setting, limit, Some(Arc::clone(self))));
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        parts.retain(|part| part.strong_count() > 0);
        parts.push(Arc::downgrade(&part));
        part
    }

    /// Bytes that are used of it.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Bytes that there are of it.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.limit.load(Ordering::Relaxed)
    }

    /// Has another limit from now on; what is used already stays.
    pub fn set_limit(&self, limit: u64) {
        self.limit.store(limit, Ordering::Relaxed);
    }

    /// Memory of it, none yet.
    #[must_use]
    pub fn lease(self: &Arc<Self>) -> MemoryLease {
        MemoryLease { budget: Arc::clone(self), bytes: 0 }
    }

    fn of(owner: String, setting: &'static str, limit: u64, parent: Option<Arc<Self>>) -> Self {
        let (used, gives_way) = (AtomicU64::new(0), AtomicBool::new(false));
        Self { owner, setting, limit: AtomicU64::new(limit), used, parent, parts: Mutex::default(), gives_way }
    }

    /// Takes more; nothing has changed if there is not so much. `below` is the part of it that asks.
    fn grow(&self, bytes: u64, below: Option<&Self>, is_forced: bool) -> Result<(), MemoryExceeded> {
        let limit = if is_forced { u64::MAX } else { self.limit() };
        let add = |limit: u64| {
            let fits = |used: u64| used.checked_add(bytes).filter(|needed| *needed <= limit);
            self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits)
        };
        if let Err(used) = add(limit) {
            // Another part may have to give way. Then this one may have a quarter more, until that has.
            let most = self.limit().saturating_add(self.limit() / 4);
            let has_room = self.other_gives_way(below, used.saturating_add(bytes), most) && add(most).is_ok();
            if !has_room {
                return Err(self.exceeded(used.saturating_add(bytes), below.is_none()));
            }
        }
        let taken = self.parent.as_ref().map_or(Ok(()), |parent| self.grow_in(parent, bytes));
        if taken.is_err() {
            self.used.fetch_sub(bytes, Ordering::Relaxed);
        }
        taken
    }

    fn grow_in(&self, parent: &Self, bytes: u64) -> Result<(), MemoryExceeded> {
        if self.gives_way.load(Ordering::Relaxed) {
            let needed = parent.used().saturating_add(bytes);
            if needed > parent.limit() {
                return Err(parent.exceeded(needed, false));
            }
            self.gives_way.store(false, Ordering::Relaxed);
        }
        parent.grow(bytes, Some(self), false)
    }

    fn shrink(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
        if let Some(parent) = &self.parent {
            parent.shrink(bytes);
        }
    }

    /// Whether a part other than `below` uses most, and gives way from now on; not if that would not be enough.
    fn other_gives_way(&self, below: Option<&Self>, needed: u64, most: u64) -> bool {
        let Some(below) = below.filter(|_| self.parent.is_none() && needed <= most) else { return false };
        let parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let largest = parts.iter().filter_map(Weak::upgrade).max_by_key(|part| part.used());
        let Some(largest) = largest.filter(|largest| !std::ptr::eq(largest.as_ref(), below)) else { return false };
        largest.gives_way.store(true, Ordering::Relaxed);
        true
    }

    fn exceeded(&self, needed: u64, is_own: bool) -> MemoryExceeded {
        MemoryExceeded {
            owner: self.owner.clone(),
            setting: self.setting,
            limit: self.limit(),
            needed,
            is_own,
            is_shared: self.parent.is_none(),
        }
    }
}

/// What one user has of a budget; given back when it is dropped.
#[derive(Debug)]
pub struct MemoryLease {
    budget: Arc<MemoryBudget>,
    bytes: u64,
}

impl MemoryLease {
    /// What it is of.
    #[must_use]
    pub fn budget(&self) -> &MemoryBudget {
        &self.budget
    }

    /// Bytes that it has.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Has so many bytes from now on.
    ///
    /// # Errors
    /// If there are not so many, or the budget has to give way; then it has what it had.
    pub fn resize(&mut self, bytes: u64) -> Result<(), MemoryExceeded> {
        self.change(bytes, false)
    }

    /// Has so many bytes, which are kept already, beyond its budget's own limit too: what asks next is refused.
    ///
    /// # Errors
    /// If a budget above has not so many.
    pub fn keep(&mut self, bytes: u64) -> Result<(), MemoryExceeded> {
        self.change(bytes, true)
    }

    fn change(&mut self, bytes: u64, is_forced: bool) -> Result<(), MemoryExceeded> {
        match bytes.checked_sub(self.bytes) {
            Some(more) if more > 0 => self.budget.grow(more, None, is_forced)?,
            Some(_) => {}
            None => self.budget.shrink(self.bytes - bytes),
        }
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for MemoryLease {
    fn drop(&mut self) {
        self.budget.shrink(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(server: &Arc<MemoryBudget>, name: &str) -> Arc<MemoryBudget> {
        server.part(format!("job {name:?}"), "--max-job-memory", 800)
    }

    #[test]
    fn every_budget_above_counts_what_a_lease_has_until_it_is_dropped() {
        let server = MemoryBudget::new("the server", "--max-memory", 1000);
        let job = job(&server, "a");
        let operator = job.part("operator \"x\"", "limits.state", 100);
        let mut lease = operator.lease();
        lease.resize(60).unwrap();
        lease.resize(40).unwrap();
        assert_eq!((operator.used(), job.used(), server.used()), (40, 40, 40));
        let mut other = operator.lease();
        let says = "operator \"x\" may keep 100 bytes, but 101 are needed; raise limits.state, or keep less per key or for a shorter time";
        assert_eq!(other.resize(61).unwrap_err().to_string(), says);
        assert_eq!((other.bytes(), server.used()), (0, 40));
        other.resize(60).unwrap();
        drop((lease, other));
        assert_eq!((operator.used(), job.used(), server.used()), (0, 0, 0));
    }

    #[test]
    fn the_job_that_uses_most_gives_way_to_one_that_uses_little() {
        let server = MemoryBudget::new("the server", "--max-memory", 1000);
        let (large, small) = (job(&server, "large"), job(&server, "small"));
        let (mut much, mut little) = (large.lease(), small.lease());
        assert!(much.resize(801).unwrap_err().to_string().contains("--max-job-memory"));
        much.resize(700).unwrap();
        little.resize(300).unwrap();
        little.resize(310).unwrap();
        assert!(much.resize(701).is_err());
        let error = large.lease().resize(1).unwrap_err().to_string();
        assert!(error.contains("the server may keep 1000 bytes") && error.contains("--max-memory"), "{error}");
        // Not without end: the other one may be slow to notice.
        assert!(little.resize(551).is_err());
        drop(much);
        little.resize(551).unwrap();
        // There is room again, so nobody has to give way any more.
        large.lease().resize(1).unwrap();
    }

    #[test]
    fn what_is_kept_already_counts_beyond_the_own_limit_but_not_beyond_those_above() {
        let server = MemoryBudget::new("the server", "--max-memory", 1000);
        let operator = server.part("x", "limits.state", 100);
        let mut lease = operator.lease();
        lease.keep(150).unwrap();
        assert!(lease.resize(151).unwrap_err().is_own());
        assert!(!lease.keep(1001).unwrap_err().is_own());
        assert_eq!((lease.bytes(), server.used()), (150, 150));
        lease.resize(90).unwrap();
        assert_eq!(server.used(), 90);
    }

    #[test]
    fn the_job_that_uses_most_is_refused_if_it_asks_for_more() {
        let server = MemoryBudget::new("the server", "--max-memory", 1000);
        let (large, small) = (job(&server, "large"), job(&server, "small"));
        let (mut much, mut little) = (large.lease(), small.lease());
        much.resize(700).unwrap();
        little.resize(300).unwrap();
        assert!(much.resize(701).is_err());
        assert_eq!((server.used(), large.used()), (1000, 700));
        little.resize(200).unwrap();
        much.resize(701).unwrap();
    }
}
