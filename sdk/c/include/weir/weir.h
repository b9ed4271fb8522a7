// Everything that an operator needs.
#ifndef WEIR_WEIR_H
#define WEIR_WEIR_H

#ifdef __cplusplus
extern "C" {
#endif

#include "call.h"
#include "columns.h"
#include "keyed.h"
#include "telemetry.h"

#ifdef __cplusplus
}
#endif

#endif
