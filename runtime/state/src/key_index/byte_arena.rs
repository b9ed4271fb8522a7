//! The bytes of keys, one after the other, in blocks that can be frozen. Never forgets a key: the caller knows which are
//! still in use, and moves those to another arena when the others outweigh them.

use crate::chunk::Chunk;

/// A block is no longer than this unless it holds a single key: little enough to copy, when its end is written to while a frozen
/// copy has it.
const BLOCK_BYTES: usize = 64 << 10;

#[derive(Debug, Default)]
pub(super) struct ByteArena {
    blocks: Vec<Chunk<u8>>,
    len: usize,
}

/// Where the bytes of a key are.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    block: u32,
    /// Below [`BLOCK_BYTES`].
    start: u32,
    pub(super) len: usize,
}

impl ByteArena {
    /// A copy of what it holds now.
    pub(super) fn freeze(&mut self) -> Self {
        Self { blocks: self.blocks.iter_mut().map(|block| Chunk::Frozen(block.freeze())).collect(), len: self.len }
    }

    /// Bytes of all keys that were put in.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Bytes of its blocks.
    pub(super) fn memory_bytes(&self) -> u64 {
        let full = if self.blocks.len() > 1 { self.blocks.len() * BLOCK_BYTES } else { 0 };
        full.max(self.len) as u64
    }

    pub(super) fn push(&mut self, key: &[u8]) -> Place {
        let len = key.len();
        if self.blocks.last().is_none_or(|block| block.len() + len > BLOCK_BYTES) {
            // The first grows as it is needed: most arenas are small.
            let room = if self.blocks.is_empty() { len } else { len.max(BLOCK_BYTES) };
            self.blocks.push(Chunk::Own(Vec::with_capacity(room)));
        }
        self.len += len;
        let block = self.blocks.len().saturating_sub(1);
        let bytes = self.blocks[block].to_mut();
        let place = Place { block: block as u32, start: bytes.len() as u32, len };
        bytes.extend_from_slice(key);
        place
    }

    #[inline]
    pub(super) fn get(&self, place: Place) -> &[u8] {
        let start = place.start as usize;
        // The null of a single column has no bytes, perhaps in an arena without blocks.
        self.blocks.get(place.block as usize).map_or(&[], |block| &block[start..start + place.len])
    }

    pub(super) fn clear(&mut self) {
        self.blocks.truncate(1);
        self.blocks.iter_mut().for_each(Chunk::clear);
        self.len = 0;
    }
}
