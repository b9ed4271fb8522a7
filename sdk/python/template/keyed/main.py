"""Emits a flight when its delay is far from that of the last flight of its carrier, and says so when a carrier has been silent."""

from collections.abc import Iterator

import weir

MINUTE = 60_000_000


@weir.row
class Flight:
    """The columns that it reads, by name, and the event time."""

    dep_delay: int
    departed: weir.EventTime


@weir.row
class Last:
    """What is kept per carrier, between batches and over restarts."""

    dep_delay: int
    silent_at: weir.Timestamp


@weir.row(keep=weir.ALL)
class Jump:
    """The main output: all columns of the input, and one more."""

    jump: int


@weir.row(keep=["carrier"])
class Silent:
    """The side output `silent`: only the carrier."""


@weir.keyed
class Jumps:
    """Jumps and silences of carriers.

    The fields are the configuration: `config = { minutes = 30, silence-minutes = 120 }` in the pipeline file, which also says
    `key-by = ["carrier"]`.
    """

    minutes: int
    silence_minutes: int

    def process(self, flight: Flight, of: weir.KeyContext[None, Last]) -> Iterator[Jump | Silent]:
        silent_at = flight.departed + self.silence_minutes * MINUTE
        last = of.state
        of.state = Last(flight.dep_delay, silent_at)
        if last is not None:
            of.timers.delete(last.silent_at)
            jump = flight.dep_delay - last.dep_delay
            if last.silent_at < flight.departed:
                # The timer is due, but timers fire after the batch: this row came first.
                yield Silent()
            elif abs(jump) >= self.minutes:
                yield Jump(jump)
        of.timers.register(silent_at)

    def on_timer(self, timer: weir.Timer, of: weir.KeyContext[None, Last]) -> Iterator[Silent]:
        of.state = None
        yield Silent()
