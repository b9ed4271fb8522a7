"""The native library: its functions, and its failures as exceptions. It knows no Spark."""

import ctypes
import functools
import os
import pathlib
import re


class WeirError(Exception):
    """An operator cannot be opened, or a row cannot be processed; the message says which and why."""


_FUNCTIONS = {
    "weir_operator_open": (ctypes.c_int64, [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_void_p]),
    "weir_operator_outputs": (ctypes.c_int64, [ctypes.c_int64]),
    "weir_operator_output": (ctypes.c_char_p, [ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p]),
    "weir_operator_process": (ctypes.c_int64, [ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p]),
    "weir_operator_next": (ctypes.c_int64, [ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p]),
    "weir_operator_groups": (ctypes.c_int64, [ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]),
    "weir_operator_begin": (ctypes.c_int64, [ctypes.c_int64, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int64]),
    "weir_operator_advance": (ctypes.c_int64, [ctypes.c_int64, ctypes.c_int64]),
    "weir_operator_end": (ctypes.c_int64, [ctypes.c_int64]),
    "weir_operator_state": (ctypes.c_int64, [ctypes.c_int64, ctypes.POINTER(ctypes.c_void_p)]),
    "weir_operator_due": (ctypes.c_int64, [ctypes.c_int64, ctypes.POINTER(ctypes.c_int64), ctypes.POINTER(ctypes.c_int64)]),
    "weir_operator_close": (None, [ctypes.c_int64]),
    "weir_error": (ctypes.c_char_p, []),
}


@functools.cache
def library() -> ctypes.CDLL:
    """The library, loaded once: the one in this package, or the file that WEIR_LIBRARY names."""
    path = os.environ.get("WEIR_LIBRARY") or pathlib.Path(__file__).with_name("libweir_native.so")
    try:
        loaded = ctypes.CDLL(os.fspath(path))
    except OSError as error:
        raise WeirError(f"cannot load Weir's library: {error}; install the wheel of weir-spark, or set WEIR_LIBRARY") from error
    for name, (result, arguments) in _FUNCTIONS.items():
        function = getattr(loaded, name)
        function.restype, function.argtypes = result, arguments
    return loaded


# Names of options, as a pipeline file has them.
_OPTIONS = re.compile(r"\b(on|event|key)-(error|time|groups)\b")


def failure() -> WeirError:
    """Why the last call of this thread failed, with options as Python has them."""
    said = _OPTIONS.sub(r"\1_\2", library().weir_error().decode())
    return WeirError(said.replace('set on_error to "skip" or "dead-letter"', 'pass on_error="skip" or on_error="dead-letter"'))
