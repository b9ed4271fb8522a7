// Says in which part of the day a flight left: in the night, morning, afternoon or evening.
#include <weir/weir.h>

#define HOUR INT64_C(3600000000)
#define DAY (24 * HOUR)

// What it reads: the time, in microseconds since 1970.
typedef struct flight {
    int64_t departed;
} flight;
WEIR_ROW(flight, WEIR_FIELD(flight, departed, .as = WEIR_TIMESTAMP));

// What it computes.
typedef struct part {
    weir_text part_of_day;
} part;
WEIR_ROW(part, WEIR_FIELD(part, part_of_day));

static weir_text part_of_hour(int64_t hour) {
    if (hour < 5) return WEIR_LITERAL("night");
    if (hour < 12) return WEIR_LITERAL("morning");
    if (hour < 18) return WEIR_LITERAL("afternoon");
    return WEIR_LITERAL("evening");
}

static weir_status process(weir_call *call, const void *row) {
    const flight *flight = row;
    // The remainder of a time before 1970 is negative.
    int64_t of_day = (flight->departed % DAY + DAY) % DAY;
    weir_emit(call, &(part){part_of_hour(of_day / HOUR)});
    return WEIR_OK;
}

static const weir_operator part_of_day = {
    .title = "In which part of the day a flight left",
    .inputs = {{.row = &flight_row, .process = process}},
    // The flight as it is, and the part of the day.
    .outputs = {{.row = &part_row, .keep_all = true}},
};
WEIR_TRANSFORM(part_of_day);
