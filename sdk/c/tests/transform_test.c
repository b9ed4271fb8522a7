// Transforms: outputs, refused rows, several inputs, and what `describe` refuses.
#include "../src/connect.h"
#include "expect.h"

#include <stdlib.h>

typedef struct bid {
    int64_t auction, price;
    weir_text url;
    int64_t ts;
} bid;
WEIR_ROW(bid, WEIR_FIELD(bid, auction), WEIR_FIELD(bid, price), WEIR_FIELD(bid, url), WEIR_FIELD(bid, ts, .as = WEIR_EVENT_TIME));

typedef struct price {
    int64_t price;
    int64_t at;
} price;
WEIR_ROW(price, WEIR_FIELD(price, price), WEIR_FIELD(price, at, .as = WEIR_EVENT_TIME));

typedef struct part {
    weir_text part;
    int64_t at;
} part;
WEIR_ROW(part, WEIR_FIELD(part, part), WEIR_FIELD(part, at, .as = WEIR_EVENT_TIME));

enum { MAIN, CHEAP };

// Emits a row per item of a price, with text that lives on the stack; a negative price is refused after it has emitted.
static weir_status process(weir_call *call, const void *row) {
    const price *in = row;
    if (in->price == 0) weir_emit_kept(call, CHEAP);
    for (int64_t i = 0; i < in->price || (in->price < 0 && i < 2); i++) {
        char text[8];
        snprintf(text, sizeof text, "%d", (int)i);
        weir_emit(call, &(part){weir_text_of(text), in->at + i});
    }
    WEIR_ENSURE(call, in->price != 99);
    if (in->price < 0) return weir_refuse(call, "the price is %d", (int)in->price);
    return WEIR_OK;
}

static const weir_operator parts = {
    .inputs = {{.row = &price_row, .process = process}},
    .outputs = {[MAIN] = {.row = &part_row, .keep = {{"price", "cents"}, {.column = "auction"}}},
                [CHEAP] = {.name = "cheap", .keep_all = true, .drop = {"url", "price"}}},
};

typedef struct seen {
    int64_t cents, auction, at;
    weir_text part;
} seen;
WEIR_ROW(seen, WEIR_FIELD(seen, cents), WEIR_FIELD(seen, auction), WEIR_FIELD(seen, part),
         WEIR_FIELD(seen, at, .as = WEIR_EVENT_TIME));
typedef struct auction {
    int64_t auction;
} auction;
WEIR_ROW(auction, WEIR_FIELD(auction, auction));

static void outputs_and_refused_rows(void) {
    weir_test *test = weir_test_open(&parts, NULL, (weir_given){.row = &bid_row});
    WEIR_EXPECT(!weir_test_error(test));
    const weir_text url = WEIR_LITERAL("u");
    const bid bids[] = {{7, 2, url, 100}, {8, -5, url, 200}, {9, 0, url, 300}, {10, 1, url, 400}};
    weir_test_process(test, bids, 4);
    size_t count;
    const seen *rows = weir_test_output(test, "main", &seen_row, &count);
    WEIR_EXPECT(count == 3);
    WEIR_EXPECT(rows[0].cents == 2 && rows[0].auction == 7 && rows[0].at == 100 &&
                weir_text_equal(rows[0].part, WEIR_LITERAL("0")));
    WEIR_EXPECT(rows[1].at == 101 && weir_text_equal(rows[1].part, WEIR_LITERAL("1")));
    WEIR_EXPECT(rows[2].auction == 10);
    const auction *cheap = weir_test_output(test, "cheap", &auction_row, &count);
    WEIR_EXPECT(count == 1 && cheap[0].auction == 9);
    EXPECT_REFUSED(test, 1, "the price is -5");
    weir_test_process(test, &(bid){1, 99, url, 1}, 1);
    size_t refused_count;
    const weir_refusal *refusals = weir_test_refused(test, &refused_count);
    WEIR_EXPECT(refused_count == 1 && strstr(refusals[0].reason, "in->price != 99 does not hold, in process") &&
                strstr(refusals[0].reason, "transform_test.c:"));
    weir_test_process(test, NULL, 0);
    weir_test_output(test, "main", &seen_row, &count);
    WEIR_EXPECT(count == 0 && !weir_test_error(test));
    // Many rows, and many per row: the buffers grow.
    bid *many = calloc(70000, sizeof *many);
    for (int i = 0; i < 70000; i++) many[i] = (bid){i, i % 3, url, i};
    weir_test_process(test, many, 70000);
    rows = weir_test_output(test, "main", &seen_row, &count);
    WEIR_EXPECT(count == 69999 && rows[69998].auction == 69998);
    free(many);
    weir_test_close(test);
}

