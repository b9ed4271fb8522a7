"""What a keyed operator sees of the key of a row or timer."""

from __future__ import annotations

import dataclasses
import datetime
from array import array
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from . import _wire
from ._codec import BadValue
from ._scalars import Int
from ._times import from_datetime

if TYPE_CHECKING:
    from ._maps import Maps

K = TypeVar("K")
S = TypeVar("S")

EVENT_TIME = "event-time"
PROCESSING_TIME = "processing-time"
_TIME = Int("timestamp", "l", "q", 64, True)


@dataclasses.dataclass(slots=True)
class Timer:
    """A timer that is due."""

    #: When it was due, microseconds.
    time: int
    #: The clock that it follows: "event-time" or "processing-time".
    domain: str


class Timers:
    """The timers of one key. A timer is its time: registering it twice is registering it once. Times are microseconds or datetimes."""

    def __init__(self, of: KeyContext[Any, Any]) -> None:
        self._of = of
        self.changes: list[tuple[str, int, Any, bool]] = []

    def register(self, time: int | datetime.datetime) -> None:
        """Calls `on_timer` once the watermark has reached `time`."""
        self.changes.append((EVENT_TIME, self._of._key, time, True))

    def delete(self, time: int | datetime.datetime) -> None:
        """Forgets a timer of `register`."""
        self.changes.append((EVENT_TIME, self._of._key, time, False))

    def register_processing_time(self, time: int | datetime.datetime) -> None:
        """Calls `on_timer` once the wall clock has reached `time`; at once, if it is past. At the end of the input it is not called."""
        self.changes.append((PROCESSING_TIME, self._of._key, time, True))

    def delete_processing_time(self, time: int | datetime.datetime) -> None:
        """Forgets a timer of `register_processing_time`."""
        self.changes.append((PROCESSING_TIME, self._of._key, time, False))


class KeyContext(Generic[K, S]):
    """What an operator sees of the key of a row or of a timer."""

    __slots__ = ("key", "state", "maps", "timers", "watermark", "processing_time", "_row", "_key")

    #: The key columns that the class `K` names.
    key: K
    #: The state; `None`: the key has none. What is assigned or changed goes back to the host.
    state: S | None
    #: The key's entries in the maps of the operator.
    maps: Maps
    #: The key's timers.
    timers: Timers
    #: Microseconds; `None` before the first watermark.
    watermark: int | None
    #: The wall clock as the engine sees it, microseconds.
    processing_time: int

    def __init__(self, now: Any, maps: Any) -> None:
        self.key = None  # type: ignore[assignment]
        self.state = None
        self.maps = maps
        self.timers = Timers(self)
        self.watermark = now.watermark
        self.processing_time = now.processing_time
        self._row = self._key = 0


def micros(time: Any) -> int:
    """A time of a timer in microseconds. Raises `BadValue` if it is none."""
    if isinstance(time, datetime.datetime):
        try:
            return from_datetime(time)
        except ValueError as error:
            raise BadValue(f"a timer: {error}") from None
    try:
        _TIME.check(time)
    except BadValue as error:
        raise BadValue(f"the time of a timer: {error}") from None
    return time  # type: ignore[no-any-return]


def timer_changes(changes: list[tuple[str, int, Any, bool]]) -> Any:
    """The changes as the host applies them: deletions first, so only the last of several changes to one timer is kept."""
    last: dict[tuple[str, int, int], bool] = {}
    for domain, key, time, register in changes:
        at = (domain, key, time if type(time) is int else micros(time))
        last.pop(at, None)
        last[at] = register
    return _wire.keyed.TimerChanges(_lists(last, True), _lists(last, False))


def _lists(last: dict[tuple[str, int, int], bool], register: bool) -> list[Any]:
    lists = []
    for domain in (EVENT_TIME, PROCESSING_TIME):
        mine = [at for at, registered in last.items() if registered == register and at[0] == domain]
        if mine:
            keys = array("I", [key for _, key, _ in mine]).tobytes()
            times = array("q", [time for _, _, time in mine]).tobytes()
            lists.append(_wire.keyed.Timers(domain_to_wire(domain), keys, times))
    return lists


def domain_to_wire(domain: str) -> Any:
    """The clock as the contract says it."""
    domains = _wire.keyed.TimeDomain
    return domains.EVENT_TIME if domain == EVENT_TIME else domains.PROCESSING_TIME


def domain_of_wire(domain: Any) -> str:
    """The clock as authors see it."""
    return EVENT_TIME if domain == _wire.keyed.TimeDomain.EVENT_TIME else PROCESSING_TIME
