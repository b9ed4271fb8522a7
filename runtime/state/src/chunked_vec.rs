//! [`ChunkedVec`]: a vector that is frozen in no time, however long it is. Never copies a value that is not written to.

use std::ops::{Index, IndexMut};

use crate::chunk::Chunk;

/// Values of a chunk are 2 to the power of this many: few enough to copy one in some microseconds, many enough that the chunks
/// of ten million values are frozen in less than a millisecond.
const CHUNK_BITS: u32 = 12;
const CHUNK_LEN: usize = 1 << CHUNK_BITS;

/// A vector in chunks. [`ChunkedVec::freeze`] gives a copy that shares all of them; whichever of the two then writes to a chunk
/// copies that one first, if the other still has it.
#[derive(Debug)]
pub struct ChunkedVec<T> {
    /// All but the last that holds anything are full; empty ones after it keep their memory.
    chunks: Vec<Chunk<T>>,
    len: usize,
}

impl<T: Clone> ChunkedVec<T> {
    /// No values.
    #[must_use]
    pub const fn new() -> Self {
        Self { chunks: Vec::new(), len: 0 }
    }

    /// How many values.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// A copy of what it holds now.
    #[must_use]
    pub fn freeze(&mut self) -> Self {
        let used = self.len.div_ceil(CHUNK_LEN);
        let chunks = self.chunks.iter_mut().take(used).map(|chunk| Chunk::Frozen(chunk.freeze())).collect();
        Self { chunks, len: self.len }
    }

    /// Adds a value at the end.
    pub fn push(&mut self, value: T) {
        self.last_chunk().push(value);
        self.len += 1;
    }

    /// Takes the last value.
    pub fn pop(&mut self) -> Option<T> {
        self.len = self.len.checked_sub(1)?;
        self.chunks[self.len >> CHUNK_BITS].to_mut().pop()
    }

    /// Adds copies of a value until it has `len`, if it has fewer.
    pub fn grow(&mut self, len: usize, value: &T) {
        while self.len < len {
            let (last, in_last) = ((self.len & !(CHUNK_LEN - 1)), self.len % CHUNK_LEN);
            let filled = CHUNK_LEN.min(len - last);
            self.last_chunk().resize(filled, value.clone());
            self.len += filled - in_last;
        }
    }

    /// Forgets all values; the memory is kept, where it is not shared.
    pub fn clear(&mut self) {
        let used = self.len.div_ceil(CHUNK_LEN);
        self.chunks.iter_mut().take(used).for_each(Chunk::clear);
        self.len = 0;
    }

    /// All values at once, to write; `None` if they are in more than one chunk.
    #[must_use]
    pub fn as_mut_slice(&mut self) -> Option<&mut [T]> {
        match self.chunks.first_mut() {
            Some(only) if self.len <= CHUNK_LEN => Some(only.to_mut()),
            Some(_) => None,
            None => Some(&mut []),
        }
    }

    /// Bytes of the chunks, those that are shared with frozen copies included; what values point to is not counted.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        // All chunks but the first are as long as a full one.
        let values = if self.len > CHUNK_LEN { self.chunks.len() * CHUNK_LEN } else { self.len };
        (values * size_of::<T>()) as u64
    }

    /// All values in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }

    /// The chunk that the next value goes into.
    fn last_chunk(&mut self) -> &mut Vec<T> {
        let at = self.len >> CHUNK_BITS;
        if at == self.chunks.len() {
            // The first grows as it is needed: most vectors are short.
            self.chunks.push(Chunk::Own(if at == 0 { Vec::new() } else { Vec::with_capacity(CHUNK_LEN) }));
        }
        self.chunks[at].to_mut()
    }
}

impl<T: Clone> Default for ChunkedVec<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Clone> Index<usize> for ChunkedVec<T> {
    type Output = T;

    #[inline]
    fn index(&self, index: usize) -> &T {
        &self.chunks[index >> CHUNK_BITS][index % CHUNK_LEN]
    }
}

impl<T: Clone> IndexMut<usize> for ChunkedVec<T> {
    #[inline]
    fn index_mut(&mut self, index: usize) -> &mut T {
        &mut self.chunks[index >> CHUNK_BITS].to_mut()[index % CHUNK_LEN]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Step {
        Push(u32),
        Pop,
        Grow(usize),
        Write(usize, u32),
        WriteAll(u32),
        Clear,
        Freeze,
        /// Lets go the frozen copy that is oldest.
        Drop,
    }

    fn step() -> impl Strategy<Value = Step> {
        let lens = prop_oneof![0..10usize, CHUNK_LEN - 3..CHUNK_LEN + 3, 0..4 * CHUNK_LEN];
        prop_oneof![
            4 => any::<u32>().prop_map(Step::Push),
            3 => Just(Step::Pop),
            2 => lens.prop_map(Step::Grow),
            8 => (any::<usize>(), any::<u32>()).prop_map(|(at, value)| Step::Write(at, value)),
            1 => any::<u32>().prop_map(Step::WriteAll),
            1 => Just(Step::Clear),
            4 => Just(Step::Freeze),
            2 => Just(Step::Drop),
        ]
    }

    proptest! {
        #[test]
        fn frozen_copies_stay_what_they_were(steps in prop::collection::vec(step(), 0..60)) {
            let (mut vec, mut model) = (ChunkedVec::new(), Vec::new());
            let mut frozen: Vec<(ChunkedVec<u32>, Vec<u32>)> = Vec::new();
            for step in steps {
                match step {
                    Step::Push(value) => { vec.push(value); model.push(value); }
                    Step::Pop => prop_assert_eq!(vec.pop(), model.pop()),
                    Step::Grow(len) => { vec.grow(len, &7); model.resize(len.max(model.len()), 7); }
                    Step::Write(at, value) => if !model.is_empty() {
                        let at = at % model.len();
                        (vec[at], model[at]) = (value, value);
                    },
                    Step::WriteAll(value) => {
                        let slice = vec.as_mut_slice();
                        prop_assert_eq!(slice.is_some(), model.len() <= CHUNK_LEN);
                        if let Some(slice) = slice {
                            slice.fill(value);
                            model.fill(value);
                        }
                    }
                    Step::Clear => { vec.clear(); model.clear(); }
                    Step::Freeze => frozen.push((vec.freeze(), model.clone())),
                    Step::Drop => if !frozen.is_empty() { frozen.remove(0); },
                }
                prop_assert_eq!(vec.len(), model.len());
                prop_assert!(vec.iter().eq(&model));
                for (copy, then) in &frozen {
                    prop_assert!(copy.iter().eq(then) && copy.len() == then.len());
                }
            }
        }
    }
}
