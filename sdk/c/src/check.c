// Checks values and copies what they point to; see check.h.
#include "check.h"

static bool is_plain(const weir_field *field) {
    switch (weir_field_kind(field)) {
    case WEIR_UTF8:
    case WEIR_BINARY:
    case WEIR_LIST:
    case WEIR_DECIMAL:
    case WEIR_ROW_KIND: return false;
    case WEIR_STRUCT: return weir_row_is_plain(field->row);
    default: return true;
    }
}

bool weir_row_is_plain(const weir_row *row) {
    for (size_t i = 0; row && i < row->count; i++)
        if (!is_plain(&row->fields[i])) return false;
    return true;
}

// Below 10 to the power of the precision, either way.
static bool fits(weir_decimal decimal, int precision) {
    unsigned __int128 limit = 1;
    for (int i = 0; i < precision; i++) limit *= 10;
    __int128 value = (__int128)((unsigned __int128)(uint64_t)decimal.high << 64 | decimal.low);
    unsigned __int128 size = value < 0 ? -(unsigned __int128)value : (unsigned __int128)value;
    return size < limit;
}

bool weir_is_utf8(weir_text text) {
    const uint8_t *at = (const uint8_t *)text.data, *end = at + text.size;
    while (at < end) {
        if (end - at >= 8) {
            uint64_t eight;
            memcpy(&eight, at, 8);
            if (!(eight & 0x8080808080808080)) {
                at += 8;
                continue;
            }
        }
        uint8_t first = *at++;
        if (first < 0x80) continue;
        int more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
        if (first < 0xC2 || first > 0xF4 || end - at < more) return false;
        uint8_t second = *at, least = 0x80, most = 0xBF;
        if (first == 0xE0) least = 0xA0;
        if (first == 0xED) most = 0x9F;
        if (first == 0xF0) least = 0x90;
        if (first == 0xF4) most = 0x8F;
        if (second < least || second > most) return false;
        for (at++; more > 1; more--, at++)
            if ((*at & 0xC0) != 0x80) return false;
    }
    return true;
}

static const char *reason(const weir_field *field, const char *what) {
    return weir_arena_string(&weir_call_memory, "column \"%s\" %s", weir_field_name(field), what);
}

static void own(const void **data, size_t size, weir_arena *arena) {
    if (size == 0)
        *data = "";
    else if (!weir_arena_holds(arena, *data))
        *data = weir_arena_text(arena, *data, size).data;
}

static const char *own_list(const weir_field *field, weir_list *list, weir_arena *arena) {
    const weir_row *row = field->row;
    if (list->size > INT32_MAX / row->size) return reason(field, "has too many items");
    own(&list->items, list->size * row->size, arena);
    if (weir_row_is_plain(row)) return NULL;
    unsigned char *items = weir_arena_alloc(arena, list->size * row->size);
    memcpy(items, list->items, list->size * row->size);
    list->items = items;
    for (size_t i = 0; i < list->size; i++) {
        const char *why = weir_check_and_own(row, items + i * row->size, arena);
        if (why) return why;
    }
    return NULL;
}

const char *weir_check_and_own_member(const weir_field *field, void *value, weir_arena *arena) {
    switch (weir_field_kind(field)) {
    case WEIR_UTF8: {
        weir_text *text = value;
        if (text->size > INT32_MAX) return reason(field, "is larger than 2 GiB");
        if (!weir_is_utf8(*text)) return reason(field, "is not UTF-8");
        own((const void **)&text->data, text->size, arena);
        return NULL;
    }
    case WEIR_BINARY: {
        weir_bytes *bytes = value;
        if (bytes->size > INT32_MAX) return reason(field, "is larger than 2 GiB");
        own((const void **)&bytes->data, bytes->size, arena);
        return NULL;
    }
    case WEIR_LIST: return own_list(field, value, arena);
    case WEIR_STRUCT: return weir_check_and_own(field->row, value, arena);
    case WEIR_DECIMAL:
        if (fits(*(weir_decimal *)value, field->precision)) return NULL;
        return reason(field, weir_arena_string(arena, "has more than %d digits", field->precision));
    case WEIR_ROW_KIND: return *(uint8_t *)value <= WEIR_DELETE ? NULL : reason(field, "is no kind of a row");
    default: return NULL;
    }
}

const char *weir_check_and_own(const weir_row *row, void *copy, weir_arena *arena) {
    for (size_t i = 0; row && i < row->count; i++) {
        const weir_field *field = &row->fields[i];
        if (is_plain(field) || (field->nullable && !*(const bool *)((unsigned char *)copy + field->has_offset))) continue;
        const char *why = weir_check_and_own_member(field, (unsigned char *)copy + field->offset, arena);
        if (why) return why;
    }
    return NULL;
}
