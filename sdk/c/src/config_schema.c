// The JSON Schema of a configuration.
#include "config.h"

static const char *object(const weir_row *row, bool nullable, weir_arena *arena);

static const char *of_type(const char *name, bool nullable, weir_arena *arena) {
    return weir_arena_string(arena, nullable ? "\"type\":[\"%s\",\"null\"]" : "\"type\":\"%s\"", name);
}

static const char *members(const weir_field *field, weir_arena *arena) {
    static const char *const BOUNDS[] = {
        [WEIR_INT8] = ",\"minimum\":-128,\"maximum\":127",
        [WEIR_UINT8] = ",\"minimum\":0,\"maximum\":255",
        [WEIR_INT16] = ",\"minimum\":-32768,\"maximum\":32767",
        [WEIR_UINT16] = ",\"minimum\":0,\"maximum\":65535",
        [WEIR_INT32] = ",\"minimum\":-2147483648,\"maximum\":2147483647",
        [WEIR_UINT32] = ",\"minimum\":0,\"maximum\":4294967295",
        [WEIR_INT64] = "",
        [WEIR_UINT64] = ",\"minimum\":0",
    };
    switch (field->kind) {
    case WEIR_BOOL: return of_type("boolean", field->nullable, arena);
    case WEIR_UTF8: return of_type("string", field->nullable, arena);
    case WEIR_LIST:
        return weir_arena_string(arena, "%s,\"items\":{%s}", of_type("array", field->nullable, arena),
                                 members(&field->row->fields[0], arena));
    case WEIR_STRUCT: return object(field->row, field->nullable, arena);
    case WEIR_FLOAT32:
    case WEIR_FLOAT64: return of_type("number", field->nullable, arena);
    default: return weir_arena_string(arena, "%s%s", of_type("integer", field->nullable, arena), BOUNDS[field->kind]);
    }
}

// A text of the author, who has no reason for quotes and control characters in it: they become spaces.
static const char *quoted(const char *text, weir_arena *arena) {
    char *copy = (char *)weir_arena_text(arena, text, strlen(text)).data;
    for (char *at = copy; *at; at++)
        if (*at == '"' || *at == '\\' || (unsigned char)*at < ' ') *at = ' ';
    return copy;
}

static const char *object(const weir_row *row, bool nullable, weir_arena *arena) {
    const char *properties = "", *required = "";
    for (size_t i = 0; row && i < row->count; i++) {
        const weir_field *field = &row->fields[i];
        const char *key = weir_config_key(field->name, arena);
        const char *doc = field->doc ? weir_arena_string(arena, ",\"description\":\"%s\"", quoted(field->doc, arena)) : "";
        const char *fallback = field->fallback ? weir_arena_string(arena, ",\"default\":%s", field->fallback) : "";
        properties = weir_arena_string(arena, "%s%s\"%s\":{%s%s%s}", properties, i > 0 ? "," : "", key, members(field, arena),
                                       doc, fallback);
        if (!field->nullable && !field->fallback)
            required = weir_arena_string(arena, "%s%s\"%s\"", required, required[0] ? "," : "", key);
    }
    const char *list = required[0] ? weir_arena_string(arena, ",\"required\":[%s]", required) : "";
    return weir_arena_string(arena, "%s,\"properties\":{%s}%s,\"additionalProperties\":false", of_type("object", nullable, arena),
                             properties, list);
}

const char *weir_config_schema(const weir_row *row, weir_arena *arena) {
    return weir_arena_string(arena, "{%s}", object(row, false, arena));
}
