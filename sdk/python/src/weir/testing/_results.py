"""What an operator emitted and refused."""

from __future__ import annotations

from typing import Any, TypeVar, overload

from .._errors import reason_of
from ._table import Table, applied

T = TypeVar("T")


class CallFailed(Exception):
    """A call failed as a whole: `describe`, or one for which the operator does not say which row is to blame."""


class Results:
    """What an operator emitted, by output, and which rows (or timers) it refused."""

    def __init__(self, outputs: dict[str, Table], rejected: list[tuple[int, str]]) -> None:
        self._outputs = outputs
        self._rejected = rejected

    @overload
    def main(self) -> list[dict[str, Any]]: ...
    @overload
    def main(self, cls: type[T]) -> list[T]: ...
    def main(self, cls: type | None = None) -> Any:
        """The rows of the main output: as dictionaries of all columns, or as objects of a dataclass that names some."""
        return self.output("main").as_rows(cls)

    @overload
    def side(self, name: str) -> list[dict[str, Any]]: ...
    @overload
    def side(self, name: str, cls: type[T]) -> list[T]: ...
    def side(self, name: str, cls: type | None = None) -> Any:
        """The rows of a side output."""
        return self.output(name).as_rows(cls)

    def event_times(self, output: str = "main") -> list[int]:
        """The event times of an output's rows."""
        return self.output(output).times

    def row_kinds(self, output: str = "main") -> list[int]:
        """The kinds of an output's rows."""
        return self.output(output).kinds

    def rejected(self) -> list[tuple[int, str]]:
        """The rows (or timers) that were refused: their indices in the call, and why."""
        return sorted(self._rejected)

    def output(self, name: str) -> Table:
        """The columns of an output."""
        if name not in self._outputs:
            raise KeyError(f"there is no output {name!r}; there are {', '.join(self._outputs)}")
        return self._outputs[name]

    def _append(self, later: Results) -> None:
        self._rejected += later._rejected
        for name, table in later._outputs.items():
            self._outputs[name].extend(table)


def results_of(plans: list[Any], deltas: list[Any], rejected: list[Any], inputs: list[Table], at_input: int) -> Results:
    """Applies the answer of a call."""
    outputs = {plan.name: applied(plan, delta, inputs, at_input) for plan, delta in zip(plans, deltas)}
    return Results(outputs, [(failure.row, failure.reason) for failure in rejected])


def failed(error: Exception) -> CallFailed:
    """What is raised for a call that failed."""
    return CallFailed(str(error) if isinstance(error, ValueError) else reason_of(error))
