// A keyed counter with a state, timers, a map and a migration of its state. What it means is written in tests/conformance/README.md,
// for all languages.
#include <weir/weir.hpp>

struct Value {
    std::optional<std::string_view> word;
    std::int64_t value;
    weir::EventTime at;
};
WEIR_COLUMNS(Value, WEIR_COLUMN(word), WEIR_COLUMN(value), WEIR_COLUMN(at));

// What is kept per key.
struct Total {
    std::uint64_t count;
    std::int64_t total;
    std::optional<weir::Timestamp> due, alarm;
};
WEIR_COLUMNS(Total, WEIR_COLUMN(count), WEIR_COLUMN(total), WEIR_COLUMN(due), WEIR_COLUMN(alarm));

// What version 1 kept.
struct Version1 {
    std::uint32_t count;
};
WEIR_COLUMNS(Version1, WEIR_COLUMN(count));

// An entry of the map `words`.
struct Word {
    std::string_view word;
};
WEIR_COLUMNS(Word, WEIR_COLUMN(word));

struct Times {
    std::int64_t times;
};
WEIR_COLUMNS(Times, WEIR_COLUMN(times));

// The main output, and the side outputs `summary` and `alarm`.
struct Counted {
    std::uint64_t count;
    std::int64_t total;
    std::optional<std::int64_t> times;
};
WEIR_COLUMNS(Counted, WEIR_COLUMN(count), WEIR_COLUMN(total), WEIR_COLUMN(times));

struct Summary {
    std::uint64_t count;
    std::int64_t words;
    std::optional<std::string_view> first;
};
WEIR_COLUMNS(Summary, WEIR_COLUMN(count), WEIR_COLUMN(words), WEIR_COLUMN(first));

struct Alarm {
    std::uint64_t count;
};
WEIR_COLUMNS(Alarm, WEIR_COLUMN(count));

struct Counter {
    std::int64_t gap_seconds;
    std::optional<std::int64_t> alarm_seconds;
    std::optional<std::int64_t> total_max;

    static constexpr const char *title = "A counter per key";
    static constexpr std::tuple outputs{
        weir::Output<Counted>().keep_all(),
        weir::Output<Summary>("summary").keep("key"),
        weir::Output<Alarm>("alarm").keep("key"),
    };
    using State = Total;
    static constexpr std::uint32_t version = 2;
    static constexpr std::tuple versions{weir::Version<Version1>{1}};
    static constexpr weir::Map<Word, Times> words{0, "words"};
    static constexpr std::tuple maps{words};
    static constexpr std::size_t words_max = 1000;
    using Call = weir::Call<Counter>;

    weir::Result check(Call &call) const {
        if (gap_seconds < 1) return call.refuse("`gap-seconds` is at least 1");
        if (alarm_seconds && *alarm_seconds < 1) return call.refuse("`alarm-seconds` is at least 1");
        return weir::ok;
    }

    void prefetch(const Value &row, Call &call) const {
        if (row.word) call.prefetch(words, {*row.word});
    }

    weir::Result process(const Value &row, Call &call) const {
        auto found = call.state();
        if (found && found->due && found->due->count <= row.at.count) {
            summarize(*found, call);
            found = std::nullopt;
        }
        Total now = found.value_or(Total{});
        if (!found && alarm_seconds) {
            if (after(call.processing_time(), *alarm_seconds, "alarm", now.alarm, call)) return WEIR_REFUSED;
            call.set_timer(WEIR_WALL_CLOCK, now.alarm->count);
        }
        if (__builtin_add_overflow(now.count, 1, &now.count)) return call.refuse("count is out of range");
        if (__builtin_add_overflow(now.total, row.value, &now.total)) return call.refuse("total is out of range");
        std::optional<std::int64_t> times;
        if (row.word) {
            times = call.get(words, {*row.word}).value_or(Times{0}).times + 1;
            call.put(words, {*row.word}, {*times});
        }
        if (row.value < 0) return call.refuse("value is %lld", static_cast<long long>(row.value));
        auto before = now.due;
        if (after(row.at.count, gap_seconds, "due", now.due, call)) return WEIR_REFUSED;
        if (before) call.delete_timer(WEIR_WATERMARK, before->count);
        call.set_timer(WEIR_WATERMARK, now.due->count);
        call.set_state(now);
        call.emit(Counted{now.count, now.total, times});
        return weir::ok;
    }

    weir::Result on_timer(weir_timer timer, Call &call) const {
        auto now = call.state();
        if (!now) return weir::ok;
        auto total = now->total;
        weir::Timestamp time{timer.time};
        if (timer.clock == WEIR_WATERMARK && now->due == time) {
            summarize(*now, call);
        } else if (timer.clock == WEIR_WALL_CLOCK && now->alarm == time) {
            call.emit(Alarm{now->count});
            now->alarm = std::nullopt;
            call.set_state(*now);
        }
        if (total_max && total > *total_max) return call.refuse("total is %lld", static_cast<long long>(total));
        return weir::ok;
    }

    Total migrate(const Version1 &old) const { return {.count = old.count}; }

private:
    // So many seconds later.
    static weir::Result after(std::int64_t time, std::int64_t seconds, const char *name, std::optional<weir::Timestamp> &later,
                              Call &call) {
        std::int64_t micros, sum;
        if (__builtin_mul_overflow(seconds, 1'000'000, &micros) || __builtin_add_overflow(time, micros, &sum))
            return call.refuse("%s is out of range", name);
        later = weir::Timestamp{sum};
        return weir::ok;
    }

    // Emits what is known of a key, and forgets it.
    static void summarize(const Total &of, Call &call) {
        if (of.due) call.delete_timer(WEIR_WATERMARK, of.due->count);
        if (of.alarm) call.delete_timer(WEIR_WALL_CLOCK, of.alarm->count);
        auto found = call.scan(words, {}, words_max);
        for (const auto &entry : found) call.remove(words, entry.key);
        Summary out{.count = of.count, .words = static_cast<std::int64_t>(found.size())};
        if (!found.empty()) out.first = found[0].key.word;
        call.emit(out);
        call.clear_state();
    }
};
WEIR_COLUMNS(Counter, WEIR_COLUMN(gap_seconds), WEIR_COLUMN(alarm_seconds), WEIR_COLUMN(total_max));
WEIR_KEYED(Counter);
