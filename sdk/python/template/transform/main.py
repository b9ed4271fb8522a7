"""Says of each flight whether it left late, and leaves out those that never left."""

import weir


@weir.row
class Flight:
    """The columns that it reads, by name. More columns may come; they cost nothing."""

    dep_delay: int | None


@weir.row(keep=weir.ALL)
class Classified:
    """The columns that it emits: all of the input, and one more."""

    late: bool


@weir.transform
class Classify:
    """Late flights.

    The fields are the configuration: `config = { late-after-minutes = 15 }` in the pipeline file.
    """

    late_after_minutes: int

    def process(self, flight: Flight) -> Classified | None:
        if flight.dep_delay is None:
            return None
        if flight.dep_delay < -24 * 60:
            # `on-error` in the pipeline file says what happens to this row.
            raise weir.RowError(f"it left {-flight.dep_delay} minutes before its time")
        return Classified(late=flight.dep_delay > self.late_after_minutes)
