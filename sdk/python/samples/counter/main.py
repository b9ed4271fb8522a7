"""A keyed counter with a state, timers, a map and a migration of its state.

What it means is written in tests/conformance/README.md, for all languages.
"""

from collections.abc import Iterator
from typing import ClassVar, Optional

import weir


@weir.row
class Value:
    word: Optional[str]
    value: int
    at: weir.EventTime


@weir.row
class State:
    count: weir.UInt64
    total: int
    due: Optional[weir.Timestamp] = None
    alarm: Optional[weir.Timestamp] = None


@weir.row
class Version1:
    count: weir.UInt32


@weir.row
class Word:
    word: str


@weir.row
class Times:
    times: int


@weir.row(keep=weir.ALL)
class Counted:
    count: weir.UInt64
    total: int
    times: Optional[int]


@weir.row(keep=["key"])
class Summary:
    count: weir.UInt64
    words: int
    first: Optional[str]


@weir.row(keep=["key"])
class Alarm:
    count: weir.UInt64


WORDS_MAX = 1000


@weir.keyed
class Counter:
    """A counter per key."""

    gap_seconds: int
    alarm_seconds: Optional[int] = None
    total_max: Optional[int] = None
    VERSION: ClassVar[int] = 2
    words: ClassVar[weir.Map[Word, Times]] = weir.Map(Word, Times)

    def __post_init__(self) -> None:
        if self.gap_seconds < 1:
            raise ValueError("`gap-seconds` is at least 1")
        if self.alarm_seconds is not None and self.alarm_seconds < 1:
            raise ValueError("`alarm-seconds` is at least 1")

    def prefetch(self, row: Value, entries: weir.Prefetch) -> None:
        if row.word is not None:
            entries.entry(self.words, Word(row.word))

    def process(self, row: Value, of: weir.KeyContext[None, State]) -> Iterator[Counted | Summary]:
        if of.state is not None and of.state.due is not None and of.state.due <= row.at:
            yield self.summary(of.state, of)
        if of.state is None:
            of.state = State(0, 0)
            if self.alarm_seconds is not None:
                of.state.alarm = after(of.processing_time, self.alarm_seconds, "alarm")
                of.timers.register_processing_time(of.state.alarm)
        state = of.state
        if state.count == 2**64 - 1:
            raise weir.RowError("count is out of range")
        state.count += 1
        state.total = in_range(state.total + row.value, "total")
        times = None
        if row.word is not None:
            found = of.maps.get(self.words, Word(row.word))
            times = (found.times if found else 0) + 1
            of.maps.put(self.words, Word(row.word), Times(times))
        if row.value < 0:
            raise weir.RowError(f"value is {row.value}")
        due = after(row.at, self.gap_seconds, "due")
        if state.due is not None:
            of.timers.delete(state.due)
        state.due = due
        of.timers.register(state.due)
        yield Counted(state.count, state.total, times)

    def on_timer(self, timer: weir.Timer, of: weir.KeyContext[None, State]) -> Iterator[Summary | Alarm]:
        state = of.state
        if state is None:
            return
        total = state.total
        if timer.domain == "event-time" and timer.time == state.due:
            yield self.summary(state, of)
        elif timer.domain == "processing-time" and timer.time == state.alarm:
            yield Alarm(state.count)
            state.alarm = None
        if self.total_max is not None and total > self.total_max:
            raise weir.RowError(f"total is {total}")

    def summary(self, state: State, of: weir.KeyContext[None, State]) -> Summary:
        if state.due is not None:
            of.timers.delete(state.due)
        if state.alarm is not None:
            of.timers.delete_processing_time(state.alarm)
        entries = of.maps.scan(self.words, limit=WORDS_MAX)
        for word, _ in entries:
            of.maps.remove(self.words, word)
        of.state = None
        return Summary(state.count, len(entries), entries[0][0].word if entries else None)

    def migrate(self, from_version: int, states: weir.OldStates) -> list[Optional[State]]:
        if from_version != 1:
            return states.read_whole(State)
        return [None if old is None else State(old.count, 0) for old in states.read(Version1)]


def after(time: int, seconds: int, name: str) -> int:
    """So many seconds later."""
    return in_range(time + seconds * 1_000_000, name)


def in_range(number: int, name: str) -> int:
    """The number, if it is an int64."""
    if not -(2**63) <= number < 2**63:
        raise weir.RowError(f"{name} is out of range")
    return number
