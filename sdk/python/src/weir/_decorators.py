"""The decorators that make a function or class the operator of its component."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, overload

from ._registry import declare

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_: Any) -> Any:
        return lambda decorator: decorator


F = TypeVar("F", bound=Callable[..., Any])
C = TypeVar("C")


@overload
@dataclass_transform()
def transform(declared: type[C], /) -> type[C]: ...
@overload
def transform(declared: F, /) -> F: ...
@overload
def transform(*, title: str | None = None) -> Callable[[F], F]: ...
def transform(declared: Any = None, /, *, title: str | None = None) -> Any:
    """Makes a function, or a class with a method `process`, a stateless operator.

    The first parameter is the row that it reads, or `weir.Columns[Row]`. It returns a row or `None`, or yields rows, or takes a
    `weir.Emitter`. A class is a dataclass: its fields are the configuration. A function may have a
    dataclass as its second parameter for that.
    """
    from ._transform import TransformOperator

    def decorate(declared: Any) -> Any:
        return declare(TransformOperator(declared, title))

    return decorate if declared is None else decorate(declared)


@overload
@dataclass_transform()
def keyed(declared: type[C], /) -> type[C]: ...
@overload
def keyed(*, title: str | None = None) -> Callable[[type[C]], type[C]]: ...
def keyed(declared: Any = None, /, *, title: str | None = None) -> Any:
    """Makes a class with a method `process` an operator with state and timers per key.

    `process(self, row, of: weir.KeyContext[Key, State])` is called for each row, `on_timer(self, timer: weir.Timer, of)`
    for each timer that is due,
    `migrate(self, from_version, states: weir.OldStates)` for states of another `VERSION`. The fields of the class are its configuration;
    attributes that are a `weir.Map` are its maps.
    """
    from ._keyed import KeyedOperator

    def decorate(declared: Any) -> Any:
        return declare(KeyedOperator(declared, title))

    return decorate if declared is None else decorate(declared)


@overload
@dataclass_transform()
def aggregate(declared: type[C], /) -> type[C]: ...
@overload
def aggregate(*, title: str | None = None) -> Callable[[type[C]], type[C]]: ...
def aggregate(declared: Any = None, /, *, title: str | None = None) -> Any:
    """Makes a class an aggregate for windows: `accumulate(self, accumulator, row)`, `merge(self, accumulator, other)` and
    `finish(self, accumulator)`, which returns a row. The fields of the class are its configuration."""
    from ._aggregate import AggregateOperator

    def decorate(declared: Any) -> Any:
        return declare(AggregateOperator(declared, title))

    return decorate if declared is None else decorate(declared)


def input(name: str) -> Callable[[F], F]:
    """Marks the method that takes the rows of the input of this name, in an operator with several inputs."""

    def mark(method: F) -> F:
        method.__weir_input__ = name  # type: ignore[attr-defined]
        return method

    return mark
