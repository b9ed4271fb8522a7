// Values: nulls where none may be, instants and decimals out of range, nested values, and text that is not UTF-8.
#include "expect.h"

typedef struct number {
    int64_t item;
    bool has_item;
} number;
WEIR_ROW(number, WEIR_NULLABLE(number, item));
typedef struct whole {
    int64_t item;
} whole;
WEIR_ROW(whole, WEIR_FIELD(whole, item));
typedef struct point {
    double x, y;
    bool has_x, has_y;
} point;
WEIR_ROW(point, WEIR_NULLABLE(point, x), WEIR_NULLABLE(point, y));
typedef struct strict {
    double x;
} strict;
WEIR_ROW(strict, WEIR_FIELD(strict, x));

typedef struct given {
    int64_t seconds;
    bool has_seconds;
    weir_list numbers;
    point point;
    bool has_point;
    weir_decimal amount;
    weir_text text;
} given;
WEIR_ROW(given, WEIR_NULLABLE(given, seconds, .as = WEIR_TIMESTAMP_S), WEIR_FIELD(given, numbers, .row = &number_row),
         WEIR_NULLABLE(given, point, .row = &point_row), WEIR_FIELD(given, amount, .precision = 38, .scale = 2),
         WEIR_FIELD(given, text));

typedef struct in {
    int64_t seconds;
    weir_list numbers;
    strict point;
    bool has_point;
    weir_decimal amount;
    weir_text text;
} in;
WEIR_ROW(in, WEIR_FIELD(in, seconds, .as = WEIR_TIMESTAMP), WEIR_FIELD(in, numbers, .row = &whole_row),
         WEIR_NULLABLE(in, point, .row = &strict_row), WEIR_FIELD(in, amount, .precision = 38, .scale = 2), WEIR_FIELD(in, text));

typedef struct out {
    int64_t micros;
    weir_decimal amount;
    weir_text text;
    weir_list numbers;
} out;
WEIR_ROW(out, WEIR_FIELD(out, micros, .as = WEIR_TIMESTAMP), WEIR_FIELD(out, amount, .precision = 5, .scale = 2),
         WEIR_FIELD(out, text), WEIR_FIELD(out, numbers, .row = &whole_row));

static weir_status process(weir_call *call, const void *row) {
    const in *given = row;
    weir_emit(call, &(out){given->seconds, given->amount, given->text, given->numbers});
    return WEIR_OK;
}

static const weir_operator op = {.inputs = {{.row = &in_row, .process = process}}, .outputs = {{.row = &out_row}}};

int main(void) {
    weir_test *test = weir_test_open(&op, NULL, (weir_given){.row = &given_row});
    WEIR_EXPECT(!weir_test_error(test));
    const number numbers[] = {{1, true}, {2, true}, {0, false}};
    const weir_list good = {numbers, 2}, bad = {numbers, 3};
    const weir_text text = WEIR_LITERAL("gr\xC3\xBC\xC3\x9F");
    const given rows[] = {
        {-1, true, good, {0}, false, weir_decimal_of(-99999), text},
        {0, false, good, {0}, false, weir_decimal_of(0), text},
        {INT64_MAX / 1000000 + 1, true, good, {0}, false, weir_decimal_of(0), text},
        {0, true, bad, {0}, false, weir_decimal_of(0), text},
        {0, true, good, {.has_x = false}, true, weir_decimal_of(0), text},
        {0, true, good, {.x = 1, .has_x = true}, true, weir_decimal_of(100000), text},
        {0, true, good, {0}, false, {0, INT64_MIN}, text},
    };
    weir_test_process(test, rows, 7);
    size_t count;
    const out *seen = weir_test_output(test, "main", &out_row, &count);
    WEIR_EXPECT(count == 1 && seen[0].micros == -1000000 && seen[0].amount.low == (uint64_t)-99999 && seen[0].amount.high == -1);
    WEIR_EXPECT(weir_text_equal(seen[0].text, text) && seen[0].numbers.size == 2 &&
                ((const whole *)seen[0].numbers.items)[1].item == 2);
    const weir_refusal *refused = weir_test_refused(test, &count);
    WEIR_EXPECT(count == 6);
    EXPECT_TEXT(refused[0].reason, "column \"seconds\" is null, and the operator has no place for that (WEIR_NULLABLE)");
    EXPECT_TEXT(refused[1].reason, "column \"seconds\" is out of range in the unit of its field");
    EXPECT_TEXT(refused[2].reason,
                "column \"numbers\" has an item that is null or out of range, and the operator has no place for that");
    EXPECT_TEXT(refused[3].reason,
                "column \"point\" has a member that is null or out of range, and the operator has no place for that");
    EXPECT_TEXT(refused[4].reason, "column \"amount\" has more than 5 digits");
    EXPECT_TEXT(refused[5].reason, "column \"amount\" has more than 5 digits");

    const char *const wrong[] = {"\xC3", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xC0\x80", "a\x80", "12345678\xFF", "\xE2\x82"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        weir_test_process(test, &(given){0, true, good, {0}, false, weir_decimal_of(0), weir_text_of(wrong[i])}, 1);
        EXPECT_REFUSED(test, 0, "column \"text\" is not UTF-8");
    }
    weir_test_close(test);
    return weir_test_end();
}
