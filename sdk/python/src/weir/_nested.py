"""Lists, and rows inside rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from . import _wire
from ._codec import Bad, BadValue, Codec, shown
from ._scalars import offsets, packed_offsets
from ._schema import ColumnSchema


class NestedRow(Protocol):
    """What is needed to know of the row class of a row inside a row."""

    cls: Any
    columns: list[Any]

    def fields(self) -> list[Any]: ...
    def make_all(self, indices: range, lists: list[Any]) -> list[Any]: ...
    def blank(self) -> Any: ...
    def check(self, value: Any) -> None: ...
    def keep(self, value: Any) -> Any: ...
    def freeze(self, value: Any) -> Any: ...
    def order(self, value: Any) -> Any: ...
    def differs(self, old: Any, new: Any) -> bool: ...


class ListOf(Codec):
    """`list[T]`"""

    format, mutable = "+l", True
    filler: Any = ()

    def __init__(self, item: Codec) -> None:
        self.item = item
        self.name = f"list<{item.name}>"

    def fields(self, name: str) -> list[Any]:
        return [_wire.Field(name, "+l", self.nullable, 1), *self.item.fields("item")]

    def accepts(self, column: ColumnSchema) -> bool:
        return column.format == "+l" and len(column.children) == 1 and self.item.accepts(column.children[0])

    def needs(self) -> str:
        return f"list<{self.item.needs()}>"

    def values(self, column: ColumnSchema, nodes: Sequence[Any], node: Any) -> tuple[list[Any], Bad | None]:
        items, bad_items = self.item.read(column.children[0], nodes)
        starts = offsets(node).tolist()
        values = [items[start:end] for start, end in zip(starts, starts[1:])]
        if not bad_items:
            return values, None
        bad: Bad = {}
        for position, (start, end) in enumerate(zip(starts, starts[1:])):
            reason = next((bad_items[item] for item in range(start, end) if item in bad_items), None)
            if reason is not None:
                bad[position] = f"has an item that {reason}"
        return values, bad

    def nodes(self, values: list[Any], validity: bytes, nulls: int) -> list[Any]:
        if any(not isinstance(value, (list, tuple)) for value in values):
            raise TypeError("it needs a list")
        items = [item for value in values for item in value]
        return [_wire.Node(len(values), nulls, [validity, packed_offsets(map(len, values))]), *self.item.write(items)]

    def check_value(self, value: Any) -> None:
        if not isinstance(value, (list, tuple)):
            raise BadValue(f"{shown(value)} is no list")
        try:
            # At once, as long lists are checked after every row.
            self.item.write(list(value))
        except MemoryError:
            raise
        except Exception:
            for item in value:
                self.item.check(item)

    def kept(self, value: Any) -> Any:
        self.check(value)
        if value is None or (type(value) is list and set(map(type, value)) <= {self.item.exact}):
            return value
        return list(map(self.item.kept, value))

    def freeze(self, value: Any) -> Any:
        if not isinstance(value, (list, tuple)):
            return value
        return [self.item.freeze(item) for item in value] if self.item.mutable else list(value)

    def order_value(self, value: Any) -> Any:
        return tuple(map(self.item.order, value))

    def differs(self, old: Any, new: Any) -> bool:
        if old is None or new is None or not isinstance(new, (list, tuple)):
            return old is not new
        return len(old) != len(new) or any(map(self.item.differs, old, new))


class StructOf(Codec):
    """Another row."""

    format, mutable = "+s", True

    def __init__(self, row: NestedRow) -> None:
        self.row = row
        self.name = f"struct<{', '.join(f'{field.column}: {field.codec.name}' for field in row.columns)}>"

    def fields(self, name: str) -> list[Any]:
        own = _wire.Field(name, "+s", self.nullable, len(self.row.columns))
        return [own, *self.row.fields()]

    def accepts(self, column: ColumnSchema) -> bool:
        if column.format != "+s":
            return False
        children = {child.name: child for child in column.children}
        return all(
            field.codec.accepts(children[field.column]) if field.column in children else field.codec.nullable for field in self.row.columns
        )

    def values(self, column: ColumnSchema, nodes: Sequence[Any], node: Any) -> tuple[list[Any], Bad | None]:
        children = {child.name: child for child in column.children}
        lists: list[Any] = []
        bad: Bad = {}
        for field in self.row.columns:
            child = children.get(field.column)
            values, bad_children = field.codec.read(child, nodes) if child else ([None] * node.length, None)
            lists.append(values)
            for position, reason in (bad_children or {}).items():
                bad.setdefault(position, f"has a field {field.column!r} that {reason}")
        return list(self.row.make_all(range(node.length), lists)), bad or None

    @property
    def filler(self) -> Any:
        return self.row.blank()

    def nodes(self, values: list[Any], validity: bytes, nulls: int) -> list[Any]:
        if any(type(value) is not self.row.cls for value in values):
            raise TypeError(f"it needs a {self.row.cls.__name__}")
        nodes = [_wire.Node(len(values), nulls, [validity])]
        for field in self.row.columns:
            attribute = field.attribute
            nodes += field.codec.write([getattr(value, attribute) for value in values])
        return nodes

    def check_value(self, value: Any) -> None:
        if type(value) is not self.row.cls:
            raise BadValue(f"{shown(value)} is no {self.row.cls.__name__}")
        self.row.check(value)

    def kept(self, value: Any) -> Any:
        if type(value) is not self.row.cls:
            self.check(value)
            return value
        return self.row.keep(value)

    def freeze(self, value: Any) -> Any:
        return value if value is None else self.row.freeze(value)

    def order_value(self, value: Any) -> Any:
        return self.row.order(value)

    def differs(self, old: Any, new: Any) -> bool:
        if old is None or new is None or type(new) is not self.row.cls:
            return old is not new
        return self.row.differs(old, new)
