"""The loops over rows, compiled for the classes of an operator: no lookups by name and no checks that a class makes needless.

A generated function lets an exception of one row end that row only, if it may continue; it never looks at types of columns.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from ._context import Timer
from ._errors import reason_of
from ._outputs import Emitted
from ._rows import RowType, compiled
from ._signature import Step
from ._state import keeper, plain

T = TypeVar("T")


class Emitter(Generic[T]):
    """Takes the rows that a function emits: `out.emit(row)`. A function that yields or returns them needs none."""

    __slots__ = ("emit",)
    #: Emits a row.
    emit: Callable[[T], None]


def loop_of(step: Step, outputs: list[RowType]) -> Any:
    """`loop(function, config, indices, lists, all_emitted, refused)`: a row whose function raises is refused."""
    row, variables, call = _call(step)
    each = "".join(f", {variable}" for variable in variables)
    lines = [
        *_unpack(outputs),
        *(_emit_function(outputs) if step.style == "emit" else []),
        f"rows = zip(indices{_lists(step)})",
        "while True:",
        "    try:",
        f"        for i{each or ','} in rows:",
        *_indented(_body(call, step, outputs), 12),
        "        return",
        "    except Exception as error:",
        "        refuse(i, error, all_emitted, refused)",
    ]
    return _compiled("def function(f, config, indices, lists, all_emitted, refused):", lines, row, None, outputs)


def keyed_loop_of(step: Step, outputs: list[RowType], key: RowType | None, state: RowType | None) -> Any:
    """`loop(function, config, indices, lists, all_emitted, key_of_row, slots, of, domain)`: an exception ends it. `lists` has those of the
    row (or the time of the timer), then those of the key."""
    row, variables, call = _call(step)
    if step.is_timer:
        variables = ["t"]
    key_variables = {name: f"w{at}" for at, name in enumerate(key.reads)} if key else {}
    own = 1 if step.is_timer else len(step.row.reads) if step.row else 0
    of_key = "".join(f", lists[{own + at}]" for at in range(len(key_variables)))
    each = "".join(f", {variable}" for variable in [*variables, *key_variables.values()])
    lines = [
        *_unpack(outputs),
        *(_emit_function(outputs) if step.style == "emit" else []),
        f"for i{each or ','} in zip(indices{_lists(step)}{of_key}):",
        "    of._row = i",
        "    of._key = k = key_of_row[i]",
        "    of.state = p = slots[k]",
        *([f"    of.key = {key.construct(key_variables, 'K')}"] if key else []),
        *_indented(_body(call, step, outputs)),
        "    s = of.state",
        "    if s is not p:",
        "        if s is not None and type(s) is not S: keep(s)",
        "        slots[k] = s",
        *([f"    if s is not None and not ({plain(state)}): keep(s)"] if state else []),
    ]
    head = "def function(f, config, indices, lists, all_emitted, key_of_row, slots, of, domain):"
    return _compiled(head, lines, row, key, outputs, keeper(state, "the state"))


def accumulate_loop_of(step: Step, accumulator: RowType) -> Any:
    """`loop(function, indices, lists, group_of_row, groups)`: an exception ends it. What the function returns is the accumulator."""
    row, variables, _ = _call(step)
    each = "".join(f", {variable}" for variable in variables)
    made = each if step.fields is not None else f", {_row(step)}"
    lines = [
        f"for i{each or ','} in zip(indices{_lists(step)}):",
        "    s = groups[group_of_row[i]]",
        f"    o = f(s{made})",
        "    if o is not None:",
        "        if type(o) is not S: keep(o)",
        "        s = groups[group_of_row[i]] = o",
        f"    if not ({plain(accumulator)}): keep(s)",
    ]
    head = "def function(f, indices, lists, group_of_row, groups):"
    return _compiled(head, lines, row, None, [], keeper(accumulator, "the accumulator"))


def _call(step: Step) -> tuple[RowType | None, list[str], str]:
    variables = _variables(step)
    given = {
        "row": ", ".join(variables) if step.fields is not None else _row(step),
        "out": "emitter",
        "config": "config",
        "context": "of",
        "timer": "Timer(t, domain)",
    }
    arguments = [given.get(what, what) for what in step.takes]
    return step.row, variables, f"f({', '.join(argument for argument in arguments if argument)})"


def _used(step: Step) -> list[int]:
    """Which of the row's values the function takes, in its order."""
    if step.row is None or step.fields is None:
        return list(range(len(step.row.reads) if step.row else 0))
    return [step.row.reads.index(field) for field in step.fields]


