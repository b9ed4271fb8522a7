//! The allocator of a guest: free lists by size. In WebAssembly only.
//!
//! A call allocates some dozen buffers of about the sizes of the call before and frees them all. So a block goes to the list of
//! its size when it is freed, and the next call finds it there, still in the cache: a few instructions each way and no search.
//! Blocks are never joined or split, so memory that was once used for one size stays with it; there are four sizes between a
//! power of two and the next, so at most a quarter of a block is unused. Memory is never given back: WebAssembly cannot.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ptr;

#[global_allocator]
static ALLOCATOR: SizeClasses = SizeClasses(UnsafeCell::new(Heap { free: [ptr::null_mut(); CLASSES], top: 0, end: 0 }));

/// Sizes are `16, 32, 48, 64`, then four to each doubling up to 2^31.
const CLASSES: usize = 4 + 25 * 4;
/// Every block starts at a multiple of this: the alignment of the widest value, an `i128`.
const BLOCK_ALIGN: usize = 16;
const PAGE_BYTES: usize = 64 << 10;
/// How much more memory is asked for at a time, at least: growing is slow, so not for every block.
const GROW_PAGES_MIN: usize = 16;

struct SizeClasses(UnsafeCell<Heap>);

struct Heap {
    /// Freed blocks by class; the first word of each points to the next.
    free: [*mut u8; CLASSES],
    /// The memory that was never handed out.
    top: usize,
    end: usize,
}

#[expect(unsafe_code, reason = "a component has one thread")]
unsafe impl Sync for SizeClasses {}

/// The class of blocks that hold `size` bytes, and how large they are. `None`: no memory is that large.
const fn class_of(size: usize) -> Option<(usize, usize)> {
    if size <= 64 {
        let class = size.div_ceil(16);
        let class = if class == 0 { 0 } else { class - 1 };
        return Some((class, (class + 1) * 16));
    }
    if size > 1 << 31 {
        return None;
    }
    // 65..=80 is the first quarter after 64.
    let below = size - 1;
    let doubling = usize::BITS as usize - 1 - below.leading_zeros() as usize;
    let quarter = (below >> (doubling - 2)) & 3;
    Some((4 + (doubling - 6) * 4 + quarter, (5 + quarter) << (doubling - 2)))
}

#[expect(unsafe_code, reason = "an allocator hands out raw memory; one thread, so the heap is never borrowed twice")]
unsafe impl GlobalAlloc for SizeClasses {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some((class, size)) = class_of(layout.size()) else { return ptr::null_mut() };
        // SAFETY: nothing else borrows the heap while this runs.
        let heap = unsafe { &mut *self.0.get() };
        let head = heap.free[class];
        if !head.is_null() && (head as usize).is_multiple_of(layout.align()) {
            // SAFETY: a block in a list starts with the pointer to the next.
            heap.free[class] = unsafe { head.cast::<*mut u8>().read() };
            return head;
        }
        heap.carve(size, layout.align().max(BLOCK_ALIGN))
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let Some((class, _)) = class_of(layout.size()) else { return };
        // SAFETY: as in `alloc`; the block is at least 16 bytes and its owner is done with it.
        unsafe {
            let heap = &mut *self.0.get();
            block.cast::<*mut u8>().write(heap.free[class]);
            heap.free[class] = block;
        }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if class_of(layout.size()) == class_of(new_size) {
            return block;
        }
        // SAFETY: the caller's promises for `realloc` are those for these three steps.
        unsafe {
            let moved = self.alloc(Layout::from_size_align_unchecked(new_size, layout.align()));
            if !moved.is_null() {
                ptr::copy_nonoverlapping(block, moved, layout.size().min(new_size));
                self.dealloc(block, layout);
            }
            moved
        }
    }
}

impl Heap {
    /// A block of memory that was never handed out.
    #[cold]
    fn carve(&mut self, size: usize, align: usize) -> *mut u8 {
        let fits = |start: usize, end: usize| {
            let start = start.checked_next_multiple_of(align)?;
            Some((start, start.checked_add(size).filter(|e| *e <= end)?))
        };
        let found = fits(self.top, self.end).or_else(|| {
            let pages = (size.checked_add(align)?.div_ceil(PAGE_BYTES)).max(GROW_PAGES_MIN);
            let before = core::arch::wasm32::memory_grow(0, pages);
            if before == usize::MAX {
                return None;
            }
            let start = before * PAGE_BYTES;
            if start != self.end {
                self.top = start;
            }
            self.end = start + pages * PAGE_BYTES;
            fits(self.top, self.end)
        });
        let Some((start, end)) = found else { return ptr::null_mut() };
        self.top = end;
        ptr::with_exposed_provenance_mut(start)
    }
}
