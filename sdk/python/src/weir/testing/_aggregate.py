"""Runs an aggregate as the host does: parts on their own, then merged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import _telemetry, _wire
from .._registry import operator_of
from .._schema import columns_of
from ._results import Results, failed
from ._table import Table


def aggregate(operator: Any, parts: Sequence[Sequence[Any]], *, row: type | None = None) -> Results:
    """The result of one group whose rows were accumulated in these parts, each on its own, and merged in order. For a sound aggregate it
    does not matter how the rows are cut into parts.

    Its only row is that of the main output; rows that were refused are named by their index over all parts.
    """
    declared = operator_of(operator)
    if row is None:
        row = next((type(part[0]) for part in parts if part), declared.step.row.cls)
    merged: list[Any] | None = None
    rejected = []
    before = 0
    try:
        connected = declared.connect(operator, [Table.of([], row).as_input("main", ())])
        accumulator = declared.accumulator
        for part in parts:
            table = Table.of(part, row)
            fresh = _wire.States(1, b"\0", accumulator.write([accumulator.blank()]))
            batch = table.batch(connected.plan.reads[0], connected.plan.reads_event_times)
            _telemetry.call_begins()
            accumulated = connected.accumulate(batch, bytes(4 * len(part)), fresh)
            rejected += [(before + failure.row, failure.reason) for failure in accumulated.rejected]
            before += len(part)
            made = accumulated.accumulators
            merged = made if merged is None else connected.merge(_one(merged), _one(made))
        if merged is None:
            merged = accumulator.write([accumulator.cls()])
        nodes = connected.finish(_one(merged))
    except Exception as error:
        raise failed(error) from error
    output = declared.output
    columns = [field.codec.read(column, nodes)[0] for field, column in zip(output.columns, columns_of(output.fields()))]
    table = Table([field.column for field in output.columns], [field.codec for field in output.columns], columns, 1)
    return Results({"main": table}, rejected)


def _one(nodes: list[Any]) -> Any:
    return _wire.States(1, b"", nodes)
