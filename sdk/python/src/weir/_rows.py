"""Rows: dataclasses whose fields are columns. What is needed to read and make them is compiled once per class."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, overload

from ._annotations import DeclarationError, Name, Role, codec_of, hints_of, metadata
from ._codec import BadValue, Codec
from ._nested import StructOf
from ._times import to_datetime

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_: Any) -> Any:
        return lambda decorator: decorator


T = TypeVar("T")


class _All:
    def __repr__(self) -> str:
        return "weir.ALL"


#: Keeps all columns of the input: `@weir.row(keep=weir.ALL)`.
ALL = _All()


class RowKind:
    """Kinds of rows, as `weir.Kind` fields have them."""

    INSERT, UPDATE_BEFORE, UPDATE_AFTER, DELETE = range(4)


@dataclasses.dataclass(frozen=True)
class Kept:
    """A column of an input that goes along with a row. `input` is needed if the operator has several."""

    name: str
    to: str | None = None
    input: str | None = None


@dataclasses.dataclass(frozen=True)
class RowOptions:
    """What `weir.row` says of an output."""

    keep: _All | Sequence[str | Kept] = ()
    drop: Sequence[str] = ()
    rename: dict[str, str] = dataclasses.field(default_factory=dict)
    output: str | None = None
    changelog: str | None = None


@overload
def row(cls: type[T], /) -> type[T]: ...
@overload
def row(
    *,
    keep: _All | Sequence[str | Kept] = (),
    drop: Sequence[str] = (),
    rename: dict[str, str] | None = None,
    output: str | None = None,
    changelog: str | None = None,
) -> Callable[[type[T]], type[T]]: ...
@dataclass_transform()
def row(
    cls: Any = None,
    /,
    *,
    keep: _All | Sequence[str | Kept] = (),
    drop: Sequence[str] = (),
    rename: dict[str, str] | None = None,
    output: str | None = None,
    changelog: str | None = None,
) -> Any:
    """Makes a class a dataclass with slots, and says which columns of the input go along with it when it is emitted.

    `keep`: `weir.ALL`, or the names of the columns, in the order in which they go out; a field with the name of a kept column
    replaces it. `drop`: those of `weir.ALL` that do not go along. `rename`: new names of kept columns. `output`: the name of the
    output, if it is not the main one; by default the name of the class, in kebab-case. `changelog`: "upsert" or "retract" if
    it has a field of type `weir.Kind`. A plain `@dataclass` is a row too; it keeps nothing.
    """

    def decorate(declared: Any) -> Any:
        made: Any = declared if dataclasses.is_dataclass(declared) else dataclasses.dataclass(slots=True)(declared)
        if isinstance(keep, str):
            raise DeclarationError(f"{declared.__name__}: keep is weir.ALL or a list of names, not a text")
        if drop and keep is not ALL:
            raise DeclarationError(f"{declared.__name__}: drop goes with keep=weir.ALL")
        made.__weir_row__ = RowOptions(keep, tuple(drop), dict(rename or {}), output, changelog)
        return made

    return decorate if cls is None else decorate(cls)


@dataclasses.dataclass
class RowField:
    """One field of a row."""

    attribute: str
    column: str
    codec: Codec
    optional: bool


class RowType:
    """What is known of a row class."""

    def __init__(self, cls: Any) -> None:
        self.cls = cls
        self.options: RowOptions = cls.__dict__.get("__weir_row__", RowOptions())
        self.columns: list[RowField] = []
        self.event_time: str | None = None
        self._time_is_datetime = False
        self.kind: str | None = None
        hints = hints_of(cls, cls.__name__)
        self._attributes: list[str] = []
        self._keywords: set[str] = set()
        for field in dataclasses.fields(cls):
            self._add(field, hints[field.name])
        names = [field.column for field in self.columns]
        double = next((name for name in names if names.count(name) > 1), None)
        if double is not None:
            raise DeclarationError(f"{cls.__name__}: two fields are the column {double!r}")
        self._functions: dict[str, Any] = {}
        self._compile()

    def _add(self, field: Any, annotation: Any) -> None:
        where = f"{self.cls.__name__}.{field.name}"
        if not field.init:
            raise DeclarationError(f"{where}: a field of a row must be an argument of its constructor (init=True)")
        role = metadata(annotation, Role)
        self._attributes.append(field.name)
        if getattr(field, "kw_only", False):
            self._keywords.add(field.name)
        if role is None:
            named = metadata(annotation, Name)
            codec = codec_of(annotation, where, nested_codec)
            self.columns.append(RowField(field.name, named.name if named else field.name, codec, codec.nullable))
        elif role.role == "event-time":
            if self.event_time is not None:
                raise DeclarationError(f"{where}: a row has one event time, and that is {self.event_time!r}")
            self.event_time = field.name
            self._time_is_datetime = getattr(annotation, "__origin__", None) is datetime.datetime
        else:
            self.kind = field.name

    @property
    def reads(self) -> list[str]:
        """The attributes in the order of the constructor's arguments."""
        return self._attributes

    def construct(self, variables: dict[str, str], cls: str = "R") -> str:
        """An expression that makes a row of variables by attribute."""
        arguments = [f"{name}={variables[name]}" if name in self._keywords else variables[name] for name in self._attributes]
        return f"{cls}({', '.join(arguments)})"

    def fields(self) -> list[Any]:
        """The schema of the columns, nodes in pre-order."""
        return [node for field in self.columns for node in field.codec.fields(field.column)]

    def make_all(self, indices: Iterable[int], lists: list[Any]) -> list[Any]:
        """Rows of columns, one list per column."""
        variables = {name: f"v{at}" for at, name in enumerate(self._attributes)}
        names = "".join(f", {variable}" for variable in variables.values())
        source = f"def function(indices, lists): return [{self.construct(variables)} for _{names} in zip(indices, *lists)]"
        return self._compiled("make", source)(indices, lists)  # type: ignore[no-any-return]

    def time_values(self, times: list[Any], refused: dict[int, str]) -> list[Any]:
        """Event times as the field has them. Rows whose time it cannot hold are refused."""
        if not self._time_is_datetime:
            return times
        values: list[Any] = []
        for at, time in enumerate(times):
            try:
                values.append(to_datetime(time))
            except OverflowError:
                refused.setdefault(at, f"its event time is one that datetime cannot hold (weir.EventTime can): {time}")
                values.append(None)
        return values

    def freeze(self, value: Any) -> Any:
        """A copy that does not change with a row."""
        return self._freeze(value)

    def order(self, value: Any) -> Any:
        """What has the order of the rows, by the first column, then the next; nulls first."""
        return self._order(value)

    def _compile(self) -> None:
        """Makes the functions that are called for each value."""
        names: dict[str, Any] = {"R": self.cls, "new": object.__new__, "put": object.__setattr__}
        lines, orders = [], []
        for at, field in enumerate(self.columns):
            names[f"z{at}"], names[f"q{at}"] = field.codec.freeze, field.codec.order
            value = f"r.{field.attribute}"
            lines.append(f"    put(c, {field.attribute!r}, {f'z{at}({value})' if field.codec.mutable else value})")
            is_simple = not field.codec.nullable and type(field.codec).order_value is Codec.order_value
            orders.append(f"{value}," if is_simple else f"q{at}({value}),")
        self._freeze = compiled("\n".join(["def function(r):", "    c = new(R)", *lines, "    return c"]), names)
        self._order = compiled(f"def function(r): return ({' '.join(orders)})", names)

    def blank(self) -> Any:
        """Any row that columns can hold."""
        made = object.__new__(self.cls)
        for field in self.columns:
            object.__setattr__(made, field.attribute, None if field.codec.nullable else field.codec.filler)
        return made

    def check(self, value: Any) -> None:
        """Raises `BadValue` if the columns cannot hold a row."""
        for field in self.columns:
            try:
                field.codec.check(getattr(value, field.attribute))
            except (BadValue, AttributeError) as error:
                raise BadValue(f"column {field.column!r}: {error}") from None

    def keep(self, value: Any) -> Any:
        """Gives the fields of a row the values that come back from columns. Raises `BadValue` if columns cannot hold it."""
        for field in self.columns:
            try:
                old = getattr(value, field.attribute)
                new = field.codec.kept(old)
            except (BadValue, AttributeError) as error:
                raise BadValue(f"column {field.column!r}: {error}") from None
            if new is not old:
                object.__setattr__(value, field.attribute, new)
        return value

    def differs(self, old: Any, new: Any) -> bool:
        """Whether two rows are not the same."""
        fields = self.columns
        return any(f.codec.differs(getattr(old, f.attribute), getattr(new, f.attribute)) for f in fields)

    def write(self, rows: Sequence[Any]) -> list[Any]:
        """Rows as columns; nodes in pre-order."""
        nodes: list[Any] = []
        for field in self.columns:
            attribute = field.attribute
            nodes += field.codec.write([getattr(row, attribute) for row in rows])
        return nodes

    def _compiled(self, name: str, source: str) -> Any:
        function = self._functions.get(name)
        if function is None:
            function = self._functions[name] = compiled(source, {"R": self.cls})
        return function


