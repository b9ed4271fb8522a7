// What the functions of an operator in C++ get: to emit, refuse, and see their key's state, maps, timers and clocks.
#pragma once

#include "columns.hpp"

namespace weir {

// What a function returns: `weir::ok`, or what `refuse` returned.
using Result = weir_status;
inline constexpr Result ok = WEIR_OK;

// An output of the rows `Row`. The first one is the main output; the others are side outputs and have names.
//     weir::Output<Jump>().keep_all(), weir::Output<Silent>("silent").keep("carrier").keep("price", "cents")
template <class Row>
class Output {
public:
    constexpr explicit Output(const char *name = nullptr) { declared.name = name; }

    // All columns of the input; a computed one of the same name takes its place.
    constexpr Output keep_all() const {
        Output more = *this;
        more.declared.keep_all = true;
        return more;
    }
    // With keep_all: but not this one.
    constexpr Output drop(const char *column) const {
        Output more = *this;
        more.declared.drop[more.dropped_++] = column;
        return more;
    }
    // Only those that are named, in this order; of several inputs "INPUT.NAME".
    constexpr Output keep(const char *column, const char *as = nullptr) const {
        Output more = *this;
        more.declared.keep[more.kept_++] = {column, as};
        return more;
    }

    // As the C library has it, but for its table.
    weir_output declared{};

private:
    std::size_t dropped_ = 0, kept_ = 0;
};

// A map: entries per key, read one by one. `index` is its place in the operator's `maps`.
template <class Key, class Value = Nothing>
struct Map {
    unsigned index;
    const char *name;
};

// An entry that a scan has found.
template <class Key, class Value>
struct Entry {
    Key key;
    Value value;
};

// From and to with the entry itself, after and before without it.
template <class Key>
struct Range {
    std::optional<Key> from, after, to, before;
};

namespace detail {
template <class Row, class... Rows>
constexpr unsigned output_index(const std::tuple<Output<Rows>...> &) {
    unsigned index = 0, found = sizeof...(Rows);
    static_assert((std::is_same_v<Row, Rows> + ... + 0) < 2, "two outputs have this type of rows: give each its own");
    ((std::is_same_v<Row, Rows> && found == sizeof...(Rows) ? void(found = index) : void(), index++), ...);
    return found;
}
} // namespace detail

template <class Op>
class Call {
public:
    explicit Call(weir_call *call) : call_(call) {}

    // Emits a row to the output of its type. A row may emit never, once or often.
    template <class Row>
    void emit(const Row &row) {
        constexpr unsigned output = detail::output_index<Row>(Op::outputs);
        static_assert(output < std::tuple_size_v<decltype(Op::outputs)>, "the operator has no output of this type");
        if constexpr (detail::column_count<Row> == 0)
            weir_emit_sized(call_, output, nullptr, 0);
        else
            weir_emit_sized(call_, output, detail::Written<Row>(row, call_).bytes, detail::plain_size<Row>());
    }

    // Of an operator on columns: emits a row for each row of the batch, in order, once per output and call.
    template <class Row>
    Columns<Row> emit_columns(std::uint32_t rows) {
        constexpr unsigned output = detail::output_index<Row>(Op::outputs);
        static_assert(output < std::tuple_size_v<decltype(Op::outputs)>, "the operator has no output of this type");
        return {weir_emit_columns(call_, output, rows, nullptr), rows};
    }
    // The same with `rows` rows, `from` being the input row that each comes from.
    template <class Row>
    Columns<Row> emit_columns(std::uint32_t rows, std::span<const std::uint32_t> from) {
        constexpr unsigned output = detail::output_index<Row>(Op::outputs);
        static_assert(output < std::tuple_size_v<decltype(Op::outputs)>, "the operator has no output of this type");
        static constexpr std::uint32_t none = 0;
        if (from.size() == rows) return {weir_emit_columns(call_, output, rows, rows > 0 ? from.data() : &none), rows};
        refuse("%u rows are emitted, and %zu are named that they come from", static_cast<unsigned>(rows), from.size());
        return {weir_emit_columns(call_, output, rows, nullptr), rows};
    }
    // Of an operator on columns: refuses a row, with all that is or will be emitted for it.
    void refuse_row(std::uint32_t row, const char *format, ...) WEIR_PRINTF(3, 4) {
        va_list values;
        va_start(values, format);
        weir_vrefuse_row(call_, row, format, values);
        va_end(values);
    }
    bool is_refused(std::uint32_t row) const { return weir_is_refused(call_, row); }

