// All data types through a transform. What it means is written in tests/conformance/README.md, for all languages.
#include <inttypes.h>
#include <weir/weir.h>

typedef struct settings {
    weir_text drop;
    bool has_drop;
} settings;
WEIR_ROW(settings, WEIR_NULLABLE(settings, drop));

// An item of the column `numbers`.
typedef struct number {
    int64_t item;
    bool has_item;
} number;
WEIR_ROW(number, WEIR_NULLABLE(number, item));

typedef struct point {
    double x, y;
    bool has_y;
} point;
WEIR_ROW(point, WEIR_FIELD(point, x), WEIR_NULLABLE(point, y));

typedef struct swapped {
    double x, y;
    bool has_x;
} swapped;
WEIR_ROW(swapped, WEIR_NULLABLE(swapped, x), WEIR_FIELD(swapped, y));

// A column of every type.
typedef struct all {
    int64_t copies;
    bool flag, has_flag;
    int8_t i8;
    int16_t i16;
    int32_t i32;
    int64_t i64;
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    bool has_i8, has_i16, has_i32, has_i64, has_u8, has_u16, has_u32, has_u64;
    float f32;
    double f64;
    bool has_f32, has_f64;
    weir_text text;
    weir_bytes bytes;
    bool has_text, has_bytes;
    int32_t day;
    int64_t sec, milli, micro, nano;
    bool has_day, has_sec, has_milli, has_micro, has_nano;
    weir_decimal amount;
    weir_list numbers;
    point point;
    bool has_amount, has_numbers, has_point;
} all;
WEIR_ROW(all,
    WEIR_FIELD(all, copies),
    WEIR_NULLABLE(all, flag),
    WEIR_NULLABLE(all, i8),
    WEIR_NULLABLE(all, i16),
    WEIR_NULLABLE(all, i32),
    WEIR_NULLABLE(all, i64),
    WEIR_NULLABLE(all, u8),
    WEIR_NULLABLE(all, u16),
    WEIR_NULLABLE(all, u32),
    WEIR_NULLABLE(all, u64),
    WEIR_NULLABLE(all, f32),
    WEIR_NULLABLE(all, f64),
    WEIR_NULLABLE(all, text),
    WEIR_NULLABLE(all, bytes),
    WEIR_NULLABLE(all, day, .as = WEIR_DATE),
    WEIR_NULLABLE(all, sec, .as = WEIR_TIMESTAMP_S),
    WEIR_NULLABLE(all, milli, .as = WEIR_TIMESTAMP_MS),
    WEIR_NULLABLE(all, micro, .as = WEIR_TIMESTAMP),
    WEIR_NULLABLE(all, nano, .as = WEIR_TIMESTAMP_NS),
    WEIR_NULLABLE(all, amount, .precision = 12, .scale = 2),
    WEIR_NULLABLE(all, numbers, .row = &number_row),
    WEIR_NULLABLE(all, point, .row = &point_row));

// The main output.
typedef struct copy {
    weir_text text;
    bool has_text, not_flag, has_not_flag;
    int64_t sum, low, size;
    uint64_t big;
    double half;
    float single;
    bool has_sum, has_big, has_low, has_half, has_single, has_size;
    weir_bytes raw;
    int32_t next_day;
    int64_t sec2, milli2, micro2, nano2;
    bool has_raw, has_next_day, has_sec2, has_milli2, has_micro2, has_nano2;
    weir_decimal cents;
    weir_list reversed;
    swapped swapped;
    bool has_cents, has_reversed, has_swapped;
} copy;
WEIR_ROW(copy,
    WEIR_NULLABLE(copy, text),
    WEIR_NULLABLE(copy, not_flag),
    WEIR_NULLABLE(copy, sum),
    WEIR_NULLABLE(copy, big),
    WEIR_NULLABLE(copy, low),
    WEIR_NULLABLE(copy, half),
    WEIR_NULLABLE(copy, single),
    WEIR_NULLABLE(copy, size),
    WEIR_NULLABLE(copy, raw),
    WEIR_NULLABLE(copy, next_day, .as = WEIR_DATE),
    WEIR_NULLABLE(copy, sec2, .as = WEIR_TIMESTAMP_S),
    WEIR_NULLABLE(copy, milli2, .as = WEIR_TIMESTAMP_MS),
    WEIR_NULLABLE(copy, micro2, .as = WEIR_TIMESTAMP),
    WEIR_NULLABLE(copy, nano2, .as = WEIR_TIMESTAMP_NS),
    WEIR_NULLABLE(copy, cents, .precision = 12, .scale = 2),
    WEIR_NULLABLE(copy, reversed, .row = &number_row),
    WEIR_NULLABLE(copy, swapped, .row = &swapped_row));

