//! What has happened to the files of a source, until the job asks for it. Prints nothing.

use std::sync::{Mutex, PoisonError};

/// Notices that are kept until they are taken, at most; of any further ones only the number is reported.
const NOTICES_MAX: usize = 100;

/// Notices that wait to be told, and how many others there were.
#[derive(Debug, Default)]
pub(super) struct Notices(Mutex<(Vec<String>, usize)>);

impl Notices {
    pub(super) fn push(&self, notice: String) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.0.len() < NOTICES_MAX {
            waiting.0.push(notice);
        } else {
            waiting.1 += 1;
        }
    }

    /// Those since it was called last.
    pub(super) fn take(&self) -> Vec<String> {
        let (notices, others) = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let others = (others > 0).then(|| format!("there were {others} other notices"));
        notices.into_iter().chain(others).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_are_told_once_and_bounded() {
        let notices = Notices::default();
        (0..=NOTICES_MAX).for_each(|n| notices.push(n.to_string()));
        let told = notices.take();
        assert_eq!((told.len(), told.last().unwrap().as_str()), (NOTICES_MAX + 1, "there were 1 other notices"));
        assert!(notices.take().is_empty());
    }
}
