// The blocks that arenas are made of; see arena.h.
#include "arena.h"

#include <stdio.h>
#include <stdlib.h>

enum { FIRST_BLOCK = 64 * 1024, ALIGNMENT = 16 };

struct weir_block {
    struct weir_block *next;
    size_t size, used;
    size_t padding; // so that what follows is aligned
};

weir_arena weir_call_memory;
weir_arena weir_plan_memory;

static unsigned char *bytes_of(struct weir_block *block) { return (unsigned char *)(block + 1); }

static size_t rounded(size_t size) { return (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1); }

// Adds a block of a size, or of the least size if there is no room for more.
static void add_block(weir_arena *arena, size_t size, size_t least) {
    size_t header = sizeof(struct weir_block);
    if (size < least || size > SIZE_MAX / 2) size = least;
    struct weir_block *block = malloc(size + header);
    if (!block && size > least) block = malloc((size = least) + header);
    if (!block) __builtin_trap();
    *block = (struct weir_block){arena->blocks, size, 0, 0};
    arena->blocks = block;
}

void *weir_arena_alloc(weir_arena *arena, size_t size) {
    if (arena->is_over) weir_arena_reset(arena);
    if (size > SIZE_MAX / 4) __builtin_trap();
    size = rounded(size);
    if (!arena->blocks || arena->blocks->size - arena->blocks->used < size)
        add_block(arena, arena->blocks ? 2 * arena->blocks->size : FIRST_BLOCK, size);
    struct weir_block *block = arena->blocks;
    void *memory = bytes_of(block) + block->used;
    block->used += size;
    return memory;
}

void *weir_arena_zeroed(weir_arena *arena, size_t size) {
    void *memory = weir_arena_alloc(arena, size);
    return memset(memory, 0, size);
}

void *weir_arena_array(weir_arena *arena, size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) __builtin_trap();
    return weir_arena_alloc(arena, bytes);
}

void *weir_arena_zeroed_array(weir_arena *arena, size_t count, size_t size) {
    void *memory = weir_arena_array(arena, count, size);
    return memset(memory, 0, count * size);
}

void *weir_arena_grow(weir_arena *arena, void *old, size_t old_size, size_t size) {
    struct weir_block *block = arena->blocks;
    if (size > SIZE_MAX / 4) __builtin_trap();
    size_t before = rounded(old_size), after = rounded(size);
    if (old && block && !arena->is_over && (unsigned char *)old + before == bytes_of(block) + block->used &&
        block->used - before + after <= block->size) {
        block->used += after - before;
        return old;
    }
    void *memory = weir_arena_alloc(arena, size);
    if (old_size > 0) memcpy(memory, old, old_size);
    return memory;
}

bool weir_arena_holds(const weir_arena *arena, const void *memory) {
    for (struct weir_block *block = arena->blocks; block; block = block->next) {
        uintptr_t start = (uintptr_t)bytes_of(block), at = (uintptr_t)memory;
        if (at >= start && at < start + block->used) return true;
    }
    return false;
}

void weir_arena_reset(weir_arena *arena) {
    arena->is_over = false;
    struct weir_block *block = arena->blocks;
    if (!block) return;
    size_t total = block->used;
    if (!block->next) {
        block->used = 0;
        return;
    }
    // Several blocks were too small: one that holds all of it takes their place.
    for (struct weir_block *older = block->next; older; older = older->next) total += older->used;
    weir_arena_free(arena);
    add_block(arena, total, FIRST_BLOCK);
}

void weir_arena_free(weir_arena *arena) {
    for (struct weir_block *block = arena->blocks, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    arena->blocks = NULL;
    arena->is_over = false;
}

void weir_arena_end(weir_arena *arena) { arena->is_over = true; }

weir_text weir_arena_text(weir_arena *arena, const void *data, size_t size) {
    char *copy = weir_arena_alloc(arena, size + 1);
    weir_copy(copy, data, size);
    copy[size] = 0;
    return (weir_text){copy, size};
}

weir_text weir_arena_vformat(weir_arena *arena, const char *format, va_list values) {
    char first[256];
    va_list again;
    va_copy(again, values);
    int size = vsnprintf(first, sizeof first, format, values);
    if (size < 0) size = 0;
    weir_text text = weir_arena_text(arena, first, (size_t)size < sizeof first ? (size_t)size : 0);
    if ((size_t)size >= sizeof first) {
        char *data = weir_arena_alloc(arena, (size_t)size + 1);
        vsnprintf(data, (size_t)size + 1, format, again);
        text = (weir_text){data, (size_t)size};
    }
    va_end(again);
    return text;
}

weir_text weir_arena_format(weir_arena *arena, const char *format, ...) {
    va_list values;
    va_start(values, format);
    weir_text text = weir_arena_vformat(arena, format, values);
    va_end(values);
    return text;
}

const char *weir_arena_string(weir_arena *arena, const char *format, ...) {
    va_list values;
    va_start(values, format);
    weir_text text = weir_arena_vformat(arena, format, values);
    va_end(values);
    return text.data;
}