static void refused(const weir_operator *op, const weir_row *row, const char *why) {
    weir_test *test = weir_test_open(op, NULL, (weir_given){.row = row});
    EXPECT_TEXT(weir_test_error(test), why);
    weir_test_close(test);
}

typedef struct other {
    int32_t price;
    weir_text auction;
} other;
WEIR_ROW(other, WEIR_FIELD(other, price), WEIR_FIELD(other, auction));
typedef auction auction2;
WEIR_ROW(auction2, WEIR_FIELD(auction2, auction));
typedef struct wrong {
    int32_t at;
    weir_list list;
    weir_decimal amount;
} wrong;

static weir_status emit_wrongly(weir_call *call, const void *row) {
    const auction *in = row;
    if (in->auction == 1) weir_emit_to(call, 5, &(auction){1});
    if (in->auction == 2) weir_emit(call, &(bid){0});
    if (in->auction == 3) return WEIR_REFUSED;
    if (in->auction == 4) weir_emit(call, (const auction *)NULL);
    weir_emit(call, &(auction){in->auction});
    return WEIR_OK;
}

static void mistakes(void) {
    refused(&parts, &auction_row, "there is no column \"price\" (int64), which the operator reads; the input has auction: int64");
    refused(&parts, &other_row,
            "column \"price\" is int32, but the operator reads it as int64; the input has price: int32, auction: utf8");
    static const weir_operator keeps = {.inputs = {{.row = &auction_row, .process = process}},
                                        .outputs = {{.keep = {{.column = "nothing"}}}}};
    refused(&keeps, &auction_row, "there is no column \"nothing\", which output \"main\" keeps; the input has auction: int64");
    static const weir_operator drops = {.inputs = {{.row = &auction_row, .process = process}},
                                        .outputs = {{.keep_all = true, .drop = {"x"}}}};
    refused(&drops, &auction_row, "there is no column \"x\", which output \"main\" drops; the input has auction: int64");
    WEIR_ROW(wrong, WEIR_FIELD(wrong, at, .as = WEIR_TIMESTAMP));
    static const weir_operator typed = {.inputs = {{.row = &wrong_row, .process = process}}};
    refused(&typed, &auction_row,
            "the operator is declared wrongly: member at of struct wrong: it is a int32_t, and its kind is one of int64_t");
    static const weir_operator no_function = {.inputs = {{.row = &auction_row}}};
    refused(&no_function, &auction_row, "the operator is declared wrongly: an input has a function `process`");

    static const weir_operator nothing = {.title = "nothing"};
    refused(&nothing, &auction_row, "the operator is declared wrongly: an input has a function `process`");

    static const weir_field of_other[] = {WEIR_FIELD(other, auction)};
    static const weir_row mixed_row = {"auction", sizeof(auction), of_other, 1};
    static const weir_operator mixed = {.inputs = {{.row = &mixed_row, .process = process}}};
    refused(&mixed, &auction_row,
            "the operator is declared wrongly: member auction of struct auction: it is declared as a member of struct other");
    typedef struct pointer {
        char *name;
    } pointer;
    WEIR_ROW(pointer, WEIR_FIELD(pointer, name));
    static const weir_operator pointers = {.inputs = {{.row = &pointer_row, .process = process}}};
    refused(&pointers, &auction_row,
            "the operator is declared wrongly: member name of struct pointer: it is a char *, of which there are no columns; "
            "write weir_text");
    static const weir_operator stateful = {.inputs = {{.row = &auction_row, .process = process}}, .state = &auction_row};
    weir_connected connected;
    wire_plan_t plan;
    wire_string_t error = {NULL, 0};
    WEIR_EXPECT(!weir_connect(&connected, &stateful, WEIR_WORLD_TRANSFORM, WEIR_LITERAL(""), NULL, 0, &plan, &error));
    EXPECT_TEXT((const char *)error.ptr,
                "the operator is declared wrongly: a transform has no state: that is WEIR_KEYED or WEIR_AGGREGATE");

    static const weir_operator wrongly = {.inputs = {{.row = &auction_row, .process = emit_wrongly}},
                                          .outputs = {{.row = &auction2_row}}};
    weir_test *test = weir_test_open(&wrongly, NULL, (weir_given){.row = &auction_row});
    weir_test_process(test, &(auction){1}, 1);
    EXPECT_REFUSED(test, 0, "there is no output 5");
    weir_test_process(test, &(auction){2}, 1);
    EXPECT_REFUSED(test, 0, "what is emitted to output \"main\" is no struct auction2");
    weir_test_process(test, &(auction){3}, 1);
    EXPECT_REFUSED(test, 0, "refused without a reason");
    weir_test_process(test, &(auction){4}, 1);
    EXPECT_REFUSED(test, 0, "what is emitted is NULL");
    weir_test_close(test);
}

