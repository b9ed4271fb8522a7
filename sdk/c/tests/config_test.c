// Configurations: every type, defaults, and what is refused.
#include "../src/config.h"
#include "expect.h"

typedef struct word {
    weir_text item;
} word;
WEIR_ROW(word, WEIR_FIELD(word, item));
typedef struct limits {
    int32_t low, high;
} limits;
WEIR_ROW(limits, WEIR_FIELD(limits, low), WEIR_FIELD(limits, high));
typedef struct settings {
    int64_t price_min;
    uint8_t retries;
    double rate;
    bool strict;
    weir_text name;
    bool has_name;
    weir_list words;
    limits limits;
    bool has_limits;
} settings;
WEIR_ROW(settings, WEIR_FIELD(settings, price_min, .doc = "The least price"), WEIR_FIELD(settings, retries, .fallback = "3"),
         WEIR_FIELD(settings, rate, .fallback = "0.5"), WEIR_FIELD(settings, strict, .fallback = "false"),
         WEIR_NULLABLE(settings, name), WEIR_FIELD(settings, words, .row = &word_row, .fallback = "[]"),
         WEIR_NULLABLE(settings, limits, .row = &limits_row));

typedef struct bid {
    int64_t price;
} bid;
WEIR_ROW(bid, WEIR_FIELD(bid, price));

static settings seen;
static char name[64];
static weir_status process(weir_call *call, const void *row) {
    (void)row;
    seen = *(const settings *)call->config;
    snprintf(name, sizeof name, "%.*s/%d", (int)seen.name.size, seen.name.data, (int)seen.words.size);
    return WEIR_OK;
}

static const weir_operator op = {
    .config = &settings_row, .inputs = {{.row = &bid_row, .process = process}}, .outputs = {{.keep_all = true}}};
typedef struct odd {
    weir_decimal amount;
} odd;
WEIR_ROW(odd, WEIR_FIELD(odd, amount, .precision = 5, .scale = 2));
static weir_status emits(weir_call *call, const void *config) {
    (void)config;
    weir_emit_kept(call, 0);
    return WEIR_OK;
}
static const weir_operator decimals = {.config = &odd_row, .inputs = {{.row = &bid_row, .process = process}}};
static const weir_operator emitting = {.check = emits, .inputs = {{.row = &bid_row, .process = process}}};
static const weir_operator without = {.inputs = {{.row = &bid_row, .process = process}}, .outputs = {{.keep_all = true}}};

typedef struct fallback {
    float rate;
    weir_text name;
} fallback;
WEIR_ROW(fallback, WEIR_FIELD(fallback, rate), WEIR_FIELD(fallback, name, .fallback = "\"abc\""));
static const weir_operator floats = {.config = &fallback_row, .inputs = {{.row = &bid_row, .process = process}}};
static const weir_field misquoted[] = {WEIR_FIELD(fallback, name, .fallback = "abc")};
static const weir_row misquoted_row = {"fallback", sizeof(fallback), misquoted, 1};
static const weir_operator unquoted = {.config = &misquoted_row, .inputs = {{.row = &bid_row, .process = process}}};

static void refused(const weir_operator *of, const char *config, const char *why) {
    weir_test *test = weir_test_open(of, config, (weir_given){.row = &bid_row});
    EXPECT_TEXT(weir_test_error(test), why);
    weir_test_close(test);
}

int main(void) {
    weir_test *test = weir_test_open(&op,
                                     "{\"price-min\": 9007199254740993, \"name\": \"a\\u00e9\\ud83d\\ude00\\n\", \"words\": "
                                     "[\"x\", \"y\"], \"limits\": {\"low\": -1, \"high\": 2}}",
                                     (weir_given){.row = &bid_row});
    WEIR_EXPECT(!weir_test_error(test));
    weir_test_process(test, &(bid){1}, 1);
    WEIR_EXPECT(seen.price_min == 9007199254740993 && seen.retries == 3 && seen.rate == 0.5 && !seen.strict);
    WEIR_EXPECT(seen.has_limits && seen.limits.low == -1 && seen.limits.high == 2);
    EXPECT_TEXT(name, "a\xC3\xA9\xF0\x9F\x98\x80\n/2");
    weir_test_close(test);

    refused(&op, "{\"price\": 1}",
            "config: unknown field `price`, expected one of `price-min`, `retries`, `rate`, `strict`, `name`, `words`, `limits`");
    refused(&op, "{}", "config: missing field `price-min`");
    refused(&op, "", "config: missing field `price-min`");
    refused(&op, "{\"price-min\": 1.5}", "config: price-min is 1.5, but it is of type int64");
    refused(&op, "{\"price-min\": 9223372036854775808}", "config: price-min is 9223372036854775808, but it is of type int64");
    refused(&op, "{\"price-min\": null}", "config: price-min is null, but it is of type int64");
    refused(&op, "{\"price-min\": 1, \"retries\": 256}", "config: retries is 256, but it is of type uint8");
    refused(&op, "{\"price-min\": 1, \"retries\": -1}", "config: retries is -1, but it is of type uint8");
    refused(&op, "{\"price-min\": 1, \"rate\": \"1\"}", "config: rate is \"1\", but it is of type float64");
    refused(&op, "{\"price-min\": 1, \"words\": [1]}", "config: words: item is 1, but it is of type utf8");
    refused(&op, "{\"price-min\": 1, \"limits\": {\"low\": 1}}", "config: missing field `high`");
    refused(&op, "{\"price-min\": 1, \"limits\": {\"low\": 1, \"mid\": 1}}",
            "config: unknown field `mid`, expected one of `low`, `high`");
    refused(&op, "{\"price-min\": 1", "config: it is not JSON: expected a comma or a closing bracket at byte 15");
    refused(&op, "[1]",
            "config: it has keys: expected one of `price-min`, `retries`, `rate`, `strict`, `name`, `words`, `limits`");
    refused(&op, "{\"price-min\": 1, \"name\": \"\\ud800\"}",
            "config: it is not JSON: expected a character behind \\u at byte 32");
    refused(&without, "{\"x\": 1}", "config: unknown field `x`, there are no fields");
    refused(&decimals, "{}",
            "the operator is declared wrongly: member amount of struct odd: a configuration has no decimal128(5, 2)");
    refused(&floats, "{\"rate\": 1e300}", "config: rate is 1e300, but it is of type float32");
    refused(
        &unquoted, "{}",
        "the operator is declared wrongly: member name of struct fallback: its .fallback is abc, which is not JSON; a text is "
        "written \"\\\"abc\\\"\"");
    refused(&emitting, "{}", "config: there is no output 0");
    EXPECT_TEXT(weir_config_schema(&limits_row, &weir_plan_memory),
                "{\"type\":\"object\",\"properties\":{"
                "\"low\":{\"type\":\"integer\",\"minimum\":-2147483648,\"maximum\":2147483647},"
                "\"high\":{\"type\":\"integer\",\"minimum\":-2147483648,\"maximum\":2147483647}},"
                "\"required\":[\"low\",\"high\"],\"additionalProperties\":false}");
    const char *schema = weir_config_schema(&settings_row, &weir_plan_memory);
    WEIR_EXPECT(strstr(schema, "\"price-min\":{\"type\":\"integer\",\"description\":\"The least price\"}"));
    WEIR_EXPECT(strstr(schema, "\"name\":{\"type\":[\"string\",\"null\"]}") && strstr(schema, "\"required\":[\"price-min\"]"));
    WEIR_EXPECT(strstr(schema, "\"words\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"default\":[]}"));
    return weir_test_end();
}
