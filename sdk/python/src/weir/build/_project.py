"""A project: its folder, the module of its operator, and what of it goes into the component."""

from __future__ import annotations

import dataclasses
import re
import shutil
from pathlib import Path
from typing import Any

from ._check import BuildError

_NOT_STAGED = ("tests", "test", "__pycache__", "node_modules", "venv", "target", "dist", "build")


@dataclasses.dataclass
class Project:
    """What `pyproject.toml` says below `[tool.weir]`."""

    folder: Path
    #: The module with the operator.
    module: str = "main"
    #: The operator among several in the module.
    operator: str | None = None
    #: Folders with packages that the operator imports.
    paths: list[str] = dataclasses.field(default_factory=list)

    @classmethod
    def read(cls, folder: Path) -> Project:
        """Reads it. Raises `BuildError` if it is no project."""
        folder = folder.resolve()
        if not folder.is_dir():
            raise BuildError(f"{folder} is no folder")
        file = folder / "pyproject.toml"
        settings = _settings(file) if file.exists() else {}
        module, _, operator = str(settings.get("operator", "main")).partition(":")
        project = cls(folder, module, operator or None, [str(path) for path in settings.get("paths", [])])
        if not any(project._file(root).exists() for root in ["", *project.paths]):
            raise BuildError(
                f"{folder} has no {module}.py: write the operator there, or name its module in pyproject.toml:\n"
                f'[tool.weir]\noperator = "module"'
            )
        return project

    def _file(self, root: str) -> Path:
        path = self.folder / root / self.module.replace(".", "/")
        return path / "__init__.py" if path.is_dir() else path.with_name(path.name + ".py")

    def stage(self, into: Path) -> None:
        """Copies what the operator may import or read, without tests and environments."""

        def ignored(folder: str, names: list[str]) -> list[str]:
            return [name for name in names if name.startswith(".") or name in _NOT_STAGED or name.endswith((".wasm", ".pyc"))]

        shutil.copytree(self.folder, into, ignore=ignored)


def _settings(file: Path) -> dict[str, Any]:
    text = file.read_text(encoding="utf-8")
    try:
        import tomllib
    except ImportError:  # Python 3.10
        return _simple_settings(text)
    try:
        return dict(tomllib.loads(text).get("tool", {}).get("weir", {}))
    except tomllib.TOMLDecodeError as error:
        raise BuildError(f"{file.name}: {error}") from None


def _simple_settings(text: str) -> dict[str, Any]:
    """The two keys that there are, without a reader of TOML."""
    found = re.search(r"^\[tool\.weir\]\s*$(.*?)(?=^\[|\Z)", text, re.MULTILINE | re.DOTALL)
    section = found[1] if found else ""
    settings: dict[str, Any] = {}
    operator = re.search(r"^operator\s*=\s*\"([^\"]*)\"", section, re.MULTILINE)
    paths = re.search(r"^paths\s*=\s*\[([^\]]*)\]", section, re.MULTILINE)
    if operator:
        settings["operator"] = operator[1]
    if paths:
        settings["paths"] = re.findall(r"\"([^\"]*)\"", paths[1])
    return settings
