"""Figures of the operator's own, limited in number by the host."""

from __future__ import annotations

from . import _telemetry


def count(name: str, by: int = 1) -> None:
    """Adds to a counter."""
    if by < 0:
        raise ValueError(f"a counter does not go down: {by}")
    _telemetry.measure("count", name, by)


def gauge(name: str, value: float) -> None:
    """Sets a gauge."""
    _telemetry.measure("gauge", name, float(value))


def observe(name: str, value: float) -> None:
    """Puts a value into a histogram."""
    _telemetry.measure("observe", name, float(value))
