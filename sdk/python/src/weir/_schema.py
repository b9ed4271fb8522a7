"""Schemas of inputs as trees of columns, types as a person writes them, and how columns are found by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class ColumnSchema:
    """One column of a schema, and where its node is among those of a batch."""

    __slots__ = ("name", "format", "nullable", "children", "at", "nodes")

    def __init__(self, fields: Sequence[Any], at_field: int, at_node: int) -> None:
        own = fields[at_field]
        self.name: str = own.name
        self.format: str = own.format
        self.nullable: bool = own.nullable
        self.at = at_node
        self.children: list[ColumnSchema] = []
        self.nodes = 1
        for _ in range(own.children):
            child = ColumnSchema(fields, at_field + self.nodes, at_node + self.nodes)
            self.children.append(child)
            self.nodes += child.nodes

    def moved_to(self, at: int) -> ColumnSchema:
        """The same column with its first node at another place."""
        moved = object.__new__(ColumnSchema)
        moved.name, moved.format, moved.nullable, moved.nodes, moved.at = self.name, self.format, self.nullable, self.nodes, at
        moved.children = [child.moved_to(at + child.at - self.at) for child in self.children]
        return moved


def columns_of(fields: Sequence[Any]) -> list[ColumnSchema]:
    """The columns of a schema whose nodes are in pre-order."""
    found: list[ColumnSchema] = []
    at = 0
    while at < len(fields):
        column = ColumnSchema(fields, at, at)
        found.append(column)
        at += column.nodes
    return found


def find(columns: Sequence[ColumnSchema], name: str) -> int | None:
    """The index of a column."""
    return next((index for index, column in enumerate(columns) if column.name == name), None)


def listing(columns: Sequence[ColumnSchema]) -> str:
    """The columns as text, for messages."""
    return ", ".join(f"{column.name}: {type_name(column)}" for column in columns) or "no columns"


_NAMES = {
    "n": "null", "b": "bool", "c": "int8", "C": "uint8", "s": "int16", "S": "uint16", "i": "int32", "I": "uint32",
    "l": "int64", "L": "uint64", "f": "float32", "g": "float64", "u": "utf8", "z": "binary", "tdD": "date32",
}  # fmt: skip


def type_name(column: ColumnSchema) -> str:
    """The type of a column as pipeline files write it."""
    simple = _NAMES.get(column.format)
    if simple is not None:
        return simple
    if column.format == "+l":
        return f"list<{type_name(column.children[0]) if column.children else ''}>"
    if column.format == "+s":
        return f"struct<{', '.join(f'{child.name}: {type_name(child)}' for child in column.children)}>"
    if column.format.startswith("d:"):
        return f"decimal128({', '.join(column.format[2:].split(',')[:2])})"
    if column.format.startswith("ts"):
        unit, _, zone = column.format[2:].partition(":")
        unit = unit if unit == "s" else unit + "s"
        return f"timestamp({unit}, {zone})" if zone else f"timestamp({unit})"
    return repr(column.format)
