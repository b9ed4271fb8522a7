//! [`Chunk`]: some values that can be frozen without being copied, and are copied only if they change while somebody looks.

use std::ops::Deref;
use std::sync::Arc;

/// A vector that is its owner's alone, or shared with frozen copies since it was last written.
#[derive(Debug)]
pub(crate) enum Chunk<T> {
    Own(Vec<T>),
    Frozen(Arc<Vec<T>>),
}

impl<T: Clone> Chunk<T> {
    /// What it holds now, for good; costs the same however much that is.
    pub(crate) fn freeze(&mut self) -> Arc<Vec<T>> {
        match self {
            Self::Frozen(shared) => Arc::clone(shared),
            Self::Own(values) => {
                let shared = Arc::new(std::mem::take(values));
                *self = Self::Frozen(Arc::clone(&shared));
                shared
            }
        }
    }

    /// To write; copied if a frozen copy still holds it.
    #[inline]
    pub(crate) fn to_mut(&mut self) -> &mut Vec<T> {
        match self {
            Self::Own(values) => values,
            frozen => frozen.thaw(),
        }
    }

    #[cold]
    #[inline(never)]
    fn thaw(&mut self) -> &mut Vec<T> {
        if let Self::Frozen(shared) = self {
            *self = Self::Own(Arc::unwrap_or_clone(std::mem::take(shared)));
        }
        match self {
            Self::Own(values) => values,
            Self::Frozen(shared) => Arc::make_mut(shared),
        }
    }

    /// Forgets all values; the memory is kept, if it is not shared.
    pub(crate) fn clear(&mut self) {
        match self {
            Self::Own(values) => values.clear(),
            Self::Frozen(_) => *self = Self::default(),
        }
    }
}

impl<T> Deref for Chunk<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        match self {
            Self::Own(values) => values,
            Self::Frozen(shared) => shared,
        }
    }
}

impl<T> Default for Chunk<T> {
    fn default() -> Self {
        Self::Own(Vec::new())
    }
}
