"""Maps: state per key that is read entry by entry. A row sees the changes of the rows before it."""

from __future__ import annotations

from array import array
from typing import Any, Generic, TypeVar, overload

from . import _wire
from ._annotations import DeclarationError
from ._bits import pack
from ._entries import EntryType, message_of, read_found
from ._errors import RowError

K = TypeVar("K")
V = TypeVar("V")


class Map(Generic[K, V]):
    """A map of a keyed operator, declared as an attribute of its class: `visits = weir.Map(str, int)`.

    Keys and values are rows, or single values; without values it is a set. The name, by which checkpoints know it, is the attribute's with
    dashes. A map whose columns change needs another name.
    """

    @overload
    def __init__(self: Map[K, None], key: type[K], *, name: str | None = None) -> None: ...
    @overload
    def __init__(self, key: type[K], value: type[V], *, name: str | None = None) -> None: ...
    @overload
    def __init__(self, key: Any, value: Any = None, *, name: str | None = None) -> None: ...
    def __init__(self, key: Any, value: Any = None, *, name: str | None = None) -> None:
        self.declared = (key, value)
        self.name = name or ""
        self._types: tuple[EntryType, EntryType] | None = None

    def __set_name__(self, owner: Any, attribute: str) -> None:
        if not self.name:
            self.name = attribute.strip("_").replace("_", "-")

    def types(self) -> tuple[EntryType, EntryType]:
        """The types of keys and values."""
        if self._types is None:
            where = f"the map {self.name!r}"
            key = EntryType(self.declared[0], "key", where)
            if not key.fields():
                raise DeclarationError(f"{where}: its keys have no column")
            self._types = key, EntryType(self.declared[1], "value", where)
        return self._types

    def layout(self) -> Any:
        """What `plan.maps` says of it."""
        key, value = self.types()
        return _wire.MapLayout(self.name, key.fields(), value.fields())


class _Lent:
    """Where entries are read: the host, or in native tests what lends them for a call."""

    host: Any = _wire.maps if _wire.IN_COMPONENT else None


def lend(host: Any) -> None:
    """Makes calls read maps from `host`."""
    _Lent.host = host


class MapsOfCall:
    """The maps during a call."""

    def __init__(self, declared: list[Map[Any, Any]], reads: dict[Any, Any]) -> None:
        self.declared = declared
        self._indices = {id(map): at for at, map in enumerate(declared)}
        #: By map, key and order of the entry: a list of its value or an empty one, as the host has it.
        self.reads = reads
        #: What was changed, in the same way: the entry's key and its value.
        self.changes: dict[tuple[int, int, Any], tuple[Any, list[Any]]] = {}
        self._undo: list[tuple[Any, Any]] = []

    def index(self, map: Map[Any, Any]) -> int:
        """Where a map is in the plan."""
        try:
            return self._indices[id(map)]
        except KeyError:
            raise DeclarationError(f"the map {map.name!r} is no attribute of the operator's class") from None

    def order(self, index: int, entry: Any) -> Any:
        """What has the order of the keys of a map. Raises `BadValue` if it cannot have such a key."""
        map = self.declared[index]
        keys = map.types()[0]
        keys.check(entry, f"a key of the map {map.name!r}")
        return keys.order(entry)

    def get(self, index: int, key: int, entry: Any) -> list[Any]:
        """A list of the value of an entry, or an empty one."""
        at = (index, key, self.order(index, entry))
        changed = self.changes.get(at)
        if changed is not None:
            return changed[1]
        if at not in self.reads:
            self.read(index, [(key, entry)])
        return self.reads[at]  # type: ignore[no-any-return]

    def set(self, index: int, key: int, entry: Any, value: list[Any]) -> None:
        """Changes an entry; an empty list removes it."""
        map = self.declared[index]
        keys, values = map.types()
        entry = keys.kept(entry, f"a key of the map {map.name!r}")
        kept = [values.kept(item, f"a value of the map {map.name!r}") for item in value]
        at = (index, key, keys.order(entry))
        self._undo.append((at, self.changes.get(at)))
        self.changes[at] = (entry, kept)

    def read(self, index: int, wanted: list[tuple[int, Any]]) -> None:
        """Reads entries of a map, each with its key, at once."""
        keys, values = self.declared[index].types()
        nodes = keys.write([entry for _, entry in wanted])
        try:
            found = _Lent.host.get(index, array("I", [key for key, _ in wanted]).tobytes(), nodes)
        except _wire.Err as error:
            raise RowError(message_of(error)) from None
        for (key, entry), value in zip(wanted, read_found(values, found, len(wanted))):
            self.reads[(index, key, keys.order(entry))] = value

    def mark(self) -> int:
        """Where changes can be taken back to."""
        return len(self._undo)

    def take_back(self, mark: int) -> None:
        """Takes back the changes since a mark."""
        while len(self._undo) > mark:
            at, before = self._undo.pop()
            if before is None:
                del self.changes[at]
            else:
                self.changes[at] = before

    def scan(self, index: int, key: int, lower: Any, upper: Any, with_upper: bool, limit: int) -> list[tuple[Any, Any]]:
        """Merges what the host has with what was changed."""
        keys, values = self.declared[index].types()
        least = None if lower is None else keys.order(lower)
        greatest = None if upper is None else keys.order(upper)
        if least is not None and greatest is not None and (least > greatest or (least == greatest and not with_upper)):
            return []

        def is_below(order: Any) -> bool:
            return greatest is None or order < greatest or (with_upper and order == greatest)

        mine = [(at[2], found) for at, found in self.changes.items() if at[0] == index and at[1] == key]
        changed = [(order, found) for order, found in mine if (least is None or order >= least) and is_below(order)]
        changed.sort(key=lambda change: change[0])
        bounds = _wire.maps
        after = bounds.Bound_Unbounded() if lower is None else bounds.Bound_Included(keys.write([lower]))
        end = bounds.Bound_Unbounded()
        if upper is not None:
            end = (bounds.Bound_Included if with_upper else bounds.Bound_Excluded)(keys.write([upper]))
        found: list[tuple[Any, Any]] = []
        page: list[tuple[Any, Any, Any]] = []
        is_over, at, own = False, 0, 0
        while len(found) < limit:
            if at == len(page) and not is_over:
                page, at = self._page(index, key, after, end, limit - len(found)), 0
                is_over = not page or not self._more
                if page:
                    after = bounds.Bound_Excluded(keys.write([page[-1][1]]))
                continue
            if at == len(page) and own == len(changed):
                break
            if own < len(changed) and (at == len(page) or changed[own][0] <= page[at][0]):
                order, (entry, value) = changed[own]
                at += at < len(page) and page[at][0] == order
                own += 1
                found.extend((keys.freeze(entry), values.freeze(item)) for item in value)
            else:
                found.append(page[at][1:])
                at += 1
        return found

    def _page(self, index: int, key: int, after: Any, end: Any, limit: int) -> list[tuple[Any, Any, Any]]:
        keys, values = self.declared[index].types()
        try:
            page = _Lent.host.scan(index, key, after, end, limit)
        except _wire.Err as error:
            raise RowError(message_of(error)) from None
        self._more = page.more
        entries = keys.read(page.entry_keys, page.entries)
        return [(keys.order(entry), entry, value) for entry, value in zip(entries, values.read(page.values, page.entries))]

    def finish(self) -> list[Any]:
        """What changed. Any exception means that an entry cannot be kept."""
        changes = []
        for index, map in enumerate(self.declared):
            keys, values = map.types()
            mine = [(at[1], found) for at, found in self.changes.items() if at[0] == index]
            if not mine:
                continue
            mine.sort(key=lambda change: change[0])
            present = [bool(value) for _, (_, value) in mine]
            blank = values.blank()
            packed = array("I", [key for key, _ in mine]).tobytes()
            nodes = keys.write([entry for _, (entry, _) in mine])
            of_values = values.write([value[0] if value else blank for _, (_, value) in mine])
            changes.append(_wire.keyed.MapChanges(index, packed, nodes, pack(present), of_values))
        return changes


