// Runs operators in C++ natively, over rows, through the code that runs in the component. One test runs at a time.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "testing.h"
#include "weir.hpp"

namespace weir {

// An operator that is connected to rows `Given`.
template <class Op, class Given>
class Test {
public:
    // `config` is JSON; `key_by` names the columns that the rows are keyed by.
    explicit Test(const char *config = "", std::vector<const char *> key_by = {}) {
        weir_given given{};
        given.row = detail::row_pointer<Given>();
        for (std::size_t i = 0; i < key_by.size() && i < WEIR_KEYS_MAX; i++) given.key_by[i] = key_by[i];
        test_ = weir_test_open(&operator_of<Op>, config, given);
    }
    Test(const Test &) = delete;
    Test &operator=(const Test &) = delete;
    ~Test() { weir_test_close(test_); }

    // Why the operator was not connected, or why the last call failed as a whole; empty: neither.
    std::string error() const { return weir_test_error(test_) ? weir_test_error(test_) : ""; }

    // Processes a batch. The results of the calls before are gone with it.
    void process(const std::vector<Given> &rows) { weir_test_process(test_, plain(rows).data(), rows.size()); }
    // Moves a clock on, and runs the timers that are due by then.
    void advance(weir_clock clock, std::int64_t time) { weir_test_advance(test_, clock, time); }
    // Of an aggregate: the result of one group. The rows before `cut` and those from it on are aggregated on their own, then merged.
    template <class Result>
    Result aggregate(const std::vector<Given> &rows, std::size_t cut) {
        return read<Result>(weir_test_aggregate(test_, plain(rows).data(), rows.size(), cut));
    }

    // The rows of an output since the last call, as structs whose members are found by name.
    template <class Row>
    std::vector<Row> output(const char *name) const {
        std::size_t count;
        auto *rows = static_cast<const std::byte *>(weir_test_output(test_, name, &detail::row<Row>, &count));
        std::vector<Row> found;
        for (std::size_t i = 0; i < count; i++) found.push_back(detail::read_struct<Row>(rows + i * detail::plain_size<Row>()));
        return found;
    }

    // The rows (or timers) that were refused: their indices in the call, and why.
    std::vector<std::pair<std::uint32_t, std::string>> refused() const {
        std::size_t count;
        const weir_refusal *refused = weir_test_refused(test_, &count);
        std::vector<std::pair<std::uint32_t, std::string>> found;
        for (std::size_t i = 0; i < count; i++) found.emplace_back(refused[i].row, refused[i].reason);
        return found;
    }

    // The state of the key of a row.
    auto state(const Given &given) const {
        const void *state = weir_test_state(test_, detail::Written<Given>(given, nullptr).bytes);
        return state ? std::optional(read<typename Op::State>(state)) : std::nullopt;
    }
    std::size_t state_count() const { return weir_test_state_count(test_); }
    // The timers that wait, the earliest first.
    std::vector<weir_timer> timers() const {
        std::size_t count;
        const weir_timer *timers = weir_test_timers(test_, &count);
        return {timers, timers + count};
    }

private:
    template <class T>
    static T read(const void *from) {
        return detail::read_struct<T>(static_cast<const std::byte *>(from));
    }
    // The rows as the C library takes them.
    std::vector<std::byte> plain(const std::vector<Given> &rows) {
        weir_test_forget(test_);
        std::vector<std::byte> bytes(rows.size() * detail::plain_size<Given>());
        for (std::size_t i = 0; i < rows.size(); i++)
            detail::write_struct(rows[i], bytes.data() + i * detail::plain_size<Given>(), nullptr);
        return bytes;
    }

    weir_test *test_;
};

} // namespace weir
