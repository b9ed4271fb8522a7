// The operator itself is part of its test, with all that is static in it.
#include "../src/operator.c"

#include <weir/testing.h>

// What goes out: a column that is kept, and the one that is computed.
typedef struct seen {
    int64_t dep_delay;
    bool late;
} seen;
WEIR_ROW(seen, WEIR_FIELD(seen, dep_delay), WEIR_FIELD(seen, late));

int main(void) {
    weir_test *test = weir_test_open(&classify, "{\"late-after-minutes\": 15}", (weir_given){.row = &flight_row});
    const flight flights[] = {{20, true}, {0, false}, {-3, true}, {-2000, true}};
    weir_test_process(test, flights, 4);

    size_t count;
    const seen *main_rows = weir_test_output(test, "main", &seen_row, &count);
    WEIR_EXPECT(count == 2);
    WEIR_EXPECT(main_rows[0].dep_delay == 20 && main_rows[0].late);
    WEIR_EXPECT(main_rows[1].dep_delay == -3 && !main_rows[1].late);

    const weir_refusal *refused = weir_test_refused(test, &count);
    WEIR_EXPECT(count == 1 && refused[0].row == 3);
    WEIR_EXPECT(strcmp(refused[0].reason, "it left 2000 minutes before its time") == 0);

    weir_test_close(test);
    return weir_test_end();
}
