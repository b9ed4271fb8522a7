"""Why a row is refused: an exception in the author's words, with its place in the author's file."""

from __future__ import annotations

import os
import sys
from typing import Any

_SDK = os.path.dirname(os.path.abspath(__file__)) + os.sep
_LIBRARY = os.path.dirname(os.path.abspath(os.__file__)) + os.sep
# The module `traceback` is not used: it reads source files, and a component has none.


class RowError(Exception):
    """Refuses the row that is being processed: `raise weir.RowError("the price is negative")`.

    Any other exception refuses it too; its reason then has the type of the exception and the place.
    """


def reason_of(error: BaseException) -> str:
    """What is said of a row that made an exception."""
    if isinstance(error, RowError):
        return str(error)
    text = str(error)
    text = f"{type(error).__name__}: {text}" if text else type(error).__name__
    place = place_of(error)
    return f"{text} ({place})" if place else text


def place_of(error: BaseException) -> str | None:
    """`main.py:33, in process`: the innermost place in the author's files."""
    at = error.__traceback__
    found: Any = None
    while at is not None:
        if _is_authors(at.tb_frame.f_code.co_filename):
            found = at
        at = at.tb_next
    if found is None:
        return None
    code = found.tb_frame.f_code
    return f"{short_path(code.co_filename)}:{found.tb_lineno}, in {code.co_name}"


def _is_authors(path: str) -> bool:
    return not path.startswith(("<", _SDK)) and (not path.startswith(_LIBRARY) or "site-packages" in path)


def short_path(path: str) -> str:
    """A path as seen from the folder that its module was found in."""
    folders: list[str] = [os.path.abspath(folder or ".") + os.sep for folder in sys.path]
    fitting = [folder for folder in folders if path.startswith(folder)]
    return path[len(max(fitting, key=len)) :] if fitting else path
