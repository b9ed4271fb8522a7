// The C++ header: values of every kind through a transform, several inputs, columns, maps, and what is refused.
#include <weir/testing.hpp>

using Tags = weir::List<std::string_view>;

struct Point {
    std::int32_t x;
    std::optional<std::string_view> label;
    bool operator==(const Point &) const = default;
};
WEIR_COLUMNS(Point, WEIR_COLUMN(x), WEIR_COLUMN(label));

struct Row {
    std::int64_t price;
    std::optional<double> rate;
    Tags tags;
    std::optional<Point> point;
    weir::Decimal<5, 2> amount;
    weir::Timestamp at;
};
WEIR_COLUMNS(Row, WEIR_COLUMN(price), WEIR_COLUMN(rate), WEIR_COLUMN(tags), WEIR_COLUMN(point), WEIR_COLUMN(amount),
             WEIR_COLUMN(at));

struct Tagged {
    std::string_view tag;
    std::optional<Point> point;
    weir::EventTime time;
};
WEIR_COLUMNS(Tagged, WEIR_COLUMN(tag), WEIR_COLUMN(point), WEIR_COLUMN(time, .column = nullptr));

struct Cheap {};
WEIR_COLUMNS(Cheap);

struct Tagger {
    std::int64_t price_min;
    std::string_view prefix;
    Tags stops;

    static constexpr std::tuple outputs{weir::Output<Tagged>().keep("price", "cents"),
                                        weir::Output<Cheap>("cheap").keep_all().drop("tags")};

    weir::Result check(weir::Call<Tagger> &call) const {
        return price_min < 0 ? call.refuse("`price-min` is at least 0") : weir::ok;
    }

    weir::Result process(const Row &row, weir::Call<Tagger> &call) const {
        if (row.price < price_min) call.emit(Cheap{});
        std::string tag; // on the stack and the heap: what is emitted is copied
        for (auto text : row.tags) {
            if (!stops.empty() && text == stops[0]) continue;
            tag = std::string(prefix) + std::string(text);
            call.emit(Tagged{tag, row.point, {row.at.count + 1}});
        }
        if (row.price == 13) return call.refuse("the price is %d", 13);
        return weir::ok;
    }
};
WEIR_COLUMNS(Tagger, WEIR_COLUMN(price_min), WEIR_COLUMN(prefix, .fallback = "\"#\"", .doc = "What stands before a tag"),
             WEIR_COLUMN(stops, .fallback = "[]"));

struct Seen {
    std::int64_t cents;
    std::string_view tag;
    std::optional<Point> point;
    weir::EventTime time;
};
WEIR_COLUMNS(Seen, WEIR_COLUMN(cents), WEIR_COLUMN(tag), WEIR_COLUMN(point), WEIR_COLUMN(time));
struct Price {
    std::int64_t price;
};
WEIR_COLUMNS(Price, WEIR_COLUMN(price));

static void rows() {
    weir::Test<Tagger, Row> test(R"({"price-min": 5})");
    WEIR_EXPECT(test.error() == "");
    std::vector<std::string_view> tags{"a", "b"};
    Point point{7, "p"};
    test.process({{1, {}, tags, point, {weir_decimal_of(5)}, {99}}, {13, 1.5, tags, {}, {}, {}}, {20, {}, {}, {}, {}, {}}});
    auto seen = test.output<Seen>("main");
    WEIR_EXPECT(seen.size() == 2 && seen[0].cents == 1 && seen[0].tag == "#a" && seen[1].tag == "#b");
    WEIR_EXPECT(seen[0].point == point && seen[0].time.count == 100);
    WEIR_EXPECT(test.output<Price>("cheap").size() == 1);
    WEIR_EXPECT(test.refused().size() == 1 && test.refused()[0].second == "the price is 13");
    using Wrong = weir::Test<Tagger, Price>;
    WEIR_EXPECT(Wrong(R"({"price-min": -1})").error() == "config: `price-min` is at least 0");
    WEIR_EXPECT(Wrong(R"({"price-min": 1, "prefx": "x"})").error() ==
                "config: unknown field `prefx`, expected one of `price-min`, `prefix`, `stops`");
    // A list of the configuration is there in every call.
    weir::Test<Tagger, Row> stopped(R"({"price-min": 5, "stops": ["b"]})");
    for (int i = 0; i < 3; i++) {
        stopped.process({{20, {}, tags, {}, {}, {}}, {20, {}, tags, {}, {}, {}}});
        WEIR_EXPECT(stopped.output<Seen>("main").size() == 2);
    }
    WEIR_EXPECT(
        Wrong(R"({"price-min": 1})").error().starts_with("there is no column \"rate\" (float64), which the operator reads"));
}

