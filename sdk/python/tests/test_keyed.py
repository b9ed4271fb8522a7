"""Keyed operators and aggregates: what is refused leaves no trace."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any, ClassVar, Optional

import pytest

import weir
from weir import testing


@weir.row
class Given:
    """What comes in."""

    key: str
    value: int
    at: weir.EventTime = 0


@weir.row
class Key:
    """The key."""

    key: str


@weir.row
class Sum:
    """The state."""

    sum: weir.Int8
    seen: "list[int]"
    last: Optional[datetime.datetime] = None


@weir.row(keep=["key"])
class Out:
    """What goes out."""

    sum: weir.Int16


@weir.keyed
class Sums:
    """Does everything before it fails."""

    fail_at: Optional[int] = None
    how: str = "raise"
    counts: ClassVar[weir.Map[int, weir.Int8]] = weir.Map(int, weir.Int8)
    marks: ClassVar[weir.Map[str, None]] = weir.Map(str)

    def process(self, row: Given, of: weir.KeyContext[Key, Sum]) -> Iterator[Out]:
        assert of.key.key == row.key
        state = of.state = of.state or Sum(0, [])
        weir.log.info(f"value {row.value}")
        weir.metrics.count("rows")
        state.sum += row.value % 3
        state.seen.append(row.value)
        of.maps.put(self.counts, row.value % 4, (of.maps.get(self.counts, row.value % 4) or 0) + 1)
        of.maps.put(self.marks, row.key)
        of.timers.register(1000 + row.value)
        yield Out(state.sum)
        if row.value == self.fail_at:
            if self.how == "raise":
                raise ValueError("told to")
            if self.how == "state":
                state.sum = 1000
            if self.how == "class":
                of.state = Key("x")  # type: ignore[assignment]
            if self.how == "timer":
                of.timers.register(2**63)
            if self.how == "map":
                of.maps.put(self.counts, 1, 1000)
            if self.how == "output":
                yield Out(2**15)
            if self.how == "other":
                yield Sum(1, [])  # type: ignore[misc]

    def on_timer(self, timer: weir.Timer, of: weir.KeyContext[Key, Sum]) -> Iterator[Out]:
        if self.how == "timer-fails":
            of.state = None
            raise ValueError("told to")
        yield Out(len(of.key.key))


def everything(harness: testing.KeyedHarness) -> Any:
    maps = [harness.entries(Sums.counts), harness.entries(Sums.marks)]
    return harness.states(), harness.timers(), maps


@pytest.mark.parametrize("how", ["raise", "state", "class", "timer", "map", "output", "other"])
@pytest.mark.parametrize("size", [1, 4, 30])
def test_a_refused_row_leaves_no_trace(how: str, size: int) -> None:
    rows = [Given("ab"[at % 2], at) for at in range(30)]

    def run(operator: Sums, rows: "list[Given]") -> Any:
        harness = testing.KeyedHarness(operator, Given, ["key"])
        testing.log_lines()
        testing.metrics()
        emitted: list[Any] = []
        rejected = []
        for start in range(0, len(rows), size):
            results = harness.process(rows[start : start + size])
            emitted += results.main()
            rejected += [(start + row, reason) for row, reason in results.rejected()]
        return emitted, rejected, everything(harness), len(testing.log_lines()), len(testing.metrics())

    emitted, rejected, kept, lines, figures = run(Sums(13, how), rows)
    assert [row for row, _ in rejected] == [13]
    assert lines == 30 and figures == 30
    others = run(Sums(), [row for row in rows if row.value != 13])
    assert (emitted, kept) == (others[0], others[2])


def test_reasons_name_what_does_not_fit() -> None:
    reasons = {}
    for how in ["raise", "state", "class", "timer", "map", "output", "other"]:
        [(_, reasons[how])] = testing.KeyedHarness(Sums(1, how), Given, ["key"]).process([Given("a", 1)]).rejected()
    assert reasons["raise"].startswith("ValueError: told to (test_keyed.py:")
    assert reasons["state"] == "the state: column 'sum': 1000 is out of the range of int8"
    assert reasons["class"].startswith("the state is Key(")
    assert reasons["timer"] == f"the time of a timer: {2**63} is out of the range of timestamp"
    assert reasons["map"].startswith("a value of the map 'counts': 1000 is out of the range of int8")
    assert reasons["output"] == "column 'sum' of output 'main': 32768 is out of the range of int16"
    assert reasons["other"].startswith("TypeError: Sum(") and "not among those" in reasons["other"]


def test_refused_timers_have_fired_and_leave_no_trace() -> None:
    harness = testing.KeyedHarness(Sums(None, "timer-fails"), Given, ["key"])
    harness.process([Given("a", 1), Given("b", 2)])
    states = harness.states()
    results = harness.advance_to(datetime.datetime(1970, 1, 1, 1, tzinfo=datetime.timezone.utc))
    assert len(results.rejected()) == 2 and results.main() == []
    assert harness.states() == states and harness.timers() == []


def test_states_go_back_only_if_they_changed() -> None:
    harness = testing.KeyedHarness(Looks(), Given, ["key"])
    harness.process([Given("a", 1), Given("b", 2)])
    seen: list[Any] = []
    process = harness._connected.process
    harness._connected.process = lambda *arguments: seen.append(process(*arguments)) or seen[-1]
    harness.process([Given("a", 0), Given("b", 5)])
    assert seen[0].changed.value == b"\1\0\0\0" and seen[0].states.keys == 1


@weir.keyed
class Looks:
    """Changes its state if the value is not 0."""

    def process(self, row: Given, of: weir.KeyContext[None, Sum]) -> None:
        of.state = of.state or Sum(0, [])
        if row.value:
            of.state.seen.append(row.value)

    def on_timer(self, timer: weir.Timer, of: weir.KeyContext[None, Sum]) -> Optional[Out]:
        return None


@weir.row
class Order:
    """Of the input `orders`."""

    customer: int
    amount: int
    at: weir.EventTime


@weir.row
class Customer:
    """Of the input `customers`."""

    customer: int
    name: str


@weir.row(keep=["customer", weir.Kept("amount", to="cents", input="orders")])
class Named:
    """What goes out, at a time of its own."""

    name: Optional[str]
    at: weir.EventTime


@weir.keyed
class Join:
    """Orders with names."""

    @weir.input("orders")
    def order(self, order: Order, of: weir.KeyContext[None, Customer]) -> Named:
        return Named(of.state.name if of.state else None, order.at + 1)

    @weir.input("customers")
    def customer(self, customer: Customer, of: weir.KeyContext[None, Customer]) -> None:
        of.state = customer


def test_several_inputs_by_name_and_event_times() -> None:
    harness = testing.KeyedHarness(Join(), {"orders": Order, "customers": Customer}, ["customer"])
    harness.process([Customer(1, "Ada")], input="customers")
    results = harness.process([Order(1, 5, 100), Order(2, 6, 200)], input="orders")
    assert results.main() == [{"customer": 1, "cents": 5, "name": "Ada"}, {"customer": 2, "cents": 6, "name": None}]
    assert results.event_times() == [101, 201]
    with pytest.raises(testing.CallFailed, match="the operator has the inputs orders, customers, and is connected to orders"):
        testing.KeyedHarness(Join(), {"orders": Order}, ["customer"])


@weir.row
class Change:
    """A row with its kind."""

    value: int
    kind: weir.Kind


@weir.row(changelog="upsert")
class Upsert:
    """Another."""

    value: int
    kind: weir.Kind


@weir.transform
def kinds(row: Change) -> Optional[Upsert]:
    """Leaves out what is taken back."""
    return None if row.kind == weir.RowKind.UPDATE_BEFORE else Upsert(row.value, row.kind)


def test_row_kinds_are_read_and_set() -> None:
    rows = [Change(1, weir.RowKind.INSERT), Change(1, weir.RowKind.UPDATE_BEFORE), Change(2, weir.RowKind.UPDATE_AFTER), Change(3, 9)]
    results = testing.transform(kinds, rows)
    assert results.row_kinds() == [0, 2] and results.rejected()[0] == (3, "9 is no kind of rows: see weir.RowKind")


@weir.row
class Total:
    """The accumulator."""

    total: weir.Int8 = 0


@weir.aggregate
class Add:
    """Adds up, and fails."""

    def accumulate(self, total: Total, row: Given) -> None:
        total.total += row.value
        if row.value == 7:
            raise ValueError("told to")

    def merge(self, total: Total, other: Total) -> None:
        total.total += other.total

    def finish(self, total: Total) -> Total:
        return total


def test_rows_refused_by_an_aggregate_count_for_nothing() -> None:
    results = testing.aggregate(Add(), [[Given("a", 1), Given("a", 7), Given("a", 200)], [Given("a", 2)]])
    assert results.main() == [{"total": 3}]
    assert [row for row, _ in results.rejected()] == [1, 2]
    assert results.rejected()[1][1] == "the accumulator: column 'total': 201 is out of the range of int8"


def test_scans_merge_what_was_changed() -> None:
    harness = testing.KeyedHarness(Scans(), Given, ["key"])
    harness.process([Given("a", value) for value in (5, 1, 9, 3, 7)])
    [row] = harness.process([Given("a", 100)]).main()
    assert row == {"found": [0, 3, 4, 7]}


@weir.row
class Found:
    """What a scan found."""

    found: "list[int]"


@weir.keyed
class Scans:
    """Puts, and at 100 removes, puts and scans."""

    values: ClassVar[weir.Map[int, None]] = weir.Map(int)

    def process(self, row: Given, of: weir.KeyContext[None, None]) -> Optional[Found]:
        if row.value < 100:
            of.maps.put(self.values, row.value)
            return None
        of.maps.remove(self.values, 1)
        of.maps.remove(self.values, 5)
        of.maps.put(self.values, 4)
        of.maps.put(self.values, 0)
        of.maps.put(self.values, 9)
        return Found([key for key, _ in of.maps.scan(self.values, stop=9, limit=10)])
