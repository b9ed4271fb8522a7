// Values that an operator hands over: they are checked against their columns, and what they point to becomes the call's own.
#ifndef WEIR_CARE_H
#define WEIR_CARE_H

#include "schema.h"

// Whether a struct can be copied as it is: nothing in it points elsewhere or can be out of range.
bool weir_row_is_plain(const weir_row *row);
// Takes care of a copy of a struct. NULL, or why it cannot be a row: text that is not UTF-8, a decimal out of range.
const char *weir_take_care(const weir_row *row, void *copy, weir_arena *arena);
// Takes care of one member.
const char *weir_take_care_of(const weir_field *field, void *value, weir_arena *arena);

bool weir_is_utf8(weir_text text);

#endif
