"""How far the delays of a window's flights lie apart, in a unit of so many minutes."""

import weir


@weir.row
class Flight:
    """The columns that it reads, by name."""

    dep_delay: int | None


@weir.row
class Extremes:
    """What is kept per group while its window is open; it starts with the defaults."""

    least: int | None = None
    greatest: int | None = None


@weir.row
class Spreads:
    """The result column."""

    spread: float | None


@weir.aggregate
class Spread:
    """The spread of delays.

    The fields are the configuration. In the pipeline file:
    `aggregates.delays = { component = "...", columns = ["dep_delay"], config = { unit-minutes = 60 } }`
    """

    unit_minutes: int

    def accumulate(self, extremes: Extremes, flight: Flight) -> None:
        self.merge(extremes, Extremes(flight.dep_delay, flight.dep_delay))

    # The host aggregates parts of a group on their own: merging them must give what all their rows at once would give.
    def merge(self, extremes: Extremes, other: Extremes) -> None:
        if other.least is not None and (extremes.least is None or other.least < extremes.least):
            extremes.least = other.least
        if other.greatest is not None and (extremes.greatest is None or other.greatest > extremes.greatest):
            extremes.greatest = other.greatest

    def finish(self, extremes: Extremes) -> Spreads:
        if extremes.least is None or extremes.greatest is None:
            return Spreads(None)
        return Spreads((extremes.greatest - extremes.least) / self.unit_minutes)
