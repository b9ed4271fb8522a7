// What the parts of the test harness share.
#ifndef WEIR_TESTING_TEST_H
#define WEIR_TESTING_TEST_H

#include "../check.h"
#include "../host.h"
#include "../keyed.h"
#include "../order.h"
#include "../state.h"
#include "weir/testing.h"

// An input of the operator under test.
typedef struct weir_test_input {
    const weir_row *row;
    const char *name;
    wire_input_t wire;
    weir_row keys; // the members that rows are keyed by
} weir_test_input;

// The rows that an output got of one call.
typedef struct weir_test_table {
    struct weir_test_table *next;
    size_t output;
    wire_batch_t batch;
    wire_schema_t schema;
} weir_test_table;

// What is kept for a key.
typedef struct weir_test_key {
    void *given; // a row with the key
    void *state; // NULL: none
} weir_test_key;

typedef struct weir_test_entry {
    size_t key;
    unsigned map;
    void *entry_key, *value;
} weir_test_entry;

typedef struct weir_test_timer {
    weir_timer timer;
    size_t key;
} weir_test_timer;

struct weir_test {
    weir_arena memory;
    weir_connected connected;
    wire_plan_t plan;
    weir_test_input inputs[WEIR_INPUTS_MAX];
    const char *error;
    bool has_forgotten; // the results, since the last call
    weir_world world;
    weir_test_table *tables, **last_table;
    weir_refusal *refused;
    size_t refused_count;
    weir_test_key *keys;
    size_t key_count, key_room;
    weir_test_entry *entries;
    size_t entry_count, entry_room;
    weir_test_timer *timers;
    size_t timer_count, timer_room;
    exports_keyed_clock_t now;
    size_t *keys_of_call; // during a call: which keys it has
    size_t keys_of_call_count;
};

// A copy in the test's own memory.
void *weir_test_own(weir_test *test, const weir_row *row, const void *value);
// Room for one more element of an array that doubles.
void *weir_test_more(weir_test *test, void *array, size_t count, size_t *room, size_t size);
// The columns of given rows. `only_keys`: those that they are keyed by, all others are null.
wire_list_node_t weir_test_columns(const weir_test_input *input, const wire_list_u32_t *columns, const void *rows, size_t count,
                                   bool only_keys);
// Makes the batch of a call.
wire_batch_t weir_test_batch(const weir_test *test, size_t input, const void *rows, size_t count);
// Adds what a call gave to the results.
void weir_test_apply(weir_test *test, size_t input, const void *rows, const wire_delta_t *deltas, size_t rows_of_call,
                     const wire_row_failure_t *rejected, size_t rejected_count, bool only_keys);
// Begins a call: forgets the results of the one before.
void weir_test_begin(weir_test *test);
void weir_test_fail(weir_test *test, wire_string_t error);
void weir_test_keyed_process(weir_test *test, size_t input, const void *rows, size_t count);
// The maps of the test whose call is running.
bool weir_test_get(uint32_t map, wire_buffer_t *keys, wire_maps_list_node_t *entry_keys, wire_maps_found_t *found,
                   wire_string_t *error);
bool weir_test_scan(uint32_t map, uint32_t key, wire_maps_bound_t *lower, wire_maps_bound_t *upper, uint32_t limit,
                    wire_maps_page_t *page, wire_string_t *error);
void weir_test_apply_maps(weir_test *test, const exports_keyed_list_map_changes_t *changes);
extern weir_test *weir_test_running;
// Log and metrics of tests.
extern const weir_host weir_test_host;
void weir_test_forget_telemetry(void);

#endif
