"""Lines and figures on their way to the host, or to a native test. What runs a second time is not said again."""

from __future__ import annotations

from typing import Any

from . import _wire

_LEVELS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR")

#: In native tests: what was logged and measured.
lines: list[tuple[str, str]] = []
figures: list[tuple[str, str, float]] = []


class _Progress:
    said = 0
    skip = 0


def call_begins() -> None:
    """Begins to count what a call says."""
    _Progress.said = _Progress.skip = 0


def call_runs_again() -> None:
    """What was said in this call is not said again."""
    _Progress.skip, _Progress.said = max(_Progress.said, _Progress.skip), 0


def _is_said() -> bool:
    _Progress.said += 1
    return _Progress.said <= _Progress.skip


def log(level: str, message: str) -> None:
    """Writes a line."""
    if _is_said():
        return
    if _wire.host_log is not None:
        _wire.host_log.log(getattr(_wire.host_log.Level, level), message)
    else:
        lines.append((level.lower(), message))


def measure(what: str, name: str, value: Any) -> None:
    """Adds to a counter (`count`), sets a gauge (`gauge`), or puts a value into a histogram (`observe`)."""
    if _is_said():
        return
    if _wire.host_metrics is not None:
        getattr(_wire.host_metrics, what)(name, value)
    else:
        figures.append((what, name, value))
