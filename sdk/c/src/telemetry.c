// Passes lines and figures to the host; see weir/telemetry.h.
#include "weir/telemetry.h"

#include "arena.h"
#include "check.h"
#include "host.h"
#include "schema.h"

const weir_host *weir_the_host;

void weir_log(weir_level level, const char *format, ...) {
    va_list values;
    va_start(values, format);
    weir_text line = weir_arena_vformat(&weir_call_memory, format, values);
    va_end(values);
    wire_string_t message = weir_wire_string(weir_is_utf8(line) ? line : WEIR_LITERAL("(a line that is not UTF-8)"));
    if (weir_the_host) weir_the_host->log((wire_log_level_t)level, &message);
}

void weir_count(const char *name, uint64_t by) {
    wire_string_t text = weir_wire_string(weir_text_of(name));
    if (weir_the_host) weir_the_host->count(&text, by);
}

void weir_gauge(const char *name, double value) {
    wire_string_t text = weir_wire_string(weir_text_of(name));
    if (weir_the_host) weir_the_host->gauge(&text, value);
}

void weir_observe(const char *name, double value) {
    wire_string_t text = weir_wire_string(weir_text_of(name));
    if (weir_the_host) weir_the_host->observe(&text, value);
}
