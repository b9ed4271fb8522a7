// What the cases of the conformance suite leave out: states of another version.
#include "../samples/counter/src/counter.c"

#include "expect.h"

typedef struct given {
    weir_text key;
    weir_text word;
    int64_t value, at;
} given;
WEIR_ROW(given, WEIR_FIELD(given, key), WEIR_FIELD(given, word), WEIR_FIELD(given, value),
         WEIR_FIELD(given, at, .as = WEIR_EVENT_TIME));
typedef struct seen {
    uint64_t count;
    int64_t total;
} seen;
WEIR_ROW(seen, WEIR_FIELD(seen, count), WEIR_FIELD(seen, total));
typedef struct odd {
    weir_text count;
} odd;
WEIR_ROW(odd, WEIR_FIELD(odd, count));

int main(void) {
    weir_test *test = weir_test_open(weir_exported, "{\"gap-seconds\": 10}", (weir_given){.row = &given_row, .key_by = {"key"}});
    WEIR_EXPECT(!weir_test_error(test));
    const given of[] = {{WEIR_LITERAL("a"), WEIR_LITERAL("w"), 4, 0}, {WEIR_LITERAL("b"), WEIR_LITERAL("w"), 1, 0}};
    const version1 old[] = {{41}, {1}};
    weir_test_migrate(test, 1, &version1_row, old, of, 2);
    WEIR_EXPECT(!weir_test_error(test) && weir_test_state_count(test) == 2);
    weir_test_process(test, of, 1);
    size_t count;
    const seen *rows = weir_test_output(test, "main", &seen_row, &count);
    WEIR_EXPECT(count == 1 && rows[0].count == 42 && rows[0].total == 4);
    weir_test_migrate(test, 3, &version1_row, old, of, 2);
    WEIR_EXPECT(!strncmp(weir_test_error(test), "there is no migration from version 3 of the state", 49));
    weir_test_migrate(test, 1, &odd_row, &(odd){WEIR_LITERAL("x")}, of, 1);
    EXPECT_TEXT(weir_test_error(test), "column \"count\" is utf8, not uint32");
    weir_test_close(test);
    return weir_test_end();
}
