"""The samples of the conformance suite."""

from __future__ import annotations

from decimal import Decimal
from types import ModuleType
from typing import ClassVar, Optional

import pytest

import weir
from weir import testing


def full_row(types: ModuleType, **changes: object) -> object:
    values = {
        "copies": 1,
        "flag": True,
        "i8": -128,
        "i16": -32768,
        "i32": -(2**31),
        "i64": -(2**63),
        "u8": 255,
        "u16": 65535,
        "u32": 2**32 - 1,
        "u64": 2**64 - 1,
        "f32": 0.5,
        "f64": 1e300,
        "text": "žluť",
        "bytes": b"\0\xff",
        "day": 19_782,
        "sec": -1,
        "milli": 1,
        "micro": 2**63 - 1,
        "nano": -(2**63),
        "amount": Decimal("-9999999999.99"),
        "numbers": [1, None, 3],
        "point": types.Point(1.0, None),
        **changes,
    }
    return types.All(**values)


def test_all_types_pass_through(types: ModuleType) -> None:
    nulls = types.All(2, *[None] * 21)
    rows = [full_row(types), nulls, full_row(types, copies=0), full_row(types, copies=-1), full_row(types, text="x")]
    results = testing.transform(types.Types(drop="x"), rows)
    first, second, third = results.main()
    assert first["text"] == "žluť#0" and first["i64"] == -(2**63) and first["low"] == -(2**63)
    assert first["sum"] == -128 - 32768 - 2**31 + 255 + 65535 + 2**32 - 1
    assert (first["big"], first["raw"], first["size"]) == (2**64 - 1, b"\0\xff", 2)
    assert (first["next_day"], first["cents"]) == (19_783, Decimal("-9999999999.99"))
    assert (first["micro2"], first["nano2"], first["sec2"], first["milli2"]) == (2**63 - 1, -(2**63), -1, 1)
    assert first["reversed"] == [3, None, 1] and first["swapped"] == types.Swapped(None, 1.0)
    assert first["not_flag"] is False and first["half"] == 5e299
    assert {name: value for name, value in second.items() if value is not None} == {"copies": 2}
    assert third == second
    assert results.side("none") == [{"reason": "no copies"}]
    assert results.rejected() == [(3, "copies is -1")]


@pytest.mark.parametrize("rows", [0, 1, 7, 8, 9, 70_000])
def test_any_number_of_rows(types: ModuleType, rows: int) -> None:
    row = types.All(1, *[None] * 21)
    results = testing.transform(types.Types(), [row] * rows, row=types.All)
    assert len(results.main()) == rows


@weir.row
class Given:
    """What comes into the counter."""

    key: str
    word: Optional[str]
    value: int
    at: weir.EventTime


@weir.row
class Sold:
    """What comes into the average."""

    price: int
    size: float


def test_counter_counts_summarizes_and_forgets(counter: ModuleType) -> None:
    row = Given
    harness = testing.KeyedHarness(counter.Counter(gap_seconds=10), row, ["key"])
    results = harness.process([row("a", "x", 5, 0), row("b", None, 1, 0), row("a", "w", 2, 1), row("a", "x", -1, 2), row("a", "x", 1, 3)])
    assert [(r["key"], r["count"], r["total"], r["times"]) for r in results.main()] == [
        ("a", 1, 5, 1),
        ("b", 1, 1, None),
        ("a", 2, 7, 1),
        ("a", 3, 8, 2),
    ]
    assert results.rejected() == [(3, "value is -1")]
    assert harness.timers() == [(10_000_000, "b"), (10_000_003, "a")]
    assert harness.entries(counter.Counter.words) == {"a": [(counter.Word("w"), counter.Times(1)), (counter.Word("x"), counter.Times(2))]}
    results = harness.advance_to(10_000_003)
    assert results.side("summary") == [
        {"key": "b", "count": 1, "words": 0, "first": None},
        {"key": "a", "count": 3, "words": 2, "first": "w"},
    ]
    assert harness.states() == {} and harness.entries(counter.Counter.words) == {} and harness.timers() == []


def test_counter_is_the_same_for_any_split(counter: ModuleType) -> None:
    row = Given
    words = ["x", None, "y", "zz"]
    rows = [row("abc"[at % 3], words[at % 4], at % 5 - 1, at) for at in range(60)]

    def run(size: int) -> tuple[object, ...]:
        harness = testing.KeyedHarness(counter.Counter(gap_seconds=10), row, ["key"])
        emitted = []
        rejected = 0
        for start in range(0, len(rows), size):
            results = harness.process(rows[start : start + size])
            emitted += results.main()
            rejected += len(results.rejected())
        return emitted, rejected, harness.states(), harness.timers(), harness.entries(counter.Counter.words)

    whole = run(60)
    assert whole[1] == 12
    assert all(run(size) == whole for size in (1, 2, 7, 59))


def test_counter_migrates(counter: ModuleType) -> None:
    row = Given
    harness = testing.KeyedHarness(counter.Counter(gap_seconds=10), row, ["key"])
    harness.migrate(1, [counter.Version1(7), None])
    assert harness.migrated == [counter.State(7, 0, None), None]
    with pytest.raises(testing.CallFailed, match="there is no migration from version 3 of the state, and its columns do not fit: "):
        harness.migrate(3, [counter.Version1(7)])
    harness.migrate(4, [counter.State(8, 9, 10), None])
    assert harness.migrated == [counter.State(8, 9, 10), None]


@weir.row
class Kept:
    count: int
    note: Optional[str]


@weir.row
class Newer:
    other: bool
    note: Optional[str]
    count: int


@weir.row
class Older:
    count: int


@weir.keyed
class Keeps:
    VERSION: ClassVar[int] = 3

    def process(self, row: Given, of: weir.KeyContext[None, Kept]) -> list[Older]:
        return []


def test_states_without_a_migration_are_matched_whole() -> None:
    harness = testing.KeyedHarness(Keeps(), Given, ["key"])
    harness.migrate(4, [Newer(True, "a", 1)])
    assert harness.migrated == [Kept(1, "a")]
    with pytest.raises(testing.CallFailed, match='from version 2 of the state, and its columns do not fit: there is no column "note"'):
        harness.migrate(2, [Older(1)])


def test_average_is_the_same_for_any_cut(average: ModuleType) -> None:
    rows = [Sold(2, 1.0), Sold(4, 3.0), Sold(1, -1.0), Sold(6, 0.0)]
    for cut in range(5):
        results = testing.aggregate(average.Average("price", "size"), [rows[:cut], rows[cut:]], row=Sold)
        assert results.main() == [{"average": 3.5}]
        assert results.rejected() == [(2, "the weight is negative")]
    assert testing.aggregate(average.Average("price", "size"), [[]], row=Sold).main() == [{"average": None}]