class Maps:
    """The maps as one row (or timer) sees them: the entries of its key."""

    def __init__(self, of_call: MapsOfCall) -> None:
        self._of_call = of_call
        self._of: Any = None

    @overload
    def get(self, map: Map[K, V], key: K) -> V | None: ...
    @overload
    def get(self, map: Map[K, V], key: K, default: V) -> V: ...
    def get(self, map: Map[K, V], key: K, default: V | None = None) -> V | None:
        """The value of an entry, or `default`. A value that is changed must be put back."""
        index = self._of_call.index(map)
        found = self._of_call.get(index, self._of._key, key)
        return map.types()[1].freeze(found[0]) if found else default

    def has(self, map: Map[K, V], key: K) -> bool:
        """Whether an entry is there."""
        return bool(self._of_call.get(self._of_call.index(map), self._of._key, key))

    def put(self, map: Map[K, V], key: K, value: V | None = None) -> None:
        """Sets an entry; a set has no value."""
        self._of_call.set(self._of_call.index(map), self._of._key, key, [value])

    def remove(self, map: Map[K, V], key: K) -> None:
        """Removes an entry, if it is there."""
        self._of_call.set(self._of_call.index(map), self._of._key, key, [])

    def scan(
        self, map: Map[K, V], start: K | None = None, stop: K | None = None, *, limit: int, with_stop: bool = False
    ) -> list[tuple[K, V]]:
        """The first entries from `start` up to `stop`, which is not among them without `with_stop`, at most `limit`, in their order."""
        return self._of_call.scan(self._of_call.index(map), self._of._key, start, stop, with_stop, limit)


class Prefetch:
    """Entries that rows of a batch will look at, so that the host is asked for all of them at once."""

    def __init__(self, of_call: MapsOfCall) -> None:
        self._of_call = of_call
        self._key = 0
        self._wanted: dict[int, dict[Any, tuple[int, Any]]] = {}

    def entry(self, map: Map[K, V], key: K) -> None:
        """Names an entry of the row's key. It is read before the first row is processed."""
        index = self._of_call.index(map)
        order = self._of_call.order(index, key)
        if (index, self._key, order) not in self._of_call.reads:
            self._wanted.setdefault(index, {})[(self._key, order)] = (self._key, key)

    def _read(self) -> None:
        for index, wanted in self._wanted.items():
            try:
                self._of_call.read(index, list(wanted.values()))
            except RowError:
                # Too large to be read at once: each row reads its own.
                pass
