"""Which columns an operator reads, and how those of a batch become lists, one value per row."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from typing import Any

from ._rows import RowType
from ._schema import ColumnSchema, find, listing, type_name


class Reads:
    """The columns that a call brings in, each once."""

    def __init__(self) -> None:
        self.indices: list[int] = []
        self._columns: list[ColumnSchema] = []
        self._nodes = 0

    def add(self, index: int, column: ColumnSchema) -> ColumnSchema:
        """Asks for a column, and says where its nodes will be."""
        if index in self.indices:
            return self._columns[self.indices.index(index)]
        moved = column.moved_to(self._nodes)
        self.indices.append(index)
        self._columns.append(moved)
        self._nodes += column.nodes
        return moved


class RowReader:
    """Reads the columns of a row class."""

    def __init__(self, row: RowType, columns: list[ColumnSchema | None]) -> None:
        self.row = row
        self.columns = columns

    @classmethod
    def connect(cls, row: RowType, input: list[ColumnSchema], reads: Reads, column_of: Any = None) -> RowReader:
        """Finds the columns by name. Raises `ValueError` if one is missing or has a type that does not fit."""
        found: list[ColumnSchema | None] = []
        for field in row.columns:
            name = column_of(field.column) if column_of else field.column
            index = find(input, name)
            if index is None:
                raise ValueError(missing(name, field.codec.needs(), input))
            if not field.codec.accepts(input[index]):
                raise ValueError(
                    f'column "{name}" is {type_name(input[index])}, but the operator reads it as {field.codec.needs()}; '
                    f"the input has {listing(input)}"
                )
            found.append(reads.add(index, input[index]))
        return cls(row, found)

    @classmethod
    def by_name(cls, row: RowType, written: list[ColumnSchema], may_miss: bool = True) -> RowReader:
        """Columns that another version has written; an optional one may be missing, if that is allowed."""
        found: list[ColumnSchema | None] = []
        for field in row.columns:
            index = find(written, field.column)
            if index is None and not (field.optional and may_miss):
                raise ValueError(missing(field.column, field.codec.needs(), written))
            if index is not None and not field.codec.accepts(written[index]):
                raise ValueError(f'column "{field.column}" is {type_name(written[index])}, not {field.codec.needs()}')
            found.append(None if index is None else written[index])
        return cls(row, found)

    def lists(self, nodes: Sequence[Any], rows: int, refused: dict[int, str], at_times: bytes = b"", kinds: bytes = b"") -> list[list[Any]]:
        """One list of values per argument of the row's constructor. Rows that hold what the class has no place for are refused."""
        by_attribute: dict[str, list[Any]] = {}
        for field, column in zip(self.row.columns, self.columns):
            values, bad = field.codec.read(column, nodes) if column is not None else ([None] * rows, None)
            by_attribute[field.attribute] = values
            if bad:
                for at, reason in bad.items():
                    refused.setdefault(at, f"column {field.column!r} {reason}")
        if self.row.event_time is not None:
            times: list[Any] = memoryview(at_times).cast("q").tolist()
            by_attribute[self.row.event_time] = self.row.time_values(times, refused)
        if self.row.kind is not None:
            by_attribute[self.row.kind] = list(kinds) if kinds else [0] * rows
        return [by_attribute[name] for name in self.row.reads]


def with_rows(lists: list[list[Any]], rows: int, refused: dict[int, str]) -> tuple[Any, list[list[Any]]]:
    """The indices of the rows that are not refused, and their values."""
    if not refused:
        return range(rows), lists
    stays = [row not in refused for row in range(rows)]
    return list(compress(range(rows), stays)), [list(compress(values, stays)) for values in lists]


def missing(name: str, needs: str, input: list[ColumnSchema]) -> str:
    """What is said of a column that is not there. `weir inspect` reads it."""
    return f'there is no column "{name}" ({needs}), which the operator reads; the input has {listing(input)}'
