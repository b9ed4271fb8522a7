// Runs the rows and timers of a keyed operator; see keyed.h.
#include "keyed.h"

#include "state.h"

#define CALL (&weir_call_memory)

static const char *begin(weir_call *call, struct weir_keyed *keyed, const weir_connected *connected, const wire_batch_t *batch,
                         wire_buffer_t key_of_row, const wire_states_t *states, const exports_keyed_clock_t *now) {
    struct weir_running *running = call->running;
    if (!connected->op) return "describe must be called before anything else";
    weir_begin(running, call, connected, batch->rows);
    running->keyed = keyed;
    running->batch = batch;
    if (key_of_row.len < batch->rows * sizeof(uint32_t)) return "the host passed too few keys";
    keyed->key_of_row = (const uint32_t *)key_of_row.ptr;
    keyed->key_count = states->keys;
    for (uint32_t row = 0; row < batch->rows; row++)
        if (keyed->key_of_row[row] >= states->keys)
            return weir_arena_string(CALL, "a row has key %u, but the call has %u keys", keyed->key_of_row[row], states->keys);
    keyed->changed = weir_arena_zeroed(CALL, states->keys * sizeof *keyed->changed);
    keyed->has_watermark = now->watermark.is_some;
    keyed->watermark = now->watermark.val;
    keyed->processing_time = now->processing_time;
    for (uint32_t i = 0; i < connected->map_count; i++) weir_map_begin(&keyed->maps[i], i, connected, states->keys);
    return weir_read_states(connected->op->state, connected->state, states, &keyed->slots);
}

static void *read_structs(weir_call *call, const weir_column_positions *positions, const weir_reads *reads, const char **why) {
    struct weir_running *running = call->running;
    void *structs = weir_arena_array(CALL, running->rows, positions->row ? positions->row->size : 0);
    if (!*why) *why = weir_read_positions(positions, reads, running->batch, structs, &running->invalid);
    return structs;
}

// Remembers what the row finds, to undo what it does.
static void before_row(weir_call *call, uint32_t row) {
    struct weir_keyed *keyed = call->running->keyed;
    call->row = row;
    keyed->slot_before = keyed->slots[keyed->key_of_row[row]];
    keyed->changed_before = keyed->changed[keyed->key_of_row[row]];
    keyed->timers_before = keyed->timers.count;
    for (size_t i = 0; i < call->running->connected->map_count; i++) keyed->maps[i].undo_count = 0;
}

// Makes state, timers and maps what the row has found.
static void undo(weir_call *call) {
    struct weir_keyed *keyed = call->running->keyed;
    keyed->slots[keyed->key_of_row[call->row]] = keyed->slot_before;
    keyed->changed[keyed->key_of_row[call->row]] = keyed->changed_before;
    keyed->timers.count = keyed->timers_before;
    for (size_t i = 0; i < call->running->connected->map_count; i++) weir_map_undo(&keyed->maps[i]);
}

static void after_row(weir_call *call, weir_status status) {
    if (weir_settle(call, status)) undo(call);
}

static void prefetch(weir_call *call, const weir_input *input, const unsigned char *rows) {
    struct weir_keyed *keyed = call->running->keyed;
    size_t size = input->row ? input->row->size : 0;
    for (uint32_t row = 0; row < call->running->rows; row++) {
        if (weir_row_is_refused(call->running, row)) continue;
        before_row(call, row);
        input->prefetch(call, rows + row * size);
        // What a row cannot name ahead it reads itself; if it fails there it is refused.
        call->running->reason = NULL;
        undo(call);
    }
    for (size_t i = 0; i < call->running->connected->output_count; i++) call->emitted[i].count = 0;
    memset(call->running->columns, 0, sizeof call->running->columns);
    for (size_t i = 0; i < call->running->connected->map_count; i++) weir_map_read_unknown(&keyed->maps[i]);
}

static const char *changed_states(struct weir_keyed *keyed, const weir_operator *op, exports_keyed_keyed_delta_t *answer) {
    uint32_t *keys = weir_arena_alloc(CALL, keyed->key_count * sizeof *keys), count = 0;
    void **slots = weir_arena_alloc(CALL, keyed->key_count * sizeof *slots);
    for (uint32_t key = 0; key < keyed->key_count; key++) {
        if (!keyed->changed[key]) continue;
        keys[count] = key;
        slots[count++] = keyed->slots[key];
    }
    answer->changed = weir_selection(keys, count, keyed->key_count);
    answer->states.keys = count;
    answer->states.present = weir_presence(slots, count);
    return weir_write_states(op->state, slots, count, &answer->states.columns);
}

