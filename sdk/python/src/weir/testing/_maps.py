"""The maps of an operator under test, and what its reads find in them during a call."""

from __future__ import annotations

from typing import Any

from .. import _wire
from .._bits import pack, unpack

# Few, so that an operator under test has to ask again.
_PAGE_ENTRIES_MAX = 3


class HarnessMaps:
    """The entries of all maps."""

    def __init__(self, maps: list[Any]) -> None:
        self._maps = maps
        #: By map, key and order: the entry's key and value.
        self._entries: dict[tuple[int, int, Any], tuple[Any, Any]] = {}

    def entries(self, index: int) -> dict[int, list[tuple[Any, Any]]]:
        """The entries of a map by key, in their order."""
        found: dict[int, list[tuple[Any, Any]]] = {}
        for (of, key, _), entry in sorted(self._entries.items(), key=lambda item: item[0]):
            if of == index:
                found.setdefault(key, []).append(entry)
        return found

    def during(self, keys: list[int]) -> _Lent:
        """What a call with these keys reads."""
        return _Lent(self._maps, self._entries, keys)

    def commit(self, changes: list[Any], keys: list[int]) -> None:
        """Takes the changes of a call with these keys."""
        for change in changes:
            of_keys, of_values = self._maps[change.map_index].types()
            indices = memoryview(change.keys).cast("I").tolist()
            entry_keys = of_keys.read(change.entry_keys, len(indices))
            values = of_values.read(change.values, len(indices))
            present = unpack(change.present, len(indices)) if change.present else [True] * len(indices)
            for index, entry, value, is_there in zip(indices, entry_keys, values, present):
                at = (change.map_index, keys[index], of_keys.order(entry))
                if is_there:
                    self._entries[at] = (entry, value)
                else:
                    self._entries.pop(at, None)


class _Lent:
    def __init__(self, maps: list[Any], entries: dict[tuple[int, int, Any], tuple[Any, Any]], keys: list[int]) -> None:
        self._maps, self._entries, self._keys = maps, entries, keys

    def get(self, map_index: int, keys: bytes, entry_keys: list[Any]) -> Any:
        of_keys, of_values = self._maps[map_index].types()
        indices = memoryview(keys).cast("I").tolist()
        found = [
            self._entries.get((map_index, self._keys[index], of_keys.order(entry)))
            for index, entry in zip(indices, of_keys.read(entry_keys, len(indices)))
        ]
        values = [of_values.blank() if entry is None else entry[1] for entry in found]
        return _wire.maps.Found(pack([entry is not None for entry in found]), of_values.write(values))

    def scan(self, map_index: int, key: int, lower: Any, upper: Any, limit: int) -> Any:
        of_keys, of_values = self._maps[map_index].types()
        mine = sorted((at[2], entry) for at, entry in self._entries.items() if at[:2] == (map_index, self._keys[key]))
        if not isinstance(lower, _wire.maps.Bound_Unbounded):
            least = of_keys.order(of_keys.read(lower.value, 1)[0])
            excluded = isinstance(lower, _wire.maps.Bound_Excluded)
            mine = [item for item in mine if item[0] > least or (item[0] == least and not excluded)]
        if not isinstance(upper, _wire.maps.Bound_Unbounded):
            greatest = of_keys.order(of_keys.read(upper.value, 1)[0])
            included = isinstance(upper, _wire.maps.Bound_Included)
            mine = [item for item in mine if item[0] < greatest or (item[0] == greatest and included)]
        page = [entry for _, entry in mine[: min(limit, _PAGE_ENTRIES_MAX)]]
        keys_of, values_of = of_keys.write([entry for entry, _ in page]), of_values.write([value for _, value in page])
        return _wire.maps.Page(len(page), keys_of, values_of, len(page) < len(mine))
