// Declares the columns of a struct in C++. The types of the columns follow from the members; std::optional is a column with nulls.
//
//     struct Flight {
//         std::string_view carrier;
//         std::optional<std::int64_t> dep_delay;
//         weir::EventTime departed;
//     };
//     WEIR_COLUMNS(Flight, WEIR_COLUMN(carrier), WEIR_COLUMN(dep_delay), WEIR_COLUMN(departed));
#pragma once

#include "value.hpp"

// Stands behind the struct, in its namespace.
#define WEIR_COLUMNS(Type, ...)                                      \
    [[maybe_unused]] constexpr auto weir_cpp_columns(const Type *) { \
        using Self [[maybe_unused]] = Type;                          \
        return std::tuple{__VA_ARGS__};                              \
    }                                                                \
    [[maybe_unused]] constexpr const char *weir_cpp_name(const Type *) { return #Type; }

// A member. More may be said behind its name: WEIR_COLUMN(delay, .column = "Dep Delay").
#define WEIR_COLUMN(member, ...)                                \
    ::weir::Column<Self, decltype(Self::member)> {              \
        #member, &Self::member, ::weir::Options { __VA_ARGS__ } \
    }

namespace weir {

struct Options {
    const char *column = nullptr;      // the column's name, if it is not the member's
    const char *column_from = nullptr; // the key (a member) of the configuration that has the column's name
    const char *fallback = nullptr;    // of a configuration: what it is without the key, as JSON
    const char *doc = nullptr;         // of a configuration: for people
};

template <class Class, class Member>
struct Column {
    const char *name;
    Member Class::*pointer;
    Options options;
};

// An item of a list, as a struct with one column.
template <class T>
struct Item {
    T item;
};
template <class T>
constexpr auto weir_cpp_columns(const Item<T> *) {
    return std::tuple{Column<Item<T>, T>{"item", &Item<T>::item, {}}};
}
template <class T>
constexpr const char *weir_cpp_name(const Item<T> *) {
    return "item";
}

// A struct without columns.
struct Nothing {};
constexpr auto weir_cpp_columns(const Nothing *) { return std::tuple<>{}; }
constexpr const char *weir_cpp_name(const Nothing *) { return "Nothing"; }

} // namespace weir
