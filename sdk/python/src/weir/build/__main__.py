"""The command: finds the operator, puts it and the interpreter into a component, and says what is wrong in the author's terms."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from ._check import SAFE_PATH, BuildError, Found, find_operator
from ._message import authors_message
from ._project import Project
from ._returns import mend

_SDK = Path(__file__).resolve().parent.parent
_SCRIPT = f"{SAFE_PATH}; import componentize_py; sys.exit(componentize_py.script())"
# What only tests and builds need is not in a component.
_NATIVE_ONLY = ("testing", "build", "_bindings", "wit", "__pycache__", "py.typed")


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; gives its exit code."""
    parser = argparse.ArgumentParser(prog="python -m weir.build", description="Builds the component of a project.")
    parser.add_argument("--project", type=Path, required=True, help="the folder with pyproject.toml and main.py")
    parser.add_argument("--out", type=Path, required=True, help="the component")
    parser.add_argument("--toolchain", type=Path, help="the folder (or venv) that componentize-py is installed in")
    options = parser.parse_args(arguments)
    try:
        found = build(options.project, options.out, options.toolchain)
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{found.name}: {found.world} operator")
    return 0


def build(folder: Path, out: Path, toolchain: Path | None) -> Found:
    """Builds the component. Raises `BuildError` with a message for the author."""
    project = Project.read(folder)
    found = find_operator(project)
    environment = _environment(toolchain)
    with tempfile.TemporaryDirectory(prefix="weir-build-") as draft:
        app, sdk, sources = Path(draft) / "app", Path(draft) / "sdk", Path(draft) / "project"
        app.mkdir()
        shutil.copytree(_SDK, sdk / "weir", ignore=shutil.ignore_patterns(*_NATIVE_ONLY))
        project.stage(sources)
        exported = found.world.capitalize()
        load = f"load({project.module!r}, {found.name!r})"
        (app / "weir_app.py").write_text(f"from weir._guest import {exported}, load\n\n{load}\n__all__ = [{exported!r}]\n")
        component = Path(draft) / "component.wasm"
        paths = [app, sources, *(sources / path for path in project.paths), sdk]
        command = [sys.executable, "-c", _SCRIPT, "-d", str(_SDK / "wit"), "-w", f"{found.world}-operator", "componentize"]
        command += ["--stub-wasi", "weir_app", "-o", str(component)]
        for path in paths:
            command += ["-p", str(path)]
        ran = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if ran.returncode != 0 or not component.exists():
            raise BuildError(authors_message(ran.stdout, project))
        out.parent.mkdir(parents=True, exist_ok=True)
        # The old component stays until the new one is complete.
        beside = out.with_name(out.name + ".new")
        beside.write_bytes(mend(component.read_bytes()))
        os.replace(beside, out)
    return found


def _environment(toolchain: Path | None) -> dict[str, str]:
    environment = dict(os.environ)
    if toolchain is not None:
        folders = [toolchain, *sorted(toolchain.glob("lib/python*/site-packages"))]
        earlier = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = os.pathsep.join([*map(str, folders), *([earlier] if earlier else [])])
    probe = subprocess.run([sys.executable, "-c", f"{SAFE_PATH}; import componentize_py"], env=environment, capture_output=True, text=True)
    if probe.returncode != 0:
        wanted = next((line for line in _toolchain_lines() if line.startswith("componentize-py")), "componentize-py")
        reason = probe.stderr.strip().splitlines()[-1:] or ["it cannot be imported"]
        raise BuildError(f"the toolchain lacks {wanted}: {reason[0]}\ninstall it with: weir toolchain install python")
    return environment


def _toolchain_lines() -> list[str]:
    path = _SDK.parent.parent / "toolchain.txt"
    return [line.split("\\")[0].strip() for line in path.read_text().splitlines()] if path.exists() else []


if __name__ == "__main__":
    sys.exit(main())
