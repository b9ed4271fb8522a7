"""What an operator's outputs are for its inputs, and what a call gives them."""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from typing import Any

from . import _wire
from ._annotations import DeclarationError
from ._codec import BadValue, bad_values
from ._rows import ALL, Kept, RowType
from ._scalars import Int
from ._schema import ColumnSchema, columns_of, find, listing

_TIME = Int("timestamp", "l", "q", 64, True)


class InputColumns:
    """The columns of one input."""

    def __init__(self, name: str, columns: list[ColumnSchema]) -> None:
        self.name = name
        self.columns = columns


def inputs_of(inputs: Sequence[Any]) -> list[InputColumns]:
    """The columns of the inputs that an operator is connected to."""
    return [InputColumns(input.name, columns_of(input.columns)) for input in inputs]


class OutputPlan:
    """One output, for some inputs."""

    def __init__(self, row: RowType, name: str, inputs: list[InputColumns]) -> None:
        self.row = row
        self.name = name
        columns: list[Any] = []
        #: The fields in the order in which their columns go out.
        self.order: list[int] = []
        names = {field.column: at for at, field in enumerate(row.columns)}
        for at_input, at_column, to in _kept(row, name, inputs):
            if to in names:
                columns.append(self._computed(names.pop(to)))
            else:
                of = inputs[at_input].columns[at_column].name
                columns.append(_wire.OutputColumn_Kept(_wire.KeptColumn(at_input, at_column, None if of == to else to)))
        columns += [self._computed(at) for at in names.values()]
        self.wire = _wire.Output(name, columns, _changelog(row))

    def _computed(self, at: int) -> Any:
        self.order.append(at)
        field = self.row.columns[at]
        return _wire.OutputColumn_Computed(field.codec.fields(field.column))


def plan_outputs(rows: list[RowType], inputs: list[InputColumns]) -> list[OutputPlan]:
    """The outputs of an operator; the first is the main one. Raises `ValueError` if a kept column is not there."""
    plans: list[OutputPlan] = []
    for at, row in enumerate(rows):
        name = "main" if at == 0 else row.options.output or kebab(row.cls.__name__)
        if any(plan.name == name for plan in plans):
            raise DeclarationError(f"two outputs are called {name!r}: give one another name with @weir.row(output=...)")
        plans.append(OutputPlan(row, name, inputs))
    return plans


