// Reads a configuration by the table of its struct; see config.h.
#include "config.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "json.h"

const char *weir_config_key(const char *member, weir_arena *arena) {
    char *key = (char *)weir_arena_text(arena, member, strlen(member)).data;
    for (char *at = key; *at; at++)
        if (*at == '_') *at = '-';
    return key;
}

static const char *read_value(const weir_field *field, const weir_json *json, void *value, weir_arena *arena);

static const char *fallback_misdeclared(const weir_row *row, const weir_field *field, weir_arena *arena) {
    const char *error;
    const weir_json *json = weir_json_parse(weir_text_of(field->fallback), arena, &error);
    bool is_null = json && json->kind == WEIR_JSON_NULL && field->nullable;
    if (json && (is_null || !read_value(field, json, weir_arena_zeroed(arena, field->size), arena))) return NULL;
    return weir_arena_string(arena, "member %s of struct %s: its .fallback is %s, which is %s; a text is written \"\\\"abc\\\"\"",
                             field->name, row->name, field->fallback,
                             json ? weir_arena_string(arena, "no %s", weir_field_needs(field, arena)) : "not JSON");
}

const char *weir_config_misdeclared(const weir_row *row, weir_arena *arena) {
    const char *why = weir_row_misdeclared(row, true, arena);
    for (size_t i = 0; !why && row && i < row->count; i++) {
        const weir_field *field = &row->fields[i];
        bool is_nested = field->kind == WEIR_LIST || field->kind == WEIR_STRUCT;
        if (field->as || field->kind == WEIR_BINARY || field->kind == WEIR_DECIMAL)
            why = weir_arena_string(arena, "member %s of struct %s: a configuration has no %s", field->name, row->name,
                                    weir_field_needs(field, arena));
        else if (is_nested)
            why = weir_config_misdeclared(field->row, arena);
        if (!why && field->fallback) why = fallback_misdeclared(row, field, arena);
    }
    return why;
}

static const char *expected(const weir_row *row, weir_arena *arena) {
    const char *keys = "";
    for (size_t i = 0; i < row->count; i++)
        keys = weir_arena_string(arena, "%s%s`%s`", keys, i > 0 ? ", " : "", weir_config_key(row->fields[i].name, arena));
    return row->count == 0 ? "there are no fields"
                           : weir_arena_string(arena, row->count > 1 ? "expected one of %s" : "expected %s", keys);
}

// A whole number between two bounds, exactly.
static bool whole(weir_text written, int64_t least, uint64_t most, int64_t *value) {
    bool minus = written.size > 0 && written.data[0] == '-';
    uint64_t size = 0;
    for (size_t i = minus; i < written.size; i++) {
        char c = written.data[i];
        if (c < '0' || c > '9' || __builtin_mul_overflow(size, 10, &size) ||
            __builtin_add_overflow(size, (uint64_t)(c - '0'), &size))
            return false;
    }
    if (minus ? size > (uint64_t)-(least + 1) + (least < 0) || (least == 0 && size > 0) : size > most) return false;
    *value = minus ? (int64_t)(0 - size) : (int64_t)size;
    return written.size > (size_t)minus;
}

#define WHOLE(type, least, most)                                              \
    do {                                                                      \
        int64_t number;                                                       \
        if (!is_number || !whole(json->written, least, most, &number)) break; \
        *(type *)value = (type)number;                                        \
        return NULL;                                                          \
    } while (0);                                                              \
    break

static const char *read_struct(const weir_row *row, const weir_json *json, void *value, weir_arena *arena);

static const char *read_list(const weir_field *field, const weir_json *json, weir_list *list, weir_arena *arena);

