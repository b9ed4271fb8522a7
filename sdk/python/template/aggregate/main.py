"""How far the readings of a window lie apart, in multiples of a unit."""

import weir


@weir.row
class Reading:
    """The columns that it reads, by name."""

    celsius: float


@weir.row
class Extremes:
    """What is kept per group while its window is open; it starts with the defaults."""

    least: float | None = None
    greatest: float | None = None


@weir.row
class Spreads:
    """The result columns."""

    spread: float | None


@weir.aggregate
class Spread:
    """The spread of readings.

    The fields are the configuration. In the pipeline file:
    `aggregates.spread = { component = "...", columns = ["celsius"], config = { unit = 0.5 } }`
    """

    unit: float

    def accumulate(self, extremes: Extremes, reading: Reading) -> None:
        self.merge(extremes, Extremes(reading.celsius, reading.celsius))

    # The host aggregates parts of a group on their own: merging them must give what all their rows at once would give.
    def merge(self, extremes: Extremes, other: Extremes) -> None:
        if other.least is not None and (extremes.least is None or other.least < extremes.least):
            extremes.least = other.least
        if other.greatest is not None and (extremes.greatest is None or other.greatest > extremes.greatest):
            extremes.greatest = other.greatest

    def finish(self, extremes: Extremes) -> Spreads:
        if extremes.least is None or extremes.greatest is None:
            return Spreads(None)
        return Spreads((extremes.greatest - extremes.least) / self.unit)