    // Refuses the row that is being processed, with a message as printf makes it: `return call.refuse("the price is %d", price);`
    Result refuse(const char *format, ...) WEIR_PRINTF(2, 3) {
        va_list values;
        va_start(values, format);
        Result result = weir_vrefuse(call_, format, values);
        va_end(values);
        return result;
    }

    // Text until the end of the call.
    std::string_view concat(std::string_view first, std::string_view second) {
        return view(weir_concat(call_, text(first), text(second)));
    }
    std::string_view format(const char *format, ...) WEIR_PRINTF(2, 3) {
        va_list values;
        va_start(values, format);
        std::string_view made = view(weir_vformat(call_, format, values));
        va_end(values);
        return made;
    }
    // Room for some values until the end of the call; they are not destroyed.
    template <class T>
    std::span<T> alloc(std::size_t count) {
        return {new (weir_alloc_array(call_, count, sizeof(T))) T[count]{}, count};
    }

    // The key columns that the operator declares as `Key`.
    auto key() const { return detail::read_struct<typename Op::Key>(bytes(weir_key(call_))); }

    // The state of the key; none: it has no state.
    auto state() const {
        const void *state = weir_state(call_);
        using State = typename Op::State;
        return state ? std::optional<State>(detail::read_struct<State>(bytes(state))) : std::nullopt;
    }
    template <class State>
    void set_state(const State &state) {
        static_assert(std::is_same_v<State, typename Op::State>);
        weir_set_state_sized(call_, detail::Written<State>(state, call_).bytes, detail::plain_size<State>());
    }
    void clear_state() { weir_clear_state(call_); }

    void set_timer(weir_clock clock, std::int64_t time) { weir_set_timer(call_, clock, time); }
    void delete_timer(weir_clock clock, std::int64_t time) { weir_delete_timer(call_, clock, time); }
    std::optional<std::int64_t> watermark() const {
        std::int64_t time;
        return weir_watermark(call_, &time) ? std::optional(time) : std::nullopt;
    }
    std::int64_t processing_time() const { return weir_processing_time(call_); }

    template <class Key, class Value>
    std::optional<Value> get(const Map<Key, Value> &map, const Key &key) {
        const void *value = weir_map_get(call_, map.index, detail::Written<Key>(key, call_).bytes);
        return value ? std::optional<Value>(detail::read_struct<Value>(bytes(value))) : std::nullopt;
    }
    template <class Key, class Value>
    void put(const Map<Key, Value> &map, const Key &key, const Value &value = {}) {
        weir_map_put(call_, map.index, detail::Written<Key>(key, call_).bytes, detail::Written<Value>(value, call_).bytes);
    }
    template <class Key, class Value>
    void remove(const Map<Key, Value> &map, const Key &key) {
        weir_map_remove(call_, map.index, detail::Written<Key>(key, call_).bytes);
    }
    template <class Key, class Value>
    void prefetch(const Map<Key, Value> &map, const Key &key) {
        weir_map_prefetch(call_, map.index, detail::Written<Key>(key, call_).bytes);
    }
    // The first entries of a range in the order of their keys.
    template <class Key, class Value>
    std::span<const Entry<Key, Value>> scan(const Map<Key, Value> &map, const Range<Key> &range, std::size_t limit) {
        auto bound = [&](const std::optional<Key> &key) -> const void * {
            if (!key) return nullptr;
            auto *plain = static_cast<std::byte *>(weir_alloc(call_, detail::plain_size<Key>()));
            detail::write_struct(*key, plain, call_);
            return plain;
        };
        weir_range plain{bound(range.from), bound(range.after), bound(range.to), bound(range.before)};
        weir_entries found = weir_map_scan(call_, map.index, plain, limit);
        auto entries = alloc<Entry<Key, Value>>(found.count);
        for (std::size_t i = 0; i < found.count; i++) {
            entries[i].key = detail::read_struct<Key>(bytes(found.keys) + i * detail::plain_size<Key>());
            if constexpr (detail::column_count<Value> > 0)
                entries[i].value = detail::read_struct<Value>(bytes(found.values) + i * detail::plain_size<Value>());
        }
        return entries;
    }

    // The call of the C library: for everything that is said in C.
    weir_call *c() const { return call_; }

private:
    static const std::byte *bytes(const void *memory) { return static_cast<const std::byte *>(memory); }

    weir_call *call_;
};

} // namespace weir
