"""Keys and values of map entries: rows, or single values as a column of their own."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from . import _wire
from ._annotations import codec_of
from ._bits import unpack
from ._codec import BadValue
from ._nested import StructOf
from ._reads import RowReader
from ._rows import compiled, nested_codec, row_type
from ._schema import columns_of
from ._state import plain, plain_value


class EntryType:
    """The type of the keys or values of a map."""

    def __init__(self, declared: Any, column: str, where: str) -> None:
        self.is_row = isinstance(declared, type) and dataclasses.is_dataclass(declared)
        self.row = row_type(declared) if self.is_row else None
        self.codec: Any = StructOf(self.row) if self.row else None if declared is None else codec_of(declared, where, nested_codec)
        self._column = column
        #: What has the order of the entries, and a copy that does not change with a value.
        self.order = self.row.order if self.row else self.codec.order if self.codec else _same
        condition = f"type(s) is S and {plain(self.row)}" if self.row else plain_value(self.codec, "s") if self.codec else "s is None"
        self._is_plain = compiled(f"def function(s): return {condition}", {"S": declared})
        self.freeze = self.row.freeze if self.row else self.codec.freeze if self.codec is not None and self.codec.mutable else _same

    def fields(self) -> list[Any]:
        """The schema, nodes in pre-order."""
        if self.row is not None:
            return self.row.fields()
        return [] if self.codec is None else self.codec.fields(self._column)

    def write(self, values: Sequence[Any]) -> list[Any]:
        """Values as columns."""
        if self.row is not None:
            return self.row.write(values)
        return [] if self.codec is None else self.codec.write(list(values))

    def blank(self) -> Any:
        """Any value."""
        if self.row is not None:
            return self.row.blank()
        return None if self.codec is None or self.codec.nullable else self.codec.filler

    def read(self, nodes: Sequence[Any], count: int) -> list[Any]:
        """Columns as values."""
        if self.row is not None:
            reader = RowReader(self.row, columns_of(self.row.fields()))  # type: ignore[arg-type]
            return self.row.make_all(range(count), reader.lists(nodes, count, {}))
        if self.codec is None:
            return [None] * count
        return self.codec.read(columns_of(self.fields())[0], nodes)[0]  # type: ignore[no-any-return]

    def kept(self, value: Any, what: str) -> Any:
        """A copy of a value as it comes back from an entry. Raises `BadValue` if an entry cannot hold it."""
        if self._is_plain(value):
            return self.freeze(value)
        self.check(value, what)
        return self.codec.kept(self.freeze(value))

    def check(self, value: Any, what: str) -> None:
        """Raises `BadValue` if an entry cannot hold a value."""
        if self._is_plain(value):
            return
        try:
            if self.codec is not None:
                self.codec.check(value)
            elif value is not None:
                raise BadValue(f"{value!r} is put into a map without values")
        except BadValue as error:
            raise BadValue(f"{what}: {error}") from None


def _same(value: Any) -> Any:
    return value


def read_found(values: EntryType, found: Any, count: int) -> list[Any]:
    """For each entry that was asked for a list of its value, or an empty one."""
    present = unpack(found.present, count) if found.present else [True] * count
    return [[value] if is_there else [] for is_there, value in zip(present, values.read(found.values, count))]


def message_of(error: Any) -> str | None:
    """What the host says of a read that failed."""
    return str(error.value) if isinstance(error, _wire.Err) else None
