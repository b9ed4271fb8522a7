// What an output is: the columns that the host carries over, and those that the operator computes, in their order.
#include "connect.h"

typedef struct building {
    weir_connected_output *output;
    const weir_row *row;
    bool *placed; // which members have their place
    wire_output_t *plan;
} building;

static wire_schema_t field_schema(const weir_field *field) {
    wire_schema_t schema = {weir_arena_alloc(&weir_plan_memory, weir_field_nodes(field) * sizeof(wire_field_t)),
                            weir_field_nodes(field)};
    wire_field_t *to = schema.ptr;
    weir_field_schema(field, &weir_plan_memory, &to);
    return schema;
}

static void compute(building *b, size_t member) {
    b->placed[member] = true;
    wire_schema_t schema = field_schema(&b->row->fields[member]);
    b->output->order[b->output->count++] = (int)member;
    b->output->nodes += schema.len;
    b->plan->columns.ptr[b->plan->columns.len++] = (wire_output_column_t){WIRE_OUTPUT_COLUMN_COMPUTED, {.computed = schema}};
}

// A column of this name: the one that is computed, or that of the input.
static void keep(building *b, size_t input, size_t column, wire_string_t name, bool renamed) {
    for (size_t i = 0; b->row && i < b->row->count; i++) {
        const weir_field *field = &b->row->fields[i];
        if (b->placed[i] || weir_field_is_metadata(field) || !weir_string_is(name, weir_field_name(field))) continue;
        compute(b, i);
        return;
    }
    wire_kept_column_t kept = {(uint32_t)input, (uint32_t)column, {renamed, name}};
    b->plan->columns.ptr[b->plan->columns.len++] = (wire_output_column_t){WIRE_OUTPUT_COLUMN_KEPT, {.kept = kept}};
}

static const char *keep_all(building *b, const wire_input_t *inputs, size_t input_count) {
    weir_arena *arena = &weir_plan_memory;
    const weir_output *declared = b->output->declared;
    if (input_count > 1)
        return weir_arena_string(arena, "output \"%s\" keeps all columns, but of several inputs: name them", b->output->name);
    wire_schema_t schema = inputs[0].columns;
    for (size_t k = 0; k < WEIR_KEPT_MAX && declared->drop[k]; k++)
        if (weir_column_index(schema, weir_text_of(declared->drop[k])) < 0)
            return weir_arena_string(arena, "there is no column \"%s\", which output \"%s\" drops; the input has %s",
                                     declared->drop[k], b->output->name, weir_listing(schema, arena));
    for (size_t i = 0; i < weir_column_count(schema); i++) {
        wire_string_t name = schema.ptr[weir_column_start(schema, i)].name;
        bool dropped = false;
        for (size_t k = 0; k < WEIR_KEPT_MAX && declared->drop[k]; k++) dropped |= weir_string_is(name, declared->drop[k]);
        if (!dropped) keep(b, 0, i, name, false);
    }
    return NULL;
}

// The inputs' columns, for people.
static const char *all_columns(const wire_input_t *inputs, size_t count, weir_arena *arena) {
    const char *all = "";
    for (size_t i = 0; i < count; i++) {
        const char *listing = weir_listing(inputs[i].columns, arena);
        all = count == 1 ? weir_arena_string(arena, "the input has %s", listing)
                         : weir_arena_string(arena, "%s%s%.*s has %s", all, i > 0 ? "; " : "", (int)inputs[i].name.len,
                                             inputs[i].name.ptr, listing);
    }
    return all;
}

static const char *keep_named(building *b, const weir_kept *kept, const wire_input_t *inputs, size_t input_count) {
    weir_arena *arena = &weir_plan_memory;
    size_t found = 0, input = 0, column = 0;
    for (size_t i = 0; i < input_count; i++) {
        long index = weir_column_index(inputs[i].columns, weir_text_of(kept->column));
        size_t prefix = inputs[i].name.len;
        bool names_input = input_count > 1 && strncmp(kept->column, (const char *)inputs[i].name.ptr, prefix) == 0 &&
                           kept->column[prefix] == '.';
        if (index < 0 && names_input) index = weir_column_index(inputs[i].columns, weir_text_of(kept->column + prefix + 1));
        if (index >= 0) found++, input = i, column = (size_t)index;
    }
    if (found == 0)
        return weir_arena_string(arena, "there is no column \"%s\", which output \"%s\" keeps; %s", kept->column, b->output->name,
                                 all_columns(inputs, input_count, arena));
    if (found > 1)
        return weir_arena_string(arena, "several inputs have a column \"%s\", which output \"%s\" keeps: write \"INPUT.%s\"",
                                 kept->column, b->output->name, kept->column);
    wire_string_t own = inputs[input].columns.ptr[weir_column_start(inputs[input].columns, column)].name;
    keep(b, input, column, kept->as ? weir_wire_string(weir_text_of(kept->as)) : own, kept->as && !weir_string_is(own, kept->as));
    return NULL;
}

const char *weir_plan_output(weir_connected_output *to, const wire_input_t *inputs, size_t input_count, wire_output_t *plan) {
    weir_arena *arena = &weir_plan_memory;
    const weir_output *declared = to->declared;
    size_t members = declared->row ? declared->row->count : 0,
           columns = weir_column_count(inputs[0].columns) + WEIR_KEPT_MAX + members;
    *plan = (wire_output_t){weir_wire_string(weir_text_of(to->name)),
                            {weir_arena_alloc(arena, columns * sizeof(wire_output_column_t)), 0},
                            WIRE_CHANGELOG_MODE_INSERT_ONLY};
    to->order = weir_arena_alloc(arena, members * sizeof *to->order);
    building b = {to, declared->row, weir_arena_zeroed(arena, members), plan};
    const char *why = declared->keep_all ? keep_all(&b, inputs, input_count) : NULL;
    for (size_t k = 0; !why && k < WEIR_KEPT_MAX && declared->keep[k].column; k++)
        why = keep_named(&b, &declared->keep[k], inputs, input_count);
    for (size_t i = 0; !why && i < members; i++) {
        if (declared->row->fields[i].as == WEIR_ROW_KIND)
            plan->changelog = WIRE_CHANGELOG_MODE_RETRACT;
        if (!b.placed[i] && !weir_field_is_metadata(&declared->row->fields[i])) compute(&b, i);
    }
    return why;
}
