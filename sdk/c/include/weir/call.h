// What an operator's functions can do during a call: emit, refuse, allocate; keyed.h has the rest.
#ifndef WEIR_CALL_H
#define WEIR_CALL_H

#include <stdarg.h>

#include "operator.h"

// The rows of one output. The SDK's own.
struct weir_emitted {
    unsigned char *rows;
    uint32_t *sources;
    uint32_t count, capacity;
    uint32_t room; // the capacity, if rows are copied as they are
    uint32_t row_size;
    bool is_plain;
};

struct weir_call {
    const void *config;           // the configuration
    const char *input;            // the name of the row's input; NULL: a timer
    uint32_t row;                 // the index of the row (or timer) in the call
    struct weir_emitted *emitted; // the SDK's own
    struct weir_running *running; // the SDK's own
};

#if defined(__GNUC__)
#define WEIR_PRINTF(at, first) __attribute__((format(printf, at, first)))
#else
#define WEIR_PRINTF(at, first)
#endif

// Emits a row, `value` being a pointer to the struct of the output. A row may emit never, once or often. Text is copied if it is not
// the call's own. (These are macros with any number of arguments, so that `&(late_flight){1.5, true}` can be one.)
#define weir_emit(call, ...) weir_emit_to(call, 0, __VA_ARGS__)
#define weir_emit_to(call, output, ...) weir_emit_sized((call), (output), (__VA_ARGS__), sizeof *(__VA_ARGS__))
// Emits a row to an output without computed columns.
#define weir_emit_kept(call, output) weir_emit_sized((call), (output), NULL, 0)

// Refuses the row that is being processed: what it emitted, and what it did to state, maps and timers, is undone, and `on-error`
// of the pipeline decides what happens to it. `return weir_refuse(call, "the price is %d", price);`
weir_status weir_refuse(weir_call *call, const char *format, ...) WEIR_PRINTF(2, 3);
weir_status weir_vrefuse(weir_call *call, const char *format, va_list values);

// Refuses the row unless a condition holds, with the place: `operator.c:33: row->count > 0 does not hold, in process`.
#define WEIR_ENSURE(call, condition)                                                                                 \
    do {                                                                                                             \
        if (!(condition))                                                                                            \
            return weir_refuse((call), "%s:%d: %s does not hold, in %s", WEIR_FILE, __LINE__, #condition, __func__); \
    } while (0)
#ifdef __FILE_NAME__
#define WEIR_FILE __FILE_NAME__
#else
#define WEIR_FILE __FILE__
#endif

// Memory until the end of the call, aligned for any type. It cannot fail, and is not freed by hand.
// What was emitted or set is not to be changed afterwards: memory of the call is not copied again.
void *weir_alloc(weir_call *call, size_t size);
// Room for an array: `count` values of `size` bytes; it traps if that is more than memory has.
void *weir_alloc_array(weir_call *call, size_t count, size_t size);
// Two texts, one behind the other.
weir_text weir_concat(weir_call *call, weir_text first, weir_text second);
// Text as printf makes it. "%.*s" stops at a zero byte, which a text may have: use weir_concat for text that comes in.
weir_text weir_format(weir_call *call, const char *format, ...) WEIR_PRINTF(2, 3);
weir_text weir_vformat(weir_call *call, const char *format, va_list values);

// The SDK's own: memory that lives as long as the configuration.
void *weir_config_alloc(size_t count, size_t size);
void weir_emit_slowly(weir_call *call, unsigned output, const void *value, size_t size);

static inline void weir_emit_sized(weir_call *call, unsigned output, const void *value, size_t size) {
    struct weir_emitted *to = &call->emitted[output];
    if (output < WEIR_OUTPUTS_MAX && to->count < to->room && size == to->row_size && (value || size == 0)) {
        if (size > 0) memcpy(to->rows + to->count * size, value, size);
        to->sources[to->count++] = call->row;
    } else {
        weir_emit_slowly(call, output, value, size);
    }
}

#endif
