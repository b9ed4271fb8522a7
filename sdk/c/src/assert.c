// What assert() calls in a component, in place of the function of the C library, which prints: see the flags of `weir build`.
// The condition goes to the log of the operator, then it traps.
#ifdef __wasm__

#include "weir/telemetry.h"

_Noreturn void weir_assert_fail(const char *condition, const char *file, int line, const char *function);
_Noreturn void weir_assert_fail(const char *condition, const char *file, int line, const char *function) {
    weir_log(WEIR_ERROR, "%s:%d: assert(%s) does not hold, in %s", file, line, condition, function);
    __builtin_trap();
}

#endif
