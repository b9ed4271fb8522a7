"""An operator with keys over record batches of pyarrow. Its caller keeps the states, as bytes, by key group."""

import ctypes
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from ._library import WeirError, failure, library
from ._operator import Operator, Structures

KEY_GROUPS = 64

_NONE = -(2**63)
_NEVER = 2**63 - 1


def column_names(argument: str, names: str | Sequence[str]) -> list[str]:
    """The names of columns that an argument has: one, or several."""
    if isinstance(names, str):
        return [names]
    if not isinstance(names, Sequence) or not all(isinstance(name, str) for name in names):
        raise WeirError(f"{argument} is the name of a column, or a list of names, not {names!r}")
    return list(names)


class Due(NamedTuple):
    """When an operator wants to be called although no rows come; microseconds since 1970, or ``None``: never."""

    watermark: int | None
    clock: int | None


class KeyedOperator(Operator):
    """A component that keeps state per key, opened for rows with the columns of ``schema``, of which ``keys`` are the key.

    The operator has one state at a time: that of all keys whose rows it was given since :meth:`begin`. To keep few keys in memory at a
    time, divide rows by :meth:`groups`, and states with them. ``ttl`` says when the state of a key expires, as in a pipeline file.
    Everything else is as in :class:`Operator`.

    Raises :class:`WeirError` if the component cannot run over these columns.
    """

    def __init__(
        self,
        component: bytes,
        schema: pa.Schema,
        *,
        keys: str | Sequence[str],
        key_groups: int = KEY_GROUPS,
        ttl: str | Mapping[str, Any] | None = None,
        name: str = "operator",
        config: Mapping[str, Any] | None = None,
        on_error: str = "fail",
        event_time: str | None = None,
        limits: Mapping[str, Any] | None = None,
    ) -> None:
        options = {"name": name, "config": config, "on-error": on_error, "event-time": event_time, "limits": limits}
        keyed = {"keys": column_names("keys", keys), "key-groups": key_groups, "ttl": ttl}
        self._open(component, schema, options | keyed)

    def groups(self, rows: pa.RecordBatch) -> pa.Array:
        """The key group of each row, from 0 to below ``key_groups``: always the same for the same key."""
        given, found = Structures(), Structures()
        rows._export_to_c(given.array, given.schema)
        if library().weir_operator_groups(self._number, given.array, given.schema, found.array, found.schema) < 0:
            raise failure()
        return pa.Array._import_from_c(found.array, found.schema)

    def begin(self, state: bytes | None = None, *, now: int | None = None) -> None:
        """Begins with what :meth:`state` gave, or with nothing; what the operator had is dropped.

        ``now`` is where its clock stands until the next ``begin``, in microseconds since 1970; without it that is the machine's clock.
        """
        if library().weir_operator_begin(self._number, state, len(state or b""), _NONE if now is None else now) < 0:
            raise failure()

    def advance_to(self, watermark: int | None) -> dict[str, list[pa.RecordBatch]]:
        """Has timers fire that are due: by the clock, and by a watermark in microseconds since 1970, if there is one."""
        return self._emitted(library().weir_operator_advance(self._number, _NONE if watermark is None else watermark))

    def end(self) -> dict[str, list[pa.RecordBatch]]:
        """Nothing follows: all timers of event time fire. Afterwards only :meth:`begin` may be called."""
        return self._emitted(library().weir_operator_end(self._number))

    def state(self) -> bytes | None:
        """The states and timers of all keys, for :meth:`begin`, also of another version of the component; ``None``: there are none."""
        address = ctypes.c_void_p()
        count = library().weir_operator_state(self._number, ctypes.byref(address))
        if count < 0:
            raise failure()
        return ctypes.string_at(address.value, count) if count and address.value else None

    def due(self) -> Due:
        """When its next timers are due."""
        watermark, clock = ctypes.c_int64(), ctypes.c_int64()
        if library().weir_operator_due(self._number, ctypes.byref(watermark), ctypes.byref(clock)) < 0:
            raise failure()
        return Due(*(None if time.value == _NEVER else time.value for time in (watermark, clock)))