// NULL, or what is wrong; "" if it is of another type.
static const char *read_value(const weir_field *field, const weir_json *json, void *value, weir_arena *arena) {
    bool is_number = json->kind == WEIR_JSON_NUMBER;
    switch (field->kind) {
    case WEIR_BOOL:
        if (json->kind != WEIR_JSON_BOOL) break;
        *(bool *)value = json->written.data[0] == 't';
        return NULL;
    case WEIR_INT8: WHOLE(int8_t, INT8_MIN, INT8_MAX);
    case WEIR_UINT8: WHOLE(uint8_t, 0, UINT8_MAX);
    case WEIR_INT16: WHOLE(int16_t, INT16_MIN, INT16_MAX);
    case WEIR_UINT16: WHOLE(uint16_t, 0, UINT16_MAX);
    case WEIR_INT32: WHOLE(int32_t, INT32_MIN, INT32_MAX);
    case WEIR_UINT32: WHOLE(uint32_t, 0, UINT32_MAX);
    case WEIR_INT64: WHOLE(int64_t, INT64_MIN, INT64_MAX);
    case WEIR_UINT64: WHOLE(uint64_t, 0, UINT64_MAX);
    case WEIR_FLOAT32:
    case WEIR_FLOAT64: {
        char *end;
        const char *text = weir_arena_string(arena, "%.*s", (int)json->written.size, json->written.data);
        double number = strtod(text, &end);
        if (!is_number || *end || isinf(field->kind == WEIR_FLOAT64 ? number : (float)number)) break;
        if (field->kind == WEIR_FLOAT64)
            *(double *)value = number;
        else
            *(float *)value = (float)number;
        return NULL;
    }
    case WEIR_UTF8:
        if (json->kind != WEIR_JSON_TEXT) break;
        *(weir_text *)value = json->text;
        return NULL;
    case WEIR_LIST: return json->kind == WEIR_JSON_LIST ? read_list(field, json, value, arena) : "";
    case WEIR_STRUCT: return json->kind == WEIR_JSON_OBJECT ? read_struct(field->row, json, value, arena) : "";
    default: break;
    }
    return "";
}

// Reads a value that may be missing (NULL).
static const char *read_field(const weir_field *field, const weir_json *json, void *in, weir_arena *arena) {
    unsigned char *to = in;
    const char *key = weir_config_key(field->name, arena), *error;
    if (!json && field->fallback) json = weir_json_parse(weir_text_of(field->fallback), arena, &error);
    bool is_there = json && json->kind != WEIR_JSON_NULL;
    if (field->nullable) *(bool *)(to + field->has_offset) = is_there;
    if (!is_there && field->nullable) return NULL;
    if (!json) return weir_arena_string(arena, "missing field `%s`", key);
    const char *why = read_value(field, json, to + field->offset, arena);
    if (!why || why[0]) return why;
    int shown = json->written.size > 60 ? 60 : (int)json->written.size;
    return weir_arena_string(arena, "%s is %.*s, but it is of type %s", key, shown, json->written.data,
                             weir_field_needs(field, arena));
}

static const char *read_list(const weir_field *field, const weir_json *json, weir_list *list, weir_arena *arena) {
    size_t count = 0, size = field->row->size;
    for (const weir_json *item = json->first; item; item = item->next) count++;
    unsigned char *items = weir_arena_zeroed(arena, count * size);
    *list = (weir_list){items, count};
    for (const weir_json *item = json->first; item; item = item->next, items += size) {
        const char *why = read_field(&field->row->fields[0], item, items, arena);
        if (why) return weir_arena_string(arena, "%s: %s", weir_config_key(field->name, arena), why);
    }
    return NULL;
}

static const char *read_struct(const weir_row *row, const weir_json *json, void *value, weir_arena *arena) {
    for (const weir_json *member = json->first; member; member = member->next) {
        bool known = false;
        for (size_t i = 0; i < row->count && !known; i++)
            known = weir_text_equal(member->key, weir_text_of(weir_config_key(row->fields[i].name, arena)));
        if (!known)
            return weir_arena_string(arena, "unknown field `%.*s`, %s", (int)member->key.size, member->key.data,
                                     expected(row, arena));
    }
    for (size_t i = 0; i < row->count; i++) {
        const weir_json *member = weir_json_member(json, weir_config_key(row->fields[i].name, arena));
        const char *why = read_field(&row->fields[i], member, value, arena);
        if (why) return why;
    }
    return NULL;
}

const char *weir_config_read(const weir_row *row, weir_text text, void *config, weir_arena *arena) {
    static const weir_row nothing = {"config", 0, NULL, 0};
    const char *error = NULL;
    // The texts of the configuration stay where they are parsed.
    weir_text own = weir_arena_text(arena, text.data, text.size);
    const weir_json *json = weir_json_parse(own.size == 0 ? WEIR_LITERAL("{}") : own, arena, &error);
    if (!json) return weir_arena_string(arena, "config: it is not JSON: %s", error);
    if (json->kind == WEIR_JSON_NULL) json = weir_json_parse(WEIR_LITERAL("{}"), arena, &error);
    if (json->kind != WEIR_JSON_OBJECT)
        return weir_arena_string(arena, "config: it has keys: %s", expected(row ? row : &nothing, arena));
    const char *why = read_struct(row ? row : &nothing, json, config, arena);
    return why ? weir_arena_string(arena, "config: %s", why) : NULL;
}
