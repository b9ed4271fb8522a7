"""Stateless operators: what `weir.transform` makes of a function or class, and how it is connected and called."""

from __future__ import annotations

import dataclasses
from typing import Any

from . import _wire
from ._annotations import DeclarationError
from ._columns import ColumnEmitter, Columns
from ._loops import Emitter, loop_of
from ._outputs import Emitted, bad_rows, deltas, inputs_of, plan_outputs
from ._reads import Reads, RowReader, with_rows
from ._rows import RowType
from ._signature import Step, all_outputs, step_of

_SPECIAL: dict[Any, str] = {Emitter: "out", ColumnEmitter: "out", Columns: "columns"}


class Operator:
    """What all kinds of operators have in common: their configuration, their steps, and what they say of themselves."""

    world = ""

    def __init__(self, declared: Any, title: str | None) -> None:
        self.declared = declared
        self.name: str = declared.__name__
        self.is_class = isinstance(declared, type)
        self.config: type | None = declared if self.is_class else None
        self.title = title or _title(declared)

    def about(self) -> Any:
        """`about` of the interface."""
        from ._config_schema import schema_text

        return _wire.OperatorInfo(self.title, schema_text(self.config))

    def configured(self, config: str) -> Any:
        """The author's object, or the configuration of a function."""
        from ._config import parse

        return parse(config, self.config)


def _title(declared: Any) -> str | None:
    text = (declared.__doc__ or "").strip()
    if not text or text.startswith(f"{declared.__name__}("):
        return None
    line = text.splitlines()[0].strip().rstrip(".")
    return line if len(line) <= 100 else None


def input_steps(declared: Any, name: str, special: dict[Any, str], is_method: bool, function: str = "process") -> list[Step]:
    """The steps that take rows: the function itself, `process` of a class, or its methods that are marked with `weir.input`."""
    if not is_method:
        return [step_of(declared, name, False, special)]
    steps = []
    for attribute, value in vars(declared).items():
        marked = getattr(value, "__weir_input__", None)
        if marked is not None:
            step = step_of(value, f"{name}.{attribute}", True, special)
            step.input = marked
            steps.append(step)
    own = getattr(declared, function, None)
    if own is not None and not steps:
        return [step_of(own, f"{name}.{function}", True, special)]
    if own is not None or not steps:
        needs = f"a method `{function}`, or one method marked with @weir.input(name) for each of its inputs"
        raise DeclarationError(f"{name} needs {needs}" + (", not both" if own else ""))
    return steps


def check_inputs(steps: list[Step], inputs: Any) -> dict[int, Step]:
    """Which step takes the rows of which input. Raises `ValueError` if the operator is connected to other inputs."""
    if steps[0].input is None:
        if len(inputs) != 1:
            raise ValueError(f"the operator has one input, and is connected to {len(inputs)}")
        return {0: steps[0]}
    by_name = {step.input: step for step in steps}
    names = [input.name for input in inputs]
    if sorted(names) != sorted(str(name) for name in by_name):
        raise ValueError(f"the operator has the inputs {', '.join(map(str, by_name))}, and is connected to {', '.join(names)}")
    return {at: by_name[name] for at, name in enumerate(names)}


class TransformOperator(Operator):
    """A transform as it is declared."""

    world = "transform"

    def __init__(self, declared: Any, title: str | None) -> None:
        if isinstance(declared, type) and not dataclasses.is_dataclass(declared):
            declared = dataclasses.dataclass(declared)
        super().__init__(declared, title)
        self.steps = input_steps(declared, self.name, _SPECIAL, self.is_class)
        if not self.is_class:
            self.config = self.steps[0].config
        self.outputs: list[RowType] = all_outputs(self.steps, self.name)
        self.loops = [None if "columns" in step.takes else loop_of(step, self.outputs) for step in self.steps]

    def connect(self, configured: Any, inputs: list[Any]) -> ConnectedTransform:
        """Connects it to inputs. Raises `ValueError` if a column does not fit."""
        return ConnectedTransform(self, configured, inputs)


class _ConnectedInput:
    def __init__(self, step: Step, loop: Any, function: Any, columns: Any, column_of: Any) -> None:
        self.step, self.loop, self.function = step, loop, function
        self.reads = Reads()
        self.reader = RowReader.connect(step.row, columns, self.reads, column_of) if step.row else None


class ConnectedTransform:
    """A transform that is connected to its inputs."""

    def __init__(self, operator: TransformOperator, configured: Any, inputs: list[Any]) -> None:
        self.operator, self.configured = operator, configured
        steps = check_inputs(operator.steps, inputs)
        columns = inputs_of(inputs)
        self.inputs: list[_ConnectedInput] = []
        column_of = getattr(configured, "column_of", None) if operator.is_class else None
        for at, step in steps.items():
            function = step.bound(configured if operator.is_class else None)
            loop = operator.loops[operator.steps.index(step)]
            self.inputs.append(_ConnectedInput(step, loop, function, columns[at].columns, column_of))
        self.outputs = plan_outputs(operator.outputs, columns)
        self.plan = _wire.Plan(
            [input.reads.indices for input in self.inputs],
            any(step.row is not None and step.row.event_time is not None for step in steps.values()),
            [output.wire for output in self.outputs],
            None,
            [],
        )

    def process(self, input: int, batch: Any) -> Any:
        """`transform.process`"""
        of = self.inputs[input]
        refused: dict[int, str] = {}
        if of.loop is None:
            all_deltas = self._columns(of, batch, refused)
        else:
            all_deltas = self._rows(of, batch, refused)
        return _wire.transform.TransformDelta(all_deltas, failures(refused))

    def _rows(self, of: _ConnectedInput, batch: Any, refused: dict[int, str]) -> list[Any]:
        lists: list[list[Any]] = []
        if of.reader is not None:
            lists = of.reader.lists(batch.columns, batch.rows, refused, batch.event_times, batch.row_kinds)
        indices, lists = with_rows(lists, batch.rows, refused)
        all_emitted = [Emitted(len(output.row.columns)) for output in self.outputs]
        of.loop(of.function, self.configured, indices, lists, all_emitted, refused)
        found = deltas(self.outputs, all_emitted, batch.rows)
        if found is None:
            bad = bad_rows(self.outputs, all_emitted)
            refused.update(bad)
            for emitted in all_emitted:
                emitted.without(bad)
            found = deltas(self.outputs, all_emitted, batch.rows)
            if found is None:
                raise OverflowError("what the batch emits is too large for one column")
        return found

    def _columns(self, of: _ConnectedInput, batch: Any, refused: dict[int, str]) -> list[Any]:
        assert of.reader is not None
        if any(node.null_count for node in batch.columns):
            of.reader.lists(batch.columns, batch.rows, refused, batch.event_times, batch.row_kinds)
        emitter: ColumnEmitter[Any] = ColumnEmitter(self.outputs, batch.rows, refused)
        given = {"columns": Columns(of.reader, batch), "out": emitter, "config": self.configured}
        of.function(*[given[what] for what in of.step.takes])
        return emitter._deltas()


def failures(refused: dict[int, str]) -> list[Any]:
    """The refused rows."""
    return [_wire.RowFailure(row, reason) for row, reason in sorted(refused.items())] if refused else []