struct Double {
    static constexpr std::tuple outputs{weir::Output<Price>().keep_all()};

    weir::Result process_columns(const weir::Batch<Price> &batch, weir::Call<Double> &call) const {
        auto price = batch.values<&Price::price>();
        auto out = call.emit_columns<Price>(batch.rows()).values<&Price::price>();
        for (std::size_t i = 0; i < price.size(); i++) {
            if (price[i] < 0) call.refuse_row(static_cast<std::uint32_t>(i), "%d", static_cast<int>(price[i]));
            out[i] = price[i] * 2;
            const std::uint32_t from[] = {0};
            if (price[i] == 1000) call.emit_columns<Price>(2, from);
        }
        return weir::ok;
    }
};
WEIR_COLUMNS(Double);

static void columns() {
    weir::Test<Double, Price> test;
    test.process({{1}, {-2}, {3}});
    auto seen = test.output<Price>("main");
    WEIR_EXPECT(seen.size() == 2 && seen[0].price == 2 && seen[1].price == 6);
    WEIR_EXPECT(test.refused().size() == 1 && test.refused()[0].second == "-2");
    test.process({{1000}, {1}});
    WEIR_EXPECT(test.error() == "2 rows are emitted, and 1 are named that they come from");
}

struct Word {
    std::string_view word;
};
WEIR_COLUMNS(Word, WEIR_COLUMN(word));
struct Count {
    std::int64_t count;
};
WEIR_COLUMNS(Count, WEIR_COLUMN(count));
struct Visit {
    std::string_view user;
    std::string_view word;
};
WEIR_COLUMNS(Visit, WEIR_COLUMN(user), WEIR_COLUMN(word));
struct User {
    std::string_view user;
};
WEIR_COLUMNS(User, WEIR_COLUMN(user));
struct Words {
    std::string_view words;
};
WEIR_COLUMNS(Words, WEIR_COLUMN(words));

struct Visits {
    static constexpr std::tuple outputs{weir::Output<Words>()};
    static constexpr weir::Map<Word, Count> counts{0, "counts"};
    static constexpr weir::Map<Word> seen{1, "seen"};
    static constexpr std::tuple maps{counts, seen};
    using Key = User;

    weir::Result process(const Word &row, weir::Call<Visits> &call) const {
        auto before = call.get(counts, row);
        call.put(counts, row, {before ? before->count + 1 : 1});
        if (call.get(seen, row)) call.remove(counts, row);
        call.put(seen, row);
        std::string_view words = call.key().user;
        for (const auto &entry : call.scan(counts, {.after = Word{"a"}}, 10))
            words = call.concat(words, call.format(" %.*s=%d", static_cast<int>(entry.key.word.size()), entry.key.word.data(),
                                                   static_cast<int>(entry.value.count)));
        call.emit(Words{words});
        return weir::ok;
    }
};
WEIR_COLUMNS(Visits);

static void maps() {
    weir::Test<Visits, Visit> test("", {"user"});
    WEIR_EXPECT(test.error() == "");
    test.process({{"u", "c"}, {"u", "b"}, {"v", "d"}, {"u", "a"}, {"u", "c"}});
    auto seen = test.output<Words>("main");
    WEIR_EXPECT(seen.size() == 5 && seen[1].words == "u b=1 c=1" && seen[2].words == "v d=1" && seen[4].words == "u b=1");
}

struct Join {
    static constexpr std::tuple outputs{weir::Output<Words>().keep("left.price")};
    weir::Result left(const Price &, weir::Call<Join> &call) const {
        call.emit(Words{"left"});
        return weir::ok;
    }
    weir::Result right(const Word &row, weir::Call<Join> &call) const {
        call.emit(Words{row.word});
        return weir::ok;
    }
    static constexpr std::tuple inputs{weir::input<&Join::left>("left"), weir::input<&Join::right>("right")};
};
WEIR_COLUMNS(Join);

static void several_inputs() {
    const weir_given inputs[] = {{&weir::detail::row<Price>, {}, "left"}, {&weir::detail::row<Word>, {}, "right"}};
    weir_test *test = weir_test_open_inputs(&weir::operator_of<Join>, "", inputs, 2);
    WEIR_EXPECT(!weir_test_error(test));
    weir_test_process_input(test, "right", weir::detail::Written<Word>({"x"}, nullptr).bytes, 1);
    std::size_t count;
    auto *rows = static_cast<const std::byte *>(weir_test_output(test, "main", &weir::detail::row<Words>, &count));
    WEIR_EXPECT(count == 1 && weir::detail::read_struct<Words>(rows).words == "x");
    weir_test_close(test);
}

int main() {
    rows();
    columns();
    maps();
    several_inputs();
    return weir_test_end();
}
