// Values of columns in C++. Text and bytes are views: what they show lives until the end of the call, or as long as a literal.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <optional>
#include <span>
#include <string_view>
#include <tuple>

extern "C" {
#include "../weir.h"
}

namespace weir {

using Bytes = std::span<const std::uint8_t>;
// The items of a list.
template <class T>
using List = std::span<const T>;

// Days since 1970-01-01.
struct Date {
    std::int32_t days = 0;
    auto operator<=>(const Date &) const = default;
};

// An instant in UTC, counted since 1970 in one unit. A column of a coarser unit can be read.
template <weir_kind Kind>
struct Instant {
    std::int64_t count = 0;
    auto operator<=>(const Instant &) const = default;
};
using Timestamp = Instant<WEIR_TIMESTAMP>; // microseconds
using TimestampSeconds = Instant<WEIR_TIMESTAMP_S>;
using TimestampMillis = Instant<WEIR_TIMESTAMP_MS>;
using TimestampNanos = Instant<WEIR_TIMESTAMP_NS>;
// No column, but the row's event time, in microseconds.
using EventTime = Instant<WEIR_EVENT_TIME>;

// No column, but the kind of the row.
enum class RowKind : std::uint8_t { insert, update_before, update_after, erase };

// A number without its point: 12.34 at scale 2 is 1234, in `value.low` and `value.high`.
template <int Precision, int Scale>
struct Decimal {
    weir_decimal value{};
    bool operator==(const Decimal &other) const { return value.low == other.value.low && value.high == other.value.high; }
};

// A number of any integer or float column, the nearest one.
struct Number {
    double value = 0;
};

inline std::string_view view(weir_text text) { return {text.data, text.size}; }
inline weir_text text(std::string_view view) { return {view.data(), view.size()}; }

} // namespace weir
