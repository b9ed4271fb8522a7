"""Lines for the operator's log, limited in rate and size by the host. `print` writes lines of level info."""

from __future__ import annotations

from . import _telemetry


def trace(message: object) -> None:
    """Writes a line of level trace."""
    _telemetry.log("TRACE", str(message))


def debug(message: object) -> None:
    """Writes a line of level debug."""
    _telemetry.log("DEBUG", str(message))


def info(message: object) -> None:
    """Writes a line of level info."""
    _telemetry.log("INFO", str(message))


def warn(message: object) -> None:
    """Writes a line of level warn."""
    _telemetry.log("WARN", str(message))


def error(message: object) -> None:
    """Writes a line of level error."""
    _telemetry.log("ERROR", str(message))
