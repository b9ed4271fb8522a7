"""Functions that were made cheaper do what they did before."""

from __future__ import annotations

import dataclasses
from typing import Any, Optional

import pytest

import weir
from weir import testing
from weir._registry import operator_of


@weir.row
class Row:
    """What comes in."""

    a: int
    b: int = 0


@weir.row
class Checked:
    """A row that is more than its fields."""

    a: int

    def __post_init__(self) -> None:
        if self.a < 0:
            raise ValueError("negative")


@weir.transform
def reads(row: Row) -> Row:
    """Only reads fields."""
    return Row(a=row.b, b=[row.a for _ in range(2)][0])


@weir.transform
def passes(row: Row) -> Row:
    """Hands the row on."""
    return row


@weir.transform
def writes(row: Row) -> Row:
    """Changes the row."""
    row.a += 1
    return row


@weir.transform
def calls(row: Row) -> Row:
    """Gives the row to another function."""
    return Row(a=total(row))


@weir.transform
def rebinds(row: Row) -> Optional[Row]:
    """Uses the name for something else."""
    first = row.a
    for row in [Row(7)]:
        first += row.a
    return Row(first)


@weir.transform
def checked(row: Checked) -> Row:
    """Its row checks itself."""
    return Row(row.a)


@weir.transform
def unordered(row: Row) -> Row:
    """Keywords in another order."""
    return Row(b=row.a, a=row.b)


def total(row: Row) -> int:
    return row.a + row.b


@pytest.mark.parametrize(
    ("function", "fields", "expected"),
    [
        (reads, ["b", "a"], (2, 1)),
        (passes, None, (1, 2)),
        (writes, None, (2, 2)),
        (calls, None, (3, 0)),
        (rebinds, None, (8, 0)),
        (unordered, ["a", "b"], (2, 1)),
    ],
)
def test_the_result_is_the_same(function: Any, fields: Any, expected: "tuple[int, int]") -> None:
    assert operator_of(function).steps[0].fields == fields
    [row] = testing.transform(function, [Row(1, 2)]).main()
    assert (row["a"], row["b"]) == expected
    assert function(Row(1, 2)) == Row(*expected)


def test_rows_that_check_themselves_are_made() -> None:
    assert operator_of(checked).steps[0].fields is None
    results = testing.transform(checked, [Row(1), Row(-1)])
    assert len(results.main()) == 1 and results.rejected()[0][1].startswith("ValueError: negative (test_specialize.py:")


def test_values_that_change_later_are_copied() -> None:
    results = testing.transform(twice, [Row(1)])
    assert [row["items"] for row in results.main()] == [[1], [1, 2]]


@weir.row
class Items:
    """Has a list."""

    items: "list[int]"


@weir.transform
def twice(row: Row) -> "list[Items]":
    """Emits a list, and changes it."""

    def emitted():  # type: ignore[no-untyped-def]
        items = Items([row.a])
        yield items
        items.items.append(2)
        yield items

    return emitted()  # type: ignore[no-any-return, no-untyped-call]


@weir.row
class Bounded:
    """Has a constructor of its own."""

    a: int
    b: int = 0

    def __init__(self, *, a: int, b: int = 0) -> None:
        self.a, self.b = max(a, 0), b


@weir.row
class Absolute:
    """Changes what is set."""

    a: int

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, abs(value))


class _Doubles(type):
    def __call__(cls, *arguments: Any, **named: Any) -> Any:
        return super().__call__(*(2 * argument for argument in arguments), **named)


@dataclasses.dataclass
class Doubled(metaclass=_Doubles):
    """Its class changes what it is given."""

    a: int


@dataclasses.dataclass(frozen=True)
class Frozen:
    """Nothing but its fields."""

    a: int


@weir.transform
def bounded(row: Row) -> Bounded:
    """Calls a constructor with keywords."""
    return Bounded(a=row.a, b=row.b)


@weir.transform
def absolute(row: Absolute) -> Row:
    """Its row changes what is set."""
    return Row(row.a)


@weir.transform
def doubled(row: Doubled) -> Row:
    """The class of its row changes what it is given."""
    return Row(row.a)


@weir.transform
def frozen(row: Frozen) -> Row:
    """Only reads fields."""
    return Row(row.a)


def test_classes_that_change_their_fields_are_called() -> None:
    for function, fields, expected in [(bounded, ["a", "b"], 0), (absolute, None, 3), (doubled, None, -6), (frozen, ["a"], -3)]:
        assert operator_of(function).steps[0].fields == fields
        assert [row["a"] for row in testing.transform(function, [Row(-3, 1)]).main()] == [expected]
