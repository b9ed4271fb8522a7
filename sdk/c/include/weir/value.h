// Values of columns that C has no type of its own for. Text and bytes are views: they own nothing, and what they show lives until the
// end of the call, or as long as a literal.
#ifndef WEIR_VALUE_H
#define WEIR_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// UTF-8 of `size` bytes, not terminated. For messages: "%.*s" with (int)text.size, text.data.
typedef struct weir_text {
    const char *data;
    size_t size;
} weir_text;

// Bytes: a value of a column `binary`.
typedef struct weir_bytes {
    const uint8_t *data;
    size_t size;
} weir_bytes;

// A number without its point, in 128 bits: 12.34 at scale 2 is 1234. The value is high * 2^64 + low.
typedef struct weir_decimal {
    uint64_t low;
    int64_t high;
} weir_decimal;

// The items of a list: an array of structs, each with one field `item`.
typedef struct weir_list {
    const void *items;
    size_t size;
} weir_list;

// Kinds of rows, in a field declared `.as = WEIR_ROW_KIND`.
enum { WEIR_INSERT, WEIR_UPDATE_BEFORE, WEIR_UPDATE_AFTER, WEIR_DELETE };

// The text of a literal.
#define WEIR_LITERAL(literal) ((weir_text){(literal), sizeof(literal) - 1})

// The text of a string that ends with a zero.
static inline weir_text weir_text_of(const char *string) {
    weir_text text = {string, strlen(string)};
    return text;
}

static inline bool weir_text_equal(weir_text a, weir_text b) {
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline weir_decimal weir_decimal_of(int64_t unscaled) {
    weir_decimal decimal = {(uint64_t)unscaled, unscaled < 0 ? -1 : 0};
    return decimal;
}

#endif
