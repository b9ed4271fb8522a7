"""Operators with state and timers per key: how a class is declared, connected and called.

A batch is processed optimistically, without a copy of anything. If a row is refused, the whole call begins again and looks at each row
on its own, with a copy of what the row may change: so a refused row leaves no trace. Only if what came out does not fit into its columns,
all begins once more, with a look at each value. What runs again logs and counts nothing.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from . import _telemetry, _wire
from ._annotations import DeclarationError
from ._context import KeyContext, Timer, domain_of_wire, micros, timer_changes
from ._loops import Emitter, keyed_loop_of
from ._maps import Map, Maps, MapsOfCall, Prefetch
from ._outputs import Emitted, check_row, deltas, inputs_of, plan_outputs
from ._reads import Reads, RowReader, with_rows
from ._rows import RowType, row_type
from ._schema import columns_of
from ._signature import Step, all_outputs, step_of
from ._state import OldStates, States, refusal, state_row, write_rows
from ._transform import Operator, check_inputs, failures, input_steps

_SPECIAL: dict[Any, str] = {Emitter: "out", KeyContext: "context", Timer: "timer"}


class KeyedOperator(Operator):
    """A keyed operator as it is declared."""

    world = "keyed"

    def __init__(self, declared: Any, title: str | None) -> None:
        if not isinstance(declared, type):
            raise DeclarationError(f"{declared.__name__} is no class: a keyed operator is a class with a method `process`")
        if not dataclasses.is_dataclass(declared):
            declared = dataclasses.dataclass(declared)
        super().__init__(declared, title)
        self.steps = input_steps(declared, self.name, _SPECIAL, True)
        on_timer = getattr(declared, "on_timer", None)
        self.timer_step = step_of(on_timer, f"{self.name}.on_timer", True, _SPECIAL, is_timer=True) if on_timer else None
        self.key, self.state = self._context()
        all_steps = [*self.steps, *([self.timer_step] if self.timer_step else [])]
        self.outputs: list[RowType] = all_outputs(all_steps, self.name)
        self.loops = [keyed_loop_of(step, self.outputs, self.key, self.state) for step in self.steps]
        self.timer_loop = keyed_loop_of(self.timer_step, self.outputs, self.key, self.state) if self.timer_step else None
        self.version = int(getattr(declared, "VERSION", 1))
        self.maps: list[Map[Any, Any]] = [value for value in vars(declared).values() if isinstance(value, Map)]
        for map in self.maps:
            map.types()

    def _context(self) -> tuple[RowType | None, RowType | None]:
        found = [step.context for step in [*self.steps, self.timer_step] if step is not None and step.context]
        if any(context != found[0] for context in found):
            raise DeclarationError(f"{self.name}: its methods name different KeyContext[Key, State]")
        if not found:
            return None, None
        if len(found[0]) != 2:
            raise DeclarationError(f"{self.name}: KeyContext has two classes, of the key and of the state: KeyContext[None, State]")
        key, state = (None if of in (None, type(None)) else of for of in found[0])
        return (row_type(key) if key else None), (state_row(state, self.name) if state else None)

    def connect(self, configured: Any, inputs: list[Any]) -> ConnectedKeyed:
        """Connects it to inputs. Raises `ValueError` if a column does not fit."""
        return ConnectedKeyed(self, configured, inputs)


class _ConnectedInput:
    def __init__(self, operator: KeyedOperator, step: Step, configured: Any, columns: Any) -> None:
        self.reads = Reads()
        column_of = getattr(configured, "column_of", None)
        self.loop = operator.loops[operator.steps.index(step)]
        self.function = step.bound(configured)
        self.reader = RowReader.connect(step.row, columns, self.reads, column_of) if step.row else None
        self.key_reader = RowReader.connect(operator.key, columns, self.reads) if operator.key else None


class _Call:
    """The arguments of `process` and `on-timer`, as the loop takes them."""

    def __init__(self, loop: Any, function: Any, rows: int, lists_of: Any, key_of_row: bytes) -> None:
        self.loop, self.function, self.rows, self._lists_of = loop, function, rows, lists_of
        self.refused: dict[int, str] = {}
        self.read()
        self.key_of_row = memoryview(key_of_row).cast("I").tolist()
        self.domain = ""
        #: What was read of the maps.
        self.reads: dict[Any, Any] = {}

    def read(self) -> None:
        """Reads the rows that are not refused: also before they run again, as a row may have changed its lists."""
        lists = self._lists_of(self.refused)
        self.indices, self.lists = with_rows(lists, self.rows, self.refused)


class ConnectedKeyed:
    """A keyed operator that is connected to its inputs."""

    def __init__(self, operator: KeyedOperator, configured: Any, inputs: list[Any]) -> None:
        self.operator, self.configured = operator, configured
        steps = check_inputs(operator.steps, inputs)
        columns = inputs_of(inputs)
        self.inputs = [_ConnectedInput(operator, step, configured, columns[at].columns) for at, step in steps.items()]
        key_fields: list[Any] = []
        for key in inputs[0].keys:
            column = columns[0].columns[key]
            key_fields += inputs[0].columns[column.at : column.at + column.nodes]
        self.timer_keys: RowReader | None = None
        if operator.key is not None:
            try:
                key_columns = columns_of(key_fields)
                RowReader.connect(operator.key, key_columns, Reads())
                self.timer_keys = RowReader.by_name(operator.key, key_columns)
            except ValueError as error:
                raise ValueError(f"among the columns that the input is keyed by: {error}") from None
        self.outputs = plan_outputs(operator.outputs, columns)
        self.plan = _wire.Plan(
            [input.reads.indices for input in self.inputs],
            any(step.row is not None and step.row.event_time is not None for step in steps.values()),
            [output.wire for output in self.outputs],
            _wire.StateLayout(operator.version, operator.state.fields() if operator.state else []),
            [map.layout() for map in operator.maps],
        )

    def process(self, input: int, batch: Any, key_of_row: bytes, states: Any, now: Any) -> Any:
        """`keyed.process`"""
        of = self.inputs[input]
        readers = [reader for reader in (of.reader, of.key_reader) if reader is not None]

        def lists_of(refused: dict[int, str]) -> list[Any]:
            return [
                values
                for reader in readers
                for values in reader.lists(batch.columns, batch.rows, refused, batch.event_times, batch.row_kinds)
            ]

        call = _Call(of.loop, of.function, batch.rows, lists_of, key_of_row)
        prefetch = getattr(self.configured, "prefetch", None)
        if prefetch is not None and of.reader is not None and self.operator.maps:
            self._prefetch(call, of.reader.row, prefetch)
        return self._run(call, states, now)

    def _prefetch(self, call: _Call, row: RowType, function: Any) -> None:
        """Reads the entries that the rows will look at. A row whose `prefetch` raises is refused."""
        wanted = Prefetch(MapsOfCall(self.operator.maps, call.reads))
        lists = call.lists[: len(row.reads)]
        refused: dict[int, str] = {}
        rows: Any = None
        try:
            rows = row.make_all(call.indices, lists)
        except MemoryError:
            raise
        except Exception:
            # One of them cannot be made: whose it is is seen below.
            pass
        for place, at in enumerate(call.indices):
            wanted._key = call.key_of_row[at]
            try:
                made = rows[place] if rows else row.make_all([at], [values[place : place + 1] for values in lists])[0]
                function(made, wanted)
            except MemoryError:
                raise
            except Exception as error:
                refused[at] = refusal(error)
        wanted._read()
        # What it said is not said by the rows: they may run again.
        _telemetry.call_begins()
        if refused or any(field.codec.mutable for field in row.columns):
            call.refused.update(refused)
            call.read()

    def on_timer(self, due: Any, keys: Any, states: Any, now: Any) -> Any:
        """`keyed.on-timer`"""

        def lists_of(refused: dict[int, str]) -> list[Any]:
            of_keys = self.timer_keys.lists(keys.columns, keys.rows, refused) if self.timer_keys is not None else []
            return [memoryview(due.times).cast("q").tolist(), *of_keys]

        loop = self.operator.timer_loop or _ignore
        step = self.operator.timer_step
        call = _Call(loop, step.bound(self.configured) if step else None, keys.rows, lists_of, due.keys)
        call.domain = domain_of_wire(due.domain)
        return self._run(call, states, now)

    def migrate(self, from_version: int, layout: Any, states: Any) -> list[Any]:
        """`keyed.migrate`"""
        row = self.operator.state
        if row is None:
            return []
        old = OldStates(from_version, layout, states)
        own = getattr(self.configured, "migrate", None)
        migrated = old.read_whole(row.cls) if own is None else list(own(from_version, old))
        if len(migrated) != len(old):
            raise ValueError(f"migrating {len(old)} states gave {len(migrated)}")
        blank = row.blank()
        return write_rows(row, [blank if state is None else state for state in migrated])

    def _run(self, call: _Call, states: Any, now: Any) -> Any:
        delta = self._at_once(call, states, now)
        if delta is None:
            _telemetry.call_runs_again()
            try:
                return self._row_by_row(call, states, now, False)
            except MemoryError:
                raise
            except Exception:
                # Some value does not fit into its column: whose it is is looked for.
                _telemetry.call_runs_again()
                return self._row_by_row(call, states, now, True)
        return delta

    def _begin(self, call: _Call, states: Any, now: Any) -> tuple[Any, States, MapsOfCall, list[Emitted]]:
        of_states = States(self.operator.state, states)
        maps = MapsOfCall(self.operator.maps, call.reads)
        seen = Maps(maps)
        of: KeyContext[Any, Any] = KeyContext(now, seen)
        seen._of = of
        return of, of_states, maps, [Emitted(len(output.row.columns)) for output in self.outputs]

    def _at_once(self, call: _Call, states: Any, now: Any) -> Any:
        """The whole batch; `None`: a row is refused."""
        of, of_states, maps, all_emitted = self._begin(call, states, now)
        try:
            call.loop(call.function, None, call.indices, call.lists, all_emitted, call.key_of_row, of_states.slots, of, call.domain)
            return self._delta(call, of, of_states, maps, all_emitted, {})
        except MemoryError:
            raise
        except Exception:
            return None

    def _row_by_row(self, call: _Call, states: Any, now: Any, is_careful: bool) -> Any:
        call.read()
        of, of_states, maps, all_emitted = self._begin(call, states, now)
        refused: dict[int, str] = {}
        slots, changes, state = of_states.slots, of.timers.changes, self.operator.state
        for at, row in enumerate(call.indices):
            key = call.key_of_row[row]
            before = None if slots[key] is None or state is None else state.freeze(slots[key])
            marks = maps.mark(), len(changes), [len(emitted.sources) for emitted in all_emitted]
            one = [values[at : at + 1] for values in call.lists]
            try:
                call.loop(call.function, None, [row], one, all_emitted, call.key_of_row, slots, of, call.domain)
                if is_careful:
                    for _, _, time, _ in changes[marks[1] :]:
                        micros(time)
                    for plan, emitted, length in zip(self.outputs, all_emitted, marks[2]):
                        check_row(plan, emitted, length)
            except MemoryError:
                raise
            except Exception as error:
                refused[row] = refusal(error)
                slots[key] = before
                maps.take_back(marks[0])
                del changes[marks[1] :]
                for emitted, length in zip(all_emitted, marks[2]):
                    emitted.cut(length)
        return self._delta(call, of, of_states, maps, all_emitted, refused)

    def _delta(self, call: _Call, of: Any, states: States, maps: MapsOfCall, all_emitted: list[Emitted], refused: dict[int, str]) -> Any:
        outputs = deltas(self.outputs, all_emitted, call.rows)
        if outputs is None:
            raise OverflowError("what the batch emits does not fit into its columns")
        changed, new_states = states.changes()
        rejected = failures({**call.refused, **refused})
        return _wire.keyed.KeyedDelta(outputs, rejected, changed, new_states, maps.finish(), timer_changes(of.timers.changes))


def _ignore(*_: Any) -> None:
    """What an operator without `on_timer` does with a timer, such as one of an older version."""
