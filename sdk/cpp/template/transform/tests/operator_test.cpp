// The operator itself is part of its test.
#include "../src/operator.cpp"

#include <weir/testing.hpp>

// What goes out: a column that is kept, and the one that is computed.
struct Seen {
    std::int64_t dep_delay;
    bool late;
    bool operator==(const Seen &) const = default;
};
WEIR_COLUMNS(Seen, WEIR_COLUMN(dep_delay), WEIR_COLUMN(late));

int main() {
    weir::Test<Classify, Flight> test(R"({"late-after-minutes": 15})");
    test.process({{20}, {std::nullopt}, {-3}, {-2000}});
    WEIR_EXPECT((test.output<Seen>("main") == std::vector<Seen>{{20, true}, {-3, false}}));
    auto refused = test.refused();
    WEIR_EXPECT(refused.size() == 1 && refused[0].first == 3);
    WEIR_EXPECT(refused[0].second == "it left 2000 minutes before its time");
    return weir_test_end();
}
