"""Write a Weir operator in Python: a function or class with a decorator, and dataclasses as its rows.

| to write | decorate with |
|---|---|
| a filter, map, flat-map, project, split; on rows, or on columns | `weir.transform` |
| an operator with state and timers per key | `weir.keyed` |
| an aggregate for windows | `weir.aggregate` |

`weir.testing` runs an operator natively, through the code that runs in the component.
"""

from __future__ import annotations

from . import log, metrics
from ._annotations import (
    EVENT_TIME,
    Date,
    Decimal,
    DeclarationError,
    EventTime,
    Float32,
    Float64,
    Int8,
    Int16,
    Int32,
    Int64,
    Kind,
    Name,
    Number,
    Timestamp,
    TimestampMillis,
    TimestampNanos,
    TimestampSeconds,
    UInt8,
    UInt16,
    UInt32,
    UInt64,
)
from ._columns import Column, ColumnEmitter, Columns
from ._context import KeyContext, Timer, Timers
from ._decorators import aggregate, input, keyed, transform
from ._errors import RowError
from ._loops import Emitter
from ._maps import Map, Maps, Prefetch
from ._rows import ALL, Kept, RowKind, row
from ._state import OldStates
from ._times import from_datetime, to_datetime
from ._timestamp_text import parse_timestamp

__all__ = [
    "ALL",
    "EVENT_TIME",
    "Column",
    "ColumnEmitter",
    "Columns",
    "Date",
    "Decimal",
    "DeclarationError",
    "Emitter",
    "EventTime",
    "Float32",
    "Float64",
    "Int16",
    "Int32",
    "Int64",
    "Int8",
    "KeyContext",
    "Kept",
    "Kind",
    "Map",
    "Maps",
    "Name",
    "Number",
    "OldStates",
    "Prefetch",
    "RowError",
    "RowKind",
    "Timer",
    "Timers",
    "Timestamp",
    "TimestampMillis",
    "TimestampNanos",
    "TimestampSeconds",
    "UInt16",
    "UInt32",
    "UInt64",
    "UInt8",
    "aggregate",
    "from_datetime",
    "input",
    "keyed",
    "log",
    "metrics",
    "parse_timestamp",
    "row",
    "to_datetime",
    "transform",
]
