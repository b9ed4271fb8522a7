"""What the build says of projects that cannot be built; it needs no toolchain."""

from __future__ import annotations

from pathlib import Path

import pytest

from weir.build import _returns
from weir.build.__main__ import main
from weir.build._check import BuildError, find_operator
from weir.build._project import Project

HEAD = "import weir\n\n@weir.row\nclass R:\n    x: int\n\n"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import weir\ndef f(:\n", "main.py:2: SyntaxError: invalid syntax\n    def f(:"),
        ("import weir\nx = foo\n", "main.py:2: NameError: name 'foo' is not defined\n    x = foo"),
        ("import weir\nimport not_there\n", "main.py:2: ModuleNotFoundError: No module named 'not_there'"),
        (
            HEAD.replace("int", "complex") + "@weir.transform\ndef f(r: R) -> R:\n    return r\n",
            "DeclarationError: R.x: no column has the type complex",
        ),
        (HEAD, "main.py declares no operator: decorate a function or class with @weir.transform"),
        (HEAD + "@weir.transform\ndef f(r: R) -> R:\n    return r\n\n" * 2, "main.py declares several operators (f, f)"),
        ("raise SystemExit(3)\n", "main.py:1: SystemExit: 3"),
    ],
)
def test_errors_are_the_authors(tmp_path: Path, capsys: pytest.CaptureFixture[str], source: str, message: str) -> None:
    (tmp_path / "main.py").write_text(source)
    assert main(["--project", str(tmp_path), "--out", str(tmp_path / "out.wasm")]) == 1
    printed = capsys.readouterr().err
    assert message in printed and printed.startswith("main.py")
    assert "Traceback" not in printed and not (tmp_path / "out.wasm").exists()


def test_module_is_named_in_pyproject(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.weir]\noperator = "other:g"\npaths = ["vendor"]\n')
    assert main(["--project", str(tmp_path), "--out", "out.wasm"]) == 1
    assert "has no other.py" in capsys.readouterr().err
    (tmp_path / "other.py").write_text(HEAD + "@weir.transform\ndef f(r: R) -> R:\n    return r\n")
    assert main(["--project", str(tmp_path), "--out", "out.wasm"]) == 1
    assert capsys.readouterr().err.startswith("other.py has no operator g; it declares f")


def test_missing_toolchain_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "main.py").write_text(HEAD + "@weir.transform\ndef f(r: R) -> R:\n    return r\n")
    assert main(["--project", str(tmp_path), "--out", "out.wasm", "--toolchain", str(tmp_path)]) == 1
    printed = capsys.readouterr().err
    assert "the toolchain lacks componentize-py==0.25.1" in printed and "weir toolchain install python" in printed


def test_components_of_other_versions_are_not_mended() -> None:
    function = _returns._ALLOCATE + _returns._BETWEEN + _returns._COPY
    mended = _returns.mend(b"\0asm" + function + b"rest")
    assert len(mended) == len(function) + 8 and mended.startswith(b"\0asm\x01") and _returns._TAKE in mended
    for other in (b"\0asm", function + function):
        with pytest.raises(BuildError, match="not the version"):
            _returns.mend(other)


def test_files_with_names_of_pythons_own_modules_disturb_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("json", "queue", "math", "dataclasses", "subprocess", "typing"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('not this one')\n")
    (tmp_path / "prices.py").write_text("import json, math, queue\n\nVAT = 19\n")
    (tmp_path / "main.py").write_text(HEAD + "import prices\n@weir.transform\ndef f(r: R) -> R:\n    return R(prices.VAT)\n")
    monkeypatch.chdir(tmp_path)
    found = find_operator(Project.read(tmp_path))
    assert (found.name, found.world) == ("f", "transform")
    assert main(["--project", ".", "--out", "out.wasm", "--toolchain", str(tmp_path / "none")]) == 1
    assert "No module named 'componentize_py'" in capsys.readouterr().err
