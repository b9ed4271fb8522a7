// Stateless operators: the functions of the interface `transform`.
#ifndef WEIR_TRANSFORM_H
#define WEIR_TRANSFORM_H

#include "running.h"

// True, with the answer; or false, with why the call fails as a whole.
bool weir_transform_process(const weir_connected *connected, uint32_t input, const wire_batch_t *batch,
                            exports_transform_transform_delta_t *answer, wire_string_t *error);

#endif
