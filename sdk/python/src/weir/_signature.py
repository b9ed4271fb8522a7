"""What a function of the author's takes and gives, by its annotations."""

from __future__ import annotations

import collections.abc
import dataclasses
import inspect
import types
import typing
from typing import Any, Union

from ._annotations import DeclarationError, hints_of, only_dataclass
from ._rows import RowType, row_type
from ._specialize import specialize

_ITERABLES = (collections.abc.Iterator, collections.abc.Iterable, collections.abc.Generator, collections.abc.Sequence, list, tuple)


@dataclasses.dataclass
class Step:
    """A function that is called for every row, or timer."""

    function: Any
    name: str
    #: What its parameters are, in order: "row", "columns", "out", "config", "context", "timer", "accumulator".
    takes: list[str]
    row: RowType | None
    #: The classes that it emits.
    outputs: list[RowType]
    #: Whether it returns a row or `None` ("return"), or several ("iterate"), or calls an emitter ("emit").
    style: str
    #: The arguments of its generic context: key and state.
    context: Any = None
    #: The class of its configuration, if it has a parameter for it.
    config: type | None = None
    #: The name of the input; `None`: the only one.
    input: str | None = None
    #: Whether it is called for timers.
    is_timer: bool = False
    #: What is called in the place of the function, and the fields that it takes instead of the row; `None`: it takes the row.
    fast: Any = None
    fields: list[str] | None = None

    def bound(self, to: Any) -> Any:
        """What is called: the method of an object, or the function itself."""
        if to is None:
            return self.fast
        own = getattr(to, self.function.__name__)
        is_own = getattr(own, "__func__", None) is self.function
        if not is_own and self.fields is not None:
            raise DeclarationError(f"{self.name} was replaced after its class was declared")
        return types.MethodType(self.fast, to) if is_own else own


def step_of(function: Any, name: str, is_method: bool, special: dict[Any, str], is_timer: bool = False) -> Step:
    """Reads a signature. `special` says what parameters of some classes are; the first one that is none of these is the row,
    another dataclass is the configuration."""
    where = name
    if not callable(function):
        raise DeclarationError(f"{where} must be a function")
    hints = hints_of(function, where)
    parameters = list(inspect.signature(function).parameters.values())[1 if is_method else 0 :]
    step = Step(function, name, [], None, [], "return", is_timer=is_timer)
    row_seen = is_timer
    emitted: Any = None
    for parameter in parameters:
        if parameter.kind not in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            raise DeclarationError(f"{where}: the parameter {parameter.name!r} must be positional")
        annotation = hints.get(parameter.name, inspect.Parameter.empty)
        if annotation is inspect.Parameter.empty:
            raise DeclarationError(f"{where}: annotate the parameter {parameter.name!r} with a class")
        what = special.get(typing.get_origin(annotation) or annotation)
        if what is not None:
            step.takes.append(what)
            arguments = typing.get_args(annotation)
            if what == "out" and arguments:
                emitted, step.style = arguments[0], "emit"
            elif what == "columns":
                step.row, row_seen = row_type(arguments[0]), True
            elif what == "context":
                step.context = arguments
        elif not row_seen:
            row_seen = True
            step.takes.append("row")
            step.row = row_type(_dataclass(annotation, where, parameter.name))
        else:
            step.takes.append("config")
            step.config = _dataclass(annotation, where, parameter.name)
    if step.style != "emit":
        emitted = hints.get("return", inspect.Parameter.empty)
        if emitted is inspect.Parameter.empty:
            raise DeclarationError(f"{where}: annotate what it returns: a row, `Row | None`, or Iterator[Row] if it yields")
        if typing.get_origin(emitted) in _ITERABLES:
            step.style = "iterate"
            emitted = typing.get_args(emitted)[0]
    step.outputs = [row_type(_dataclass(member, where, "return")) for member in _members(emitted)]
    at_row = step.takes.index("row") + (1 if is_method else 0) if "row" in step.takes else None
    step.fast, step.fields = specialize(function, at_row, step.row)
    return step


def _members(annotation: Any) -> list[Any]:
    if annotation is None or annotation is type(None):
        return []
    if typing.get_origin(annotation) in (Union, getattr(types, "UnionType", Union)):
        return [one for member in typing.get_args(annotation) for one in _members(member)]
    return [annotation]


def _dataclass(annotation: Any, where: str, parameter: str) -> Any:
    found = only_dataclass(annotation)
    if found is None:
        shown = getattr(annotation, "__name__", str(annotation))
        raise DeclarationError(f"{where}: {parameter!r} is {shown}, which is no row: declare it with @weir.row or @dataclass")
    return found


def all_outputs(steps: list[Step], where: str) -> list[RowType]:
    """The outputs of all steps, each once; the first is the main one."""
    outputs: list[RowType] = []
    for step in steps:
        outputs.extend(output for output in step.outputs if output not in outputs)
    if not outputs:
        raise DeclarationError(f"{where} emits nothing: annotate what it returns, or its weir.Emitter[Row]")
    return outputs
