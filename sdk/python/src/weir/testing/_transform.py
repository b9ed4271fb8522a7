"""Runs a transform over one batch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from .. import _telemetry
from .._registry import operator_of
from ._results import Results, failed, results_of
from ._table import Table


def configured(declared: Any, config: dict[str, Any] | None = None) -> Any:
    """The operator (or the configuration of a function) that `config` of a pipeline describes, keys with dashes.

    Raises `ValueError` if it does not fit.
    """
    return operator_of(declared).configured(json.dumps(config or {}))


def transform(
    operator: Any,
    rows: Sequence[Any] | dict[str, Sequence[Any]],
    *,
    config: Any = None,
    row: type | None = None,
    input: str | None = None,
) -> Results:
    """Runs a transform over one batch. The rows are of one dataclass, which may have more columns than the operator reads.

    `operator`: an object of a class, or a function (with its configuration in `config`). An operator with several inputs is given a
    dictionary of lists, and `input` says whose rows come in this call; `row`: the class of the rows if there may be none.
    """
    declared = operator_of(operator)
    tables = tables_of(rows, row)
    names = list(tables)
    at = names.index(input) if input is not None else 0
    given = config if not declared.is_class else operator
    try:
        connected = declared.connect(given, [table.as_input(name, ()) for name, table in tables.items()])
        table = tables[names[at]]
        _telemetry.call_begins()
        delta = connected.process(at, table.batch(connected.plan.reads[at], connected.plan.reads_event_times))
    except Exception as error:
        raise failed(error) from error
    return results_of(connected.outputs, delta.outputs, delta.rejected, list(tables.values()), at)


def tables_of(rows: Sequence[Any] | dict[str, Sequence[Any]], row: type | None) -> dict[str, Table]:
    """The inputs by name; one that is given without a name is "main"."""
    if isinstance(rows, dict):
        return {name: Table.of(of, row) for name, of in rows.items()}
    return {"main": Table.of(rows, row)}


def log_lines() -> list[tuple[str, str]]:
    """Takes the lines that operators have logged: level and text."""
    lines = list(_telemetry.lines)
    _telemetry.lines.clear()
    return lines


def metrics() -> list[tuple[str, str, float]]:
    """Takes the figures that operators have set: "count", "gauge" or "observe", name and value."""
    figures = list(_telemetry.figures)
    _telemetry.figures.clear()
    return figures
