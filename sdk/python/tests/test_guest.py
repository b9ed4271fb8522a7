"""The component's side natively, with nothing to import, no files and no clock: what a component has."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SDK = Path(__file__).resolve().parent.parent

PRELUDE = """
import sys, types
sys.path[:0] = [{bindings!r}, {src!r}, {project!r}]
host = types.ModuleType("componentize_py_runtime")
host.call_import = lambda *arguments: said.append(arguments)
said = []
sys.modules["componentize_py_runtime"] = host
from weir import _guest
_guest.load("main", None)
from wit_world.imports import types as wire
"""


def run(project: Path, script: str) -> str:
    """What a script prints that runs behind the import of a project's operator."""
    prelude = PRELUDE.format(bindings=str(SDK / "src" / "weir" / "_bindings"), src=str(SDK / "src"), project=str(project))
    ran = subprocess.run([sys.executable, "-c", prelude + script], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


TRANSFORM = """
import array
out = sys.__stdout__
operator = _guest.Transform()
out.write(operator.about().title + "\\n")
mode = wire.ChangelogMode.INSERT_ONLY
def column(name, format): return wire.Field(name, format, True, 0)
try:
    operator.describe('{"a": 1}', [wire.Input("main", [column("dep_delay", "l")], [], mode)])
except Exception as error:
    out.write(error.value + "\\n")
plan = operator.describe('{"late-after-minutes": 3}', [wire.Input("main", [column("url", "u"), column("dep_delay", "l")], [], mode)])
out.write(f"{plan.reads} {[output.name for output in plan.outputs]}\\n")
delays = wire.Node(4, 0, [b"", array.array("q", [1, 5, -2000, 6]).tobytes()])
answer = operator.process(0, wire.Batch(4, [delays], b"", b""))
out.write(f"{answer.outputs[0].rows} {answer.outputs[0].computed[0].buffers[1].hex()}\\n")
for failure in answer.rejected:
    out.write(f"{failure.row}: {failure.reason}\\n")
"""


def test_transform_answers_as_the_contract_says() -> None:
    told = run(SDK / "template" / "transform", TRANSFORM).splitlines()
    assert told == [
        "Late flights",
        "config: unknown field `a`, expected `late-after-minutes`",
        "[[1]] ['main']",
        "Selection_Indices(value=b'\\x00\\x00\\x00\\x00\\x01\\x00\\x00\\x00\\x03\\x00\\x00\\x00') 06",
        "2: it left 2000 minutes before its time",
    ]


FORBIDDEN = """
import time
from typing import Optional
import weir

@weir.row
class Row:
    what: int

@weir.transform
def forbidden(row: Row) -> Optional[Row]:
    if row.what == 0:
        time.time()
    if row.what == 1:
        import sqlite3
    if row.what == 2:
        open("x")
    print("seen", row.what)
    return row
"""


def test_what_a_component_lacks_is_named(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(FORBIDDEN)
    script = (
        TRANSFORM.replace('{"late-after-minutes": 3}', "{}")
        .replace("[1, 5, -2000, 6]", "[0, 1, 2, 3]")
        .replace('"dep_delay"', '"what"')
        .replace("operator.about().title", '""')
    )
    told = run(tmp_path, script)
    assert "0: NotInComponent: time.time: an operator has no clock" in told and "main.py:13, in forbidden" in told
    assert "1: ModuleNotFoundError" in told or "1: ImportError: sqlite3 is imported while the operator runs" in told
    assert "2: NotInComponent: builtins.open: an operator has no files" in told
