"""All data types through a transform.

What it means is written in tests/conformance/README.md, for all languages.
"""

import decimal
from collections.abc import Iterator
from typing import Annotated, Optional

import weir

Money = Annotated[decimal.Decimal, weir.Decimal(12, 2)]


@weir.row
class Point:
    x: float
    y: Optional[float]


@weir.row
class Swapped:
    x: Optional[float]
    y: float


@weir.row
class All:
    copies: int
    flag: Optional[bool]
    i8: Optional[weir.Int8]
    i16: Optional[weir.Int16]
    i32: Optional[weir.Int32]
    i64: Optional[int]
    u8: Optional[weir.UInt8]
    u16: Optional[weir.UInt16]
    u32: Optional[weir.UInt32]
    u64: Optional[weir.UInt64]
    f32: Optional[weir.Float32]
    f64: Optional[float]
    text: Optional[str]
    bytes: Optional[bytes]
    day: Optional[weir.Date]
    sec: Optional[weir.TimestampSeconds]
    milli: Optional[weir.TimestampMillis]
    micro: Optional[weir.Timestamp]
    nano: Optional[weir.TimestampNanos]
    amount: Optional[Money]
    numbers: Optional[list[Optional[int]]]
    point: Optional[Point]


@weir.row(keep=weir.ALL)
class Copy:
    text: Optional[str]
    not_flag: Optional[bool]
    sum: Optional[int]
    big: Optional[weir.UInt64]
    low: Optional[int]
    half: Optional[float]
    single: Optional[weir.Float32]
    size: Optional[int]
    raw: Optional[bytes]
    next_day: Optional[weir.Date]
    sec2: Optional[weir.TimestampSeconds]
    milli2: Optional[weir.TimestampMillis]
    micro2: Optional[weir.Timestamp]
    nano2: Optional[weir.TimestampNanos]
    cents: Optional[Money]
    reversed: Optional[list[Optional[int]]]
    swapped: Optional[Swapped]


@weir.row(output="none")
class NoCopies:
    reason: str


@weir.transform
class Types:
    """All data types."""

    drop: Optional[str] = None

    def process(self, row: All) -> Iterator[Copy | NoCopies]:
        if row.copies < 0:
            raise weir.RowError(f"copies is {row.copies}")
        if self.drop is not None and row.text == self.drop:
            return
        if row.copies == 0:
            yield NoCopies("no copies")
        addends = [number for number in (row.i8, row.i16, row.i32, row.u8, row.u16, row.u32) if number is not None]
        for copy in range(row.copies):
            yield Copy(
                text=None if row.text is None else f"{row.text}#{copy}",
                not_flag=None if row.flag is None else not row.flag,
                sum=sum(addends) if addends else None,
                big=row.u64,
                low=row.i64,
                half=None if row.f64 is None else row.f64 / 2,
                single=row.f32,
                size=None if row.bytes is None else len(row.bytes),
                raw=row.bytes,
                next_day=None if row.day is None else row.day + 1,
                sec2=row.sec,
                milli2=row.milli,
                micro2=row.micro,
                nano2=row.nano,
                cents=row.amount,
                reversed=None if row.numbers is None else row.numbers[::-1],
                swapped=None if row.point is None else Swapped(x=row.point.y, y=row.point.x),
            )
