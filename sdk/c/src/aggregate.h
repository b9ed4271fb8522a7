// Aggregates for windows: the functions of the interface `aggregate`.
#ifndef WEIR_AGGREGATE_H
#define WEIR_AGGREGATE_H

#include "running.h"

bool weir_aggregate_accumulate(const weir_connected *connected, const wire_batch_t *batch, wire_buffer_t group_of_row,
                               const wire_states_t *accumulators, exports_aggregate_accumulated_t *answer, wire_string_t *error);
bool weir_aggregate_merge(const weir_connected *connected, const wire_states_t *left, const wire_states_t *right,
                          wire_list_node_t *answer, wire_string_t *error);
bool weir_aggregate_finish(const weir_connected *connected, const wire_states_t *accumulators, wire_list_node_t *answer,
                           wire_string_t *error);

#endif
