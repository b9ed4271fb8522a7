// Compares and hashes structs; see order.h.
#include "order.h"

static bool is_there(const weir_field *field, const unsigned char *of) {
    return !field->nullable || *(const bool *)(of + field->has_offset);
}

#define COMPARE(type)                                           \
    do {                                                        \
        type left = *(const type *)a, right = *(const type *)b; \
        return (left > right) - (left < right);                 \
    } while (0)

static int compare_bytes(const void *a, size_t a_size, const void *b, size_t b_size) {
    size_t size = a_size < b_size ? a_size : b_size;
    int order = size > 0 ? memcmp(a, b, size) : 0;
    return order != 0 ? order : (a_size > b_size) - (a_size < b_size);
}

// The bits of a float as an integer in their total order: negative NaN, -inf, ..., -0, 0, ..., inf, NaN.
static int64_t total_order(double value) {
    int64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits ^ (int64_t)((uint64_t)(bits >> 63) >> 1);
}

static int32_t total_order_of_float(float value) {
    int32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits ^ (int32_t)((uint32_t)(bits >> 31) >> 1);
}

static int compare_lists(const weir_row *row, const weir_list *a, const weir_list *b) {
    for (size_t i = 0; i < a->size && i < b->size; i++) {
        int order = weir_compare(row, (const char *)a->items + i * row->size, (const char *)b->items + i * row->size);
        if (order != 0) return order;
    }
    return (a->size > b->size) - (a->size < b->size);
}

static int compare(const weir_field *field, const void *a, const void *b) {
    switch (field->kind) {
    case WEIR_BOOL: COMPARE(bool);
    case WEIR_INT8: COMPARE(int8_t);
    case WEIR_UINT8: COMPARE(uint8_t);
    case WEIR_INT16: COMPARE(int16_t);
    case WEIR_UINT16: COMPARE(uint16_t);
    case WEIR_INT32: COMPARE(int32_t);
    case WEIR_UINT32: COMPARE(uint32_t);
    case WEIR_INT64: COMPARE(int64_t);
    case WEIR_UINT64: COMPARE(uint64_t);
    case WEIR_FLOAT32: {
        int32_t left = total_order_of_float(*(const float *)a), right = total_order_of_float(*(const float *)b);
        return (left > right) - (left < right);
    }
    case WEIR_FLOAT64: {
        int64_t left = total_order(*(const double *)a), right = total_order(*(const double *)b);
        return (left > right) - (left < right);
    }
    case WEIR_DECIMAL: {
        const weir_decimal *left = a, *right = b;
        if (left->high != right->high) return left->high > right->high ? 1 : -1;
        return (left->low > right->low) - (left->low < right->low);
    }
    case WEIR_LIST: return compare_lists(field->row, a, b);
    case WEIR_STRUCT: return weir_compare(field->row, a, b);
    default: { // Text and bytes have the same layout.
        const weir_text *left = a, *right = b;
        return compare_bytes(left->data, left->size, right->data, right->size);
    }
    }
}

int weir_compare(const weir_row *row, const void *a, const void *b) {
    const unsigned char *left = a, *right = b;
    for (size_t i = 0; i < row->count; i++) {
        const weir_field *field = &row->fields[i];
        bool left_there = is_there(field, left), right_there = is_there(field, right);
        int order =
            left_there && right_there ? compare(field, left + field->offset, right + field->offset) : left_there - right_there;
        if (order != 0) return order;
    }
    return 0;
}

static uint64_t mix(uint64_t hash, const void *data, size_t size) {
    const uint8_t *bytes = data;
    for (size_t i = 0; i < size; i++) hash = (hash ^ bytes[i]) * 0x100000001b3;
    return hash;
}

static uint64_t hash_of(const weir_field *field, const void *value) {
    uint64_t hash = 0xcbf29ce484222325;
    if (field->kind == WEIR_STRUCT) return weir_hash(field->row, value);
    if (field->kind == WEIR_UTF8 || field->kind == WEIR_BINARY)
        return mix(hash, ((const weir_text *)value)->data, ((const weir_text *)value)->size);
    if (field->kind != WEIR_LIST) return mix(hash, value, field->size);
    const weir_list *list = value;
    for (size_t i = 0; i < list->size; i++) {
        uint64_t item = weir_hash(field->row, (const char *)list->items + i * field->row->size);
        hash = mix(hash, &item, sizeof item);
    }
    return hash;
}

uint64_t weir_hash(const weir_row *row, const void *value) {
    uint64_t hash = 0xcbf29ce484222325;
    for (size_t i = 0; i < row->count; i++) {
        const weir_field *field = &row->fields[i];
        const unsigned char *of = value;
        uint64_t member = is_there(field, of) ? hash_of(field, of + field->offset) : 0;
        hash = mix(hash, &member, sizeof member);
    }
    return hash ^ hash >> 29;
}
