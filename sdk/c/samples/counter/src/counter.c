// A keyed counter with a state, timers, a map and a migration of its state. What it means is written in tests/conformance/README.md,
// for all languages.
#include <inttypes.h>
#include <weir/weir.h>

enum { WORDS_MAX = 1000 };

typedef struct settings {
    int64_t gap_seconds;
    int64_t alarm_seconds;
    bool has_alarm_seconds;
    int64_t total_max;
    bool has_total_max;
} settings;
WEIR_ROW(settings, WEIR_FIELD(settings, gap_seconds), WEIR_NULLABLE(settings, alarm_seconds), WEIR_NULLABLE(settings, total_max));

typedef struct value {
    weir_text word;
    bool has_word;
    int64_t value;
    int64_t at;
} value;
WEIR_ROW(value, WEIR_NULLABLE(value, word), WEIR_FIELD(value, value), WEIR_FIELD(value, at, .as = WEIR_EVENT_TIME));

// What is kept per key.
typedef struct state {
    uint64_t count;
    int64_t total;
    int64_t due, alarm;
    bool has_due, has_alarm;
} state;
WEIR_ROW(state, WEIR_FIELD(state, count), WEIR_FIELD(state, total), WEIR_NULLABLE(state, due, .as = WEIR_TIMESTAMP),
    WEIR_NULLABLE(state, alarm, .as = WEIR_TIMESTAMP));

// What version 1 kept.
typedef struct version1 {
    uint32_t count;
} version1;
WEIR_ROW(version1, WEIR_FIELD(version1, count));

// An entry of the map `words`.
typedef struct word {
    weir_text word;
} word;
WEIR_ROW(word, WEIR_FIELD(word, word));

typedef struct times {
    int64_t times;
} times;
WEIR_ROW(times, WEIR_FIELD(times, times));

// The main output.
typedef struct counted {
    uint64_t count;
    int64_t total;
    int64_t times;
    bool has_times;
} counted;
WEIR_ROW(counted, WEIR_FIELD(counted, count), WEIR_FIELD(counted, total), WEIR_NULLABLE(counted, times));

// The side output `summary`.
typedef struct summary {
    uint64_t count;
    int64_t words;
    weir_text first;
    bool has_first;
} summary;
WEIR_ROW(summary, WEIR_FIELD(summary, count), WEIR_FIELD(summary, words), WEIR_NULLABLE(summary, first));

// The side output `alarm`.
typedef struct alarm {
    uint64_t count;
} alarm;
WEIR_ROW(alarm, WEIR_FIELD(alarm, count));

enum { MAIN, SUMMARY, ALARM };
enum { WORDS };

static weir_status check(weir_call *call, const void *given) {
    const settings *config = given;
    if (config->gap_seconds < 1) return weir_refuse(call, "`gap-seconds` is at least 1");
    if (config->has_alarm_seconds && config->alarm_seconds < 1) return weir_refuse(call, "`alarm-seconds` is at least 1");
    return WEIR_OK;
}

// So many seconds later.
static weir_status after(weir_call *call, int64_t time, int64_t seconds, const char *name, int64_t *later) {
    int64_t micros;
    if (__builtin_mul_overflow(seconds, 1000000, &micros) || __builtin_add_overflow(time, micros, later))
        return weir_refuse(call, "%s is out of range", name);
    return WEIR_OK;
}

// Emits what is known of a key, and forgets it.
static void summarize(weir_call *call, const state *of) {
    if (of->has_due) weir_delete_timer(call, WEIR_WATERMARK, of->due);
    if (of->has_alarm) weir_delete_timer(call, WEIR_WALL_CLOCK, of->alarm);
    weir_entries found = weir_map_scan(call, WORDS, (weir_range){0}, WORDS_MAX);
    const word *words = found.keys;
    for (size_t i = 0; i < found.count; i++) weir_map_remove(call, WORDS, &words[i]);
    summary out = {.count = of->count, .words = (int64_t)found.count, .has_first = found.count > 0};
    if (found.count > 0) out.first = words[0].word;
    weir_emit_to(call, SUMMARY, &out);
    weir_clear_state(call);
}

static void prefetch(weir_call *call, const void *given) {
    const value *row = given;
    if (row->has_word) weir_map_prefetch(call, WORDS, &(word){row->word});
}

static weir_status process(weir_call *call, const void *given) {
    const settings *config = call->config;
    const value *row = given;
    const state *found = weir_state(call);
    if (found && found->has_due && found->due <= row->at) summarize(call, found);
    found = weir_state(call);
    state now = found ? *found : (state){0};
    if (!found && config->has_alarm_seconds) {
        if (after(call, weir_processing_time(call), config->alarm_seconds, "alarm", &now.alarm)) return WEIR_REFUSED;
        now.has_alarm = true;
        weir_set_timer(call, WEIR_WALL_CLOCK, now.alarm);
    }
    if (__builtin_add_overflow(now.count, 1, &now.count)) return weir_refuse(call, "count is out of range");
    if (__builtin_add_overflow(now.total, row->value, &now.total)) return weir_refuse(call, "total is out of range");
    counted out = {.count = now.count, .total = now.total, .has_times = row->has_word};
    if (row->has_word) {
        const times *entry = weir_map_get(call, WORDS, &(word){row->word});
        out.times = (entry ? entry->times : 0) + 1;
        weir_map_put(call, WORDS, &(word){row->word}, &(times){out.times});
    }
    if (row->value < 0) return weir_refuse(call, "value is %" PRId64, row->value);
    int64_t due;
    if (after(call, row->at, config->gap_seconds, "due", &due)) return WEIR_REFUSED;
    if (now.has_due) weir_delete_timer(call, WEIR_WATERMARK, now.due);
    now.due = due;
    now.has_due = true;
    weir_set_timer(call, WEIR_WATERMARK, due);
    weir_set_state(call, &now);
    weir_emit(call, &out);
    return WEIR_OK;
}

static weir_status on_timer(weir_call *call, weir_timer timer) {
    const state *found = weir_state(call);
    if (!found) return WEIR_OK;
    const settings *config = call->config;
    int64_t total = found->total;
    if (timer.clock == WEIR_WATERMARK && found->has_due && found->due == timer.time) {
        summarize(call, found);
    } else if (timer.clock == WEIR_WALL_CLOCK && found->has_alarm && found->alarm == timer.time) {
        weir_emit_to(call, ALARM, &(alarm){found->count});
        state now = *found;
        now.has_alarm = false;
        weir_set_state(call, &now);
    }
    if (config->has_total_max && total > config->total_max) return weir_refuse(call, "total is %" PRId64, total);
    return WEIR_OK;
}

static weir_status from_version_1(weir_call *call, const void *old, void *to) {
    (void)call;
    ((state *)to)->count = ((const version1 *)old)->count;
    return WEIR_OK;
}

static const weir_operator counter = {
    .title = "A counter per key",
    .config = &settings_row,
    .check = check,
    .inputs = {{.row = &value_row, .process = process, .prefetch = prefetch}},
    .outputs = {
        [MAIN] = {.row = &counted_row, .keep_all = true},
        [SUMMARY] = {.name = "summary", .row = &summary_row, .keep = {{.column = "key"}}},
        [ALARM] = {.name = "alarm", .row = &alarm_row, .keep = {{.column = "key"}}},
    },
    .state = &state_row,
    .version = 2,
    .maps = {[WORDS] = {"words", &word_row, &times_row}},
    .on_timer = on_timer,
    .migrations = {{1, &version1_row, from_version_1}},
};
WEIR_KEYED(counter);
