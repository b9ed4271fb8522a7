// A parser of JSON by recursive descent; see json.h.
#include "json.h"

enum { DEPTH_MAX = 64 };
static const char ESCAPES[] = "\"\\/bfnrtu";

typedef struct parser {
    const char *start, *at, *end;
    weir_arena *arena;
    int depth;
    const char *error;
} parser;

static weir_json *parse_value(parser *p);

static void *fail(parser *p, const char *expected) {
    if (!p->error) p->error = weir_arena_string(p->arena, "expected %s at byte %d", expected, (int)(p->at - p->start));
    return NULL;
}

static void skip_space(parser *p) {
    while (p->at < p->end && strchr(" \t\r\n", *p->at) && *p->at) p->at++;
}

static bool take(parser *p, char c) {
    skip_space(p);
    if (p->at >= p->end || *p->at != c) return false;
    p->at++;
    return true;
}

static bool take_word(parser *p, const char *word) {
    size_t size = strlen(word);
    if ((size_t)(p->end - p->at) < size || memcmp(p->at, word, size) != 0) return false;
    p->at += size;
    return true;
}

static int hex(const char *digits) {
    int value = 0;
    for (int i = 0; i < 4; i++) {
        char c = digits[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0) return -1;
        value = value * 16 + digit;
    }
    return value;
}

static char *put_utf8(char *to, uint32_t c) {
    if (c < 0x80)
        *to++ = (char)c;
    else if (c < 0x800)
        *to++ = (char)(0xC0 | c >> 6), *to++ = (char)(0x80 | (c & 0x3F));
    else if (c < 0x10000)
        *to++ = (char)(0xE0 | c >> 12), *to++ = (char)(0x80 | (c >> 6 & 0x3F)), *to++ = (char)(0x80 | (c & 0x3F));
    else
        *to++ = (char)(0xF0 | c >> 18), *to++ = (char)(0x80 | (c >> 12 & 0x3F)), *to++ = (char)(0x80 | (c >> 6 & 0x3F)),
        *to++ = (char)(0x80 | (c & 0x3F));
    return to;
}

// The character behind `\u`; halves of a pair belong together. -1: there is none.
static long unicode(parser *p) {
    int c = p->end - p->at >= 4 ? hex(p->at) : -1;
    if (c < 0) return -1;
    p->at += 4;
    if (c < 0xD800 || c > 0xDFFF) return c;
    int low = c < 0xDC00 && p->end - p->at >= 6 && p->at[0] == '\\' && p->at[1] == 'u' ? hex(p->at + 2) : -1;
    if (low < 0xDC00 || low > 0xDFFF) return -1;
    p->at += 6;
    return 0x10000 + ((long)(c - 0xD800) << 10) + (low - 0xDC00);
}

// The text behind an opening quote.
static bool parse_text(parser *p, weir_text *text) {
    const char *close = p->at;
    while (close < p->end && *close != '"') close += *close == '\\' ? 2 : 1;
    if (close >= p->end) return fail(p, "a closing quote") != NULL;
    char *to = weir_arena_alloc(p->arena, (size_t)(close - p->at) + 1);
    text->data = to;
    while (*p->at != '"') {
        if (*p->at != '\\') {
            *to++ = *p->at++;
            continue;
        }
        char c = p->at[1];
        const char *found = c ? strchr(ESCAPES, c) : NULL;
        if (!found) return fail(p, "an escape") != NULL;
        p->at += 2;
        if (c != 'u') {
            *to++ = "\"\\/\b\f\n\r\t"[found - ESCAPES];
            continue;
        }
        long code = unicode(p);
        if (code < 0) return fail(p, "a character behind \\u") != NULL;
        to = put_utf8(to, (uint32_t)code);
    }
    p->at++;
    *to = 0;
    text->size = (size_t)(to - text->data);
    return true;
}

// What is between brackets, members with keys if it is an object.
static bool parse_members(parser *p, weir_json *json, char close) {
    weir_json **last = &json->first;
    if (take(p, close)) return true;
    if (++p->depth > DEPTH_MAX) return fail(p, "fewer brackets") != NULL;
    do {
        weir_text key = {NULL, 0};
        if (close == '}' && (!take(p, '"') || !parse_text(p, &key) || !take(p, ':'))) return fail(p, "a key and a colon") != NULL;
        weir_json *member = parse_value(p);
        if (!member) return false;
        member->key = key;
        *last = member;
        last = &member->next;
    } while (take(p, ','));
    p->depth--;
    return take(p, close) || fail(p, "a comma or a closing bracket");
}

static bool parse_number(parser *p) {
    const char *start = p->at;
    while (p->at < p->end && *p->at && strchr("+-.eE0123456789", *p->at)) p->at++;
    return p->at > start || fail(p, "a value");
}

static weir_json *parse_value(parser *p) {
    skip_space(p);
    weir_json *json = weir_arena_zeroed(p->arena, sizeof *json);
    const char *start = p->at;
    bool parsed = true;
    if (take(p, '"'))
        json->kind = WEIR_JSON_TEXT, parsed = parse_text(p, &json->text);
    else if (take(p, '{'))
        json->kind = WEIR_JSON_OBJECT, parsed = parse_members(p, json, '}');
    else if (take(p, '['))
        json->kind = WEIR_JSON_LIST, parsed = parse_members(p, json, ']');
    else if (take_word(p, "true") || take_word(p, "false"))
        json->kind = WEIR_JSON_BOOL;
    else if (take_word(p, "null"))
        json->kind = WEIR_JSON_NULL;
    else
        json->kind = WEIR_JSON_NUMBER, parsed = parse_number(p);
    json->written = (weir_text){start, (size_t)(p->at - start)};
    return parsed ? json : NULL;
}

weir_json *weir_json_parse(weir_text text, weir_arena *arena, const char **error) {
    parser p = {text.data, text.data, text.data + text.size, arena, 0, NULL};
    weir_json *json = parse_value(&p);
    skip_space(&p);
    if (json && p.at < p.end) json = fail(&p, "nothing more");
    *error = p.error;
    return json;
}

const weir_json *weir_json_member(const weir_json *object, const char *key) {
    for (const weir_json *member = object->first; member; member = member->next)
        if (weir_text_equal(member->key, weir_text_of(key))) return member;
    return NULL;
}
