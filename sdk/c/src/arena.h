// Memory that is given out piece by piece and taken back as a whole. Nothing is freed by hand, and no row allocates from the heap.
#ifndef WEIR_ARENA_H
#define WEIR_ARENA_H

#include <stdarg.h>

#include "weir/value.h"

typedef struct weir_arena {
    struct weir_block *blocks; // the one in use first
    bool is_over;              // whether the next allocation takes everything back
} weir_arena;

// Memory of one call of the host, its arguments and its answer included.
extern weir_arena weir_call_memory;
// Memory of an operator that is connected to its inputs: until the next `describe`.
extern weir_arena weir_plan_memory;

// Memory aligned to 16 bytes. If there is none left it traps: the host takes that for a failed call.
void *weir_arena_alloc(weir_arena *arena, size_t size);
void *weir_arena_zeroed(weir_arena *arena, size_t size);
// Room for an array; what does not fit into the memory of a component traps too.
void *weir_arena_array(weir_arena *arena, size_t count, size_t size);
void *weir_arena_zeroed_array(weir_arena *arena, size_t count, size_t size);
// A larger piece with the same content; in place, if the old one was given out last.
void *weir_arena_grow(weir_arena *arena, void *old, size_t old_size, size_t size);
// Whether memory is from this arena.
bool weir_arena_holds(const weir_arena *arena, const void *memory);
// Takes everything back; keeps room for as much again.
void weir_arena_reset(weir_arena *arena);
// Gives everything back to the heap.
void weir_arena_free(weir_arena *arena);
// As weir_arena_reset, but with the next allocation: until then everything can be read.
void weir_arena_end(weir_arena *arena);

// As memcpy. A copy of unknown size is a call out of the component; what is short is copied here.
static inline void weir_copy(void *to, const void *from, size_t size) {
    unsigned char *into = to;
    const unsigned char *bytes = from;
    if (size >= 64) {
        memcpy(to, from, size);
        return;
    }
    for (; size >= 8; size -= 8, into += 8, bytes += 8) memcpy(into, bytes, 8);
    for (size_t i = 0; i < size; i++) into[i] = bytes[i];
}

weir_text weir_arena_text(weir_arena *arena, const void *data, size_t size);
weir_text weir_arena_format(weir_arena *arena, const char *format, ...);
weir_text weir_arena_vformat(weir_arena *arena, const char *format, va_list values);
// The same as a string that ends with a zero.
const char *weir_arena_string(weir_arena *arena, const char *format, ...);

#endif
