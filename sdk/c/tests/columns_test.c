// Operators on columns.
#include "expect.h"

typedef struct reading {
    double celsius;
    weir_text sensor;
    bool has_celsius;
} reading;
WEIR_ROW(reading, WEIR_FIELD(reading, celsius), WEIR_FIELD(reading, sensor));
typedef reading given;
WEIR_ROW(given, WEIR_NULLABLE(reading, celsius), WEIR_FIELD(reading, sensor));
typedef struct converted {
    double fahrenheit;
    weir_text sensor;
    bool has_sensor;
} converted;
WEIR_ROW(converted, WEIR_FIELD(converted, fahrenheit), WEIR_NULLABLE(converted, sensor));

static weir_status convert(weir_call *call, const weir_batch *batch) {
    const double *celsius = weir_values(batch, reading, celsius);
    const weir_text *sensor = weir_values(batch, reading, sensor);
    uint32_t *from = weir_alloc(call, batch->rows * sizeof *from), count = 0;
    for (uint32_t i = 0; i < batch->rows; i++) {
        if (weir_is_refused(call, i)) continue;
        if (celsius[i] < -273.15) weir_refuse_row(call, i, "%.2f is too cold", celsius[i]);
        if (celsius[i] < 1000) from[count++] = i;
    }
    weir_columns *out = weir_emit_columns(call, 0, count, from);
    double *fahrenheit = weir_new_values(out, converted, fahrenheit);
    weir_text *name = weir_new_values(out, converted, sensor);
    bool *has = weir_new_has(out, converted, sensor);
    for (uint32_t i = 0; i < count; i++) {
        fahrenheit[i] = celsius[from[i]] * 1.8 + 32;
        name[i] = sensor[from[i]].size == 3 ? (weir_text){"\xff", 1} : sensor[from[i]];
        has[i] = name[i].size > 0;
    }
    return WEIR_OK;
}

static weir_status twice(weir_call *call, const weir_batch *batch) {
    weir_emit_columns(call, 0, batch->rows, NULL);
    weir_emit_columns(call, 0, batch->rows, NULL);
    return WEIR_OK;
}

static weir_status some(weir_call *call, const weir_batch *batch) {
    weir_emit_columns(call, 0, batch->rows - 1, NULL);
    return WEIR_OK;
}

static const weir_operator some_rows = {.inputs = {{.process_columns = some}}, .outputs = {{.keep_all = true}}};
static const weir_operator op = {.inputs = {{.row = &reading_row, .process_columns = convert}},
                                 .outputs = {{.row = &converted_row}}};
static const weir_operator wrong = {.inputs = {{.process_columns = twice}}, .outputs = {{.keep_all = true}}};

int main(void) {
    weir_test *test = weir_test_open(&op, NULL, (weir_given){.row = &given_row});
    const reading readings[] = {{10, WEIR_LITERAL("a"), true},   {-300, WEIR_LITERAL("b"), true}, {0, WEIR_LITERAL(""), false},
                                {2000, WEIR_LITERAL("c"), true}, {20, WEIR_LITERAL("bad"), true}, {100, WEIR_LITERAL(""), true}};
    weir_test_process(test, readings, 6);
    size_t count;
    const converted *rows = weir_test_output(test, "main", &converted_row, &count);
    WEIR_EXPECT(count == 2 && rows[0].fahrenheit == 50 && weir_text_equal(rows[0].sensor, WEIR_LITERAL("a")));
    WEIR_EXPECT(rows[1].fahrenheit == 212 && !rows[1].has_sensor);
    const weir_refusal *refused = weir_test_refused(test, &count);
    WEIR_EXPECT(count == 3);
    EXPECT_TEXT(refused[0].reason, "-300.00 is too cold");
    EXPECT_TEXT(refused[1].reason, "column \"celsius\" is null, and the operator has no place for that (WEIR_NULLABLE)");
    EXPECT_TEXT(refused[2].reason, "column \"sensor\" is not UTF-8");
    weir_test_close(test);

    test = weir_test_open(&wrong, NULL, (weir_given){.row = &given_row});
    weir_test_process(test, readings, 1);
    EXPECT_TEXT(weir_test_error(test), "columns are emitted once per output and call");
    weir_test_close(test);
    test = weir_test_open(&some_rows, NULL, (weir_given){.row = &given_row});
    weir_test_process(test, readings, 2);
    EXPECT_TEXT(weir_test_error(test), "1 rows are emitted, and the call has 2: say which ones they come from");
    weir_test_close(test);
    return weir_test_end();
}
