// The configuration of an operator: from the pipeline's JSON into a struct, and as a JSON Schema for tools.
#ifndef WEIR_CONFIG_H
#define WEIR_CONFIG_H

#include "schema.h"

// The key of a member: `late_after` is `late-after`.
const char *weir_config_key(const char *member, weir_arena *arena);
// Fills a struct that is all zeros. NULL, or what is wrong: the message names the key. No key that is not declared is taken.
const char *weir_config_read(const weir_row *row, weir_text json, void *config, weir_arena *arena);
// What is wrong with its declaration: NULL, or why.
const char *weir_config_misdeclared(const weir_row *row, weir_arena *arena);
const char *weir_config_schema(const weir_row *row, weir_arena *arena);

#endif
