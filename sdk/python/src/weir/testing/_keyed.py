"""Runs a keyed operator as the host does: it keeps the states, the maps and the timers, by key."""

from __future__ import annotations

import datetime
from array import array
from collections.abc import Sequence
from typing import Any, Union

from .. import _telemetry, _wire
from .._bits import pack
from .._context import EVENT_TIME, PROCESSING_TIME, domain_of_wire, domain_to_wire, micros
from .._maps import Map, lend
from .._registry import operator_of
from .._state import States
from ._maps import HarnessMaps
from ._results import Results, failed, results_of
from ._table import Table, selected

Time = Union[int, datetime.datetime]


class KeyedHarness:
    """A keyed operator with its states, maps and timers, over rows of a dataclass.

    `row`: the class of the rows, or the classes of several inputs by name. `key_by`: the columns that they are keyed by.
    """

    def __init__(self, operator: Any, row: type | dict[str, type], key_by: Sequence[str]) -> None:
        self._operator = operator_of(operator)
        self._rows: dict[str, type] = row if isinstance(row, dict) else {"main": row}
        tables = {name: Table.of([], cls) for name, cls in self._rows.items()}
        self._keys_of = {name: [table.names.index(column) for column in key_by] for name, table in tables.items()}
        try:
            inputs = [table.as_input(name, self._keys_of[name]) for name, table in tables.items()]
            self._connected = self._operator.connect(operator, inputs)
        except Exception as error:
            raise failed(error) from error
        self._key_codecs = [tables[next(iter(tables))].codecs[at] for at in self._keys_of[next(iter(tables))]]
        self._order: dict[Any, int] = {}
        self._keys: list[tuple[Any, ...]] = []
        self._states: list[Any] = []
        self._timers: set[tuple[str, int, int]] = set()
        self._maps = HarnessMaps(self._operator.maps)
        self._watermark: int | None = None
        self._now = 0

    def process(self, rows: Sequence[Any], input: str | None = None) -> Results:
        """Processes one batch. If the call fails as a whole nothing has changed."""
        names = list(self._rows)
        name = input or names[0]
        at = names.index(name)
        tables = [Table.of(rows if of == name else [], cls) for of, cls in self._rows.items()]
        table = tables[at]
        key_columns = [table.columns[column] for column in self._keys_of[name]]
        keys = [self._key(values) for values in (zip(*key_columns) if key_columns else [()] * table.rows)]
        batch = table.batch(self._connected.plan.reads[at], self._connected.plan.reads_event_times)
        delta = self._call(keys, lambda index, states, now: self._connected.process(at, batch, index, states, now))
        return results_of(self._connected.outputs, delta.outputs, delta.rejected, tables, at)

    def advance_to(self, watermark: Time) -> Results:
        """Moves the watermark on and runs the event-time timers that are due by then: in each call the earliest of every key."""
        self._watermark = micros(watermark)
        return self._fire(EVENT_TIME, self._watermark)

    def advance_processing_time_to(self, time: Time) -> Results:
        """Moves the wall clock on and runs the processing-time timers that are due by then."""
        self._now = micros(time)
        return self._fire(PROCESSING_TIME, self._now)

    def states(self) -> dict[Any, Any]:
        """The states by key; a key of one column is its value, another a tuple."""
        return {self._shown(key): state for key, state in zip(self._keys, self._states) if state is not None}

    def timers(self, domain: str = EVENT_TIME) -> list[tuple[int, Any]]:
        """The timers of a clock, the earliest first: their times, and the keys."""
        return sorted((time, self._shown(self._keys[key])) for of, time, key in self._timers if of == domain)

    def entries(self, map: Map[Any, Any]) -> dict[Any, list[tuple[Any, Any]]]:
        """The entries of a map by key, in their order."""
        found = self._maps.entries(self._operator.maps.index(map))
        return {self._shown(self._keys[key]): entries for key, entries in found.items()}

    def migrate(self, from_version: int, states: Sequence[Any]) -> None:
        """Checks that states of another version, rows of its class or `None`, become states of this one: they are those of the keys
        in the order in which they came."""
        cls = next(type(state) for state in states if state is not None)
        table = Table.of([state for state in states if state is not None], cls)
        present = [state is not None for state in states]
        blank = Table.of([], cls)
        made = iter(zip(*table.columns))
        values = [next(made) if is_there else [codec.filler for codec in blank.codecs] for is_there in present]
        columns = [list(column) for column in zip(*values)] if values else blank.columns
        nodes = [node for codec, column in zip(blank.codecs, columns) for node in codec.write(column)]
        old = _wire.States(len(states), pack(present), nodes)
        try:
            migrated = self._connected.migrate(from_version, blank.fields(), old)
        except Exception as error:
            raise failed(error) from error
        read = States(self._operator.state, _wire.States(len(states), pack(present), migrated)).slots
        for key, state in enumerate(read):
            if key < len(self._states):
                self._states[key] = state
        self.migrated: list[Any] = read

    def _fire(self, domain: str, until: int) -> Results:
        tables = [Table.of([], cls) for cls in self._rows.values()]
        empty = [_wire.Delta(_wire.Selection_Empty(), self._nothing(plan), b"", b"") for plan in self._connected.outputs]
        emitted = results_of(self._connected.outputs, empty, [], tables, 0)
        while True:
            due: dict[int, int] = {}
            for of, time, key in sorted(self._timers):
                if of == domain and time <= until:
                    due.setdefault(key, time)
            if not due:
                return emitted
            timers = sorted((time, key) for key, time in due.items())
            emitted._append(self._fire_at_once(domain, timers))

    def _fire_at_once(self, domain: str, timers: list[tuple[int, int]]) -> Results:
        keys = [key for _, key in timers]
        times = [time for time, _ in timers]
        columns = [[self._keys[key][at] for key in keys] for at in range(len(self._key_codecs))]
        nodes = [node for codec, column in zip(self._key_codecs, columns) for node in codec.write(column)]
        batch = _wire.Batch(len(keys), nodes, b"", b"")
        packed = array("q", times).tobytes()

        def call(index: bytes, states: Any, now: Any) -> Any:
            due = _wire.keyed.Timers(domain_to_wire(domain), index, packed)
            return self._connected.on_timer(due, batch, states, now)

        delta = self._call(keys, call)
        self._timers -= {(domain, time, key) for time, key in timers} - self._added
        tables = [self._key_table(name, columns, times) for name in self._rows]
        return results_of(self._connected.outputs, delta.outputs, delta.rejected, tables, 0)

    def _key_table(self, name: str, columns: list[list[Any]], times: list[int]) -> Table:
        """One row per timer: the key columns, everything else null."""
        empty = Table.of([], self._rows[name])
        of_keys = dict(zip(self._keys_of[name], columns))
        table = Table(empty.names, empty.codecs, [of_keys.get(at, [None] * len(times)) for at in range(len(empty.names))], len(times))
        table.times = times
        return table

    def _nothing(self, plan: Any) -> list[Any]:
        return [node for at in plan.order for node in plan.row.columns[at].codec.write([])]

    def _call(self, keys: list[int], call: Any) -> Any:
        of_call = list(dict.fromkeys(keys))
        index = array("I", [of_call.index(key) for key in keys]).tobytes()
        now = _wire.keyed.Clock(self._watermark, self._now)
        lend(self._maps.during(of_call))
        _telemetry.call_begins()
        try:
            delta = call(index, self._gather(of_call), now)
        except Exception as error:
            raise failed(error) from error
        finally:
            lend(None)
        self._commit(delta, of_call)
        return delta

    def _gather(self, keys: list[int]) -> Any:
        row = self._operator.state
        if row is None:
            return _wire.States(len(keys), bytes((len(keys) + 7) // 8), [])
        states = [self._states[key] for key in keys]
        present = pack([state is not None for state in states])
        return _wire.States(len(keys), present, row.write([row.blank() if state is None else state for state in states]))

    def _commit(self, delta: Any, keys: list[int]) -> None:
        changed = selected(delta.changed, len(keys))
        if self._operator.state is not None:
            for at, state in zip(changed, States(self._operator.state, delta.states).slots):
                self._states[keys[at]] = state
        self._maps.commit(delta.maps, keys)
        self._timers -= self._pairs(delta.timers.remove, keys)
        self._added = self._pairs(delta.timers.add, keys)
        self._timers |= self._added

    def _pairs(self, lists: Any, keys: list[int]) -> set[tuple[str, int, int]]:
        found = set()
        for timers in lists:
            indices, times = memoryview(timers.keys).cast("I"), memoryview(timers.times).cast("q")
            found |= {(domain_of_wire(timers.domain), time, keys[key]) for key, time in zip(indices, times)}
        return found

    def _key(self, values: tuple[Any, ...]) -> int:
        order = tuple(codec.order(value) for codec, value in zip(self._key_codecs, values))
        key = self._order.setdefault(order, len(self._keys))
        if key == len(self._keys):
            self._keys.append(tuple(values))
            self._states.append(None)
        return key

    def _shown(self, key: tuple[Any, ...]) -> Any:
        return key[0] if len(key) == 1 else key
