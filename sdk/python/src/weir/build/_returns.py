"""Mends how a component of componentize-py 0.25.1 returns bytes: it copies them into memory that it never frees.

Every buffer of an answer would be lost that way, and an operator would reach its memory limit after some million rows. So the
function that takes bytes out of an answer hands over the bytes themselves: `weir._guest` keeps the answer until the next call. This
changes two places of one function, without changing its length; the build fails if they are not exactly those of the pinned version.
"""

from __future__ import annotations

from ._check import BuildError

_NOP = b"\x01"
# Of `wit_dylib_pop_list`: local 0 is the length, local 4 the pointer that is returned; at 8 behind local 3 is that of the bytes.
_ALLOCATE = bytes.fromhex("20004101 10e782808000 2104")  # local 4 = __rust_alloc(local 0, 1)
_COPY = bytes.fromhex(
    "0240 200045 0d00 2004 20032802 08 2000 fc0a0000 0b"
)  # if local 0 != 0 { memory.copy(local 4, load(local 3 + 8), local 0) }
_TAKE = bytes.fromhex("2003280208 2104")  # local 4 = load(local 3 + 8)
# What is between them: the bytes of the object are asked for, and their length is compared.
_BETWEEN = bytes.fromhex("2003 4108 6a 2001 10f682808000 2000 2003 28020c 2205 47 0d09")


def mend(component: bytes) -> bytes:
    """The component without the copy. Raises `BuildError` if it was made by another version."""
    before = _ALLOCATE + _BETWEEN + _COPY
    after = _NOP * len(_ALLOCATE) + _BETWEEN + _TAKE.ljust(len(_COPY), _NOP)
    if component.count(before) != 1:
        raise BuildError(
            "componentize-py is not the version that this SDK is made for (see toolchain.txt)\n"
            "install it with: weir toolchain install python"
        )
    return component.replace(before, after)
