// Values that an operator hands over: they are checked against their columns, and what they point to becomes the call's own.
#ifndef WEIR_CHECK_H
#define WEIR_CHECK_H

#include "schema.h"

// Whether a struct can be copied as it is: nothing in it points elsewhere or can be out of range.
bool weir_row_is_plain(const weir_row *row);
// Checks a copy of a struct, and copies what it points to. NULL, or why it cannot be a row: text that is not UTF-8, a decimal out of range.
const char *weir_check_and_own(const weir_row *row, void *copy, weir_arena *arena);
// The same for one member.
const char *weir_check_and_own_member(const weir_field *field, void *value, weir_arena *arena);

bool weir_is_utf8(weir_text text);

#endif
