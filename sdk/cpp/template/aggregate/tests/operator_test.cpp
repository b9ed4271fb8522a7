// The operator itself is part of its test.
#include "../src/operator.cpp"

#include <weir/testing.hpp>

int main() {
    weir::Test<Spread, Flight> test(R"({"unit-minutes": 20})");
    // It does not matter how the rows are cut.
    for (std::size_t cut = 0; cut <= 4; cut++)
        WEIR_EXPECT(test.aggregate<Width>({{30}, {std::nullopt}, {-10}, {20}}, cut).spread == 2.0);
    return weir_test_end();
}
