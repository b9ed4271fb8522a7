// Emits a flight when its delay is far from that of the last flight of its carrier, and says so when a carrier has been silent.
#include <weir/weir.h>

#define MINUTE INT64_C(60000000)

// The configuration. In the pipeline file: config = { minutes = 30, silence-minutes = 120 }, and key-by = ["carrier"]
typedef struct settings {
    int64_t minutes;
    int64_t silence_minutes;
} settings;
WEIR_ROW(settings, WEIR_FIELD(settings, minutes), WEIR_FIELD(settings, silence_minutes));

// The columns that it reads, by name, and the event time, in microseconds.
typedef struct flight {
    int64_t dep_delay;
    int64_t departed;
} flight;
WEIR_ROW(flight, WEIR_FIELD(flight, dep_delay), WEIR_FIELD(flight, departed, .as = WEIR_EVENT_TIME));

// What is kept per carrier, between batches and over restarts.
typedef struct last {
    int64_t dep_delay;
    int64_t silent_at;
} last;
WEIR_ROW(last, WEIR_FIELD(last, dep_delay), WEIR_FIELD(last, silent_at, .as = WEIR_TIMESTAMP));

typedef struct jump {
    int64_t jump;
} jump;
WEIR_ROW(jump, WEIR_FIELD(jump, jump));

enum { MAIN, SILENT };

static weir_status process(weir_call *call, const void *row) {
    const settings *config = call->config;
    const flight *flight = row;
    const last *before = weir_state(call);
    int64_t silent_at = flight->departed + config->silence_minutes * MINUTE;
    weir_set_state(call, &(last){flight->dep_delay, silent_at});
    weir_set_timer(call, WEIR_WATERMARK, silent_at);
    if (!before) return WEIR_OK;
    if (before->silent_at != silent_at) weir_delete_timer(call, WEIR_WATERMARK, before->silent_at);
    int64_t difference = flight->dep_delay - before->dep_delay;
    if (before->silent_at < flight->departed) {
        // The timer is due, but timers fire after the batch: this row came first.
        weir_emit_kept(call, SILENT);
    } else if (difference >= config->minutes || difference <= -config->minutes) {
        weir_emit_to(call, MAIN, &(jump){difference});
    }
    return WEIR_OK;
}

static weir_status on_timer(weir_call *call, weir_timer timer) {
    (void)timer;
    weir_clear_state(call);
    weir_emit_kept(call, SILENT);
    return WEIR_OK;
}

static const weir_operator jumps = {
    .title = "{{name}}",
    .config = &settings_row,
    .inputs = {{.row = &flight_row, .process = process}},
    .outputs = {
        // All columns of the input, and `jump`.
        [MAIN] = {.row = &jump_row, .keep_all = true},
        // The side output has only the carrier.
        [SILENT] = {.name = "silent", .keep = {{.column = "carrier"}}},
    },
    .state = &last_row,
    .on_timer = on_timer,
};
WEIR_KEYED(jumps);
