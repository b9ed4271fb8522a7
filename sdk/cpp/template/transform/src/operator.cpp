// Says of each flight whether it left late, and leaves out those that never left.
#include <weir/weir.hpp>

// The columns that it reads, by name. More columns may come; they cost nothing.
struct Flight {
    std::optional<std::int64_t> dep_delay;
};
WEIR_COLUMNS(Flight, WEIR_COLUMN(dep_delay));

// The column that it computes.
struct Classified {
    bool late;
};
WEIR_COLUMNS(Classified, WEIR_COLUMN(late));

// The members are the configuration. In the pipeline file: config = { late-after-minutes = 15 }
struct Classify {
    std::int64_t late_after_minutes;

    static constexpr const char *title = "{{name}}";
    // All columns of the input, and `late`.
    static constexpr std::tuple outputs{weir::Output<Classified>().keep_all()};

    weir::Result process(const Flight &flight, weir::Call<Classify> &call) const {
        if (!flight.dep_delay) return weir::ok;
        if (*flight.dep_delay < -24 * 60) {
            // `on-error` in the pipeline file says what happens to this row.
            return call.refuse("it left %lld minutes before its time", -static_cast<long long>(*flight.dep_delay));
        }
        call.emit(Classified{.late = *flight.dep_delay > late_after_minutes});
        return weir::ok;
    }
};
WEIR_COLUMNS(Classify, WEIR_COLUMN(late_after_minutes));
WEIR_TRANSFORM(Classify);