def kebab(name: str) -> str:
    """`VeryLate` as `very-late`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name).strip("_").replace("_", "-").lower()


def _changelog(row: RowType) -> Any:
    mode = row.options.changelog or ("retract" if row.kind else "insert-only")
    try:
        return getattr(_wire.ChangelogMode, mode.upper().replace("-", "_"))
    except AttributeError:
        raise DeclarationError(f"{row.cls.__name__}: changelog is insert-only, upsert or retract, not {mode!r}") from None


def _kept(row: RowType, output: str, inputs: list[InputColumns]) -> list[tuple[int, int, str]]:
    options = row.options
    wanted: list[tuple[int, int, str]] = []
    if options.keep is ALL:
        for name in options.drop:
            _column(Kept(name), output, inputs)
        for at_input, of in enumerate(inputs):
            for at, column in enumerate(of.columns):
                if column.name not in options.drop:
                    wanted.append((at_input, at, options.rename.get(column.name, column.name)))
    else:
        for item in options.keep:  # type: ignore[union-attr]
            kept = Kept(item) if isinstance(item, str) else item
            wanted.append((*_column(kept, output, inputs), kept.to or options.rename.get(kept.name, kept.name)))
    for name in options.rename:
        _column(Kept(name), output, inputs)
    names = [to for _, _, to in wanted]
    double = next((name for name in names if names.count(name) > 1), None)
    if double is not None:
        raise ValueError(f"output {output!r} keeps two columns as {double!r}: give one another name with weir.Kept(name, to=...)")
    return wanted


def _column(kept: Kept, output: str, inputs: list[InputColumns]) -> tuple[int, int]:
    for at_input, of in enumerate(inputs):
        if kept.input is None or kept.input == of.name:
            at = find(of.columns, kept.name)
            if at is not None:
                return at_input, at
    there = " and ".join(listing(of.columns) for of in inputs)
    raise ValueError(f'there is no column "{kept.name}", which output "{output}" keeps; the input has {there}')


class Emitted:
    """What a call has emitted to one output: the row that each comes from, and lists of values."""

    __slots__ = ("sources", "columns", "times", "kinds")

    def __init__(self, columns: int) -> None:
        self.sources: list[int] = []
        self.columns: list[list[Any]] = [[] for _ in range(columns)]
        self.times: list[Any] = []
        self.kinds: list[Any] = []

    def lists(self) -> list[list[Any]]:
        """All that has one entry per row."""
        return [self.sources, *self.columns, self.times, self.kinds]

    def cut(self, length: int) -> None:
        """Forgets all but the first rows."""
        for values in self.lists():
            del values[length:]

    def take_back(self, row: int) -> None:
        """Forgets what the last row has emitted."""
        length = len(self.sources)
        while length and self.sources[length - 1] == row:
            length -= 1
        self.cut(length)

    def without(self, refused: dict[int, str]) -> None:
        """Forgets what some rows have emitted."""
        kept = [at for at, source in enumerate(self.sources) if source not in refused]
        if len(kept) < len(self.sources):
            for values in self.lists():
                if values:
                    values[:] = [values[at] for at in kept]


def check_row(plan: OutputPlan, emitted: Emitted, since: int) -> None:
    """Raises `BadValue` if an output cannot hold what was emitted since it had some length."""
    for field, values in zip(plan.row.columns, emitted.columns):
        for value in values[since:]:
            _named(field.column, plan, lambda codec=field.codec, value=value: codec.check(value))
    for value in emitted.times[since:]:
        _named("event time", plan, lambda value=value: _TIME.check(plan_time(plan, value)))
    for value in emitted.kinds[since:]:
        if value not in (0, 1, 2, 3):
            raise BadValue(f"{value!r} is no kind of rows: see weir.RowKind")


def _named(column: str, plan: OutputPlan, check: Any) -> None:
    try:
        check()
    except BadValue as error:
        raise BadValue(f"column {column!r} of output {plan.name!r}: {error}") from None


def plan_time(plan: OutputPlan, value: Any) -> Any:
    """An event time in microseconds."""
    import datetime

    from ._times import from_datetime

    if isinstance(value, datetime.datetime):
        try:
            return from_datetime(value)
        except ValueError as error:
            raise BadValue(str(error)) from None
    return value


def bad_rows(plans: list[OutputPlan], all_emitted: list[Emitted]) -> dict[int, str]:
    """The input rows that have emitted what a column cannot hold, and why."""
    refused: dict[int, str] = {}
    for plan, emitted in zip(plans, all_emitted):
        for field, values in zip(plan.row.columns, emitted.columns):
            for at, reason in bad_values(field.codec, values).items():
                refused.setdefault(emitted.sources[at], f"column {field.column!r} of output {plan.name!r}: {reason}")
        for at, value in enumerate(emitted.times):
            try:
                _TIME.check(plan_time(plan, value))
            except BadValue as error:
                refused.setdefault(emitted.sources[at], f"the event time of output {plan.name!r}: {error}")
        for at, value in enumerate(emitted.kinds):
            if value not in (0, 1, 2, 3):
                refused.setdefault(emitted.sources[at], f"{value!r} is no kind of rows: see weir.RowKind")
    return refused


def delta(plan: OutputPlan, emitted: Emitted, rows: int) -> Any:
    """What one output gets. Any exception means that some value is bad: `bad_rows` tells which."""
    computed: list[Any] = []
    fields = plan.row.columns
    for at in plan.order:
        computed += fields[at].codec.write(emitted.columns[at])
    times = b""
    if plan.row.event_time is not None:
        times = _TIME.nodes([plan_time(plan, value) for value in emitted.times], b"", 0)[0].buffers[1]
    kinds = b""
    if plan.row.kind is not None:
        kinds = bytes(emitted.kinds)
        if kinds.translate(None, b"\0\1\2\3"):
            raise ValueError("a kind that does not exist")
    return _wire.Delta(selection(emitted.sources, rows), computed, times, kinds)


_IDENTITY: list[bytes] = [b""]


def selection(sources: Sequence[int], rows: int) -> Any:
    """Which rows are meant, as briefly as it can be said."""
    if not sources:
        return _wire.Selection_Empty()
    packed = array("I", sources).tobytes()
    if len(sources) == rows:
        if len(_IDENTITY[0]) < len(packed):
            _IDENTITY[0] = array("I", range(rows)).tobytes()
        if _IDENTITY[0].startswith(packed):
            return _wire.Selection_All()
    return _wire.Selection_Indices(packed)


def deltas(plans: list[OutputPlan], all_emitted: list[Emitted], rows: int) -> list[Any] | None:
    """What all outputs get; `None`: some value is bad."""
    try:
        return [delta(plan, emitted, rows) for plan, emitted in zip(plans, all_emitted)]
    except MemoryError:
        raise
    except Exception:
        return None
