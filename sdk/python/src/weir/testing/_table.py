"""Rows of a test as columns, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import _wire
from .._outputs import plan_time
from .._rows import RowType, row_type
from .._schema import columns_of


class Table:
    """Rows as columns of Python values."""

    def __init__(self, names: list[str], codecs: list[Any], columns: list[list[Any]], rows: int) -> None:
        self.names, self.codecs, self.columns, self.rows = names, codecs, columns, rows
        self.times: list[int] = [0] * rows
        self.kinds: list[int] = [0] * rows

    @classmethod
    def of(cls, rows: Sequence[Any], row: type | None = None) -> Table:
        """The columns of rows of one dataclass, which `row` names if there may be none."""
        if row is None:
            if not rows:
                raise ValueError("there are no rows: say of which class with row=...")
            row = type(rows[0])
        of = row_type(row)
        if any(type(item) is not row for item in rows):
            raise TypeError(f"all rows of an input must be of one class, {row.__name__}")
        columns = [[getattr(item, field.attribute) for item in rows] for field in of.columns]
        table = cls([field.column for field in of.columns], [field.codec for field in of.columns], columns, len(rows))
        if of.event_time is not None:
            table.times = [plan_time(None, getattr(item, of.event_time)) for item in rows]  # type: ignore[arg-type]
        if of.kind is not None:
            table.kinds = [getattr(item, of.kind) for item in rows]
        return table

    def fields(self, indices: Sequence[int] | None = None) -> list[Any]:
        """The schema of some columns, nodes in pre-order."""
        at = range(len(self.names)) if indices is None else indices
        return [node for index in at for node in self.codecs[index].fields(self.names[index])]

    def as_input(self, name: str, keys: Sequence[int]) -> Any:
        """What `describe` gets."""
        mode = _wire.ChangelogMode.RETRACT if any(self.kinds) else _wire.ChangelogMode.INSERT_ONLY
        return _wire.Input(name, self.fields(), list(keys), mode)

    def batch(self, indices: Sequence[int], with_times: bool) -> Any:
        """What a call gets of it."""
        from array import array

        nodes = [node for index in indices for node in self.codecs[index].write(self.columns[index])]
        times = array("q", self.times).tobytes() if with_times else b""
        return _wire.Batch(self.rows, nodes, times, bytes(self.kinds) if any(self.kinds) else b"")

    def values(self, name: str) -> list[Any]:
        """One column."""
        return self.columns[self.names.index(name)]

    def as_rows(self, cls: type | None) -> list[Any]:
        """The rows as dictionaries, or as objects of a dataclass."""
        if cls is None:
            return [dict(zip(self.names, values)) for values in zip(*self.columns)] if self.columns else [{} for _ in range(self.rows)]
        of: RowType = row_type(cls)
        by_name = {field.attribute: self.values(field.column) for field in of.columns}
        if of.event_time is not None:
            by_name[of.event_time] = self.times
        if of.kind is not None:
            by_name[of.kind] = self.kinds
        return of.make_all(range(self.rows), [by_name[name] for name in of.reads])

    def extend(self, later: Table) -> None:
        """Appends the rows of a table with the same columns."""
        for mine, others in zip(self.columns, later.columns):
            mine.extend(others)
        self.times += later.times
        self.kinds += later.kinds
        self.rows += later.rows


def applied(plan: Any, delta: Any, inputs: list[Table], at_input: int) -> Table:
    """What an output has after a call: kept columns of the rows that it names, and the computed ones."""
    source = inputs[at_input]
    rows = selected(delta.rows, source.rows)
    codecs = {field.column: field.codec for field in plan.row.columns}
    computed: dict[str, list[Any]] = {}
    fields = [node for at in plan.order for node in plan.row.columns[at].codec.fields(plan.row.columns[at].column)]
    for column in columns_of(fields):
        values, bad = codecs[column.name].read(column, delta.computed)
        if bad or len(values) != len(rows):
            raise AssertionError(f"column {column.name!r} has {len(values)} values for {len(rows)} rows")
        computed[column.name] = values
    names, of_names, columns = [], [], []
    for output_column in plan.wire.columns:
        if isinstance(output_column, _wire.OutputColumn_Kept):
            kept = output_column.value
            of = inputs[kept.input]
            names.append(kept.name or of.names[kept.column])
            of_names.append(of.codecs[kept.column])
            columns.append([of.columns[kept.column][row] if kept.input == at_input else None for row in rows])
        else:
            name = output_column.value[0].name
            names.append(name)
            of_names.append(codecs[name])
            columns.append(computed[name])
    table = Table(names, of_names, columns, len(rows))
    table.times = memoryview(delta.event_times).cast("q").tolist() if delta.event_times else [source.times[row] for row in rows]
    table.kinds = list(delta.row_kinds) if delta.row_kinds else [source.kinds[row] for row in rows]
    return table


def selected(selection: Any, rows: int) -> list[int]:
    """The indices that a selection means."""
    if isinstance(selection, _wire.Selection_All):
        return list(range(rows))
    if isinstance(selection, _wire.Selection_Empty):
        return []
    return memoryview(selection.value).cast("I").tolist()
