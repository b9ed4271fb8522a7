// Connects an operator to its inputs: what `describe` does; see connect.h.
#include "connect.h"

#include "config.h"
#include "running.h"

weir_connected weir_component;

#define PLAN (&weir_plan_memory)

static const char *message(const char *prefix, const char *why) { return weir_arena_string(PLAN, "%s%s", prefix, why); }

static bool has_event_time(const weir_row *row) {
    for (size_t i = 0; row && i < row->count; i++)
        if (row->fields[i].as == WEIR_EVENT_TIME) return true;
    return false;
}

// What belongs to a different WIT world.
static const char *misplaced(const weir_operator *op, weir_world world) {
    if (world != WEIR_WORLD_KEYED && (op->maps[0].name || op->on_timer || op->key || op->migrations[0].row))
        if (world == WEIR_WORLD_TRANSFORM || !op->migrations[0].row)
            return "key, maps, timers and migrations are those of WEIR_KEYED";
    if (world == WEIR_WORLD_TRANSFORM && op->state) return "a transform has no state: that is WEIR_KEYED or WEIR_AGGREGATE";
    if (world != WEIR_WORLD_AGGREGATE && (op->accumulate || op->merge || op->finish))
        return "accumulate, merge and finish are those of WEIR_AGGREGATE";
    if (op->migrations[0].row && !op->state) return "a migration makes a .state, and there is none";
    return NULL;
}

// What an author declared that cannot be.
static const char *misdeclared(const weir_operator *op, weir_world world) {
    const char *why = weir_config_misdeclared(op->config, PLAN);
    for (size_t i = 0; !why && i < WEIR_INPUTS_MAX; i++) {
        const weir_input *input = &op->inputs[i];
        why = weir_row_misdeclared(input->row, false, PLAN);
        bool has_function =
            world == WEIR_WORLD_AGGREGATE || input->process || (world == WEIR_WORLD_TRANSFORM && input->process_columns);
        bool is_input = i == 0 || input->name || input->row;
        if (!why && is_input && !has_function) why = "an input has a function `process`";
    }
    for (size_t i = 0; !why && i < WEIR_OUTPUTS_MAX; i++) {
        why = weir_row_misdeclared(op->outputs[i].row, false, PLAN);
        if (!why && i > 0 && op->outputs[i].row && !op->outputs[i].name) why = "a side output has a name";
    }
    if (!why) why = weir_row_misdeclared(op->key, false, PLAN);
    for (size_t i = 0; !why && op->key && i < op->key->count; i++)
        if (weir_field_is_metadata(&op->key->fields[i])) why = "a key has columns only: no event time, no kind of the row";
    if (!why) why = misplaced(op, world);
    if (!why) why = weir_row_misdeclared(op->state, true, PLAN);
    for (size_t i = 0; !why && i < WEIR_MAPS_MAX; i++) {
        why = weir_row_misdeclared(op->maps[i].key, true, PLAN);
        if (!why) why = weir_row_misdeclared(op->maps[i].value, true, PLAN);
        if (!why && op->maps[i].name && !op->maps[i].key) why = "a map has a key";
    }
    if (!why && world == WEIR_WORLD_AGGREGATE && !(op->state && op->accumulate && op->merge && op->finish && op->outputs[0].row))
        why = "an aggregate has a state, an output, and functions accumulate, merge and finish";
    return why ? message("the operator is declared wrongly: ", why) : NULL;
}

static const char *configure(weir_connected *to, const weir_operator *op, weir_text text) {
    void *config = weir_arena_zeroed(PLAN, op->config ? op->config->size : 1);
    to->config = config;
    const char *why = weir_config_read(op->config, text, config, PLAN);
    if (why || !op->check) return why;
    struct weir_running running = {0};
    weir_call call = {0};
    weir_begin(&running, &call, to, 0);
    if (op->check(&call, config) == WEIR_OK && !running.reason) return NULL;
    return message("config: ", running.reason ? running.reason : "it does not fit");
}

static const char *names_of(const weir_operator *op) {
    const char *names = "";
    for (size_t i = 0; i < WEIR_INPUTS_MAX && op->inputs[i].name; i++)
        names = weir_arena_string(PLAN, "%s%s%s", names, i > 0 ? ", " : "", op->inputs[i].name);
    return names;
}

// Which of the author's inputs each input of the pipeline is.
static const char *connect_inputs(weir_connected *to, const weir_operator *op, const wire_input_t *inputs, size_t count) {
    bool has_one = !op->inputs[0].name && !op->inputs[1].row && !op->inputs[1].process;
    if (has_one && count != 1) return weir_arena_string(PLAN, "the operator has one input, and is connected to %d", (int)count);
    if (count > WEIR_INPUTS_MAX) return "the operator is connected to too many inputs";
    to->input_count = count;
    for (size_t i = 0; i < count; i++) {
        weir_connected_input *input = &to->inputs[i];
        input->name = weir_arena_text(PLAN, inputs[i].name.ptr, inputs[i].name.len).data;
        for (size_t k = 0; k < WEIR_INPUTS_MAX; k++)
            if (has_one ? k == 0 : op->inputs[k].name && strcmp(op->inputs[k].name, input->name) == 0)
                input->declared = &op->inputs[k];
        if (!input->declared)
            return weir_arena_string(PLAN, "the operator has no input \"%s\"; it has %s", input->name, names_of(op));
    }
    for (size_t k = 0; !has_one && k < WEIR_INPUTS_MAX && op->inputs[k].name; k++) {
        bool connected = false;
        for (size_t i = 0; i < count; i++) connected |= to->inputs[i].declared == &op->inputs[k];
        if (!connected) return weir_arena_string(PLAN, "the operator's input \"%s\" is not connected", op->inputs[k].name);
    }
    return NULL;
}

