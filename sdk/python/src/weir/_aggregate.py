"""Aggregates for windows: how a class is declared, connected and called.

As with keyed operators, a batch is accumulated optimistically, and begins again row by row if one is refused.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from . import _telemetry, _wire
from ._annotations import DeclarationError, hints_of
from ._loops import accumulate_loop_of
from ._outputs import OutputPlan, inputs_of
from ._reads import Reads, RowReader, with_rows
from ._rows import ALL, RowType, row_type
from ._signature import Step
from ._specialize import specialize
from ._state import States, refusal, state_row, write_rows
from ._transform import Operator, check_inputs, failures


class AggregateOperator(Operator):
    """An aggregate as it is declared."""

    world = "aggregate"

    def __init__(self, declared: Any, title: str | None) -> None:
        if not isinstance(declared, type):
            raise DeclarationError(f"{declared.__name__} is no class: an aggregate is a class with accumulate, merge and finish")
        if not dataclasses.is_dataclass(declared):
            declared = dataclasses.dataclass(declared)
        super().__init__(declared, title)
        for method in ("accumulate", "merge", "finish"):
            if not callable(getattr(declared, method, None)):
                raise DeclarationError(f"{self.name} needs a method `{method}`")
        self.accumulator = self._accumulator()
        self.step = self._step()
        self.loop = accumulate_loop_of(self.step, self.accumulator)
        self.output: RowType = self._output()
        self.version = int(getattr(declared, "VERSION", 1))

    def _accumulator(self) -> RowType:
        import inspect

        names = list(inspect.signature(self.declared.accumulate).parameters)
        where = f"{self.name}.accumulate"
        if len(names) != 3:
            raise DeclarationError(f"{where} has the parameters (self, accumulator, row)")
        cls = hints_of(self.declared.accumulate, where).get(names[1])
        if not (isinstance(cls, type) and dataclasses.is_dataclass(cls)):
            raise DeclarationError(f"{where}: annotate {names[1]!r} with the class of the accumulator, a row with defaults")
        row = state_row(cls, self.name)
        try:
            cls()
        except TypeError as error:
            raise DeclarationError(
                f"{cls.__name__}: a new group starts with {cls.__name__}(): give each field a default ({error})"
            ) from None
        return row

    def _step(self) -> Step:
        # Without its first parameter it is like `process`.
        step = Step(self.declared.accumulate, f"{self.name}.accumulate", [], None, [], "return")
        hints = hints_of(self.declared.accumulate, step.name)
        row = [annotation for name, annotation in hints.items() if name != "return"][-1]
        step.row = row_type(row)
        step.fast, step.fields = specialize(step.function, 2, step.row)
        return step

    def _output(self) -> RowType:
        cls = hints_of(self.declared.finish, f"{self.name}.finish").get("return")
        if not (isinstance(cls, type) and dataclasses.is_dataclass(cls)):
            raise DeclarationError(f"{self.name}.finish: annotate the row that it returns")
        row = row_type(cls)
        if row.options.keep is ALL or row.options.keep:
            raise DeclarationError(f"{cls.__name__}: an aggregate cannot keep columns of its input: a group has many rows")
        if row.event_time or row.kind:
            raise DeclarationError(f"{cls.__name__}: the result of a window has the window's time, and no kind of its own")
        return row

    def connect(self, configured: Any, inputs: list[Any]) -> ConnectedAggregate:
        """Connects it to its input. Raises `ValueError` if a column does not fit."""
        return ConnectedAggregate(self, configured, inputs)


class ConnectedAggregate:
    """An aggregate that is connected to its input."""

    def __init__(self, operator: AggregateOperator, configured: Any, inputs: list[Any]) -> None:
        self.operator, self.configured = operator, configured
        check_inputs([operator.step], inputs)
        columns = inputs_of(inputs)
        reads = Reads()
        assert operator.step.row is not None
        column_of = getattr(configured, "column_of", None)
        self.reader = RowReader.connect(operator.step.row, columns[0].columns, reads, column_of)
        self.output = OutputPlan(operator.output, "main", columns)
        self.plan = _wire.Plan(
            [reads.indices],
            operator.step.row.event_time is not None,
            [self.output.wire],
            _wire.StateLayout(operator.version, operator.accumulator.fields()),
            [],
        )

    def accumulate(self, batch: Any, group_of_row: bytes, accumulators: Any) -> Any:
        """`aggregate.accumulate`"""
        refused: dict[int, str] = {}
        indices, lists = self._rows(batch, refused)
        groups_of = memoryview(group_of_row).cast("I").tolist()
        row, function = self.operator.accumulator, self.operator.step.bound(self.configured)
        groups = self._groups(accumulators)
        try:
            self.operator.loop(function, indices, lists, groups_of, groups)
            nodes = write_rows(row, groups)
        except MemoryError:
            raise
        except Exception:
            _telemetry.call_runs_again()
            groups = self._groups(accumulators)
            # A row may have changed its lists.
            indices, lists = self._rows(batch, refused)
            self._row_by_row(indices, lists, groups_of, groups, refused)
            nodes = write_rows(row, groups)
        return _wire.aggregate.Accumulated(nodes, failures(refused))

    def _rows(self, batch: Any, refused: dict[int, str]) -> tuple[Any, list[Any]]:
        lists = self.reader.lists(batch.columns, batch.rows, refused, batch.event_times, batch.row_kinds)
        return with_rows(lists, batch.rows, refused)

    def _row_by_row(self, indices: Any, lists: list[Any], groups_of: list[int], groups: list[Any], refused: dict[int, str]) -> None:
        accumulator, function = self.operator.accumulator, self.operator.step.bound(self.configured)
        for at, row in enumerate(indices):
            group = groups_of[row]
            before = accumulator.freeze(groups[group])
            try:
                self.operator.loop(function, [row], [values[at : at + 1] for values in lists], groups_of, groups)
            except MemoryError:
                raise
            except Exception as error:
                refused[row] = refusal(error)
                groups[group] = before

    def merge(self, left: Any, right: Any) -> list[Any]:
        """`aggregate.merge`"""
        results, merge = [], self.configured.merge
        for accumulator, other in zip(self._groups(left), self._groups(right)):
            made = merge(accumulator, other)
            results.append(accumulator if made is None else made)
        return write_rows(self.operator.accumulator, results)

    def finish(self, accumulators: Any) -> list[Any]:
        """`aggregate.finish`"""
        return write_rows(self.operator.output, list(map(self.configured.finish, self._groups(accumulators))))

    def _groups(self, accumulators: Any) -> list[Any]:
        cls = self.operator.accumulator.cls
        return [cls() if state is None else state for state in States(self.operator.accumulator, accumulators).slots]
