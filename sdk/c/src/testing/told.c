// What an operator logs and counts in a test.
#include "test.h"

static weir_arena memory;
static weir_told *told;
static size_t told_count, told_room;

static void keep(const char *kind, const wire_string_t *text, double value) {
    if (told_count == told_room) {
        size_t room = told_room ? 2 * told_room : 16;
        told = weir_arena_grow(&memory, told, told_count * sizeof *told, room * sizeof *told);
        told_room = room;
    }
    told[told_count++] = (weir_told){kind, weir_arena_text(&memory, text->ptr, text->len).data, value};
}

static void keep_line(wire_log_level_t level, wire_string_t *message) {
    static const char *const LEVELS[] = {"trace", "debug", "info", "warn", "error"};
    keep(LEVELS[level], message, 0);
}

static void keep_count(wire_string_t *name, uint64_t by) { keep("count", name, (double)by); }
static void keep_gauge(wire_string_t *name, double value) { keep("gauge", name, value); }
static void keep_value(wire_string_t *name, double value) { keep("observe", name, value); }

const weir_host weir_test_host = {keep_line, keep_count, keep_gauge, keep_value, weir_test_get, weir_test_scan};

void weir_test_forget_told(void) {
    weir_arena_free(&memory);
    told = NULL;
    told_count = told_room = 0;
}

const weir_told *weir_test_told(size_t *count) {
    *count = told_count;
    return told;
}
