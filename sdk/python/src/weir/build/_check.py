"""Imports the operator natively first: that takes a moment, and says most of what is wrong in Python's own words."""

from __future__ import annotations

import dataclasses
import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._project import Project

_SOURCES = str(Path(__file__).resolve().parent.parent.parent)
#: Takes the working folder from the path: a file there may have the name of a module of Python's.
SAFE_PATH = "import sys; sys.path[:] = filter(None, sys.path)"


class BuildError(Exception):
    """The component cannot be built; the message is for the author."""


@dataclasses.dataclass
class Found:
    """The operator of a project."""

    name: str
    world: str


def find_operator(project: Project) -> Found:
    """Imports the project's module in a process of its own. Raises `BuildError` in the author's terms."""
    arguments = [str(project.folder), json.dumps(project.paths), project.module, project.operator or ""]
    script = f"{SAFE_PATH}; sys.path.insert(0, {_SOURCES!r}); from weir.build._check import report; report(*sys.argv[1:])"
    ran = subprocess.run([sys.executable, "-B", "-c", script, *arguments], capture_output=True, text=True, cwd=project.folder)
    line = ran.stdout.splitlines()[-1] if ran.stdout else ""
    try:
        told: dict[str, Any] = json.loads(line)
    except ValueError:
        raise BuildError(f"{project.module}.py ends Python:\n{(ran.stderr or ran.stdout).strip()}") from None
    if "error" in told:
        raise BuildError(told["error"])
    return Found(told["name"], told["world"])


def report(folder: str, paths: str, module: str, operator: str) -> None:
    """Prints as JSON which operator there is, or what is wrong."""
    folders = [folder, *(str(Path(folder) / path) for path in json.loads(paths))]
    # Behind Python's own modules, before those that are installed.
    installed = [at for at, path in enumerate(sys.path) if path.endswith(("site-packages", "dist-packages"))]
    own = sys.path.index(str(Path(dataclasses.__file__).parent))
    at = next((at for at in installed if at > own), len(sys.path))
    sys.path[at:at] = folders
    try:
        importlib.import_module(module)
        print("\n" + json.dumps(_found(module, operator)))
    except BaseException as error:
        from ._message import message_of

        print("\n" + json.dumps({"error": message_of(error, folder)}))


def _found(module: str, operator: str) -> dict[str, str]:
    from .._registry import operators

    named = [found for found in operators if not operator or found.name == operator]
    if len(named) == 1:
        return {"name": named[0].name, "world": named[0].world}
    if not operators:
        return {
            "error": f"{module}.py declares no operator: decorate a function or class with @weir.transform, @weir.keyed or @weir.aggregate"
        }
    names = ", ".join(found.name for found in operators)
    if operator:
        return {"error": f"{module}.py has no operator {operator}; it declares {names}"}
    return {
        "error": f"{module}.py declares several operators ({names}): name one in pyproject.toml:\n"
        f'[tool.weir]\noperator = "{module}:{operators[0].name}"'
    }
