// The operator itself is part of its test, with all that is static in it.
#include "../src/operator.c"

#include <weir/testing.h>

int main(void) {
    weir_test *test = weir_test_open(&spreads, "{\"unit-minutes\": 20}", (weir_given){.row = &flight_row});
    const flight flights[] = {{30, true}, {0, false}, {-10, true}, {20, true}};
    // It does not matter how the rows are cut.
    for (size_t cut = 0; cut <= 4; cut++) {
        const spread *result = weir_test_aggregate(test, flights, 4, cut);
        WEIR_EXPECT(result->has_spread && result->spread == 2.0);
    }
    weir_test_close(test);
    return weir_test_end();
}
