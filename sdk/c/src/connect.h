// An operator that is connected to its inputs: what `describe` finds out, and what every call needs to know.
#ifndef WEIR_CONNECT_H
#define WEIR_CONNECT_H

#include "column.h"

// The columns that an input passes in.
typedef struct weir_reads {
    wire_list_u32_t indices;     // in the input's schema, each once
    const wire_field_t **fields; // of each its nodes
} weir_reads;

// Where the members of a struct are among these columns; -1: a member is no column.
typedef struct weir_column_positions {
    const weir_row *row;
    int *at;
} weir_column_positions;

typedef struct weir_connected_input {
    const weir_input *declared;
    const char *name;
    weir_reads reads;
    weir_column_positions row, key;
} weir_connected_input;

typedef struct weir_connected_output {
    const weir_output *declared;
    const char *name;
    int *order;   // the members that are columns, in the order of the output
    size_t count; // how many
    size_t nodes; // of all of them
} weir_connected_output;

typedef struct weir_connected {
    const weir_operator *op;
    const void *config;
    weir_connected_input inputs[WEIR_INPUTS_MAX];
    size_t input_count;
    weir_connected_output outputs[WEIR_OUTPUTS_MAX];
    size_t output_count;
    weir_reads timer_reads; // the key columns as a timer has them
    weir_column_positions timer_key;
    wire_schema_t state, map_keys[WEIR_MAPS_MAX], map_values[WEIR_MAPS_MAX];
    size_t map_count;
} weir_connected;

typedef enum weir_world { WEIR_WORLD_TRANSFORM, WEIR_WORLD_KEYED, WEIR_WORLD_AGGREGATE } weir_world;

// The operator of this component, once it is connected; `op` is NULL before.
extern weir_connected weir_component;

// Connects the operator. True, with its plan; or false, with why not.
bool weir_connect(weir_connected *to, const weir_operator *op, weir_world world, weir_text config, const wire_input_t *inputs,
                  size_t input_count, wire_plan_t *plan, wire_string_t *error);
// What an operator says of itself.
void weir_about(const weir_operator *op, wire_operator_info_t *to);

// Finds the columns of a struct, and adds them to those that are read. NULL, or why not.
const char *weir_want(weir_reads *reads, weir_column_positions *positions, const weir_row *row, wire_schema_t schema,
                      const weir_operator *op, const void *config);
// Reads all columns, in their order.
void weir_want_all(weir_reads *reads, wire_schema_t schema);
// What an output is, for these inputs. NULL, or why it cannot be.
const char *weir_plan_output(weir_connected_output *to, const wire_input_t *inputs, size_t input_count, wire_output_t *plan);
// Reads the columns of a call into an array of structs. NULL, or why not.
const char *weir_read_positions(const weir_column_positions *positions, const weir_reads *reads, const wire_batch_t *batch,
                                void *rows, weir_invalid_rows *invalid);
// Reads one member.
const char *weir_read_member(weir_cells cells, int at, const weir_reads *reads, const wire_batch_t *batch,
                             weir_invalid_rows *invalid);

#endif
