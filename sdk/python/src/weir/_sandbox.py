"""What a component does not have: a clock, randomness, files, modules that were not imported when it was built.

Used while it runs, each of them would end in a trap that names nothing. Here they raise, with what to do instead.
"""

from __future__ import annotations

import builtins
import importlib
import sys
import warnings
from typing import Any

from ._errors import reason_of

#: Modules that the standard library imports only when something is used.
_EARLY = (
    "_strptime",
    "encodings.ascii",
    "encodings.latin_1",
    "encodings.utf_8_sig",
    "encodings.cp1252",
    "encodings.idna",
    "encodings.utf_16",
)

_CLOCK = "an operator has no clock: use the event time of its rows, or of.processing_time of a keyed operator"
_RANDOM = "an operator has no randomness, so that it gives the same result when it runs again; random.Random(seed) is there"
_FILES = "an operator has no files: read them at the top level of the module, then their content becomes part of the component"

_FORBIDDEN = {
    "time": (
        _CLOCK,
        ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "sleep", "localtime", "gmtime", "ctime"),
    ),
    "random": (
        _RANDOM,
        ("random", "randint", "randrange", "choice", "choices", "shuffle", "sample", "uniform", "gauss", "getrandbits", "randbytes"),
    ),
    "os": (_FILES, ("open", "listdir", "scandir", "stat", "mkdir", "remove", "rename")),
    "uuid": (_RANDOM, ("uuid1", "uuid4")),
    "secrets": (_RANDOM, ("token_bytes", "token_hex", "token_urlsafe", "randbelow", "choice")),
}


class NotInComponent(RuntimeError):
    """Something is used that a component does not have. The message says what to use instead."""


class _Running:
    #: Whether the module of the operator has been imported, and the component runs.
    now = False


def prepare() -> None:
    """Before the operator's module is imported, when a component is built."""
    for name in _EARLY:
        try:
            importlib.import_module(name)
        except ImportError:
            pass
    sys.stdout = _Lines("INFO", sys.stdout)
    sys.stderr = _Lines("ERROR", sys.stderr)


def close() -> None:
    """At the first call of a component: from now on nothing but the contract is there."""
    if _Running.now:
        return
    for module, (why, names) in _FORBIDDEN.items():
        if module in sys.modules:
            for name in names:
                _forbid(sys.modules[module], name, why)
    if "os" in sys.modules:
        _forbid(sys.modules["os"], "urandom", _RANDOM)
    _forbid(builtins, "open", _FILES)
    sys.meta_path.insert(0, _NoImports())
    # Both would read source files.
    warnings.simplefilter("ignore")
    sys.unraisablehook = _log_unraisable
    _Running.now = True


def _log_unraisable(unraisable: Any) -> None:
    from . import _telemetry

    _telemetry.log("ERROR", f"ignored: {reason_of(unraisable.exc_value or RuntimeError())}")


def _forbid(module: Any, name: str, why: str) -> None:
    if not hasattr(module, name):
        return

    def forbidden(*_: Any, **__: Any) -> Any:
        raise NotInComponent(f"{module.__name__}.{name}: {why}")

    setattr(module, name, forbidden)


class _NoImports:
    """Finds no module."""

    def find_spec(self, name: str, *_: Any) -> Any:
        raise ImportError(f"{name} is imported while the operator runs: import it at the top level of the module", name=name)


class _Lines:
    """A stream whose lines go to the log once the component runs."""

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(self, level: str, before: Any) -> None:
        self._level, self._before, self._rest = level, before, ""

    def write(self, text: str) -> int:
        """Logs the lines that are complete."""
        if not _Running.now:
            return self._before.write(text)  # type: ignore[no-any-return]
        from . import _telemetry

        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            if line:
                _telemetry.log(self._level, line)
        return len(text)

    def flush(self) -> None:
        """Logs what is there of a line."""
        if not _Running.now:
            self._before.flush()
        elif self._rest:
            self.write("\n")

    def isatty(self) -> bool:
        """It is no terminal."""
        return False

    def writable(self) -> bool:
        """It can be written."""
        return True
