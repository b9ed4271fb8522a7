// Says how late a flight left: it is early, on time, late or very late.
#include <weir/weir.hpp>

// What it reads: minutes.
struct Flight {
    std::int64_t dep_delay;
};
WEIR_COLUMNS(Flight, WEIR_COLUMN(dep_delay));

// What it computes.
struct Classified {
    std::string_view delay_class;
};
WEIR_COLUMNS(Classified, WEIR_COLUMN(delay_class));

// The members are the configuration.
struct DelayClass {
    std::int64_t late_after_minutes, very_late_after_minutes;

    static constexpr const char *title = "How late a flight left";
    // The flight as it is, and its class.
    static constexpr std::tuple outputs{weir::Output<Classified>().keep_all()};

    weir::Result process(const Flight &flight, weir::Call<DelayClass> &call) const {
        call.emit(Classified{class_of(flight.dep_delay)});
        return weir::ok;
    }

    std::string_view class_of(std::int64_t minutes) const {
        if (minutes > very_late_after_minutes) return "very late";
        if (minutes > late_after_minutes) return "late";
        return minutes < 0 ? "early" : "on time";
    }
};
WEIR_COLUMNS(DelayClass, WEIR_COLUMN(late_after_minutes), WEIR_COLUMN(very_late_after_minutes));
WEIR_TRANSFORM(DelayClass);
