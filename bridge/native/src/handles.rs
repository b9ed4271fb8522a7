//! What the other side holds by numbers. A number that is none, or is used no more, is found out; a number is never given twice.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use weir_embed::{FrozenTask, Restored, SinkCommitter, Task};

/// Things by number.
pub(crate) struct Handles<T> {
    what: &'static str,
    held: LazyLock<Mutex<HashMap<i64, Shared<T>>>>,
}

/// Called by one thread at a time, and let go by another.
type Shared<T> = Arc<Mutex<Held<T>>>;

/// One of them.
pub(crate) enum Held<T> {
    There(Box<T>),
    /// A call of it panicked, so its state may be half changed.
    Broken,
}

pub(crate) static TASKS: Handles<Task> = Handles::new("task");
pub(crate) static FROZEN: Handles<FrozenTask> = Handles::new("frozen state");
pub(crate) static RESTORED: Handles<Restored> = Handles::new("state to resume from");
pub(crate) static COMMITTERS: Handles<SinkCommitter> = Handles::new("committer");

/// The next number; those of all kinds differ.
static NEXT: AtomicI64 = AtomicI64::new(1);

impl<T> Handles<T> {
    /// None yet; `what` they are called in errors.
    pub(crate) const fn new(what: &'static str) -> Self {
        Self { what, held: LazyLock::new(Mutex::default) }
    }

    /// Keeps something; its number.
    pub(crate) fn keep(&self, thing: T) -> i64 {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let thing = Arc::new(Mutex::new(Held::There(Box::new(thing))));
        self.held.lock().unwrap_or_else(PoisonError::into_inner).insert(number, thing);
        number
    }

    /// Lets something go. One that is gone already is no error.
    pub(crate) fn drop(&self, number: i64) {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
        // Outside of the lock: it may wait for a disk.
        drop(held);
    }

    /// Takes something out by its number.
    ///
    /// # Errors
    /// As [`Handles::with`], or if it is being called.
    pub(crate) fn take(&self, number: i64) -> Result<T, String> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
        let held = held.ok_or_else(|| self.missing(number))?;
        let held = Arc::into_inner(held).ok_or_else(|| format!("the {} {number} is being called", self.what))?;
        match held.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Held::There(thing) => Ok(*thing),
            Held::Broken => Err(self.broken(number)),
        }
    }

    fn missing(&self, number: i64) -> String {
        format!("there is no {} {number}, or it was closed", self.what)
    }

    fn broken(&self, number: i64) -> String {
        format!("the {} {number} cannot be used any more: a call of it panicked", self.what)
    }

    /// Calls something by its number.
    ///
    /// # Errors
    /// If there is none, or it is broken.
    pub(crate) fn with<R>(&self, number: i64, call: impl FnOnce(&mut T) -> R) -> Result<R, String> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner).get(&number).cloned();
        let held = held.ok_or_else(|| self.missing(number))?;
        let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
        // Put back only if the call returns.
        match std::mem::replace(&mut *held, Held::Broken) {
            Held::There(mut thing) => {
                let result = call(&mut thing);
                *held = Held::There(thing);
                Ok(result)
            }
            Held::Broken => Err(self.broken(number)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[test]
    fn a_number_that_is_none_is_an_error() {
        let things: Handles<Vec<u8>> = Handles::new("thing");
        let number = things.keep(vec![1]);
        assert_eq!(things.with(number, |thing| thing.len()), Ok(1));
        things.drop(number);
        things.drop(number);
        let error = things.with(number, |thing| thing.len()).unwrap_err();
        assert_eq!(error, format!("there is no thing {number}, or it was closed"));
        assert!(things.with(-1, |thing| thing.len()).is_err());
    }

    #[test]
    fn what_is_taken_is_gone() {
        let things: Handles<Vec<u8>> = Handles::new("thing");
        let number = things.keep(vec![1]);
        assert_eq!(things.take(number), Ok(vec![1]));
        assert_eq!(things.take(number).unwrap_err(), format!("there is no thing {number}, or it was closed"));
    }

    #[test]
    fn what_panicked_is_not_called_again() {
        let things: Handles<Vec<u8>> = Handles::new("thing");
        let number = things.keep(vec![1]);
        let panics = || things.with(number, |_| std::panic::resume_unwind(Box::new("x")));
        assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
        let error = things.with(number, |thing| thing.len()).unwrap_err();
        assert!(error.ends_with("a call of it panicked"), "{error}");
    }
}
