"""How rows are cut into batches makes no difference to what is kept and refused."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Optional

import pytest

import weir
from weir import testing


@weir.row
class Given:
    """What comes in: of the key, the name of what is done, and a number."""

    key: str
    do: str
    number: int = 0


@weir.row
class Kept:
    """A state with columns of each type."""

    i8: weir.Int8 = 0
    i64: int = 0
    f32: weir.Float32 = 0.0
    f64: float = 0.0
    maybe: Optional[bool] = None
    text: str = ""
    amount: Annotated[decimal.Decimal, weir.Decimal(5, 2)] = decimal.Decimal(0)
    time: datetime.datetime = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    items: "list[int]" = ()  # type: ignore[assignment]


@weir.row(keep=["key"])
class Seen:
    """The state as the row left it."""

    state: str


DO: dict[str, Callable[[Kept, int], Any]] = {
    "add": lambda kept, number: setattr(kept, "i8", kept.i8 + number),
    "divide": lambda kept, number: setattr(kept, "i64", kept.i64 / 1),
    "truth": lambda kept, number: setattr(kept, "i64", True),
    "one": lambda kept, number: setattr(kept, "maybe", 1),
    "tenth": lambda kept, number: setattr(kept, "f32", kept.f32 + 0.1),
    "whole": lambda kept, number: setattr(kept, "f64", 2**53 + number),
    "half": lambda kept, number: setattr(kept, "text", "\ud800"),
    "pay": lambda kept, number: setattr(kept, "amount", kept.amount + number),
    "zone": lambda kept, number: setattr(kept, "time", kept.time.astimezone(datetime.timezone(datetime.timedelta(hours=number)))),
    "list": lambda kept, number: setattr(kept, "items", (*kept.items, number)),
    "listed": lambda kept, number: kept.items.append(float(number)),  # type: ignore[arg-type]
    "look": lambda kept, number: None,
}


@weir.keyed
class InState:
    """Does it to the state."""

    def process(self, row: Given, of: weir.KeyContext[None, Kept]) -> Seen:
        of.state = of.state or Kept()
        before = repr(of.state)
        DO[row.do](of.state, row.number)
        return Seen(before)


@weir.keyed
class InMap:
    """Does it to an entry of a map."""

    kept: ClassVar[weir.Map[int, Kept]] = weir.Map(int, Kept)

    def process(self, row: Given, of: weir.KeyContext[None, None]) -> Seen:
        kept = of.maps.get(self.kept, 1, Kept())
        before = repr(kept)
        DO[row.do](kept, row.number)
        of.maps.put(self.kept, 1, kept)
        return Seen(before)


STEPS: list[tuple[str, int]] = [
    *[("add", 100), ("add", 100), ("add", -100)],
    *[("divide", 0), ("truth", 0), ("look", 0)],
    *[("one", 0), ("half", 0), ("look", 0)],
    *[("tenth", 0), ("tenth", 0), ("tenth", 0), ("look", 0)],
    *[("whole", 0), ("whole", 1), ("look", 0)],
    *[("pay", 1), ("pay", 999), ("pay", 1), ("look", 0)],
    *[("zone", 2), ("look", 0)],
    *[("list", 7), ("listed", 1), ("list", 8), ("look", 0)],
]
REFUSED = [1, 3, 4, 6, 7, 14, 17, 23]


def run(operator: Any, rows: "list[Given]", size: int) -> Any:
    harness = testing.KeyedHarness(operator, Given, ["key"])
    emitted: list[Any] = []
    rejected: list[Any] = []
    for start in range(0, len(rows), size):
        results = harness.process(rows[start : start + size])
        emitted += results.main()
        rejected += [(start + row, reason) for row, reason in results.rejected()]
    return emitted, rejected, repr(harness.states()), repr(harness.entries(InMap.kept)) if operator.__class__ is InMap else None


@pytest.mark.parametrize("operator", [InState(), InMap()])
@pytest.mark.parametrize("size", [2, 3, 7, 100])
def test_what_is_kept_is_checked_after_each_row(operator: Any, size: int) -> None:
    rows = [Given("a", *step) for step in STEPS]
    alone = run(operator, rows, 1)
    assert [row for row, _ in alone[1]] == REFUSED
    assert run(operator, rows, size) == alone


@pytest.mark.parametrize("size", [1, 2])
def test_a_bad_state_is_refused_when_another_row_would_mend_it(size: int) -> None:
    _, rejected, states, _ = run(InState(), [Given("a", "add", 100), Given("a", "add", 100), Given("a", "add", -100)], size)
    assert rejected == [(1, "the state: column 'i8': 200 is out of the range of int8")]
    assert states.startswith("{'a': Kept(i8=0,")


@weir.keyed
class Keys:
    """Looks for a key that its map cannot have."""

    seen: ClassVar[weir.Map[int, None]] = weir.Map(int)

    def process(self, row: Given, of: weir.KeyContext[None, None]) -> Seen:
        if row.do == "put":
            of.maps.put(self.seen, row.number)
            return Seen("put")
        return Seen(str(of.maps.has(self.seen, float(row.number))))  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [1, 2])
def test_keys_of_another_type_are_refused(size: int) -> None:
    _, rejected, _, _ = run(Keys(), [Given("a", "put", 1), Given("a", "look", 1)], size)
    assert rejected == [(1, "a key of the map 'seen': 1.0 (float) is no int64")]


@weir.row
class Sum:
    """An accumulator."""

    sum: weir.Int8 = 0


@weir.aggregate
class InPlace:
    """Changes what it is given."""

    def accumulate(self, sum: Sum, row: Given) -> None:
        sum.sum += row.number

    def merge(self, sum: Sum, other: Sum) -> None:
        sum.sum += other.sum

    def finish(self, sum: Sum) -> Sum:
        return sum


@weir.aggregate
class Returned:
    """Returns another one."""

    def accumulate(self, sum: Sum, row: Given) -> Sum:
        return Sum(sum.sum + row.number)

    def merge(self, sum: Sum, other: Sum) -> Sum:
        return Sum(sum.sum + other.sum)

    def finish(self, sum: Sum) -> Sum:
        return sum


@pytest.mark.parametrize("operator", [InPlace(), Returned()])
def test_accumulators_are_checked_after_each_row_and_may_be_returned(operator: Any) -> None:
    rows = [Given("a", "", number) for number in (100, 100, -100, 5)]
    results = testing.aggregate(operator, [rows])
    assert results.main() == [{"sum": 5}]
    assert results.rejected() == [(1, "the accumulator: column 'sum': 200 is out of the range of int8")]
    assert testing.aggregate(operator, [rows[:1], rows[1:2][:0], rows[2:]]).main() == [{"sum": 5}]


@weir.aggregate
class Wrong:
    """Returns no accumulator."""

    def accumulate(self, sum: Sum, row: Given) -> Any:
        return row.number or None

    def merge(self, sum: Sum, other: Sum) -> None:
        sum.sum += other.sum

    def finish(self, sum: Sum) -> Sum:
        return sum


def test_what_is_no_accumulator_is_refused() -> None:
    results = testing.aggregate(Wrong(), [[Given("a", "", 0), Given("a", "", 5)]])
    assert results.rejected() == [(1, "the accumulator is 5, not Sum")] and results.main() == [{"sum": 0}]
