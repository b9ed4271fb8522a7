// An operator in C++: a struct whose members are the configuration, with functions that do the work. WEIR_TRANSFORM(Op), WEIR_KEYED(Op)
// and WEIR_AGGREGATE(Op) put it behind the exports of its world, once in a project.
#pragma once

#include "call.hpp"

#undef WEIR_TRANSFORM
#undef WEIR_KEYED
#undef WEIR_AGGREGATE
#define WEIR_TRANSFORM(Op) WEIR_EXPORT_CPP(Op, weir_exports_transform)
#define WEIR_KEYED(Op) WEIR_EXPORT_CPP(Op, weir_exports_keyed)
#define WEIR_AGGREGATE(Op) WEIR_EXPORT_CPP(Op, weir_exports_aggregate)

#ifdef __wasm__
// Without this the C++ library prints before it aborts, which takes files.
#define WEIR_EXPORT_CPP(Op, exports)                                                           \
    _LIBCPP_BEGIN_NAMESPACE_STD                                                                \
    [[noreturn]] void __libcpp_verbose_abort(const char *, ...) noexcept { __builtin_trap(); } \
    _LIBCPP_END_NAMESPACE_STD                                                                  \
    WEIR_EXPORT(::weir::operator_of<Op>, exports)
#else
#define WEIR_EXPORT_CPP(Op, exports) WEIR_EXPORT(::weir::operator_of<Op>, exports)
#endif

