// Says of each flight whether it left late, and leaves out those that never left.
#include <inttypes.h>
#include <weir/weir.h>

// The configuration. In the pipeline file: config = { late-after-minutes = 15 }
typedef struct settings {
    int64_t late_after_minutes;
} settings;
WEIR_ROW(settings, WEIR_FIELD(settings, late_after_minutes));

// The columns that it reads, by name. More columns may come; they cost nothing.
typedef struct flight {
    int64_t dep_delay;
    bool has_dep_delay; // false: it is null
} flight;
WEIR_ROW(flight, WEIR_NULLABLE(flight, dep_delay));

// The column that it computes.
typedef struct classified {
    bool late;
} classified;
WEIR_ROW(classified, WEIR_FIELD(classified, late));

static weir_status process(weir_call *call, const void *row) {
    const settings *config = call->config;
    const flight *flight = row;
    if (!flight->has_dep_delay) return WEIR_OK;
    if (flight->dep_delay < -24 * 60) {
        // `on-error` in the pipeline file says what happens to this row.
        return weir_refuse(call, "it left %" PRId64 " minutes before its time", -flight->dep_delay);
    }
    weir_emit(call, &(classified){.late = flight->dep_delay > config->late_after_minutes});
    return WEIR_OK;
}

static const weir_operator classify = {
    .title = "{{name}}",
    .config = &settings_row,
    .inputs = {{.row = &flight_row, .process = process}},
    // All columns of the input, and `late`.
    .outputs = {{.row = &classified_row, .keep_all = true}},
};
WEIR_TRANSFORM(classify);
