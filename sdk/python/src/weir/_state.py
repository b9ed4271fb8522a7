"""States and accumulators: rows that the host keeps between calls, and goes without where they did not change."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from operator import ne
from typing import Any, TypeVar

from . import _wire
from ._annotations import DeclarationError
from ._bits import pack, unpack
from ._codec import BadValue, Codec
from ._errors import reason_of
from ._outputs import selection
from ._reads import RowReader
from ._rows import RowType, row_type
from ._scalars import Float
from ._schema import columns_of

T = TypeVar("T")


def state_row(cls: Any, where: str) -> RowType:
    """What is known of a class of states."""
    row = row_type(cls)
    if row.event_time or row.kind:
        raise DeclarationError(f"{where}: {row.cls.__name__} is kept, so it has columns only: use weir.Timestamp for a time")
    return row


def plain(row: RowType) -> str:
    """Code that is true only if the variable `s`, such a row, is kept as it is; otherwise the function `keep` is called, see `keeper`. This
    is done after every row, so that it does not matter which rows make a batch."""
    return " and ".join(plain_value(field.codec, f"s.{field.attribute}") for field in row.columns) or "True"


def plain_value(codec: Codec, value: str) -> str:
    """The same of one value, which an expression gives."""
    condition = codec.plain(value) or "False"
    return f"({value} is None or {condition})" if codec.nullable else f"({condition})"


def keeper(row: RowType | None, what: str) -> dict[str, Any]:
    """What the code of a loop needs: the class `S`, and `keep`, which makes of a row what the host keeps of it. It raises `BadValue` if
    columns cannot hold it."""

    def keep(value: Any) -> None:
        if row is None or type(value) is not row.cls:
            needs = "None, as KeyContext[..., None] says" if row is None else row.cls.__name__
            raise BadValue(f"{what} is {value!r}, not {needs}")
        try:
            row.keep(value)
        except BadValue as error:
            raise BadValue(f"{what}: {error}") from None

    return {"keep": keep, "S": row.cls if row else None}


def refusal(error: Exception) -> str:
    """Why a row is refused, of which something cannot be kept or that made an exception."""
    return str(error) if isinstance(error, BadValue) else reason_of(error)


class States:
    """The states of a call, by key."""

    def __init__(self, row: RowType | None, states: Any) -> None:
        self.row, self.keys = row, states.keys
        self._present = unpack(states.present, self.keys) if states.present else None
        self._before: list[list[Any]] = []
        #: By key; `None`: it has no state.
        self.slots: list[Any] = [None] * self.keys
        if row is None:
            return
        reader = RowReader(row, columns_of(row.fields()))  # type: ignore[arg-type]
        self._before = reader.lists(states.columns, self.keys, {})
        given = [
            list(map(field.codec.freeze, values)) if field.codec.mutable else values for field, values in zip(row.columns, self._before)
        ]
        if self._present is None:
            self.slots = row.make_all(range(self.keys), given)
        elif any(self._present):
            made = iter(row.make_all(range(sum(self._present)), [list(compress(values, self._present)) for values in given]))
            self.slots = [next(made) if present else None for present in self._present]

    def changes(self) -> Any:
        """Which keys' states changed, and what they are now: a selection and states. Any exception means that a state cannot be kept."""
        changed = self._changed()
        if self.row is None:
            return _wire.Selection_Empty(), _wire.States(0, b"", [])
        rows = [self.slots[key] for key in changed]
        present = [state is not None for state in rows]
        if not all(present):
            blank = self.row.blank()
            rows = [blank if state is None else state for state in rows]
        return selection(changed, self.keys), _wire.States(len(rows), pack(present), self.row.write(rows))

    def _changed(self) -> list[int]:
        row, slots = self.row, self.slots
        if row is None:
            if any(state is not None for state in slots):
                raise TypeError("a state that was not declared")
            return []
        if not set(map(type, slots)) <= {row.cls, type(None)}:
            raise TypeError("a state of another class")
        before = self._present
        changed: set[int] = set()
        live = range(self.keys)
        if before is not None or None in slots:
            is_now = [state is not None for state in slots]
            was = before or [True] * self.keys
            changed.update(compress(range(self.keys), map(ne, is_now, was)))
            live = [key for key in range(self.keys) if is_now[key] and was[key]]  # type: ignore[assignment]
        for field, all_old in zip(row.columns, self._before):
            attribute = field.attribute
            old = all_old if len(live) == self.keys else [all_old[key] for key in live]
            new = [getattr(slots[key], attribute) for key in live]
            if isinstance(field.codec, Float) or field.codec.mutable:
                changed.update(compress(live, map(field.codec.differs, old, new)))
            elif old != new:
                changed.update(compress(live, map(ne, old, new)))
        return sorted(changed)


def write_rows(row: RowType, rows: Sequence[Any]) -> list[Any]:
    """Rows as columns; a message says what cannot be kept."""
    for value in rows:
        if type(value) is not row.cls:
            raise TypeError(f"{value!r} is no {row.cls.__name__}")
    try:
        return row.write(rows)
    except Exception:
        for value in rows:
            row.check(value)
        raise


class OldStates:
    """States that another version of the operator wrote."""

    def __init__(self, version: int, layout: Sequence[Any], states: Any) -> None:
        self._version = version
        self._columns = columns_of(layout)
        self._states = states

    def __len__(self) -> int:
        """How many keys there are."""
        return self._states.keys  # type: ignore[no-any-return]

    def read(self, cls: type[T]) -> list[T | None]:
        """The states as rows of a class, one entry per key, columns matched by name; an optional field whose column is not there is
        `None`. A class as the other version had it reads everything. Raises `ValueError` if a column is missing or has another type."""
        return self._read(RowReader.by_name(row_type(cls), self._columns))

    def read_whole(self, cls: type[T]) -> list[T | None]:
        """As `read`, but every column must be there, optional ones too: what is done if there is no `migrate`. A column of the other
        version that the class does not have is discarded."""
        try:
            reader = RowReader.by_name(row_type(cls), self._columns, may_miss=False)
        except ValueError as error:
            version = f"there is no migration from version {self._version} of the state"
            raise ValueError(f"{version}, and its columns do not fit: {error}") from None
        return self._read(reader)

    def _read(self, reader: RowReader) -> list[Any]:
        keys = self._states.keys
        present = unpack(self._states.present, keys) if self._states.present else [True] * keys
        bad: dict[int, str] = {}
        lists = reader.lists(self._states.columns, keys, bad)
        missing = next((bad[key] for key in sorted(bad) if present[key]), None)
        if missing is not None:
            raise ValueError(f"a state of the other version: {missing}")
        made: list[Any] = []
        for key, is_present in enumerate(present):
            made.extend(reader.row.make_all([key], [values[key : key + 1] for values in lists]) if is_present else [None])
        return made
