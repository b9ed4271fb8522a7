// How far the delays of a window's flights lie apart, in a unit of so many minutes.
#include <algorithm>
#include <weir/weir.hpp>

// The columns that it reads, by name.
struct Flight {
    std::optional<std::int64_t> dep_delay;
};
WEIR_COLUMNS(Flight, WEIR_COLUMN(dep_delay));

// What is kept per group while its window is open; it starts with zeros and nulls.
struct Extremes {
    std::optional<std::int64_t> least, greatest;
};
WEIR_COLUMNS(Extremes, WEIR_COLUMN(least), WEIR_COLUMN(greatest));

// The result column.
struct Width {
    std::optional<double> spread;
};
WEIR_COLUMNS(Width, WEIR_COLUMN(spread));

// The members are the configuration. In the pipeline file:
// aggregates.delays = { component = "...", columns = ["dep_delay"], config = { unit-minutes = 60 } }
struct Spread {
    std::int64_t unit_minutes;

    static constexpr const char *title = "{{name}}";
    static constexpr std::tuple outputs{weir::Output<Width>()};
    using State = Extremes;

    weir::Result accumulate(Extremes &extremes, const Flight &flight, weir::Call<Spread> &) const {
        merge(extremes, {flight.dep_delay, flight.dep_delay});
        return weir::ok;
    }

    // The host aggregates parts of a group on their own: merging them must give what all their rows at once would give.
    void merge(Extremes &extremes, const Extremes &other) const {
        if (other.least) extremes.least = std::min(*other.least, extremes.least.value_or(*other.least));
        if (other.greatest) extremes.greatest = std::max(*other.greatest, extremes.greatest.value_or(*other.greatest));
    }

    Width finish(const Extremes &extremes) const {
        if (!extremes.least) return {};
        return {static_cast<double>(*extremes.greatest - *extremes.least) / static_cast<double>(unit_minutes)};
    }
};
WEIR_COLUMNS(Spread, WEIR_COLUMN(unit_minutes));
WEIR_AGGREGATE(Spread);
