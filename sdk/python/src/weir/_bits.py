"""Arrow's bitmaps (one bit per value, least significant first), packed and unpacked without a loop over the values."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, compress, islice

_INVERTED = bytes(255 - byte for byte in range(256))
_BITS = [tuple(bool(byte >> bit & 1) for bit in range(8)) for byte in range(256)]
# Eight bytes that are 0 or 1, as one little-endian integer times this, have their bits side by side in the top byte.
_GATHER = sum(1 << (56 - 7 * bit) for bit in range(8))


def unpack(bits: bytes, length: int) -> list[bool]:
    """The bits as booleans; unset past the end."""
    needed = (length + 7) >> 3
    if len(bits) < needed:
        bits = bytes(bits).ljust(needed, b"\0")
    return list(islice(chain.from_iterable(map(_BITS.__getitem__, bits)), length))


def null_positions(validity: bytes, length: int) -> list[int]:
    """Where a validity says that there is a null."""
    needed = (length + 7) >> 3
    inverted = bytes(validity[:needed]).ljust(needed, b"\0").translate(_INVERTED)
    return list(compress(range(length), chain.from_iterable(map(_BITS.__getitem__, inverted))))


def pack(flags: Iterable[int]) -> bytes:
    """Booleans (or 0 and 1) as bits."""
    data = bytes(flags)
    length = len(data)
    if length & 7:
        data = data.ljust((length | 7) + 1, b"\0")
    return bytes([word * _GATHER >> 56 & 255 for word in memoryview(data).cast("Q")])


def without_nulls(values: list[object], filler: object) -> tuple[bytes, int, list[object]]:
    """The validity, the number of nulls, and the values with something in the place of each null."""
    nulls = values.count(None)
    if not nulls:
        return b"", 0, values
    validity = pack([value is not None for value in values])
    return validity, nulls, [filler if value is None else value for value in values]
