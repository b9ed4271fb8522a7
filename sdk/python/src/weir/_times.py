"""Days, instants and decimal numbers."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Sequence
from typing import Any

from . import _wire
from ._codec import Bad, BadValue, Codec, shown
from ._scalars import Int, numbers
from ._schema import ColumnSchema

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
_EPOCH_DAY = datetime.date(1970, 1, 1).toordinal()
_MICROSECOND = datetime.timedelta(microseconds=1)
_PER_SECOND = {"s": 1, "m": 1_000, "u": 1_000_000, "n": 1_000_000_000}
_UNITS = {"s": "seconds", "m": "milliseconds", "u": "microseconds", "n": "nanoseconds"}
#: 38 digits, moved by a scale, with room.
_EXACT = decimal.Context(prec=200, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN, traps=[decimal.Inexact, decimal.InvalidOperation])


def to_datetime(timestamp: int) -> datetime.datetime:
    """Microseconds since the epoch as a datetime in UTC. Raises `OverflowError` beyond the years 1 to 9999."""
    return _EPOCH + datetime.timedelta(microseconds=timestamp)


def from_datetime(time: datetime.datetime) -> int:
    """A datetime with a time zone as microseconds since the epoch."""
    if time.tzinfo is None:
        raise ValueError(f"{time} has no time zone")
    return (time - _EPOCH) // _MICROSECOND


class DayNumber(Int):
    """Days since 1970-01-01."""

    def __init__(self) -> None:
        super().__init__("date32", "tdD", "i", 32, True)


class Day(DayNumber):
    """`datetime.date`"""

    filler: Any = datetime.date(1970, 1, 1)
    exact = None

    def values(self, column: ColumnSchema, nodes: Sequence[Any], node: Any) -> tuple[list[Any], Bad | None]:
        days, _ = super().values(column, nodes, node)
        return _convert(
            days, lambda day: datetime.date.fromordinal(day + _EPOCH_DAY), "a day that datetime.date cannot hold (weir.Date can)"
        )

    def nodes(self, values: list[Any], validity: bytes, nulls: int) -> list[Any]:
        if values and set(map(type, values)) != {datetime.date}:
            raise TypeError("it needs a datetime.date")
        return super().nodes([value.toordinal() - _EPOCH_DAY for value in values], validity, nulls)

    def kept(self, value: Any) -> Any:
        self.check(value)
        return value

    def check_value(self, value: Any) -> None:
        if type(value) is not datetime.date:
            raise BadValue(f"{shown(value)} is no date")


class Instant(Int):
    """Whole units since the epoch, as an int. A column of a coarser unit can be read; an instant beyond int64 in this unit is bad."""

    def __init__(self, unit: str) -> None:
        super().__init__(f"timestamp({unit if unit == 's' else unit + 's'}, UTC)", f"ts{unit}:UTC", "q", 64, True)
        self.unit = unit

    def accepts(self, column: ColumnSchema) -> bool:
        per_second = _per_second(column)
        return per_second is not None and per_second <= _PER_SECOND[self.unit]

    def needs(self) -> str:
        return f"a timestamp of {_UNITS[self.unit]} or coarser"

    def values(self, column: ColumnSchema, nodes: Sequence[Any], node: Any) -> tuple[list[Any], Bad | None]:
        raw = numbers(node, "q", 8)
        factor = _PER_SECOND[self.unit] // (_per_second(column) or 1)
        if factor == 1:
            return raw.tolist(), None
        values = [value * factor for value in raw]
        if not values or (self.least <= min(values) and max(values) <= self.greatest):
            return values, None
        reason = f"is out of range in {_UNITS[self.unit]}"
        return values, {at: reason for at, value in enumerate(values) if not self.least <= value <= self.greatest}


class DateTime(Instant):
    """`datetime.datetime` with a time zone."""

    filler: Any = _EPOCH
    exact = None

    def __init__(self) -> None:
        super().__init__("u")

    def values(self, column: ColumnSchema, nodes: Sequence[Any], node: Any) -> tuple[list[Any], Bad | None]:
        raw, _ = super().values(column, nodes, node)
        return _convert(raw, to_datetime, "a time that datetime cannot hold (weir.Timestamp can)")

    def nodes(self, values: list[Any], validity: bytes, nulls: int) -> list[Any]:
        return super().nodes([from_datetime(value) for value in values], validity, nulls)

    def kept(self, value: Any) -> Any:
        self.check(value)
        return None if value is None else to_datetime(from_datetime(value))

    def check_value(self, value: Any) -> None:
        if not isinstance(value, datetime.datetime):
            raise BadValue(f"{shown(value)} is no datetime")
        if value.tzinfo is None:
            raise BadValue(f"the datetime {value} has no time zone")

    def differs(self, old: Any, new: Any) -> bool:
        return bool(old != new)


class DecimalNumber(Codec):
    """`decimal.Decimal` with a precision and a scale. Nothing is rounded."""

    filler = decimal.Decimal(0)

    def __init__(self, precision: int, scale: int) -> None:
        if not 1 <= precision <= 38 or not -38 <= scale <= precision:
            raise TypeError(f"decimal128({precision}, {scale}) does not exist: the precision is 1 to 38, and the scale at most that")
        self.precision, self.scale = precision, scale
        self.name, self.format = f"decimal128({precision}, {scale})", f"d:{precision},{scale}"
        self.limit = 10**precision

    def accepts(self, column: ColumnSchema) -> bool:
        return column.format in (self.format, self.format + ",128")

    def values(self, column: ColumnSchema, nodes: Sequence[Any], node: Any) -> tuple[list[Any], Bad | None]:
        data, scale, of_bytes = node.buffers[1], -self.scale, int.from_bytes
        units = (of_bytes(data[at : at + 16], "little", signed=True) for at in range(0, 16 * node.length, 16))
        return [_EXACT.scaleb(decimal.Decimal(unit), scale) for unit in units], None

    def kept(self, value: Any) -> Any:
        self.check(value)
        return None if value is None else _EXACT.scaleb(decimal.Decimal(self.units(value)), -self.scale)

    def nodes(self, values: list[Any], validity: bytes, nulls: int) -> list[Any]:
        data = b"".join([self.units(value).to_bytes(16, "little", signed=True) for value in values])
        return [_wire.Node(len(values), nulls, [validity, data])]

    def units(self, value: Any) -> int:
        """The unscaled integer."""
        if not isinstance(value, (decimal.Decimal, int)) or isinstance(value, bool):
            raise BadValue(f"{shown(value)} is no decimal.Decimal")
        number = decimal.Decimal(value)
        if not number.is_finite():
            raise BadValue(f"{value} is no {self.name}")
        if number.adjusted() > 40 or (number.as_tuple().exponent < -300 and number != 0):  # type: ignore[operator]
            raise BadValue(f"{value} is out of the range of {self.name}")
        scaled = _EXACT.scaleb(number, self.scale) if number else number
        units = int(scaled)
        if units != scaled:
            raise BadValue(f"{value} has more digits behind the point than {self.name}")
        if abs(units) >= self.limit:
            raise BadValue(f"{value} is out of the range of {self.name}")
        return units

    def check_value(self, value: Any) -> None:
        self.units(value)

    def differs(self, old: Any, new: Any) -> bool:
        return bool(old != new)


def _per_second(column: ColumnSchema) -> int | None:
    if column.format[:2] == "ts" and column.format[3:4] == ":":
        return _PER_SECOND.get(column.format[2])
    return None


def _convert(raw: list[int], convert: Any, what: str) -> tuple[list[Any], Bad | None]:
    try:
        return [convert(value) for value in raw], None
    except (OverflowError, ValueError):
        pass
    values, bad = [], {}
    for position, value in enumerate(raw):
        try:
            values.append(convert(value))
        except (OverflowError, ValueError):
            values.append(None)
            bad[position] = f"is {what}: {value}"
    return values, bad
