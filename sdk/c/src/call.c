// What an operator's functions call: refusing, emitting, memory.
#include "check.h"
#include "running.h"

void weir_begin(struct weir_running *running, weir_call *call, const weir_connected *connected, uint32_t rows) {
    weir_arena *arena = &weir_call_memory;
    running->connected = connected;
    running->rows = rows;
    running->invalid = (weir_invalid_rows){arena, rows, NULL};
    call->config = connected->config;
    call->running = running;
    call->emitted = weir_arena_zeroed(arena, WEIR_OUTPUTS_MAX * sizeof *call->emitted);
    for (size_t i = 0; i < connected->output_count; i++) {
        const weir_row *row = connected->outputs[i].declared->row;
        struct weir_emitted *to = &call->emitted[i];
        to->row_size = row ? row->size : 0;
        to->is_plain = weir_row_is_plain(row);
    }
}

// Room for more rows.
static void grow(struct weir_emitted *to, uint32_t rows) {
    uint32_t capacity = to->capacity ? 2 * to->capacity : rows < 16 ? 16 : rows;
    size_t bytes, source_bytes;
    if (capacity < to->capacity || __builtin_mul_overflow((size_t)capacity, to->row_size, &bytes) ||
        __builtin_mul_overflow((size_t)capacity, sizeof *to->sources, &source_bytes))
        __builtin_trap();
    if (to->is_plain) to->room = capacity;
    to->rows = weir_arena_grow(&weir_call_memory, to->rows, to->count * to->row_size, bytes);
    to->sources = weir_arena_grow(&weir_call_memory, to->sources, to->count * sizeof *to->sources, source_bytes);
    to->capacity = capacity;
}

static const char *misplaced(const weir_call *call, unsigned output, const void *value, size_t size) {
    const weir_connected *connected = call->running->connected;
    if (call->running->is_aggregate) return "an aggregate does not emit: its result is what `finish` fills";
    if (output >= connected->output_count) return weir_arena_string(&weir_call_memory, "there is no output %u", output);
    const weir_row *row = connected->outputs[output].declared->row;
    if (call->running->columns[output]) return "an output is emitted either by rows or as columns";
    if (size > 0 && !value) return "what is emitted is NULL";
    if (size == (row ? row->size : 0)) return NULL;
    return weir_arena_string(&weir_call_memory, "what is emitted to output \"%s\" is no struct %s",
                             connected->outputs[output].name, row ? row->name : "(it has no columns of its own: weir_emit_kept)");
}

void weir_emit_slowly(weir_call *call, unsigned output, const void *value, size_t size) {
    const char *why = misplaced(call, output, value, size);
    if (why) {
        weir_refuse(call, "%s", why);
        return;
    }
    struct weir_emitted *to = &call->emitted[output];
    if (to->count == to->capacity) grow(to, call->running->rows);
    unsigned char *copy = to->rows + to->count * size;
    if (size > 0) memcpy(copy, value, size);
    why = to->is_plain ? NULL
                       : weir_check_and_own(call->running->connected->outputs[output].declared->row, copy, &weir_call_memory);
    if (why)
        weir_refuse(call, "%s", why);
    else
        to->sources[to->count++] = call->row;
}

weir_status weir_vrefuse(weir_call *call, const char *format, va_list values) {
    weir_text reason = weir_arena_vformat(&weir_call_memory, format, values);
    if (!call->running->reason)
        call->running->reason = weir_is_utf8(reason) ? reason.data : "refused, with a reason that is not UTF-8";
    return WEIR_REFUSED;
}

weir_status weir_refuse(weir_call *call, const char *format, ...) {
    va_list values;
    va_start(values, format);
    weir_status status = weir_vrefuse(call, format, values);
    va_end(values);
    return status;
}

void weir_refuse_at(struct weir_running *running, uint32_t row, const char *reason) {
    weir_arena *arena = &weir_call_memory;
    if (row >= running->rows) __builtin_trap();
    if (!running->refused) running->refused = weir_arena_zeroed(arena, running->rows * sizeof *running->refused);
    if (running->refused[row]) return;
    running->refused[row] = true;
    if (running->failure_count == running->failure_room) {
        size_t size = sizeof *running->failures, room = running->failure_room ? 2 * running->failure_room : 16;
        running->failures = weir_arena_grow(arena, running->failures, running->failure_count * size, room * size);
        running->failure_room = room;
    }
    running->failures[running->failure_count++] = (wire_row_failure_t){row, weir_wire_string(weir_text_of(reason))};
}

void weir_refuse_invalid_rows(struct weir_running *running, const weir_invalid_rows *invalid) {
    for (uint32_t row = 0; invalid->reasons && row < running->rows; row++)
        if (invalid->reasons[row]) weir_refuse_at(running, row, invalid->reasons[row]);
}

void weir_undo_row(weir_call *call) {
    struct weir_running *running = call->running;
    weir_refuse_at(running, call->row, running->reason ? running->reason : "refused without a reason");
    running->reason = NULL;
    // What the row has emitted came last.
    for (size_t i = 0; i < running->connected->output_count; i++) {
        struct weir_emitted *rows = &call->emitted[i];
        while (rows->count > 0 && rows->sources[rows->count - 1] == call->row) rows->count--;
    }
}

void *weir_alloc(weir_call *call, size_t size) {
    (void)call;
    return weir_arena_alloc(&weir_call_memory, size);
}

void *weir_alloc_array(weir_call *call, size_t count, size_t size) {
    (void)call;
    return weir_arena_array(&weir_call_memory, count, size);
}

void *weir_config_alloc(size_t count, size_t size) { return weir_arena_array(&weir_plan_memory, count, size); }

weir_text weir_concat(weir_call *call, weir_text first, weir_text second) {
    size_t size;
    if (__builtin_add_overflow(first.size, second.size, &size)) __builtin_trap();
    char *data = weir_alloc(call, size);
    weir_copy(data, first.data, first.size);
    weir_copy(data + first.size, second.data, second.size);
    return (weir_text){data, size};
}

weir_text weir_vformat(weir_call *call, const char *format, va_list values) {
    (void)call;
    return weir_arena_vformat(&weir_call_memory, format, values);
}

weir_text weir_format(weir_call *call, const char *format, ...) {
    va_list values;
    va_start(values, format);
    weir_text text = weir_vformat(call, format, values);
    va_end(values);
    return text;
}