static bool finish(weir_call *call, const char *why, exports_keyed_keyed_delta_t *answer, wire_string_t *error) {
    struct weir_running *running = call->running;
    struct weir_keyed *keyed = running->keyed;
    wire_delta_t *deltas = NULL;
    memset(answer, 0, sizeof *answer);
    if (!why) why = weir_finish_outputs(call, &deltas);
    if (!why) why = changed_states(keyed, running->connected->op, answer);
    if (!why) {
        answer->maps.ptr = weir_arena_alloc(CALL, running->connected->map_count * sizeof *answer->maps.ptr);
        for (size_t i = 0; i < running->connected->map_count && !why; i++)
            if (weir_map_finish(&keyed->maps[i], &answer->maps.ptr[answer->maps.len], &why)) answer->maps.len++;
    }
    if (why) {
        *error = weir_wire_string(weir_text_of(why));
        return false;
    }
    answer->outputs = (exports_keyed_list_delta_t){deltas, running->connected->output_count};
    answer->rejected = (exports_keyed_list_row_failure_t){running->failures, running->failure_count};
    answer->timers = weir_finish_timers(&keyed->timers);
    return true;
}

bool weir_keyed_process(const weir_connected *connected, uint32_t input, const wire_batch_t *batch, wire_buffer_t key_of_row,
                        const wire_states_t *states, const exports_keyed_clock_t *now, exports_keyed_keyed_delta_t *answer,
                        wire_string_t *error) {
    struct weir_running running = {0};
    struct weir_keyed keyed = {0};
    weir_call call = {.running = &running};
    const char *why = begin(&call, &keyed, connected, batch, key_of_row, states, now);
    if (!why && input >= connected->input_count) why = "there is no such input";
    if (!why) {
        running.input = &connected->inputs[input];
        call.input = running.input->name;
        const weir_input *declared = running.input->declared;
        unsigned char *rows = read_structs(&call, &running.input->row, &running.input->reads, &why);
        keyed.keys = read_structs(&call, &running.input->key, &running.input->reads, &why);
        weir_refuse_invalid_rows(&running, &running.invalid);
        size_t size = declared->row ? declared->row->size : 0;
        if (!why && declared->prefetch) prefetch(&call, declared, rows);
        for (uint32_t row = 0; !why && row < batch->rows; row++) {
            if (weir_row_is_refused(&running, row)) continue;
            before_row(&call, row);
            after_row(&call, declared->process(&call, rows + row * size));
        }
    }
    return finish(&call, why, answer, error);
}

bool weir_keyed_on_timer(const weir_connected *connected, const exports_keyed_timers_t *due, const wire_batch_t *keys,
                         const wire_states_t *states, const exports_keyed_clock_t *now, exports_keyed_keyed_delta_t *answer,
                         wire_string_t *error) {
    struct weir_running running = {0};
    struct weir_keyed keyed = {0};
    weir_call call = {.running = &running};
    const char *why = begin(&call, &keyed, connected, keys, due->keys, states, now);
    const int64_t *times = (const int64_t *)due->times.ptr;
    if (!why && due->times.len < keys->rows * sizeof *times) why = "the host passed too few times";
    // Another version of the operator may have set a timer that this one has no function for.
    if (!why && connected->op->on_timer) {
        keyed.keys = read_structs(&call, &connected->timer_key, &connected->timer_reads, &why);
        weir_refuse_invalid_rows(&running, &running.invalid);
        for (uint32_t row = 0; !why && row < keys->rows; row++) {
            if (weir_row_is_refused(&running, row)) continue;
            before_row(&call, row);
            weir_timer timer = {times[row],
                                due->domain == EXPORTS_KEYED_TIME_DOMAIN_EVENT_TIME ? WEIR_WATERMARK : WEIR_WALL_CLOCK};
            after_row(&call, connected->op->on_timer(&call, timer));
        }
    }
    return finish(&call, why, answer, error);
}
