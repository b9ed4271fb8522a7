// Declares the columns of a struct: a table with one line per member.
//
//     typedef struct flight {
//         weir_text carrier;
//         int64_t dep_delay;
//         bool has_dep_delay; // false: null
//         int64_t departed;
//     } flight;
//     WEIR_ROW(flight,
//         WEIR_FIELD(flight, carrier),
//         WEIR_NULLABLE(flight, dep_delay),
//         WEIR_FIELD(flight, departed, .as = WEIR_TIMESTAMP));
//
// This defines `flight_row`. The same tables are used for rows, states, accumulators, entries of maps, nested structs and
// configurations.
#ifndef WEIR_ROW_H
#define WEIR_ROW_H

#include "value.h"

// What a member is a value of. The first ones follow from its C type; the others are given as `.as`.
typedef enum weir_kind {
    WEIR_NO_KIND,
    WEIR_BOOL, // bool
    WEIR_INT8, // int8_t, and so on
    WEIR_UINT8,
    WEIR_INT16,
    WEIR_UINT16,
    WEIR_INT32,
    WEIR_UINT32,
    WEIR_INT64,
    WEIR_UINT64,
    WEIR_FLOAT32,     // float
    WEIR_FLOAT64,     // double
    WEIR_UTF8,        // weir_text
    WEIR_BINARY,      // weir_bytes
    WEIR_LIST,        // weir_list, with `.row` of its items
    WEIR_STRUCT,      // a struct, with its `.row`
    WEIR_DECIMAL,     // weir_decimal, with `.precision` and `.scale`
    WEIR_DATE,        // int32_t: days since 1970-01-01
    WEIR_TIMESTAMP_S, // int64_t since 1970-01-01, UTC, in this unit
    WEIR_TIMESTAMP_MS,
    WEIR_TIMESTAMP, // microseconds
    WEIR_TIMESTAMP_NS,
    WEIR_NUMBER,     // double: read from any integer or float, the nearest one
    WEIR_EVENT_TIME, // int64_t: no column, but the row's event time, in microseconds
    WEIR_ROW_KIND,   // uint8_t: no column, but the kind of the row
} weir_kind;

// One member of a struct.
typedef struct weir_field {
    const char *name;
    size_t offset;
    size_t size;
    weir_kind kind; // that of its C type
    bool nullable;
    size_t has_offset;          // of the member has_NAME
    weir_kind as;               // another kind than that of its C type
    int precision, scale;       // of a decimal
    const struct weir_row *row; // of a struct, or of the items of a list
    const char *column;         // the column's name, if it is not the member's
    const char *column_from;    // the key (a member) of the configuration that has the column's name
    const char *fallback;       // of a configuration: what it is without the key, as JSON
    const char *doc;            // of a configuration: for people
    const char *of;             // the struct that it is declared to be a member of
    const char *c_type;         // its C type, where that is one which no column has
} weir_field;

// A struct with its fields.
typedef struct weir_row {
    const char *name;
    size_t size;
    const weir_field *fields;
    size_t count;
} weir_row;

#define WEIR_ROW(type, ...)                                  \
    static const weir_field type##_fields[] = {__VA_ARGS__}; \
    static const weir_row type##_row = {#type, sizeof(type), type##_fields, sizeof type##_fields / sizeof(weir_field)}

// A member that is never null. More may be said behind its name: `.as = WEIR_DATE`, `.column = "Dep Delay"`.
#define WEIR_FIELD(type, member, ...)                \
    {.name = #member,                                \
     .offset = offsetof(type, member),               \
     .size = sizeof((type *)0)->member,              \
     .kind = WEIR_KIND_OF(((type *)0)->member),      \
     .of = #type,                                    \
     .c_type = WEIR_WRONG_TYPE(((type *)0)->member), \
     __VA_ARGS__}

// A member that may be null: its struct has a second one, `bool has_MEMBER`.
#define WEIR_NULLABLE(type, member, ...) \
    WEIR_FIELD(type, member, .nullable = true, .has_offset = offsetof(type, has_##member), __VA_ARGS__)

#define WEIR_KIND_OF(lvalue)        \
    _Generic((lvalue),              \
        bool: WEIR_BOOL,            \
        int8_t: WEIR_INT8,          \
        uint8_t: WEIR_UINT8,        \
        int16_t: WEIR_INT16,        \
        uint16_t: WEIR_UINT16,      \
        int32_t: WEIR_INT32,        \
        uint32_t: WEIR_UINT32,      \
        int64_t: WEIR_INT64,        \
        uint64_t: WEIR_UINT64,      \
        float: WEIR_FLOAT32,        \
        double: WEIR_FLOAT64,       \
        weir_text: WEIR_UTF8,       \
        weir_bytes: WEIR_BINARY,    \
        weir_decimal: WEIR_DECIMAL, \
        weir_list: WEIR_LIST,       \
        default: WEIR_STRUCT)

// The name of a type that columns have only by another name, of known size; NULL: any other type. Where int64_t is `long`, that is no
// wrong one.
#define WEIR_WRONG_TYPE(lvalue)                   \
    _Generic((lvalue),                            \
        long: "long",                             \
        unsigned long: "unsigned long",           \
        long long: "long long",                   \
        unsigned long long: "unsigned long long", \
        char: "char",                             \
        char *: "char *",                         \
        const char *: "const char *",             \
        default: NULL)

#endif