def _variables(step: Step) -> list[str]:
    return [f"v{at}" for at in _used(step)]


def _row(step: Step) -> str:
    return step.row.construct({name: f"v{at}" for at, name in enumerate(step.row.reads)}) if step.row else ""


def _lists(step: Step) -> str:
    """The lists that are gone through, behind the indices."""
    return ", lists[0]" if step.is_timer else "".join(f", lists[{at}]" for at in _used(step))


def _compiled(head: str, lines: list[str], row: RowType | None, key: RowType | None, outputs: list[RowType], more: Any = None) -> Any:
    names: dict[str, Any] = {"refuse": _refuse, "wrong": _wrong, "Emitter": Emitter, "Timer": Timer, **(more or {})}
    names["R"], names["K"] = row.cls if row else None, key.cls if key else None
    for at, output in enumerate(outputs):
        names[f"O{at}"] = output.cls
        for column, field in enumerate(output.columns):
            names[f"z{at}_{column}"] = field.codec.freeze
    return compiled("\n".join([head, *_indented(lines)]), names)


def _unpack(outputs: list[RowType]) -> list[str]:
    lines = []
    for at, output in enumerate(outputs):
        lines.append(f"e = all_emitted[{at}]; s{at} = e.sources; t{at} = e.times; k{at} = e.kinds")
        lines += [f"a{at}_{column} = e.columns[{column}]" for column in range(len(output.columns))]
    return lines


def _emit(outputs: list[RowType]) -> list[str]:
    """Statements that take the row `o` apart."""
    lines = []
    for at, output in enumerate(outputs):
        lines.append(f"{'el' if at else ''}if type(o) is O{at}:")
        parts = [f"s{at}.append(i)"]
        for column, field in enumerate(output.columns):
            value = f"o.{field.attribute}"
            parts.append(f"a{at}_{column}.append({f'z{at}_{column}({value})' if field.codec.mutable else value})")
        if output.event_time is not None:
            parts.append(f"t{at}.append(o.{output.event_time})")
        if output.kind is not None:
            parts.append(f"k{at}.append(o.{output.kind})")
        lines.append("    " + "; ".join(parts))
    return [*lines, "else: wrong(o)"]


def _emit_function(outputs: list[RowType]) -> list[str]:
    return ["i = 0", "def emit(o):", *_indented(_emit(outputs)), "emitter = Emitter(); emitter.emit = emit"]


def _body(call: str, step: Step, outputs: list[RowType]) -> list[str]:
    if step.style == "emit":
        return [call]
    if step.style == "iterate":
        return [f"for o in {call}:", *_indented(_emit(outputs))]
    return [f"o = {call}", "if o is not None:", *_indented(_emit(outputs))]


def _indented(lines: list[str], by: int = 4) -> list[str]:
    return [" " * by + line for line in lines]


def _refuse(row: int, error: Exception, all_emitted: list[Emitted], refused: dict[int, str]) -> None:
    if isinstance(error, MemoryError):
        raise error
    refused[row] = reason_of(error)
    for emitted in all_emitted:
        emitted.take_back(row)


def _wrong(row: Any) -> None:
    raise TypeError(f"{row!r} is emitted, but its class is not among those that the function's annotation names")
