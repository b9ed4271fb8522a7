"""What an annotation says of a column: its type, its name, or that it is no column."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import types
import typing
from collections.abc import Callable
from typing import Annotated, Any, Union

from ._codec import Codec
from ._nested import ListOf
from ._scalars import AnyNumber, Binary, Bool, Float, Int, Text
from ._times import DateTime, Day, DayNumber, DecimalNumber, Instant

_INT64 = Int("int64", "l", "q", 64, True)


class DeclarationError(TypeError):
    """A row, a configuration or an operator is not declared as the SDK can use it. The message says which and what to write."""


class Name:
    """The name of a column, or of a key of the configuration, that is not the field's: `Annotated[int, weir.Name("dep-delay")]`."""

    def __init__(self, name: str) -> None:
        self.name = name


class Role:
    """A field that is no column."""

    def __init__(self, role: str) -> None:
        self.role = role


class ColumnType:
    """The type of a column, where the Python type does not say it: `Annotated[int, weir.ColumnType.INT8]`."""

    def __init__(self, codec: Codec) -> None:
        self.codec = codec


class Decimal(ColumnType):
    """Precision and scale of a `decimal.Decimal`: `Annotated[decimal.Decimal, weir.Decimal(12, 2)]`."""

    def __init__(self, precision: int, scale: int) -> None:
        super().__init__(DecimalNumber(precision, scale))

    def __call__(self) -> None:
        """Lets `typing` take it for a type, so that `amount: weir.Decimal(12, 2)` is an annotation too."""


Int8 = Annotated[int, ColumnType(Int("int8", "c", "b", 8, True))]
Int16 = Annotated[int, ColumnType(Int("int16", "s", "h", 16, True))]
Int32 = Annotated[int, ColumnType(Int("int32", "i", "i", 32, True))]
Int64 = Annotated[int, ColumnType(_INT64)]
UInt8 = Annotated[int, ColumnType(Int("uint8", "C", "B", 8, False))]
UInt16 = Annotated[int, ColumnType(Int("uint16", "S", "H", 16, False))]
UInt32 = Annotated[int, ColumnType(Int("uint32", "I", "I", 32, False))]
UInt64 = Annotated[int, ColumnType(Int("uint64", "L", "Q", 64, False))]
Float32 = Annotated[float, ColumnType(Float("float32", "f", "f", 4))]
Float64 = Annotated[float, ColumnType(Float("float64", "g", "d", 8))]
#: Read from any integer or float (integers beyond 2**53 are rounded), written as float64.
Number = Annotated[float, ColumnType(AnyNumber())]
#: Days since 1970-01-01; `datetime.date` is the same column as objects.
Date = Annotated[int, ColumnType(DayNumber())]
#: Microseconds since the epoch, the unit of event times and timers; `datetime.datetime` is the same column as objects.
Timestamp = Annotated[int, ColumnType(Instant("u"))]
TimestampSeconds = Annotated[int, ColumnType(Instant("s"))]
TimestampMillis = Annotated[int, ColumnType(Instant("m"))]
TimestampNanos = Annotated[int, ColumnType(Instant("n"))]
#: Marks a field that is the row's event time: `Annotated[datetime.datetime, weir.EVENT_TIME]`.
EVENT_TIME = Role("event-time")
#: The row's event time, in microseconds; not a column.
EventTime = Annotated[int, EVENT_TIME]
#: The row's kind, one of those of `weir.RowKind`; not a column.
Kind = Annotated[int, Role("row-kind")]

_SIMPLE: dict[Any, Codec] = {
    bool: Bool(),
    int: _INT64,
    float: Float("float64", "g", "d", 8),
    str: Text(),
    bytes: Binary(),
    datetime.date: Day(),
    datetime.datetime: DateTime(),
}


def metadata(annotation: Any, kind: type) -> Any:
    """What an `Annotated` says of some kind, also inside `Optional`; `None`: nothing."""
    if typing.get_origin(annotation) is Annotated:
        found = next((item for item in reversed(annotation.__metadata__) if isinstance(item, kind)), None)
        return metadata(annotation.__origin__, kind) if found is None else found
    inner = optional_of(annotation)
    return None if inner is None else metadata(inner, kind)


def optional_of(annotation: Any) -> Any:
    """`T` of `Optional[T]` or `T | None`; `None`: it is something else."""
    if typing.get_origin(annotation) in (Union, getattr(types, "UnionType", Union)):
        members = [member for member in typing.get_args(annotation) if member is not type(None)]
        if len(members) == 1 and len(typing.get_args(annotation)) == 2:
            return members[0]
    return None


def codec_of(annotation: Any, where: str, nested: Callable[[type, str], Codec]) -> Codec:
    """How values of an annotation become a column. `where` is for messages; `nested` does the same for a row inside a row."""
    inner = optional_of(annotation)
    if inner is not None:
        return codec_of(inner, where, nested).optional()
    if isinstance(annotation, ColumnType):
        return annotation.codec
    if typing.get_origin(annotation) is Annotated:
        column_type = metadata(annotation, ColumnType)
        if column_type is None:
            return codec_of(annotation.__origin__, where, nested)
        if isinstance(column_type, Decimal) and annotation.__origin__ is not decimal.Decimal:
            raise DeclarationError(f"{where}: weir.Decimal goes with decimal.Decimal, not with {_shown(annotation.__origin__)}")
        if optional_of(annotation.__origin__) is not None:
            return column_type.codec.optional()  # type: ignore[no-any-return]
        return column_type.codec  # type: ignore[no-any-return]
    codec = _SIMPLE.get(annotation) if isinstance(annotation, type) else None
    if codec is not None:
        return codec
    if annotation is decimal.Decimal:
        raise DeclarationError(f"{where}: say how many digits: Annotated[decimal.Decimal, weir.Decimal(precision, scale)]")
    if typing.get_origin(annotation) is list and len(typing.get_args(annotation)) == 1:
        return ListOf(codec_of(typing.get_args(annotation)[0], where, nested))
    if isinstance(annotation, type) and dataclasses.is_dataclass(annotation):
        return nested(annotation, where)
    raise DeclarationError(
        f"{where}: no column has the type {_shown(annotation)}. There are bool, int, float, str, bytes, datetime.date, "
        "datetime.datetime, decimal.Decimal, list[...], other rows, Optional of these, and weir.Int8 to weir.TimestampNanos"
    )


def hints_of(cls: Any, where: str) -> dict[str, Any]:
    """The annotations of a class or function, resolved."""
    try:
        return typing.get_type_hints(cls, include_extras=True)
    except NameError as error:
        raise DeclarationError(f"{where}: {error}; classes in annotations must be declared at the top level of their module") from error


def only_dataclass(annotation: Any) -> type | None:
    """The annotation if it is a dataclass."""
    return annotation if isinstance(annotation, type) and dataclasses.is_dataclass(annotation) else None


def _shown(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation).replace("typing.", "")
