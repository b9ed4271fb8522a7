"""Operators on columns: views of what came in, and whole columns going out."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import compress
from typing import Any, Generic, TypeVar

from . import _wire
from ._bits import unpack
from ._outputs import Emitted, OutputPlan, bad_rows, selection
from ._reads import RowReader
from ._scalars import Float, Int, numbers, offsets
from ._schema import ColumnSchema

T = TypeVar("T")


class Column:
    """One column of a batch. Nothing of it is copied before it is asked for."""

    def __init__(self, field: Any, column: ColumnSchema, nodes: Sequence[Any]) -> None:
        self._field, self._column, self._nodes = field, column, nodes
        self._node = nodes[column.at]

    def __len__(self) -> int:
        return self._node.length  # type: ignore[no-any-return]

    @property
    def null_count(self) -> int:
        """How many values are null."""
        return self._node.null_count  # type: ignore[no-any-return]

    @property
    def valid(self) -> list[bool] | None:
        """Which values are not null; `None`: all."""
        bits = self._node.buffers[0]
        return unpack(bits, self._node.length) if self._node.null_count and bits else None

    @property
    def values(self) -> memoryview[Any]:
        """The values of a column of numbers, days or instants, as they are in memory: anything where it is null."""
        codec = self._field.codec
        if not isinstance(codec, (Int, Float)):
            raise TypeError(f"column {self._field.column!r} of {codec.name} has no values of fixed width; see data, offsets, to_list()")
        # The zone of an instant changes nothing, but its unit does.
        same = slice(4) if codec.format[:2] == "ts" else slice(None)
        if self._column.format[same] != codec.format[same]:
            raise TypeError(f"column {self._field.column!r} has another type than {codec.name}; see to_list()")
        return numbers(self._node, codec.code, codec.width)

    @property
    def offsets(self) -> memoryview[int]:
        """Where the values of a column of text, bytes or lists begin, and where the last ends."""
        return offsets(self._node)

    @property
    def data(self) -> bytes:
        """The bytes of all values of a column of text or bytes, or of decimals; the bits of booleans."""
        return self._node.buffers[-1]  # type: ignore[no-any-return]

    def to_list(self) -> list[Any]:
        """The values as Python objects, `None` where it is null."""
        return self._field.codec.read(self._column, self._nodes)[0]  # type: ignore[no-any-return]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.to_list())


class Columns(Generic[T]):
    """A batch as the columns of a row class: `bids.price` is the `Column` of the field `price`."""

    def __init__(self, reader: RowReader, batch: Any) -> None:
        self._rows: int = batch.rows
        self._columns: dict[str, Any] = {}
        for field, column in zip(reader.row.columns, reader.columns):
            if column is not None:
                self._columns[field.attribute] = Column(field, column, batch.columns)
        if reader.row.event_time is not None:
            self._columns[reader.row.event_time] = memoryview(batch.event_times).cast("q")
        if reader.row.kind is not None:
            self._columns[reader.row.kind] = batch.row_kinds or bytes(batch.rows)

    def __len__(self) -> int:
        """How many rows there are."""
        return self._rows

    def __getattr__(self, name: str) -> Column:
        try:
            return self.__dict__["_columns"][name]  # type: ignore[no-any-return]
        except KeyError:
            raise AttributeError(f"the row has no field {name!r}") from None


class ColumnEmitter(Generic[T]):
    """Takes the columns that a function emits."""

    def __init__(self, plans: list[OutputPlan], rows: int, refused: dict[int, str]) -> None:
        self._plans, self._rows, self._refused = plans, rows, refused
        self._parts: list[Any] = [None] * len(plans)

    def emit(
        self,
        row: Any,
        *,
        rows: Sequence[int] | None = None,
        where: Iterable[object] | None = None,
        **columns: Any,
    ) -> None:
        """Emits to the output of a row class, once per call of the function: its columns by field, each an array, a view, a
        `Column` or any iterable of values.

        Without `rows` and `where` there is one row for each input row. `where`: something that is true or false for each input row,
        the columns have those values where it is true. `rows`: the input row that each row comes from.
        """
        at = next((at for at, plan in enumerate(self._plans) if plan.row.cls is row), None)
        if at is None:
            raise TypeError(f"{row!r} is emitted, but is not among the classes that the ColumnEmitter of the annotation names")
        if self._parts[at] is not None:
            raise TypeError(f"{row.__name__} is emitted twice in one call")
        sources: Any = range(self._rows) if rows is None else rows
        if where is not None:
            sources = list(compress(sources, where))
        fields = self._plans[at].row.reads
        columns = {name: values if hasattr(values, "__len__") else list(values) for name, values in columns.items()}
        if set(fields) != set(columns):
            raise TypeError(f"{row.__name__} has the fields {', '.join(fields) or '(none)'}; emitted were {', '.join(columns) or '(none)'}")
        self._parts[at] = (sources, columns)

    def refuse(self, row: int, reason: object) -> None:
        """Refuses an input row, whatever is emitted for it."""
        if not 0 <= row < self._rows:
            raise IndexError(f"row {row} of {self._rows}")
        self._refused.setdefault(row, str(reason))

    def _deltas(self) -> list[Any]:
        parts = [part or ((), {name: () for name in plan.row.reads}) for plan, part in zip(self._plans, self._parts)]
        try:
            return [self._delta(plan, *part) for plan, part in zip(self._plans, parts)]
        except MemoryError:
            raise
        except Exception:
            # Some value does not fit into its column: whose it is is looked for.
            bad = bad_rows(self._plans, [self._emitted(plan, *part) for plan, part in zip(self._plans, parts)])
            if all(row in self._refused for row in bad):
                raise
            for row, reason in bad.items():
                self.refuse(row, reason)
            return [self._delta(plan, *part) for plan, part in zip(self._plans, parts)]

    def _emitted(self, plan: OutputPlan, sources: Any, columns: dict[str, Any]) -> Emitted:
        """What was emitted, as lists. Raises `ValueError` if these are not of one length."""
        row, emitted = plan.row, Emitted(0)
        lists = {name: values.to_list() if isinstance(values, Column) else list(values) for name, values in columns.items()}
        emitted.sources = list(sources)
        emitted.columns = [lists[field.attribute] for field in row.columns]
        emitted.times = lists[row.event_time] if row.event_time is not None else []
        emitted.kinds = lists[row.kind] if row.kind is not None else []
        for name, values in lists.items():
            _check_length(name, len(values), len(emitted.sources))
        return emitted

    def _delta(self, plan: OutputPlan, sources: Any, columns: dict[str, Any]) -> Any:
        kept: list[int] | None = None
        if self._refused:
            kept = [at for at, source in enumerate(sources) if source not in self._refused]
            kept = kept if len(kept) < len(sources) else None
        count = len(sources)
        computed: list[Any] = []
        for at in plan.order:
            field = plan.row.columns[at]
            computed += self._nodes(field, columns[field.attribute], count, kept)
        times = kinds = b""
        if plan.row.event_time is not None:
            times = _fixed(columns[plan.row.event_time], "q", count, kept)
        if plan.row.kind is not None:
            kinds = _fixed(columns[plan.row.kind], "B", count, kept)
            if kinds.translate(None, b"\0\1\2\3"):
                raise ValueError("a kind that does not exist")
        if kept is not None:
            sources = [sources[at] for at in kept]
        return _wire.Delta(selection(sources, self._rows), computed, times, kinds)

    def _nodes(self, field: Any, values: Any, count: int, kept: list[int] | None) -> list[Any]:
        codec = field.codec
        if isinstance(values, Column):
            if kept is None and values._column.nodes == 1 and values._column.format == codec.format and len(values) == count:
                if codec.nullable or not values.null_count:
                    return [values._node]
            values = values.to_list()
        raw = _raw(values, codec)
        if raw is not None and kept is None:
            if len(values) == count:
                return [_wire.Node(count, 0, [b"", raw])]
        values = list(values)
        _check_length(field.column, len(values), count)
        return codec.write(values if kept is None else [values[at] for at in kept])  # type: ignore[no-any-return]


def _fixed(values: Any, code: str, count: int, kept: list[int] | None) -> bytes:
    if len(values) != count:
        raise ValueError(f"{len(values)} event times or kinds for {count} rows")
    return array(code, values if kept is None else [values[at] for at in kept]).tobytes()


def _check_length(column: str, values: int, rows: int) -> None:
    if values != rows:
        raise ValueError(f"column {column!r} has {values} values for {rows} rows")


def _raw(values: Any, codec: Any) -> bytes | None:
    """The bytes of an array or a view that is a column already."""
    code = getattr(values, "typecode", None) or getattr(values, "format", None)
    if code is None or not isinstance(codec, (Int, Float)) or code != codec.code:
        return None
    return values.tobytes()  # type: ignore[no-any-return]
