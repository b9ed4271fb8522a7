"""How a column becomes a list of Python values, and a list of values a column: what all types have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import _wire
from ._bits import null_positions, without_nulls
from ._schema import ColumnSchema

#: Values that cannot be given to an operator, by their place, and why.
Bad = dict[int, str]

NULL_REASON = "is null, and the operator has no place for that (Optional)"


class BadValue(ValueError):
    """A value that its column cannot hold. The message says which and why, without the column's name."""


class Codec:
    """One type of values. It reads and writes whole columns."""

    #: The format string of the column that it writes.
    format = ""
    #: What the author calls it.
    name = ""
    nullable = False
    #: Stands where a value is null.
    filler: Any = None
    #: Whether a value can be changed after it was emitted.
    mutable = False

    #: The type whose values, those that a column can hold, come back from it as they are; `None`: there is none.
    exact: Any = None

    def fields(self, name: str) -> list[Any]:
        """The schema of such a column, nodes in pre-order."""
        return [_wire.Field(name, self.format, self.nullable, 0)]

    def accepts(self, column: ColumnSchema) -> bool:
        """Whether a column can be read as this type."""
        return column.format == self.format

    def needs(self) -> str:
        """Which columns can be read, for messages."""
        return self.name

    def read(self, column: ColumnSchema, nodes: Sequence[Any]) -> tuple[list[Any], Bad | None]:
        """The values of a column, `None` where it is null, and those that the operator has no place for."""
        node = nodes[column.at]
        values, bad = self.values(column, nodes, node)
        if node.null_count and node.buffers[0]:
            nulls = null_positions(node.buffers[0], node.length)
            if self.nullable:
                for position in nulls:
                    values[position] = None
                if bad:
                    for position in nulls:
                        bad.pop(position, None)
            else:
                bad = bad or {}
                for position in nulls:
                    bad[position] = NULL_REASON
        return values, bad

    def values(self, column: ColumnSchema, nodes: Sequence[Any], node: Any) -> tuple[list[Any], Bad | None]:
        """As `read`, with any value where the column is null."""
        raise NotImplementedError

    def write(self, values: list[Any]) -> list[Any]:
        """A column of values; nodes in pre-order. Any exception means that at least one of them is bad: `check` tells which."""
        if not self.nullable:
            return self.nodes(values, b"", 0)
        validity, nulls, values = without_nulls(values, self.filler)
        return self.nodes(values, validity, nulls)

    def nodes(self, values: list[Any], validity: bytes, nulls: int) -> list[Any]:
        """As `write`, without nulls among the values."""
        raise NotImplementedError

    def check(self, value: Any) -> None:
        """Raises `BadValue` if a column cannot hold a value."""
        if value is None:
            if self.nullable:
                return
            raise BadValue(f"None is emitted for a column of {self.name} that is not Optional")
        self.check_value(value)

    def check_value(self, value: Any) -> None:
        """As `check`, of a value that is not `None`."""
        try:
            self.nodes([value], b"", 0)
        except (BadValue, MemoryError):
            raise
        except Exception as error:
            raise BadValue(f"{shown(value)} is no {self.name} ({error})") from None

    def kept(self, value: Any) -> Any:
        """The value as it comes back from a column. Raises `BadValue` if a column cannot hold it."""
        self.check(value)
        return value

    def plain(self, value: str) -> str | None:
        """Code that is true only if the value of an expression is kept as it is; it may be false of some. `None`: there is none."""
        return f"type({value}) is {self.exact.__name__}" if self.exact else None

    def freeze(self, value: Any) -> Any:
        """A copy that does not change with the value, if it is mutable."""
        return value

    def differs(self, old: Any, new: Any) -> bool:
        """Whether two values are not the same value of the column."""
        return type(old) is not type(new) or bool(old != new)

    def order(self, value: Any) -> Any:
        """What has the order of the values and is the same for the same value: what entries of maps are ordered by."""
        return (0,) if value is None else (1, self.order_value(value))

    def order_value(self, value: Any) -> Any:
        """As `order`, of a value that is not `None`."""
        return value

    def optional(self) -> Codec:
        """The same type with nulls."""
        import copy

        codec = copy.copy(self)
        codec.nullable = True
        return codec


def shown(value: Any) -> str:
    """A value in a message: short, with its type."""
    text = repr(value)
    if len(text) > 60:
        text = text[:57] + "..."
    return f"{text} ({type(value).__name__})"


def bad_values(codec: Codec, values: Sequence[Any]) -> Bad:
    """Which of some values a column cannot hold."""
    bad: Bad = {}
    for position, value in enumerate(values):
        try:
            codec.check(value)
        except BadValue as error:
            bad[position] = str(error)
    return bad
