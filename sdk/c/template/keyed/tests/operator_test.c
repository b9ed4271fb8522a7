// The operator itself is part of its test, with all that is static in it.
#include "../src/operator.c"

#include <weir/testing.h>

// What comes in.
typedef struct given {
    weir_text carrier;
    int64_t dep_delay;
    int64_t departed;
} given;
WEIR_ROW(given, WEIR_FIELD(given, carrier), WEIR_FIELD(given, dep_delay), WEIR_FIELD(given, departed, .as = WEIR_EVENT_TIME));

typedef struct seen {
    weir_text carrier;
    int64_t dep_delay;
    int64_t jump;
} seen;
WEIR_ROW(seen, WEIR_FIELD(seen, carrier), WEIR_FIELD(seen, dep_delay), WEIR_FIELD(seen, jump));

typedef struct carrier {
    weir_text carrier;
} carrier;
WEIR_ROW(carrier, WEIR_FIELD(carrier, carrier));

int main(void) {
    const weir_text UA = WEIR_LITERAL("UA"), AA = WEIR_LITERAL("AA");
    weir_test *test = weir_test_open(&jumps, "{\"minutes\": 30, \"silence-minutes\": 60}",
                                     (weir_given){.row = &given_row, .key_by = {"carrier"}});
    const given flights[] = {{UA, 0, 0}, {AA, 5, 0}, {UA, 40, 10 * MINUTE}, {AA, 6, 10 * MINUTE}};
    weir_test_process(test, flights, 4);

    size_t count;
    const seen *main_rows = weir_test_output(test, "main", &seen_row, &count);
    WEIR_EXPECT(count == 1 && weir_text_equal(main_rows[0].carrier, UA));
    WEIR_EXPECT(main_rows[0].dep_delay == 40 && main_rows[0].jump == 40);

    weir_test_advance(test, WEIR_WATERMARK, 70 * MINUTE);
    const carrier *silent = weir_test_output(test, "silent", &carrier_row, &count);
    WEIR_EXPECT(count == 2 && weir_text_equal(silent[0].carrier, UA) && weir_text_equal(silent[1].carrier, AA));
    WEIR_EXPECT(weir_test_state_count(test) == 0);

    weir_test_close(test);
    return weir_test_end();
}
