// Emits a flight when its delay is far from that of the last flight of its carrier, and says so when a carrier has been silent.
#include <weir/weir.hpp>

constexpr std::int64_t MINUTE = 60'000'000;

// The columns that it reads, by name, and the event time.
struct Flight {
    std::int64_t dep_delay;
    weir::EventTime departed;
};
WEIR_COLUMNS(Flight, WEIR_COLUMN(dep_delay), WEIR_COLUMN(departed));

// What is kept per carrier, between batches and over restarts.
struct Last {
    std::int64_t dep_delay;
    weir::Timestamp silent_at;
};
WEIR_COLUMNS(Last, WEIR_COLUMN(dep_delay), WEIR_COLUMN(silent_at));

struct Jump {
    std::int64_t jump;
};
WEIR_COLUMNS(Jump, WEIR_COLUMN(jump));

// It computes nothing.
struct Silent {};
WEIR_COLUMNS(Silent);

// The members are the configuration. In the pipeline file: config = { minutes = 30, silence-minutes = 120 }, and key-by = ["carrier"]
struct Jumps {
    std::int64_t minutes, silence_minutes;

    static constexpr const char *title = "{{name}}";
    static constexpr std::tuple outputs{
        // All columns of the input, and `jump`.
        weir::Output<Jump>().keep_all(),
        // The side output has only the carrier.
        weir::Output<Silent>("silent").keep("carrier"),
    };
    using State = Last;

    weir::Result process(const Flight &flight, weir::Call<Jumps> &call) const {
        auto before = call.state();
        std::int64_t silent_at = flight.departed.count + silence_minutes * MINUTE;
        call.set_state(Last{flight.dep_delay, {silent_at}});
        call.set_timer(WEIR_WATERMARK, silent_at);
        if (!before) return weir::ok;
        if (before->silent_at.count != silent_at) call.delete_timer(WEIR_WATERMARK, before->silent_at.count);
        std::int64_t jump = flight.dep_delay - before->dep_delay;
        if (before->silent_at.count < flight.departed.count) {
            // The timer is due, but timers fire after the batch: this row came first.
            call.emit(Silent{});
        } else if (jump >= minutes || jump <= -minutes) {
            call.emit(Jump{jump});
        }
        return weir::ok;
    }

    weir::Result on_timer(weir_timer, weir::Call<Jumps> &call) const {
        call.clear_state();
        call.emit(Silent{});
        return weir::ok;
    }
};
WEIR_COLUMNS(Jumps, WEIR_COLUMN(minutes), WEIR_COLUMN(silence_minutes));
WEIR_KEYED(Jumps);
