// Maps: reads, changes that later rows see, scans over several pages, and what a refused row leaves.
#include "expect.h"

typedef struct given {
    int64_t key;
    weir_text word;
    int64_t value;
} given;
WEIR_ROW(given, WEIR_FIELD(given, key), WEIR_FIELD(given, word), WEIR_FIELD(given, value));
typedef struct input {
    weir_text word;
    int64_t value;
} input;
WEIR_ROW(input, WEIR_FIELD(input, word), WEIR_FIELD(input, value));
typedef struct word {
    double weight;
    weir_text word;
    bool has_weight;
} word;
WEIR_ROW(word, WEIR_NULLABLE(word, weight), WEIR_FIELD(word, word));
typedef struct times {
    int64_t times;
} times;
WEIR_ROW(times, WEIR_FIELD(times, times));
typedef struct listing {
    weir_text words;
} listing;
WEIR_ROW(listing, WEIR_FIELD(listing, words));

enum { WORDS, SEEN };

static void prefetch(weir_call *call, const void *row) {
    const input *in = row;
    weir_map_prefetch(call, WORDS, &(word){.word = in->word});
    // What is done here is undone, and what is read here is not read again.
    weir_map_get(call, SEEN, &(word){.word = in->word});
    weir_map_put(call, WORDS, &(word){.word = in->word}, &(times){100});
    weir_set_timer(call, WEIR_WATERMARK, 1);
}

static weir_status process(weir_call *call, const void *row) {
    const input *in = row;
    word key = {.word = in->word};
    if (in->value == 2) key.has_weight = true, key.weight = -1.5;
    const times *before = weir_map_get(call, WORDS, &key);
    weir_map_put(call, WORDS, &key, &(times){(before ? before->times : 0) + 1});
    weir_map_put(call, SEEN, &key, NULL);
    if (in->value == -2) weir_map_remove(call, WORDS, &key);
    if (in->value == -1) return weir_refuse(call, "refused");
    if (in->value == 10) weir_map_put(call, WORDS, &key, NULL);
    if (in->value == 11) weir_map_get(call, WORDS, NULL);
    if (in->value != 9) return WEIR_OK;
    word from = {.word = WEIR_LITERAL("b")};
    weir_entries found = weir_map_scan(call, WORDS, (weir_range){.from = &from}, 100);
    weir_text words = {NULL, 0};
    for (size_t i = 0; i < found.count; i++) {
        const word *of = (const word *)found.keys + i;
        int count = (int)((const times *)found.values)[i].times;
        words = weir_concat(call, words,
                            weir_format(call, "%.*s%s=%d ", (int)of->word.size, of->word.data, of->has_weight ? "!" : "", count));
    }
    weir_emit(call, &(listing){words});
    WEIR_ENSURE(call, weir_map_get(call, SEEN, &key) != NULL);
    WEIR_ENSURE(call, weir_map_scan(call, WORDS, (weir_range){.after = &from, .before = &from}, 9).count == 0);
    WEIR_ENSURE(call, weir_map_scan(call, WORDS, (weir_range){.from = &from, .to = &from}, 9).count <= 1);
    WEIR_ENSURE(call, weir_map_scan(call, WORDS, (weir_range){0}, 1).count == 1);
    // Of two bounds at one end the tighter one counts.
    word low = {.word = WEIR_LITERAL("")}, high = {.word = WEIR_LITERAL("zz")};
    size_t between = weir_map_scan(call, WORDS, (weir_range){.after = &from}, 99).count;
    WEIR_ENSURE(call, weir_map_scan(call, WORDS, (weir_range){.from = &low, .after = &from}, 99).count == between);
    WEIR_ENSURE(call, weir_map_scan(call, WORDS, (weir_range){.from = &from, .after = &from}, 99).count == between);
    WEIR_ENSURE(call, weir_map_scan(call, WORDS, (weir_range){.to = &high, .before = &low}, 99).count == 0);
    WEIR_ENSURE(call, weir_map_scan(call, WORDS, (weir_range){.to = &from, .before = &high}, 99).count <= 3);
    weir_map_remove(call, in->word.size == 1 ? WORDS : 7, &key);
    return WEIR_OK;
}

static const weir_operator op = {
    .inputs = {{.row = &input_row, .process = process, .prefetch = prefetch}},
    .outputs = {{.row = &listing_row}},
    .maps = {[WORDS] = {"words", &word_row, &times_row}, [SEEN] = {"seen", &word_row, NULL}},
};

static void listed(weir_test *test, const char *expected) {
    size_t count;
    const listing *rows = weir_test_output(test, "main", &listing_row, &count);
    WEIR_EXPECT(count == 1);
    if (count == 1) EXPECT_TEXT(weir_text_of(rows[0].words.data).data, expected);
}

int main(void) {
    weir_test *test = weir_test_open(&op, NULL, (weir_given){.row = &given_row, .key_by = {"key"}});
    WEIR_EXPECT(!weir_test_error(test));
    const weir_text a = WEIR_LITERAL("a"), b = WEIR_LITERAL("b"), c = WEIR_LITERAL("c"), d = WEIR_LITERAL("d"),
                    e = WEIR_LITERAL("e");
    const given first[] = {{1, b, 0}, {1, d, 0}, {1, b, -1}, {2, b, 0}, {1, e, 0}, {1, b, 0}, {1, c, 2}, {1, a, 0}};
    weir_test_process(test, first, 8);
    EXPECT_REFUSED(test, 2, "refused");
    weir_entries entries = weir_test_entries(test, WORDS, &first[0]);
    WEIR_EXPECT(entries.count == 5);
    const word *keys = entries.keys;
    const times *values = entries.values;
    WEIR_EXPECT(weir_text_equal(keys[0].word, a) && weir_text_equal(keys[1].word, b) && values[1].times == 2 &&
                keys[4].has_weight);

    // What the host has (b, d, e, c!) with what the call changes: d is removed, bb is new, e is as it was.
    const given second[] = {{1, d, -2}, {1, WEIR_LITERAL("bb"), 0}, {1, e, -1}, {1, b, 9}};
    weir_test_process(test, second, 4);
    listed(test, "b=3 bb=1 e=1 c!=1 ");
    EXPECT_REFUSED(test, 2, "refused");
    WEIR_EXPECT(weir_test_entries(test, WORDS, &first[0]).count == 4 && weir_test_entries(test, SEEN, &first[0]).count == 6);
    weir_test_process(test, &(given){1, WEIR_LITERAL("bb"), 9}, 1);
    EXPECT_REFUSED(test, 0, "there is no map 7");
    size_t timers;
    weir_test_timers(test, &timers);
    WEIR_EXPECT(timers == 0);
    weir_test_process(test, &(given){1, WEIR_LITERAL("x"), 10}, 1);
    EXPECT_REFUSED(test, 0, "NULL is given in place of a struct times");
    weir_test_process(test, &(given){1, WEIR_LITERAL("x"), 11}, 1);
    EXPECT_REFUSED(test, 0, "NULL is given in place of a struct word");
    weir_test_close(test);
    return weir_test_end();
}
