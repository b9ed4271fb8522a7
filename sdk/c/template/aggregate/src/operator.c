// How far the delays of a window's flights lie apart, in a unit of so many minutes.
#include <weir/weir.h>

// The configuration. In the pipeline file:
// aggregates.delays = { component = "...", columns = ["dep_delay"], config = { unit-minutes = 60 } }
typedef struct settings {
    int64_t unit_minutes;
} settings;
WEIR_ROW(settings, WEIR_FIELD(settings, unit_minutes));

// The columns that it reads, by name.
typedef struct flight {
    int64_t dep_delay;
    bool has_dep_delay; // false: it is null
} flight;
WEIR_ROW(flight, WEIR_NULLABLE(flight, dep_delay));

// What is kept per group while its window is open; it starts with zeros: two nulls.
typedef struct extremes {
    int64_t least, greatest;
    bool has_least, has_greatest;
} extremes;
WEIR_ROW(extremes, WEIR_NULLABLE(extremes, least), WEIR_NULLABLE(extremes, greatest));

// The result column.
typedef struct spread {
    double spread;
    bool has_spread;
} spread;
WEIR_ROW(spread, WEIR_NULLABLE(spread, spread));

// The host aggregates parts of a group on their own: merging them must give what all their rows at once would give.
static void merge(weir_call *call, void *accumulator, const void *other) {
    (void)call;
    extremes *to = accumulator;
    const extremes *from = other;
    if (from->has_least && (!to->has_least || from->least < to->least)) to->least = from->least;
    if (from->has_greatest && (!to->has_greatest || from->greatest > to->greatest)) to->greatest = from->greatest;
    to->has_least |= from->has_least;
    to->has_greatest |= from->has_greatest;
}

static weir_status accumulate(weir_call *call, void *accumulator, const void *row) {
    const flight *flight = row;
    extremes own = {flight->dep_delay, flight->dep_delay, flight->has_dep_delay, flight->has_dep_delay};
    merge(call, accumulator, &own);
    return WEIR_OK;
}

static void finish(weir_call *call, const void *accumulator, void *result) {
    const settings *config = call->config;
    const extremes *of = accumulator;
    *(spread *)result = (spread){(double)(of->greatest - of->least) / (double)config->unit_minutes, of->has_least};
}

static const weir_operator spreads = {
    .title = "{{name}}",
    .config = &settings_row,
    .inputs = {{.row = &flight_row}},
    .outputs = {{.row = &spread_row}},
    .state = &extremes_row,
    .accumulate = accumulate,
    .merge = merge,
    .finish = finish,
};
WEIR_AGGREGATE(spreads);
