"""Makes what the SDK keeps of the contract: copies of `wit/`, and the bindings for native tests and type checkers.

PYTHONPATH=TOOLCHAIN python3 generate.py          # writes src/weir/wit and src/weir/_bindings
PYTHONPATH=TOOLCHAIN python3 generate.py --check  # exits with 1 if they are not those of wit/
"""

from __future__ import annotations

import filecmp
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SDK = Path(__file__).resolve().parent
CONTRACT = SDK.parent.parent / "wit"
WIT = SDK / "src" / "weir" / "wit"
BINDINGS = SDK / "src" / "weir" / "_bindings"
# One set of bindings has all three worlds; the folders are those that the SDK imports.
WORLD = "world sdk { include transform-operator; include keyed-operator; include aggregate-operator; }\n"
KEPT = ("wit_world", "componentize_py_types.py")
SCRIPT = "import sys, componentize_py; sys.exit(componentize_py.script())"


def generate(folder: Path) -> None:
    """Writes the copies and the bindings into a folder."""
    wit = folder / "wit"
    wit.mkdir()
    for file in sorted(CONTRACT.glob("*.wit")):
        shutil.copy(file, wit)
    with tempfile.TemporaryDirectory() as draft:
        joined = Path(draft) / "wit"
        shutil.copytree(wit, joined)
        (joined / "worlds.wit").write_text((joined / "worlds.wit").read_text() + WORLD)
        made = Path(draft) / "bindings"
        arguments = ["-d", str(joined), "-w", "sdk", "bindings", str(made)]
        subprocess.run([sys.executable, "-c", SCRIPT, *arguments], check=True)
        for name in KEPT:
            source = made / name
            if source.is_dir():
                shutil.copytree(source, folder / "_bindings" / name)
            else:
                shutil.copy(source, folder / "_bindings" / name)


def differences(left: Path, right: Path) -> list[str]:
    """The files that are not the same in both folders."""
    names = {path.relative_to(root) for root in (left, right) for path in root.rglob("*") if path.suffix in (".py", ".wit", ".pyi")}
    return [str(name) for name in sorted(names) if not _same(left / name, right / name)]


def _same(left: Path, right: Path) -> bool:
    return left.exists() and right.exists() and filecmp.cmp(left, right, shallow=False)


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        if "--check" in sys.argv:
            stale = [f"{kept.relative_to(SDK)}/{name}" for kept in (WIT, BINDINGS) for name in differences(Path(folder) / kept.name, kept)]
            for name in stale:
                print(f"{name} is not that of wit/: run sdk/python/generate.py", file=sys.stderr)
            return 1 if stale else 0
        for kept in (WIT, BINDINGS):
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(Path(folder) / kept.name, kept)
    return 0


if __name__ == "__main__":
    sys.exit(main())
