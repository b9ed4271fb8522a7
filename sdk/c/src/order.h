// The order of entries in a map: by the first member, then the next; ascending, nulls first, text and binary by bytes, floating-point
// numbers in total order.
#ifndef WEIR_ORDER_H
#define WEIR_ORDER_H

#include "schema.h"

// Below 0: `a` comes first; 0: they are the same.
int weir_compare(const weir_row *row, const void *a, const void *b);
// Equal structs have equal hashes.
uint64_t weir_hash(const weir_row *row, const void *value);

#endif
