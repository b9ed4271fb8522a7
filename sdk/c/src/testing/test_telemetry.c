// What an operator logs and counts in a test.
#include "test.h"

static weir_arena memory;
static weir_telemetry_line *lines;
static size_t line_count, line_room;

static void keep(const char *kind, const wire_string_t *text, double value) {
    if (line_count == line_room) {
        size_t room = line_room ? 2 * line_room : 16;
        lines = weir_arena_grow(&memory, lines, line_count * sizeof *lines, room * sizeof *lines);
        line_room = room;
    }
    lines[line_count++] = (weir_telemetry_line){kind, weir_arena_text(&memory, text->ptr, text->len).data, value};
}

static void keep_line(wire_log_level_t level, wire_string_t *message) {
    static const char *const LEVELS[] = {"trace", "debug", "info", "warn", "error"};
    keep(LEVELS[level], message, 0);
}

static void keep_count(wire_string_t *name, uint64_t by) { keep("count", name, (double)by); }
static void keep_gauge(wire_string_t *name, double value) { keep("gauge", name, value); }
static void keep_value(wire_string_t *name, double value) { keep("observe", name, value); }

const weir_host weir_test_host = {keep_line, keep_count, keep_gauge, keep_value, weir_test_get, weir_test_scan};

void weir_test_forget_telemetry(void) {
    weir_arena_free(&memory);
    lines = NULL;
    line_count = line_room = 0;
}

const weir_telemetry_line *weir_test_telemetry(size_t *count) {
    *count = line_count;
    return lines;
}
