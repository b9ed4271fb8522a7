// The operator itself is part of its test.
#include "../src/operator.cpp"

#include <weir/testing.hpp>

// What comes in.
struct Given {
    std::string_view carrier;
    std::int64_t dep_delay;
    weir::EventTime departed;
};
WEIR_COLUMNS(Given, WEIR_COLUMN(carrier), WEIR_COLUMN(dep_delay), WEIR_COLUMN(departed));

struct Seen {
    std::string_view carrier;
    std::int64_t dep_delay, jump;
    bool operator==(const Seen &) const = default;
};
WEIR_COLUMNS(Seen, WEIR_COLUMN(carrier), WEIR_COLUMN(dep_delay), WEIR_COLUMN(jump));

struct Carrier {
    std::string_view carrier;
    bool operator==(const Carrier &) const = default;
};
WEIR_COLUMNS(Carrier, WEIR_COLUMN(carrier));

int main() {
    weir::Test<Jumps, Given> test(R"({"minutes": 30, "silence-minutes": 60})", {"carrier"});
    test.process({{"UA", 0, {0}}, {"AA", 5, {0}}, {"UA", 40, {10 * MINUTE}}, {"AA", 6, {10 * MINUTE}}});
    WEIR_EXPECT((test.output<Seen>("main") == std::vector<Seen>{{"UA", 40, 40}}));

    test.advance(WEIR_WATERMARK, 70 * MINUTE);
    WEIR_EXPECT((test.output<Carrier>("silent") == std::vector<Carrier>{{"UA"}, {"AA"}}));
    WEIR_EXPECT(test.state_count() == 0);
    return weir_test_end();
}
