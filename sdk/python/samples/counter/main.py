"""A keyed counter with a state, a timer, a map and a migration of its state.

The same operator in every language; this is its meaning.

Input, keyed by some column: word utf8?; value int64; and the event time. Config: `gap-seconds` (int64, at least 1).

- A row with a negative value is refused: "value is -1". It leaves no trace, although the state is changed before it is noticed.
- State, version 2: count uint64, total int64, due timestamp(us, UTC)?; a new key has 0, 0 and null.
- A row whose event time is at or after `due` comes after the timer, which fires behind the batch: first what the timer would do is done.
- A row: count + 1, total + value. If the word is not null, its entry in the map `words` (key utf8 `word`, value int64 `times`) is
  raised by 1, beginning with 0. The event-time timer at `due` is deleted, if there is one; `due` becomes the
  event time plus the gap, and a timer is registered there.
  Main output: all input columns, and count uint64, total int64, times int64? (that of the word).
- A timer at `due`: the side output `summary` gets the key's columns that are called `key`, and count uint64, words int64 (how many entries
  the map has, at most 1,000), first utf8? (the least word). Then the entries are removed, and the state. Any other timer does nothing.
- Version 1 of the state had: count uint32 only. Its total is 0, and nothing is due. Any other version is an error.
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
    due: Optional[weir.Timestamp]


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


WORDS_MAX = 1000


@weir.keyed
class Counter:
    """A counter per key."""

    gap_seconds: int
    VERSION: ClassVar[int] = 2
    words: ClassVar[weir.Map[Word, Times]] = weir.Map(Word, Times)

    def __post_init__(self) -> None:
        if self.gap_seconds < 1:
            raise ValueError("`gap-seconds` is at least 1")

    def prefetch(self, row: Value, entries: weir.Prefetch) -> None:
        if row.word is not None:
            entries.entry(self.words, Word(row.word))

    def process(self, row: Value, of: weir.KeyContext[None, State]) -> Iterator[Counted | Summary]:
        if of.state is not None and of.state.due is not None and of.state.due <= row.at:
            of.timers.delete(of.state.due)
            yield self.summary(of.state, of)
        state = of.state = of.state or State(0, 0, None)
        state.count += 1
        state.total += row.value
        times = None
        if row.word is not None:
            found = of.maps.get(self.words, Word(row.word))
            times = (found.times if found else 0) + 1
            of.maps.put(self.words, Word(row.word), Times(times))
        if row.value < 0:
            raise weir.RowError(f"value is {row.value}")
        if state.due is not None:
            of.timers.delete(state.due)
        state.due = row.at + self.gap_seconds * 1_000_000
        of.timers.register(state.due)
        yield Counted(state.count, state.total, times)

    def on_timer(self, timer: weir.Timer, of: weir.KeyContext[None, State]) -> Iterator[Summary]:
        if of.state is not None and of.state.due == timer.time:
            yield self.summary(of.state, of)

    def summary(self, state: State, of: weir.KeyContext[None, State]) -> Summary:
        entries = of.maps.scan(self.words, limit=WORDS_MAX)
        for word, _ in entries:
            of.maps.remove(self.words, word)
        of.state = None
        return Summary(state.count, len(entries), entries[0][0].word if entries else None)

    def migrate(self, from_version: int, states: weir.OldStates) -> list[Optional[State]]:
        if from_version != 1:
            raise ValueError(f"there is no version {from_version}")
        return [None if old is None else State(old.count, 0, None) for old in states.read(Version1)]