namespace weir {

// An input with a name, of an operator with several: `static constexpr auto inputs = std::tuple{weir::input<&Join::order>("orders"), ...}`.
template <auto Process>
struct Input {
    const char *name;
};
template <auto Process>
constexpr Input<Process> input(const char *name) {
    return {name};
}

// Another version of the state: `static constexpr std::tuple versions{weir::Version<State1>{1}}`; `State migrate(const State1 &) const`.
template <class Old>
struct Version {
    std::uint32_t number;
};

namespace detail {

// The operator with its configuration, which `describe` sets: a component has one.
template <class Op>
inline Op instance{};

template <class Op>
weir_status configure(weir_call *call, const void *config) {
    reads_config = true;
    if constexpr (column_count<Op> > 0) instance<Op> = read_struct<Op>(static_cast<const std::byte *>(config));
    reads_config = false;
    Call<Op> of(call);
    if constexpr (requires { instance<Op>.check(of); }) return instance<Op>.check(of);
    return WEIR_OK;
}

template <class F>
struct Step;
template <class Op, class R, class In, class... More>
struct Step<R (Op::*)(const In &, More...) const> {
    using Row = In;
};

template <class Op, auto Process>
weir_status process(weir_call *call, const void *row) {
    using Row = typename Step<decltype(Process)>::Row;
    Call<Op> of(call);
    return (instance<Op>.*Process)(read_struct<Row>(static_cast<const std::byte *>(row)), of);
}

template <class F>
struct BatchRow;
template <class Op, class In, class... More>
struct BatchRow<Result (Op::*)(const Batch<In> &, More...) const> {
    using Row = In;
};

template <class Op, class Row>
weir_status process_columns(weir_call *call, const weir_batch *batch) {
    Call<Op> of(call);
    return instance<Op>.process_columns(Batch<Row>(batch), of);
}

template <class Op, class Row>
void prefetch(weir_call *call, const void *row) {
    Call<Op> of(call);
    instance<Op>.prefetch(read_struct<Row>(static_cast<const std::byte *>(row)), of);
}

template <class Op>
weir_status on_timer(weir_call *call, weir_timer timer) {
    Call<Op> of(call);
    return instance<Op>.on_timer(timer, of);
}

// What `State migrate(const Old &) const` makes of a state of another version.
template <class Op, class Old>
weir_status convert(weir_call *call, const void *old, void *state) {
    write_struct(instance<Op>.migrate(read_struct<Old>(static_cast<const std::byte *>(old))), static_cast<std::byte *>(state),
                 call);
    return WEIR_OK;
}

template <class Op, class Row>
weir_status accumulate(weir_call *call, void *accumulator, const void *row) {
    using State = typename Op::State;
    auto *plain = static_cast<std::byte *>(accumulator);
    State state = read_struct<State>(plain);
    Call<Op> of(call);
    weir_status status = instance<Op>.accumulate(state, read_struct<Row>(static_cast<const std::byte *>(row)), of);
    write_struct(state, plain, call);
    return status;
}

template <class Op>
void merge(weir_call *call, void *accumulator, const void *other) {
    using State = typename Op::State;
    auto *plain = static_cast<std::byte *>(accumulator);
    State state = read_struct<State>(plain);
    instance<Op>.merge(state, read_struct<State>(static_cast<const std::byte *>(other)));
    write_struct(state, plain, call);
}

template <class Op>
void finish(weir_call *call, const void *accumulator, void *result) {
    using State = typename Op::State;
    write_struct(instance<Op>.finish(read_struct<State>(static_cast<const std::byte *>(accumulator))),
                 static_cast<std::byte *>(result), call);
}

template <class F>
struct AccumulateRow;
template <class Op, class State, class In, class... More>
struct AccumulateRow<Result (Op::*)(State &, const In &, More...) const> {
    using Row = In;
};

template <class Op, auto Process>
constexpr weir_input input_of(const char *name) {
    using Row = typename Step<decltype(Process)>::Row;
    weir_input input{name, row_pointer<Row>(), &process<Op, Process>, nullptr, nullptr};
    if constexpr (requires(Call<Op> &of, const Row &row) { instance<Op>.prefetch(row, of); }) input.prefetch = &prefetch<Op, Row>;
    return input;
}

template <class Row>
constexpr weir_output output_of(const Output<Row> &output) {
    weir_output declared = output.declared;
    declared.row = row_pointer<Row>();
    return declared;
}

template <class Op, class... Old>
constexpr void add_migrations(weir_operator &op, const std::tuple<Version<Old>...> &versions) {
    std::size_t index = 0;
    auto add = [&]<class O>(const Version<O> &version) {
        op.migrations[index++] = {version.number, row_pointer<O>(), &convert<Op, O>};
    };
    std::apply([&](const auto &...version) { (add(version), ...); }, versions);
}

template <class Op>
constexpr weir_operator make() {
    weir_operator op{};
    if constexpr (requires { Op::title; }) op.title = Op::title;
    op.config = row_pointer<Op>();
    op.check = &configure<Op>;
    if constexpr (requires { Op::inputs; }) {
        std::size_t index = 0;
        auto add = [&]<auto Process>(Input<Process> input) { op.inputs[index++] = input_of<Op, Process>(input.name); };
        std::apply([&](const auto &...input) { (add(input), ...); }, Op::inputs);
    } else if constexpr (requires { &Op::process; }) {
        op.inputs[0] = input_of<Op, &Op::process>(nullptr);
    } else if constexpr (requires { &Op::process_columns; }) {
        using Row = typename BatchRow<decltype(&Op::process_columns)>::Row;
        op.inputs[0].row = row_pointer<Row>();
        op.inputs[0].process_columns = &process_columns<Op, Row>;
    }
    std::size_t index = 0;
    std::apply([&](const auto &...output) { ((op.outputs[index++] = output_of(output)), ...); }, Op::outputs);
    if constexpr (requires { typename Op::Key; }) op.key = row_pointer<typename Op::Key>();
    if constexpr (requires { typename Op::State; }) op.state = row_pointer<typename Op::State>();
    if constexpr (requires { Op::version; }) op.version = Op::version;
    if constexpr (requires { Op::maps; }) {
        auto add = [&]<class Key, class Value>(const Map<Key, Value> &map) {
            op.maps[map.index] = {map.name, row_pointer<Key>(), row_pointer<Value>()};
        };
        std::apply([&](const auto &...map) { (add(map), ...); }, Op::maps);
    }
    if constexpr (requires { &Op::on_timer; }) op.on_timer = &on_timer<Op>;
    if constexpr (requires { Op::versions; }) add_migrations<Op>(op, Op::versions);
    if constexpr (requires { &Op::accumulate; }) {
        using Row = typename AccumulateRow<decltype(&Op::accumulate)>::Row;
        op.inputs[0].row = row_pointer<Row>();
        op.accumulate = &accumulate<Op, Row>;
        op.merge = &merge<Op>;
        op.finish = &finish<Op>;
    }
    return op;
}

} // namespace detail

// The operator as the C library has it.
template <class Op>
inline constexpr weir_operator operator_of = detail::make<Op>();

} // namespace weir
