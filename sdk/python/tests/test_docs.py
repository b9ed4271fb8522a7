"""The examples of the documentation run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

SDK = Path(__file__).resolve().parent.parent
GUIDE = SDK.parent.parent / "docs" / "guide" / "python.md"


def python_blocks(path: Path) -> "list[str]":
    return re.findall(r"^```python\n(.*?)^```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def run(folder: Path, source: str) -> None:
    (folder / "main.py").write_text(source, encoding="utf-8")
    script = f"import sys; sys.path[:0] = [{str(SDK / 'src')!r}, '.']; import main"
    ran = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr


def test_readme(tmp_path: Path) -> None:
    operator, test, visits, cents = python_blocks(SDK / "README.md")
    run(tmp_path, operator + test)
    rows = "from array import array\nfrom typing import ClassVar\nimport weir\n"
    rows += "@weir.row\nclass Visit:\n    page: str\n@weir.row\nclass Counted:\n    count: int\n"
    rows += "@weir.row\nclass Bid:\n    price: int\n@weir.row\nclass InCents:\n    cents: int\n"
    checks = """
from weir import testing
harness = testing.KeyedHarness(Visits(), Visit, [])
assert [row["count"] for row in harness.process([Visit("a"), Visit("b"), Visit("a")]).main()] == [1, 1, 2]
assert testing.transform(cents, [Bid(2)]).main() == [{"cents": 200}]
"""
    run(tmp_path, rows + visits + cents + checks)


def test_guide(tmp_path: Path) -> None:
    operator, test, _ = python_blocks(GUIDE)
    (tmp_path / "barcode.py").write_text(operator, encoding="utf-8")
    run(tmp_path, test.replace("from main", "from barcode") + "\ntest_codes_get_one_form_and_wrong_ones_are_refused()\n")
