// Memory: blocks hold what they say, whatever the sizes; a list of many columns is cut.
#include "../src/schema.h"
#include "expect.h"

static void sizes_near_a_block(void) {
    weir_arena arena = {0};
    for (size_t size = 131072 - 64; size <= 131072 + 64; size += 16) {
        weir_arena_alloc(&arena, 1);
        memset(weir_arena_alloc(&arena, size), 1, size); // the next block, to its last byte
        weir_arena_free(&arena);
    }
}

static void many_columns(void) {
    static wire_field_t fields[5000];
    for (size_t i = 0; i < 5000; i++) fields[i] = (wire_field_t){{(uint8_t *)"column", 6}, {(uint8_t *)"l", 1}, false, 0};
    weir_arena arena = {0};
    const char *listing = weir_listing((wire_schema_t){fields, 5000}, &arena);
    WEIR_EXPECT(strlen(listing) < 5000 && strstr(listing, ": int64, and 47"));
    EXPECT_TEXT(weir_listing((wire_schema_t){fields, 2}, &arena), "column: int64, column: int64");
    weir_arena_free(&arena);
}

int main(void) {
    sizes_near_a_block();
    many_columns();
    return weir_test_end();
}
