// One output of an answer as the host takes it: which rows its rows come from, and their columns.
#include "running.h"

wire_selection_t weir_selection(const uint32_t *sources, size_t count, uint32_t rows) {
    if (count == 0) return (wire_selection_t){.tag = WIRE_SELECTION_EMPTY};
    size_t same = 0;
    if (count == rows)
        while (same < count && sources[same] == same) same++;
    if (same == rows) return (wire_selection_t){.tag = WIRE_SELECTION_ALL};
    return (wire_selection_t){WIRE_SELECTION_INDICES, {.indices = {(uint8_t *)sources, count * sizeof *sources}}};
}

// The event times or kinds of the output rows, packed.
static wire_buffer_t row_metadata(weir_cells cells, size_t rows) {
    size_t width = cells.field->as == WEIR_EVENT_TIME ? sizeof(int64_t) : 1;
    wire_buffer_t packed = {weir_arena_array(&weir_call_memory, rows, width), rows * width};
    for (size_t i = 0; i < rows; i++) {
        const unsigned char *value = cells.values + i * cells.stride;
        if (width == 1)
            packed.ptr[i] = *value;
        else
            ((int64_t *)packed.ptr)[i] = *(const int64_t *)value;
    }
    return packed;
}

const char *weir_write_output(const weir_connected_output *output, const weir_cells *cells, size_t rows, wire_delta_t *delta) {
    const weir_row *row = output->declared->row;
    delta->computed = (wire_list_node_t){weir_arena_alloc(&weir_call_memory, output->nodes * sizeof(wire_node_t)), output->nodes};
    wire_node_t *next = delta->computed.ptr;
    for (size_t k = 0; k < output->count; k++) {
        const char *why = weir_write_column(cells[output->order[k]], NULL, rows, &weir_call_memory, &next);
        if (why) return why;
    }
    for (size_t i = 0; row && i < row->count; i++) {
        if (row->fields[i].as == WEIR_EVENT_TIME) delta->event_times = row_metadata(cells[i], rows);
        if (row->fields[i].as == WEIR_ROW_KIND) delta->row_kinds = row_metadata(cells[i], rows);
    }
    return NULL;
}