def compiled(source: str, names: dict[str, Any]) -> Any:
    """The function `function` of generated code."""
    namespace = dict(names)
    exec(compile(source, "<weir>", "exec"), namespace)
    return namespace["function"]


_TYPES: dict[Any, RowType] = {}
_BEGUN: set[Any] = set()


def row_type(cls: Any) -> RowType:
    """What is known of a dataclass as a row."""
    found = _TYPES.get(cls)
    if found is None:
        if not (isinstance(cls, type) and dataclasses.is_dataclass(cls)):
            raise DeclarationError(f"{cls!r} is no row: declare it with @weir.row or @dataclass")
        if cls in _BEGUN:
            raise DeclarationError(f"{cls.__name__} is in itself: a column has a fixed depth")
        _BEGUN.add(cls)
        try:
            found = _TYPES[cls] = RowType(cls)
        finally:
            _BEGUN.discard(cls)
        found.make_all(range(0), [[] for _ in found.reads])
    return found


def nested_codec(cls: type, where: str) -> Codec:
    """How rows of a class become one column of another row. `where` is for messages."""
    nested = row_type(cls)
    if nested.event_time or nested.kind or not nested.columns:
        raise DeclarationError(f"{where}: a row inside a row has columns, and neither event time nor kind of its own")
    return StructOf(nested)
