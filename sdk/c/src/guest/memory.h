// Puts the adapters that wit-bindgen makes on the memory of the call: what the host passes in and what it gets is all taken back with
// the first allocation of the next call. Include this before the adapters.
#ifndef WEIR_GUEST_MEMORY_H
#define WEIR_GUEST_MEMORY_H

#include <stdlib.h>
#include <string.h>

#include "../arena.h"
#include "../host.h"

static inline void *weir_guest_realloc(void *old, size_t size) {
    // The host only asks for new memory.
    return old ? __builtin_trap(), NULL : weir_arena_alloc(&weir_call_memory, size);
}

#define realloc(old, size) weir_guest_realloc((old), (size))
#define free(memory) ((void)(memory))

// The object that wit-bindgen would link is made by `weir build`.
void __component_type_object_force_link_wire(void);
#define WEIR_GUEST(exports) \
    const char exports = 0; \
    void __component_type_object_force_link_wire(void) {}

#endif
