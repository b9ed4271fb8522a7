// Keyed operators: state, timers, clocks, and what a refused row leaves.
#include "expect.h"

typedef struct given {
    weir_text key;
    int64_t value;
    int64_t at;
} given;
WEIR_ROW(given, WEIR_FIELD(given, key), WEIR_FIELD(given, value), WEIR_FIELD(given, at, .as = WEIR_EVENT_TIME));
typedef struct key {
    weir_text key;
} key;
WEIR_ROW(key, WEIR_FIELD(key, key));
typedef struct value {
    int64_t value, at;
} value;
WEIR_ROW(value, WEIR_FIELD(value, value), WEIR_FIELD(value, at, .as = WEIR_EVENT_TIME));
typedef struct state {
    int64_t total;
    weir_text last;
} state;
WEIR_ROW(state, WEIR_FIELD(state, total), WEIR_FIELD(state, last));
typedef struct total {
    int64_t total;
    weir_text last;
} total;
WEIR_ROW(total, WEIR_FIELD(total, total), WEIR_FIELD(total, last));

static weir_status process(weir_call *call, const void *row) {
    const value *in = row;
    const state *before = weir_state(call);
    char text[32];
    snprintf(text, sizeof text, "%d", (int)in->value);
    state now = {(before ? before->total : 0) + in->value, weir_text_of(text)};
    weir_set_state(call, &now);
    weir_set_timer(call, WEIR_WATERMARK, in->at + 10);
    if (in->value == 13) weir_delete_timer(call, WEIR_WATERMARK, in->at + 10);
    weir_set_timer(call, WEIR_WALL_CLOCK, weir_processing_time(call) + 1000);
    int64_t watermark;
    if (in->value == 50 && weir_watermark(call, &watermark)) return weir_refuse(call, "the watermark is %d", (int)watermark);
    weir_emit(call, &(total){now.total, before ? before->last : WEIR_LITERAL("-")});
    if (in->value < 0) return weir_refuse(call, "value is %d", (int)in->value);
    if (in->value == 100) weir_clear_state(call);
    return WEIR_OK;
}

static weir_status on_timer(weir_call *call, weir_timer timer) {
    const key *of = weir_key(call);
    if (timer.clock == WEIR_WALL_CLOCK) return weir_refuse(call, "no alarm of %.*s", (int)of->key.size, of->key.data);
    const state *now = weir_state(call);
    weir_emit(call, &(total){now ? now->total : -1, of->key});
    weir_clear_state(call);
    return WEIR_OK;
}

static const weir_operator op = {
    .key = &key_row,
    .inputs = {{.row = &value_row, .process = process}},
    .outputs = {{.row = &total_row, .keep = {{.column = "key"}}}},
    .state = &state_row,
    .on_timer = on_timer,
};

int main(void) {
    const weir_text a = WEIR_LITERAL("a"), b = WEIR_LITERAL("b");
    weir_test *test = weir_test_open(&op, NULL, (weir_given){.row = &given_row, .key_by = {"key"}});
    WEIR_EXPECT(!weir_test_error(test));
    const given rows[] = {{a, 1, 0}, {b, 5, 1}, {a, -2, 2}, {a, 3, 3}, {b, 13, 4}, {b, 100, 5}};
    weir_test_process(test, rows, 6);
    size_t count;
    const total *seen = weir_test_output(test, "main", &total_row, &count);
    WEIR_EXPECT(count == 5 && seen[2].total == 4 && weir_text_equal(seen[2].last, WEIR_LITERAL("1")) && seen[4].total == 118);
    EXPECT_REFUSED(test, 2, "value is -2");
    const state *of_a = weir_test_state(test, &rows[0]);
    WEIR_EXPECT(of_a && of_a->total == 4 && weir_text_equal(of_a->last, WEIR_LITERAL("3")));
    WEIR_EXPECT(!weir_test_state(test, &rows[1]) && weir_test_state_count(test) == 1);
    const weir_timer *timers = weir_test_timers(test, &count);
    // Of a at 10 and 13 (not at 12: that row was refused), of b at 11 and 15 (14 was deleted), and one alarm each.
    WEIR_EXPECT(count == 6 && timers[0].time == 10 && timers[1].time == 11 && timers[2].time == 13 && timers[3].time == 15);

    weir_test_advance(test, WEIR_WATERMARK, 12);
    seen = weir_test_output(test, "main", &total_row, &count);
    WEIR_EXPECT(count == 2 && seen[0].total == 4 && weir_text_equal(seen[0].last, a) && seen[1].total == -1 &&
                weir_text_equal(seen[1].last, b));
    WEIR_EXPECT(weir_test_state_count(test) == 0);
    weir_test_process(test, &(given){a, 50, 20}, 1);
    EXPECT_REFUSED(test, 0, "the watermark is 12");
    weir_test_advance(test, WEIR_WALL_CLOCK, 1000);
    const weir_refusal *refused = weir_test_refused(test, &count);
    WEIR_EXPECT(count == 2);
    EXPECT_TEXT(refused[0].reason, "no alarm of a");
    EXPECT_TEXT(refused[1].reason, "no alarm of b");
    weir_test_timers(test, &count);
    WEIR_EXPECT(count == 2);
    // Without a migration all columns of another version must be there.
    const state old[] = {{1, a}};
    weir_test_migrate(test, 2, &given_row, rows, rows, 1);
    WEIR_EXPECT(!strncmp(weir_test_error(test), "there is no migration from version 2 of the state, and its columns do not fit: there is no column", 97));
    weir_test_migrate(test, 2, &state_row, old, rows, 1);
    WEIR_EXPECT(!weir_test_error(test) && weir_test_state_count(test) == 1);
    weir_test_close(test);

    // The key that the operator looks at is none that the rows are keyed by.
    test = weir_test_open(&op, NULL, (weir_given){.row = &given_row, .key_by = {"value"}});
    EXPECT_TEXT(weir_test_error(test), "among the columns that the input is keyed by: there is no column \"key\" (utf8), which "
                                       "the operator reads; the input has value: int64");
    weir_test_close(test);
    return weir_test_end();
}
