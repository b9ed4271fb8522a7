"""The weighted average of a window.

What it means is written in tests/conformance/README.md, for all languages.
"""

from typing import Optional

import weir


@weir.row
class Weighted:
    value: Optional[weir.Number]
    weight: Optional[weir.Number]


@weir.row
class Sums:
    sum: float = 0.0
    weight: float = 0.0
    rows: int = 0


@weir.row
class Averages:
    average: Optional[float]


@weir.aggregate
class Average:
    """A weighted average."""

    value: str
    weight: str

    def column_of(self, field: str) -> str:
        return self.value if field == "value" else self.weight

    def accumulate(self, sums: Sums, row: Weighted) -> None:
        if row.value is None or row.weight is None:
            return
        if row.weight < 0:
            raise weir.RowError("the weight is negative")
        sums.sum += row.value * row.weight
        sums.weight += row.weight
        sums.rows += 1

    def merge(self, sums: Sums, other: Sums) -> None:
        sums.sum += other.sum
        sums.weight += other.weight
        sums.rows += other.rows

    def finish(self, sums: Sums) -> Averages:
        return Averages(sums.sum / sums.weight if sums.weight else None)
