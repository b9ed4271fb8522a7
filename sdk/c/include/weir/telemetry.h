// The operator's log and its own figures.
#ifndef WEIR_TELEMETRY_H
#define WEIR_TELEMETRY_H

#include "call.h"

typedef enum weir_level { WEIR_TRACE, WEIR_DEBUG, WEIR_INFO, WEIR_WARN, WEIR_ERROR } weir_level;

// Writes one line to the operator's log, which is limited in rate and size.
void weir_log(weir_level level, const char *format, ...) WEIR_PRINTF(2, 3);

// Adds to a counter.
void weir_count(const char *name, uint64_t by);
// Sets a gauge.
void weir_gauge(const char *name, double value);
// Puts a value into a histogram.
void weir_observe(const char *name, double value);

#endif