static weir_status by_input(weir_call *call, const void *row) {
    (void)row;
    weir_count(call->input, 1);
    weir_emit_kept(call, 0);
    return WEIR_OK;
}

static void several_inputs(void) {
    static const weir_operator merge = {
        .inputs = {{.name = "left", .row = &auction_row, .process = by_input},
                   {.name = "right", .row = &other_row, .process = by_input}},
        .outputs = {{.keep = {{"left.auction", NULL}, {"right.auction", "name"}}}},
    };
    const weir_given inputs[] = {{.row = &other_row, .name = "right"}, {.row = &auction_row, .name = "left"}};
    weir_test *test = weir_test_open_inputs(&merge, NULL, inputs, 2);
    WEIR_EXPECT(!weir_test_error(test));
    weir_test_process_input(test, "left", &(auction){5}, 1);
    typedef struct both {
        int64_t auction;
        weir_text name;
        bool has_auction, has_name;
    } both;
    WEIR_ROW(both, WEIR_NULLABLE(both, auction), WEIR_NULLABLE(both, name));
    size_t count;
    const both *rows = weir_test_output(test, "main", &both_row, &count);
    WEIR_EXPECT(count == 1 && rows[0].has_auction && rows[0].auction == 5 && !rows[0].has_name);
    weir_test_process_input(test, "right", &(other){1, WEIR_LITERAL("x")}, 1);
    rows = weir_test_output(test, "main", &both_row, &count);
    WEIR_EXPECT(count == 1 && !rows[0].has_auction && weir_text_equal(rows[0].name, WEIR_LITERAL("x")));
    const weir_telemetry_line *lines = weir_test_telemetry(&count);
    WEIR_EXPECT(count == 2 && strcmp(lines[1].text, "right") == 0 && lines[1].value == 1);
    weir_test_close(test);
    weir_test *one = weir_test_open_inputs(&merge, NULL, inputs, 1);
    EXPECT_TEXT(weir_test_error(one), "the operator's input \"left\" is not connected");
    weir_test_close(one);
}

static weir_status talk(weir_call *call, const void *row) {
    const auction *in = row;
    weir_log(WEIR_WARN, "auction %d", (int)in->auction);
    weir_gauge("auctions", 1.5);
    weir_observe("auction", (double)in->auction);
    weir_text text = weir_format(call, "%0*d", (int)in->auction, 7);
    weir_emit(call, &(part){weir_concat(call, text, WEIR_LITERAL("")), 0});
    return WEIR_OK;
}

static void logs_figures_and_long_texts(void) {
    static const weir_operator talks = {.inputs = {{.row = &auction_row, .process = talk}}, .outputs = {{.row = &part_row}}};
    weir_test *test = weir_test_open(&talks, NULL, (weir_given){.row = &auction_row});
    weir_test_process(test, &(auction){200000}, 1);
    size_t count;
    const part *rows = weir_test_output(test, "main", &part_row, &count);
    WEIR_EXPECT(count == 1 && rows[0].part.size == 200000 && rows[0].part.data[199999] == '7');
    const weir_telemetry_line *lines = weir_test_telemetry(&count);
    WEIR_EXPECT(count == 3 && strcmp(lines[0].kind, "warn") == 0 && strcmp(lines[0].text, "auction 200000") == 0);
    WEIR_EXPECT(strcmp(lines[1].kind, "gauge") == 0 && lines[1].value == 1.5 && strcmp(lines[2].text, "auction") == 0);
    weir_test_close(test);
}

int main(void) {
    outputs_and_refused_rows();
    mistakes();
    several_inputs();
    logs_figures_and_long_texts();
    return weir_test_end();
}
