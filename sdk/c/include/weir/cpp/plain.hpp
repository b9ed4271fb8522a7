// C++ values as the C library has them: each struct has a plain twin with a table of fields, and values go from one to the other,
// inlined. Not for authors.
#pragma once

#include "row.hpp"

namespace weir::detail {

template <class T>
constexpr std::size_t plain_size();
template <class T>
constexpr const weir_row *row_pointer();
template <class T>
T read_struct(const std::byte *from);
template <class T>
void write_struct(const T &value, std::byte *to, weir_call *call);

// How a value is kept in C: `Type`, its kind, and what else its field says. The default is a struct with columns.
template <class T>
struct Plain {
    struct alignas(8) Type {
        std::byte bytes[plain_size<T>()];
    };
    static constexpr weir_kind kind = WEIR_STRUCT, as = WEIR_NO_KIND;
    static constexpr const weir_row *row() { return row_pointer<T>(); }
    static T read(const std::byte *from) { return read_struct<T>(from); }
    static void write(const T &value, std::byte *to, weir_call *call) { write_struct(value, to, call); }
};

template <class C>
C load(const std::byte *from) {
    C value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

template <class T, weir_kind Kind, weir_kind As = WEIR_NO_KIND, class C = T>
struct Scalar {
    using Type = C;
    static constexpr weir_kind kind = Kind, as = As;
    static constexpr const weir_row *row() { return nullptr; }
    static T read(const std::byte *from) { return T{load<C>(from)}; }
    static void write(const T &value, std::byte *to, weir_call *) { std::memcpy(to, &value, sizeof(C)); }
};

template <>
struct Plain<bool> : Scalar<bool, WEIR_BOOL> {};
template <>
struct Plain<std::int8_t> : Scalar<std::int8_t, WEIR_INT8> {};
template <>
struct Plain<std::uint8_t> : Scalar<std::uint8_t, WEIR_UINT8> {};
template <>
struct Plain<std::int16_t> : Scalar<std::int16_t, WEIR_INT16> {};
template <>
struct Plain<std::uint16_t> : Scalar<std::uint16_t, WEIR_UINT16> {};
template <>
struct Plain<std::int32_t> : Scalar<std::int32_t, WEIR_INT32> {};
template <>
struct Plain<std::uint32_t> : Scalar<std::uint32_t, WEIR_UINT32> {};
template <>
struct Plain<std::int64_t> : Scalar<std::int64_t, WEIR_INT64> {};
template <>
struct Plain<std::uint64_t> : Scalar<std::uint64_t, WEIR_UINT64> {};
template <>
struct Plain<float> : Scalar<float, WEIR_FLOAT32> {};
template <>
struct Plain<double> : Scalar<double, WEIR_FLOAT64> {};
template <>
struct Plain<Number> : Scalar<Number, WEIR_FLOAT64, WEIR_NUMBER, double> {};
template <>
struct Plain<Date> : Scalar<Date, WEIR_INT32, WEIR_DATE, std::int32_t> {};
template <>
struct Plain<RowKind> : Scalar<RowKind, WEIR_UINT8, WEIR_ROW_KIND, std::uint8_t> {};
template <weir_kind Kind>
struct Plain<Instant<Kind>> : Scalar<Instant<Kind>, WEIR_INT64, Kind, std::int64_t> {};
template <int Precision, int Scale>
struct Plain<Decimal<Precision, Scale>> : Scalar<Decimal<Precision, Scale>, WEIR_DECIMAL, WEIR_NO_KIND, weir_decimal> {
    static constexpr int precision = Precision, scale = Scale;
};

template <>
struct Plain<std::string_view> : Scalar<std::string_view, WEIR_UTF8, WEIR_NO_KIND, weir_text> {
    static std::string_view read(const std::byte *from) { return view(load<weir_text>(from)); }
    static void write(std::string_view value, std::byte *to, weir_call *) {
        weir_text plain = text(value);
        std::memcpy(to, &plain, sizeof plain);
    }
};

template <>
struct Plain<Bytes> : Scalar<Bytes, WEIR_BINARY, WEIR_NO_KIND, weir_bytes> {
    static Bytes read(const std::byte *from) {
        weir_bytes plain = load<weir_bytes>(from);
        return {plain.data, plain.size};
    }
    static void write(Bytes value, std::byte *to, weir_call *) {
        weir_bytes plain{value.data(), value.size()};
        std::memcpy(to, &plain, sizeof plain);
    }
};

// Whether it is the configuration that is read: what it has lives as long as it does.
inline bool reads_config = false;

// The items are copied into memory of the call.
template <class T>
struct Plain<std::span<const T>> : Scalar<std::span<const T>, WEIR_LIST, WEIR_NO_KIND, weir_list> {
    static constexpr const weir_row *row() { return row_pointer<Item<T>>(); }
    static std::span<const T> read(const std::byte *from) {
        weir_list plain = load<weir_list>(from);
        T *items = static_cast<T *>(reads_config ? weir_config_alloc(plain.size, sizeof(T))
                                                 : weir_alloc_array(nullptr, plain.size, sizeof(T)));
        auto *at = static_cast<const std::byte *>(plain.items);
        for (std::size_t i = 0; i < plain.size; i++, at += plain_size<Item<T>>())
            new (items + i) T(read_struct<Item<T>>(at).item);
        return {items, plain.size};
    }
    static void write(std::span<const T> value, std::byte *to, weir_call *call) {
        auto *items = static_cast<std::byte *>(weir_alloc_array(call, value.size(), plain_size<Item<T>>()));
        for (std::size_t i = 0; i < value.size(); i++) write_struct(Item<T>{value[i]}, items + i * plain_size<Item<T>>(), call);
        weir_list plain{items, value.size()};
        std::memcpy(to, &plain, sizeof plain);
    }
};

template <class T>
struct Optional {
    static constexpr bool is = false;
    using Value = T;
};
template <class T>
struct Optional<std::optional<T>> {
    static constexpr bool is = true;
    using Value = T;
};

template <class T>
constexpr auto columns_of() {
    return weir_cpp_columns(static_cast<const T *>(nullptr));
}
template <class T>
inline constexpr std::size_t column_count = std::tuple_size_v<decltype(columns_of<T>())>;

// Where the members of a struct are in its plain twin.
template <class T>
struct Layout {
    std::array<std::size_t, column_count<T> + 1> offset{}, has{};
    std::size_t size = 0;

    constexpr Layout() {
        std::size_t index = 0;
        std::apply([&](const auto &...column) { (place(column, index++), ...); }, columns_of<T>());
        size = (size + 7) / 8 * 8;
    }

    template <class Class, class Member>
    constexpr void place(const Column<Class, Member> &, std::size_t index) {
        using C = typename Plain<typename Optional<Member>::Value>::Type;
        size = (size + alignof(C) - 1) / alignof(C) * alignof(C);
        offset[index] = size;
        size += sizeof(C);
        has[index] = size;
        if (Optional<Member>::is) size++;
    }
};
template <class T>
inline constexpr Layout<T> layout{};

template <class T>
constexpr std::size_t plain_size() {
    return layout<T>.size > 0 ? layout<T>.size : 8;
}

template <class T>
constexpr auto fields_of() {
    std::array<weir_field, column_count<T> + 1> fields{};
    std::size_t index = 0;
    auto add = [&]<class Class, class Member>(const Column<Class, Member> &column) {
        using P = Plain<typename Optional<Member>::Value>;
        weir_field &field = fields[index];
        field.name = column.name;
        field.offset = layout<T>.offset[index];
        field.size = sizeof(typename P::Type);
        field.kind = P::kind;
        field.as = P::as;
        field.nullable = Optional<Member>::is;
        field.has_offset = layout<T>.has[index];
        field.row = P::row();
        if constexpr (requires { P::precision; }) field.precision = P::precision, field.scale = P::scale;
        field.column = column.options.column;
        field.column_from = column.options.column_from;
        field.fallback = column.options.fallback;
        field.doc = column.options.doc;
        index++;
    };
    std::apply([&](const auto &...column) { (add(column), ...); }, columns_of<T>());
    return fields;
}
template <class T>
inline constexpr auto fields = fields_of<T>();
template <class T>
inline constexpr weir_row row{weir_cpp_name(static_cast<const T *>(nullptr)), plain_size<T>(), fields<T>.data(), column_count<T>};

// The table of a struct; of one without columns none.
template <class T>
constexpr const weir_row *row_pointer() {
    if constexpr (column_count<T> == 0)
        return nullptr;
    else
        return &row<T>;
}

template <class T>
T read_struct(const std::byte *from) {
    T value{};
    std::size_t index = 0;
    auto read = [&]<class Class, class Member>(const Column<Class, Member> &column) {
        using P = Plain<typename Optional<Member>::Value>;
        std::size_t at = index++;
        if constexpr (Optional<Member>::is) {
            if (load<bool>(from + layout<T>.has[at])) value.*column.pointer = P::read(from + layout<T>.offset[at]);
        } else {
            value.*column.pointer = P::read(from + layout<T>.offset[at]);
        }
    };
    std::apply([&](const auto &...column) { (read(column), ...); }, columns_of<T>());
    return value;
}

template <class T>
void write_struct(const T &value, std::byte *to, weir_call *call) {
    std::size_t index = 0;
    auto write = [&]<class Class, class Member>(const Column<Class, Member> &column) {
        using P = Plain<typename Optional<Member>::Value>;
        std::size_t at = index++;
        if constexpr (Optional<Member>::is) {
            bool has = (value.*column.pointer).has_value();
            std::memcpy(to + layout<T>.has[at], &has, sizeof has);
            if (has) P::write(*(value.*column.pointer), to + layout<T>.offset[at], call);
        } else {
            P::write(value.*column.pointer, to + layout<T>.offset[at], call);
        }
    };
    std::apply([&](const auto &...column) { (write(column), ...); }, columns_of<T>());
}

// A struct as the C library takes it.
template <class T>
struct Written {
    alignas(8) std::byte bytes[plain_size<T>()];
    Written(const T &value, weir_call *call) { write_struct(value, bytes, call); }
};

} // namespace weir::detail
