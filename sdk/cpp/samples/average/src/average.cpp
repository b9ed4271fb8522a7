// The weighted average of a window. What it means is written in tests/conformance/README.md, for all languages.
#include <weir/weir.hpp>

// What it reads, from columns that the configuration names.
struct Weighted {
    std::optional<weir::Number> value, weight;
};
WEIR_COLUMNS(Weighted, WEIR_COLUMN(value, .column_from = "value"), WEIR_COLUMN(weight, .column_from = "weight"));

struct Sums {
    double sum, weight;
    std::int64_t rows;
};
WEIR_COLUMNS(Sums, WEIR_COLUMN(sum), WEIR_COLUMN(weight), WEIR_COLUMN(rows));

struct Averages {
    std::optional<double> average;
};
WEIR_COLUMNS(Averages, WEIR_COLUMN(average));

// The names of two columns are the configuration.
struct Average {
    std::string_view value, weight;

    static constexpr const char *title = "A weighted average";
    static constexpr std::tuple outputs{weir::Output<Averages>()};
    using State = Sums;

    weir::Result accumulate(Sums &sums, const Weighted &row, weir::Call<Average> &call) const {
        if (!row.value || !row.weight) return weir::ok;
        if (row.weight->value < 0) return call.refuse("the weight is negative");
        sums.sum += row.value->value * row.weight->value;
        sums.weight += row.weight->value;
        sums.rows++;
        return weir::ok;
    }

    void merge(Sums &sums, const Sums &other) const {
        sums.sum += other.sum;
        sums.weight += other.weight;
        sums.rows += other.rows;
    }

    Averages finish(const Sums &sums) const { return {sums.weight == 0 ? std::nullopt : std::optional(sums.sum / sums.weight)}; }
};
WEIR_COLUMNS(Average, WEIR_COLUMN(value), WEIR_COLUMN(weight));
WEIR_AGGREGATE(Average);