// The side output `none`.
typedef struct no_copies {
    weir_text reason;
} no_copies;
WEIR_ROW(no_copies, WEIR_FIELD(no_copies, reason));

enum { MAIN, NONE };

// Of those that are there; null if none is.
static void add(copy *to, bool is_there, int64_t addend) {
    if (!is_there) return;
    to->sum += addend;
    to->has_sum = true;
}

static weir_list reversed(weir_call *call, weir_list numbers) {
    const number *from = numbers.items;
    number *to = weir_alloc(call, numbers.size * sizeof *to);
    for (size_t i = 0; i < numbers.size; i++) to[i] = from[numbers.size - 1 - i];
    return (weir_list){to, numbers.size};
}

static weir_status process(weir_call *call, const void *given) {
    const settings *config = call->config;
    const all *row = given;
    if (row->copies < 0) return weir_refuse(call, "copies is %" PRId64, row->copies);
    if (config->has_drop && row->has_text && weir_text_equal(row->text, config->drop)) return WEIR_OK;
    if (row->copies == 0) weir_emit_to(call, NONE, &(no_copies){WEIR_LITERAL("no copies")});
    if (row->has_day && row->day == INT32_MAX) return weir_refuse(call, "next_day is out of range");
    copy out = {
        .has_text = row->has_text,
        .not_flag = !row->flag, .has_not_flag = row->has_flag,
        .big = row->u64, .has_big = row->has_u64,
        .low = row->i64, .has_low = row->has_i64,
        .half = row->f64 / 2, .has_half = row->has_f64,
        .single = row->f32, .has_single = row->has_f32,
        .size = (int64_t)row->bytes.size, .has_size = row->has_bytes,
        .raw = row->bytes, .has_raw = row->has_bytes,
        .next_day = row->has_day ? row->day + 1 : 0, .has_next_day = row->has_day,
        .sec2 = row->sec, .has_sec2 = row->has_sec,
        .milli2 = row->milli, .has_milli2 = row->has_milli,
        .micro2 = row->micro, .has_micro2 = row->has_micro,
        .nano2 = row->nano, .has_nano2 = row->has_nano,
        .cents = row->amount, .has_cents = row->has_amount,
        .has_reversed = row->has_numbers,
        .swapped = {.x = row->point.y, .has_x = row->point.has_y, .y = row->point.x}, .has_swapped = row->has_point,
    };
    add(&out, row->has_i8, row->i8);
    add(&out, row->has_i16, row->i16);
    add(&out, row->has_i32, row->i32);
    add(&out, row->has_u8, row->u8);
    add(&out, row->has_u16, row->u16);
    add(&out, row->has_u32, row->u32);
    if (row->has_numbers) out.reversed = reversed(call, row->numbers);
    for (int64_t i = 0; i < row->copies; i++) {
        if (row->has_text) out.text = weir_concat(call, row->text, weir_format(call, "#%" PRId64, i));
        weir_emit(call, &out);
    }
    return WEIR_OK;
}

static const weir_operator types = {
    .title = "All data types",
    .config = &settings_row,
    .inputs = {{.row = &all_row, .process = process}},
    .outputs = {
        [MAIN] = {.row = &copy_row, .keep_all = true},
        [NONE] = {.name = "none", .row = &no_copies_row},
    },
};
WEIR_TRANSFORM(types);
