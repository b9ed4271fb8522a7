"""Rows that run a second time, as another one is refused, are what they were."""

from __future__ import annotations

from typing import Any, ClassVar

import weir
from weir import testing


@weir.row
class Part:
    """A row inside a row."""

    number: int


@weir.row
class Given:
    """What comes in."""

    key: str
    tags: "list[int]"
    part: Part
    number: int = 0


@weir.row(keep=["key"])
class Seen:
    """How the row was seen."""

    tags: "list[int]"
    number: int


@weir.keyed
class Changes:
    """Changes its row."""

    def process(self, row: Given, of: weir.KeyContext[None, None]) -> Seen:
        row.tags.append(9)
        row.part.number += 1
        if row.number < 0:
            raise ValueError("negative")
        return Seen(row.tags, row.part.number + (2**63 if row.number == 2 else 0))


def test_changed_rows_are_read_again() -> None:
    for bad in (-1, 2):
        rows = [Given("a", [1], Part(1), 1), Given("a", [2], Part(2), bad), Given("b", [3], Part(3), 1)]
        results = testing.KeyedHarness(Changes(), Given, ["key"]).process(rows)
        assert results.main() == [{"key": "a", "tags": [1, 9], "number": 2}, {"key": "b", "tags": [3, 9], "number": 4}]
        assert [row for row, _ in results.rejected()] == [1]


@weir.row
class Count:
    """An accumulator."""

    count: int = 0


@weir.aggregate
class Counts:
    """Changes its rows."""

    def accumulate(self, count: Count, row: Given) -> None:
        row.tags.append(9)
        row.part.number += 1
        if row.number < 0:
            raise ValueError("negative")
        count.count += len(row.tags) * row.part.number

    def merge(self, count: Count, other: Count) -> None:
        count.count += other.count

    def finish(self, count: Count) -> Count:
        return count


def test_changed_rows_of_an_aggregate_are_read_again() -> None:
    results = testing.aggregate(Counts(), [[Given("a", [1], Part(1)), Given("a", [2], Part(2), -1), Given("a", [3], Part(3))]])
    assert results.main() == [{"count": 2 * 2 + 2 * 4}]


@weir.keyed
class Prefetches:
    """Asks for an entry that some rows do not have."""

    seen: ClassVar[weir.Map[int, int]] = weir.Map(int, int)

    def prefetch(self, row: Given, entries: Any) -> None:
        weir.log.info(f"prefetch {row.number}")
        row.tags.append(100 // row.number)
        entries.entry(self.seen, row.number * 2)

    def process(self, row: Given, of: weir.KeyContext[None, None]) -> Seen:
        weir.log.info(f"process {row.number}")
        if row.number == 13:
            raise ValueError("told to")
        of.maps.put(self.seen, row.number * 2, 1)
        return Seen(row.tags, row.number)


def test_a_prefetch_that_fails_refuses_its_row() -> None:
    testing.log_lines()
    numbers = [1, 0, 2**62, 13, 5]
    results = testing.KeyedHarness(Prefetches(), Given, ["key"]).process([Given("a", [], Part(1), number) for number in numbers])
    assert results.main() == [{"key": "a", "tags": [], "number": 1}, {"key": "a", "tags": [], "number": 5}]
    [(first, by_zero), (second, beyond), (third, told)] = results.rejected()
    assert (first, second, third) == (1, 2, 3)
    assert by_zero.startswith("ZeroDivisionError: ") and told.startswith("ValueError: told to")
    assert beyond == f"a key of the map 'seen': {2**63} is out of the range of int64"
    said = [text for _, text in testing.log_lines()]
    assert said == [*(f"prefetch {number}" for number in numbers), "process 1", "process 13", "process 5"]


@weir.row
class Positive:
    """A row that checks itself."""

    number: int

    def __post_init__(self) -> None:
        if self.number < 0:
            raise weir.RowError("negative")


@weir.keyed
class Checked:
    """Its rows are made for `prefetch` already."""

    seen: ClassVar[weir.Map[int, int]] = weir.Map(int, int)

    def prefetch(self, row: Positive, entries: Any) -> None:
        entries.entry(self.seen, row.number)

    def process(self, row: Positive, of: weir.KeyContext[None, None]) -> Seen:
        return Seen([], row.number)


def test_a_row_that_cannot_be_made_for_prefetch_is_refused() -> None:
    results = testing.KeyedHarness(Checked(), Given, ["key"]).process([Given("a", [], Part(1), number) for number in (1, -1, 2)])
    assert [row["number"] for row in results.main()] == [1, 2] and results.rejected() == [(1, "negative")]
