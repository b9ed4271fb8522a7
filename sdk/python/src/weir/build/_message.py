"""An exception as an author reads it: the place in the author's file, the line, the message; nothing of the tools behind it."""

from __future__ import annotations

import re
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._project import Project


def message_of(error: BaseException, folder: str) -> str:
    """`main.py:12: NameError: name 'price' is not defined`, and the line."""
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if isinstance(error, SyntaxError) and error.filename:
        line = f"\n    {error.text.strip()}" if error.text else ""
        return f"{_relative(error.filename, folder)}:{error.lineno}: {type(error).__name__}: {error.msg}{line}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _within(frame.filename, folder)]
    if not frames:
        return text
    frame = frames[-1]
    line = f"\n    {frame.line}" if frame.line else ""
    return f"{_relative(frame.filename, folder)}:{frame.lineno}: {text}{line}"


def authors_message(output: str, project: Project) -> str:
    """What of the output of componentize-py an author needs."""
    lines = output.splitlines()
    starts = [at for at, line in enumerate(lines) if line.strip().startswith("Traceback (most recent call last)")]
    error = next(
        (
            line.strip()
            for line in reversed(lines[starts[-1] :] if starts else lines)
            if re.match(r"\s*[A-Za-z_.]+(Error|Exception)\b", line)
        ),
        None,
    )
    if error is None:
        return "componentize-py failed:\n" + "\n".join(line for line in lines if line.strip())
    place = _last_place(lines, project)
    message = f"{place}: {error}" if place else error
    if re.match(r"(ModuleNotFound|Import)Error", error):
        message += (
            "\nA component has Python's standard library and the folders of [tool.weir] paths. Install pure Python packages there with: "
            "pip install --target vendor NAME; packages with native code do not work."
        )
    return message


def _last_place(lines: list[str], project: Project) -> str | None:
    place = None
    for line in lines:
        found = re.search(r'File "([^"]+)", line (\d+)', line)
        if found:
            for depth in range(1, len(Path(found[1]).parts)):
                relative = Path(*Path(found[1]).parts[depth:])
                if (project.folder / relative).is_file():
                    place = f"{relative}:{found[2]}"
                    break
    return place


def _within(path: str, folder: str) -> bool:
    return Path(path).resolve().is_relative_to(Path(folder).resolve())


def _relative(path: str, folder: str) -> str:
    return str(Path(path).resolve().relative_to(Path(folder).resolve())) if _within(path, folder) else path