// The schema of the columns that an input is keyed by.
static wire_schema_t key_schema(const wire_input_t *input) {
    wire_schema_t keys = {weir_arena_alloc(PLAN, input->columns.len * (input->keys.len + 1) * sizeof(wire_field_t)), 0};
    for (size_t i = 0; i < input->keys.len; i++) {
        const wire_field_t *column = input->columns.ptr + weir_column_start(input->columns, input->keys.ptr[i]);
        for (size_t k = 0; k < weir_node_count(column); k++) keys.ptr[keys.len++] = column[k];
    }
    return keys;
}

static const char *connect_columns(weir_connected *to, const weir_operator *op, const wire_input_t *inputs) {
    for (size_t i = 0; i < to->input_count; i++) {
        weir_connected_input *input = &to->inputs[i];
        const char *why = weir_want(&input->reads, &input->row, input->declared->row, inputs[i].columns, op, to->config);
        if (!why) why = weir_want(&input->reads, &input->key, op->key, inputs[i].columns, op, to->config);
        if (why) return why;
    }
    if (!op->on_timer || !op->key) return NULL;
    wire_schema_t keys = key_schema(&inputs[0]);
    weir_want_all(&to->timer_reads, keys);
    const char *why = weir_want(&to->timer_reads, &to->timer_key, op->key, keys, op, to->config);
    return why ? message("among the columns that the input is keyed by: ", why) : NULL;
}

static const char *plan_state(weir_connected *to, const weir_operator *op, wire_plan_t *plan) {
    to->state = weir_row_schema(op->state, PLAN);
    plan->state = (wire_option_state_layout_t){true, {op->version ? op->version : 1, to->state}};
    while (to->map_count < WEIR_MAPS_MAX && op->maps[to->map_count].name) to->map_count++;
    plan->maps = (wire_list_map_layout_t){weir_arena_alloc(PLAN, to->map_count * sizeof(wire_map_layout_t)), to->map_count};
    for (size_t i = 0; i < to->map_count; i++) {
        to->map_keys[i] = weir_row_schema(op->maps[i].key, PLAN);
        to->map_values[i] = weir_row_schema(op->maps[i].value, PLAN);
        plan->maps.ptr[i] =
            (wire_map_layout_t){weir_wire_string(weir_text_of(op->maps[i].name)), to->map_keys[i], to->map_values[i]};
    }
    return NULL;
}

static const char *connect_outputs(weir_connected *to, const weir_operator *op, const wire_input_t *inputs, wire_plan_t *plan,
                                   bool keeps) {
    to->output_count = 1;
    while (to->output_count < WEIR_OUTPUTS_MAX && op->outputs[to->output_count].name) to->output_count++;
    plan->outputs = (wire_list_output_t){weir_arena_alloc(PLAN, to->output_count * sizeof(wire_output_t)), to->output_count};
    for (size_t i = 0; i < to->output_count; i++) {
        const weir_output *output = &op->outputs[i];
        to->outputs[i] = (weir_connected_output){.declared = output, .name = i == 0 ? "main" : output->name};
        if (!keeps && (output->keep_all || output->keep[0].column))
            return "an aggregate cannot keep columns of its input: a group has many rows";
        const char *why = weir_plan_output(&to->outputs[i], inputs, to->input_count, &plan->outputs.ptr[i]);
        if (why) return why;
    }
    return NULL;
}

static const char *connect(weir_connected *to, const weir_operator *op, weir_world world, weir_text config,
                           const wire_input_t *inputs, size_t input_count, wire_plan_t *plan) {
    const char *why = misdeclared(op, world);
    if (!why) why = configure(to, op, config);
    if (!why) why = connect_inputs(to, op, inputs, input_count);
    if (!why) why = connect_columns(to, op, inputs);
    if (!why) why = connect_outputs(to, op, inputs, plan, world != WEIR_WORLD_AGGREGATE);
    if (!why && world != WEIR_WORLD_TRANSFORM) why = plan_state(to, op, plan);
    if (why) return why;
    plan->reads = (wire_list_list_u32_t){weir_arena_alloc(PLAN, input_count * sizeof(wire_list_u32_t)), input_count};
    for (size_t i = 0; i < input_count; i++) {
        plan->reads.ptr[i] = to->inputs[i].reads.indices;
        plan->reads_event_times |= has_event_time(to->inputs[i].declared->row);
    }
    to->op = op;
    return NULL;
}

bool weir_connect(weir_connected *to, const weir_operator *op, weir_world world, weir_text config, const wire_input_t *inputs,
                  size_t input_count, wire_plan_t *plan, wire_string_t *error) {
    weir_arena_reset(PLAN);
    memset(to, 0, sizeof *to);
    memset(plan, 0, sizeof *plan);
    const char *why = connect(to, op, world, config, inputs, input_count, plan);
    if (!why) return true;
    *error = weir_wire_string(weir_text_of(why));
    return false;
}

void weir_about(const weir_operator *op, wire_operator_info_t *to) {
    const char *title = op->title ? op->title : "", *why = weir_config_misdeclared(op->config, &weir_call_memory);
    const char *schema = why ? "" : weir_config_schema(op->config, &weir_call_memory);
    to->title = (wire_option_string_t){op->title != NULL, weir_wire_string(weir_text_of(title))};
    to->config_schema = (wire_option_string_t){!why, weir_wire_string(weir_text_of(schema))};
}
