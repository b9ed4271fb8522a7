"""Booleans, numbers, text and bytes."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import accumulate
from math import copysign, isinf
from typing import Any

from . import _wire
from ._bits import pack, unpack
from ._codec import Bad, BadValue, Codec, shown
from ._schema import ColumnSchema


class Bool(Codec):
    """`bool`"""

    format, name, filler, exact = "b", "bool", False, bool

    def values(self, column: ColumnSchema, nodes: Sequence[Any], node: Any) -> tuple[list[Any], Bad | None]:
        return unpack(node.buffers[1], node.length), None

    def nodes(self, values: list[Any], validity: bytes, nulls: int) -> list[Any]:
        if values and set(map(type, values)) != {bool}:
            raise TypeError("it needs True or False")
        return [_wire.Node(len(values), nulls, [validity, pack(values)])]


class Int(Codec):
    """Whole numbers of some width."""

    filler: Any = 0
    exact: Any = int

    def __init__(self, name: str, format: str, code: str, bits: int, signed: bool) -> None:
        self.name, self.format, self.code = name, format, code
        self.least = -(1 << bits - 1) if signed else 0
        self.greatest = (1 << bits - (1 if signed else 0)) - 1
        self.width = bits // 8

    def values(self, column: ColumnSchema, nodes: Sequence[Any], node: Any) -> tuple[list[Any], Bad | None]:
        return numbers(node, self.code, self.width).tolist(), None

    def nodes(self, values: list[Any], validity: bytes, nulls: int) -> list[Any]:
        if not set(map(type, values)) <= {int}:
            for value in values:
                self.check_value(value)
        return [_wire.Node(len(values), nulls, [validity, array(self.code, values).tobytes()])]

    def kept(self, value: Any) -> Any:
        self.check(value)
        return None if value is None else int(value)

    def plain(self, value: str) -> str | None:
        return f"type(x := {value}) is int and {self.least} <= x <= {self.greatest}" if self.exact else None

    def check_value(self, value: Any) -> None:
        if not isinstance(value, int) or isinstance(value, bool):
            raise BadValue(f"{shown(value)} is no {self.name}")
        if not self.least <= value <= self.greatest:
            raise BadValue(f"{value} is out of the range of {self.name}")


class Float(Codec):
    """Floating-point numbers. Whole numbers are accepted if they stay what they are."""

    filler = 0.0

    def __init__(self, name: str, format: str, code: str, width: int) -> None:
        self.name, self.format, self.code, self.width = name, format, code, width
        self.exact = float if width == 8 else None

    def values(self, column: ColumnSchema, nodes: Sequence[Any], node: Any) -> tuple[list[Any], Bad | None]:
        return numbers(node, self.code, self.width).tolist(), None

    def nodes(self, values: list[Any], validity: bytes, nulls: int) -> list[Any]:
        types = set(map(type, values))
        if types and types != {float}:
            for value in values:
                self.check_type(value)
        packed = array(self.code, values)
        if self.width == 4 and any(map(isinf, packed)) and list(map(isinf, packed)) != list(map(isinf, values)):
            raise OverflowError("beyond all floats")
        return [_wire.Node(len(values), nulls, [validity, packed.tobytes()])]

    def check_type(self, value: Any) -> None:
        if isinstance(value, float):
            return
        if not isinstance(value, int) or isinstance(value, bool):
            raise BadValue(f"{shown(value)} is no {self.name}")
        if abs(value) > 1 << 1023 or array(self.code, [value])[0] != value:
            raise BadValue(f"{value} cannot be a {self.name} without being rounded")

    def check_value(self, value: Any) -> None:
        self.check_type(value)
        if self.width == 4 and isinf(array("f", [value])[0]) and not isinf(value):
            raise BadValue(f"{value} is out of the range of {self.name}")

    def kept(self, value: Any) -> Any:
        self.check(value)
        return None if value is None else array(self.code, [value])[0]

    def differs(self, old: Any, new: Any) -> bool:
        if type(old) is not float or type(new) is not float:
            return old is not new
        if old != new:
            return old == old or new == new
        return old == 0.0 and copysign(1.0, old) != copysign(1.0, new)

    def order_value(self, value: Any) -> Any:
        # Negative ones have all their bits turned round: the total order of IEEE 754.
        bits = array("q", array("d", [value]).tobytes())[0]
        return bits if bits >= 0 else bits ^ 0x7FFF_FFFF_FFFF_FFFF


_INTEGERS = {"c": ("b", 1), "C": ("B", 1), "s": ("h", 2), "S": ("H", 2), "i": ("i", 4), "I": ("I", 4), "l": ("q", 8), "L": ("Q", 8)}
_FLOATS = {"f": ("f", 4), "g": ("d", 8)}


class AnyNumber(Float):
    """A number of whatever type the column has, as a float."""

    def __init__(self) -> None:
        super().__init__("float64", "g", "d", 8)

    def accepts(self, column: ColumnSchema) -> bool:
        return column.format in _INTEGERS or column.format in _FLOATS

    def needs(self) -> str:
        return "any integer or float"

    def values(self, column: ColumnSchema, nodes: Sequence[Any], node: Any) -> tuple[list[Any], Bad | None]:
        if column.format in _FLOATS:
            return numbers(node, *_FLOATS[column.format]).tolist(), None
        return list(map(float, numbers(node, *_INTEGERS[column.format]))), None


class Text(Codec):
    """`str`"""

    format, name, filler, exact = "u", "utf8", "", str

    def values(self, column: ColumnSchema, nodes: Sequence[Any], node: Any) -> tuple[list[Any], Bad | None]:
        starts, data = offsets(node), node.buffers[2]
        ends = starts[1:]
        if data.isascii():
            whole = data.decode("ascii")
            return [whole[start:end] for start, end in zip(starts, ends)], None
        return [data[start:end].decode() for start, end in zip(starts, ends)], None

    def nodes(self, values: list[Any], validity: bytes, nulls: int) -> list[Any]:
        text = "".join(values)
        data = text.encode()
        # A character is a byte if there are as many of each.
        lengths = map(len, values) if len(data) == len(text) else [len(value.encode()) for value in values]
        return [_wire.Node(len(values), nulls, [validity, packed_offsets(lengths), data])]

    def kept(self, value: Any) -> Any:
        self.check(value)
        return None if value is None else str.__str__(value)

    def plain(self, value: str) -> str | None:
        return f"type(x := {value}) is str and x.isascii()"

    def check_value(self, value: Any) -> None:
        if not isinstance(value, str):
            raise BadValue(f"{shown(value)} is no text")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise BadValue(f"{shown(value)} has half of a surrogate pair, which UTF-8 cannot hold") from None


class Binary(Codec):
    """`bytes`"""

    format, name, filler, exact = "z", "binary", b"", bytes

    def values(self, column: ColumnSchema, nodes: Sequence[Any], node: Any) -> tuple[list[Any], Bad | None]:
        starts, data = offsets(node), node.buffers[2]
        ends = starts[1:]
        return [data[start:end] for start, end in zip(starts, ends)], None

    def nodes(self, values: list[Any], validity: bytes, nulls: int) -> list[Any]:
        if values and set(map(type, values)) != {bytes}:
            raise TypeError("it needs bytes")
        return [_wire.Node(len(values), nulls, [validity, packed_offsets(map(len, values)), b"".join(values)])]


def numbers(node: Any, code: str, width: int) -> memoryview[Any]:
    """The values of a column of fixed width, as a view."""
    view = memoryview(node.buffers[1])
    size = node.length * width
    if len(view) != size:
        view = view[:size]
    return view.cast(code)  # type: ignore[call-overload, no-any-return]


def offsets(node: Any) -> memoryview[int]:
    """The offsets of a column of variable width: one more than it has values."""
    if not node.length:
        return memoryview(b"\0\0\0\0").cast("i")
    return memoryview(node.buffers[1])[: 4 * node.length + 4].cast("i")


def packed_offsets(lengths: Any) -> bytes:
    """Offsets of values of these lengths. More than int32 can count is an error of the whole call."""
    return array("i", list(accumulate(lengths, initial=0))).tobytes()
