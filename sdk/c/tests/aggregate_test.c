// Aggregates: refused rows leave the accumulator as it was, and values that do not fit are refused.
#include "expect.h"

typedef struct value {
    weir_text text;
    int64_t number;
} value;
WEIR_ROW(value, WEIR_FIELD(value, text), WEIR_FIELD(value, number));
typedef struct longest {
    weir_text text;
    int64_t rows;
    bool has_text;
} longest;
WEIR_ROW(longest, WEIR_NULLABLE(longest, text), WEIR_FIELD(longest, rows));

static weir_status accumulate(weir_call *call, void *accumulator, const void *row) {
    longest *to = accumulator;
    const value *in = row;
    to->rows++;
    if (in->text.size > to->text.size || !to->has_text)
        to->text = weir_concat(call, in->text, WEIR_LITERAL("")), to->has_text = true;
    if (in->number < 0) return weir_refuse(call, "it is %d", (int)in->number);
    if (in->number == 7) weir_emit(call, in);
    if (in->number == 8) to->text = (weir_text){"\xff", 1};
    return WEIR_OK;
}

static void merge(weir_call *call, void *accumulator, const void *other) {
    (void)call;
    longest *to = accumulator;
    const longest *from = other;
    to->rows += from->rows;
    if (from->has_text && (!to->has_text || from->text.size > to->text.size)) to->text = from->text, to->has_text = true;
}

static void finish(weir_call *call, const void *accumulator, void *result) {
    (void)call;
    *(longest *)result = *(const longest *)accumulator;
}

static const weir_operator op = {.inputs = {{.row = &value_row}},
                                 .outputs = {{.row = &longest_row}},
                                 .state = &longest_row,
                                 .accumulate = accumulate,
                                 .merge = merge,
                                 .finish = finish};
static const weir_operator keeps = {.inputs = {{.row = &value_row}},
                                    .outputs = {{.row = &longest_row, .keep_all = true}},
                                    .state = &longest_row,
                                    .accumulate = accumulate,
                                    .merge = merge,
                                    .finish = finish};

int main(void) {
    weir_test *test = weir_test_open(&op, NULL, (weir_given){.row = &value_row});
    WEIR_EXPECT(!weir_test_error(test));
    const value rows[] = {{WEIR_LITERAL("a"), 1},
                          {WEIR_LITERAL("longest"), -1},
                          {WEIR_LITERAL("bb"), 1},
                          {WEIR_LITERAL("b"), 7},
                          {WEIR_LITERAL("b"), 8}};
    for (size_t cut = 0; cut <= 5; cut++) {
        const longest *result = weir_test_aggregate(test, rows, 5, cut);
        WEIR_EXPECT(result->rows == 2 && weir_text_equal(result->text, WEIR_LITERAL("bb")));
        size_t count;
        const weir_refusal *refused = weir_test_refused(test, &count);
        WEIR_EXPECT(count == 3 && refused[0].row == 1 && refused[1].row == 3 && refused[2].row == 4);
        EXPECT_TEXT(refused[0].reason, "it is -1");
        EXPECT_TEXT(refused[1].reason, "an aggregate does not emit: its result is what `finish` fills");
        EXPECT_TEXT(refused[2].reason, "column \"text\" is not UTF-8");
    }
    const longest *none = weir_test_aggregate(test, rows, 0, 0);
    WEIR_EXPECT(none->rows == 0 && !none->has_text);
    weir_test_close(test);
    test = weir_test_open(&keeps, NULL, (weir_given){.row = &value_row});
    EXPECT_TEXT(weir_test_error(test), "an aggregate cannot keep columns of its input: a group has many rows");
    weir_test_close(test);
    return weir_test_end();
}
