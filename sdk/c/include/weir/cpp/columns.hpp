// A batch as columns, for `process_columns` in place of `process`: arrays with one value per row.
//
//     weir::Result process_columns(const weir::Batch<Reading> &batch, weir::Call<Convert> &call) const {
//         auto celsius = batch.values<&Reading::celsius>();
//         auto out = call.emit_columns<Converted>(batch.rows());
//         auto fahrenheit = out.values<&Converted::fahrenheit>();
#pragma once

#include "plain.hpp"

namespace weir {

namespace detail {
// Where a member is in the plain twin of its struct.
template <auto Member>
struct MemberOf;
template <class Class, class Value, Value Class::*Member>
struct MemberOf<Member> {
    using Type = typename Plain<typename Optional<Value>::Value>::Type;
    static constexpr bool is_optional = Optional<Value>::is;
    static constexpr std::size_t offset() {
        std::size_t index = 0, found = 0;
        auto look = [&]<class C, class V>(const Column<C, V> &column) {
            if constexpr (std::is_same_v<V, Value>)
                if (column.pointer == Member) found = layout<Class>.offset[index];
            index++;
        };
        std::apply([&](const auto &...column) { (look(column), ...); }, columns_of<Class>());
        return found;
    }
};
} // namespace detail

// The columns of a call. Text is a weir_text; an optional member has its values in `values` and whether they are there in `has`.
template <class Row>
class Batch {
public:
    explicit Batch(const weir_batch *batch) : batch_(batch) {}

    std::uint32_t rows() const { return batch_->rows; }
    template <auto Member>
    std::span<const typename detail::MemberOf<Member>::Type> values() const {
        using Type = typename detail::MemberOf<Member>::Type;
        return {static_cast<const Type *>(weir_values_at(batch_, detail::MemberOf<Member>::offset())), rows()};
    }
    template <auto Member>
    std::span<const bool> has() const {
        static_assert(detail::MemberOf<Member>::is_optional, "a member that is not optional is never null");
        return {weir_has_at(batch_, detail::MemberOf<Member>::offset()), rows()};
    }

private:
    const weir_batch *batch_;
};

// Rows that are emitted as columns: arrays to fill, all zeros at first.
template <class Row>
class Columns {
public:
    Columns(weir_columns *columns, std::uint32_t rows) : columns_(columns), rows_(rows) {}

    template <auto Member>
    std::span<typename detail::MemberOf<Member>::Type> values() {
        using Type = typename detail::MemberOf<Member>::Type;
        return {static_cast<Type *>(weir_new_values_at(columns_, detail::MemberOf<Member>::offset())), rows_};
    }
    template <auto Member>
    std::span<bool> has() {
        static_assert(detail::MemberOf<Member>::is_optional, "a member that is not optional is never null");
        return {weir_new_has_at(columns_, detail::MemberOf<Member>::offset()), rows_};
    }

private:
    weir_columns *columns_;
    std::uint32_t rows_;
};

} // namespace weir
