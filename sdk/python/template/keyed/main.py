"""Emits a reading when it is far from the last one of its sensor, and says so when a sensor has been silent."""

from collections.abc import Iterator

import weir


@weir.row
class Reading:
    """The columns that it reads, by name, and the event time."""

    celsius: float
    at: weir.EventTime


@weir.row
class Last:
    """What is kept per sensor, between batches and over restarts."""

    celsius: float
    silent_at: weir.Timestamp


@weir.row(keep=weir.ALL)
class Jump:
    """The main output: all columns of the input, and one more."""

    degrees: float


@weir.row(keep=["sensor"])
class Silent:
    """The side output `silent`: only the sensor."""


@weir.keyed
class Jumps:
    """Jumps and silences of sensors.

    The fields are the configuration: `config = { degrees = 2.5, silence-seconds = 60 }` in the pipeline file, which also says
    `key-by = ["sensor"]`.
    """

    degrees: float
    silence_seconds: int

    def process(self, reading: Reading, of: weir.KeyContext[None, Last]) -> Iterator[Jump | Silent]:
        silent_at = reading.at + self.silence_seconds * 1_000_000
        last = of.state
        of.state = Last(reading.celsius, silent_at)
        if last is not None:
            of.timers.delete(last.silent_at)
            degrees = reading.celsius - last.celsius
            if last.silent_at < reading.at:
                # The timer is due, but timers fire after the batch: this row came first.
                yield Silent()
            elif abs(degrees) >= self.degrees:
                yield Jump(degrees)
        of.timers.register(silent_at)

    def on_timer(self, timer: weir.Timer, of: weir.KeyContext[None, Last]) -> Iterator[Silent]:
        of.state = None
        yield Silent()
