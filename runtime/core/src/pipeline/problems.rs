//! What is wrong with a part of the file: everything, as far as one mistake does not hide another. Never renders it.

use crate::diagnostic::Diagnostic;

/// What could be read, or all that is wrong with it.
pub(super) type Result<T> = std::result::Result<T, Problems>;

/// Mistakes of one part of the file.
#[derive(Debug, Default)]
pub(super) struct Problems(pub(super) Vec<Diagnostic>);

impl From<Diagnostic> for Problems {
    fn from(problem: Diagnostic) -> Self {
        Self(vec![problem])
    }
}

impl Problems {
    /// A value, if it could be read; its mistakes are kept, each once, as several readers may look at the same value.
    pub(super) fn keep<T>(&mut self, read: std::result::Result<T, impl Into<Self>>) -> Option<T> {
        read.map_err(|problems| {
            for problem in problems.into().0 {
                if !self.0.contains(&problem) {
                    self.0.push(problem);
                }
            }
        })
        .ok()
    }

    /// Every item that could be read, if all could.
    pub(super) fn all<T>(items: impl Iterator<Item = std::result::Result<T, impl Into<Self>>>) -> Result<Vec<T>> {
        let mut problems = Self::default();
        let items: Vec<T> = items.filter_map(|item| problems.keep(item)).collect();
        if problems.0.is_empty() { Ok(items) } else { Err(problems) }
    }
}

/// Reads values that do not depend on each other: gives names to all of them, or returns the mistakes of all.
macro_rules! together {
    ($($name:ident = $read:expr;)+) => {
        let mut problems = $crate::pipeline::problems::Problems::default();
        $(let $name = problems.keep($read);)+
        let ($(Some($name),)+) = ($($name,)+) else { return Err(problems) };
    };
}
pub(super) use together;
