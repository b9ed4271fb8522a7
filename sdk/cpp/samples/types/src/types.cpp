// All data types through a transform. What it means is written in tests/conformance/README.md, for all languages.
#include <limits>
#include <weir/weir.hpp>

struct Point {
    double x;
    std::optional<double> y;
};
WEIR_COLUMNS(Point, WEIR_COLUMN(x), WEIR_COLUMN(y));

struct Swapped {
    std::optional<double> x;
    double y;
};
WEIR_COLUMNS(Swapped, WEIR_COLUMN(x), WEIR_COLUMN(y));

using Money = weir::Decimal<12, 2>;
using Numbers = weir::List<std::optional<std::int64_t>>;

// A column of every type.
struct All {
    std::int64_t copies;
    std::optional<bool> flag;
    std::optional<std::int8_t> i8;
    std::optional<std::int16_t> i16;
    std::optional<std::int32_t> i32;
    std::optional<std::int64_t> i64;
    std::optional<std::uint8_t> u8;
    std::optional<std::uint16_t> u16;
    std::optional<std::uint32_t> u32;
    std::optional<std::uint64_t> u64;
    std::optional<float> f32;
    std::optional<double> f64;
    std::optional<std::string_view> text;
    std::optional<weir::Bytes> bytes;
    std::optional<weir::Date> day;
    std::optional<weir::TimestampSeconds> sec;
    std::optional<weir::TimestampMillis> milli;
    std::optional<weir::Timestamp> micro;
    std::optional<weir::TimestampNanos> nano;
    std::optional<Money> amount;
    std::optional<Numbers> numbers;
    std::optional<Point> point;
};
WEIR_COLUMNS(All, WEIR_COLUMN(copies), WEIR_COLUMN(flag), WEIR_COLUMN(i8), WEIR_COLUMN(i16), WEIR_COLUMN(i32), WEIR_COLUMN(i64),
             WEIR_COLUMN(u8), WEIR_COLUMN(u16), WEIR_COLUMN(u32), WEIR_COLUMN(u64), WEIR_COLUMN(f32), WEIR_COLUMN(f64),
             WEIR_COLUMN(text), WEIR_COLUMN(bytes), WEIR_COLUMN(day), WEIR_COLUMN(sec), WEIR_COLUMN(milli), WEIR_COLUMN(micro),
             WEIR_COLUMN(nano), WEIR_COLUMN(amount), WEIR_COLUMN(numbers), WEIR_COLUMN(point));

// The main output.
struct Copy {
    std::optional<std::string_view> text;
    std::optional<bool> not_flag;
    std::optional<std::int64_t> sum;
    std::optional<std::uint64_t> big;
    std::optional<std::int64_t> low;
    std::optional<double> half;
    std::optional<float> single;
    std::optional<std::int64_t> size;
    std::optional<weir::Bytes> raw;
    std::optional<weir::Date> next_day;
    std::optional<weir::TimestampSeconds> sec2;
    std::optional<weir::TimestampMillis> milli2;
    std::optional<weir::Timestamp> micro2;
    std::optional<weir::TimestampNanos> nano2;
    std::optional<Money> cents;
    std::optional<Numbers> reversed;
    std::optional<Swapped> swapped;
};
WEIR_COLUMNS(Copy, WEIR_COLUMN(text), WEIR_COLUMN(not_flag), WEIR_COLUMN(sum), WEIR_COLUMN(big), WEIR_COLUMN(low),
             WEIR_COLUMN(half), WEIR_COLUMN(single), WEIR_COLUMN(size), WEIR_COLUMN(raw), WEIR_COLUMN(next_day),
             WEIR_COLUMN(sec2), WEIR_COLUMN(milli2), WEIR_COLUMN(micro2), WEIR_COLUMN(nano2), WEIR_COLUMN(cents),
             WEIR_COLUMN(reversed), WEIR_COLUMN(swapped));

// The side output `none`.
struct NoCopies {
    std::string_view reason;
};
WEIR_COLUMNS(NoCopies, WEIR_COLUMN(reason));

// Of those that are there; null if none is.
static std::optional<std::int64_t> sum(const All &row) {
    std::optional<std::int64_t> sum;
    auto add = [&](auto addend) {
        if (addend) sum = sum.value_or(0) + *addend;
    };
    add(row.i8), add(row.i16), add(row.i32), add(row.u8), add(row.u16), add(row.u32);
    return sum;
}

// Rows with the text `drop` are dropped.
struct Types {
    std::optional<std::string_view> drop;

    static constexpr const char *title = "All data types";
    static constexpr std::tuple outputs{weir::Output<Copy>().keep_all(), weir::Output<NoCopies>("none")};

    weir::Result process(const All &row, weir::Call<Types> &call) const {
        if (row.copies < 0) return call.refuse("copies is %lld", static_cast<long long>(row.copies));
        if (drop && row.text == drop) return weir::ok;
        if (row.copies == 0) call.emit(NoCopies{"no copies"});
        if (row.day && row.day->days == std::numeric_limits<std::int32_t>::max()) return call.refuse("next_day is out of range");
        Copy out{.not_flag = row.flag,
                 .sum = sum(row),
                 .big = row.u64,
                 .low = row.i64,
                 .half = row.f64,
                 .single = row.f32,
                 .raw = row.bytes,
                 .next_day = row.day,
                 .sec2 = row.sec,
                 .milli2 = row.milli,
                 .micro2 = row.micro,
                 .nano2 = row.nano,
                 .cents = row.amount};
        if (out.not_flag) out.not_flag = !*row.flag;
        if (out.half) *out.half /= 2;
        if (row.bytes) out.size = row.bytes->size();
        if (out.next_day) out.next_day->days++;
        if (row.numbers) {
            auto reversed = call.alloc<std::optional<std::int64_t>>(row.numbers->size());
            for (std::size_t i = 0; i < reversed.size(); i++) reversed[i] = (*row.numbers)[reversed.size() - 1 - i];
            out.reversed = reversed;
        }
        if (row.point) out.swapped = Swapped{row.point->y, row.point->x};
        for (std::int64_t i = 0; i < row.copies; i++) {
            if (row.text) out.text = call.concat(*row.text, call.format("#%lld", static_cast<long long>(i)));
            call.emit(out);
        }
        return weir::ok;
    }
};
WEIR_COLUMNS(Types, WEIR_COLUMN(drop));
WEIR_TRANSFORM(Types);
