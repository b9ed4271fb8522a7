// Reads JSON into a tree. Numbers stay as they are written, so that none is rounded before its type is known.
#ifndef WEIR_JSON_H
#define WEIR_JSON_H

#include "arena.h"

typedef enum weir_json_kind {
    WEIR_JSON_NULL,
    WEIR_JSON_BOOL,
    WEIR_JSON_NUMBER,
    WEIR_JSON_TEXT,
    WEIR_JSON_LIST,
    WEIR_JSON_OBJECT
} weir_json_kind;

typedef struct weir_json {
    weir_json_kind kind;
    weir_text written;       // as it is written
    weir_text text;          // of a text: without quotes and escapes
    weir_text key;           // of a member of an object
    struct weir_json *first; // of a list or an object
    struct weir_json *next;
} weir_json;

// NULL if it is not JSON; `error` says why.
weir_json *weir_json_parse(weir_text text, weir_arena *arena, const char **error);
// A member; NULL: there is none.
const weir_json *weir_json_member(const weir_json *object, const char *key);

#endif
